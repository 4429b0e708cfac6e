"""What a bot at work asks of Python itself, so that nothing holds its engine for longer than it must.

A full collection walks over all that is alive, a tenth of a second for what a bot has imported: that is set apart once
before anything of a tentacle is loaded, for tentacles must go away again. And a thread that computes is asked for the
interpreter's lock sooner, by who waits for it, than after Python's 5 ms.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

SWITCH_S = 0.001


@contextmanager
def tuned_interpreter() -> Iterator[None]:
    """Tune it for the time of a run."""
    before_s = sys.getswitchinterval()
    gc.collect()
    gc.freeze()
    sys.setswitchinterval(SWITCH_S)
    try:
        yield
    finally:
        sys.setswitchinterval(before_s)
        gc.unfreeze()
