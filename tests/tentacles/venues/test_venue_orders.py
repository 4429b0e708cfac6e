"""What the venue takes, refuses, cancels and amends."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from loligo.errors import OrderError
from loligo.model.market import FundingRate, Side
from loligo.model.order import Amended, Canceled, OrderKind, Rejected, TimeInForce
from loligo.model.timeframe import HOUR_NS
from tests.fakes.venue_scene import BTC, PERP, candle, fills, names, order, play, prices, venue

BUY, SELL = Side.BUY, Side.SELL
LIMIT, STOP, TRAIL = OrderKind.LIMIT, OrderKind.STOP, OrderKind.TRAILING_STOP
HOUR = HOUR_NS


@pytest.mark.parametrize(
    ("terms", "code", "numbers"),
    [
        ({"kind": LIMIT}, "limit_price_missing", ()),
        ({"kind": STOP}, "trigger_price_missing", ()),
        ({"kind": TRAIL}, "trail_rate", (0.0, 1.0)),
        ({"kind": TRAIL, "trail_rate": "1"}, "trail_rate", (1.0, 1.0)),
        ({"kind": LIMIT, "limit_price": "100.005"}, "price_step", (100.005, 0.01)),
        ({"kind": STOP, "trigger_price": "-5"}, "price_not_positive", (-5.0, 0.0)),
        ({"quantity": "0"}, "minimum_quantity", (0.0, 0.001)),
        ({"quantity": "1.0005"}, "quantity_step", (1.0005, 0.001)),
        ({"kind": LIMIT, "limit_price": "100", "quantity": "0.099"}, "minimum_notional", (9.9, 10.0)),
        ({"quantity": "0.099"}, "minimum_notional", (9.9, 10.0)),  # at the last price, 100
        ({"is_post_only": True}, "post_only_needs_resting_limit", ()),
        ({"time_in_force": TimeInForce.GTD, "expires_at_ns": HOUR}, "expires_at", (float(HOUR), float(HOUR))),
        ({"instrument": PERP.id, "leverage": "21"}, "leverage", (21.0, 20.0)),
        ({"instrument": "sim:XXX/USD"}, "unknown_instrument", ()),
    ],
)
def test_order_against_the_rules_is_rejected_with_code_and_numbers(
    terms: dict[str, Any], code: str, numbers: tuple[float, ...]
) -> None:
    v = venue()
    play(v, candle(0, 100.0, 100.0, 100.0, 100.0))
    assert v.submit(order("a", BUY, **terms), HOUR) == (Rejected("a", HOUR, code, numbers),)


def test_minimum_notional_is_not_asked_of_reduce_only_orders_or_before_a_price_is_known() -> None:
    v = venue()
    assert names(v.submit(order("a", BUY, "0.001"), HOUR)) == ["Accepted a"]
    tiny = order("b", SELL, "0.001", LIMIT, limit_price="5", is_reduce_only=True)
    assert names(v.submit(tiny, HOUR)) == ["Accepted b"]


def test_smallest_quantity_is_not_asked_of_reduce_only_orders() -> None:
    """Else the stop of a small partial fill would be refused, and the order that closes it, too."""
    coarse = msgspec.structs.replace(BTC, minimum_quantity=Decimal("0.01"))
    v = venue(coarse)
    refused = (Rejected("a", HOUR, "minimum_quantity", (0.005, 0.01)),)
    assert v.submit(order("a", SELL, "0.005", STOP, trigger_price="90"), HOUR) == refused
    rest = order("b", SELL, "0.005", STOP, trigger_price="90", is_reduce_only=True)
    assert names(v.submit(rest, HOUR)) == ["Accepted b"]
    assert v.submit(order("c", SELL, "0", is_reduce_only=True), HOUR) == (
        Rejected("c", HOUR, "minimum_quantity", (0.0, 0.01)),
    )


def test_id_of_an_open_order_is_never_taken_twice() -> None:
    v = venue()
    v.submit(order("a", BUY), HOUR)
    with pytest.raises(OrderError, match="order a is open already"):
        v.submit(order("a", BUY), HOUR)


def test_cancel_ends_an_open_order_once() -> None:
    v = venue()
    v.submit(order("a", BUY), HOUR)
    assert v.cancel("a", HOUR + 5, "mode") == [Canceled("a", HOUR + 5, "mode")]
    assert v.cancel("a", HOUR + 6, "mode") == (Rejected("a", HOUR + 6, "unknown_order", of="cancel"),)


def test_amended_order_works_under_its_new_terms() -> None:
    v = venue()
    v.submit(order("a", BUY, kind=LIMIT, limit_price="80"), HOUR)
    said = v.amend("a", HOUR, Decimal(2), Decimal(95), None)
    assert said == [Amended("a", HOUR, Decimal(2), Decimal(95), None)]
    (fill,) = fills(play(v, candle(1, 100.0, 101.0, 90.0, 95.0)))
    assert (float(fill.quantity), float(fill.price)) == (2, 95)


def test_amend_loses_the_place_in_the_queue() -> None:
    v = venue(max_volume_share="0.001")  # 1 of 1000: only the first in the queue fills
    for name in ("first", "second"):
        v.submit(order(name, BUY, kind=LIMIT, limit_price="95"), HOUR)
    v.amend("first", HOUR, Decimal(1), None, None)
    assert prices(play(v, candle(1, 100.0, 101.0, 90.0, 95.0))) == [("second", "95.00", "through")]


def test_amend_that_only_shrinks_keeps_the_place_in_the_queue() -> None:
    v = venue(max_volume_share="0.001")
    for name in ("first", "second"):
        v.submit(order(name, BUY, "2", LIMIT, limit_price="95"), HOUR)
    v.amend("first", HOUR, Decimal(1), Decimal(95), None)
    assert prices(play(v, candle(1, 100.0, 101.0, 90.0, 95.0))) == [("first", "95.00", "through")]


def test_amended_member_keeps_its_group() -> None:
    v = venue()
    v.submit(order("stop", SELL, kind=STOP, trigger_price="90", group_id="g"), HOUR)
    v.submit(order("target", SELL, kind=LIMIT, limit_price="110", group_id="g"), HOUR)
    v.amend("stop", HOUR, Decimal(1), None, Decimal(97))
    assert names(play(v, candle(1, 100.0, 101.0, 96.0, 97.0))) == ["Triggered stop", "Filled stop", "Canceled target"]


@pytest.mark.parametrize(
    ("id", "quantity", "limit", "code"),
    [
        ("b", "1", None, "unknown_order"),
        ("a", "1", "80.001", "price_step"),
        ("a", "4", None, "quantity_filled"),  # 4 of 10 are filled
    ],
)
def test_impossible_amendment_is_rejected_and_changes_nothing(
    id: str, quantity: str, limit: str | None, code: str
) -> None:
    v = venue(max_volume_share="0.1")
    v.submit(order("a", BUY, "10", LIMIT, limit_price="95"), HOUR)
    play(v, candle(1, 100.0, 101.0, 90.0, 95.0, volume=40.0))
    (said,) = v.amend(id, 2 * HOUR, Decimal(quantity), Decimal(limit) if limit else None, None)
    assert isinstance(said, Rejected) and (said.code, said.of) == (code, "amend")
    assert fills(play(v, candle(2, 96.0, 96.0, 90.0, 95.0)))[0].quantity == 6


def test_amended_post_only_order_that_would_cross_is_rejected_or_cancelled_after_a_partial_fill() -> None:
    v = venue(max_volume_share="0.1")
    v.submit(order("a", BUY, "10", LIMIT, limit_price="95", is_post_only=True), HOUR)
    play(v, candle(1, 100.0, 101.0, 90.0, 95.0, volume=40.0))
    v.amend("a", 2 * HOUR, Decimal(10), Decimal(105), None)
    assert play(v, candle(2, 100.0, 101.0, 90.0, 95.0)) == [Canceled("a", 2 * HOUR, "post_only")]


def test_funding_is_left_to_the_portfolio() -> None:
    assert venue().on_funding(FundingRate(PERP.id, HOUR, 0.0001)) == ()


def test_instruments_are_listed_by_id() -> None:
    assert dict(venue().instruments) == {BTC.id: BTC, PERP.id: PERP}


def test_order_that_rests_while_thousands_come_and_go_can_still_be_amended_and_canceled() -> None:
    v = venue()
    resting = order("rests", BUY, kind=LIMIT, limit_price="50")
    v.submit(resting, HOUR)
    for number in range(2_500):
        v.submit(order(f"n{number}", BUY, kind=LIMIT, limit_price="40"), HOUR)
        assert names(v.cancel(f"n{number}", HOUR, "operator")) == [f"Canceled n{number}"]
    assert names(v.amend("rests", HOUR, resting.quantity, Decimal("51"), None)) == ["Amended rests"]
    assert names(v.cancel("n7", HOUR, "operator")) == ["Rejected n7"]  # it has ended
    assert names(v.cancel("rests", HOUR, "operator")) == ["Canceled rests"]
