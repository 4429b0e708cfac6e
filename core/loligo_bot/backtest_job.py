"""The process of a backtest that the bot has started (`loligo_bot.jobs.work`)."""

from __future__ import annotations

from pathlib import Path
from time import monotonic
from typing import Any

from loligo.errors import DataError
from loligo.model.events import Record
from loligo_bot.backtest import run_prepared
from loligo_bot.backtest_request import thawed
from loligo_bot.jobs.work import Progress, say, work
from loligo_lab.result import result_of, summary_of
from loligo_lab.tally import Tally


def main(home: str, folder: str, _number: str, nice: str) -> None:
    """Run one job and end the process."""
    work(_run, home, folder, nice)


def _run(home: Path, given: bytes) -> tuple[Any, dict[str, Any]]:
    began = monotonic()
    tally, progress = Tally(), Progress()

    def heard(record: Record) -> None:
        tally.add(record)
        progress.look(record.input.ts)

    run = run_prepared(home, thawed(given), on_record=heard, on_range=progress.covers)
    if not tally.inputs:
        raise DataError("the feeds have no data between since and until: choose another range, or another feed")
    say(progress=1.0, line="making the report")
    result = {**result_of(run, tally), "took_s": round(monotonic() - began, 3)}
    return result, summary_of(result)
