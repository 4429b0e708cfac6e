"""Where and when orders fill on a candle's path."""

from __future__ import annotations

from typing import Any

import pytest

from loligo.model.market import InstrumentStatus, Side
from loligo.model.order import Canceled, Expired, Filled, OrderKind, TimeInForce, Triggered
from loligo.model.timeframe import HOUR_NS, SECOND_NS
from tests.fakes.venue_scene import BTC, candle, fills, names, order, play, prices, text, venue

BUY, SELL = Side.BUY, Side.SELL
HOUR, MINUTE = HOUR_NS, 60 * SECOND_NS
RISING = candle(1, 100.0, 130.0, 90.0, 120.0)  # the low is nearer: 100, 90 at 1/3, 130 at 2/3, 120


def test_market_order_placed_at_the_close_fills_at_the_next_open() -> None:
    v = venue()
    assert names(v.submit(order("a", BUY), HOUR)) == ["Accepted a"]
    (fill,) = fills(play(v, RISING))
    assert (fill.ts, text(fill.price), fill.code, fill.is_maker) == (HOUR, "100.00", "open", False)
    assert (fill.fill_id, text(fill.fee), fill.fee_asset) == ("a.1", "0.10", "USD")  # 100 x 0.001


def test_latency_moves_a_market_order_along_the_path() -> None:
    # 10 minutes into the hour the path is half-way from 100 to 90: that leg lasts 20 minutes.
    v = venue(latency_ms=600_000)
    (accepted,) = v.submit(order("a", BUY), HOUR)
    (fill,) = fills(play(v, RISING))
    assert accepted.ts == fill.ts == HOUR + 600 * SECOND_NS
    assert text(fill.price) == "95.00"


def test_latency_beyond_the_candle_waits_for_the_next_one() -> None:
    v = venue(latency_ms=5_400_000)
    v.submit(order("a", BUY), HOUR)
    assert play(v, RISING) == []
    (fill,) = fills(play(v, candle(2, 120.0, 120.0, 120.0, 120.0)))
    assert fill.ts == 2 * HOUR + 1800 * SECOND_NS


@pytest.mark.parametrize(
    ("side", "kind", "trigger", "expected"),
    [
        (SELL, OrderKind.STOP, "95", ("95.00", "stop")),  # on the way down
        (BUY, OrderKind.STOP, "110", ("110.00", "stop")),  # on the way up
        (SELL, OrderKind.STOP, "105", ("100.00", "gap")),  # the open is past it: worse of stop and open
        (BUY, OrderKind.STOP, "98", ("100.00", "gap")),
        (SELL, OrderKind.TAKE_PROFIT, "125", ("125.00", "target")),
        (BUY, OrderKind.TAKE_PROFIT, "92", ("92.00", "target")),
        (SELL, OrderKind.TAKE_PROFIT, "99", ("100.00", "gap")),  # a gap in its favour
    ],
)
def test_triggered_market_orders_fill_at_their_trigger_or_at_the_open(
    side: Side, kind: OrderKind, trigger: str, expected: tuple[str, str]
) -> None:
    v = venue()
    v.submit(order("a", side, kind=kind, trigger_price=trigger), HOUR)
    reports = play(v, RISING)
    assert names(reports) == ["Triggered a", "Filled a"]
    assert prices(reports) == [("a", *expected)]


def test_trigger_and_fill_carry_the_instant_on_the_path() -> None:
    # 100 to 90 takes 20 minutes, so 95 is reached after 10.
    v = venue()
    v.submit(order("a", SELL, kind=OrderKind.STOP, trigger_price="95"), HOUR)
    triggered, filled = play(v, RISING)
    assert isinstance(triggered, Triggered) and triggered.price == 95.0
    assert triggered.ts == filled.ts == HOUR + 600 * SECOND_NS


def test_resting_limit_fills_at_its_limit_only_when_traded_through_by_a_tick() -> None:
    v = venue()
    v.submit(order("at", BUY, kind=OrderKind.LIMIT, limit_price="90"), HOUR)
    v.submit(order("above", BUY, kind=OrderKind.LIMIT, limit_price="90.01"), HOUR)
    (fill,) = fills(play(v, RISING))
    assert (fill.order_id, text(fill.price), fill.is_maker, fill.code) == ("above", "90.01", True, "through")
    assert text(fill.fee) == "0.045005"  # 90.01 x 0.0005


