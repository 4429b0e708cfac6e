"""Snapshots as readers want them: the oldest one from which the journal's records still lead on.

Retention cuts no record that a kept snapshot needs, so a journal whose beginning is gone is read from here.
"""

from __future__ import annotations

from sqlalchemy import Engine, select

from loligo_store.codec import decompressed
from loligo_store.schema import snapshot


def oldest_snapshot(engine: Engine, from_seq: int) -> tuple[int, bytes] | None:
    """Return the oldest snapshot at or after a seq as (next_seq, state), None without one. JournalCorrupt if it is
    damaged."""
    later = select(snapshot).where(snapshot.c.next_seq >= from_seq).order_by(snapshot.c.next_seq).limit(1)
    with engine.connect() as connection:
        row = connection.execute(later).one_or_none()
    if row is None:
        return None
    repair = "delete its row; a later snapshot, if there is one, leads on from there"
    return row.next_seq, decompressed(row.state, row.checksum, f"snapshot {row.next_seq}", repair)
