"""Verbs on watch-only markets: scan.start lets desks look at them, scan tells what they said last.

Which markets those are stands in the configuration (`jobs.watch`: desk, markets of its venue). What must hold: a scan
is a job like any other, in a process of its own, with the versions that run; it trades nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from pydantic import Field

from loligo.errors import BadArguments
from loligo.model.timeframe import iso, timeframe_ns
from loligo.ports.door import Answer, Role
from loligo.registry.faults import did_you_mean
from loligo_bot.backtest_request import BacktestRequest, Prepared, pinned, prepare
from loligo_bot.door.inside import Inside
from loligo_bot.door.offer import Arguments, Asked, Offer, changing, looking
from loligo_bot.door.operating import Done
from loligo_bot.door.pages import Part
from loligo_bot.jobs.config import JobsConfig
from loligo_bot.jobs.job import Job, State

KIND = "scan"
PERIODS = 3  # of the longest candle that is looked at: so much history is run through


class ScannedOpinion(Part):
    """What one evaluator said of a market that is not traded."""

    evaluator: str = Field(description="its label: name, instrument, timeframe")
    value: float = Field(description="-1 strongly bearish to +1 strongly bullish")
    code: str
    time: str


class WatchedRow(Part):
    """A market that a desk watches, as its newest scan found it."""

    desk: str
    instrument: str
    time: str = Field(description='of what the scan looked at, in the time of the data; "": none has ended yet')
    opinions: list[ScannedOpinion]
    direction: str = Field(description='what the strategy would do: long, short or flat; "": nothing')
    code: str = Field(description="the strategy's reason")
    job: int = Field(description="number of the scan; 0: none")


class Watched(Answer):
    """Every market that is watched and not traded."""

    markets: list[WatchedRow]

    def lines(self) -> Sequence[str]:
        return [watched_line(one) for one in self.markets] or [NOTHING]


def watched_line(one: WatchedRow) -> str:
    if not one.job:
        return f"{one.desk} watches {one.instrument}: not looked at yet"
    if not one.opinions:
        return f"{one.desk} watches {one.instrument}: no opinion yet"
    said = [f"{each.evaluator.partition(' ')[0].partition('#')[0]} {each.value:+.2f}" for each in one.opinions]
    would = f"would go {one.direction}" if one.direction else f"would not trade, {one.code}"
    return f"{one.desk} watches {one.instrument}: {', '.join([*said, would])}"


NOTHING = "nothing is watched; name markets in the configuration, such as jobs: {watch: {trend: [ETH/USD]}}"


def watched(inside: Inside) -> list[WatchedRow]:
    """Return every watched market with its newest scan."""
    pairs = list(_pairs(inside))
    newest: dict[str, Job] = {}
    for job in inside.jobs.list(KIND) if pairs else ():  # the newest first
        if job.state is State.DONE:
            newest.setdefault(str(job.arguments.get("desk")), job)
    return [_row(desk, name, newest.get(desk)) for desk, name in pairs]


def _pairs(inside: Inside) -> Iterator[tuple[str, str]]:
    for desk, symbols in _config(inside).items():
        if desk in inside.config.desks:
            yield from ((desk, f"{inside.config.desks[desk].venue}:{symbol}") for symbol in symbols)


def _config(inside: Inside) -> Mapping[str, Sequence[str]]:
    return JobsConfig.model_validate(inside.config.jobs).watch


def _row(desk: str, instrument: str, job: Job | None) -> WatchedRow:
    found = job.summary if job is not None else {}
    said = [one for one in found.get("opinions", ()) if f" {instrument} " in f"{one['evaluator']} "]
    decided = [one for one in found.get("decisions", ()) if one["instrument"] == instrument]
    decision: Mapping[str, str] = decided[0] if decided else {}
    return WatchedRow(
        desk=desk,
        instrument=instrument,
        time=found.get("time", ""),
        opinions=[ScannedOpinion.model_validate(one) for one in said],
        direction=decision.get("direction", ""),
        code=decision.get("code", ""),
        job=job.number if job is not None else 0,
    )


async def scan(inside: Inside, _asked: Asked, _given: Arguments) -> Watched:
    return Watched(markets=watched(inside))


class ScanAsked(Arguments):
    """By whom."""

    desk: str | None = Field(default=None, description="only by this desk; without one by each that watches something")


class ScansStarted(Done):
    """The jobs that look."""

    numbers: list[int] = Field(default=[])


async def start(inside: Inside, asked: Asked, given: ScanAsked) -> ScansStarted:
    """BadArguments when nobody watches anything, or the desk, or a market, is not there."""
    known = _config(inside)
    if given.desk is not None and given.desk not in known:
        said = f'desk = "{given.desk}": it watches nothing{did_you_mean(given.desk, known)}; {NOTHING}'
        raise BadArguments(said, {"desk": said})
    if not known:
        raise BadArguments(NOTHING, {"desk": NOTHING})
    jobs = []
    for desk in [given.desk] if given.desk else known:
        what = await asyncio.to_thread(partial(_prepared, inside, desk, known[desk]))
        arguments, asked_id = {"desk": desk, "instruments": list(known[desk])}, f"{asked.id}-{desk}" if asked.id else ""
        title = f"{desk} looks at {', '.join(known[desk])}"
        jobs.append(await inside.jobs.add(KIND, title, arguments, what.frozen(), by=asked.actor.name, asked=asked_id))
    numbers = [job.number for job in jobs]
    return ScansStarted(is_done=True, message=f"scan {', '.join(map(str, numbers))} looks", numbers=numbers)


def _prepared(inside: Inside, desk: str, symbols: Sequence[str]) -> Prepared:
    """Return the run of a desk over what it watches, from some candles ago until now; blocks."""
    config, now_ns = inside.config.desks.get(desk), inside.engine.now_ns
    if config is None:
        said = f"jobs.watch: there is no desk {desk!r}{did_you_mean(desk, inside.config.desks)}"
        raise BadArguments(said, {"desk": said})
    looked_at = [one for one in (config.timeframe, *(e.timeframe for e in config.evaluators)) if one]
    if not looked_at:
        said = f'desk {desk} reads no candles (timeframe "none"), and a scan is one over candles'
        raise BadArguments(said, {"desk": said})
    longest = max(map(timeframe_ns, looked_at))
    request = BacktestRequest(
        desks=(desk,),
        since=iso(now_ns - PERIODS * longest),
        until=iso(now_ns),
        overrides={f"desks.{desk}.instruments": list(symbols)},
    )
    return pinned(prepare(inside.home, request), inside.reconciler.running.code(), inside.home)


OFFERS: tuple[Offer, ...] = (
    looking("scan", "what desks say of markets that they watch and do not trade", Arguments, Watched, scan),
    changing("scan.start", "look at watch-only markets now", Role.TRADE, ScanAsked, ScansStarted, start),
)
