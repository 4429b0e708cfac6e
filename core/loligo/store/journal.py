"""The journal's writer: takes records, groups them into blocks, makes each group durable in one transaction.

What must hold: seqs are contiguous; a group is in the database whole or not at all; the stored bytes depend on the
records alone. One process writes; a second one fails at its first commit, because its block's key is taken.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, delete, func, select

from loligo.errors import JournalCorrupt, JournalError
from loligo.model.command import WarmUp
from loligo.model.events import Record
from loligo.store.codec import REPAIR, encode, join_frames
from loligo.store.config import JournalConfig
from loligo.store.database import insert_sql, open_engine, reading, writing
from loligo.store.migrate import migrate
from loligo.store.reader import JournalReader
from loligo.store.schema import journal_block, segment_block, snapshot
from loligo.store.segments import MARKET_KINDS, OpenSegments


class Journal:
    """The journal of one bot: a file path, a database URL or an engine. Older databases are migrated on open.

    The driver commits: when `is_full`, when `commit_every_s` is over, and before anything leaves the bot.
    """

    def __init__(self, database: str | Path | Engine, config: JournalConfig | None = None) -> None:
        self.config = config or JournalConfig()
        self._owns_engine = not isinstance(database, Engine)
        self.engine = database if isinstance(database, Engine) else open_engine(database)
        migrate(self.engine)
        self.reader = JournalReader(self.engine)
        self._insert_block = insert_sql(self.engine, journal_block)
        self._insert_segment = insert_sql(self.engine, segment_block)
        self._last_seq = self.reader.last_seq
        self._next_seq = self._last_seq + 1
        self._segments = OpenSegments(self._stored_offsets())
        self._frames: list[bytes] = []
        self._first_ts = self._last_ts = 0

    @property
    def last_seq(self) -> int:
        """Return the highest seq that is durable, 0 for an empty journal."""
        return self._last_seq

    @property
    def open_records(self) -> int:
        """Return how many records wait for the next commit."""
        return len(self._frames)

    @property
    def is_full(self) -> bool:
        """Whether as many records wait as one commit should hold."""
        return len(self._frames) >= self.config.commit_every_records

    def append(self, record: Record) -> None:
        """Take a record into the open group. JournalError if its seq does not follow or it cannot be stored."""
        seq, item, events = record.seq, record.input, record.events
        if seq != self._next_seq:
            raise JournalError(f"record {seq} does not follow the journal: expected seq {self._next_seq}")
        try:
            if type(item) in MARKET_KINDS:
                segment = self._segments.of(item)  # type: ignore[arg-type]
                data = encode(item)
                self._frames.append(encode((seq, ("market", segment.hub, segment.next_offset, 1), events)))
                segment.frames.append(data)
                segment.next_offset += 1
            elif type(item) is WarmUp:
                self._append_warm_up(seq, item, events)
            else:
                self._frames.append(encode(record))
        except (TypeError, ValueError, OverflowError) as exc:  # before anything was kept of it
            raise JournalError(
                f"record {seq} cannot be stored: {exc}. Its values must be plain and of their type"
            ) from exc
        if len(self._frames) == 1:
            self._first_ts = item.ts
        self._last_ts = item.ts
        self._next_seq = seq + 1 + len(events)

    def _append_warm_up(self, seq: int, item: WarmUp, events: list[Any]) -> None:
        segment = self._segments.of(item)
        candles = [encode(candle) for candle in item.candles]
        place = (segment.hub, segment.next_offset, len(candles))
        self._frames.append(encode((seq, ("warm_up", item.ts, item.instrument, item.timeframe, *place), events)))
        segment.frames += candles
        segment.next_offset += len(candles)

    def commit(self) -> None:
        """Make everything appended so far durable. JournalError if the database fails; the group stays and may be
        committed again."""
        if not self._frames:
            return
        payload = join_frames(self._frames)
        head = (self._last_seq + 1, self._next_seq - 1, self._first_ts, self._last_ts, len(self._frames))
        filled = self._segments.filled()
        with writing(self.engine) as connection:
            connection.exec_driver_sql(self._insert_block, (*head, zlib.crc32(payload), payload))
            if filled:
                connection.exec_driver_sql(self._insert_segment, [segment.row() for segment in filled])
        for segment in filled:
            segment.close()
        self._frames = []
        self._last_seq = self._next_seq - 1

    def records(self, first_seq: int = 0) -> Iterator[Record]:
        """Yield committed records from the one that contains `first_seq`. JournalCorrupt if a block is damaged."""
        return self.reader.records(first_seq)

    def digest(self) -> str:
        """Return the sha256, in hex, of everything committed, wherever commits fell."""
        return self.reader.digest()

    def save_snapshot(self, next_seq: int, state: bytes) -> None:
        """Keep the state before `next_seq`, made durable after the records that led to it; older ones go."""
        self.commit()
        if next_seq > self._next_seq:
            raise JournalError(
                f"snapshot before seq {next_seq} is ahead of the journal, which ends at {self._last_seq}"
            )
        table = snapshot.c
        with writing(self.engine) as connection:
            connection.execute(delete(snapshot).where(table.next_seq == next_seq))
            row = {"next_seq": next_seq, "checksum": zlib.crc32(state), "state": state}
            connection.execute(snapshot.insert(), row)
            newest = select(table.next_seq).order_by(table.next_seq.desc()).limit(self.config.keep_snapshots)
            kept = list(connection.execute(newest).scalars())
            connection.execute(delete(snapshot).where(table.next_seq < kept[-1]))

    def newest_snapshot(self) -> tuple[int, bytes] | None:
        """Return the newest snapshot as (next_seq, state), None without one. JournalCorrupt if it is damaged or ahead
        of the journal."""
        with reading(self.engine) as connection:
            query = select(snapshot).order_by(snapshot.c.next_seq.desc()).limit(1)
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        if zlib.crc32(row.state) != row.checksum:
            raise JournalCorrupt(
                f"snapshot {row.next_seq} does not match its checksum: delete its row; an older snapshot, or none,"
                " gives the same state from the records after it"
            )
        if row.next_seq > self._last_seq + 1:
            raise JournalCorrupt(f"snapshot {row.next_seq} lies after the journal's end, {self._last_seq}: {REPAIR}")
        return row.next_seq, row.state

    def close(self) -> None:
        """Commit what is open and let go of the database."""
        try:
            self.commit()
        finally:
            if self._owns_engine:
                self.engine.dispose()

    def _stored_offsets(self) -> dict[str, int]:
        table = segment_block.c
        query = select(table.hub, func.max(table.first_offset + table.count)).group_by(table.hub)
        with reading(self.engine) as connection:
            return {hub: next_offset for hub, next_offset in connection.execute(query)}
