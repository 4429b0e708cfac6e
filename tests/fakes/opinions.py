"""Candles from closes, tentacles made from settings, and a board filled by hand: for tests of what has opinions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from loligo.api import Candle, CandleArrays, Evaluation, FloatArray, Instrument, MakeContext
from tests.tentacles.conftest import load_tentacle

HOUR_NS = 3_600_000_000_000
BTC = Instrument(venue="test", symbol="BTC/USD", base="BTC", quote="USD")


@dataclass(frozen=True, kw_only=True)
class FakeInput:
    name: str
    timeframe: str = "1h"

    @property
    def label(self) -> str:
        return f"{self.name} {BTC.id} {self.timeframe}".strip()


@dataclass(kw_only=True)
class FakeBoard:
    """The board of a strategy; evaluations are as old as `ages_ns` says, 0 for just now."""

    ts: int = 1_000 * HOUR_NS
    price: float = 100.0
    candle: Candle | None = None
    evaluations: Sequence[Evaluation | None] = ()
    ages_ns: Sequence[int] = field(default_factory=tuple)

    @property
    def evaluated_at_ns(self) -> Sequence[int]:
        ages_ns = self.ages_ns or [0] * len(self.evaluations)
        return [
            0 if evaluation is None else self.ts - age
            for evaluation, age in zip(self.evaluations, ages_ns, strict=True)
        ]


def board(*values: float | None, **fields: Any) -> FakeBoard:
    """Return a board with these opinions, None for an evaluator that has none yet."""
    return FakeBoard(evaluations=[None if value is None else Evaluation(value, "test") for value in values], **fields)


def make_evaluator(name: str, **settings: Any) -> Any:
    factory = load_tentacle(f"evaluators/{name}").evaluator()
    return factory.create(factory.settings(**settings), MakeContext(instrument=BTC, timeframe="1h"))


def make_strategy(name: str, *inputs: FakeInput, **settings: Any) -> Any:
    factory = load_tentacle(f"strategies/{name}").strategy()
    return factory.create(factory.settings(**settings), MakeContext(desk="d", instrument=BTC, inputs=inputs))


def arrays_of(closes: FloatArray) -> CandleArrays:
    """Return hourly candles with these closes; each opens at the close before it."""
    opens = np.concatenate((closes[:1], closes[:-1]))
    return CandleArrays(
        opened_at_ns=np.arange(closes.size, dtype=np.int64) * HOUR_NS,
        open=opens,
        high=np.maximum(opens, closes),
        low=np.minimum(opens, closes),
        close=closes,
        volume=np.ones(closes.size),
    )


def candles_of(closes: Iterable[float]) -> list[Candle]:
    """Return the same candles one by one."""
    series = arrays_of(np.array(list(closes), dtype=np.float64))
    rows = zip(series.open.tolist(), series.high.tolist(), series.low.tolist(), series.close.tolist(), strict=True)
    return [
        Candle(BTC.id, "1h", place * HOUR_NS, (place + 1) * HOUR_NS, open_, high, low, close, 1.0)
        for place, (open_, high, low, close) in enumerate(rows)
    ]
