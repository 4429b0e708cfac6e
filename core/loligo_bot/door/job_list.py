"""The verb jobs: what runs beside the trading, of whatever kind; whoever wants it new waits for the next change here
instead of asking every second."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from loligo.ports.door import Answer
from loligo_bot.door.inside import Inside
from loligo_bot.door.offer import Arguments, Asked, Offer, looking
from loligo_bot.door.pages import LARGEST, Limit, Part
from loligo_bot.jobs.job import Job, State


class JobRow(Part):
    """One job; times are of the wall clock, "" while there is none."""

    number: int
    kind: str = Field(description="backtest, scan, ...")
    title: str
    state: State
    progress: float | None = Field(description="0 to 1; null: not known")
    line: str = Field(description="how far it is")
    reason: str = Field(description="why it did not end well")
    by: str
    created_at: str
    started_at: str
    ended_at: str


class Jobs(Answer):
    """Jobs, the newest first."""

    version: int = Field(description="counts changes, progress included; begins anew with each run of the bot")
    jobs: list[JobRow]

    def lines(self) -> Sequence[str]:
        return [_line(one) for one in self.jobs] or ["no job yet"]


def _line(one: JobRow) -> str:
    share = f" {one.progress:.0%}" if one.state is State.RUNNING and one.progress is not None else ""
    return f"{one.kind} {one.number} {one.title}: {one.state}{share}{f', {one.reason}' if one.reason else ''}"


class JobsAsked(Arguments):
    """Which ones, and whether to wait for news."""

    kind: str = Field(default="", max_length=40, description="only of this kind")
    limit: Limit = 20
    after: int | None = Field(
        default=None, ge=0, le=LARGEST, description="a version: answered as soon as there is a newer one"
    )
    wait_s: float = Field(default=0.0, ge=0, le=25, description="how long at most to wait for that")


async def jobs(inside: Inside, _asked: Asked, given: JobsAsked) -> Jobs:
    kept = inside.jobs
    if given.after is not None:
        await kept.after(given.after, given.wait_s)
    return Jobs(version=kept.version, jobs=[_row(job) for job in kept.list(given.kind)[: given.limit]])


def _row(job: Job) -> JobRow:
    return JobRow.model_validate({name: getattr(job, name) for name in JobRow.model_fields})


OFFERS: tuple[Offer, ...] = (
    looking("jobs", "what runs beside the trading, and the next change of it", JobsAsked, Jobs, jobs),
)
