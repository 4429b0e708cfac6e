"""Fills each order whole on the next candle that reaches it: a market order at its open, a limit once the price goes
through it, a stop or target at its trigger, each at the open where the price is past it by then.

What is left out: parts of orders, latency, margin, halts, and what other timeframes, trades, quotes and books say. What
comes within a candle, such as the stop of an entry that it fills, waits for the next one. Stops go before targets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

import msgspec
from pydantic import Field

from loligo.api import (
    DOWN,
    UP,
    ZERO,
    Accepted,
    Amended,
    BookUpdate,
    Canceled,
    Candle,
    Expired,
    Filled,
    FundingRate,
    Instrument,
    InstrumentStatus,
    MakeContext,
    Order,
    OrderError,
    OrderKind,
    PlainState,
    Quote,
    Rejected,
    Side,
    TentacleSettings,
    TimeInForce,
    Trade,
    Triggered,
    VenueReport,
    exact,
    round_to_step,
)

_STOPS = (OrderKind.STOP, OrderKind.TRAILING_STOP)
_TRIGGERED = {OrderKind.STOP: "stop", OrderKind.TRAILING_STOP: "trail", OrderKind.TAKE_PROFIT: "target"}
_KNOWN = (OrderKind.MARKET, OrderKind.LIMIT, *_TRIGGERED)


class Settings(TentacleSettings):
    slippage_rate: float = Field(
        default=0.0005, ge=0.0, le=0.1, description="Share of the price by which all but limits are filled worse."
    )


class _Working(msgspec.Struct):
    """An open order, since when it has these terms, and the best price since it began to trail."""

    order: Order
    since_ns: int
    best: float = 0.0

    @property
    def is_above(self) -> bool:
        """Whether it waits for the price to rise: stops of buyers; targets and limits of sellers."""
        return (self.order.kind in _STOPS) == (self.order.side is Side.BUY)

    @property
    def level(self) -> float:
        """The price that it waits for."""
        order = self.order
        if order.kind is OrderKind.TRAILING_STOP:
            away = self.best * (1 + float(order.trail_rate or 0) * order.side.sign)
            bound = float(order.trigger_price or away)
            return min(away, bound) if self.is_above else max(away, bound)
        return float((order.limit_price if order.kind is OrderKind.LIMIT else order.trigger_price) or 0)

    def price_in(self, candle: Candle) -> float | None:
        """Return the price at which this candle fills it, None when it does not."""
        if self.since_ns > candle.opened_at_ns or self.ends_before(candle.opened_at_ns):
            return None
        if self.order.kind is OrderKind.MARKET:
            return candle.open
        self.best = self.best or candle.open
        level = self.level
        if candle.open >= level if self.is_above else candle.open <= level:
            return candle.open
        if self.ends_before(candle.ts):  # the path within a candle is not known, so its open alone is surely in time
            return None
        self.best = min(self.best, candle.low) if self.is_above else max(self.best, candle.high)
        if self.order.kind is OrderKind.LIMIT:
            is_reached = candle.high > level if self.is_above else candle.low < level
        else:
            is_reached = candle.high >= level if self.is_above else candle.low <= level
        return level if is_reached else None

    def ends_before(self, ts: int) -> bool:
        order = self.order
        return order.time_in_force is TimeInForce.GTD and order.expires_at_ns < ts


class Sample:
    """Implements `loligo.api.EngineVenue`."""

    state_version = 1

    def __init__(self, settings: Settings, context: MakeContext) -> None:
        self._instruments = {instrument.id: instrument for instrument in context.instruments}
        self._slippage_rate = settings.slippage_rate
        self._working: dict[str, _Working] = {}  # by order id, the oldest first
        self._positions: dict[str, Decimal] = {}  # by DESK/INSTRUMENT
        self._timeframes: dict[str, str] = {}  # by instrument, that of its first candle: it alone fills

    @property
    def instruments(self) -> Mapping[str, Instrument]:
        return self._instruments

    def submit(self, order: Order, ts: int) -> Sequence[VenueReport]:
        if order.id in self._working:
            raise OrderError(f"order {order.id} is open already: a client order id stands for one order only")
        if order.instrument not in self._instruments:
            return (Rejected(order.id, ts, "unknown_instrument"),)
        if order.kind not in _KNOWN or order.is_post_only or order.time_in_force in (TimeInForce.IOC, TimeInForce.FOK):
            return (Rejected(order.id, ts, "unsupported_terms"),)
        self._working[order.id] = _Working(order, ts)
        return (Accepted(order.id, ts),)

    def cancel(self, order_id: str, ts: int, code: str) -> Sequence[VenueReport]:
        if self._working.pop(order_id, None) is None:
            return (Rejected(order_id, ts, "unknown_order", of="cancel"),)
        return (Canceled(order_id, ts, code),)

    def amend(
        self, order_id: str, ts: int, quantity: Decimal, limit_price: Decimal | None, trigger_price: Decimal | None
    ) -> Sequence[VenueReport]:
        """Give an order new terms; None leaves a price as it is."""
        working = self._working.get(order_id)
        if working is None:
            return (Rejected(order_id, ts, "unknown_order", of="amend"),)
        old = working.order
        limit, trigger = limit_price or old.limit_price, trigger_price or old.trigger_price
        working.order = msgspec.structs.replace(old, quantity=quantity, limit_price=limit, trigger_price=trigger)
        working.since_ns = ts
        return (Amended(order_id, ts, quantity, limit, trigger),)

    def on_candle(self, candle: Candle) -> Sequence[VenueReport]:
        if self._timeframes.setdefault(candle.instrument, candle.timeframe) != candle.timeframe:
            return ()
        said: list[VenueReport] = []
        waiting = [one for one in self._working.values() if one.order.instrument == candle.instrument]
        for working in sorted(waiting, key=lambda one: one.order.kind not in _STOPS):
            if working.order.id not in self._working:
                continue  # another of its group was filled
            price = working.price_in(candle)
            if price is not None:
                said += self._fill(working, price, candle)
            elif working.ends_before(candle.ts):
                del self._working[working.order.id]
                said.append(Expired(working.order.id, working.order.expires_at_ns))
        return said

    def _fill(self, working: _Working, price: float, candle: Candle) -> list[VenueReport]:
        """Return what comes of an order that is filled, and of those that stand in one group with it."""
        order, said, is_at_open = working.order, list[VenueReport](), price == candle.open
        ts, place = candle.opened_at_ns if is_at_open else candle.ts, f"{order.desk}/{order.instrument}"
        position, quantity = self._positions.get(place, ZERO), order.quantity
        if order.is_reduce_only:
            quantity = min(quantity, max(-position * order.side.sign, ZERO))
        del self._working[order.id]
        if quantity:
            instrument, is_maker = self._instruments[order.instrument], order.kind is OrderKind.LIMIT and not is_at_open
            if order.kind in _TRIGGERED:
                said.append(Triggered(order.id, ts, price))
            if order.kind is not OrderKind.LIMIT:
                price *= 1 + self._slippage_rate * order.side.sign
            paid = instrument.price(price, UP if order.side is Side.BUY else DOWN)
            with exact():
                fee = paid * quantity * (instrument.maker_fee_rate if is_maker else instrument.taker_fee_rate)
            fee = round_to_step(fee, instrument.quote_step, UP)
            code = _TRIGGERED.get(order.kind, "open" if is_at_open else "through")
            said.append(Filled(order.id, ts, f"{order.id}-1", paid, quantity, fee, instrument.quote, is_maker, code))
            self._positions[place] = position + quantity * order.side.sign
        if quantity < order.quantity:
            said.append(Canceled(order.id, ts, "reduce_only"))
        group = [one for one in self._working.values() if order.group_id and one.order.group_id == order.group_id]
        for other in group:
            said += self.cancel(other.order.id, ts, "oco")
        return said

    def settle(self, instrument: str) -> Sequence[VenueReport]:
        return ()  # what follows from a fill waits for the next candle

    def advance_to(self, ts: int) -> Sequence[VenueReport]:
        return ()  # an order expires with the candle in which its time lies, which may fill it before

    def on_trade(self, trade: Trade) -> Sequence[VenueReport]:
        return ()

    def on_quote(self, quote: Quote) -> Sequence[VenueReport]:
        return ()

    def on_book(self, book: BookUpdate) -> Sequence[VenueReport]:
        return ()

    def on_funding(self, funding: FundingRate) -> Sequence[VenueReport]:
        return ()

    def on_status(self, status: InstrumentStatus) -> Sequence[VenueReport]:
        return ()

    def counts(self) -> Mapping[str, int]:
        return {}

    def export_state(self) -> PlainState:
        return {
            "working": msgspec.to_builtins(list(self._working.values())),
            "positions": {place: str(position) for place, position in self._positions.items()},
            "timeframes": dict(self._timeframes),
        }

    def restore_state(self, state: PlainState) -> None:
        working = msgspec.convert(state["working"], list[_Working])
        self._working = {one.order.id: one for one in working}
        self._positions = {place: Decimal(position) for place, position in state["positions"].items()}
        self._timeframes = dict(state["timeframes"])
