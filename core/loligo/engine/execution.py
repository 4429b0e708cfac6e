"""Execution: approved requests to orders, venue reports to order states, and protection on every fill.

In: `Approved` values, cancels and amendments, and what venues report. Out: order events, and calls to the venues that
answer inside the engine (a live venue's edge reads the same events from the record). Always: no order without an
`Approved` in its chain of causes; every fill of an entry gets its stop, target and trail in the same input; protective
orders never cover more than the position they protect.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from decimal import ROUND_DOWN, ROUND_UP, Decimal
from typing import Any

import msgspec
from msgspec.structs import replace

from loligo.engine.recorder import Recorder
from loligo.engine.schedule import Schedule
from loligo.engine.seat import Seat
from loligo.engine.venues import Venue
from loligo.errors import OrderError
from loligo.model.events import AmendRequested, Approved, CancelRequested, OrderReported, OrderSubmitted
from loligo.model.market import Side
from loligo.model.money import ZERO
from loligo.model.order import (
    NEXT_STATES,
    OPEN_STATES,
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

# An enum's members are slow to look up.
_BUY, _SELL = Side.BUY, Side.SELL
_ENTRY, _STOP, _TARGET, _TRAIL = OrderRole.ENTRY, OrderRole.STOP, OrderRole.TARGET, OrderRole.TRAIL
_STOP_KIND, _TARGET_KIND, _TRAIL_KIND = OrderKind.STOP, OrderKind.TAKE_PROFIT, OrderKind.TRAILING_STOP
_SUBMITTED = OrderState.SUBMITTED
_PROTECTION = (_STOP, _TARGET, _TRAIL)
_ANSWERS = frozenset({Canceled, Amended, Rejected})  # to a cancel or an amendment
_STATE_AFTER = {
    Accepted: OrderState.ACCEPTED,
    Triggered: OrderState.TRIGGERED,
    Canceled: OrderState.CANCELED,
    Expired: OrderState.EXPIRED,
}

_Leg = tuple[OrderKind, OrderRole, Decimal | None, Decimal | None]  # with its trigger, and its trail


class _Working(msgspec.Struct):
    """An open order with the causes of what is said of it next.

    `newest_seq` is its newest event in the line that goes back to its approval, so that a fill, and the protection that
    follows, descend from it; `asked` has the cancels and amendments that are not answered yet, oldest first.
    """

    order: Order
    newest_seq: int
    terms: OrderRequest | None  # an entry's request: it names the protection
    asked: list[int] = []  # a new one each


class ExecutionStage:
    """All open orders of the bot."""

    def __init__(
        self, recorder: Recorder, bot: str, venues: Mapping[str, Venue], marks: Mapping[str, float], schedule: Schedule
    ) -> None:
        self._recorder, self._marks, self._schedule = recorder, marks, schedule
        self._bot = bot
        self._venues = venues
        self._owners: dict[str, str] = {}
        self._open: dict[str, _Working] = {}
        # Of those, for speed: all, and by desk
        self._entries: dict[str, _Working] = {}
        self._desk_entries: dict[str, dict[str, _Working]] = defaultdict(dict)
        self._by_seat: dict[tuple[str, str], dict[str, _Working]] = {}
        self._whole_stops: dict[tuple[str, str], tuple[Decimal, Order]] = {}  # price, and the newest entry behind it
        self._submit_times: dict[str, deque[int]] = defaultdict(lambda: deque(maxlen=10_000))  # the last minute's
        self.reports: deque[VenueReport] = deque()  # said by venues inside, not applied yet

    # What others may ask

    def open_orders(self, key: tuple[str, str]) -> list[Order]:
        """Return the open orders of a seat, oldest first."""
        seated = self._by_seat.get(key)
        return [working.order for working in seated.values()] if seated else []

    def entries(self, key: tuple[str, str]) -> list[Order]:
        """Return the open entry orders of a seat, oldest first."""
        return [order for order in self.open_orders(key) if order.role is _ENTRY] if self._desk_entries[key[0]] else []

    def desk_entries(self, desk: str) -> list[Order]:
        """Return the open entry orders of a desk, oldest first."""
        return [working.order for working in self._desk_entries[desk].values()]

    def order(self, order_id: str) -> Order | None:
        """Return an open order."""
        working = self._open.get(order_id)
        return working.order if working is not None else None

    def newest_seq(self, order_id: str) -> int:
        """Return the seq of what was last said or asked of an open order, 0 for any other."""
        working = self._open.get(order_id)
        return 0 if working is None else (working.newest_seq, *working.asked)[-1]

    def orders_last_minute(self, account: str, ts: int) -> int:
        """Return how many orders were submitted for the account in the 60 s before `ts`."""
        times = self._submit_times.get(account)
        if not times:
            return 0
        while times and times[0] <= ts - MINUTE_NS:
            times.popleft()
        return len(times)

    def pending_value(self, account: str) -> float:
        """Return the value of the account's open entry orders at their limit, or at the mark, quote units."""
        value = 0.0
        for order in self.open_entries():
            if order.account == account:
                price = float(order.limit_price) if order.limit_price else self._marks.get(order.instrument, 0.0)
                value += float(order.remaining) * price
        return value

    def open_entries(self) -> Iterator[Order]:
        """Yield the open entry orders of all desks, oldest first."""
        return (working.order for working in self._entries.values())

    # Orders on their way

    def submit(self, approved: Approved, seat: Seat) -> Order:
        """Make an order of an approved request and send it."""
        request = approved.request
        order = Order(
            id=self._order_id(seat, approved.seq),
            desk=seat.desk_name,
            account=seat.desk.account,
            instrument=request.instrument,
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
            state=_SUBMITTED,
        )
        self._send(order, approved.ts, approved.seq, request)
        return order

    def _order_id(self, seat: Seat, seq: int, leg: str = "") -> str:
        """A client order id that every replay repeats: bot and desk (hashed), the decision's seq, the leg."""
        owner = self._owners.get(seat.desk_name)
        if owner is None:
            owner = hashlib.sha256(f"{self._bot}/{seat.desk_name}".encode()).hexdigest()[:10]
            self._owners[seat.desk_name] = owner
        return f"{owner}-{seq}{leg}"

    def _send(self, order: Order, ts: int, cause: int, terms: OrderRequest | None) -> None:
        seq = self._recorder.emit(OrderSubmitted, ts, cause, order.desk, order).seq
        self._keep(order, seq, terms)
        self._submit_times[order.account].append(ts)
        self._tell(order, "submit", order, ts)

    def _keep(self, order: Order, seq: int, terms: OrderRequest | None, asked: Iterable[int] = ()) -> None:
        self._open[order.id] = working = _Working(order, seq, terms, list(asked))
        self._by_seat.setdefault((order.desk, order.instrument), {})[order.id] = working
        if order.role is _ENTRY:
            self._entries[order.id] = self._desk_entries[order.desk][order.id] = working

    def _tell(self, order: Order, call: str, *given: Any) -> None:
        """Tell the venue of an order, and keep what it answers at once; a live one answers later."""
        venue = self._venues.get(order.instrument.partition(":")[0])
        if venue is not None:
            self.reports.extend(getattr(venue, call)(*given))

    def advance(self, ts: int) -> None:
        """Let the venues serve what time alone brings."""
        for venue in self._venues.values():
            self.reports.extend(venue.advance_to(ts))

    def cancel(self, order_id: str, ts: int, cause: int, code: str) -> bool:
        """Ask the venue to cancel an open order; False when there is none."""
        working = self._open.get(order_id)
        if working is None:
            return False
        order = working.order
        working.asked.append(self._recorder.emit(CancelRequested, ts, cause, order.desk, order_id, code).seq)
        self._tell(order, "cancel", order_id, ts, code)
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
        terms = quantity, limit_price or order.limit_price, trigger_price or order.trigger_price
        working.asked.append(self._recorder.emit(AmendRequested, ts, cause, order.desk, order_id, *terms, code).seq)
        self._tell(order, "amend", order_id, ts, *terms)
        return True

    # What venues say

    def apply(self, report: VenueReport, cause: int) -> tuple[Order, int, OrderRequest | None] | None:
        """Bring an order to the state that the report names; return it, the seq of the event, and an entry's terms.

        None for an order that is not open (a late or foreign report): it is recorded and changes nothing.
        """
        if isinstance(report, Liquidated):
            return self._liquidated(report, cause)
        working = self._open.get(report.order_id)
        if working is None:
            self._recorder.emit(OrderReported, report.ts, cause, "", report)
            return None
        working.order = order = self._after(working.order, report)
        events, since = self._recorder.events, working.newest_seq
        seq = self._recorder.first_seq + len(events)
        if type(report) not in _ANSWERS:
            working.newest_seq = seq
        elif working.asked:
            since = working.asked.pop(0)
        events.append(OrderReported(seq, report.ts, since, order.desk, report))
        if order.state not in OPEN_STATES:
            del self._open[order.id]
            if self._entries.pop(order.id, None) is not None:
                del self._desk_entries[order.desk][order.id]
            del self._by_seat[order.desk, order.instrument][order.id]
        return order, seq, working.terms

    @staticmethod
    def _after(order: Order, report: VenueReport) -> Order:
        if isinstance(report, Filled):
            return order.with_fill(report.quantity)
        if isinstance(report, Amended):
            return replace(
                order, quantity=report.quantity, limit_price=report.limit_price, trigger_price=report.trigger_price
            )
        if isinstance(report, Rejected):
            return order.moved_to(OrderState.REJECTED) if report.of == "order" else order
        state = _STATE_AFTER[type(report)]
        if state in NEXT_STATES[order.state]:
            return replace(order, state=state)
        if state in OPEN_STATES:
            return order  # a fill has overtaken the acknowledgement
        return order.moved_to(state)  # raises

    def _liquidated(self, report: Liquidated, cause: int) -> tuple[Order, int, None]:
        """A venue's forced close is an order that we did not ask for: it enters the books as one."""
        order = (
            report.order.moved_to(OrderState.SUBMITTED) if report.order.state is OrderState.CREATED else report.order
        )
        seq = self._recorder.emit(OrderReported, report.ts, cause, order.desk, report).seq
        self._keep(order, seq, None)
        return order, seq, None

    # Protection

    def protect(self, seat: Seat, terms: OrderRequest, order: Order, quantity: Decimal, ts: int, cause: int) -> None:
        """Place the legs of `quantity` that an entry's fill opened, in one group so that one shrinks the others.

        A stop over the whole position is only noted here: `cover` places it, once all fills at hand are booked.
        """
        stop_price = _on_tick(seat, terms, order)
        if terms.is_whole_position_stop and stop_price is not None:
            self._whole_stops[seat.key] = (stop_price, order)
            stop_price = None
        group = f"{order.id}g{self._recorder.first_seq + len(self._recorder.events)}"
        for leg in _legs(seat, terms, stop_price):
            self._send(self._leg(seat, order, ts, quantity, leg, group), ts, cause, None)

    def cover(self, seat: Seat, position: Decimal, ts: int, cause: int) -> None:
        """Make protection fit the position after fills: none of it covers more, a whole-position stop covers it all."""
        side = _SELL if position > 0 else _BUY
        left: list[Order] = []
        for order in self.open_orders(seat.key):
            if order.role in _PROTECTION and (not position or order.side is not side):
                self.cancel(order.id, ts, cause, "position_closed")
            else:
                left.append(order)
        whole = self._whole_stops.get(seat.key)
        if whole is not None and (not position or whole[1].side is side):
            del self._whole_stops[seat.key]
            whole = None
        for role in _PROTECTION:
            legs = [order for order in left if order.role is role and (order.group_id or whole is None)]
            rest = self._trim(legs, seat.instrument.quantity(abs(position)), ts, cause)
            if role is _STOP and whole is not None:
                stops = [order for order in left if order.role is role and not order.group_id]
                self._cover_whole(seat, stops, rest, ts, cause, *whole)

    def _trim(self, legs: Iterable[Order], position: Decimal, ts: int, cause: int) -> Decimal:
        """Shrink the oldest legs of a role until they cover no more than the position; return what they leave over."""
        rest = position - sum((leg.remaining for leg in legs), ZERO)
        excess = -rest
        for leg in legs:
            if excess <= 0:
                break
            if leg.remaining <= excess:
                self.cancel(leg.id, ts, cause, "position_closed")
            else:
                self.amend(leg.id, ts, cause, leg.quantity - excess, code="position_shrank")
            excess -= leg.remaining
        return max(rest, ZERO)

    def _cover_whole(
        self, seat: Seat, stops: list[Order], quantity: Decimal, ts: int, cause: int, price: Decimal, entry: Order
    ) -> None:
        """Bring the stop over what no other stop covers to this quantity and price."""
        for stop in stops[1:] if quantity else stops:
            self.cancel(stop.id, ts, cause, "position_closed")
        if not quantity:
            return
        if not stops:
            self._send(self._leg(seat, entry, ts, quantity, (_STOP_KIND, _STOP, price, None)), ts, cause, None)
        elif (stops[0].remaining, stops[0].trigger_price) != (quantity, price):
            self.amend(stops[0].id, ts, cause, stops[0].filled + quantity, trigger_price=price, code="position_changed")

    def _leg(self, seat: Seat, order: Order, ts: int, quantity: Decimal, leg: _Leg, group: str = "") -> Order:
        kind, role, trigger, trail = leg
        return Order(
            id=self._order_id(seat, self._recorder.first_seq + len(self._recorder.events), f"-{role.value}"),
            desk=order.desk,
            account=order.account,
            instrument=order.instrument,
            side=order.side.opposite,
            kind=kind,
            role=role,
            quantity=quantity,
            trigger_price=trigger,
            trail_rate=trail,
            group_id=group,
            is_reduce_only=True,
            parent_id=order.id,
            leverage=order.leverage,
            code=role.value,
            created_at_ns=ts,
            state=_SUBMITTED,
        )

    def tighten(self, seat: Seat, price: Decimal, ts: int, cause: int) -> None:
        """Move the seat's stops to `price` where that is nearer to the market."""
        for order in self.open_orders(seat.key):
            if order.role is not OrderRole.STOP or order.trigger_price is None:
                continue
            is_nearer = price > order.trigger_price if order.side is Side.SELL else price < order.trigger_price
            if is_nearer:
                self.amend(order.id, ts, cause, order.quantity, trigger_price=price, code="tightened")

    def cancel_entries(self, seats: Iterable[Seat], ts: int, cause: int, code: str) -> int:
        """Cancel what would open positions; exits and protection stay. Return how many."""
        entries = [order for seat in seats for order in self.entries(seat.key)]
        return sum(self.cancel(order.id, ts, cause, code) for order in entries)

    # State

    def export_state(self) -> PlainState:
        return {
            "open": [
                [msgspec.to_builtins(w.order), w.newest_seq, msgspec.to_builtins(w.terms), w.asked]
                for w in self._open.values()
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
        for plain, seq, terms, asked in state["open"]:
            self._keep(msgspec.convert(plain, Order), seq, msgspec.convert(terms, OrderRequest | None), asked)
        for desk, instrument, price, plain in state["whole_stops"]:
            self._whole_stops[desk, instrument] = (Decimal(price), msgspec.convert(plain, Order))
        for account, times in state["submit_times"].items():
            self._submit_times[account] = deque(times, maxlen=10_000)


def _legs(seat: Seat, terms: OrderRequest, stop_price: Decimal | None) -> Iterable[_Leg]:
    if stop_price is not None:
        yield _STOP_KIND, _STOP, stop_price, None
    if terms.take_profit_price is not None:
        yield _TARGET_KIND, _TARGET, seat.instrument.price(terms.take_profit_price), None
    if terms.trailing_stop_rate is not None:
        yield _TRAIL_KIND, _TRAIL, None, terms.trailing_stop_rate


def _on_tick(seat: Seat, terms: OrderRequest, entry: Order) -> Decimal | None:
    """Return the stop price of an entry on the tick, rounded towards the entry: never wider than what was approved."""
    if terms.stop_loss_price is None:
        return None
    return seat.instrument.price(terms.stop_loss_price, ROUND_UP if entry.side is _BUY else ROUND_DOWN)
