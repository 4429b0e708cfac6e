"""Market orders of a fixed quantity with a stop far away: the reference rule has no stop, the risk gate wants one."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from loligo.api import (
    DeskView,
    Direction,
    Factory,
    Intent,
    MakeContext,
    OrderRequest,
    OrderRole,
    PlainState,
    Side,
    Signal,
    TentacleSettings,
    hookimpl,
)


class Settings(TentacleSettings):
    quantity: Decimal = Decimal("0.01")


class AllMarket:
    state_version = 1

    def __init__(self, settings: Settings, context: MakeContext) -> None:
        self._quantity = settings.quantity

    def on_signal(self, signal: Signal, view: DeskView) -> Sequence[Intent]:
        position = view.position
        if signal.direction is Direction.LONG and not position:
            stop = view.instrument.price(view.price * 0.02)
            return [
                OrderRequest(
                    instrument=view.instrument.id, side=Side.BUY, quantity=self._quantity, stop_loss_price=stop
                )
            ]
        if signal.direction is Direction.FLAT and position:
            return [
                OrderRequest(
                    instrument=view.instrument.id,
                    side=Side.SELL,
                    quantity=position,
                    role=OrderRole.EXIT,
                    is_reduce_only=True,
                )
            ]
        return ()

    def export_state(self) -> PlainState:
        return {}

    def restore_state(self, state: PlainState) -> None:
        """Nothing to take back."""


@hookimpl
def trading_mode() -> Factory:
    return Factory(settings=Settings, create=AllMarket)
