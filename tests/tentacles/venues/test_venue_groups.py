"""Orders that know of each other: OCO groups, stop and target in one candle, reduce-only."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from loligo.model.market import Side
from loligo.model.order import Amended, Canceled, OrderKind
from loligo.model.timeframe import HOUR_NS
from tentacles.venues.simulated.simulated import SimulatedVenue
from tests.fakes.venue_scene import candle, fills, names, order, play, prices, venue

BUY, SELL = Side.BUY, Side.SELL
HOUR = HOUR_NS
LOW_NEARER = candle(1, 100.0, 130.0, 90.0, 120.0)
HIGH_NEARER = candle(1, 100.0, 110.0, 80.0, 90.0)


def protected(v: SimulatedVenue, quantity: str = "1", **terms: Any) -> SimulatedVenue:
    """Give a venue a stop at 95 and a target at 105, sells of one group."""
    common: dict[str, Any] = {"group_id": "g", **terms}
    v.submit(order("stop", SELL, quantity, OrderKind.STOP, trigger_price="95", **common), HOUR)
    v.submit(order("target", SELL, quantity, OrderKind.LIMIT, limit_price="105", **common), HOUR)
    return v


def holding(v: SimulatedVenue, quantity: str) -> SimulatedVenue:
    """Give a venue a long position, bought at 100 in the hour before."""
    v.submit(order("entry", BUY, quantity), 0)
    play(v, candle(0, 100.0, 100.0, 100.0, 100.0, volume=1e6))
    return v


def test_nearer_extreme_comes_first_so_the_stop_fills_and_cancels_the_target() -> None:
    v = protected(venue())
    reports = play(v, LOW_NEARER)
    assert names(reports) == ["Triggered stop", "Filled stop", "Canceled target"]
    assert reports[-1] == Canceled("target", HOUR + HOUR_NS // 6, "oco")  # half of the first third
    assert v.counts() == {"ambiguous_candles": 1}


def test_nearer_high_lets_the_target_fill_first() -> None:
    v = protected(venue())
    assert prices(play(v, HIGH_NEARER)) == [("target", "105.00", "through")]
    assert v.counts() == {"ambiguous_candles": 1}


@pytest.mark.parametrize("has_position", [True, False])
def test_pessimistic_path_meets_the_stop_first(has_position: bool) -> None:
    v = venue(is_pessimistic=True)
    protected(holding(v, "1") if has_position else v)
    assert prices(play(v, HIGH_NEARER)) == [("stop", "95.00", "stop")]


def test_pessimistic_path_without_a_stop_is_the_adaptive_one() -> None:
    v = venue(is_pessimistic=True)
    v.submit(order("a", SELL, kind=OrderKind.LIMIT, limit_price="105", group_id="g"), HOUR)
    v.submit(order("b", BUY, kind=OrderKind.LIMIT, limit_price="95", group_id="g"), HOUR)
    assert prices(play(v, LOW_NEARER)) == [("b", "95.00", "through")]


@pytest.mark.parametrize(
    "quiet",
    [
        candle(1, 100.0, 104.0, 94.0, 100.0),  # the stop alone
        candle(1, 94.0, 110.0, 90.0, 100.0),  # the open decides
    ],
)
def test_candle_with_one_possible_order_is_not_ambiguous(quiet: object) -> None:
    v = protected(venue())
    assert prices(play(v, quiet))[0][0] == "stop"  # type: ignore[arg-type]
    assert v.counts() == {"ambiguous_candles": 0}


def test_partial_fill_of_one_member_shrinks_the_other_by_as_much() -> None:
    v = protected(venue(max_volume_share="0.1"), quantity="10")
    reports = play(v, candle(1, 100.0, 100.0, 90.0, 94.0, volume=40.0))  # 4 of 10 are there
    assert [str(fill.quantity.normalize()) for fill in fills(reports)] == ["4"]
    amended = reports[-1]
    assert isinstance(amended, Amended)
    assert (amended.order_id, amended.quantity, amended.limit_price) == ("target", Decimal(6), Decimal(105))
    (rest,) = fills(play(v, candle(2, 120.0, 120.0, 120.0, 120.0, volume=30.0)))[:1]
    assert (rest.order_id, str(rest.price.normalize()), str(rest.quantity.normalize())) == ("stop", "1.2E+2", "3")


def test_group_of_unequal_sizes_keeps_what_is_left_of_the_larger() -> None:
    v = venue()
    v.submit(order("stop", SELL, "10", OrderKind.STOP, trigger_price="95", group_id="g"), HOUR)
    v.submit(order("part", SELL, "4", OrderKind.LIMIT, limit_price="105", group_id="g"), HOUR)
    v.submit(order("other", SELL, "4", OrderKind.LIMIT, limit_price="140", group_id="h"), HOUR)
    reports = play(v, candle(1, 100.0, 110.0, 99.0, 108.0))
    assert names(reports) == ["Filled part", "Amended stop"]
    assert v.cancel("stop", 2 * HOUR, "operator") and v.cancel("other", 2 * HOUR, "operator")


def test_reduce_only_order_is_cut_to_the_position_and_its_rest_is_cancelled() -> None:
    v = holding(venue(), "3")
    v.submit(order("a", SELL, "5", is_reduce_only=True), HOUR)
    reports = play(v, LOW_NEARER)
    assert names(reports) == ["Filled a", "Canceled a"]
    assert fills(reports)[0].quantity == 3
    assert reports[-1] == Canceled("a", HOUR, "reduce_only")


def test_reduce_only_order_without_a_position_is_cancelled_when_it_would_fill() -> None:
    v = venue()
    v.submit(order("a", SELL, "5", is_reduce_only=True), HOUR)
    assert play(v, LOW_NEARER) == [Canceled("a", HOUR, "reduce_only")]


def test_reduce_only_order_on_the_side_of_the_position_is_cancelled() -> None:
    v = holding(venue(), "3")
    v.submit(order("a", BUY, "1", is_reduce_only=True), HOUR)
    assert play(v, LOW_NEARER) == [Canceled("a", HOUR, "reduce_only")]


def test_resting_reduce_only_orders_end_with_the_position() -> None:
    v = holding(venue(), "1")
    v.submit(order("far", SELL, "1", OrderKind.LIMIT, limit_price="900", is_reduce_only=True), HOUR)
    v.submit(order("exit", SELL, "1"), HOUR)
    assert names(play(v, LOW_NEARER)) == ["Filled exit", "Canceled far"]


def test_desks_share_neither_position_nor_liquidity() -> None:
    v = venue(max_volume_share="0.001")  # 1 of 1000
    v.submit(order("b1", BUY, desk="beta"), HOUR)
    v.submit(order("a1", BUY, desk="alpha"), HOUR)
    v.submit(order("g1", SELL, desk="gamma", is_reduce_only=True), HOUR)
    assert names(play(v, LOW_NEARER)) == ["Filled a1", "Filled b1", "Canceled g1"]  # desks by name


def test_stop_and_target_of_an_entry_in_the_same_candle_make_it_ambiguous_once() -> None:
    v = venue()
    v.submit(order("entry", BUY, "2"), HOUR)
    (entry,) = fills(v.on_candle(LOW_NEARER))
    for leg, kind, trigger in (("stop", OrderKind.STOP, "95"), ("target", OrderKind.TAKE_PROFIT, "105")):
        v.submit(order(leg, SELL, "2", kind, trigger_price=trigger, group_id="g", is_reduce_only=True), entry.ts)
    assert prices(v.settle(LOW_NEARER.instrument)) == [("stop", "95.00", "stop")]
    assert v.counts() == {"ambiguous_candles": 1}


@pytest.mark.parametrize(("side", "stop", "target"), [(BUY, "95", "105"), (SELL, "105", "95")])
def test_pessimistic_path_goes_against_an_entry_that_is_yet_to_fill(side: Side, stop: str, target: str) -> None:
    v = venue(is_pessimistic=True)
    v.submit(order("entry", side), HOUR)
    newest = HIGH_NEARER if side is BUY else LOW_NEARER
    (entry,) = fills(v.on_candle(newest))
    for leg, kind, trigger in (("stop", OrderKind.STOP, stop), ("target", OrderKind.TAKE_PROFIT, target)):
        terms: dict[str, Any] = {"trigger_price": trigger, "group_id": "g", "is_reduce_only": True}
        v.submit(order(leg, side.opposite, kind=kind, **terms), entry.ts)
    assert [fill.order_id for fill in fills(v.settle(newest.instrument))] == ["stop"]


def test_reports_of_several_desks_come_in_time_order() -> None:
    v = venue()
    v.submit(order("late", SELL, kind=OrderKind.LIMIT, limit_price="120", desk="alpha"), HOUR)
    v.submit(order("early", BUY, kind=OrderKind.LIMIT, limit_price="95", desk="beta"), HOUR)
    assert [fill.order_id for fill in fills(v.on_candle(LOW_NEARER))] == ["early", "late"]
