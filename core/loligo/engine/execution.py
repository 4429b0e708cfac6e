"""Execution: approved requests to orders, venue reports to order states, and protection on every fill.

In: `Approved` values, cancels and amendments, and what venues report. Out: order events, and calls to the venues that
answer inside the engine (a live venue's edge reads the same events from the record). Always: no order without an
`Approved` in its chain of causes; every fill of an entry gets its stop, target and trail in the same input; protective
orders never cover more than the position they protect.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

import msgspec
from msgspec.structs import replace

from loligo.engine.recorder import Recorder
from loligo.engine.seat import Seat
from loligo.errors import OrderError
from loligo.model.events import AmendRequested, Approved, CancelRequested, OrderReported, OrderSubmitted
from loligo.model.market import Side
from loligo.model.money import ZERO
from loligo.model.order import (
    PROTECTIVE_ROLES,
    Accepted,
    Amended,
    Canceled,
    Expired,
    Filled,
    Liquidated,
    Order,
    OrderKind,
    OrderRequest,
    OrderRole,
    OrderState,
    Rejected,
    Triggered,
    VenueReport,
)
from loligo.model.timeframe import MINUTE_NS
from loligo.ports.tentacles import PlainState
from loligo.ports.venue import EngineVenue

_STATE_AFTER = {
    Accepted: OrderState.ACCEPTED,
    Triggered: OrderState.TRIGGERED,
    Canceled: OrderState.CANCELED,
    Expired: OrderState.EXPIRED,
}


@dataclass(slots=True)
class _Working:
    """An open order with the seq of its newest event, which is the cause of the next one."""

    order: Order
    newest_seq: int
    terms: OrderRequest | None  # an entry's request: it names the protection


class ExecutionStage:
    """All open orders of the bot."""

    def __init__(self, recorder: Recorder, bot: str, venues: Mapping[str, EngineVenue]) -> None:
        self._recorder = recorder
        self._bot = bot
        self._venues = venues
        self._open: dict[str, _Working] = {}
        self._by_seat: dict[tuple[str, str], dict[str, _Working]] = {}
        self._whole_stops: dict[tuple[str, str], tuple[Decimal, Order]] = {}  # price, and the newest entry behind it
        self._submit_times: dict[str, deque[int]] = {}  # by account, the last minute's
        self.reports: deque[VenueReport] = deque()  # said by venues inside, not applied yet

    # What others may ask

    def open_orders(self, key: tuple[str, str]) -> list[Order]:
        """Return the open orders of a seat, oldest first."""
        return [working.order for working in self._by_seat.get(key, {}).values()]

    def order(self, order_id: str) -> Order | None:
        """Return an open order."""
        working = self._open.get(order_id)
        return working.order if working is not None else None

    def orders_last_minute(self, account: str, ts: int) -> int:
        """Return how many orders were submitted for the account in the 60 s before `ts`."""
        times = self._submit_times.get(account)
        if not times:
            return 0
        while times and times[0] <= ts - MINUTE_NS:
            times.popleft()
        return len(times)

    def pending_value(self, account: str, marks: Mapping[str, float]) -> float:
        """Return the value of the account's open entry orders at their limit, or at the mark, quote units."""
        value = 0.0
        for working in self._open.values():
            order = working.order
            if order.role is OrderRole.ENTRY and order.account == account:
                price = float(order.limit_price) if order.limit_price else marks.get(order.instrument, 0.0)
                value += float(order.remaining) * price
        return value

    # Orders on their way

    def submit(self, approved: Approved, seat: Seat) -> Order:
        """Make an order of an approved request and send it."""
        request = approved.request
        order = Order(
            id=self._order_id(seat, approved.seq),
            desk=seat.desk_name,
            account=seat.desk.account,
            instrument=seat.instrument_id,
            side=request.side,
            kind=request.kind,
            role=request.role,
            quantity=request.quantity,
            limit_price=request.limit_price,
            trigger_price=request.trigger_price,
            trail_rate=request.trail_rate,
            time_in_force=request.time_in_force,
            expires_at_ns=request.expires_at_ns,
            is_reduce_only=request.is_reduce_only,
            is_post_only=request.is_post_only,
            leverage=request.leverage,
            code=request.code,
            tag=request.tag,
            created_at_ns=approved.ts,
        )
        self._send(order, approved.ts, approved.seq, request)
        return order

    def _order_id(self, seat: Seat, seq: int, leg: str = "") -> str:
        """A client order id that every replay repeats: bot and desk (hashed), the decision's seq, the leg."""
        owner = hashlib.sha256(f"{self._bot}/{seat.desk_name}".encode()).hexdigest()[:10]
        return f"{owner}-{seq}{leg}"

    def _send(self, order: Order, ts: int, cause: int, terms: OrderRequest | None) -> None:
        order = order.moved_to(OrderState.SUBMITTED)
        seq = self._recorder.emit(OrderSubmitted, ts, cause, order.desk, order).seq
        working = _Working(order, seq, terms)
        self._open[order.id] = working
        self._by_seat.setdefault((order.desk, order.instrument), {})[order.id] = working
        self._submit_times.setdefault(order.account, deque(maxlen=10_000)).append(ts)
        venue = self._venue(order)
        if venue is not None:
            self.reports.extend(venue.submit(order, ts))

    def _venue(self, order: Order) -> EngineVenue | None:
        return self._venues.get(order.instrument.partition(":")[0])

    def cancel(self, order_id: str, ts: int, cause: int, code: str) -> bool:
        """Ask the venue to cancel an open order; False when there is none."""
        working = self._open.get(order_id)
        if working is None:
            return False
        order = working.order
        working.newest_seq = self._recorder.emit(CancelRequested, ts, cause, order.desk, order_id, code).seq
        venue = self._venue(order)
        if venue is not None:
            self.reports.extend(venue.cancel(order_id, ts, code))
        return True

    def amend(
        self,
        order_id: str,
        ts: int,
        cause: int,
        quantity: Decimal,
        limit_price: Decimal | None = None,
        trigger_price: Decimal | None = None,
        code: str = "",
    ) -> bool:
        """Ask the venue to change an open order; None leaves a price as it is. False when there is no such order."""
        working = self._open.get(order_id)
        if working is None:
            return False
        order = working.order
        limit_price = limit_price if limit_price is not None else order.limit_price
        trigger_price = trigger_price if trigger_price is not None else order.trigger_price
        working.newest_seq = self._recorder.emit(
            AmendRequested, ts, cause, order.desk, order_id, quantity, limit_price, trigger_price, code
        ).seq
        venue = self._venue(order)
        if venue is not None:
            self.reports.extend(venue.amend(order_id, ts, quantity, limit_price, trigger_price))
        return True

    # What venues say

    def apply(self, report: VenueReport, cause: int) -> tuple[Order, int, OrderRequest | None] | None:
        """Bring an order to the state that the report names; return it, the seq of the event, and an entry's terms.

        None for an order that is not open (a late or foreign report): it is recorded and changes nothing.
        """
        if type(report) is Liquidated:
            return self._liquidated(report, cause)
        assert not isinstance(report, Liquidated)
        working = self._open.get(report.order_id)
        if working is None:
            self._recorder.emit(OrderReported, report.ts, cause, "", report)
            return None
        order = working.order
        working.order = order = self._after(order, report)
        seq = self._recorder.emit(OrderReported, report.ts, working.newest_seq, order.desk, report).seq
        working.newest_seq = seq
        if not order.is_open:
            del self._open[order.id]
            del self._by_seat[order.desk, order.instrument][order.id]
        return order, seq, working.terms

    @staticmethod
    def _after(order: Order, report: VenueReport) -> Order:
        if isinstance(report, Filled):
            return order.with_fill(report.quantity)
        if isinstance(report, Amended):
            return replace(
                order,
                quantity=report.quantity,
                limit_price=report.limit_price,
                trigger_price=report.trigger_price,
            )
        if isinstance(report, Rejected):
            return order.moved_to(OrderState.REJECTED) if report.of == "order" else order
        return order.moved_to(_STATE_AFTER[type(report)])

    def _liquidated(self, report: Liquidated, cause: int) -> tuple[Order, int, None]:
        """A venue's forced close is an order that we did not ask for: it enters the books as one."""
        order = (
            report.order.moved_to(OrderState.SUBMITTED) if report.order.state is OrderState.CREATED else report.order
        )
        seq = self._recorder.emit(OrderReported, report.ts, cause, order.desk, report).seq
        working = _Working(order, seq, None)
        self._open[order.id] = working
        self._by_seat.setdefault((order.desk, order.instrument), {})[order.id] = working
        return order, seq, None

    # Protection

    def protect(self, seat: Seat, terms: OrderRequest, order: Order, fill: Filled, cause: int) -> None:
        """Place the legs of an entry's fill: stop, target and trail, in one group so that one shrinks the others.

        A stop over the whole position is only noted here: `cover` places it, once all fills at hand are booked.
        """
        if terms.is_whole_position_stop and terms.stop_loss_price is not None:
            self._whole_stops[seat.key] = (terms.stop_loss_price, order)
            return
        group = f"{order.id}g{self._recorder.first_seq + len(self._recorder.events)}"
        for kind, role, trigger, trail in _legs(terms):
            leg = self._leg(seat, order, fill.ts, kind, role, fill.quantity)
            self._send(replace(leg, trigger_price=trigger, trail_rate=trail, group_id=group), fill.ts, cause, None)

    def cover(self, seat: Seat, position: Decimal, ts: int, cause: int) -> None:
        """Make protection fit the position after fills: none of it covers more, a whole-position stop covers it all."""
        whole = self._whole_stops.get(seat.key)
        if not position:
            self._whole_stops.pop(seat.key, None)
        elif whole is not None:
            self._cover_whole(seat, position, ts, cause, *whole)
        self._trim(seat, position, ts, cause)

    def _cover_whole(self, seat: Seat, position: Decimal, ts: int, cause: int, price: Decimal, entry: Order) -> None:
        for order in self.open_orders(seat.key):
            if order.role is OrderRole.STOP and not order.group_id:
                quantity = order.filled + abs(position)
                if quantity != order.quantity or price != order.trigger_price:
                    self.amend(order.id, ts, cause, quantity, trigger_price=price, code="position_changed")
                return
        leg = self._leg(seat, entry, ts, OrderKind.STOP, OrderRole.STOP, abs(position))
        self._send(replace(leg, side=_side_that_reduces(position), trigger_price=price), ts, cause, None)

    def _leg(self, seat: Seat, order: Order, ts: int, kind: OrderKind, role: OrderRole, quantity: Decimal) -> Order:
        return Order(
            id=self._order_id(seat, self._recorder.first_seq + len(self._recorder.events), f"-{role.value}"),
            desk=order.desk,
            account=order.account,
            instrument=order.instrument,
            side=order.side.opposite,
            kind=kind,
            role=role,
            quantity=quantity,
            is_reduce_only=True,
            parent_id=order.id,
            leverage=order.leverage,
            code=role.value,
            created_at_ns=ts,
        )

    def _trim(self, seat: Seat, position: Decimal, ts: int, cause: int) -> None:
        """Shrink the oldest protective orders, role by role, until none covers more than the position."""
        for role in (OrderRole.STOP, OrderRole.TARGET, OrderRole.TRAIL):
            legs = [w.order for w in self._by_seat.get(seat.key, {}).values() if w.order.role is role]
            covering = _side_that_reduces(position)
            excess = sum((leg.remaining for leg in legs), ZERO) - abs(position)
            for leg in legs:
                if leg.side is not covering or leg.remaining <= excess:
                    self.cancel(leg.id, ts, cause, "position_closed")
                    excess -= leg.remaining
                elif excess > 0:
                    self.amend(leg.id, ts, cause, leg.quantity - excess, code="position_shrank")
                    excess = ZERO

    def tighten(self, seat: Seat, price: Decimal, ts: int, cause: int) -> None:
        """Move the seat's stops to `price` where that is nearer to the market."""
        for order in self.open_orders(seat.key):
            if order.role is not OrderRole.STOP or order.trigger_price is None:
                continue
            is_nearer = price > order.trigger_price if order.side is Side.SELL else price < order.trigger_price
            if is_nearer:
                self.amend(order.id, ts, cause, order.quantity, trigger_price=price, code="tightened")

    def cancel_all(self, seats: Iterable[Seat], ts: int, cause: int, code: str, *, with_protection: bool) -> int:
        """Cancel the open orders of seats; protective ones only if asked to. Return how many."""
        count = 0
        for seat in seats:
            for order in self.open_orders(seat.key):
                if with_protection or order.role not in PROTECTIVE_ROLES:
                    count += self.cancel(order.id, ts, cause, code)
        return count

    # State

    def export_state(self) -> PlainState:
        return {
            "open": [
                [msgspec.to_builtins(w.order), w.newest_seq, msgspec.to_builtins(w.terms)] for w in self._open.values()
            ],
            "whole_stops": [
                [*key, str(price), msgspec.to_builtins(order)]
                for key, (price, order) in sorted(self._whole_stops.items())
            ],
            "submit_times": {account: list(times) for account, times in sorted(self._submit_times.items())},
        }

    def restore_state(self, state: PlainState) -> None:
        if self._open:
            raise OrderError("state is restored into a new engine only; this one already has open orders")
        for plain, seq, terms in state["open"]:
            order = msgspec.convert(plain, Order)
            request = msgspec.convert(terms, OrderRequest) if terms is not None else None
            working = _Working(order, seq, request)
            self._open[order.id] = working
            self._by_seat.setdefault((order.desk, order.instrument), {})[order.id] = working
        for desk, instrument, price, plain in state["whole_stops"]:
            self._whole_stops[desk, instrument] = (Decimal(price), msgspec.convert(plain, Order))
        for account, times in state["submit_times"].items():
            self._submit_times[account] = deque(times, maxlen=10_000)


def _legs(terms: OrderRequest) -> Iterable[tuple[OrderKind, OrderRole, Decimal | None, Decimal | None]]:
    if terms.stop_loss_price is not None:
        yield OrderKind.STOP, OrderRole.STOP, terms.stop_loss_price, None
    if terms.take_profit_price is not None:
        yield OrderKind.TAKE_PROFIT, OrderRole.TARGET, terms.take_profit_price, None
    if terms.trailing_stop_rate is not None:
        yield OrderKind.TRAILING_STOP, OrderRole.TRAIL, None, terms.trailing_stop_rate


def _side_that_reduces(position: Decimal) -> Side:
    return Side.SELL if position > 0 else Side.BUY
