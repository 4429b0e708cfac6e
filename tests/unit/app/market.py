"""A feed that holds candles in memory, and bots whose evaluators remember what they were fed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from loligo.api import InboxPort, Input
from loligo.engine.engine import Engine
from loligo.model.evaluation import Evaluation
from loligo.model.instrument import Instrument
from loligo.model.market import Candle
from loligo.model.timeframe import HOUR_NS
from tests.fakes.desks import BTC, desk, evaluator, plan, seat
from tests.fakes.venue_scene import candle


def hourly(instrument: str, hours: Sequence[int]) -> list[Candle]:
    """Candles that open at these hours, each with a close of its own."""
    return [candle(hour, 100 + hour % 7, 110, 90, 100 + hour % 5, instrument=instrument) for hour in hours]


class MemoryFeed:
    """Replays candles from `begins_ns` on; looks back as far as its memory."""

    def __init__(self, candles: Sequence[Candle], begins_ns: int = 0) -> None:
        self.candles, self.begins_ns = list(candles), begins_ns

    def read(
        self, *, since_ns: int | None = None, until_ns: int | None = None, since_count: int | None = None
    ) -> Iterator[Input]:
        since = self.begins_ns - 1 if since_ns is None else since_ns
        at_cursor = [item for item in self.candles if item.ts == since]
        items = at_cursor[since_count:] if since_count is not None else []
        items += [item for item in self.candles if item.ts > since]
        return iter([item for item in items if item.ts >= self.begins_ns and (until_ns is None or item.ts <= until_ns)])

    async def run(self, inbox: InboxPort, *, since_ns: int | None, since_count: int | None = None) -> None:
        await self.replay(inbox, self.read(since_ns=since_ns, since_count=since_count))

    async def replay(self, inbox: InboxPort, inputs: Iterator[Input]) -> None:
        for item in inputs:
            await inbox.put(item)

    def history(self, instrument: str, timeframe: str, until_ns: int, count: int) -> Sequence[Candle]:
        series = [item for item in self.candles if (item.instrument, item.timeframe) == (instrument, timeframe)]
        return [item for item in series if item.ts <= until_ns][-count:]


class Remembers:
    """Its opinion depends on every one of the last `warmup` candles and on nothing before them."""

    state_version = 1
    warmup = 5

    def __init__(self) -> None:
        self.closes: list[float] = []

    def on_candle(self, candle: Candle) -> Evaluation | None:
        self.closes = [*self.closes, candle.close][-self.warmup :]
        if len(self.closes) < self.warmup:
            return None
        weighted = sum(place * close for place, close in enumerate(self.closes, 1))
        return Evaluation(weighted / 10_000, "remembers", tuple(self.closes))

    def export_state(self) -> dict[str, Any]:
        return {"closes": self.closes}

    def restore_state(self, state: dict[str, Any]) -> None:
        self.closes = list(state["closes"])


def remembering(*instruments: Instrument, make: type[Remembers] = Remembers) -> Engine:
    """An engine with a desk that reads one such evaluator on each instrument."""
    seats = [
        seat(evaluators=[evaluator(make, f"remembers {place.id}")], instrument=place) for place in instruments or (BTC,)
    ]
    return Engine(plan(desk(*seats)))


def at(hour: int) -> int:
    """The instant at which the candle that opened at `hour` closes."""
    return (hour + 1) * HOUR_NS
