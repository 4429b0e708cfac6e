"""Dollar-cost averaging: buys a fixed amount at fixed intervals, whatever the signals say.

Purchases are due at the first candle and every `interval_s` after it, without drift; one that comes while the position
is full is skipped, never made up. One stop for the whole position lies `stop_loss` below the average entry that the
purchase leads to, and one limit exit for the whole position `take_profit` above the average entry; both move with the
average. When the position is closed, counting begins again.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_DOWN, ROUND_UP, Decimal
from math import inf

from pydantic import Field

from loligo.api import (
    SECOND_NS,
    AmendIntent,
    CancelIntent,
    Candle,
    Declined,
    DeskView,
    Filled,
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
    TimeInForce,
    TimerFired,
    TimerIntent,
    quantity_for_share,
)

_TIMER = "buy"
_TARGET = "target"
_NOT_SIGNAL_DRIVEN = (Declined("not_signal_driven"),)
_ENTRY_PENDING = Declined("entry_pending")


class Settings(TentacleSettings):
    amount_quote: Decimal = Field(default=Decimal(40), gt=0, description="Value of one purchase, quote units")
    interval_s: int = Field(default=86_400, ge=60, le=31_536_000, description="Seconds between purchases")
    maximum_entries: int = Field(default=5, ge=1, le=1000, description="Purchases per position")
    maximum_quote: Decimal = Field(
        default=Decimal(200), gt=0, description="Value of all purchases of one position, quote units"
    )
    stop_loss: float = Field(default=0.08, gt=0.0, lt=1.0, description="Stop below the average entry, share of it")
    take_profit: float = Field(default=0.05, gt=0.0, le=10.0, description="Target above the average entry, share of it")
    limit_offset: float = Field(
        default=0.001, ge=-0.05, le=0.05, description="How far above the last price a purchase's limit is"
    )
    limit_lifetime_s: int = Field(default=3600, ge=1, le=604_800, description="An unfilled purchase ends after so long")


class Dca:
    state_version = 1

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._due_ns = 0  # of the next purchase, 0 before the first
        self._entries = 0  # purchases in the position
        self._spent = Decimal(0)  # their value, quote units

    def on_signal(self, signal: Signal, view: DeskView) -> Sequence[Intent]:
        return _NOT_SIGNAL_DRIVEN

    def on_candle(self, candle: Candle, view: DeskView) -> Sequence[Intent]:
        """Start the schedule; later on this only serves a purchase whose timer was lost."""
        return () if self._due_ns and view.ts < self._due_ns else self._buy_on_schedule(view)

    def on_timer(self, timer: TimerFired, view: DeskView) -> Sequence[Intent]:
        if timer.name != _TIMER or view.ts < self._due_ns:
            return (Declined("timer_not_due"),)
        return self._buy_on_schedule(view)

    def on_fill(self, order: Order, fill: Filled, view: DeskView) -> Sequence[Intent]:
        if not view.position:
            self._entries, self._spent = 0, Decimal(0)
            # A purchase still open was planned for the position that is gone, and so was its stop. The target needs no
            # cancel: a reduce-only order ends with the position.
            return [CancelIntent(other.id, "closed") for other in view.open_orders if other.role is OrderRole.ENTRY]
        if order.role is not OrderRole.ENTRY:
            return ()
        if order.filled == fill.quantity:  # its first fill
            self._entries += 1
        self._spent += fill.price * fill.quantity
        return self._move_target(view)

    def _buy_on_schedule(self, view: DeskView) -> Sequence[Intent]:
        interval_ns = self._settings.interval_s * SECOND_NS
        due_ns = self._due_ns or view.ts
        self._due_ns = due_ns + ((view.ts - due_ns) // interval_ns + 1) * interval_ns
        return (*self._move_target(view), self._purchase(view), TimerIntent(_TIMER, self._due_ns))

    # The purchase

    def _purchase(self, view: DeskView) -> OrderRequest | Declined:
        settings, instrument, price = self._settings, view.instrument, view.price
        if self._entries >= settings.maximum_entries:
            return Declined("maximum_entries", (float(self._entries), float(settings.maximum_entries)))
        if any(order.role is OrderRole.ENTRY for order in view.open_orders):
            return _ENTRY_PENDING
        if not 0.0 < price < inf:
            return Declined("no_price")
        amount = min(settings.amount_quote, settings.maximum_quote - self._spent)
        limit_price = instrument.price(price * (1.0 + settings.limit_offset), ROUND_DOWN)
        entry = float(limit_price)
        if entry <= 0.0:
            return Declined("no_price")
        quantity = quantity_for_share(float(amount), 1.0, entry, instrument)
        if quantity <= 0:
            return Declined("too_small", (float(amount), float(instrument.minimum_notional)))
        stop = self._stop_price(view, float(quantity), entry)
        if not 0.0 < float(stop) < min(entry, price):
            return Declined("stop_above_price", (float(stop), price))
        return OrderRequest(
            instrument=instrument.id,
            side=Side.BUY,
            quantity=quantity,
            kind=OrderKind.LIMIT,
            limit_price=limit_price,
            time_in_force=TimeInForce.GTD,
            expires_at_ns=view.ts + settings.limit_lifetime_s * SECOND_NS,
            stop_loss_price=stop,
            is_whole_position_stop=True,
            code="dca",
        )

    def _stop_price(self, view: DeskView, added: float, entry: float) -> Decimal:
        """Below the average entry once this purchase is filled at its limit, rounded towards it."""
        held = float(view.position)
        average = (held * view.average_entry + added * entry) / (held + added)
        return view.instrument.price(average * (1.0 - self._settings.stop_loss), ROUND_UP)

    # The target

    def _move_target(self, view: DeskView) -> tuple[Intent, ...]:
        """Bring the exit to the whole position at `take_profit` above its average entry; nothing when it is there."""
        if view.position <= 0:
            return ()
        instrument, quantity = view.instrument, view.instrument.quantity(view.position)
        price = instrument.price(view.average_entry * (1.0 + self._settings.take_profit), ROUND_UP)
        for order in view.open_orders:
            if order.tag == _TARGET:
                if (order.remaining, order.limit_price) == (quantity, price):
                    return ()
                return (AmendIntent(order.id, order.filled + quantity, price, code="average_moved"),)
        if quantity <= 0:
            return ()
        return (
            OrderRequest(
                instrument=instrument.id,
                side=Side.SELL,
                quantity=quantity,
                kind=OrderKind.LIMIT,
                role=OrderRole.EXIT,
                limit_price=price,
                is_reduce_only=True,
                code="dca_target",
                tag=_TARGET,
            ),
        )

    # State

    def export_state(self) -> PlainState:
        return {"due_ns": self._due_ns, "entries": self._entries, "spent": str(self._spent)}

    def restore_state(self, state: PlainState) -> None:
        self._due_ns, self._entries = state["due_ns"], state["entries"]
        self._spent = Decimal(state["spent"])


def create(settings: Settings, context: MakeContext) -> Dca:
    return Dca(settings)