def test_touch_is_enough_by_switch() -> None:
    v = venue(fills_on_touch=True)
    v.submit(order("low", BUY, kind=OrderKind.LIMIT, limit_price="90"), HOUR)
    v.submit(order("high", SELL, kind=OrderKind.LIMIT, limit_price="130"), HOUR)
    assert prices(play(v, RISING)) == [("low", "90.00", "touch"), ("high", "130.00", "touch")]


def test_limit_better_than_the_market_takes_at_the_market_and_never_beyond_itself() -> None:
    v = venue(slippage_rate="0.05")
    v.submit(order("wide", BUY, kind=OrderKind.LIMIT, limit_price="110"), HOUR)
    v.submit(order("tight", BUY, kind=OrderKind.LIMIT, limit_price="102"), HOUR)
    first, second = fills(play(v, RISING))
    assert (text(first.price), first.is_maker) == ("105.00", False)  # 100 x 1.05
    assert (text(second.price), second.is_maker) == ("102.00", False)


def test_resting_limit_that_the_open_gaps_over_fills_at_its_limit() -> None:
    v = venue()
    v.submit(order("a", BUY, kind=OrderKind.LIMIT, limit_price="80"), HOUR)
    assert play(v, RISING) == []
    (fill,) = fills(play(v, candle(2, 70.0, 75.0, 69.0, 71.0)))
    assert (text(fill.price), fill.is_maker, fill.ts) == ("80.00", True, 2 * HOUR)


def test_stop_limit_rests_where_the_price_leaves_its_limit_behind() -> None:
    # A gap to 85 triggers the stop at 95, but 90 is its worst price: it rests there, and 91 later trades through it.
    v = venue()
    v.submit(order("a", SELL, kind=OrderKind.STOP_LIMIT, trigger_price="95", limit_price="90"), HOUR)
    reports = play(v, candle(1, 85.0, 91.0, 84.0, 86.0))
    assert names(reports) == ["Triggered a", "Filled a"]
    (fill,) = fills(reports)
    assert (text(fill.price), fill.is_maker) == ("90.00", True)


def test_stop_limit_takes_when_its_limit_allows() -> None:
    v = venue()
    v.submit(order("a", SELL, kind=OrderKind.STOP_LIMIT, trigger_price="95", limit_price="94"), HOUR)
    assert prices(play(v, RISING)) == [("a", "95.00", "stop")]


def test_take_profit_limit_takes_at_its_trigger_with_slippage_bounded_by_the_limit() -> None:
    v = venue(slippage_rate="0.01")
    v.submit(order("a", SELL, kind=OrderKind.TAKE_PROFIT_LIMIT, trigger_price="125", limit_price="124.5"), HOUR)
    assert prices(play(v, RISING)) == [("a", "124.50", "target")]  # 125 x 0.99 = 123.75 is beyond the limit


@pytest.mark.parametrize(
    ("side", "expected"),
    [
        (SELL, "117.00"),  # the best is 130, x 0.9
        (BUY, "104.50"),  # the best is 95, x 1.1
    ],
)
def test_trailing_stop_follows_the_best_price(side: Side, expected: str) -> None:
    v = venue()
    v.submit(order("a", side, kind=OrderKind.TRAILING_STOP, trail_rate="0.1"), HOUR)
    reports = [*play(v, candle(1, 100.0, 130.0, 95.0, 129.0)), *play(v, candle(2, 128.0, 129.0, 110.0, 112.0))]
    assert prices(reports) == [("a", expected, "trail")]


def test_trailing_stop_never_falls_below_the_trigger_it_was_given() -> None:
    v = venue()
    v.submit(order("a", SELL, kind=OrderKind.TRAILING_STOP, trail_rate="0.1", trigger_price="97"), HOUR)
    assert prices(play(v, RISING)) == [("a", "97.00", "trail")]


def test_trailing_stop_moves_on_a_candle_that_only_makes_a_new_best() -> None:
    v = venue()
    v.submit(order("a", SELL, kind=OrderKind.TRAILING_STOP, trail_rate="0.1"), HOUR)
    for quiet in (candle(1, 100.0, 101.0, 99.0, 100.0), candle(2, 100.0, 100.5, 99.5, 100.0)):
        assert play(v, quiet) == [] or play(v, quiet) == []
    play(v, candle(3, 100.0, 120.0, 100.0, 119.0))
    assert prices(play(v, candle(4, 119.0, 119.0, 105.0, 106.0))) == [("a", "108.00", "trail")]  # 120 x 0.9


