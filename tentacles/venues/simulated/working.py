"""An order while the venue works it: the immutable order plus what changes between its arrival and its end."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from loligo.api import ZERO, Order, OrderKind, Side, TimeInForce

from .rules import LIMIT_KINDS, TRIGGER_KINDS

# An enum's members are slow to look up.
_BUY, _GTD, _TRAILING_STOP = Side.BUY, TimeInForce.GTD, OrderKind.TRAILING_STOP
_IMMEDIATE = (TimeInForce.IOC, TimeInForce.FOK)
_STOPS = frozenset({OrderKind.STOP, OrderKind.STOP_LIMIT, OrderKind.TRAILING_STOP})
_FILL_CODES = {
    OrderKind.STOP: "stop",
    OrderKind.STOP_LIMIT: "stop",
    OrderKind.TAKE_PROFIT: "target",
    OrderKind.TAKE_PROFIT_LIMIT: "target",
    OrderKind.TRAILING_STOP: "trail",
}


class WorkingOrder(msgspec.Struct, eq=False):
    """`level` is the price it waits for, 0.0 when it waits for none: its trigger, then the price that fills it."""

    order: Order
    arrives_at_ns: int
    limit_offset: float  # how far beyond the limit the price must trade for a resting order to fill
    level: float = 0.0
    filled: Decimal = ZERO
    fills: int = 0
    best: float = 0.0  # best price since a trailing stop began, 0.0 before
    is_seen: bool = False  # it has met a price
    is_triggered: bool = False
    is_resting: bool = False  # it stands in the book as a maker
    is_open: bool = True

    @property
    def remaining(self) -> Decimal:
        return self.order.quantity - self.filled

    @property
    def awaits_trigger(self) -> bool:
        return self.order.kind in TRIGGER_KINDS and not self.is_triggered

    @property
    def is_stop(self) -> bool:
        return self.order.kind in _STOPS

    @property
    def limit(self) -> Decimal | None:
        """The worst price it takes, None for a market order."""
        return self.order.limit_price if self.order.kind in LIMIT_KINDS else None

    @property
    def expires_at_ns(self) -> int:
        """When it ends by itself, 0 for never."""
        return self.order.expires_at_ns if self.order.time_in_force is _GTD else 0

    @property
    def is_immediate(self) -> bool:
        return self.order.time_in_force in _IMMEDIATE

    @property
    def is_above(self) -> bool:
        """Whether it waits for the price to rise: stops of buyers; targets and limits of sellers."""
        is_stop = self.awaits_trigger and self.is_stop
        return is_stop == (self.order.side is _BUY)

    def taker_code(self, default: str) -> str:
        """Return how its fill comes about when it takes: by its trigger, or as the moment says."""
        return _FILL_CODES.get(self.order.kind, default)

    def place(self, order: Order, arrives_at_ns: int) -> None:
        """Take over new terms and queue anew; what is filled, triggered or followed so far stays."""
        self.order, self.arrives_at_ns = order, arrives_at_ns
        self.is_seen = self.is_resting = False
        self.level = 0.0
        if not self.awaits_trigger:
            self.level = self._fill_level()
        elif order.kind is not _TRAILING_STOP:
            self.level = float(order.trigger_price or 0)

    def follow(self, price: float) -> None:
        """Move a trailing stop behind a better price; it never moves away from the market.

        Level = best price since it was placed x (1 - rate) for a seller, (1 + rate) for a buyer (Binance, trailing
        stop orders, callback rate; Bybit, trailing stop). A trigger price, where given, bounds it from the start.
        """
        rate, floor = float(self.order.trail_rate or 0), self.order.trigger_price
        if self.order.side is not _BUY:
            self.best = max(self.best, price)
            self.level = max(self.best * (1 - rate), float(floor or 0))
        else:
            self.best = min(self.best or price, price)
            self.level = min(self.best * (1 + rate), float(floor or "inf"))

    def is_reached(self, price: float) -> bool:
        """Return whether `price`, which the order meets, is at its level or past it."""
        return price >= self.level if self.is_above else price <= self.level

    def crosses(self, price: float, *, is_touch: bool) -> bool:
        """Return whether its limit is better than the price it meets (or as good, by touch): it would take."""
        limit = float(self.order.limit_price or 0)
        gain = (limit - price) * self.order.side.sign
        return gain > 0 or (is_touch and gain == 0)

    def rest(self) -> None:
        """Stand in the book: from now on a maker that fills when the price passes its limit."""
        self.is_resting = True
        self.level = self._fill_level()

    def _fill_level(self) -> float:
        """Return the price at which a resting order fills: its limit, or a tick beyond, clean of float noise."""
        if self.limit is None:
            return 0.0
        return float(self.limit - Decimal(repr(self.limit_offset)) * self.order.side.sign)
