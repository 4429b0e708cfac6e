"""Execution where several desks share an account: no order of it trades with another of the same account.

Each desk keeps its own orders and its own book; what one buys is never netted with what another sells. A venue would
match the two all the same (a wash trade), so:

    what opens a position   waits while it would meet an order that the venue works (`OrderHeld`), for as long as it
                            lives; a change of it that would meet one is refused ("own_order")
    what closes one         never waits for long: entries in its way are cancelled ("makes_way"), and it goes once they
                            are gone, or after `PATIENCE_NS` though they are not (exit yes); so does a change of it

A fill belongs to the order whose id it carries, so it needs no rule of allocation. Two orders meet where one may stand
in the book at a price that the other may take. A market order takes prices up to `REACH` beyond the mark, a stop those
up to `REACH` beyond its trigger. A trailing stop's trigger is known to the venue only: every price that it may have by
now counts. Without a mark everything meets.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from decimal import Decimal
from functools import partial
from math import inf
from typing import Any

from msgspec import Struct, convert, to_builtins
from msgspec.structs import replace

from loligo.config import LoligoConfig
from loligo.engine.execution import ExecutionStage
from loligo.engine.plan import EnginePlan
from loligo.engine.portfolio import PortfolioStage
from loligo.model.events import OrderHeld
from loligo.model.order import (
    Amended,
    Canceled,
    Expired,
    Filled,
    Order,
    OrderKind,
    OrderRequest,
    OrderRole,
    OrderState,
    Rejected,
    TimeInForce,
    Triggered,
    VenueReport,
)
from loligo.model.portfolio import HOUSE_BOOK
from loligo.model.timeframe import SECOND_NS
from loligo.ports.tentacles import PlainState

REACH = 0.002  # share of the price that a market order takes at most; what thin books need more is the venue's to stop
PATIENCE_NS = 5 * SECOND_NS
OWN_ORDER, MAKES_WAY = "own_order", "makes_way"
_LIMITS = frozenset({OrderKind.LIMIT, OrderKind.STOP_LIMIT, OrderKind.TAKE_PROFIT_LIMIT})
_STOPS = frozenset({OrderKind.STOP, OrderKind.STOP_LIMIT})
_TRIGGERED = _STOPS | {OrderKind.TAKE_PROFIT, OrderKind.TAKE_PROFIT_LIMIT, OrderKind.TRAILING_STOP}
_IMMEDIATE = (TimeInForce.IOC, TimeInForce.FOK)
_UNTRIGGERED = frozenset({OrderState.CREATED, OrderState.SUBMITTED, OrderState.ACCEPTED})
Want = tuple[str, str, Mapping[str, Decimal]]  # desk, account, what it begins with by asset


class _Change(Struct, frozen=True, array_like=True):
    """New terms of an order that closes, which wait until no own order would be met, or until a time."""

    until_ns: int
    cause: int
    code: str
    quantity: Decimal
    limit_price: Decimal | None
    trigger_price: Decimal | None


def shared_accounts(config: LoligoConfig) -> frozenset[str]:
    """Return the accounts of which several desks trade."""
    of_desks = [desk.account for desk in config.desks.values()]
    return frozenset(name for name in of_desks if of_desks.count(name) > 1)


class SharedExecution(ExecutionStage):
    """The stage that `EnginePlan.execution` brings: what is of no shared account goes as ever."""

    def __init__(self, *made: Any, shared: Collection[str]) -> None:
        super().__init__(*made)
        self._shared = shared
        self._held: dict[str, int] = {}  # orders that wait, oldest first, and until when; 0: for as long as they live
        self._changes: dict[str, _Change] = {}  # of orders that close, not told yet, by their ids
        self._leaving: set[str] = set()  # entries that are asked to make way
        # By instrument: the mark when the venue named a price, and between which two its newest one lies since
        self._said: dict[str, tuple[float, float, float]] = {}
        self._answered: set[str] = set()  # held ones of which a report is on its way

    def _send(self, order: Order, ts: int, cause: int, terms: OrderRequest | None) -> None:
        in_way = self._in_way(order)
        if not in_way:
            return super()._send(order, ts, cause, terms)
        seq = self._recorder.emit(OrderHeld, ts, cause, order.desk, order, in_way[0].id).seq
        self._keep(order, seq, terms)
        until_ns = self._held[order.id] = ts + PATIENCE_NS if _closes(order) else 0
        if order.time_in_force in _IMMEDIATE:
            return self._answer(Canceled(order.id, ts, OWN_ORDER))
        if until_ns:
            self._make_way(in_way, ts, seq)
        if due_ns := until_ns or order.expires_at_ns:
            self._schedule.set_timer(("", "", f"held {order.id}"), max(due_ns, ts + 1), seq)
        return None

    def _tell(self, order: Order, call: str, *given: Any) -> None:
        if order.id in self._held:
            self._answer(_own_answer(order, call, *given))
            return
        if call == "amend" and not _closes(order) and self._in_way(_changed(order, *given[2:])):
            self.reports.append(Rejected(order.id, given[1], OWN_ORDER, of="amend"))
            return
        super()._tell(order, call, *given)

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
        self._changes.pop(order_id, None)  # this one comes instead of it
        order = self.order(order_id)
        if order is not None and _closes(order) and order_id not in self._held:
            terms = quantity, limit_price or order.limit_price, trigger_price or order.trigger_price
            in_way = self._in_way(_changed(order, *terms))
            self._make_way(in_way, ts, cause)
            if in_way and (quantity > order.quantity or terms[1:] != (order.limit_price, order.trigger_price)):
                self._changes[order_id] = _Change(ts + PATIENCE_NS, cause, code, *terms)
                self._schedule.set_timer(("", "", f"held {order_id}"), ts + PATIENCE_NS, cause)
                return True
        return super().amend(order_id, ts, cause, quantity, limit_price, trigger_price, code)

    def cancel(self, order_id: str, ts: int, cause: int, code: str) -> bool:
        self._changes.pop(order_id, None)
        return super().cancel(order_id, ts, cause, code)

    def _answer(self, report: VenueReport) -> None:
        """Say in the venue's place what becomes of an order that it does not know."""
        self._answered.add(getattr(report, "order_id", ""))
        self.reports.append(report)

    def _make_way(self, in_way: list[Order], ts: int, cause: int) -> None:
        for other in in_way:
            if not _closes(other) and other.id not in self._leaving:
                self._leaving.add(other.id)
                self.cancel(other.id, ts, cause, MAKES_WAY)

    def advance(self, ts: int) -> None:
        super().advance(ts)
        self._release(ts)

    def apply(self, report: VenueReport, cause: int) -> tuple[Order, int, OrderRequest | None] | None:
        applied = super().apply(report, cause)
        if applied is not None and (self._shared or self._held or self._changes):
            self._follow(applied[0], report)
        if not self.reports:  # the newest price is in the last one
            self._release(report.ts)
        return applied

    def _follow(self, order: Order, report: VenueReport) -> None:
        if isinstance(report, Filled | Triggered):
            self._said[order.instrument] = self._marks.get(order.instrument, 0.0), *_newest(order, report)
        self._answered.discard(order.id)
        if not order.is_open or isinstance(report, Rejected):
            self._leaving.discard(order.id)
        if not order.is_open:
            self._held.pop(order.id, None)
            self._changes.pop(order.id, None)

    def _release(self, ts: int) -> None:
        """Send what nothing is in the way of any more, oldest first: each that goes may be in the way of the next."""
        for order_id, until_ns in list(self._held.items()):
            order, terms = self._open[order_id].order, self._open[order_id].terms
            if order_id in self._answered:
                continue
            if order.time_in_force is TimeInForce.GTD and order.expires_at_ns <= ts:
                self._answer(Expired(order_id, order.expires_at_ns))
            elif 0 < until_ns <= ts or not self._in_way(order):
                del self._held[order_id]
                super()._send(order, ts, self.newest_seq(order_id), terms)
        for order_id, one in list(self._changes.items()):
            wanted = one.quantity, one.limit_price, one.trigger_price
            if one.until_ns <= ts or not self._in_way(_changed(self._open[order_id].order, *wanted)):
                del self._changes[order_id]
                super().amend(order_id, ts, one.cause, *wanted, one.code)

    def _in_way(self, order: Order) -> list[Order]:
        """Return the orders of its account that it would trade with, of those that the venue works; for what opens a
        position, those that wait to close one, too: they are to be first."""
        if order.account not in self._shared:
            return []
        prices = self._prices(order.instrument)
        return [
            other
            for other in self._opposite(order)
            if (other.id not in self._held or (_closes(other) and not _closes(order)))
            and any(_meets(order, other, price) or _meets(other, order, price) for price in prices)
        ]

    def _prices(self, instrument: str) -> set[float]:
        """Return the prices that may be the newest: the mark, and what the venue has said since, within a candle."""
        mark = self._marks.get(instrument, 0.0)
        before, *said = self._said.get(instrument, (mark, mark))
        return {mark, *said} if mark == before else {mark}

    def _opposite(self, order: Order) -> Iterator[Order]:
        for working in self._open.values():
            other = working.order
            if (other.account, other.instrument) == (order.account, order.instrument) and other.side is not order.side:
                yield other

    def export_state(self) -> PlainState:
        kept = {"held": dict(self._held), "leaving": sorted(self._leaving), "said": dict(sorted(self._said.items()))}
        return {**super().export_state(), **kept, "changes": to_builtins(self._changes)}

    def restore_state(self, state: PlainState) -> None:
        super().restore_state(state)
        self._held = dict(state.get("held", {}))
        self._leaving = set(state.get("leaving", ()))
        self._said = {name: (one[0], one[1], one[-1]) for name, one in state.get("said", {}).items()}
        self._changes = convert(state.get("changes", {}), dict[str, _Change])
        for order_id in (*self._held, *self._changes):
            if self._open[order_id].order.account not in self._shared:  # nobody is left whom it could meet
                self._schedule.set_timer(("", "", f"held {order_id}"), 1, self.newest_seq(order_id))


