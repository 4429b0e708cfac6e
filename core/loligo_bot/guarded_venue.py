"""A venue tentacle at work in the engine: what it raises becomes a report, and what it failed at is asked for again.

    market data     the failure is reported; the venue sees the next input as ever
    entry           rejected with "venue_failed", and cancelled at the venue, which may have taken it before it raised
    reduce-only,    stay wanted: asked for again each time the engine calls `advance_to`, which it does after a failure
    cancel, amend   with the next moment of time, until the venue takes them

An order that waits to be sent again is let go as soon as the venue says anything of it: it was taken after all.
Nothing here depends on more than the calls and the state, so a replay and a restart do the same. A call that hangs is
not caught: the watchdog ends it, the venue then stands between two states of its orders, and the run ends.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from loligo.model.instrument import Instrument
from loligo.model.market import BookUpdate, Candle, FundingRate, InstrumentStatus, Quote, Trade
from loligo.model.order import Amended, Canceled, Order, Rejected, VenueFailed, VenueReport
from loligo.ports.tentacles import PlainState
from loligo.ports.venue import EngineVenue

FAULTS = (Exception, SystemExit)  # of the venue's own code
FAILED = "venue_failed"  # why an entry is rejected, and cancelled, that its venue failed to take


class _Wanted(msgspec.Struct):
    """A call for an order that the venue failed at: the order to submit, or what to change it to."""

    call: str
    order: Order | None = None
    code: str = ""
    quantity: Decimal = Decimal(0)
    limit_price: Decimal | None = None
    trigger_price: Decimal | None = None


class GuardedVenue:
    """An `EngineVenue` that never raises where it is asked about orders and data."""

    def __init__(self, name: str, venue: EngineVenue) -> None:
        self._name = name
        self.venue = venue
        self.state_version = getattr(venue, "state_version", 0)
        if hasattr(venue, "migrate_state"):
            self.migrate_state = self._migrated
        self._wanted: dict[str, _Wanted] = {}  # by order id, the newest call each; a cancel is never displaced
        self._unsettled = ""  # the instrument whose settling has just failed

    @property
    def instruments(self) -> Mapping[str, Instrument]:
        return self.venue.instruments

    def submit(self, order: Order, ts: int) -> Sequence[VenueReport]:
        said, is_done = self._ask(order.id, ts, "submit", order, ts)
        if is_done:
            return said
        if order.is_reduce_only:
            self._wanted[order.id] = _Wanted("submit", order)
            return said
        self._wanted[order.id] = _Wanted("cancel", code=FAILED)
        return (*said, Rejected(order.id, ts, FAILED))

    def cancel(self, order_id: str, ts: int, code: str) -> Sequence[VenueReport]:
        waiting = self._wanted.pop(order_id, None)
        said, is_done = self._ask(order_id, ts, "cancel", order_id, ts, code)
        if not is_done:
            self._wanted[order_id] = _Wanted("cancel", code=code)
        if waiting is not None and waiting.call == "submit":  # it never got there, as far as anyone knows
            return (Canceled(order_id, ts, code), *said)
        return said

    def amend(
        self, order_id: str, ts: int, quantity: Decimal, limit_price: Decimal | None, trigger_price: Decimal | None
    ) -> Sequence[VenueReport]:
        waiting = self._wanted.get(order_id)
        if waiting is not None and waiting.order is not None:
            prices = {"limit_price": limit_price, "trigger_price": trigger_price}
            given = {name: price for name, price in prices.items() if price is not None}
            order = waiting.order = msgspec.structs.replace(waiting.order, quantity=quantity, **given)
            return (Amended(order_id, ts, quantity, order.limit_price, order.trigger_price),)
        said, is_done = self._ask(order_id, ts, "amend", order_id, ts, quantity, limit_price, trigger_price)
        if waiting is None or waiting.call == "amend":
            self._wanted.pop(order_id, None)
            if not is_done:
                self._wanted[order_id] = _Wanted("amend", None, "", quantity, limit_price, trigger_price)
        return said

    @property
    def on_candle(self) -> Callable[[Candle], Sequence[VenueReport]]:
        """The venue's own call, since candles are the engine's hot path and it guards them itself; while orders wait,
        one that listens for them. The engine asks for it anew after each failure."""
        return self._hear_candle if self._wanted else self.venue.on_candle

    def _hear_candle(self, candle: Candle) -> Sequence[VenueReport]:
        return self._heed(self.venue.on_candle(candle))

    def on_trade(self, trade: Trade) -> Sequence[VenueReport]:
        return self._ask("", trade.ts, "on_trade", trade)[0]

    def on_quote(self, quote: Quote) -> Sequence[VenueReport]:
        return self._ask("", quote.ts, "on_quote", quote)[0]

    def on_book(self, book: BookUpdate) -> Sequence[VenueReport]:
        return self._ask("", book.ts, "on_book", book)[0]

    def on_funding(self, funding: FundingRate) -> Sequence[VenueReport]:
        return self._ask("", funding.ts, "on_funding", funding)[0]

    def on_status(self, status: InstrumentStatus) -> Sequence[VenueReport]:
        return self._ask("", status.ts, "on_status", status)[0]

    def settle(self, instrument: str) -> Sequence[VenueReport]:
        """Settle, which the engine repeats until nothing more is said; a failure is said once, and then nothing."""
        if self._unsettled == instrument:
            self._unsettled = ""
            return ()
        said, is_done = self._ask("", 0, "settle", instrument)
        self._unsettled = "" if is_done else instrument
        return said

    def advance_to(self, ts: int) -> Sequence[VenueReport]:
        wanted, self._wanted = self._wanted, {}
        said: list[VenueReport] = []
        for order_id, call in wanted.items():
            if call.order is not None:
                said += self.submit(call.order, ts)
            elif call.call == "cancel":
                said += self.cancel(order_id, ts, call.code)
            else:
                said += self.amend(order_id, ts, call.quantity, call.limit_price, call.trigger_price)
        return [*said, *self._ask("", ts, "advance_to", ts)[0]]

    def counts(self) -> Mapping[str, int]:
        return self.venue.counts()

    def export_state(self) -> PlainState:
        return {"venue": self.venue.export_state(), "wanted": msgspec.to_builtins(self._wanted)}

    def restore_state(self, state: PlainState) -> None:
        self._wanted = msgspec.convert(state["wanted"], dict[str, _Wanted])
        self.venue.restore_state(state["venue"])

    def _migrated(self, state: PlainState, version: int) -> PlainState:
        return {**state, "venue": self.venue.migrate_state(state["venue"], version)}  # type: ignore[attr-defined]

    def _ask(self, order_id: str, ts: int, call: str, *given: Any) -> tuple[Sequence[VenueReport], bool]:
        """Return what the venue says, and whether it did as asked."""
        try:
            return self._heed(tuple(getattr(self.venue, call)(*given))), True
        except FAULTS as exc:  # a tentacle: its failure is an event of the engine
            return (self._failure(order_id, ts, call, exc),), False

    def _heed(self, said: Sequence[VenueReport]) -> Sequence[VenueReport]:
        if self._wanted:
            for report in said:
                waiting = self._wanted.get(getattr(report, "order_id", ""))
                if waiting is not None and waiting.order is not None:
                    del self._wanted[waiting.order.id]
        return said

    def _failure(self, order_id: str, ts: int, call: str, error: BaseException) -> VenueFailed:
        return VenueFailed(order_id, ts, self._name, call, f"{type(error).__name__}: {error}")
