"""Candles of one series: from the journal, before that from what the feeds remember; coarser ones made of finer ones.

What must hold: a made candle has the open of its first part, the close of its last, and never part of a period at its
old end; the newest one is of what has closed so far. Reading is bounded by `MOST_PARTS` candles.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from loligo.errors import NotFound
from loligo.model.market import Candle
from loligo.model.timeframe import period_start_ns, timeframe_ns
from loligo.ports.tentacles import HistoryFeed
from loligo.registry.faults import did_you_mean
from loligo_bot.door.inside import Inside
from loligo_store.candles import candles_before

MOST_PARTS = 6_000  # candles read for one answer
OFFERED = ("5m", "15m", "1h", "4h", "1d", "1w")  # besides those that the bot works with
LARGEST_RATIO = 168  # hours of a week


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Candles, oldest first, and whether there are older ones."""

    candles: Sequence[Candle]
    has_older: bool


def instruments(inside: Inside) -> list[str]:
    """Return every instrument that the configuration names."""
    return [f"{venue}:{symbol}" for venue, one in inside.config.venues.items() for symbol in one.instruments]


def instrument_of(inside: Inside, text: str) -> str:
    """Return the instrument that somebody means: its name, or what is enough of it, such as "btc" or "BTC/USD".

    NotFound when there is none, or several.
    """
    known, wanted = instruments(inside), text.strip().upper()
    parts = [(name, name.partition(":")[2].upper()) for name in known]
    for found in (
        [name for name in known if name.upper() == wanted],
        [name for name, symbol in parts if symbol == wanted],
        [name for name, symbol in parts if symbol.partition("/")[0] == wanted],
    ):
        if len(found) == 1:
            return found[0]
        if found:
            raise NotFound(f'instrument "{text}" may be any of {", ".join(found)}: give the whole name')
    raise NotFound(f'instrument "{text}": expected one of {", ".join(known)}{did_you_mean(text, known)}')


def history_feeds(inside: Inside) -> list[HistoryFeed]:
    """Return the feeds that remember; on the event loop."""
    return [feed for feed in inside.edges.feeds.by_name.values() if isinstance(feed, HistoryFeed)]


def own_timeframes(inside: Inside, instrument: str) -> list[str]:
    """Return the timeframes in which desks look at an instrument, the shortest first."""
    found = set()
    for plan in inside.reconciler.running.plan.desks:
        for seat in plan.seats:
            if seat.instrument.id == instrument:
                found |= {plan.timeframe, *(one.timeframe for one in seat.evaluators)}
    return sorted(found - {""}, key=timeframe_ns)


def timeframes(inside: Inside, instrument: str) -> list[str]:
    """Return what can be shown: the bot's own, and what can be made of them, the shortest first."""
    own = own_timeframes(inside, instrument)
    made = [each for each in OFFERED if _source(own, each) != each]
    return sorted({*own, *made}, key=timeframe_ns)


def _source(own: Sequence[str], timeframe: str) -> str:
    """Return of what candles those of a timeframe are made: the longest that divides it, or itself."""
    length = timeframe_ns(timeframe)
    if timeframe in own:
        return timeframe
    parts = [one for one in own if length % (part := timeframe_ns(one)) == 0 and 1 < length // part <= LARGEST_RATIO]
    return parts[-1] if parts else timeframe


def read_series(
    inside: Inside, feeds: Sequence[HistoryFeed], instrument: str, timeframe: str, *, before_ns: int | None, count: int
) -> Found:
    """Return up to `count` candles that opened before an instant, None: the newest. Blocks."""
    source = _source(own_timeframes(inside, instrument), timeframe)
    ratio = timeframe_ns(timeframe) // timeframe_ns(source)
    if ratio == 1:
        found = candles_known(inside, feeds, instrument, source, before_ns=before_ns, limit=count + 1)
        return Found(candles=found[-count:], has_older=len(found) > count)
    if before_ns is not None:  # the period that it lies in opened before it
        before_ns = period_start_ns(before_ns - 1, timeframe) + timeframe_ns(timeframe)
    most = min(count * ratio, MOST_PARTS) + ratio  # and what may be part of a period
    parts = candles_known(inside, feeds, instrument, source, before_ns=before_ns, limit=most)
    made = _made(parts, timeframe)
    is_cut = len(parts) == most
    whole = made[1:] if is_cut else made  # the oldest may lack its beginning
    return Found(candles=whole[-count:], has_older=is_cut or len(whole) > count)


def candles_known(
    inside: Inside, feeds: Sequence[HistoryFeed], instrument: str, timeframe: str, *, before_ns: int | None, limit: int
) -> Sequence[Candle]:
    """Return up to `limit` candles of a series as it came, oldest first. Blocks."""
    engine = inside.journal().engine
    found: Sequence[Candle] = candles_before(engine, instrument, timeframe, before_ns=before_ns, limit=limit)
    if len(found) < limit:
        first_ns = found[0].opened_at_ns if found else before_ns or inside.engine.now_ns
        found = [*_remembered(feeds, instrument, timeframe, first_ns, limit - len(found)), *found]
    return found


def _remembered(
    feeds: Sequence[HistoryFeed], instrument: str, timeframe: str, before_ns: int, count: int
) -> Sequence[Candle]:
    """Return what the first feed that has any knows of the time before."""
    for feed in feeds:
        older = feed.history(instrument, timeframe, before_ns, count)
        if older:
            return [candle for candle in older if candle.opened_at_ns < before_ns]
    return ()


def _made(parts: Sequence[Candle], timeframe: str) -> list[Candle]:
    """Return candles of a longer timeframe; parts are in order."""
    periods: dict[int, list[Candle]] = {}
    for part in parts:
        periods.setdefault(period_start_ns(part.opened_at_ns, timeframe), []).append(part)
    return [
        Candle(
            instrument=of[0].instrument,
            timeframe=timeframe,
            opened_at_ns=opened_at_ns,
            ts=of[-1].ts,
            open=of[0].open,
            high=max(one.high for one in of),
            low=min(one.low for one in of),
            close=of[-1].close,
            volume=sum(one.volume for one in of),
        )
        for opened_at_ns, of in periods.items()
    ]
