"""What the market offers at one moment: the price an order meets on the other side, and how much of it.

A candle's path and a public trade show one price for both sides with a shared quantity; a ladder holds the levels of an
order book, or the one level a side of a quote. A buy meets asks, a sell meets bids. Each level has a key, under which a
desk's own takings are remembered until newer data replaces it: desks never take liquidity from each other, so that two
desks that do the same get the same (an A/A experiment ends in a draw).
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from decimal import Decimal

import msgspec

from loligo.api import BookUpdate, Instrument, Side

Level = tuple[float, Decimal | None, str]  # price, base units (None: no limit), key

_BUY = Side.BUY  # an enum's members are slow to look up


class LastPrice(msgspec.Struct, frozen=True, gc=False):
    """A moment of a candle's path, or a public trade: one price, one quantity shared by both sides.

    `volume` is that of the candle or trade; `code` says how a taker's fill comes about. Spread and slippage are not
    shown, so they are modelled.
    """

    price: float
    quantity: Decimal | None
    volume: float
    code: str
    is_modelled: bool = True

    def best(self, side: Side) -> float | None:
        return self.price

    def levels(self, side: Side) -> Iterator[Level]:
        yield self.price, self.quantity, "last"


class Ladder:
    """An order book kept from updates."""

    __slots__ = ("_instrument", "_prices", "_sizes", "code")
    is_modelled = False
    volume = 0.0

    def __init__(self, instrument: Instrument, code: str) -> None:
        self.code = code
        self._instrument = instrument
        self._prices: dict[Side, list[float]] = {Side.BUY: [], Side.SELL: []}  # ascending, by the side that meets them
        self._sizes: dict[Side, dict[float, float]] = {Side.BUY: {}, Side.SELL: {}}

    def apply(self, update: BookUpdate) -> None:
        """Take over changed levels: size 0 removes one, a snapshot replaces all (as venues' depth streams say)."""
        for side, levels in ((Side.BUY, update.asks), (Side.SELL, update.bids)):
            prices, sizes = self._prices[side], self._sizes[side]
            if update.is_snapshot:
                prices.clear()
                sizes.clear()
            for price, size in levels:
                if size > 0:
                    if price not in sizes:
                        insort(prices, price)
                    sizes[price] = size
                elif sizes.pop(price, None) is not None:
                    del prices[bisect_left(prices, price)]

    def best(self, side: Side) -> float | None:
        prices = self._prices[side]
        return prices[0 if side is _BUY else -1] if prices else None

    def levels(self, side: Side) -> Iterator[Level]:
        prices, sizes = self._prices[side], self._sizes[side]
        for price in prices if side is Side.BUY else reversed(prices):
            yield price, self._instrument.quantity(sizes[price]), level_key(side, price)

    def snapshot(self, ts: int) -> BookUpdate:
        """Return the whole book as one update."""
        asks, bids = (tuple((price, self._sizes[s][price]) for price in self._prices[s]) for s in (Side.BUY, Side.SELL))
        return BookUpdate(self._instrument.id, ts, bids, asks, is_snapshot=True)


Depth = LastPrice | Ladder


def level_key(side: Side, price: float) -> str:
    """Return the key of the level that an order of `side` meets at `price`."""
    return f"{side}:{price!r}"
