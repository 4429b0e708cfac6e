"""The process of a cross-check that the bot has started (`loligo_bot.jobs.work`): all arms of a test that has ended, by
the package arch, which takes seconds to import and is not there for everybody."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from loligo_bot.jobs.work import work
from loligo_lab.experiment import Day, Plan, cross_check


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What such a process is given: all that it needs."""

    plan: Plan
    days: list[Day]


def main(home: str, folder: str, _number: str, nice: str) -> None:
    """Run one cross-check and end the process."""
    work(_run, home, folder, nice)


def _run(_home: Path, given: bytes) -> tuple[Any, dict[str, Any]]:
    asked = msgspec.json.decode(given, type=Asked)
    found = msgspec.to_builtins(cross_check(asked.plan, asked.days)) | {"days": len(asked.days)}
    return found, {"verdict": found["words"], **found}
