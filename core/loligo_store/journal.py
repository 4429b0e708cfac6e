"""The journal's writer: takes records, groups them into blocks, makes each group durable in one transaction.

What must hold: seqs are contiguous; a group is in the database whole or not at all; the stored bytes depend on the
records alone. One process writes; a second one fails at its first commit, because its block's key is taken.

Market data goes to a segment per hub, a growing series of items that records refer to by hub and offset. A record and
its market data are committed together, so a reference never points across the end of a segment block.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from pathlib import Path

from msgspec.structs import replace
from sqlalchemy import Engine, delete, func, select

from loligo.errors import JournalCorrupt, JournalError
from loligo.model.command import WarmUp
from loligo.model.events import Record
from loligo.model.market import ExternalSignal, MarketData
from loligo_store.codec import REPAIR, encode, pack
from loligo_store.config import JournalConfig
from loligo_store.database import insert_sql, open_engine, writing
from loligo_store.migrate import migrate
from loligo_store.reader import JournalReader
from loligo_store.schema import journal_block, segment_block, snapshot


@dataclass(slots=True)
class _OpenSegment:
    """What one hub has gathered since the last commit: encoded items, the first of them at `first_offset`."""

    hub: str
    first_offset: int = 0
    frames: list[bytes] = field(default_factory=list)


class Journal(JournalReader):
    """The journal of one bot: a file path, a database URL or an engine. Older databases are migrated on open.

    The driver commits: when `is_full`, when `commit_every_s` is over, and before anything leaves the bot.
    """

    def __init__(self, database: str | Path | Engine, config: JournalConfig | None = None) -> None:
        super().__init__(database if isinstance(database, Engine) else open_engine(database))
        migrate(self.engine)
        self.config = config or JournalConfig()
        self._insert_block = insert_sql(self.engine, journal_block)
        self._insert_segment = insert_sql(self.engine, segment_block)
        self._first_seq = self._next_seq = self.last_seq + 1  # of the open group, and after it
        self._frames: list[bytes] = []
        table = segment_block.c
        ends = select(table.hub, func.max(table.first_offset + table.item_count)).group_by(table.hub)
        with self.engine.connect() as connection:
            self._open_segments = {hub: _OpenSegment(hub, offset) for hub, offset in connection.execute(ends)}

    @property
    def is_full(self) -> bool:
        """Whether as many records wait as one commit should hold."""
        return len(self._frames) >= self.config.commit_every_records

    def append(self, record: Record) -> None:
        """Take a record into the open group. JournalError if its seq does not follow or it cannot be stored."""
        seq, item = record.seq, record.input
        if seq != self._next_seq:
            raise JournalError(f"record {seq} does not follow the journal: expected seq {self._next_seq}")
        try:
            if isinstance(item, MarketData):
                self._append_with_market(record, None, _hub_of(item), [encode(item)])
            elif isinstance(item, WarmUp):
                self._append_with_market(record, replace(item, candles=()), _hub_of(item), [*map(encode, item.candles)])
            else:
                self._frames.append(encode(record))
        except (TypeError, ValueError, OverflowError) as exc:  # before anything was kept of it
            raise JournalError(f"record {seq} cannot be stored: {exc}. Give plain values of the right types") from exc
        self._next_seq = seq + 1 + len(record.events)

    def _append_with_market(self, record: Record, rest: WarmUp | None, hub: str, items: list[bytes]) -> None:
        segment = self._open_segments.get(hub) or self._open_segments.setdefault(hub, _OpenSegment(hub))
        place = hub, segment.first_offset + len(segment.frames), len(items)
        self._frames.append(encode((record.seq, rest, record.events, place)))
        segment.frames += items

    def commit(self) -> None:
        """Make everything appended so far durable. JournalError if the database fails; the group stays and may be
        committed again."""
        if not self._frames:
            return
        filled = [segment for segment in self._open_segments.values() if segment.frames]
        block = (self._first_seq, self._next_seq - 1, *pack(self._frames))
        market = [(segment.hub, segment.first_offset, *pack(segment.frames)) for segment in filled]
        with writing(self.engine) as connection:
            connection.exec_driver_sql(self._insert_block, block)
            if market:
                connection.exec_driver_sql(self._insert_segment, market)
        for segment in filled:
            segment.first_offset += len(segment.frames)
            segment.frames = []
        self._frames = []
        self._first_seq = self._next_seq

    def save_snapshot(self, next_seq: int, state: bytes) -> None:
        """Keep the state before `next_seq`, made durable after the records that led to it; older ones go."""
        self.commit()
        if next_seq > self._next_seq:
            raise JournalError(f"snapshot before seq {next_seq} is ahead of the journal's end, {self._next_seq - 1}")
        key = snapshot.c.next_seq
        newest = select(key).order_by(key.desc()).limit(self.config.keep_snapshots).correlate(None)
        with writing(self.engine) as connection:
            connection.execute(delete(snapshot).where(key == next_seq))
            connection.execute(snapshot.insert().values(next_seq=next_seq, checksum=zlib.crc32(state), state=state))
            connection.execute(delete(snapshot).where(key.not_in(newest)))

    def newest_snapshot(self) -> tuple[int, bytes] | None:
        """Return the newest snapshot as (next_seq, state), None without one. JournalCorrupt if it is damaged or ahead
        of the journal."""
        with self.engine.connect() as connection:
            row = connection.execute(select(snapshot).order_by(snapshot.c.next_seq.desc()).limit(1)).one_or_none()
        if row is None:
            return None
        if zlib.crc32(row.state) != row.checksum:
            raise JournalCorrupt(
                f"snapshot {row.next_seq} does not match its checksum: delete its row; an older snapshot, or none,"
                " gives the same state from the records after it"
            )
        if row.next_seq > self._first_seq:
            raise JournalCorrupt(
                f"snapshot {row.next_seq} lies after the journal's end, {self._first_seq - 1}: {REPAIR}"
            )
        return row.next_seq, row.state

    def close(self) -> None:
        """Commit what is open and let go of the database."""
        try:
            self.commit()
        finally:
            self.engine.dispose()


def _hub_of(item: MarketData | WarmUp) -> str:
    """Return the venue of an instrument (the text before ":"), the source of an external signal."""
    return item.source if type(item) is ExternalSignal else item.instrument.partition(":")[0]
