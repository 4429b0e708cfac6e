"""The verb candles: what the engine saw of a market, and before that what the feeds remember."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated

from pydantic import AfterValidator, Field

from loligo.errors import ConfigError, NotFound
from loligo.model.market import Candle
from loligo.model.timeframe import iso, timeframe_ns
from loligo.ports.door import Answer
from loligo.ports.tentacles import HistoryFeed
from loligo_bot.door.inside import Inside
from loligo_bot.door.offer import Arguments, Asked, Offer, looking
from loligo_bot.door.pages import LARGEST, Part, brief
from loligo_bot.door.series import candles_known, history_feeds, instruments

MS_NS = 1_000_000


def checked_timeframe(text: str) -> str:
    try:
        timeframe_ns(text)
    except ConfigError as exc:
        raise ValueError(str(exc)) from exc
    return text


class CandlesAsked(Arguments):
    """Of which series, and which part of it."""

    instrument: str = Field(min_length=1, description='such as "coinbase:BTC/USD"')
    timeframe: Annotated[str, AfterValidator(checked_timeframe)] = Field(
        default="1h", description="such as 1m, 1h or 1d"
    )
    before_ms: int | None = Field(
        default=None,
        ge=1,
        le=LARGEST // MS_NS,
        description="only those that opened before, ms since 1970 UTC: `next_before_ms` of a page",
    )
    limit: int = Field(default=300, ge=1, le=2_000, description="candles at most, the newest")


class CandleRow(Part):
    """One candle; prices in quote units, volume in base units."""

    opened_at_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float


class Candles(Answer):
    """Candles, oldest first."""

    instrument: str
    timeframe: str
    candles: list[CandleRow]
    next_before_ms: int | None = Field(description="`before_ms` of the next, older page; null: there is none")

    def lines(self) -> Sequence[str]:
        if not self.candles:
            return ["no candles"]
        last = self.candles[-1]
        at = brief(iso(last.opened_at_ms * MS_NS))
        return [f"{self.instrument} {self.timeframe}: {len(self.candles)} candles, close {last.close:g} of {at}"]


async def candles(inside: Inside, _asked: Asked, given: CandlesAsked) -> Candles:
    """NotFound for an instrument that the bot does not know."""
    known = instruments(inside)
    if given.instrument not in known:
        raise NotFound(f'instrument "{given.instrument}": expected one of {", ".join(known)}')
    return await inside.read(partial(_read, inside, history_feeds(inside), given))


def _read(inside: Inside, feeds: Sequence[HistoryFeed], given: CandlesAsked) -> Candles:
    before_ns = given.before_ms * MS_NS if given.before_ms is not None else None
    series = given.instrument, given.timeframe
    found = candles_known(inside, feeds, *series, before_ns=before_ns, limit=given.limit + 1)
    shown = found[-given.limit :]
    older = shown[0].opened_at_ns // MS_NS if len(found) > given.limit else None
    rows = [candle_row(candle) for candle in shown]
    return Candles(instrument=given.instrument, timeframe=given.timeframe, candles=rows, next_before_ms=older)


def candle_row(candle: Candle) -> CandleRow:
    prices = {name: getattr(candle, name) for name in ("open", "high", "low", "close", "volume")}
    return CandleRow(opened_at_ms=candle.opened_at_ns // MS_NS, **prices)


OFFERS: tuple[Offer, ...] = (looking("candles", "candles of an instrument", CandlesAsked, Candles, candles),)
