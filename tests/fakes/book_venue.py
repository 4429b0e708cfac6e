"""A venue with one order book, in which all desks of an account meet each other as they would on an exchange.

Around the newest price stand others: `DEPTH` at 0.02 % and at 0.1 % from it, and without end at 0.15 %. A price that
moves passes all in between: what rests is filled before the price goes on, a stop triggers when its price is reached,
before the rest of that price. The candle stops at each fill until the engine calls `settle`. A cancel may take time, in
which the order works on. Trades between two orders of one account are made and kept in `own_trades`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from loligo.model.instrument import Instrument
from loligo.model.market import Candle, Side
from loligo.model.money import DOWN, ZERO, round_to_step
from loligo.model.order import (
    Accepted,
    Amended,
    Canceled,
    Expired,
    Filled,
    Order,
    OrderKind,
    Rejected,
    TimeInForce,
    Triggered,
    VenueReport,
)
from loligo.ports.tentacles import PlainState

DEPTH = Decimal(1)
AWAY = (Decimal("0.0002"), Decimal("0.001"), Decimal("0.0015"))
TRIGGERED_FROM_BELOW = {
    (OrderKind.STOP, Side.BUY),
    (OrderKind.TAKE_PROFIT, Side.SELL),
    (OrderKind.TRAILING_STOP, Side.BUY),
}
WITH_TRIGGER = {OrderKind.STOP, OrderKind.TAKE_PROFIT, OrderKind.TRAILING_STOP}


class Resting(msgspec.Struct):
    """An order as the venue works it."""

    order: Order
    trigger: Decimal | None  # it waits for
    filled: Decimal = ZERO
    fills: int = 0

    @property
    def left(self) -> Decimal:
        return self.order.quantity - self.filled


class BookVenue:
    """An `EngineVenue`."""

    state_version = 1

    def __init__(self, *instruments: Instrument, cancel_takes_ns: int = 0) -> None:
        self.instruments: Mapping[str, Instrument] = {one.id: one for one in instruments}
        self._cancel_takes_ns = cancel_takes_ns
        self._leaving: list[tuple[int, str, str]] = []  # when, which order, the reason: in the order of their asking
        self.own_trades: list[tuple[str, str]] = []  # taker, maker
        self._price: dict[str, Decimal] = {}
        self._path: dict[str, list[Decimal]] = {}
        self._ts = 0
        self._orders: dict[str, Resting] = {}
        self._positions: dict[str, Decimal] = {}  # by desk and instrument
        self._said: list[VenueReport] = []

    # Orders

    def submit(self, order: Order, ts: int) -> Sequence[VenueReport]:
        self._ts = max(ts, self._ts)
        self._let_go(ts)
        if order.instrument not in self._price:
            return [*self._take(), Rejected(order.id, ts, "no_price")]
        self._said.append(Accepted(order.id, ts))
        self._orders[order.id] = one = Resting(order, order.trigger_price if order.kind in WITH_TRIGGER else None)
        if order.kind is OrderKind.TRAILING_STOP:
            one.trigger = self._trailed(order, self._price[order.instrument])
        self._meet(one)
        return self._take()

    def cancel(self, order_id: str, ts: int, code: str) -> Sequence[VenueReport]:
        self._leaving.append((ts + self._cancel_takes_ns, order_id, code))
        self._let_go(ts)
        return self._take()

    def _let_go(self, ts: int) -> None:
        """Carry out the cancels whose time has come."""
        while self._leaving and self._leaving[0][0] <= ts:
            due_ns, order_id, code = self._leaving.pop(0)
            if self._orders.pop(order_id, None) is None:
                self._said.append(Rejected(order_id, due_ns, "unknown_order", of="cancel"))
            else:
                self._said.append(Canceled(order_id, due_ns, code))

    def amend(
        self, order_id: str, ts: int, quantity: Decimal, limit_price: Decimal | None, trigger_price: Decimal | None
    ) -> Sequence[VenueReport]:
        self._let_go(ts)
        one = self._orders.get(order_id)
        if one is None or quantity <= one.filled:
            return [*self._take(), Rejected(order_id, ts, "unknown_order", of="amend")]
        one.order = msgspec.structs.replace(
            one.order, quantity=quantity, limit_price=limit_price, trigger_price=trigger_price
        )
        if one.trigger is not None and one.order.kind is not OrderKind.TRAILING_STOP:
            one.trigger = trigger_price
        self._said.append(Amended(order_id, ts, quantity, limit_price, trigger_price))
        self._meet(one)
        return self._take()

    # Market

    def on_candle(self, candle: Candle) -> Sequence[VenueReport]:
        self.advance_to(candle.opened_at_ns)
        self._ts = candle.ts
        self._let_go(candle.ts)
        first, then = (candle.low, candle.high) if candle.close >= candle.open else (candle.high, candle.low)
        path = (candle.open, first, then, candle.close)
        self._path[candle.instrument] = [self.instruments[candle.instrument].price(price) for price in path]
        self._price.setdefault(candle.instrument, self._path[candle.instrument][0])
        return self.settle(candle.instrument)

    def settle(self, instrument: str) -> Sequence[VenueReport]:
        path = self._path.get(instrument, [])
        while path and not any(isinstance(report, Filled) for report in self._said):
            if not self._step(instrument, path[0]):
                path.pop(0)
        return self._take()

    def on_trade(self, _: Any) -> Sequence[VenueReport]:
        return ()

    on_quote = on_book = on_funding = on_status = on_trade

    def advance_to(self, ts: int) -> Sequence[VenueReport]:
        self._ts = max(ts, self._ts)
        self._let_go(ts)
        for one in list(self._orders.values()):
            if one.order.time_in_force is TimeInForce.GTD and one.order.expires_at_ns <= ts:
                del self._orders[one.order.id]
                self._said.append(Expired(one.order.id, one.order.expires_at_ns))
        return self._take()

    def counts(self) -> Mapping[str, int]:
        return {}

    # Matching

    def _step(self, instrument: str, end: Decimal) -> bool:
        """Move the price to the next one at which something happens; False when that is `end`."""
        here = self._price[instrument]
        found: list[tuple[Decimal, int, str]] = []
        for order_id, one in self._orders.items():
            if one.order.instrument != instrument:
                continue
            level = one.trigger or one.order.limit_price or here
            rises = self._waits_for_rise(one)
            if one.trigger is None and (level <= here if rises else level >= here):
                found.append((ZERO, -1, order_id))  # it is the best offer of all: somebody takes it at once
            elif (here <= level <= end) if rises else (end <= level <= here):
                is_passed = one.trigger is not None or level != end  # what only touches does not fill
                if is_passed:
                    found.append((abs(level - here), 0 if one.trigger is not None else 1, order_id))
        if not found:
            self._move(instrument, end)
            return False
        one = self._orders[min(found)[2]]
        if min(found)[1] >= 0:
            self._move(instrument, one.trigger or one.order.limit_price or here)
        if one.trigger is not None:
            self._trigger(one)
        else:
            self._fill(one, self._wanted(one), one.order.limit_price or here, is_maker=True)
        return True

    def _wanted(self, one: Resting) -> Decimal:
        """What is left of an order, of a reduce-only one no more than its desk holds."""
        held = -self._positions.get(f"{one.order.desk} {one.order.instrument}", ZERO) * one.order.side.sign
        return min(one.left, max(held, ZERO)) if one.order.is_reduce_only else one.left

    @staticmethod
    def _waits_for_rise(one: Resting) -> bool:
        if one.trigger is not None:
            return (one.order.kind, one.order.side) in TRIGGERED_FROM_BELOW
        return one.order.side is Side.SELL

    def _move(self, instrument: str, price: Decimal) -> None:
        self._price[instrument] = price
        for one in self._orders.values():
            if one.order.kind is OrderKind.TRAILING_STOP and one.order.instrument == instrument:
                better = max if one.order.side is Side.SELL else min
                one.trigger = better(one.trigger or price, self._trailed(one.order, price))

    def _trailed(self, order: Order, price: Decimal) -> Decimal:
        return self.instruments[order.instrument].price(price * (1 + order.side.sign * (order.trail_rate or ZERO)))

    def _meet(self, one: Resting) -> None:
        """Let an order that arrives, or is other than before, trigger or take."""
        price = self._price[one.order.instrument]
        if one.trigger is not None:
            is_past = price >= one.trigger if self._waits_for_rise(one) else price <= one.trigger
            if is_past:
                self._trigger(one)
            return
        self._sweep(one)

    def _trigger(self, one: Resting) -> None:
        one.trigger = None
        self._said.append(Triggered(one.order.id, self._ts, float(self._price[one.order.instrument])))
        self._sweep(one)

    def _sweep(self, one: Resting) -> None:
        """Take from the other side, best price first, whoever stands there."""
        order, instrument = one.order, self.instruments[one.order.instrument]
        here, sign = self._price[order.instrument], order.side.sign
        others = [
            (other.order.limit_price * sign, 1, other.order.id, self._wanted(other))
            for other in self._orders.values()
            if other.order.instrument == order.instrument
            and other.order.side is not order.side
            and other.order.limit_price is not None
            and other.trigger is None
            and self._wanted(other)
        ]
        left = self._wanted(one)
        depths = (DEPTH, DEPTH, left)
        market = [
            (instrument.price(here * (1 + sign * away)) * sign, 0, "", depth)
            for away, depth in zip(AWAY, depths, strict=True)
        ]
        limit = order.limit_price if order.kind is OrderKind.LIMIT else None
        for price, _, maker, offered in sorted([*others, *market]):
            if not left or (limit is not None and price > limit * sign):
                break
            quantity = min(offered, left)
            left -= quantity
            if maker:
                self.own_trades.append((order.id, maker))
                self._fill(self._orders[maker], quantity, price * sign, is_maker=True)
            self._fill(one, quantity, price * sign, is_maker=False)
        is_over = order.time_in_force in (TimeInForce.IOC, TimeInForce.FOK) or order.kind is not OrderKind.LIMIT
        if one.left and is_over and order.id in self._orders:
            del self._orders[order.id]
            self._said.append(Canceled(order.id, self._ts, "rest"))

    def _fill(self, one: Resting, quantity: Decimal, price: Decimal, *, is_maker: bool) -> None:
        order, instrument = one.order, self.instruments[one.order.instrument]
        if not quantity:
            del self._orders[order.id]
            self._said.append(Canceled(order.id, self._ts, "reduce_only"))
            return
        one.filled, one.fills = one.filled + quantity, one.fills + 1
        key = f"{order.desk} {order.instrument}"
        self._positions[key] = self._positions.get(key, ZERO) + quantity * order.side.sign
        fee = round_to_step(price * quantity * instrument.taker_fee_rate, instrument.quote_step, DOWN)
        self._said.append(
            Filled(
                order.id, self._ts, f"{order.id}.{one.fills}", price, quantity, fee, instrument.quote, is_maker, "book"
            )
        )
        if not one.left:
            del self._orders[order.id]
        if order.group_id:
            self._shrink(order, quantity)

    def _shrink(self, filled: Order, quantity: Decimal) -> None:
        for other in list(self._orders.values()):
            if other.order.group_id != filled.group_id or other.order.id == filled.id:
                continue
            if other.left <= quantity:
                del self._orders[other.order.id]
                self._said.append(Canceled(other.order.id, self._ts, "oco"))
            else:
                order = other.order = msgspec.structs.replace(other.order, quantity=other.order.quantity - quantity)
                self._said.append(Amended(order.id, self._ts, order.quantity, order.limit_price, order.trigger_price))

    def _take(self) -> Sequence[VenueReport]:
        said, self._said = self._said, []
        return said

    # State

    def export_state(self) -> PlainState:
        return {
            "price": {name: str(price) for name, price in self._price.items()},
            "ts": self._ts,
            "positions": {key: str(held) for key, held in self._positions.items()},
            "leaving": [list(one) for one in self._leaving],
            "orders": [msgspec.to_builtins(one) for one in self._orders.values()],
        }

    def restore_state(self, state: PlainState) -> None:
        self._price = {name: Decimal(price) for name, price in state["price"].items()}
        self._ts = state["ts"]
        self._positions = {key: Decimal(held) for key, held in state["positions"].items()}
        self._leaving = [(due_ns, order_id, code) for due_ns, order_id, code in state["leaving"]]
        self._orders = {one.order.id: one for one in msgspec.convert(state["orders"], list[Resting])}
