"""What the venue must remember, as values that turn into plain data and back without loss (Decimals as text)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from loligo.api import BookUpdate, Candle

from .margin import NetPosition
from .path import Point
from .working import WorkingOrder


class DeskState(msgspec.Struct, eq=False):
    """One desk in one instrument: orders by id in queue order, position, and the liquidity it has taken, by level key.
    `rest` is the part of the newest candle's path that is not served yet, `here` the point before it."""

    orders: dict[str, WorkingOrder] = {}
    position: NetPosition = msgspec.field(default_factory=NetPosition)
    taken: dict[str, Decimal] = {}
    here: Point = (0, 0.0, "")
    rest: list[Point] = []
    is_ambiguous: bool = False
    ambiguous_candles: int = 0


class MarketState(msgspec.Struct, eq=False):
    """One instrument. `halts` are over, but perhaps inside the next candle; `volumes` and `book` are set on export."""

    timeframe: str
    last: Candle | None = None
    last_trade: float = 0.0
    halted_at_ns: int | None = None
    halts: list[tuple[int, int]] = []
    desks: dict[str, DeskState] = {}
    volumes: list[float] = []
    book: BookUpdate | None = None


def to_plain(state: MarketState) -> Any:
    """Return the state as dict, list, str, int, float, bool and None."""
    return msgspec.json.decode(msgspec.json.encode(state))


def from_plain(plain: Any) -> MarketState:
    """Return the state that `to_plain` turned into plain data."""
    return msgspec.convert(plain, MarketState)
