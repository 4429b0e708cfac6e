"""Verbs on what runs beside the trading, of whatever kind: what there is, end one, run it once more, remove it.

Whoever wants the list new waits for the next change here instead of asking every second.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from loligo.ports.door import Answer, Role
from loligo_bot.door.inside import Inside
from loligo_bot.door.offer import Arguments, Asked, Offer, changing, looking
from loligo_bot.door.operating import Done
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
    outcome: str = Field(description='in a sentence; "" until it is done')
    by: str
    attempt: int
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
    said = one.reason or one.outcome
    return f"{one.kind} {one.number} {one.title}: {one.state}{share}{f', {said}' if said else ''}"


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
    told = {name: getattr(job, name) for name in JobRow.model_fields if name != "outcome"}
    return JobRow.model_validate({**told, "outcome": str(job.summary.get("verdict", ""))})


class OfJob(Arguments):
    """Which one."""

    number: int = Field(ge=1, le=LARGEST, description="of a job of any kind; `jobs` lists them")


async def cancel(inside: Inside, _asked: Asked, given: OfJob) -> Done:
    job = await inside.jobs.cancel(given.number)
    is_done = job.state is State.CANCELLED
    said = "" if is_done else " already, there is nothing to cancel"
    return Done(is_done=is_done, message=f"{_name(job)} is {job.state}{said}")


async def retry(inside: Inside, _asked: Asked, given: OfJob) -> Done:
    job = await inside.jobs.retry(given.number)
    return Done(is_done=True, message=f"{_name(job)} is {job.state} again, with what it was given")


async def remove(inside: Inside, _asked: Asked, given: OfJob) -> Done:
    job = await inside.jobs.remove(given.number)
    return Done(is_done=True, message=f"{_name(job)} is removed with its result")


def _name(job: Job) -> str:
    return f"{job.kind.replace('_', ' ')} {job.number}"


OFFERS: tuple[Offer, ...] = (
    looking("jobs", "what runs beside the trading, and the next change of it", JobsAsked, Jobs, jobs),
    changing("job.cancel", "end a job that waits or runs", Role.TRADE, OfJob, Done, cancel),
    changing("job.retry", "run a job that has ended once more", Role.TRADE, OfJob, Done, retry),
    changing(
        "job.remove",
        "remove a job that has ended, with its result",
        Role.TRADE,
        OfJob,
        Done,
        remove,
        confirm="Remove the job and its result?",
    ),
)
