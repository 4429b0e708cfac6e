"""Cuts the journal's oldest blocks, a few at a time, within a transaction of the writer.

What must hold: a block goes only when it is older than the setting, in the time of the data; when it lies wholly before
every kept snapshot, so that each of them still leads to the state of every desk; and when the projections have read it.
The newest block stays. Segments go with the block that refers to them. In the same transaction `journal_start` says
where the journal begins from then on, so that a reader can tell a cut from a loss.
"""

from __future__ import annotations

from itertools import takewhile

from sqlalchemy import Connection, delete, func, select, update

from loligo.model.timeframe import DAY_NS
from loligo_store.schema import journal_block, journal_start, projection_cursor, segment_block, snapshot

BLOCKS_AT_ONCE = 50  # a commit that an order waits for is held up by no more than these: some 5 ms at their largest


def cut(connection: Connection, retention_days: int | None) -> bool:
    """Cut some of the blocks that may go; return whether there may be more of them. None keeps everything."""
    if retention_days is None:
        return False
    needed_from = _needed_from(connection)
    if needed_from is None:
        return True
    block = journal_block.c
    newest_ts = connection.execute(select(block.last_ts).order_by(block.first_seq.desc()).limit(1)).scalar() or 0
    oldest = select(block.first_seq, block.last_seq, block.last_ts).order_by(block.first_seq).limit(BLOCKS_AT_ONCE)
    kept_from_ts = newest_ts - retention_days * DAY_NS
    heads = connection.execute(oldest).all()
    gone = list(takewhile(lambda head: head.last_seq < needed_from and head.last_ts < kept_from_ts, heads))
    if gone:
        first_seq = gone[-1].last_seq + 1
        for table in (segment_block, journal_block):
            connection.execute(delete(table).where(table.c.first_seq < first_seq))
        connection.execute(update(journal_start).values(first_seq=first_seq, retention_days=retention_days))
    return len(gone) == BLOCKS_AT_ONCE


def _needed_from(connection: Connection) -> int | None:
    """Return the seq from which snapshots and projections need the journal; None while a projector holds its cursor.

    The cursor stays locked until the cut is done: a rebuild that begins meanwhile sees the cut, and is refused.
    """
    oldest_snapshot = connection.execute(select(func.min(snapshot.c.next_seq))).scalar() or 0
    cursor = select(projection_cursor.c.next_seq).with_for_update(read=True, skip_locked=True)
    projected = connection.execute(cursor).scalar_one_or_none()
    return None if projected is None else min(oldest_snapshot, projected)
