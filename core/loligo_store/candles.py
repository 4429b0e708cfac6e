"""Candles of one series, and last prices, as the journal holds them, newest first to be found: reads market segments
only, from any thread beside the writer. What was fed as warm-up counts, too; each candle comes once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from sqlalchemy import Engine, func, select

from loligo.model.market import Candle, Quote, Trade
from loligo.model.timeframe import timeframe_ns
from loligo_store import codec
from loligo_store.schema import journal_block, segment_block

MOST_SEGMENTS = 500  # that one page reads: a day's candle every 1,440 minutes lies far apart
QUOTE_SEGMENTS = 5  # in which the newest quote is looked for: where quotes come, each holds some
_SEGMENT = segment_block.c


def candles_before(
    engine: Engine, instrument: str, timeframe: str, *, before_ns: int | None, limit: int
) -> list[Candle]:
    """Return up to `limit` candles that opened before an instant, oldest first; None: the newest ones.

    JournalCorrupt if a segment is damaged.
    """
    found: dict[int, Candle] = {}
    newest = None if before_ns is None else _block_of(engine, before_ns + timeframe_ns(timeframe))
    for items in _segments(engine, instrument.partition(":")[0], newest):
        for item in items:
            if not isinstance(item, Candle) or (item.instrument, item.timeframe) != (instrument, timeframe):
                continue
            if before_ns is None or item.opened_at_ns < before_ns:
                found[item.opened_at_ns] = item
        if len(found) >= limit:
            break
    return [found[opened_at_ns] for opened_at_ns in sorted(found)][-limit:]


def prices_at(
    engine: Engine, instruments: Collection[str], *, until_ns: int, after_ns: int | None = None
) -> dict[str, float]:
    """Return by instrument the last price until an instant, and after another one where that is given: the close of a
    candle of any timeframe, or of a trade; without those that have none. All instruments are of one venue.

    JournalCorrupt if a segment is damaged.
    """
    found: dict[str, tuple[int, float]] = {}
    hub = next(iter(instruments), "").partition(":")[0]
    oldest = 0 if after_ns is None else _block_of(engine, after_ns) or 0
    for items in _segments(engine, hub, _block_of(engine, until_ns), oldest):
        newest: dict[str, tuple[int, float]] = {}
        for item in items:
            if not isinstance(item, Candle | Trade) or item.instrument not in instruments or item.ts > until_ns:
                continue
            if (after_ns is None or item.ts > after_ns) and item.ts >= newest.get(item.instrument, (0, 0.0))[0]:
                newest[item.instrument] = item.ts, item.close if isinstance(item, Candle) else item.price
        found |= {one: told for one, told in newest.items() if told[0] > found.get(one, (0, 0.0))[0]}
        if len(found) == len(instruments):
            break
    return {instrument: price for instrument, (_, price) in found.items()}


def _segments(engine: Engine, hub: str, newest: int | None, oldest: int = 0) -> Iterator[list[Any]]:
    """Yield what each segment of a hub holds from a block on back to another one, `MOST_SEGMENTS` at most."""
    for _ in range(MOST_SEGMENTS):
        older = select(segment_block).where(_SEGMENT.hub == hub, _SEGMENT.first_seq >= oldest)
        older = older.order_by(_SEGMENT.first_seq.desc()).limit(1)
        with engine.connect() as connection:
            segment = connection.execute(older if newest is None else older.where(_SEGMENT.first_seq <= newest)).first()
        if segment is None:
            return
        newest = segment.first_seq - 1
        yield list(codec.items_of(segment, codec.decode_market, f"segment {hub} of journal block {segment.first_seq}"))


def _block_of(engine: Engine, ts: int) -> int | None:
    """Return the block in which what happened at an instant must lie, or an older one; None: that may be the newest."""
    block = journal_block.c
    with engine.connect() as connection:
        found: int | None = connection.execute(select(func.min(block.first_seq)).where(block.last_ts >= ts)).scalar()
    return found


def newest_quote(engine: Engine, instrument: str) -> Quote | None:
    """Return the newest quote of an instrument among the newest segments of its hub, None when there is none there.

    JournalCorrupt if a segment is damaged.
    """
    hub = instrument.partition(":")[0]
    newest = select(segment_block).where(_SEGMENT.hub == hub).order_by(_SEGMENT.first_seq.desc()).limit(QUOTE_SEGMENTS)
    with engine.connect() as connection:
        segments = connection.execute(newest).all()
    for segment in segments:
        place = f"segment {hub} of journal block {segment.first_seq}"
        found = None
        for item in codec.items_of(segment, codec.decode_market, place):
            if isinstance(item, Quote) and item.instrument == instrument:
                found = item
        if found is not None:
            return found
    return None
