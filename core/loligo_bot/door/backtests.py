"""Verbs about backtests: start, look, compare, take away. They run as jobs, in processes of their own.

What must hold: what is asked is judged before a job is made, field by field; a job holds all that it will run, so what
is edited while it waits changes nothing; two that are compared say in which settings they differ.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated, Any, Literal

import msgspec
from pydantic import Field

from loligo.errors import BadArguments
from loligo.ports.door import Answer, Role
from loligo_bot.backtest_request import BacktestRequest, Prepared, check_with, loaded_for, pinned, prepare, title_of
from loligo_bot.door import comparing
from loligo_bot.door.backtest_rows import (
    KIND,
    Backtest,
    BacktestCurve,
    BacktestRow,
    BacktestTrade,
    Figures,
    Number,
    result_of,
    row_of,
)
from loligo_bot.door.inside import Inside
from loligo_bot.door.offer import Arguments, Asked, Offer, changing, looking
from loligo_bot.door.pages import LARGEST, Limit, Paged, ReportFile
from loligo_bot.jobs.job import Job, State


class Backtests(Paged):
    """Backtests, the newest first."""

    backtests: list[BacktestRow]

    def lines(self) -> Sequence[str]:
        return [row.told() for row in self.backtests] or ["no backtest yet; `backtest.start` begins one"]


class BacktestsAsked(Arguments):
    """Which ones."""

    state: State | None = Field(default=None, description="only these")
    limit: Limit = 50
    before: Annotated[int | None, Field(ge=1, le=LARGEST, description="only lower numbers: `next_before`")] = None


async def backtests(inside: Inside, _asked: Asked, given: BacktestsAsked) -> Backtests:
    rows = [
        job
        for job in inside.jobs.list(KIND)
        if (given.state is None or job.state == given.state) and (given.before is None or job.number < given.before)
    ]
    shown = rows[: given.limit]
    more = shown[-1].number if len(rows) > len(shown) else None
    return Backtests(backtests=[row_of(job) for job in shown], next_before=more)


class Started(Answer):
    """A backtest that waits for its turn, or runs."""

    is_done: bool = True
    number: int
    message: str

    def lines(self) -> Sequence[str]:
        return [self.message]


async def start(inside: Inside, asked: Asked, given: BacktestRequest) -> Started:
    """Judge what is asked against files and tentacles, freeze it, and let it wait for its turn."""
    prepared = await asyncio.to_thread(partial(_prepared, inside, given))
    title = title_of(given, prepared)
    by, frozen = asked.actor.name, prepared.frozen()
    job = await inside.jobs.add(KIND, title, given.plain(), frozen, by=by, asked=asked.id)
    ahead = sum(one.state is State.QUEUED and one.number < job.number for one in inside.jobs.list())
    waits = f"; {ahead} wait before it" if ahead and job.state is State.QUEUED else ""
    return Started(number=job.number, message=f"backtest {job.number} of {title} is {job.state}{waits}")


def _prepared(inside: Inside, given: BacktestRequest) -> Prepared:
    """Return what a request comes to, its settings judged by the tentacles that will run."""
    prepared = prepare(inside.home, given)
    running = inside.reconciler.running
    held = pinned(prepared, running.code(), inside.home)
    host = loaded_for(inside.home, held) if given.versions else running.host
    check_with(inside.home, held, given, host)
    return held


class OfBacktest(Arguments):
    """Which one."""

    number: Number


class BacktestAsked(Arguments):
    """Which one, and how much of it."""

    number: Annotated[int | None, Field(ge=1, le=LARGEST, description="of a backtest; without one the newest")] = None
    trades: int = Field(default=200, ge=0, le=5_000, description="trades at most, the newest")
    curves: bool = Field(default=True, description="with equity and holding over time")


async def backtest(inside: Inside, _asked: Asked, given: BacktestAsked) -> Backtest:
    newest = inside.jobs.list(KIND)
    if given.number is None and not newest:
        raise BadArguments("number: there is no backtest yet; `backtest.start` begins one", {"number": "none yet"})
    job = inside.jobs.get(newest[0].number if given.number is None else given.number, KIND)
    if job.state is not State.DONE:
        return Backtest(backtest=row_of(job))
    return _whole(job, await result_of(inside, job.number), given, _tries(job, newest))


def _whole(job: Job, result: Mapping[str, Any], given: BacktestAsked, tries: int) -> Backtest:
    metrics = result["metrics"]
    every = {**({"": metrics["whole"]} if metrics["whole"] else {}), **metrics["desks"]}
    trades = result["trades"][::-1]
    many = [f"One of {tries} settings tried on these very candles: the best of many looks good by luck."]
    return Backtest(
        backtest=row_of(job),
        verdict=result["verdict"],
        warnings=[*result["warnings"], *(many if tries > 1 else [])],
        figures=[Figures.model_validate({**figures, "scope": scope}) for scope, figures in every.items()],
        curves=[BacktestCurve(scope=scope, **one) for scope, one in result["curves"].items()] if given.curves else [],
        trades=[BacktestTrade.model_validate(one) for one in trades[: given.trades]],
        trades_in_all=result["counts"]["trades"],
        counts=result["counts"],
        data=result["data"],
        config_hash=result["config_hash"],
        tree_hashes=result["tree_hashes"],
        loligo=result["versions"]["loligo"],
        took_s=result["took_s"],
    )


def _tries(job: Job, known: Sequence[Job]) -> int:
    """Return how many different configurations of the same desks were tried on the data of a backtest."""
    data = job.summary.get("data_hash")
    desks = job.arguments.get("desks")
    same = [one for one in known if one.state is State.DONE and one.arguments.get("desks") == desks]
    same = [one for one in same if one.summary.get("data_hash") == data]
    return len({one.summary.get("config_hash") for one in same})


class ReportAsked(Arguments):
    """Of which one, and how."""

    number: Number
    format: Literal["html", "json", "csv"] = Field(
        default="html", description="html: one file, to read anywhere; json: all of it; csv: the trades"
    )


async def report(inside: Inside, _asked: Asked, given: ReportAsked) -> ReportFile:
    from loligo_lab.files import as_csv, as_html, as_json

    job = inside.jobs.get(given.number, KIND)
    result = await result_of(inside, given.number)
    frozen = msgspec.json.decode(await inside.jobs.given(given.number))
    about = {"number": job.number, "title": job.title, "asked": job.arguments, "by": job.by, "ended_at": job.ended_at}
    make = {"html": as_html, "json": as_json, "csv": as_csv}[given.format]
    media_type = {"html": "text/html", "json": "application/json", "csv": "text/csv"}[given.format]
    content = await asyncio.to_thread(make, {**about, "given": frozen}, result)
    return ReportFile(name=f"backtest-{job.number}.{given.format}", media_type=media_type, content=content)


async def cancel(inside: Inside, _asked: Asked, given: OfBacktest) -> Started:
    job = await inside.jobs.cancel(given.number, KIND)
    is_done = job.state is State.CANCELLED
    said = "" if is_done else " already, there is nothing to cancel"
    return Started(is_done=is_done, number=job.number, message=f"backtest {job.number} is {job.state}{said}")


async def retry(inside: Inside, _asked: Asked, given: OfBacktest) -> Started:
    job = await inside.jobs.retry(given.number, KIND)
    return Started(number=job.number, message=f"backtest {job.number} is {job.state} again, with what it was given")


async def remove(inside: Inside, _asked: Asked, given: OfBacktest) -> Started:
    job = await inside.jobs.remove(given.number, KIND)
    return Started(number=job.number, message=f"backtest {job.number} is removed with its result")


OFFERS: tuple[Offer, ...] = (
    looking("backtests", "backtests that wait, run and have ended", BacktestsAsked, Backtests, backtests),
    looking("backtest", "one backtest with its result", BacktestAsked, Backtest, backtest),
    *comparing.OFFERS,
    looking("backtest.report", "the report of a backtest as a file", ReportAsked, ReportFile, report),
    changing(
        "backtest.start", "run desks over history, beside the trading", Role.TRADE, BacktestRequest, Started, start
    ),
    changing("backtest.cancel", "end a backtest that waits or runs", Role.TRADE, OfBacktest, Started, cancel),
    changing("backtest.retry", "run a backtest that has ended once more", Role.TRADE, OfBacktest, Started, retry),
    changing(
        "backtest.remove",
        "remove a backtest that has ended, with its result",
        Role.TRADE,
        OfBacktest,
        Started,
        remove,
        confirm="Remove the backtest and its result?",
    ),
)
