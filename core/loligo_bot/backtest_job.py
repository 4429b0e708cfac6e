"""The process of a backtest that the bot has started: it reads what it is given, runs it, leaves its result.

    what.json ─► run ─► result.json        on stdout, a JSON line each: how far it is, a summary, or why it failed

What must hold: it ends when the bot does, whichever way that goes (its standard input ends); the result is there whole
or not at all.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from time import monotonic
from typing import Any

import msgspec

from loligo.errors import DataError, LoligoError
from loligo.log import configure
from loligo.model.events import Record
from loligo.model.timeframe import iso
from loligo_bot.backtest import run_prepared
from loligo_bot.backtest_request import thawed
from loligo_bot.jobs.store import RESULT, WHAT, write
from loligo_lab.result import result_of, summary_of
from loligo_lab.tally import Tally

TELL_EVERY_S = 0.25
LOOK_EVERY = 256  # records between two looks at the clock


def main(home: str, folder: str, number: str, nice: str) -> None:
    """Run one job and end the process: 0, or 1 after telling why not."""
    os.nice(int(nice))
    threading.Thread(target=_end_with_the_bot, daemon=True).start()
    configure(level="error")
    try:
        _run(Path(home), Path(folder))
    except (LoligoError, OSError) as exc:
        _say(failed=str(exc)[:2_000])
        _leave(1)
    _leave(0)


def _run(home: Path, folder: Path) -> None:
    began = monotonic()
    tally, progress = Tally(), Progress()

    def heard(record: Record) -> None:
        tally.add(record)
        progress.look(record.input.ts)

    prepared = thawed((folder / WHAT).read_bytes())
    run = run_prepared(home, prepared, on_record=heard, on_range=progress.covers)
    if not tally.inputs:
        raise DataError("the feeds have no data between since and until: choose another range, or another feed")
    _say(progress=1.0, line="making the report")
    result = {**result_of(run, tally), "took_s": round(monotonic() - began, 3)}
    write(folder / RESULT, msgspec.json.encode(result))
    _say(summary=summary_of(result))


class Progress:
    """How much of the time in the data is behind, told a few times a second of real time."""

    def __init__(self) -> None:
        self._first_ns, self._last_ns = 0, 0
        self._count, self._told_s = 0, 0.0

    def covers(self, first_ns: int, last_ns: int | None) -> None:
        self._first_ns, self._last_ns = first_ns, last_ns or 0
        self._tell(first_ns)

    def look(self, now_ns: int) -> None:
        self._count += 1
        if self._count % LOOK_EVERY == 0 and monotonic() - self._told_s >= TELL_EVERY_S:
            self._tell(now_ns)

    def _tell(self, now_ns: int) -> None:
        self._told_s = monotonic()
        span = self._last_ns - self._first_ns
        share = (now_ns - self._first_ns) / span if span > 0 else None
        _say(progress=share, line=iso(now_ns)[:10])


def _say(**told: Any) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(told) + b"\n")
    sys.stdout.buffer.flush()


def _leave(code: int) -> None:
    """End without the interpreter's farewells: the thread that waits for the bot's end stands in a read."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _end_with_the_bot() -> None:
    while os.read(0, 4096):
        pass
    os._exit(3)
