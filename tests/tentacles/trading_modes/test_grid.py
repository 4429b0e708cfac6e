"""grid: resting buys below the market, sells one level above each fill. 4 levels, 1 % apart, 40 USD each, price 100."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from loligo.api import CancelIntent, Declined, OrderKind, OrderRole, OrderState, Side

NOON_NS = 1_700_049_600_000_000_000
HOUR_NS = 3_600_000_000_000
# 100 / 1.01 ** n to the tick, and 40 / price down to the lot
LEVELS = [("99.01", "0.4039"), ("98.03", "0.4080"), ("97.06", "0.4121"), ("96.10", "0.4162")]


@pytest.fixture
def hung(make_mode: Callable[..., Any], view: Any, candle_at: Callable[..., Any], order_of: Any) -> tuple[Any, Any]:
    """A grid that hangs from 100, and a view with its four orders resting."""
    mode = make_mode("grid")
    requests = mode.on_candle(candle_at(), view())
    return mode, view(open_orders=tuple(order_of(request, f"b{n}") for n, request in enumerate(requests)))


def without(desk: Any, *order_ids: str, **changes: Any) -> Any:
    return replace(desk, open_orders=tuple(o for o in desk.open_orders if o.id not in order_ids), **changes)


def test_first_candle_hangs_the_levels_below_the_price(
    make_mode: Callable[..., Any], view: Any, candle_at: Callable[..., Any]
) -> None:
    buys = make_mode("grid").on_candle(candle_at(), view())
    assert [(str(buy.limit_price), str(buy.quantity)) for buy in buys] == LEVELS
    assert [buy.tag for buy in buys] == ["1:buy:0", "1:buy:1", "1:buy:2", "1:buy:3"]
    assert all((buy.side, buy.kind, buy.role) == (Side.BUY, OrderKind.LIMIT, OrderRole.ENTRY) for buy in buys)
    # One stop for all: 96.10 x 0.98 = 94.178, up to 94.18.
    assert all(buy.is_whole_position_stop and buy.stop_loss_price == Decimal("94.18") for buy in buys)
    assert all(buy.is_post_only and buy.strength == 1.0 for buy in buys)


def test_filled_buy_is_sold_one_level_higher_and_bought_again(
    hung: tuple[Any, Any], order_of: Callable[..., Any], fill_of: Callable[..., Any]
) -> None:
    mode, desk = hung
    bought, fill = fill_of(desk.open_orders[1], "98.03")
    (sell,) = mode.on_fill(bought, fill, without(desk, "b1", position=bought.filled, average_entry=98.03))
    # 98.03 x 1.01 = 99.0103
    assert (sell.side, sell.limit_price, sell.quantity) == (Side.SELL, Decimal("99.01"), Decimal("0.4080"))
    assert (sell.role, sell.is_reduce_only, sell.is_post_only, sell.tag) == (OrderRole.EXIT, True, True, "1:sell:1")
    sold, fill = fill_of(order_of(sell, "s1"), "99.01")
    (again,) = mode.on_fill(sold, fill, without(desk, "b1"))
    assert (str(again.limit_price), str(again.quantity), again.tag) == (*LEVELS[1], "1:buy:1")


def test_partly_filled_buy_is_sold_when_it_ends(
    hung: tuple[Any, Any], fill_of: Callable[..., Any], order_of: Callable[..., Any]
) -> None:
    mode, desk = hung
    part, fill = fill_of(desk.open_orders[0], "99.01", "0.1")
    held = without(desk, "b0", position=Decimal("0.1"), average_entry=99.01)
    assert mode.on_fill(part, fill, held) == ()
    (sell,) = mode.on_order_end(part.moved_to(OrderState.CANCELED), held)
    assert (sell.quantity, sell.limit_price) == (Decimal("0.1"), Decimal("100.00"))  # 99.01 x 1.01 = 100.0001


def test_exit_that_would_take_is_placed_to_take(
    hung: tuple[Any, Any], fill_of: Callable[..., Any], order_of: Callable[..., Any]
) -> None:
    mode, desk = hung
    bought, fill = fill_of(desk.open_orders[1], "98.03")
    held = without(desk, "b1", position=bought.filled, average_entry=98.03)
    (sell,) = mode.on_fill(bought, fill, held)
    (plain,) = mode.on_order_end(order_of(sell, "s1", state=OrderState.REJECTED), held)
    assert (plain.is_post_only, plain.limit_price, plain.quantity) == (False, sell.limit_price, sell.quantity)
    assert mode.on_order_end(order_of(plain, "s2", state=OrderState.REJECTED), held) == ()  # no endless circle


def test_stop_takes_the_grid_down_for_an_hour(
    hung: tuple[Any, Any], order_of: Callable[..., Any], fill_of: Callable[..., Any], candle_at: Callable[..., Any]
) -> None:
    mode, desk = hung
    bought, fill = fill_of(desk.open_orders[0], "99.01")
    (sell,) = mode.on_fill(bought, fill, without(desk, "b0", position=bought.filled, average_entry=99.01))
    stop = order_of(sell, "stop", role=OrderRole.STOP, tag="")
    stopped, fill = fill_of(stop, "94.18")
    cancels = mode.on_fill(stopped, fill, without(desk, "b0"))
    assert cancels == [CancelIntent(order_id, "grid_down") for order_id in ("b1", "b2", "b3")]
    flat = without(desk, "b0", "b1", "b2", "b3", price=94.0)
    assert mode.on_candle(candle_at(NOON_NS + HOUR_NS - 1), replace(flat, ts=NOON_NS + HOUR_NS - 1)) == ()
    buys = mode.on_candle(candle_at(NOON_NS + HOUR_NS), replace(flat, ts=NOON_NS + HOUR_NS))
    assert [buy.tag for buy in buys] == ["2:buy:0", "2:buy:1", "2:buy:2", "2:buy:3"]
    assert buys[0].limit_price == Decimal("93.07")  # 94 / 1.01 = 93.0693


def test_partial_stop_leaves_the_grid_up(
    hung: tuple[Any, Any], order_of: Callable[..., Any], fill_of: Callable[..., Any]
) -> None:
    mode, desk = hung
    stop = order_of(mode._buy(0, desk), "stop", role=OrderRole.STOP, side=Side.SELL, tag="")
    part, fill = fill_of(stop, "94.18", "0.1")
    assert mode.on_fill(part, fill, replace(desk, position=Decimal("0.3"))) == ()


@pytest.mark.parametrize(("price", "moves"), [(101.0, False), (101.01, True), (95.16, False), (95.15, True)])
def test_flat_grid_that_the_price_left_is_taken_down_and_hung_anew(
    hung: tuple[Any, Any], candle_at: Callable[..., Any], price: float, moves: bool
) -> None:
    # One level above the anchor is 101; one below the lowest is 100 / 1.01 ** 5 = 95.1466, 95.15 on the tick.
    mode, desk = hung
    later = replace(desk, ts=NOON_NS + HOUR_NS, price=price)
    intents = mode.on_candle(candle_at(later.ts), later)
    if not moves:
        assert intents == []
        return
    assert intents == [CancelIntent(order.id, "grid_down") for order in desk.open_orders]
    assert mode.on_candle(candle_at(later.ts), later) == (Declined("cancel_pending"),)
    buys = mode.on_candle(candle_at(later.ts), replace(later, open_orders=()))
    assert [buy.tag for buy in buys] == ["2:buy:0", "2:buy:1", "2:buy:2", "2:buy:3"]


def test_grid_with_a_position_stays_where_it_hangs(
    hung: tuple[Any, Any], order_of: Callable[..., Any], fill_of: Callable[..., Any], candle_at: Callable[..., Any]
) -> None:
    mode, desk = hung
    bought, fill = fill_of(desk.open_orders[0], "99.01")
    held = without(desk, "b0", position=bought.filled, average_entry=99.01, ts=NOON_NS + HOUR_NS, price=120.0)
    (sell,) = mode.on_fill(bought, fill, held)
    resting = replace(held, open_orders=(*held.open_orders, order_of(sell, "s0")))
    assert mode.on_candle(candle_at(held.ts), resting) == []


def test_upkeep_puts_lost_buys_back_below_the_price(hung: tuple[Any, Any], candle_at: Callable[..., Any]) -> None:
    mode, desk = hung
    later = without(desk, "b0", "b2", ts=NOON_NS + HOUR_NS, price=98.0)
    (buy,) = mode.on_candle(candle_at(later.ts), later)  # level 0 at 99.01 lies above 98
    assert (buy.tag, str(buy.limit_price)) == ("1:buy:2", LEVELS[2][0])


def test_upkeep_covers_a_position_that_no_exit_covers(hung: tuple[Any, Any], candle_at: Callable[..., Any]) -> None:
    mode, desk = hung
    later = without(desk, "b0", ts=NOON_NS + HOUR_NS, position=Decimal("0.4039"), average_entry=99.01)
    (sell,) = mode.on_candle(candle_at(later.ts), later)
    # 99.01 x 1.01 = 100.0001, up to 100.01
    assert (sell.tag, sell.quantity, sell.limit_price) == ("1:sell:rest", Decimal("0.4039"), Decimal("100.01"))


def test_fill_of_an_earlier_grid_is_sold_but_not_bought_again(
    hung: tuple[Any, Any], order_of: Callable[..., Any], fill_of: Callable[..., Any]
) -> None:
    mode, desk = hung
    late, fill = fill_of(order_of(mode._buy(0, desk), "old", tag="0:buy:0"), "99.01")
    held = replace(desk, position=late.filled)
    (sell,) = mode.on_fill(late, fill, held)
    assert (sell.tag, sell.limit_price) == ("0:sell:0", Decimal("100.00"))
    sold, fill = fill_of(order_of(sell, "s"), "100.00")
    assert mode.on_fill(sold, fill, desk) == ()


def test_nothing_is_placed_without_price_or_tradable_size(
    make_mode: Callable[..., Any], view: Any, candle_at: Callable[..., Any]
) -> None:
    assert make_mode("grid").on_candle(candle_at(), view(price=0.0)) == (Declined("no_price"),)
    small = make_mode("grid", amount_quote="9").on_candle(candle_at(), view())
    assert small == [Declined("too_small", (9.0, 10.0))] * 4
    narrow = make_mode("grid", spacing=0.0001).on_candle(candle_at(), view())
    assert [declined.code for declined in narrow] == ["spacing_below_tick"]  # a gap of 0.01 on a tick of 0.01


def test_signals_are_declined(make_mode: Callable[..., Any], view: Any) -> None:
    assert make_mode("grid").on_signal(None, view()) == (Declined("not_signal_driven"),)


def test_state_survives_a_round_trip(
    hung: tuple[Any, Any], make_mode: Callable[..., Any], candle_at: Callable[..., Any]
) -> None:
    mode, desk = hung
    other = make_mode("grid")
    other.restore_state(json.loads(json.dumps(mode.export_state())))
    later = without(desk, "b0", ts=NOON_NS + HOUR_NS)
    assert other.on_candle(candle_at(later.ts), later) == mode.on_candle(candle_at(later.ts), later) != []
    assert other.export_state() == mode.export_state()


def test_default_settings_fit_the_default_limits(
    make_mode: Callable[..., Any], view: Any, candle_at: Callable[..., Any]
) -> None:
    """Collar 5 %, position 10 % of 10,000, and at the stop at most 0.02 x 0.10 x 10,000 = 20 USD lost."""
    buys = make_mode("grid").on_candle(candle_at(), view())
    assert all(buy.limit_price >= 95 for buy in buys)
    assert sum(buy.limit_price * buy.quantity for buy in buys) <= 1000
    assert sum((100 - buy.stop_loss_price) * buy.quantity for buy in buys) <= 20
