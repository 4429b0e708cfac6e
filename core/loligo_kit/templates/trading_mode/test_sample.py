"""The sample trading mode on a desk's view filled by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from loligo.api import Declined, DeskLimits, Direction, Instrument, Intent, MakeContext, Order, OrderRequest, Signal

from .logic import Sample, Settings

BTC = Instrument(venue="test", symbol="BTC/USD", base="BTC", quote="USD")
LIMITS = DeskLimits()


@dataclass(frozen=True)
class FilledView:
    position: Decimal = Decimal(0)
    price: float = 50.0
    ts: int = 0
    desk: str = "test"
    instrument: Instrument = BTC
    limits: DeskLimits = LIMITS
    equity: float = 1000.0
    available: Decimal = Decimal(1000)
    average_entry: float = 0.0
    open_orders: Sequence[Order] = ()


def answer(direction: Direction, view: FilledView) -> Intent:
    mode = Sample(Settings(amount_quote=100.0, stop_loss=0.02), MakeContext())
    (intent,) = mode.on_signal(Signal(direction, 1.0, "test"), view)
    return intent


def test_a_long_signal_buys_for_the_amount_with_a_stop_below() -> None:
    bought = answer(Direction.LONG, FilledView())
    assert isinstance(bought, OrderRequest)
    assert (bought.quantity, bought.stop_loss_price) == (Decimal(2), Decimal(49))  # 100 / 50; 50 less 2 %


def test_a_flat_signal_sells_all_and_no_more() -> None:
    sold = answer(Direction.FLAT, FilledView(position=Decimal("1.5")))
    assert isinstance(sold, OrderRequest)
    assert (sold.quantity, sold.is_reduce_only) == (Decimal("1.5"), True)


def test_it_says_why_it_does_nothing() -> None:
    assert answer(Direction.LONG, FilledView(position=Decimal(1))) == Declined("already_positioned")
    assert answer(Direction.FLAT, FilledView()) == Declined("no_position")
    assert answer(Direction.LONG, FilledView(price=0.0)) == Declined("no_price")
