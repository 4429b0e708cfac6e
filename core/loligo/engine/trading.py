"""Trading: a signal, fill, order end, timer or candle to the intents of a seat's trading mode.

A mode that raises has no intents; its declined decisions are recorded here. What becomes of the other intents is for
risk and execution.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from loligo.engine.recorder import Recorder
from loligo.engine.seat import Seat
from loligo.engine.soundness import check_sound
from loligo.errors import TENTACLE_FAULTS, DataError
from loligo.model.evaluation import Declined
from loligo.model.events import DecisionDeclined
from loligo.model.market import Side
from loligo.model.order import PROTECTIVE_ROLES, Filled, Order, OrderRequest, OrderRole
from loligo.ports.tentacles import AmendIntent, CancelIntent, Intent, TimerIntent

MAXIMUM_INTENTS = 200  # of one call; more is a runaway mode


def accept_intents(said: Sequence[Any]) -> None:
    """DataError unless these are intents, and not too many."""
    if len(said) > MAXIMUM_INTENTS:
        raise DataError(f"{len(said)} intents in one call, at most {MAXIMUM_INTENTS} are taken")
    for intent in said:
        check_sound(intent, OrderRequest, CancelIntent, AmendIntent, TimerIntent, Declined)


ModeCall = Callable[..., Sequence[Intent]]


class TradingStage:
    """Asks a seat's trading mode."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def ask(
        self, seat: Seat, call: ModeCall, ts: int, cause: int, said: Any, fill: Filled | None = None
    ) -> Sequence[Intent]:
        """Return what the mode wants done about what was said, after recording what it declined. Empty when it failed.

        `fill` is for `on_fill`, which is told of an order and its fill.
        """
        recorder = self._recorder
        desk = seat.desk_name
        try:
            intents = call(said, seat.view) if fill is None else call(said, fill, seat.view)
            if len(intents) > MAXIMUM_INTENTS:
                raise ValueError(f"{len(intents)} intents in one call, at most {MAXIMUM_INTENTS} are taken")
        except TENTACLE_FAULTS as exc:  # a tentacle: it wants nothing now, and its protection stays
            recorder.failed(ts, cause, desk, seat.mode_name, call.__name__, exc, seat.mode.renew)
            return ()
        wanted: Sequence[Intent] = ()
        events = recorder.events
        for intent in intents:
            if type(intent) is Declined:
                seq = recorder.first_seq + len(events)
                events.append(DecisionDeclined(seq, ts, cause, desk, seat.instrument_id, "mode", intent))
            else:
                wanted = (*wanted, intent)
        return wanted


def check_change(order: Order, intent: CancelIntent | AmendIntent) -> None:
    """DataError when a mode may not do that to its order: protection stays, and no entry goes round the risk gate."""
    if isinstance(intent, CancelIntent):
        if order.role in PROTECTIVE_ROLES:
            raise DataError(f"order {order.id} protects a position; a mode may move it, not take it away")
        return
    if order.role is OrderRole.ENTRY and (
        intent.quantity > order.quantity
        or _is_further(order.side, intent.limit_price, order.limit_price)
        or _is_further(order.side, intent.trigger_price, order.trigger_price)
    ):
        raise DataError(f"entry {order.id}: {intent} would go round the risk gate; cancel it and send a new one")
    if order.role in PROTECTIVE_ROLES and intent.quantity != order.quantity:
        raise DataError(f"order {order.id} protects a position; its quantity cannot become {intent.quantity}")
    if order.role is OrderRole.STOP and _is_further(order.side, intent.trigger_price, order.trigger_price):
        raise DataError(f"order {order.id} protects a position; its stop cannot go back to {intent.trigger_price}")


def _is_further(side: Side, wanted: Decimal | None, now: Decimal | None) -> bool:
    """Return whether a new price is worse to be filled at: higher for a buyer, lower for a seller."""
    return wanted is not None and now is not None and (wanted - now) * side.sign > 0