def _newest(order: Order, report: Filled | Triggered) -> tuple[float, float]:
    """Return between which prices a venue's newest one lies: who takes pays the way to the other side."""
    price = float(report.price)
    took = isinstance(report, Filled) and not report.is_maker
    return price, price * (1 - order.side.sign * REACH) if took else price


def _closes(order: Order) -> bool:
    return order.is_reduce_only or order.role is not OrderRole.ENTRY


def _changed(order: Order, quantity: Decimal, limit: Decimal | None, trigger: Decimal | None) -> Order:
    return replace(order, quantity=quantity, limit_price=limit, trigger_price=trigger)


def _own_answer(order: Order, call: str, _id: str, ts: int, *given: Any) -> VenueReport:
    return Canceled(order.id, ts, *given) if call == "cancel" else Amended(order.id, ts, *given)


# Prices at which orders meet


def _meets(maker: Order, taker: Order, price: float) -> bool:
    """Say whether one may stand in the book at a price that the other may take."""
    if maker.limit_price is None or maker.kind not in _LIMITS or maker.time_in_force in _IMMEDIATE:
        return False
    worst, best = _takes(taker, price)
    return worst <= -taker.side.sign * float(maker.limit_price) <= best


def _takes(order: Order, price: float) -> tuple[float, float]:
    """Return the prices that an order may take, from the worst on; a buyer's are negated: for both more is better."""
    sign = -order.side.sign
    awaits = order.kind in _TRIGGERED and order.state in _UNTRIGGERED
    if order.kind is OrderKind.TRAILING_STOP and awaits and price:
        return sign * price - price * (float(order.trail_rate or 0) + REACH), sign * price
    trigger = float(order.trigger_price or 0) if awaits else 0.0
    ahead = sign * (price - trigger) if order.kind in _STOPS and trigger > 0 else 0.0
    best = sign * trigger if ahead > price * REACH else inf  # one that is nearer may trigger at once
    if order.kind in _LIMITS:
        return sign * float(order.limit_price or 0), best
    start = trigger if ahead > 0 or (trigger and order.kind not in _STOPS) else price
    return sign * start - start * REACH if start else -inf, best


def lacking_capital(portfolio: PortfolioStage, wants: Iterable[Want]) -> str:
    """Return why desks that come cannot have their capital, in one sentence, "" when they can: it comes out of the
    house book of an account that trades."""
    left: dict[tuple[str, str], Decimal] = {}
    for name, account, amounts in wants:
        if name in portfolio.books or account not in portfolio.accounts:
            continue
        for asset, wanted in amounts.items():
            key = account, asset
            has = left.setdefault(key, portfolio.balance(account, HOUSE_BOOK, asset))
            if wanted > has:
                return (
                    f"desk {name} would take {wanted} {asset} out of account {account}, of which {has} belong to "
                    f"no desk: raise accounts.{account}.deposits, lower its capital, or give it an account of its own"
                )
            left[key] = has - wanted
    return ""


def wants_of(plan: EnginePlan) -> Iterator[Want]:
    """Yield what each desk of a plan begins with."""
    references = {account.name: account.reference for account in plan.accounts}
    for desk in plan.desks:
        yield desk.name, desk.account, {references[desk.account]: desk.capital, **desk.balances}


def execution_for(config: LoligoConfig) -> partial[SharedExecution]:
    """Return what makes the stage for a configuration."""
    return partial(SharedExecution, shared=shared_accounts(config))
