"""Verbs that run what was recorded once more, as jobs beside the trading: replays that prove a session, and reality
checks that hold a desk's trades against a backtest.

They compare with what the folder wants when they are asked for. `jobs` lists them with all others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from pydantic import BaseModel, Field

from loligo.errors import BadArguments, NotFound
from loligo.ports.door import Answer, Role
from loligo_bot.door.inside import Inside
from loligo_bot.door.offer import Arguments, Asked, Offer, changing, looking, reading
from loligo_bot.door.pages import LARGEST, Part, brief
from loligo_bot.historic_request import HISTORIC
from loligo_bot.jobs.job import Job, State
from loligo_bot.replay.request import REALITY, REPLAY, RealityRequest, ReplayRequest, frozen
from loligo_bot.replay.sessions import journal_address, sessions

NAMES = {REPLAY: "replay", REALITY: "reality check", HISTORIC: "A/B test over history"}
LONGEST_LIST = 500  # differences that one answer holds
_TOLD = ("number", "title", "state", "progress", "line", "reason", "by", "ended_at")  # of a job


class Rechecking(Answer):
    """A job that waits for its turn, or runs."""

    is_done: bool = True
    number: int
    message: str

    def lines(self) -> Sequence[str]:
        return [self.message]


class OfRecheck(Arguments):
    """Which one."""

    number: Annotated[int | None, Field(ge=1, le=LARGEST, description="of the job; without one the newest")] = None


class Rechecked(Answer):
    """A replay or a reality check: how far it is, and once it is done what came of it."""

    number: int
    title: str
    state: State
    progress: float | None = Field(description="0 to 1; null: not known")
    line: str = Field(description="how far it is")
    reason: str = Field(description="why it did not end well")
    by: str
    ended_at: str
    summary: list[str] = Field(default=[], description="the outcome in sentences")
    result: dict[str, Any] = Field(default={}, description="all of it, as the command line's --json has it")

    def lines(self) -> Sequence[str]:
        how = f", {self.reason}" if self.reason else ""
        return self.summary or [f"{self.number} {self.title}: {self.state}{how}"]


async def start_replay(inside: Inside, asked: Asked, given: ReplayRequest) -> Rechecking:
    return await _start(inside, asked, REPLAY, f"session {given.session}", given)


async def start_reality(inside: Inside, asked: Asked, given: RealityRequest) -> Rechecking:
    """Let a check wait for its turn. BadArguments for a desk that the bot does not have."""
    known = sorted(inside.bot.config.desks)
    if given.desk not in known:
        said = f'desk: there is no "{given.desk}"; expected one of {", ".join(known)}'
        raise BadArguments(said, {"desk": said})
    span = f" from {given.since or 'its start'} to {given.until or 'its end'}" if given.since or given.until else ""
    return await _start(inside, asked, REALITY, f"{given.desk}{span}", given)


async def _start(inside: Inside, asked: Asked, kind: str, title: str, given: BaseModel) -> Rechecking:
    arguments = given.model_dump(mode="json", exclude_defaults=True)
    what = await asyncio.to_thread(frozen, inside.home, given)
    job = await inside.jobs.add(kind, title, arguments, what, by=asked.actor.name, asked=asked.id)
    return Rechecking(number=job.number, message=f"{NAMES[kind]} {job.number} of {title} is {job.state}")


async def replay(inside: Inside, _asked: Asked, given: OfRecheck) -> Rechecked:
    return await _told(inside, REPLAY, given.number)


async def reality(inside: Inside, _asked: Asked, given: OfRecheck) -> Rechecked:
    return await _told(inside, REALITY, given.number)


async def _told(inside: Inside, kind: str, number: int | None) -> Rechecked:
    job = found(inside, kind, number)
    return recheck_of(job, **(await _outcome(inside, job) if job.state is State.DONE else {}))


def found(inside: Inside, kind: str, number: int | None) -> Job:
    """Return the job of this kind and number, or its newest. NotFound when there is none."""
    newest = inside.jobs.list(kind)
    if number is None and not newest:
        raise NotFound(f"there is no {NAMES[kind]} yet; `{kind}.start` begins one")
    return inside.jobs.get(newest[0].number if number is None else number, kind)


def recheck_of(job: Job, **outcome: Any) -> Rechecked:
    """Return the answer on a job, and once it is done what came of it."""
    return Rechecked.model_validate({name: getattr(job, name) for name in _TOLD} | outcome)


async def _outcome(inside: Inside, job: Job) -> dict[str, Any]:
    result = msgspec.json.decode(await inside.jobs.result(job.number))
    if rows := result.get("rows"):
        result["rows"] = [row for row in rows if not row["is_same"]][-LONGEST_LIST:]
    return {"summary": result.pop("lines", None) or [*result["summary"], *result["notes"]], "result": result}


class SessionRow(Part):
    """One recorded session; times are those of its data."""

    number: int
    file: str = Field(description="its name; `database` where the journal is no file")
    is_newest: bool = Field(description="the one at work: `last`")
    first_seq: int
    last_seq: int
    since: str
    until: str


class Sessions(Answer):
    """What was recorded, oldest first."""

    sessions: list[SessionRow]

    def lines(self) -> Sequence[str]:
        return [_session_line(one) for one in self.sessions] or ["nothing was recorded yet"]


def _session_line(one: SessionRow) -> str:
    at_work = ", at work" if one.is_newest else ""
    return f"{one.number} {one.file}: {brief(one.since)} to {brief(one.until)}, seq up to {one.last_seq}{at_work}"


def recorded(inside: Inside, _given: Arguments) -> Sessions:
    address = journal_address(inside.home, inside.config.journal.get("url"))
    return Sessions(sessions=[SessionRow.model_validate(one.told()) for one in sessions(address)])


OFFERS: tuple[Offer, ...] = (
    reading("sessions", "recorded sessions, which can be run once more", Arguments, Sessions, recorded),
    changing(
        "replay.start", "run a recorded session once more, beside the trading", Role.TRADE, ReplayRequest, Rechecking,
        start_replay,
    ),
    looking("replay", "a session run once more: is every record the same", OfRecheck, Rechecked, replay),
    changing(
        "reality.start", "hold a desk's trades against a backtest, beside the trading", Role.TRADE, RealityRequest,
        Rechecking, start_reality,
    ),
    looking("reality", "a desk's trades against a backtest, and why they differ", OfRecheck, Rechecked, reality),
)  # fmt: skip
