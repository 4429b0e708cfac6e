"""Market orders with a stop, and beside them one limit order that rests far below and is put anew now and then."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from loligo.api import (
    CancelIntent,
    Candle,
    Declined,
    DeskView,
    Direction,
    Factory,
    Intent,
    MakeContext,
    Order,
    OrderKind,
    OrderRequest,
    OrderRole,
    PlainState,
    Side,
    Signal,
    TentacleSettings,
    hookimpl,
)

VERSION = 0


class Settings(TentacleSettings):
    quantity: Decimal = Decimal("0.1")
    renewed_every: int = 250  # candles


class Rester:
    state_version = 1

    def __init__(self, settings: Settings, context: MakeContext) -> None:
        self.asked = 0
        self.own = 0  # calls of this very instance
        self.signals = 0
        self.settings = settings

    def on_candle(self, candle: Candle, view: DeskView) -> Sequence[Intent]:
        self.own += 1
        self.asked += 1
        said: Sequence[Intent] = ()
        if self.asked % self.settings.renewed_every == 0:
            resting = next((order for order in view.open_orders if order.role is OrderRole.ENTRY), None)
            said = [self._rest(view)] if resting is None else [CancelIntent(resting.id, "renewed")]
        return said  # answer

    def on_signal(self, signal: Signal, view: DeskView) -> Sequence[Intent]:
        self.signals += 1
        instrument, position = view.instrument, view.position
        if signal.direction is Direction.LONG and not position:
            stop = instrument.price(view.price * 0.8)
            return [
                OrderRequest(
                    instrument=instrument.id, side=Side.BUY, quantity=self.settings.quantity, stop_loss_price=stop
                )
            ]
        if signal.direction is Direction.FLAT and position:
            return [
                OrderRequest(
                    instrument=instrument.id,
                    side=Side.SELL,
                    quantity=position,
                    role=OrderRole.EXIT,
                    is_reduce_only=True,
                )
            ]
        return [Declined("as_it_is", (float(self.signals), float(self.asked)))]

    def on_order_end(self, order: Order, view: DeskView) -> Sequence[Intent]:
        return [self._rest(view)] if order.code == "rests" else ()

    def _rest(self, view: DeskView) -> OrderRequest:
        limit = view.instrument.price(view.price * 0.5)
        return OrderRequest(
            instrument=view.instrument.id,
            side=Side.BUY,
            quantity=self.settings.quantity,
            kind=OrderKind.LIMIT,
            limit_price=limit,
            stop_loss_price=view.instrument.price(view.price * 0.4),
            code="rests",
        )

    def export_state(self) -> PlainState:
        return {"asked": self.asked, "signals": self.signals}

    def restore_state(self, state: PlainState) -> None:
        self.asked = state["asked"]
        self.signals = state["signals"]


@hookimpl
def trading_mode() -> Factory:
    return Factory(settings=Settings, create=Rester)
