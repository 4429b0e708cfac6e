"""The sample trading mode: on a view filled by hand, and at work on a desk."""

from __future__ import annotations

from decimal import Decimal

from loligo.api import Declined, Direction, Intent, MakeContext, OrderRequest, OrderRole, Signal
from loligo_testing import FilledDeskView, SimulatedDesk, tape

from .logic import Sample, Settings


def answer(direction: Direction, view: FilledDeskView) -> Intent:
    mode = Sample(Settings(amount_quote=100.0, stop_loss=0.02), MakeContext())
    (intent,) = mode.on_signal(Signal(direction, 1.0, "test"), view)
    return intent


def test_a_long_signal_buys_for_the_amount_with_a_stop_below() -> None:
    bought = answer(Direction.LONG, FilledDeskView(price=50.0))
    assert isinstance(bought, OrderRequest)
    assert (bought.quantity, bought.stop_loss_price) == (Decimal(2), Decimal(49))  # 100 / 50; 50 less 2 %


def test_a_flat_signal_sells_all_and_no_more() -> None:
    sold = answer(Direction.FLAT, FilledDeskView(position=Decimal("1.5")))
    assert isinstance(sold, OrderRequest)
    assert (sold.quantity, sold.is_reduce_only) == (Decimal("1.5"), True)


def test_it_says_why_it_does_nothing() -> None:
    assert answer(Direction.LONG, FilledDeskView(position=Decimal(1))) == Declined("already_positioned")
    assert answer(Direction.FLAT, FilledDeskView()) == Declined("no_position")
    assert answer(Direction.LONG, FilledDeskView(price=0.0)) == Declined("no_price")


def test_on_a_desk_a_fall_through_the_stop_ends_the_position() -> None:
    desk = SimulatedDesk(mode=lambda context: Sample(Settings(), context), signals={1: Direction.LONG})
    run = desk.run(tape.closes([100.0, 100.0, 100.0, 97.0, 97.0]))  # bought at 100, stop at 98
    assert not run.failures
    assert run.position == Decimal(0)
    assert [order.role for order in run.orders] == [OrderRole.ENTRY, OrderRole.STOP]
    assert [trade.exit_role for trade in run.trades] == ["stop"]
