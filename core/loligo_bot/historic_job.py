"""The process of an A/B test over recorded data that the bot has started (`loligo_bot.jobs.work`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from loligo_bot.historic import run_contest
from loligo_bot.historic_papers import historic_document, last_lines, told_of
from loligo_bot.historic_request import contest_thawed
from loligo_bot.interpreter import tuned_interpreter
from loligo_bot.jobs.work import Progress, work


def main(home: str, folder: str, _number: str, nice: str) -> None:
    """Run one test and end the process."""
    work(_run, home, folder, nice)


def _run(home: Path, given: bytes) -> tuple[Any, dict[str, Any]]:
    contest = contest_thawed(given)
    with tuned_interpreter():
        found = run_contest(home, contest, Progress().reaches)
    document = historic_document(found, is_cross_checked=len(contest.experiment.arms) > 2)
    told = told_of(document, found)
    lines = [f"{contest.name}: {told['headline']}", told["sentence"], *last_lines(told)]
    return {"told": told, "lines": lines, "document": document}, {"verdict": told["headline"]}
