"""Candles of one series as the journal holds them, newest first to be found: reads market segments only, from any
thread beside the writer. What was fed as warm-up counts, too; each candle comes once.
"""

from __future__ import annotations

from sqlalchemy import Engine, func, select

from loligo.model.market import Candle, Quote
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
    hub, newest = instrument.partition(":")[0], _newest_block(engine, before_ns, timeframe)
    for _ in range(MOST_SEGMENTS):
        older = select(segment_block).where(_SEGMENT.hub == hub).order_by(_SEGMENT.first_seq.desc()).limit(1)
        with engine.connect() as connection:
            segment = connection.execute(older if newest is None else older.where(_SEGMENT.first_seq <= newest)).first()
        if segment is None:
            break
        newest = segment.first_seq - 1
        for item in codec.items_of(segment, codec.decode_market, f"segment {hub} of journal block {segment.first_seq}"):
            if not isinstance(item, Candle) or (item.instrument, item.timeframe) != (instrument, timeframe):
                continue
            if before_ns is None or item.opened_at_ns < before_ns:
                found[item.opened_at_ns] = item
        if len(found) >= limit:
            break
    return [found[opened_at_ns] for opened_at_ns in sorted(found)][-limit:]


def _newest_block(engine: Engine, before_ns: int | None, timeframe: str) -> int | None:
    """Return the block in which the last candle that opened before an instant must lie, or an older one."""
    if before_ns is None:
        return None
    block = journal_block.c
    ends_after = select(func.min(block.first_seq)).where(block.last_ts >= before_ns + timeframe_ns(timeframe))
    with engine.connect() as connection:
        first_seq: int | None = connection.execute(ends_after).scalar()
    return first_seq


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
