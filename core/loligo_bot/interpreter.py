"""What a bot at work asks of Python itself, so that nothing holds its engine for longer than it must.

A full collection walks over all that is alive, a tenth of a second for what a bot has imported: that is set apart once
before anything of a tentacle is loaded, for tentacles must go away again. Full collections are also made more seldom;
what swaps leave behind is collected by the leak audit when they are over (`loligo_bot.leaks`). And a thread that
computes is asked for the interpreter's lock, by one that waits for it, sooner than after Python's 5 ms.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

SWITCH_S = 0.001
FULL_EVERY = 50  # collections of the middle generation; Python's own is 10


@contextmanager
def tuned_interpreter() -> Iterator[None]:
    """Tune it for the time of a run."""
    before_s, thresholds = sys.getswitchinterval(), gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*thresholds[:2], FULL_EVERY)
    sys.setswitchinterval(SWITCH_S)
    try:
        yield
    finally:
        sys.setswitchinterval(before_s)
        gc.set_threshold(*thresholds)
        gc.unfreeze()
