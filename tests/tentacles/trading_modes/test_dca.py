"""dca: fixed purchases at fixed intervals. Amount 40 USD, daily, stop 8 %, target 5 % on the average entry."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from loligo.api import (
    DAY_NS,
    AmendIntent,
    CancelIntent,
    Declined,
    Order,
    OrderKind,
    OrderRequest,
    OrderRole,
    OrderState,
    Side,
    TimeInForce,
    TimerFired,
    TimerIntent,
)

NOON_NS = 1_700_049_600_000_000_000
HOUR_NS = 3_600_000_000_000


def timer(ts: int) -> TimerFired:
    return TimerFired(7, ts, 6, "desk", "test:BTC/USD", "buy")


def bought(
    mode: Any, view: Any, order_of: Callable[..., Any], fill_of: Callable[..., Any], ts: int = NOON_NS
) -> tuple[Order, list[Any]]:
    """Let the mode buy at its due time at 100.10; return the filled order and what the mode does then."""
    desk = view(ts=ts)
    (request,) = (i for i in mode.on_timer(timer(ts), desk) if isinstance(i, OrderRequest) and i.side is Side.BUY)
    order, fill = fill_of(order_of(request), "100.10")
    return order, mode.on_fill(order, fill, view(ts=ts, position=order.filled, average_entry=100.10))


def test_first_candle_buys_and_sets_the_timer(
    make_mode: Callable[..., Any], view: Any, candle_at: Callable[..., Any]
) -> None:
    mode = make_mode("dca")
    entry, next_timer = mode.on_candle(candle_at(), view())
    # Limit 100 x 1.001 = 100.10; 40 / 100.10 = 0.39960...; stop 100.10 x 0.92 = 92.092, up to 92.10.
    assert entry == OrderRequest(
        instrument="test:BTC/USD",
        side=Side.BUY,
        quantity=Decimal("0.3996"),
        kind=OrderKind.LIMIT,
        limit_price=Decimal("100.10"),
        time_in_force=TimeInForce.GTD,
        expires_at_ns=NOON_NS + HOUR_NS,
        stop_loss_price=Decimal("92.10"),
        is_whole_position_stop=True,
        strength=1.0,
        code="dca",
    )
    assert next_timer == TimerIntent("buy", NOON_NS + DAY_NS)
    assert mode.on_candle(candle_at(NOON_NS + HOUR_NS), view(ts=NOON_NS + HOUR_NS)) == ()


def test_timer_does_not_drift_and_missed_purchases_are_not_made_up(
    make_mode: Callable[..., Any], view: Any, candle_at: Callable[..., Any]
) -> None:
    mode = make_mode("dca")
    mode.on_candle(candle_at(), view())
    late_ns = NOON_NS + DAY_NS + 5 * HOUR_NS
    entry, on_time = mode.on_timer(timer(late_ns), view(ts=late_ns))
    assert (entry.side, on_time.due_ns) == (Side.BUY, NOON_NS + 2 * DAY_NS)
    much_later_ns = NOON_NS + 5 * DAY_NS + HOUR_NS
    intents = mode.on_timer(timer(much_later_ns), view(ts=much_later_ns))
    assert [type(intent) for intent in intents] == [OrderRequest, TimerIntent]  # one purchase for four that were due
    assert intents[1].due_ns == NOON_NS + 6 * DAY_NS


def test_timer_that_is_not_due_buys_nothing(
    make_mode: Callable[..., Any], view: Any, candle_at: Callable[..., Any]
) -> None:
    mode = make_mode("dca")
    mode.on_candle(candle_at(), view())
    assert mode.on_timer(timer(NOON_NS + HOUR_NS), view(ts=NOON_NS + HOUR_NS)) == (Declined("timer_not_due"),)


def test_a_lost_timer_is_made_good_by_the_next_candle(
    make_mode: Callable[..., Any], view: Any, candle_at: Callable[..., Any]
) -> None:
    mode, ts = make_mode("dca"), NOON_NS + DAY_NS + HOUR_NS
    mode.on_candle(candle_at(), view())
    assert mode.on_candle(candle_at(ts), view(ts=ts))[-1] == TimerIntent("buy", NOON_NS + 2 * DAY_NS)


def test_fill_brings_a_target_for_the_whole_position(
    make_mode: Callable[..., Any], view: Any, order_of: Callable[..., Any], fill_of: Callable[..., Any]
) -> None:
    order, (target,) = bought(make_mode("dca"), view, order_of, fill_of)
    # 100.10 x 1.05 = 105.105, up to 105.11
    assert (target.side, target.quantity, target.limit_price) == (Side.SELL, order.filled, Decimal("105.11"))
    assert (target.role, target.kind, target.is_reduce_only) == (OrderRole.EXIT, OrderKind.LIMIT, True)


def test_second_purchase_moves_stop_and_target_with_the_average(
    make_mode: Callable[..., Any], view: Any, order_of: Callable[..., Any], fill_of: Callable[..., Any]
) -> None:
    mode, ts = make_mode("dca"), NOON_NS + DAY_NS
    first, (target,) = bought(mode, view, order_of, fill_of)
    resting = order_of(target, "t1")
    held = {"ts": ts, "price": 96.0, "open_orders": (resting,)}
    intents = mode.on_timer(timer(ts), view(position=first.filled, average_entry=100.10, **held))
    entry = next(intent for intent in intents if isinstance(intent, OrderRequest))
    # Limit 96 x 1.001 = 96.096, down to 96.09; 40 / 96.09 = 0.41627... -> 0.4162.
    # Average (0.3996 x 100.10 + 0.4162 x 96.09) / 0.8158 = 98.05419...; x 0.92 = 90.20986, up to 90.21.
    assert (entry.limit_price, entry.quantity) == (Decimal("96.09"), Decimal("0.4162"))
    assert entry.stop_loss_price == Decimal("90.21")
    order, fill = fill_of(order_of(entry, "e2"), "96.09")
    intents = mode.on_fill(order, fill, view(position=Decimal("0.8158"), average_entry=98.05419, **held))
    # 98.05419 x 1.05 = 102.9568995, up to 102.96
    assert intents == (AmendIntent("t1", Decimal("0.8158"), Decimal("102.96"), code="average_moved"),)


def test_partly_filled_target_is_amended_to_its_fills_and_the_rest(
    make_mode: Callable[..., Any], view: Any, order_of: Callable[..., Any], fill_of: Callable[..., Any]
) -> None:
    mode = make_mode("dca")
    _, (target,) = bought(mode, view, order_of, fill_of)
    resting = order_of(target, "t1", filled=Decimal("0.1"), state=OrderState.PARTIALLY_FILLED)
    held = view(position=Decimal("0.6"), average_entry=100.0, open_orders=(resting,), ts=NOON_NS + DAY_NS)
    (amend, *_) = mode.on_timer(timer(held.ts), held)
    assert amend == AmendIntent("t1", Decimal("0.7"), Decimal("105.00"), code="average_moved")


def test_position_is_full_after_the_maximum_of_entries(
    make_mode: Callable[..., Any], view: Any, order_of: Callable[..., Any], fill_of: Callable[..., Any]
) -> None:
    mode = make_mode("dca", maximum_entries=2)
    bought(mode, view, order_of, fill_of)
    order, _ = bought(mode, view, order_of, fill_of, NOON_NS + DAY_NS)
    ts = NOON_NS + 2 * DAY_NS
    intents = mode.on_timer(timer(ts), view(ts=ts, position=order.filled, average_entry=100.10))
    assert Declined("maximum_entries", (2.0, 2.0)) in intents
    assert intents[-1] == TimerIntent("buy", NOON_NS + 3 * DAY_NS)


def test_two_fills_of_one_purchase_are_one_entry(
    make_mode: Callable[..., Any], view: Any, order_of: Callable[..., Any], fill_of: Callable[..., Any]
) -> None:
    mode = make_mode("dca")
    entry = mode.on_timer(timer(NOON_NS), view())[0]
    order, fill = fill_of(order_of(entry), "100", "0.1")
    mode.on_fill(order, fill, view(position=Decimal("0.1"), average_entry=100.0))
    order, fill = fill_of(order, "100", "0.2996")
    mode.on_fill(order, fill, view(position=Decimal("0.3996"), average_entry=100.0))
    assert mode.export_state() == {"due_ns": NOON_NS + DAY_NS, "entries": 1, "spent": "39.9600"}


def test_total_amount_is_never_exceeded(
    make_mode: Callable[..., Any], view: Any, order_of: Callable[..., Any], fill_of: Callable[..., Any]
) -> None:
    mode, ts = make_mode("dca", maximum_quote="60"), NOON_NS + DAY_NS
    order, _ = bought(mode, view, order_of, fill_of)  # 0.3996 x 100.10 = 39.99996
    held = {"position": order.filled, "average_entry": 100.10}
    second = next(i for i in mode.on_timer(timer(ts), view(ts=ts, **held)) if getattr(i, "role", "") == "entry")
    assert second.quantity == Decimal("0.1998")  # 20.00004 / 100.10 = 0.19980...
    filled, fill = fill_of(order_of(second), "100.10")
    mode.on_fill(filled, fill, view(ts=ts, position=Decimal("0.5994"), average_entry=100.10))
    intents = mode.on_timer(timer(ts + DAY_NS), view(ts=ts + DAY_NS, **held))
    assert "too_small" in [intent.code for intent in intents if isinstance(intent, Declined)]


def test_a_closed_position_starts_over_and_takes_the_open_purchase_back(
    make_mode: Callable[..., Any], view: Any, order_of: Callable[..., Any], fill_of: Callable[..., Any]
) -> None:
    mode = make_mode("dca")
    entry, (target,) = bought(mode, view, order_of, fill_of)
    pending = Order(**{name: getattr(entry, name) for name in entry.__struct_fields__} | {"id": "e2"})
    order, fill = fill_of(order_of(target, "t1"), "105.11")
    assert mode.on_fill(order, fill, view(open_orders=(pending,))) == [CancelIntent("e2", "closed")]
    assert mode.export_state() == {"due_ns": NOON_NS + DAY_NS, "entries": 0, "spent": "0"}


def test_purchase_waits_while_one_is_open_or_there_is_no_price(
    make_mode: Callable[..., Any], view: Any, order_of: Callable[..., Any]
) -> None:
    entry = make_mode("dca").on_timer(timer(NOON_NS), view())[0]
    pending = view(open_orders=(order_of(entry),))
    assert make_mode("dca").on_timer(timer(NOON_NS), pending)[0] == Declined("entry_pending")
    assert make_mode("dca").on_timer(timer(NOON_NS), view(price=0.0))[0] == Declined("no_price")


def test_purchase_is_skipped_when_the_stop_would_trigger_at_once(make_mode: Callable[..., Any], view: Any) -> None:
    fallen = view(price=50.0, position=Decimal(10), average_entry=100.0)
    declined = make_mode("dca").on_timer(timer(NOON_NS), fallen)[1]
    assert (declined.code, declined.numbers[1]) == ("stop_above_price", 50.0)


def test_signals_are_declined(make_mode: Callable[..., Any], view: Any) -> None:
    assert make_mode("dca").on_signal(None, view()) == (Declined("not_signal_driven"),)


def test_state_survives_a_round_trip(
    make_mode: Callable[..., Any], view: Any, order_of: Callable[..., Any], fill_of: Callable[..., Any]
) -> None:
    mode, other, ts = make_mode("dca"), make_mode("dca"), NOON_NS + DAY_NS
    order, _ = bought(mode, view, order_of, fill_of)
    other.restore_state(json.loads(json.dumps(mode.export_state())))
    held = view(ts=ts, position=order.filled, average_entry=100.10)
    assert other.on_timer(timer(ts), held) == mode.on_timer(timer(ts), held)
    assert other.export_state() == mode.export_state()


@pytest.mark.parametrize("capital", [10_000.0, 25_000.0])
def test_default_settings_fit_the_default_limits(make_mode: Callable[..., Any], view: Any, capital: float) -> None:
    # The protective_stop rule allows 0.02 x 0.10 = 0.2 % of equity: 20 of 10,000; 5 x 40 x 8 % = 16.
    settings = make_mode("dca")._settings
    most = min(settings.maximum_entries * settings.amount_quote, settings.maximum_quote)
    assert float(most) * settings.stop_loss <= 0.02 * 0.10 * capital
    assert float(most) <= 0.10 * capital
