"""Starts a job whenever a cron line says so, by the wall clock in a time zone.

What must hold: each due time starts one job, also across restarts; several that passed unseen start one, or none. Where
the clock is set forward a due time in the gap comes at its end, and where it is set back a fixed hour comes once (both
as Debian's cron; source: cronsim's README).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from pydantic import Field, field_validator

from loligo.api import SECOND_NS, iso
from loligo.api.automation import Act, AutomationSettings, Firing, Standing

LATE_S = 120  # seen later than this, a due time counts as missed
_VERBS = {
    "backtest": "backtest.start",
    "backup": "backup.make",
    "report": "report.write",
    "retry": "jobs.retry",
    "scan": "scan.start",
}
_WORDS = {
    "backtest": "start a backtest",
    "backup": "make a backup",
    "report": "write a report",
    "retry": "retry jobs that failed",
    "scan": "look at watch-only markets",
}


class Settings(AutomationSettings):
    """When, in which zone, and what."""

    most_per_day: int = Field(default=24, ge=1, le=1_000, description="Firings within 24 hours at most.")
    cron: str = Field(
        default="30 6 * * *", description="Minute, hour, day of the month, month, day of the week; as cron has it."
    )
    zone: str = Field(default="UTC", description="Time zone, such as Europe/Berlin.")
    job: Literal["backtest", "backup", "report", "retry", "scan"] = Field(
        default="report", description="What is started."
    )
    arguments: dict[str, Any] = Field(
        default={}, description='What the job is given, such as {"keep": 7} for a backup.'
    )
    missed: Literal["once", "skip"] = Field(
        default="once", description="What passed while the bot was down: started once when it is back, or left out."
    )

    @field_validator("cron")
    @classmethod
    def _is_cron(cls, text: str) -> str:
        if len(text.split()) != 5:
            raise ValueError(f'"{text}": expected five fields, such as "30 6 * * 1-5"')
        try:
            next(CronSim(text, datetime(2026, 1, 1, tzinfo=ZoneInfo("UTC"))))
        except StopIteration as exc:
            raise ValueError(f'"{text}": there is no such day; expected such as "30 6 * * 1-5"') from exc
        except CronSimError as exc:
            raise ValueError(f'"{text}": {exc}; expected such as "30 6 * * 1-5"') from exc
        return text

    @field_validator("zone")
    @classmethod
    def _is_zone(cls, text: str) -> str:
        try:
            ZoneInfo(text)
        except (KeyError, ValueError, OSError) as exc:
            raise ValueError(f'"{text}": expected a time zone such as Europe/Berlin or UTC') from exc
        return text


class Schedule:
    """The automation."""

    state_version = 1

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._about = f"{settings.cron}|{settings.zone}"
        self._next_ns = 0

    def on_time(self, now_ns: int) -> Firing | None:
        if not self._next_ns:
            self._next_ns = self._after(now_ns)
        if now_ns < self._next_ns:
            return None
        due_ns = self._next_ns
        while (later_ns := self._after(due_ns)) <= now_ns:
            due_ns = later_ns
        self._next_ns = later_ns
        is_missed = now_ns - due_ns > LATE_S * SECOND_NS
        if is_missed and self._settings.missed == "skip":
            return None
        why = f"it was due {iso(due_ns)[:16]}" + (", while the bot was down" if is_missed else "")
        return Firing(key=f"due {due_ns}", why=why, acts=self.acts())

    def _after(self, at_ns: int) -> int:
        at = datetime.fromtimestamp(at_ns // SECOND_NS, ZoneInfo(self._settings.zone))
        return int(next(CronSim(self._settings.cron, at)).timestamp()) * SECOND_NS

    def acts(self) -> Sequence[Act]:
        return [Act(verb=_VERBS[self._settings.job], arguments=self._settings.arguments)]

    def standing(self) -> Standing:
        when = CronSim(self._settings.cron, datetime(2026, 1, 1, tzinfo=ZoneInfo("UTC"))).explain()
        missed = "" if self._settings.missed == "once" else ", what was missed is left out"
        words = f"{when} ({self._settings.zone}): {_WORDS[self._settings.job]}{missed}"
        return Standing(words=words, state="waiting", next_at_ns=self._next_ns)

    def export_state(self) -> dict[str, Any]:
        return {"about": self._about, "next_ns": self._next_ns}

    def restore_state(self, state: dict[str, Any]) -> None:
        """Take it back, if the cron line is the same."""
        if state.get("about") == self._about:
            self._next_ns = state["next_ns"]
