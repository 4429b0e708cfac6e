"""Higher candles from lower ones: right values, at the right moment, without look-ahead."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loligo.api import (
    Candle,
    CandleBuilder,
    ConfigError,
    DataError,
    FundingRate,
    InstrumentStatus,
    MarketData,
    market_order,
    period_start_ns,
    timeframe_ns,
)

HOUR = timeframe_ns("1h")
BTC = "coinbase:BTC/USD"


def hourly(hour: int, *, open_: float = 10.0, high: float = 12.0, low: float = 9.0, close: float = 11.0) -> Candle:
    return Candle(BTC, "1h", hour * HOUR, (hour + 1) * HOUR, open_, high, low, close, 1.0 + hour)


def built(hours: list[int], higher: list[str]) -> list[Candle]:
    builder = CandleBuilder(BTC, "1h", higher)
    return [candle for hour in hours for candle in builder.add(hourly(hour, high=20.0 + hour, low=9.0 - hour / 100))]


def test_a_4h_candle_closes_with_its_fourth_hour_and_comes_just_before_it() -> None:
    candles = built([0, 1, 2, 3], ["4h"])
    assert [candle.timeframe for candle in candles] == ["1h", "1h", "1h", "4h", "1h"]
    # highs 20..23, lows 9.00..8.97, volumes 1+2+3+4
    assert candles[3] == Candle(BTC, "4h", 0, 4 * HOUR, 10.0, 23.0, 8.97, 11.0, 10.0)


def test_longest_timeframe_comes_first_where_several_close_at_once() -> None:
    candles = built(list(range(24)), ["4h", "1d", "12h"])
    assert [candle.timeframe for candle in candles if candle.ts == 24 * HOUR] == ["1d", "12h", "4h", "1h"]


def test_a_period_without_its_last_hour_closes_with_the_next_hour_that_comes() -> None:
    candles = built([0, 1, 2, 6], ["4h"])  # hour 3 never comes: at 04:00 nobody can know that
    late = candles[3]
    assert (late.timeframe, late.opened_at_ns, late.ts) == ("4h", 0, 7 * HOUR)
    assert late.volume == 1.0 + 2.0 + 3.0
    assert candles[4].opened_at_ns == 6 * HOUR


def test_a_late_period_and_one_on_time_come_in_order_of_their_opens() -> None:
    candles = built([0, 7], ["4h"])
    assert [(c.timeframe, c.opened_at_ns // HOUR, c.ts // HOUR) for c in candles[1:]] == [
        ("4h", 0, 8),
        ("4h", 4, 8),
        ("1h", 7, 8),
    ]


def test_a_period_without_any_hour_gives_no_candle() -> None:
    candles = built([0, 1, 2, 3, 8, 9, 10, 11], ["4h"])
    assert [candle.opened_at_ns // HOUR for candle in candles if candle.timeframe == "4h"] == [0, 8]


def test_the_first_period_is_left_out_when_the_series_begins_inside_it() -> None:
    candles = built([1, 2, 3, 4, 5, 6, 7], ["4h"])
    assert [candle.opened_at_ns // HOUR for candle in candles if candle.timeframe == "4h"] == [4]


def test_a_later_period_counts_although_its_first_hour_is_missing() -> None:
    candles = built([0, 1, 2, 3, 5, 6, 7], ["4h"])
    assert [(c.opened_at_ns // HOUR, c.volume) for c in candles if c.timeframe == "4h"] == [(0, 10.0), (4, 21.0)]


def test_weeks_open_on_monday() -> None:
    monday = 4 * 24  # hours from Thursday 1970-01-01 to Monday
    candles = built(list(range(monday, monday + 7 * 24)), ["1w"])
    assert [(c.opened_at_ns // HOUR, c.ts // HOUR) for c in candles if c.timeframe == "1w"] == [(monday, monday + 168)]


@given(hours=st.sets(st.integers(0, 120), min_size=1), higher=st.sets(st.sampled_from(["2h", "4h", "1d", "3d"])))
def test_nothing_is_seen_before_its_close_and_time_never_runs_back(hours: set[int], higher: set[str]) -> None:
    candles = built(sorted(hours), sorted(higher))
    assert [c.ts for c in candles] == sorted(c.ts for c in candles)
    for candle in candles:
        assert candle.ts >= candle.opened_at_ns + timeframe_ns(candle.timeframe)
        inside = [h for h in hours if period_start_ns(h * HOUR, candle.timeframe) == candle.opened_at_ns]
        if candle.timeframe != "1h":
            assert max((h + 1) * HOUR for h in inside) <= candle.ts
    assert candles == sorted(candles, key=market_order)


@given(hours=st.sets(st.integers(0, 120), min_size=2), cut=st.integers(1, 120))
def test_what_was_built_does_not_depend_on_later_candles(hours: set[int], cut: int) -> None:
    ordered = sorted(hours)
    whole, part = built(ordered, ["4h", "1d"]), built([hour for hour in ordered if hour < cut], ["4h", "1d"])
    assert whole[: len(part)] == part


@given(prices=st.lists(st.lists(st.floats(1, 1e6), min_size=4, max_size=4), min_size=24, max_size=96))
def test_built_candles_equal_numpy_aggregation(prices: list[list[float]]) -> None:
    table = np.array([[p[0], max(p), min(p), p[1], p[2]] for p in prices][: len(prices) // 24 * 24])
    builder = CandleBuilder(BTC, "1h", ["4h", "1d"])
    lower = [Candle(BTC, "1h", i * HOUR, (i + 1) * HOUR, *row) for i, row in enumerate(table.tolist())]
    candles = [candle for hour in lower for candle in builder.add(hour)]
    for timeframe, size in (("4h", 4), ("1d", 24)):
        groups = table.reshape(-1, size, 5)
        columns = (groups[:, 0, 0], groups[:, :, 1].max(1), groups[:, :, 2].min(1), groups[:, -1, 3])
        mine = [c for c in candles if c.timeframe == timeframe]
        assert [(c.open, c.high, c.low, c.close) for c in mine] == list(
            zip(*[x.tolist() for x in columns], strict=True)
        )
        np.testing.assert_allclose([c.volume for c in mine], groups[:, :, 4].sum(1), rtol=1e-12)


@pytest.mark.parametrize("higher", [["1h"], ["90m"], ["30m"], ["4h", "4h"]])
def test_a_timeframe_that_cannot_be_built_is_refused(higher: list[str]) -> None:
    with pytest.raises(ConfigError, match=f'cannot build "{higher[0]}" from "1h"'):
        CandleBuilder(BTC, "1h", higher)


def test_candles_out_of_order_or_of_another_series_are_refused() -> None:
    builder = CandleBuilder(BTC, "1h", ["4h"])
    builder.add(hourly(5))
    with pytest.raises(DataError, match="1970-01-01T04:00:00Z cannot be built upon"):
        builder.add(hourly(4))
    with pytest.raises(DataError, match="expected coinbase:BTC/USD 1h"):
        builder.add(Candle("coinbase:ETH/USD", "1h", 9 * HOUR, 10 * HOUR, 1.0, 1.0, 1.0, 1.0, 1.0))


def test_a_candle_across_two_periods_is_refused() -> None:
    builder = CandleBuilder(BTC, "1h", ["4h"])
    half_past_three = 3 * HOUR + HOUR // 2
    with pytest.raises(DataError, match="spans two periods of 4h"):
        builder.add(Candle(BTC, "1h", half_past_three, half_past_three + HOUR, 1.0, 1.0, 1.0, 1.0, 1.0))


def test_at_one_instant_status_and_funding_come_before_candles_and_long_candles_before_short() -> None:
    day = Candle("x:B/C", "1d", 0, 24 * HOUR, 1.0, 1.0, 1.0, 1.0, 1.0)
    hour_b = Candle("x:B/C", "1h", 23 * HOUR, 24 * HOUR, 1.0, 1.0, 1.0, 1.0, 1.0)
    hour_a = Candle("x:A/C", "1h", 23 * HOUR, 24 * HOUR, 1.0, 1.0, 1.0, 1.0, 1.0)
    status, funding = InstrumentStatus("x:B/C", 24 * HOUR, True), FundingRate("x:B/C", 24 * HOUR, 0.0001)
    expected: list[MarketData] = [status, funding, day, hour_a, hour_b]
    assert sorted(reversed(expected), key=market_order) == expected
