"""The sample venue: when and at what price orders are filled, and a desk that trades on it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from loligo.api import (
    Canceled,
    Candle,
    Direction,
    Expired,
    Filled,
    MakeContext,
    Order,
    OrderKind,
    OrderRole,
    Side,
    TimeInForce,
    VenueReport,
)
from loligo_testing import SimulatedDesk, tape

from .logic import Sample, Settings

BTC = SimulatedDesk().instrument
CANDLES = tape.closes([100.0, 110.0, 90.0])  # each opens where the one before it closed


def venue() -> Sample:
    return Sample(Settings(slippage_rate=0.0), MakeContext(instruments=(BTC,)))


def order(id_: str, side: Side, kind: OrderKind = OrderKind.MARKET, **terms: Any) -> Order:
    given = {"role": OrderRole.ENTRY, "quantity": Decimal(1), **terms}
    return Order(id=id_, desk="desk", account="paper", instrument=BTC.id, side=side, kind=kind, **given)


def filled(said: list[VenueReport]) -> list[tuple[str, float]]:
    return [(one.order_id, float(one.price)) for one in said if isinstance(one, Filled)]


def play(on: Sample, *candles: Candle) -> list[VenueReport]:
    return [report for candle in candles for report in on.on_candle(candle)]


def test_a_market_order_is_filled_at_the_next_open_and_pays_the_fee_of_its_instrument() -> None:
    first, second, _ = CANDLES
    on = venue()
    on.submit(order("a", Side.BUY), first.ts)
    said = play(on, second)
    assert filled(said) == [("a", second.open)]
    assert [one.fee for one in said if isinstance(one, Filled)] == [Decimal("0.1")]  # of 100


def test_what_comes_within_a_candle_waits_for_the_next_one() -> None:
    first, second, third = CANDLES
    on = venue()
    on.submit(order("a", Side.BUY), first.ts + 1)
    assert filled(play(on, second)) == []
    assert filled(play(on, third)) == [("a", third.open)]


def test_the_stop_of_a_group_cancels_the_target_and_sells_no_more_than_there_is() -> None:
    first, second, third = CANDLES
    on = venue()
    on.submit(order("a", Side.BUY), first.ts)
    play(on, second)
    terms = {"group_id": "g", "is_reduce_only": True, "quantity": Decimal(2)}
    on.submit(order("target", Side.SELL, OrderKind.TAKE_PROFIT, trigger_price=Decimal(110), **terms), second.ts)
    on.submit(order("stop", Side.SELL, OrderKind.STOP, trigger_price=Decimal(95), **terms), second.ts)
    said = play(on, third)  # opens at 110: the target; its low at 90 would be the stop, which goes first
    assert filled(said) == [("stop", 95.0)]
    gone = [(one.order_id, one.code) for one in said if isinstance(one, Canceled)]
    assert gone == [("stop", "reduce_only"), ("target", "oco")]


def test_an_order_for_a_time_is_filled_at_the_open_or_expires() -> None:
    first, second, _ = CANDLES
    on = venue()
    until = {"time_in_force": TimeInForce.GTD, "expires_at_ns": first.ts + 60}
    on.submit(order("far", Side.BUY, OrderKind.LIMIT, limit_price=Decimal(99), **until), first.ts)
    on.submit(order("near", Side.BUY, OrderKind.LIMIT, limit_price=Decimal(101), **until), first.ts)
    said = play(on, second)
    assert filled(said) == [("near", 100.0)]
    assert [one.order_id for one in said if isinstance(one, Expired)] == ["far"]


def test_a_restored_venue_goes_on_with_its_orders() -> None:
    first, second, third = CANDLES
    on, again = venue(), venue()
    on.submit(order("trail", Side.SELL, OrderKind.TRAILING_STOP, trail_rate=Decimal("0.1")), first.ts)
    play(on, second)
    again.restore_state(on.export_state())
    assert filled(play(again, third)) == filled(play(on, third)) == [("trail", 99.0)]  # a tenth below 110


def test_a_desk_buys_on_it_and_is_protected() -> None:
    desk = SimulatedDesk(venue=lambda context: Sample(Settings(), context), signals={2: Direction.LONG})
    run = desk.run(tape.closes([100.0] * 6 + [90.0] * 2))
    assert [fill.code for fill in run.fills] == ["open", "stop"]
    assert run.position == 0 and not run.failures
