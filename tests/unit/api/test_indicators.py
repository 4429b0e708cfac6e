"""The indicators against their sources, and what they say before they are warm."""

from __future__ import annotations

import json
from math import isnan

import numpy as np
import pytest

from loligo.api import ATR, EMA, RSI, SMA, RollingWindow, atr_series, ema_series, rsi_series, sma_series

# The worked example of "Relative Strength Index" in StockCharts' ChartSchool: closes, and RSI 14 from the 15th on.
CLOSES = [
    44.3389, 44.0902, 44.1497, 43.6124, 44.3278, 44.8264, 45.0955, 45.4245, 45.8433, 46.0826,
    45.8931, 46.0328, 45.6140, 46.2820, 46.2820, 46.0028, 46.0328, 46.4116, 46.2222, 45.6439,
]  # fmt: skip
RSI_14 = [70.53, 66.32, 66.55, 69.41, 66.36, 57.97]


def test_rsi_gives_the_published_values_of_wilders_method() -> None:
    rsi = RSI(14)
    values = [rsi.update(close) for close in CLOSES]
    assert all(isnan(value) for value in values[:14])
    assert [round(value, 2) for value in values[14:]] == RSI_14
    assert [round(value, 2) for value in rsi_series(np.array(CLOSES), 14)[14:].tolist()] == RSI_14


@pytest.mark.parametrize(("step", "expected"), [(1.0, 100.0), (-1.0, 0.0), (0.0, 50.0)])
def test_rsi_of_only_rises_is_100_of_only_falls_0_and_of_a_still_market_50(step: float, expected: float) -> None:
    closes = [100.0 + step * place for place in range(20)]
    rsi = RSI(5)
    for close in closes:
        rsi.update(close)
    assert rsi.value == expected
    assert rsi_series(np.array(closes), 5)[-1] == pytest.approx(expected, abs=1e-9)


def test_ema_starts_as_a_mean_and_then_weighs_the_newest_by_two_over_period_plus_one() -> None:
    ema = EMA(3)
    values = [ema.update(value) for value in (1.0, 2.0, 6.0, 7.0, 1.0)]
    assert isnan(values[1])
    assert values[2:] == [3.0, 5.0, 3.0]  # (1+2+6)/3; 3 + (7-3)/2; 5 + (1-5)/2


def test_sma_is_the_mean_of_the_last_values_only() -> None:
    sma = SMA(2)
    assert isnan(sma.update(1.0))
    assert [sma.update(value) for value in (3.0, 9.0, 1.0)] == [2.0, 6.0, 5.0]


def test_atr_counts_the_gap_from_the_close_before() -> None:
    atr = ATR(2)
    assert isnan(atr.update(12.0, 10.0, 11.0))  # range 2, no close before
    assert atr.update(20.0, 18.0, 19.0) == 5.5  # 20 - 11 = 9; (2 + 9) / 2
    assert atr.update(15.0, 14.0, 14.0) == 5.25  # 19 - 14 = 5; 5.5 + (5 - 5.5) / 2


def test_rolling_window_forgets_the_oldest_and_knows_its_extremes() -> None:
    window = RollingWindow(3)
    left = [window.update(value) for value in (5.0, 1.0, 3.0, 8.0)]
    assert [isnan(value) for value in left] == [True, True, True, False]
    assert left[3] == 5.0
    assert window.values == [1.0, 3.0, 8.0]
    assert (window.mean, window.lowest, window.highest) == (4.0, 1.0, 8.0)


def test_rolling_sum_leaves_no_trace_of_a_huge_value_that_has_gone() -> None:
    window = RollingWindow(3)
    for value in (1e17, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1):
        window.update(value)
    assert window.mean == pytest.approx(0.1, rel=1e-15)


@pytest.mark.parametrize("make", [lambda: RollingWindow(4), lambda: SMA(4), lambda: EMA(4), lambda: RSI(4)])
@pytest.mark.parametrize("taken", [0, 2, 4, 9])
def test_state_taken_through_json_gives_the_same_later_values(make: object, taken: int) -> None:
    first, second = make(), make()  # type: ignore[operator]
    values = [3.0, 1.0, 4.0, 1.5, 9.0, 2.5, 6.0, 5.0, 3.5, 8.0, 7.0, 9.5]
    for value in values[:taken]:
        first.update(value)
    second.restore_state(json.loads(json.dumps(first.export_state(), allow_nan=False)))
    assert second.is_warm is first.is_warm
    rest = [(first.update(value), second.update(value)) for value in values[taken:]]
    assert all(a == b or (isnan(a) and isnan(b)) for a, b in rest)
    assert second.value == first.value


def test_series_shorter_than_their_period_have_no_value() -> None:
    short = np.array([1.0, 2.0])
    for values in (
        sma_series(short, 3),
        ema_series(short, 3),
        rsi_series(short, 3),
        atr_series(short, short, short, 3),
    ):
        assert np.isnan(values).tolist() == [True, True]
    assert ema_series(np.empty(0), 3).size == sma_series(np.empty(0), 3).size == rsi_series(np.empty(0), 3).size == 0


def test_ema_series_begins_after_leading_nan_and_may_write_onto_its_input() -> None:
    values = np.array([np.nan, np.nan, 1.0, 2.0, 6.0, 7.0])
    averages = ema_series(values, 3, out=values)
    assert averages is values
    assert np.isnan(values[:4]).all()
    assert values[4:].tolist() == [3.0, 5.0]


def test_a_period_below_one_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="EMA period 0: expected at least 1"):
        EMA(0)
