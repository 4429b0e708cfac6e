"""Isolated margin and liquidation of linear perpetuals."""

from __future__ import annotations

from decimal import Decimal

import pytest

from loligo.model.market import Side
from loligo.model.order import Canceled, Liquidated, OrderKind, OrderRole
from loligo.model.timeframe import HOUR_NS
from tentacles.venues.simulated.margin import NetPosition
from tentacles.venues.simulated.simulated import SimulatedVenue
from tests.fakes.venue_scene import PERP, candle, fills, names, order, play, venue

BUY, SELL = Side.BUY, Side.SELL
HOUR = HOUR_NS


def opened(side: Side, *, leverage: str = "10", quantity: str = "2") -> SimulatedVenue:
    """A venue where a desk opened a position at 100 in the hour before."""
    v = venue()
    v.submit(order("entry", side, quantity, instrument=PERP.id, leverage=leverage), 0)
    play(v, candle(0, 100.0, 100.0, 100.0, 100.0, instrument=PERP.id))
    return v


@pytest.mark.parametrize(
    ("side", "expected"),
    [
        (BUY, 90 / 0.995),  # (entry - margin per unit) / (1 - maintenance rate)
        (SELL, 110 / 1.005),  # (entry + margin per unit) / (1 + maintenance rate)
    ],
)
def test_liquidation_price_is_where_the_margin_is_down_to_maintenance(side: Side, expected: float) -> None:
    position = NetPosition()
    position.fill(side, Decimal(2), Decimal(100), Decimal(10))
    price = position.liquidation_price(PERP)
    assert price == pytest.approx(expected)
    left = 20 + side.sign * 2 * (price - 100)
    assert left == pytest.approx(0.005 * 2 * price)


@pytest.mark.parametrize(
    ("side", "low", "high", "price", "fee"),
    [
        # 90 / 0.995 = 90.4522; fee 2 x 90.45 x 0.005 = 0.9045, of 20 - 2 x 9.55 = 0.9 that is left
        (BUY, 80.0, 101.0, "90.45", "0.90"),
        # 110 / 1.005 = 109.4527; fee 1.0946, of 20 - 2 x 9.46 = 1.08 that is left
        (SELL, 99.0, 120.0, "109.46", "1.08"),
    ],
)
def test_position_is_liquidated_when_the_path_reaches_its_price(
    side: Side, low: float, high: float, price: str, fee: str
) -> None:
    v = opened(side)
    liquidated, filled = play(v, candle(1, 100.0, high, low, 100.0, instrument=PERP.id))
    assert isinstance(liquidated, Liquidated)
    closing = liquidated.order
    assert (closing.role, closing.side, closing.quantity) == (OrderRole.LIQUIDATION, side.opposite, Decimal(2))
    (fill,) = fills([filled])
    assert (fill.order_id, fill.price, fill.code, fill.fill_id) == (
        closing.id,
        Decimal(price),
        "liquidation",
        f"{closing.id}.1",
    )
    assert fill.fee == Decimal(fee)
    assert closing.with_fill(fill.quantity).remaining == 0


def test_gap_past_stop_and_liquidation_price_liquidates_first_and_cancels_the_stop() -> None:
    v = opened(BUY)
    stop = order("stop", SELL, "2", OrderKind.STOP, trigger_price="95", instrument=PERP.id, is_reduce_only=True)
    v.submit(stop, HOUR)
    reports = play(v, candle(1, 85.0, 86.0, 84.0, 85.0, instrument=PERP.id))
    assert names(reports) == ["Liquidated by venue", f"Filled {fills(reports)[0].order_id}", "Canceled stop"]
    assert reports[-1] == Canceled("stop", HOUR, "liquidation")
    assert (fills(reports)[0].price, fills(reports)[0].fee) == (
        Decimal(90),
        Decimal(0),
    )  # bankruptcy price: no more than the margin


def test_stop_nearer_than_the_liquidation_price_saves_the_position() -> None:
    v = opened(BUY)
    stop = order("stop", SELL, "2", OrderKind.STOP, trigger_price="95", instrument=PERP.id, is_reduce_only=True)
    v.submit(stop, HOUR)
    reports = play(v, candle(1, 100.0, 100.0, 80.0, 85.0, instrument=PERP.id))
    assert names(reports) == ["Triggered stop", "Filled stop"]
    assert play(v, candle(2, 50.0, 50.0, 50.0, 50.0, instrument=PERP.id)) == []


def test_unlevered_long_is_never_liquidated() -> None:
    v = opened(BUY, leverage="1")
    assert play(v, candle(1, 100.0, 100.0, 0.01, 1.0, instrument=PERP.id)) == []


def test_spot_short_has_no_liquidation() -> None:
    v = venue()
    v.submit(order("entry", SELL, "2"), 0)
    play(v, candle(0, 100.0, 100.0, 100.0, 100.0))
    assert play(v, candle(1, 100.0, 900.0, 100.0, 900.0)) == []


def test_closing_a_part_releases_its_margin_and_crossing_zero_opens_anew() -> None:
    position = NetPosition()
    position.fill(BUY, Decimal(4), Decimal(100), Decimal(10))
    position.fill(SELL, Decimal(1), Decimal(120), Decimal(1))
    assert (position.quantity, position.cost, position.margin) == (Decimal(3), 300.0, 30.0)
    position.fill(SELL, Decimal(5), Decimal(110), Decimal(2))
    assert (position.quantity, position.cost, position.margin) == (Decimal(-2), 220.0, 110.0)


def test_second_liquidation_of_a_desk_has_an_id_of_its_own() -> None:
    v = opened(BUY)
    first = fills(play(v, candle(1, 85.0, 86.0, 84.0, 85.0, instrument=PERP.id)))[0].order_id
    v.submit(order("again", BUY, "2", instrument=PERP.id, leverage="10"), 2 * HOUR)
    play(v, candle(2, 100.0, 100.0, 100.0, 100.0, instrument=PERP.id))
    second = fills(play(v, candle(3, 85.0, 86.0, 84.0, 85.0, instrument=PERP.id)))[0].order_id
    assert first != second and len(second) <= 36


def test_stop_sent_on_the_fill_saves_a_position_from_liquidation_in_the_candle_that_opened_it() -> None:
    v = venue()
    v.submit(order("entry", BUY, "2", instrument=PERP.id, leverage="10"), 0)
    (entry,) = fills(v.on_candle(candle(0, 100.0, 100.0, 80.0, 90.0, instrument=PERP.id)))
    stop = order("stop", SELL, "2", OrderKind.STOP, trigger_price="95", instrument=PERP.id, is_reduce_only=True)
    v.submit(stop, entry.ts)
    assert names(v.settle(PERP.id)) == ["Triggered stop", "Filled stop"]
