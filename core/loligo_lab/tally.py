"""What a run over history leaves behind, tallied record by record: counts, trades, equity, and which data it saw."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

import msgspec

from loligo.api import (
    DAY_NS,
    Candle,
    ClosedTrade,
    DecisionDeclined,
    EquityMarked,
    Filled,
    OrderReported,
    OrderSubmitted,
    Record,
    Refused,
    TentacleFailed,
    Trade,
    TradeClosed,
    iso,
)

_encode = msgspec.msgpack.Encoder().encode


@dataclass(slots=True)
class Series:
    """What was seen of one instrument: so many candles of a timeframe, or trades."""

    count: int = 0
    first_ns: int = 0
    last_ns: int = 0


@dataclass(slots=True)
class Tally:
    """Counts of a run."""

    candles: int = 0
    orders: int = 0
    fills: int = 0
    refusals: int = 0
    declined: int = 0
    failures: int = 0
    inputs: int = 0  # that came from feeds
    first_ns: int = 0  # of those
    last_ns: int = 0
    trades: list[ClosedTrade] = field(default_factory=list)
    equity: list[tuple[int, str, float]] = field(default_factory=list)  # (ts, desk or "account:NAME", equity)
    series: dict[tuple[str, str], Series] = field(default_factory=dict)  # by instrument and timeframe
    prices: dict[str, list[tuple[int, float]]] = field(
        default_factory=dict
    )  # the last one of each UTC day, of which its midnight is the end, and the first
    _digest: Any = field(default_factory=hashlib.blake2b)

    @property
    def data_hash(self) -> str:
        """Return what names the inputs from feeds, in their order."""
        return str(self._digest.hexdigest()[:32])

    def add(self, record: Record) -> None:
        """Count one record."""
        if record.feed:
            self.add_input(record.input)
        for event in record.events:
            kind = type(event)
            if kind is DecisionDeclined:
                self.declined += 1
            elif kind is OrderSubmitted:
                self.orders += 1
            elif kind is Refused:
                self.refusals += 1
            elif kind is TentacleFailed:
                self.failures += 1
            elif isinstance(event, OrderReported):
                self.fills += type(event.report) is Filled
            elif isinstance(event, TradeClosed):
                self.trades.append(event.trade)
            elif isinstance(event, EquityMarked):
                self.equity.append((event.ts, event.desk or f"account:{event.account}", event.equity))

    def add_input(self, item: Any) -> None:
        """Count one input of a feed, and nothing of what followed."""
        if not self.inputs:
            self.first_ns = item.ts
        self.inputs += 1
        self.last_ns = item.ts
        self._digest.update(_encode(item))
        kind = type(item)
        if kind is Candle:
            self.candles += 1
            self._see(item.instrument, item.timeframe, item.ts, item.close)
        elif kind is Trade:
            self._see(item.instrument, "trades", item.ts, item.price)

    def _see(self, instrument: str, timeframe: str, ts: int, price: float) -> None:
        series = self.series.get((instrument, timeframe))
        if series is None:
            series = self.series[instrument, timeframe] = Series(first_ns=ts)
        series.count += 1
        series.last_ns = ts
        prices = self.prices.setdefault(instrument, [])
        if len(prices) > 1 and (prices[-1][0] - 1) // DAY_NS == (ts - 1) // DAY_NS:
            prices[-1] = (ts, price)
        else:
            prices.append((ts, price))

    def data(self) -> dict[str, Any]:
        """Return which data it was, as plain data."""
        series = [
            {
                "instrument": instrument,
                "timeframe": timeframe,
                "count": one.count,
                "first": iso(one.first_ns),
                "last": iso(one.last_ns),
            }
            for (instrument, timeframe), one in sorted(self.series.items())
        ]
        first, last = (iso(ts) if ts else "" for ts in (self.first_ns, self.last_ns))
        return {"since": first, "until": last, "inputs": self.inputs, "hash": self.data_hash, "series": series}
