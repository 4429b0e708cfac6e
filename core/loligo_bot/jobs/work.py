"""Inside the process of a job: it reads what it is given, works, tells how far it is, leaves its result.

    what.json ─► work ─► result.json        on stdout, a JSON line each: how far it is, a summary, or why it failed

What must hold: it ends when the bot does, whichever way that goes (its standard input ends); the result is there whole
or not at all.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any, NoReturn

import msgspec

from loligo.errors import LoligoError
from loligo.log import configure
from loligo.model.timeframe import iso
from loligo_bot.jobs.store import RESULT, WHAT, write

TELL_EVERY_S = 0.25
LOOK_EVERY = 256  # records between two looks at the clock


def work(run: Callable[[Path, bytes], tuple[Any, dict[str, Any]]], home: str, folder: str, nice: str) -> NoReturn:
    """Run one job and end the process: 0, or 1 after telling why not. `run` takes the bot folder and what the job was
    given, and returns its result and the summary for lists."""
    os.nice(int(nice))
    threading.Thread(target=_end_with_the_bot, daemon=True).start()
    configure(level="error")
    try:
        result, summary = run(Path(home), (Path(folder) / WHAT).read_bytes())
        write(Path(folder) / RESULT, msgspec.json.encode(result))
        say(summary=summary)
    except (LoligoError, OSError) as exc:
        say(failed=str(exc)[:2_000])
        _leave(1)
    _leave(0)


def say(**told: Any) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(told) + b"\n")
    sys.stdout.buffer.flush()


class Progress:
    """How much of the time in the data is behind, told a few times a second of real time."""

    def __init__(self) -> None:
        self._first_ns, self._last_ns = 0, 0
        self._count, self._told_s = 0, 0.0

    def covers(self, first_ns: int, last_ns: int | None) -> None:
        self._first_ns, self._last_ns = first_ns, last_ns or 0
        self._tell(first_ns)

    def look(self, now_ns: int, what: str = "") -> None:
        self._count += 1
        if self._count % LOOK_EVERY == 0 and monotonic() - self._told_s >= TELL_EVERY_S:
            self._tell(now_ns, what)

    def reaches(self, share: float) -> None:
        """Tell a share that is known, unless one was told just now."""
        if monotonic() - self._told_s >= TELL_EVERY_S:
            self._told_s = monotonic()
            say(progress=share)

    def _tell(self, now_ns: int, what: str = "") -> None:
        self._told_s = monotonic()
        span = self._last_ns - self._first_ns
        share = (now_ns - self._first_ns) / span if span > 0 else None
        say(progress=share, line=f"{what} {iso(now_ns)[:10]}".strip())


def _leave(code: int) -> NoReturn:
    """End without the interpreter's farewells: the thread that waits for the bot's end stands in a read."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _end_with_the_bot() -> None:
    while os.read(0, 4096):
        pass
    os._exit(3)