def test_gtd_order_of_60_s_sees_only_the_first_60_s_of_an_hourly_candle() -> None:
    # The first leg falls 10 in 1200 s: after 60 s the path is at 99.5, and at 99.59 after 0.41 / 10 x 1200 = 49.2 s.
    v = venue(match_timeframe="1h")
    terms: dict[str, Any] = {
        "kind": OrderKind.LIMIT,
        "time_in_force": TimeInForce.GTD,
        "expires_at_ns": HOUR + 60 * SECOND_NS,
    }
    v.submit(order("near", BUY, limit_price="99.60", **terms), HOUR)
    v.submit(order("far", BUY, limit_price="99.40", **terms), HOUR)
    assert v.advance_to(2 * HOUR) == []  # the candle that covers the expiry has not come yet
    filled, expired = play(v, RISING)
    assert isinstance(filled, Filled) and (filled.order_id, filled.ts) == (
        "near",
        HOUR + 49_200_000_000,
    )  # 0.41 / 10 x 1200 s
    assert expired == Expired("far", HOUR + 60 * SECOND_NS)


def test_expiry_is_served_late_when_no_candle_comes() -> None:
    v = venue(match_timeframe="1h")
    terms: dict[str, Any] = {"kind": OrderKind.LIMIT, "time_in_force": TimeInForce.GTD, "expires_at_ns": 2 * HOUR}
    v.submit(order("a", BUY, limit_price="90", **terms), HOUR)
    assert v.advance_to(4 * HOUR - 1) == []
    assert v.advance_to(4 * HOUR) == [Expired("a", 2 * HOUR)]


@pytest.mark.parametrize(
    ("terms", "cap", "expected"),
    [
        ({"time_in_force": TimeInForce.IOC}, "0.001", ["Filled a", "Canceled a"]),  # 1 of 2 is there
        ({"time_in_force": TimeInForce.FOK}, "0.001", ["Canceled a"]),
        ({"time_in_force": TimeInForce.FOK}, "0.002", ["Filled a"]),
        ({"time_in_force": TimeInForce.GTC}, "0.001", ["Filled a"]),
        ({"time_in_force": TimeInForce.IOC, "kind": OrderKind.LIMIT, "limit_price": "99"}, "0.1", ["Canceled a"]),
    ],
)
def test_time_in_force_decides_what_becomes_of_the_rest(terms: dict[str, Any], cap: str, expected: list[str]) -> None:
    v = venue(max_volume_share=cap)  # of a volume of 1000
    v.submit(order("a", BUY, "2", **terms), HOUR)
    reports = play(v, RISING)
    assert names(reports) == expected
    codes = [report.code for report in reports if isinstance(report, Canceled)]
    assert codes == [str(terms["time_in_force"])] * len(codes)


def test_large_order_fills_a_share_of_each_candle_at_its_open() -> None:
    v = venue(max_volume_share="0.10")
    v.submit(order("a", BUY, "250"), HOUR)
    got = [fills(play(v, candle(hour, 100.0 + hour, 110.0, 90.0, 100.0))) for hour in (1, 2, 3)]
    assert [(text(f.quantity), text(f.price), f.fill_id) for (f,) in got] == [
        ("100.00", "101.00", "a.1"),
        ("100.00", "102.00", "a.2"),
        ("50.00", "103.00", "a.3"),
    ]


def test_nothing_fills_in_a_candle_without_volume() -> None:
    v = venue(max_volume_share="0.10")
    v.submit(order("a", BUY), HOUR)
    assert play(v, candle(1, 100.0, 100.0, 100.0, 100.0, volume=0.0)) == []
    assert len(fills(play(v, candle(2, 101.0, 101.0, 101.0, 101.0)))) == 1


@pytest.mark.parametrize(("limit", "expected"), [("101", "Rejected a"), ("99", "Filled a")])
def test_post_only_order_is_rejected_when_it_would_cross(limit: str, expected: str) -> None:
    v = venue()
    v.submit(order("a", BUY, kind=OrderKind.LIMIT, limit_price=limit, is_post_only=True), HOUR)
    assert names(play(v, RISING)) == [expected]


def test_only_the_finest_timeframe_seen_matches() -> None:
    v = venue()
    v.submit(order("a", BUY, "1", kind=OrderKind.LIMIT, limit_price="50"), HOUR)
    play(v, candle(1, 100.0, 100.0, 100.0, 100.0, timeframe="1h"))
    play(v, candle(2, 100.0, 100.0, 100.0, 100.0, timeframe="5m"))
    assert play(v, candle(3, 100.0, 100.0, 40.0, 100.0, timeframe="1h")) == []
    assert len(fills(play(v, candle(4, 100.0, 100.0, 40.0, 100.0, timeframe="5m")))) == 1


