"""Buys at the market for a fixed amount on a long signal, with a stop below, and sells all on any other signal."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from pydantic import Field

from loligo.api import (
    Declined,
    DeskView,
    Direction,
    Intent,
    MakeContext,
    OrderRequest,
    OrderRole,
    Side,
    Signal,
    Stateless,
    TentacleSettings,
    quantity_for_share,
)


class Settings(TentacleSettings):
    amount_quote: float = Field(default=100.0, gt=0.0, description="Value of a purchase, quote units.")
    stop_loss: float = Field(default=0.02, gt=0.0, lt=1.0, description="Stop below the price, share of it.")


class Sample(Stateless):
    def __init__(self, settings: Settings, context: MakeContext) -> None:
        self._settings = settings

    def on_signal(self, signal: Signal, view: DeskView) -> Sequence[Intent]:
        if any(order.role in (OrderRole.ENTRY, OrderRole.EXIT) for order in view.open_orders):
            return (Declined("order_pending"),)
        if signal.direction is Direction.LONG:
            return (Declined("already_positioned") if view.position else self._purchase(signal, view),)
        return (self._sale(signal, view) if view.position > 0 else Declined("no_position"),)

    def _purchase(self, signal: Signal, view: DeskView) -> OrderRequest | Declined:
        if not view.price > 0.0:
            return Declined("no_price")
        quantity = quantity_for_share(self._settings.amount_quote, 1.0, view.price, view.instrument)
        stop = view.instrument.price(view.price * (1.0 - self._settings.stop_loss))
        if quantity <= 0 or not Decimal(0) < stop < Decimal(repr(view.price)):
            return Declined("too_small", (self._settings.amount_quote, view.price))
        return OrderRequest(
            instrument=view.instrument.id,
            side=Side.BUY,
            quantity=quantity,
            stop_loss_price=stop,
            strength=signal.strength,
            code=signal.code,
        )

    def _sale(self, signal: Signal, view: DeskView) -> OrderRequest:
        return OrderRequest(
            instrument=view.instrument.id,
            side=Side.SELL,
            quantity=view.position,
            role=OrderRole.EXIT,
            is_reduce_only=True,
            code=signal.code,
        )
