"""The orders of one desk in one instrument, matched moment by moment.

In: moments of the market (an instant and the `Depth` it offers). Out: venue reports in `reports`, in causal order. A
moment is served so: liquidation, then each order in queue order: its expiry, arrival, trigger, fill. A candle is served
as the moments of its path at which something is due, so that candles, trades, quotes and books share every rule:

- a stop whose trigger the path reaches fills at its trigger, one that the open has passed fills at the open (the worse
  of stop and open: LEAN `FillModel.StopMarketFill`, backtesting.py), each with the taker's costs on top;
- a limit that is better than the price it meets on arrival takes at that price, never beyond its limit; a resting one
  is a maker and fills at its limit, once the price trades through it by a tick (touch by switch), because the queue
  before it is unknown (hftbacktest's risk-averse queue model; Nautilus `prob_fill_on_limit` 0). Against quotes and
  books it fills when the other side comes to its price, since such an offer would have met it;
- a candle stops at each fill, so that what the desk sends in answer works for the rest of its path;
- the fill of one member of a group shrinks the others by as much (OCO; Binance order lists, sized down in parts).

Desks do not meet each other: each has its own orders, position and share of the liquidity. What must hold: no order is
filled beyond its quantity, none past its limit, a reduce-only one never beyond the desk's position.
"""

from __future__ import annotations

from decimal import Decimal
from zlib import crc32

import msgspec

from loligo.api import (
    ZERO,
    Amended,
    Canceled,
    Candle,
    Expired,
    Filled,
    Instrument,
    Liquidated,
    Order,
    OrderKind,
    OrderRole,
    OrderState,
    Rejected,
    Side,
    TimeInForce,
    Triggered,
    VenueReport,
)

from .band import Band, band_of
from .costs import CostModel
from .depth import Depth, LastPrice
from .path import Point, is_low_nearer, price_between, reached_at_ns
from .state import DeskState
from .working import WorkingOrder

# An enum's members are slow to look up.
_TRAILING_STOP, _FOK, _BUY = OrderKind.TRAILING_STOP, TimeInForce.FOK, Side.BUY
Part = tuple[Decimal, Decimal, str]  # price, base units, level key


