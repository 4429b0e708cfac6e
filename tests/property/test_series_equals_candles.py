"""Batch equals incremental: every indicator and candle evaluator, on random walks and on real candles.

Opinions and RSI agree within 1e-9, averages within 1e-9 of the price; both have no value at the same candles. A state
taken at any candle gives the same later opinions, to the bit.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loligo.api import ATR, EMA, RSI, SMA, FloatArray, atr_series, ema_series, rsi_series, sma_series
from tests.fakes.opinions import arrays_of, candles_of, make_evaluator
from tests.property.examples import examples

TOLERANCE = 1e-9
EVALUATORS = ("rsi", "macd", "ema_cross")
WIDE = settings(max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def random_walks(draw: st.DrawFn, longest: int = 12_000) -> FloatArray:
    """Draw closes of a walk with still stretches; long enough to leave a chunk of the array code, or very short."""
    size = draw(st.one_of(st.integers(0, 300), st.integers(8_000, longest)))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    steps = random.normal(0.0, draw(st.sampled_from([1e-5, 1e-3, 0.02])), size)
    steps[random.random(size) < draw(st.sampled_from([0.0, 0.3, 0.95]))] = 0.0
    still_from = draw(st.integers(0, size))
    steps[still_from : still_from + 400] = 0.0
    walk: FloatArray = draw(st.floats(1e-4, 1e6)) * np.exp(np.cumsum(steps))
    return walk


def assert_equal(incremental: list[float], series: FloatArray, scale: FloatArray | float) -> None:
    expected = np.array(incremental, dtype=np.float64)
    assert np.array_equal(np.isnan(expected), np.isnan(series))
    difference = np.abs(expected - series) / scale
    assert not np.any(difference > TOLERANCE), f"{np.nanmax(difference)} at {np.nanargmax(difference)}"


@WIDE
@given(closes=random_walks(), period=st.integers(1, 300))
def test_each_indicator_equals_its_series(closes: FloatArray, period: int) -> None:
    values = closes.tolist()
    for make, series in ((SMA, sma_series), (EMA, ema_series)):
        update: Callable[[float], float] = make(period).update
        assert_equal([update(value) for value in values], series(closes, period), closes)
    update = RSI(period).update
    assert_equal([update(value) for value in values], rsi_series(closes, period), 1.0)
    candles, atr = arrays_of(closes), ATR(period)
    rows = zip(candles.high.tolist(), candles.low.tolist(), values, strict=True)
    assert_equal([atr.update(*row) for row in rows], atr_series(candles.high, candles.low, closes, period), closes)


@st.composite
def evaluator_settings(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    name = draw(st.sampled_from(EVALUATORS))
    fast = draw(st.integers(1, 30))
    if name == "rsi":
        chosen = {"period": draw(st.integers(2, 40)), "mode": draw(st.sampled_from(["reversal", "momentum"]))}
        return name, {**chosen, "oversold": draw(st.floats(5, 45)), "overbought": draw(st.floats(55, 95))}
    if name == "macd":
        slow, full = draw(st.integers(fast + 1, 60)), draw(st.floats(0.1, 5.0))
        return name, {"fast": fast, "slow": slow, "signal": draw(st.integers(1, 20)), "full_histogram": full}
    return name, {"fast": fast, "slow": draw(st.integers(fast + 1, 60)), "full_gap": draw(st.floats(0.001, 0.1))}


def opinions(evaluator: Any, closes: FloatArray) -> list[float]:
    found = [evaluator.on_candle(candle) for candle in candles_of(closes)]
    return [float("nan") if evaluation is None else evaluation.value for evaluation in found]


@WIDE
@given(chosen=evaluator_settings(), closes=random_walks())
def test_each_candle_evaluator_equals_its_series(chosen: tuple[str, dict[str, Any]], closes: FloatArray) -> None:
    name, values = chosen
    incremental = opinions(make_evaluator(name, **values), closes)
    series = make_evaluator(name, **values).evaluate_series(arrays_of(closes))
    assert_equal(incremental, series, 1.0)
    assert not np.any(np.abs(series) > 1.0)
    warmup = make_evaluator(name, **values).warmup
    assert np.isnan(series).tolist() == [place < warmup - 1 for place in range(closes.size)]


@WIDE
@given(chosen=evaluator_settings(), closes=random_walks(longest=8_000), share=st.floats(0.0, 1.0))
def test_a_restored_candle_evaluator_goes_on_to_the_bit(
    chosen: tuple[str, dict[str, Any]], closes: FloatArray, share: float
) -> None:
    name, values = chosen
    closes = closes[:400]
    candles, taken = candles_of(closes), int(share * closes.size)
    first, second = make_evaluator(name, **values), make_evaluator(name, **values)
    for candle in candles[:taken]:
        first.on_candle(candle)
    second.restore_state(json.loads(json.dumps(first.export_state(), allow_nan=False)))
    for candle in candles[taken:]:
        assert second.on_candle(candle) == first.on_candle(candle)
    assert second.export_state() == first.export_state()


@pytest.fixture(scope="module")
def real_closes() -> FloatArray:
    """Closes of Coinbase BTC/USD 1h."""
    default = Path(__file__).resolve().parents[3] / "shared" / "data"
    path = Path(os.environ.get("LOLIGO_MARKET_DATA", default)) / "coinbase" / "BTC_USD-1h.parquet"
    if not path.is_file():
        pytest.skip(f"no market data at {path}: set LOLIGO_MARKET_DATA to its folder")
    closes: FloatArray = pq.read_table(path, columns=["close"])["close"].to_numpy().astype(np.float64)
    return closes


@pytest.mark.parametrize("name", EVALUATORS)
def test_each_candle_evaluator_equals_its_series_on_real_candles(name: str, real_closes: FloatArray) -> None:
    series = make_evaluator(name).evaluate_series(arrays_of(real_closes))
    assert_equal(opinions(make_evaluator(name), real_closes), series, 1.0)
    has_strong = np.nanmean(np.abs(series) >= 0.7)
    assert 0.1 < has_strong < 0.95, "both strong and middling opinions are needed to reach a threshold with meaning"


@pytest.mark.parametrize("name", EVALUATORS)
def test_series_are_array_code(name: str) -> None:
    """How much faster that is: `make bench`, series_vs_loop."""
    arrays, lines = arrays_of(8_000.0 + np.arange(20_000.0) % 97), 0

    def count(_frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal lines
        lines += event == "line"
        return count

    evaluator = make_evaluator(name)
    before = sys.gettrace()
    sys.settrace(count)
    try:
        evaluator.evaluate_series(arrays)
    finally:
        sys.settrace(before)
    assert 0 < lines < len(arrays.close) / 20  # lines of Python that ran
