"""Market data and outside news as they enter the engine. Prices and volumes are float64, times integer ns UTC.

Each value is an input of the engine: `ts` is the instant at which it became knowable. Its sequence number is that of
the journal record it opens.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Side(StrEnum):
    """Direction of an order, a fill or the taker of a trade."""

    BUY = "buy"
    SELL = "sell"

    sign: int  # +1 for buy, -1 for sell
    opposite: Side


# Attributes and not properties: each order asks a dozen times, and an enum's members are slow to look up.
Side.BUY.sign, Side.SELL.sign = 1, -1
Side.BUY.opposite, Side.SELL.opposite = Side.SELL, Side.BUY


class Candle(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="candle"):
    """One closed candle. It opened at `opened_at_ns` and became knowable at its close, `ts`. Volume in base units."""

    instrument: str
    timeframe: str
    opened_at_ns: int
    ts: int
    open: float
    high: float
    low: float
    close: float
    volume: float


class Trade(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="trade"):
    """One public trade; `side` is the taker's. Quantity in base units."""

    instrument: str
    ts: int
    price: float
    quantity: float
    side: Side
    trade_id: str = ""


class Quote(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="quote"):
    """Best bid and ask with their quantities in base units."""

    instrument: str
    ts: int
    bid: float
    ask: float
    bid_quantity: float
    ask_quantity: float


class BookUpdate(msgspec.Struct, frozen=True, array_like=True, tag="book"):
    """Order-book levels (price, quantity); quantity 0 removes a level, a snapshot replaces the whole book."""

    instrument: str
    ts: int
    bids: tuple[tuple[float, float], ...]
    asks: tuple[tuple[float, float], ...]
    is_snapshot: bool = False


class ExternalSignal(msgspec.Struct, frozen=True, array_like=True, tag="external"):
    """News, a webhook or any other outside opinion, as a feed published it.

    `score` is the source's own view in [-1, +1] where it gives one, good for `ttl_s` seconds (0: it does not say);
    `instrument` is empty for the whole market. `id` is that of the question by which it came in through the door.
    """

    source: str
    ts: int
    topic: str
    instrument: str = ""
    text: str = ""
    score: float | None = None
    ttl_s: float = 0.0
    id: str = ""


class FundingRate(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="funding"):
    """Funding of a perpetual, settled at `ts`: longs pay `rate` (a fraction) of notional to shorts when positive."""

    instrument: str
    ts: int
    rate: float


class InstrumentStatus(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="status"):
    """A venue halted or resumed an instrument. Nothing fills while it is halted."""

    instrument: str
    ts: int
    is_halted: bool


MarketData = Candle | Trade | Quote | BookUpdate | ExternalSignal | FundingRate | InstrumentStatus