class DeskBook:
    """What one desk works and holds in one instrument."""

    def __init__(
        self, desk: str, instrument: Instrument, costs: CostModel, state: DeskState, *, is_touch: bool
    ) -> None:
        self._desk = desk
        self._instrument = instrument
        self._costs = costs
        self._is_touch = is_touch
        self._is_fee_in_base = instrument.fee_in == "base" and not instrument.is_perpetual
        self.state = state
        self.orders = state.orders
        self.position = state.position
        self.reports: list[VenueReport] = []
        self._band: Band | None = None

    @property
    def band(self) -> Band:
        """The prices between which nothing concerns the desk, as its orders and position are now."""
        if self._band is None:
            self._band = band_of(self.orders.values(), self.position, self._instrument)
        return self._band

    def take_reports(self) -> list[VenueReport]:
        """Return what there is to say since the last call, in causal order. Whoever changed the desk calls it."""
        reports, self.reports = self.reports, []
        self._band = None
        return reports

    def is_low_first(self, candle: Candle, *, is_pessimistic: bool) -> bool:
        """Return which extreme the path meets first: the nearer one, or the one against the desk when pessimistic.

        Against its position; when flat, against the one that its first order would open or protects.
        """
        if is_pessimistic:
            if self.position.quantity:
                return self.position.quantity > 0
            for order in self.orders.values():
                is_exit = order.order.is_reduce_only or bool(order.order.group_id)
                if order.is_stop or not is_exit:
                    return is_exit == (order.order.side is Side.SELL)
        return is_low_nearer(candle)

    def start(self, points: list[Point]) -> None:
        """Begin a candle: its path, and its liquidity whole again."""
        self.state.rest, self.state.is_ambiguous = points, False
        self.state.taken.clear()

    def walk(self, candle: Candle) -> None:
        """Serve the rest of the path, event by event, up to its end or to a fill: the desk answers a fill before the
        market moves on, so that a position has its stop for the rest of the candle in which it was opened."""
        state = self.state
        prices = [point[1] for point in state.rest]
        if prices and self.band.holds(min(prices), max(prices)):
            state.rest.clear()
        cap = self._costs.volume_cap(candle.volume) if state.rest else None
        while state.rest and not self._has_filled():
            event = self._next_event(state.here, state.rest[0])
            state.here = state.rest.pop(0) if event is None else event
            self.serve(state.here[0], LastPrice(state.here[1], cap, candle.volume, state.here[2]))
        if not state.rest:
            self.expire(candle.ts)

    def _has_filled(self) -> bool:
        for report in self.reports:  # noqa: SIM110  # without the cost of a generator, as below
            if type(report) is Filled:
                return True
        return False

    def serve(self, ts: int, depth: Depth) -> None:
        """Serve one moment."""
        if self._instrument.is_perpetual:
            closing = depth.best(self.position.side.opposite)
            if closing is not None and self._is_liquidated_at(closing):
                self._liquidate(ts, closing)
        self.expire(ts)
        for order in tuple(self.orders.values()):
            if order.is_open and order.arrives_at_ns <= ts:
                self._work(order, ts, depth)

    def expire(self, ts: int) -> None:
        """End the orders whose time is over."""
        for order in tuple(self.orders.values()):
            if 0 < order.expires_at_ns <= ts:
                self._end(order, Expired(order.order.id, order.expires_at_ns))

    def times_until(self, ts: int) -> list[int]:
        """Return when orders arrive or end, up to `ts`."""
        new = {order.arrives_at_ns for order in self.orders.values() if not order.is_seen}
        ends = {order.expires_at_ns for order in self.orders.values() if order.expires_at_ns}
        return sorted(due for due in new | ends if due <= ts)

    def place(self, order: WorkingOrder) -> None:
        """Put an order at the end of the queue."""
        self.orders.pop(order.order.id, None)
        self.orders[order.order.id] = order

    def cancel(self, order: WorkingOrder, ts: int, code: str) -> None:
        self._end(order, Canceled(order.order.id, ts, code))

    def _next_event(self, here: Point, end: Point) -> Point | None:
        """Return the next point on the line to `end` at which a level is met or an order's time comes."""
        if end[2] == "open":
            return None
        price, end_price = here[1], end[1]
        levels = [order.level for order in self.orders.values() if order.arrives_at_ns <= here[0]]
        levels.append(self.position.liquidation_price(self._instrument))
        if end_price > price:
            level = min((level for level in levels if price < level <= end_price), default=0.0)
        else:
            level = max((level for level in levels if end_price <= level < price), default=0.0)
        until_ns = reached_at_ns(here, end, level) if level else end[0]
        new = [max(order.arrives_at_ns, here[0]) for order in self.orders.values() if not order.is_seen]
        ends = [order.expires_at_ns for order in self.orders.values() if order.expires_at_ns > here[0]]
        due = min((ts for ts in new + ends if ts <= until_ns), default=None)
        if due is not None:
            return due, price_between(here, end, due), "path"
        return (until_ns, level, "path") if level else None

    def _work(self, order: WorkingOrder, ts: int, depth: Depth) -> None:
        """Serve an order that is in the market: trigger, take, make or rest."""
        price = depth.best(order.order.side)
        if price is None:
            return
        order.is_seen = True
        code = order.taker_code(depth.code)
        if order.awaits_trigger:
            if order.order.kind is _TRAILING_STOP:
                order.follow(price)
            if not order.is_reached(price):
                return
            if depth.code == "open" and price != order.level:
                code = "gap"
            order.is_triggered, order.level = True, 0.0
            self.reports.append(Triggered(order.order.id, ts, price))
        if order.is_resting:
            if order.is_reached(price):
                code = ("touch" if self._is_touch else "through") if depth.is_modelled else depth.code
                self._fill_from(order, ts, depth, code, is_maker=True)
        elif order.limit is None:
            self._fill_from(order, ts, depth, code, is_maker=False)
        else:
            self._work_limit(order, ts, depth, price, code)

    def _work_limit(self, order: WorkingOrder, ts: int, depth: Depth, price: float, code: str) -> None:
        """Serve a limit that does not rest yet: it takes, is refused as post-only, or goes into the book."""
        is_crossing = order.crosses(price, is_touch=self._is_touch or not depth.is_modelled)
        if is_crossing and order.order.is_post_only:
            numbers = (float(order.order.limit_price or 0), price)
            if order.filled:  # amended: the table of states has no rejection after a partial fill
                self.cancel(order, ts, "post_only")
            else:
                self._end(order, Rejected(order.order.id, ts, "post_only", numbers))
        elif is_crossing:
            self._fill_from(order, ts, depth, code, is_maker=False)
        elif order.is_immediate:
            self.cancel(order, ts, order.order.time_in_force.value)
        else:
            order.rest()

    def _fill_from(self, order: WorkingOrder, ts: int, depth: Depth, code: str, *, is_maker: bool) -> None:
        """Fill what the position (reduce-only) and the liquidity allow, and end what its time in force ends."""
        wanted = self._wanted(order)
        if not wanted:
            return self.cancel(order, ts, "reduce_only")
        parts = self._parts(order, depth, wanted, is_maker=is_maker)
        if order.order.time_in_force is _FOK and sum((part[1] for part in parts), ZERO) < wanted:
            return self.cancel(order, ts, "fok")
        for part in parts:
            self._fill(order, ts, part, code, is_maker=is_maker)
        if order.is_open and order.is_immediate:
            self.cancel(order, ts, order.order.time_in_force.value)
        return None

    def _wanted(self, order: WorkingOrder) -> Decimal:
        if not order.order.is_reduce_only:
            return order.remaining
        reducible = self.position.reducible(order.order.side)
        return min(order.remaining, self._instrument.quantity(reducible) if self._is_fee_in_base else reducible)

    def _parts(self, order: WorkingOrder, depth: Depth, wanted: Decimal, *, is_maker: bool) -> list[Part]:
        """Return (price, quantity, level key) of each level that fills a part of `wanted`, best level first."""
        parts: list[Part] = []
        side, limit = order.order.side, order.limit
        for shown, offered, key in depth.levels(side):
            if not wanted or (limit is not None and (float(limit) - shown) * side.sign < 0):
                break
            left = wanted if offered is None else min(wanted, offered - self.state.taken.get(key, ZERO))
            if left > 0:
                parts.append((self._price(order, depth, shown, left, is_maker=is_maker), left, key))
                wanted -= left
        return parts

    def _price(self, order: WorkingOrder, depth: Depth, shown: float, quantity: Decimal, *, is_maker: bool) -> Decimal:
        limit = order.limit
        if is_maker and limit is not None:
            return limit
        if not depth.is_modelled:
            return self._instrument.price(shown)
        return self._costs.taker_price(
            order.order.side, shown, quantity, of_order=order.order.quantity, volume=depth.volume, limit=limit
        )

    def _fill(self, order: WorkingOrder, ts: int, part: Part, code: str, *, is_maker: bool) -> None:
        """Report a fill, book it, shrink its group, and end what it makes pointless."""
        terms, (price, quantity, key) = order.order, part
        self.state.taken[key] = self.state.taken.get(key, ZERO) + quantity
        order.filled += quantity
        order.fills += 1
        fill_id, instrument = f"{terms.id}.{order.fills}", self._instrument
        if self._is_fee_in_base and terms.side is _BUY:
            fee, asset = self._costs.base_fee(quantity, is_maker=is_maker), instrument.base
            got = quantity - fee
        else:
            fee, asset = self._costs.fee(price, quantity, is_maker=is_maker), instrument.quote
            got = quantity
        self.reports.append(Filled(terms.id, ts, fill_id, price, quantity, fee, asset, is_maker, code))
        self.position.fill(terms.side, got, price, terms.leverage)
        if self._is_fee_in_base:
            self.position.drop_dust(terms.side, instrument.quantity_step)
        self.position.account = terms.account
        if not order.remaining:
            self._remove(order)
        if terms.group_id:
            self._shrink_group(order, quantity, ts)
        if not self.position.quantity:
            self._cancel_reduce_only(ts)

    def _shrink_group(self, filled: WorkingOrder, quantity: Decimal, ts: int) -> None:
        for other in tuple(self.orders.values()):
            if other is filled or other.order.group_id != filled.order.group_id:
                continue
            self._note_ambiguity(other)
            if other.remaining <= quantity:
                self.cancel(other, ts, "oco")
            else:
                order = other.order = msgspec.structs.replace(other.order, quantity=other.order.quantity - quantity)
                self.reports.append(Amended(order.id, ts, order.quantity, order.limit_price, order.trigger_price))

    def _note_ambiguity(self, other: WorkingOrder) -> None:
        """Count a candle whose path goes on to what the other member of a group waits for: which of the two came first
        is the path's guess, unless the open decided."""
        prices = [point[1] for point in self.state.rest]
        is_guess = bool(prices) and self.state.here[2] == "path" and min(prices) <= other.level <= max(prices)
        if is_guess and not self.state.is_ambiguous:
            self.state.is_ambiguous = True
            self.state.ambiguous_candles += 1

    def _cancel_reduce_only(self, ts: int) -> None:
        """Nothing is left to reduce: such orders end with the position (Bybit and Binance futures, reduce-only)."""
        for order in tuple(self.orders.values()):
            if order.order.is_reduce_only and order.is_open:
                self.cancel(order, ts, "reduce_only")

    def _is_liquidated_at(self, price: float) -> bool:
        level = self.position.liquidation_price(self._instrument)
        return level > 0 and (price <= level if self.position.quantity > 0 else price >= level)

    def _liquidate(self, ts: int, mark: float) -> None:
        """Close the position by force, before any stop at this price, then cancel the desk's orders.

        Binance futures, liquidation: all open orders are cancelled. The venue takes the position over whole, whatever
        the candle's volume.
        """
        position = self.position
        price, fee = position.liquidation_fill(mark, self._instrument)
        order = self._liquidation_order(ts)
        self.reports.append(Liquidated(order, ts, mark))
        asset = self._instrument.quote
        fill = Filled(order.id, ts, f"{order.id}.1", price, order.quantity, fee, asset, False, "liquidation")
        self.reports.append(fill)
        position.fill(order.side, order.quantity, price, order.leverage)
        for other in tuple(self.orders.values()):
            self.cancel(other, ts, "liquidation")

    def _liquidation_order(self, ts: int) -> Order:
        position, instrument = self.position, self._instrument.id
        position.liquidations += 1
        return Order(
            id=f"liq-{crc32(f'{self._desk}|{instrument}'.encode()):08x}-{position.liquidations}",
            desk=self._desk,
            account=position.account,
            instrument=instrument,
            side=position.side.opposite,
            kind=OrderKind.MARKET,
            role=OrderRole.LIQUIDATION,
            quantity=abs(position.quantity),
            is_reduce_only=True,
            code="liquidation",
            created_at_ns=ts,
            state=OrderState.ACCEPTED,
        )

    def _end(self, order: WorkingOrder, report: VenueReport) -> None:
        self._remove(order)
        self.reports.append(report)

    def _remove(self, order: WorkingOrder) -> None:
        order.is_open = False
        del self.orders[order.order.id]
