"""Two small costs: opinions from arrays against the loop over candles, and an input's way through the inbox."""

from __future__ import annotations

import asyncio
import statistics
from functools import partial
from pathlib import Path

import numpy as np

from loligo.model.command import TimeAdvanced
from loligo.model.events import Input
from loligo.runtime.inbox import Inbox
from tests.benchmarks.measures import Figure, cpu_seconds
from tests.fakes.opinions import arrays_of, candles_of, make_evaluator

CANDLES, ROUNDS, AGAIN, BATCH, BATCHES = 100_000, 3, 20, 512, 200


def series(_folder: Path | None = None) -> list[Figure]:
    """How many times faster than its loop an evaluator tells of 100,000 candles, of each that tells from arrays."""
    closes = 8_000.0 * np.exp(np.cumsum(np.random.default_rng(1).normal(0.0, 0.005, CANDLES)))
    candles, arrays = candles_of(closes), arrays_of(closes)

    def loop(name: str) -> None:
        on_candle = make_evaluator(name).on_candle
        for candle in candles:
            on_candle(candle)

    def at_once(name: str) -> None:
        for _ in range(AGAIN):
            make_evaluator(name).evaluate_series(arrays)

    figures = []
    for name in ("rsi", "macd", "ema_cross"):
        alone, whole = partial(loop, name), partial(at_once, name)
        ratio = statistics.median(cpu_seconds(alone) / cpu_seconds(whole) * AGAIN for _ in range(ROUNDS))
        figures.append(Figure(f"series_vs_loop_{name}", ratio, "x", "its on_candle, candle by candle", ratio))
    return figures


def inbox(_folder: Path | None = None) -> list[Figure]:
    """What it costs to hand an input from the event loop to the engine, in batches."""
    line, batch = Inbox(), list[Input](map(TimeAdvanced, range(BATCH)))

    async def there_and_back() -> None:
        for _ in range(BATCHES):
            await line.put_many(batch)
            line.take(BATCH, 0)

    taken = [cpu_seconds(lambda: asyncio.run(there_and_back())) / BATCHES / BATCH * 1e6 for _ in range(ROUNDS)]
    return [Figure("inbox_us", statistics.median(taken), "us", f"per input, {BATCH} at once")]