def test_configured_timeframe_matches_even_if_a_finer_one_is_seen() -> None:
    v = venue(match_timeframe="1h")
    v.submit(order("a", BUY), HOUR)
    assert play(v, candle(1, 100.0, 100.0, 100.0, 100.0, timeframe="5m")) == []
    assert len(fills(play(v, RISING))) == 1


def test_time_that_a_longer_candle_covered_is_not_matched_again_by_a_shorter_one() -> None:
    v = venue()
    v.submit(order("a", BUY, kind=OrderKind.LIMIT, limit_price="50"), HOUR)
    play(v, RISING)
    again = candle(1, 100.0, 100.0, 40.0, 100.0, timeframe="30m")
    assert play(v, again) == []


def test_nothing_fills_while_halted_and_trading_resumes_as_an_open() -> None:
    # Halted from 10 to 50 minutes: the path (90 at 20, 130 at 40 minutes) is back at 125 when trading resumes.
    v = venue()
    v.submit(order("low", BUY, kind=OrderKind.LIMIT, limit_price="92"), HOUR)
    v.submit(order("stop", BUY, kind=OrderKind.STOP, trigger_price="110"), HOUR)
    v.on_status(InstrumentStatus(BTC.id, HOUR + 600 * SECOND_NS, True))
    v.on_status(InstrumentStatus(BTC.id, HOUR + 700 * SECOND_NS, True))  # told again
    v.on_status(InstrumentStatus(BTC.id, HOUR + 3000 * SECOND_NS, False))
    reports = play(v, RISING)
    assert prices(reports) == [("stop", "125.00", "gap")]
    assert reports[-1].ts == HOUR + 3000 * SECOND_NS


def test_orders_wait_while_halted_and_may_be_cancelled() -> None:
    v = venue()
    v.on_status(InstrumentStatus(BTC.id, HOUR, True))
    v.submit(order("a", BUY), HOUR)
    v.submit(order("b", BUY), HOUR)
    assert play(v, RISING) == []
    assert v.cancel("b", 2 * HOUR, "operator") == [Canceled("b", 2 * HOUR, "operator")]
    v.on_status(InstrumentStatus(BTC.id, 2 * HOUR, False))
    assert prices(play(v, candle(2, 111.0, 112.0, 110.0, 111.0))) == [("a", "111.00", "open")]


def test_stop_sent_in_answer_to_a_fill_works_for_the_rest_of_the_same_candle() -> None:
    # 100, 90 at 20, 130 at 40 minutes: bought at 95 after 10 minutes, stopped at 93 after 14.
    v = venue()
    v.submit(order("entry", BUY, kind=OrderKind.LIMIT, limit_price="95.01"), HOUR)
    (entry,) = fills(v.on_candle(RISING))
    assert entry.ts == HOUR + 600 * SECOND_NS
    v.submit(order("stop", SELL, kind=OrderKind.STOP, trigger_price="93", is_reduce_only=True), entry.ts)
    (stopped,) = fills(v.settle(BTC.id))
    assert (stopped.order_id, stopped.ts, text(stopped.price)) == ("stop", HOUR + 840 * SECOND_NS, "93.00")
    assert v.settle(BTC.id) == [] and v.settle(BTC.id) == ()


def test_order_sent_in_answer_does_not_see_the_path_before_the_fill() -> None:
    v = venue()
    v.submit(order("entry", BUY, kind=OrderKind.STOP, trigger_price="120"), HOUR)  # after the low of 90
    (entry,) = fills(v.on_candle(RISING))
    v.submit(order("stop", SELL, kind=OrderKind.STOP, trigger_price="95", is_reduce_only=True), entry.ts)
    assert v.settle(BTC.id) == []


def test_stop_sent_beyond_the_price_of_the_fill_fills_there_at_once() -> None:
    v = venue()
    v.submit(order("entry", BUY), HOUR)
    (entry,) = fills(v.on_candle(RISING))
    v.submit(order("stop", SELL, kind=OrderKind.STOP, trigger_price="101"), entry.ts)
    (stopped,) = fills(v.settle(BTC.id))
    assert (stopped.ts, text(stopped.price)) == (HOUR, "100.00")


def test_candle_that_nobody_settled_is_served_to_its_end_before_the_next() -> None:
    v = venue()
    v.submit(order("a", BUY), HOUR)
    v.submit(order("b", BUY, kind=OrderKind.LIMIT, limit_price="95"), HOUR)
    assert prices(v.on_candle(RISING)) == [("a", "100.00", "open")]
    later = v.on_candle(candle(2, 120.0, 120.0, 120.0, 120.0))
    assert prices(later) == [("b", "95.00", "through")] and later[0].ts < 2 * HOUR
