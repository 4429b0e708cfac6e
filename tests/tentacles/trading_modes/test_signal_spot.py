"""signal_spot: signals to sized orders. Desk of 10,000 USD, price 100, tick 0.01, lot 0.0001."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from math import inf, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loligo.api import (
    CancelIntent,
    Declined,
    DeskLimits,
    Direction,
    Instrument,
    OrderKind,
    OrderRequest,
    OrderRole,
    OrderState,
    Side,
    Signal,
    TimeInForce,
)

NOON_NS = 1_700_049_600_000_000_000
LONG = Signal(Direction.LONG, 0.8, "rsi_low")
SHORT = Signal(Direction.SHORT, 0.8, "rsi_high")
FLAT = Signal(Direction.FLAT, 1.0, "done")


def test_long_signal_makes_a_limit_entry_with_stop_and_target(make_mode: Callable[..., Any], view: Any) -> None:
    (entry,) = make_mode("signal_spot").on_signal(LONG, view())
    # Limit 100 x 1.001 = 100.10; 10 % of 10,000 / 100.10 = 9.99000999; stop 100.10 x 0.98 = 98.098, up to 98.10;
    # target 100.10 x 1.05 = 105.105, down to 105.10.
    assert entry == OrderRequest(
        instrument="test:BTC/USD",
        side=Side.BUY,
        quantity=Decimal("9.9900"),
        kind=OrderKind.LIMIT,
        limit_price=Decimal("100.10"),
        time_in_force=TimeInForce.GTD,
        expires_at_ns=NOON_NS + 60_000_000_000,
        stop_loss_price=Decimal("98.10"),
        take_profit_price=Decimal("105.10"),
        strength=0.8,
        code="rsi_low",
    )


def test_market_entry_only_by_choice(make_mode: Callable[..., Any], view: Any) -> None:
    (entry,) = make_mode("signal_spot", entry_kind="market").on_signal(LONG, view())
    assert (entry.kind, entry.limit_price, entry.expires_at_ns) == (OrderKind.MARKET, None, 0)
    assert (entry.quantity, entry.stop_loss_price) == (Decimal(10), Decimal(98))  # from the last price


def test_negative_offset_rests_below_the_market(make_mode: Callable[..., Any], view: Any) -> None:
    (entry,) = make_mode("signal_spot", limit_offset=-0.002).on_signal(LONG, view())
    assert entry.limit_price == Decimal("99.80")


def test_fixed_sizing_buys_an_amount(make_mode: Callable[..., Any], view: Any) -> None:
    (entry,) = make_mode("signal_spot", sizing="fixed", amount_quote="250").on_signal(LONG, view())
    assert entry.quantity == Decimal("2.4975")  # 250 / 100.10 = 2.49750...


def test_fixed_sizing_is_held_to_the_desk_share_and_to_free_money(make_mode: Callable[..., Any], view: Any) -> None:
    mode = make_mode("signal_spot", sizing="fixed", amount_quote="5000")
    assert mode.on_signal(LONG, view())[0].quantity == Decimal("9.9900")  # 1,000 / 100.10
    (poor,) = mode.on_signal(LONG, view(available=Decimal(500)))
    assert poor.quantity == Decimal("4.9900")  # 500 / 1.001 / 100.10 = 4.99001


def test_equity_share_can_be_set_below_the_desk_limit(make_mode: Callable[..., Any], view: Any) -> None:
    (entry,) = make_mode("signal_spot", equity_share=0.05).on_signal(LONG, view())
    assert entry.quantity == Decimal("4.9950")  # 500 / 100.10


def test_atr_sizing_risks_a_share_of_equity(
    make_mode: Callable[..., Any], view: Any, candle_at: Callable[..., Any]
) -> None:
    mode = make_mode("signal_spot", sizing="atr", atr_period=3, atr_multiple=0.5, risk_share=0.0005, limit_offset=0.0)
    assert mode.on_signal(LONG, view()) == (Declined("atr_not_warm", (3.0,)),)
    for hour in range(4):
        assert mode.on_candle(candle_at(NOON_NS + hour * 3_600_000_000_000), view()) == ()
    # Each range is 2, so ATR = 2; the move 0.5 x 2 = 1 loses 0.0005 x 10,000 = 5: five units, stop at 99.
    (entry,) = mode.on_signal(LONG, view())
    assert (entry.quantity, entry.stop_loss_price) == (Decimal(5), Decimal(99))


def test_atr_stop_is_held_to_the_desk_limit(
    make_mode: Callable[..., Any], view: Any, candle_at: Callable[..., Any]
) -> None:
    mode = make_mode("signal_spot", sizing="atr", atr_period=2, atr_multiple=2.0, limit_offset=0.0)
    mode.on_candle(candle_at(), view())
    mode.on_candle(candle_at(), view())
    (entry,) = mode.on_signal(LONG, view())  # 2 x ATR = 4, but 2 % of 100 = 2; size: 0.002 x 10,000 / 4 = 5
    assert (entry.quantity, entry.stop_loss_price) == (Decimal(5), Decimal(98))


def test_signal_prices_are_used_within_the_limit(make_mode: Callable[..., Any], view: Any) -> None:
    near = Signal(Direction.LONG, 0.9, "dip", stop_price=99.006, target_price=103.999)
    (entry,) = make_mode("signal_spot").on_signal(near, view())
    assert (entry.stop_loss_price, entry.take_profit_price) == (Decimal("99.01"), Decimal("103.99"))
    far = Signal(Direction.LONG, 0.9, "dip", stop_price=90.0)
    (entry,) = make_mode("signal_spot").on_signal(far, view())
    assert entry.stop_loss_price == Decimal("98.10")  # drawn up to 2 % below 100.10


def test_trailing_stop_comes_from_the_desk(make_mode: Callable[..., Any], view: Any) -> None:
    (entry,) = make_mode("signal_spot").on_signal(LONG, view(limits=DeskLimits(trailing_stop=0.015)))
    assert entry.trailing_stop_rate == Decimal("0.015")


def test_short_opens_on_a_perpetual_when_allowed(
    make_mode: Callable[..., Any], view: Any, perpetual: Instrument
) -> None:
    mode = make_mode("signal_spot", allow_short=True, leverage=2)
    (entry,) = mode.on_signal(SHORT, view(instrument=perpetual))
    # Limit 100 x 0.999 = 99.90; stop 99.90 x 1.02 = 101.898, down to 101.89; target 99.90 x 0.95 = 94.905, up.
    assert (entry.side, entry.limit_price, entry.leverage) == (Side.SELL, Decimal("99.90"), Decimal(2))
    assert (entry.stop_loss_price, entry.take_profit_price) == (Decimal("101.89"), Decimal("94.91"))
    assert entry.quantity == Decimal("10.0100")  # 1,000 / 99.90 = 10.01001


@pytest.mark.parametrize("signal", [FLAT, SHORT])
def test_signal_against_a_position_closes_it_at_the_market(
    make_mode: Callable[..., Any], view: Any, signal: Signal
) -> None:
    (exit_,) = make_mode("signal_spot").on_signal(signal, view(position=Decimal(3), average_entry=99.0))
    assert (exit_.role, exit_.kind, exit_.side, exit_.quantity) == (OrderRole.EXIT, OrderKind.MARKET, Side.SELL, 3)
    assert exit_.is_reduce_only


def test_limit_exit_that_expires_is_followed_by_a_market_exit(
    make_mode: Callable[..., Any], view: Any, order_of: Callable[..., Any]
) -> None:
    mode, held = make_mode("signal_spot", exit_kind="limit"), view(position=Decimal(3))
    (exit_,) = mode.on_signal(FLAT, held)
    assert (exit_.kind, exit_.limit_price) == (OrderKind.LIMIT, Decimal("99.90"))
    assert exit_.expires_at_ns == NOON_NS + 60_000_000_000
    (again,) = mode.on_order_end(order_of(exit_, state=OrderState.EXPIRED), held)
    assert (again.kind, again.quantity, again.is_reduce_only) == (OrderKind.MARKET, 3, True)
    assert mode.on_order_end(order_of(exit_, state=OrderState.EXPIRED), view()) == ()


def test_exit_takes_open_entries_back(make_mode: Callable[..., Any], view: Any, order_of: Callable[..., Any]) -> None:
    mode = make_mode("signal_spot")
    (entry,) = mode.on_signal(LONG, view())
    open_entry = order_of(entry, "e1", filled=Decimal(1), state=OrderState.PARTIALLY_FILLED)
    cancel, exit_ = mode.on_signal(FLAT, view(position=Decimal(1), open_orders=(open_entry,)))
    assert (cancel.order_id, exit_.quantity) == ("e1", 1)
    assert mode.on_signal(FLAT, view(open_orders=(open_entry,))) == [CancelIntent("e1", "signal")]
    assert mode.on_signal(SHORT, view(open_orders=(open_entry,))) == [CancelIntent("e1", "signal")]


def test_nothing_to_do_is_declined_with_a_reason(
    make_mode: Callable[..., Any], view: Any, perpetual: Instrument, order_of: Callable[..., Any]
) -> None:
    mode = make_mode("signal_spot")
    held = view(position=Decimal(1))
    entry, exit_ = mode.on_signal(LONG, view())[0], mode.on_signal(FLAT, held)[0]
    cases = [
        (LONG, held, "already_positioned"),
        (SHORT, view(position=Decimal(-1), instrument=perpetual), "already_positioned"),
        (LONG, view(open_orders=(order_of(entry),)), "entry_pending"),
        (FLAT, view(position=Decimal(1), open_orders=(order_of(exit_),)), "exit_pending"),
        (FLAT, view(), "no_position"),
        (SHORT, view(), "no_short_on_spot"),
        (SHORT, view(instrument=perpetual), "short_not_allowed"),
        (FLAT, view(position=Decimal("0.00001")), "dust"),
        (LONG, view(equity=99.0), "too_small"),  # 10 % is 9.90, below the minimum of 10
        (LONG, view(available=Decimal(0)), "too_small"),
        (LONG, view(equity=nan), "equity_unknown"),
        *((LONG, view(price=price), "no_price") for price in (0.0, nan, inf)),
        (Signal(Direction.LONG, 1.0, "x", stop_price=101.0), view(), "stop_not_behind_entry"),
        (Signal(Direction.LONG, 1.0, "x", target_price=100.0), view(), "target_not_beyond_entry"),
        (Signal(Direction.LONG, 1.0, "x", stop_price=nan), view(), "signal_price_invalid"),
    ]
    for signal, desk, code in cases:
        (declined,) = mode.on_signal(signal, desk)
        assert isinstance(declined, Declined) and declined.code == code


def test_opposite_position_is_closed_before_one_is_opened(
    make_mode: Callable[..., Any], view: Any, perpetual: Instrument
) -> None:
    mode = make_mode("signal_spot", allow_short=True)
    (exit_,) = mode.on_signal(LONG, view(position=Decimal(-2), instrument=perpetual))
    assert (exit_.role, exit_.side, exit_.quantity) == (OrderRole.EXIT, Side.BUY, 2)


def test_pending_entry_of_the_other_side_is_taken_back_first(
    make_mode: Callable[..., Any], view: Any, perpetual: Instrument, order_of: Callable[..., Any]
) -> None:
    mode = make_mode("signal_spot", allow_short=True)
    (entry,) = mode.on_signal(LONG, view(instrument=perpetual))
    intents = mode.on_signal(SHORT, view(instrument=perpetual, open_orders=(order_of(entry, "e1"),)))
    assert intents == [CancelIntent("e1", "signal_turned")]


def test_atr_state_survives_a_round_trip(
    make_mode: Callable[..., Any], view: Any, candle_at: Callable[..., Any]
) -> None:
    settings = {"sizing": "atr", "atr_period": 5}
    mode, other = make_mode("signal_spot", **settings), make_mode("signal_spot", **settings)
    for hour in range(8):
        mode.on_candle(candle_at(price=100.0 + hour), view())
    other.restore_state(json.loads(json.dumps(mode.export_state())))
    mode.on_candle(candle_at(price=99.0), view())
    other.on_candle(candle_at(price=99.0), view())
    assert other.export_state() == mode.export_state()
    assert other.on_signal(LONG, view()) == mode.on_signal(LONG, view())


@given(
    price=st.floats(0.5, 100_000.0),
    equity=st.floats(50.0, 1e6),
    free=st.decimals("0", "1e6", places=2),
    stop_loss=st.floats(0.001, 0.5),
    share=st.floats(0.01, 1.0),
    offset=st.floats(-0.05, 0.05),
    sizing=st.sampled_from(["fixed", "equity_share"]),
    signal_stop=st.none() | st.floats(0.5, 1.2),
    is_short=st.booleans(),
)
def test_every_entry_keeps_its_own_limits(
    make_mode: Callable[..., Any],
    view: Any,
    perpetual: Instrument,
    price: float,
    equity: float,
    free: Decimal,
    stop_loss: float,
    share: float,
    offset: float,
    sizing: str,
    signal_stop: float | None,
    is_short: bool,
) -> None:
    mode = make_mode("signal_spot", sizing=sizing, amount_quote="5000", limit_offset=offset, allow_short=True)
    limits = DeskLimits(stop_loss=stop_loss, max_position_share=share)
    desk = view(instrument=perpetual, price=price, equity=equity, available=free, limits=limits)
    stop_price = price * signal_stop if signal_stop else None
    direction = Direction.SHORT if is_short else Direction.LONG
    (intent,) = mode.on_signal(Signal(direction, 0.9, "x", stop_price=stop_price), desk)
    if isinstance(intent, Declined):
        return
    limit, stop, sign = intent.limit_price, intent.stop_loss_price, intent.side.sign
    assert 0 < (limit - stop) * sign <= limit * Decimal(stop_loss) * (1 + Decimal("1e-9"))
    assert float(intent.quantity * limit) <= equity * share * (1 + 1e-9)
    assert intent.quantity * limit * Decimal("1.001") <= free * (1 + Decimal("1e-9"))
    assert intent.quantity * limit >= perpetual.minimum_notional
    prices = (limit, stop, intent.take_profit_price)
    assert all(value > 0 and value % perpetual.price_step == 0 for value in prices)
    assert intent.quantity % perpetual.quantity_step == 0


def test_repeated_answers_are_made_once(make_mode: Callable[..., Any], view: Any) -> None:
    mode, held = make_mode("signal_spot"), view(position=Decimal(1))
    assert mode.on_signal(LONG, held) is mode.on_signal(LONG, held)
