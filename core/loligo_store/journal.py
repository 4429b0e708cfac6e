"""The journal's writer: takes records, groups them into blocks, makes each group durable in one transaction.

What must hold: seqs are contiguous; a group is in the database whole or not at all, and groups come there in order; the
stored content depends on the records alone. One process writes; a second one fails at its first commit, because its
block's key is taken. `append` and `seal` belong to the engine's thread; `write` may be another's.

Records are encoded a few at a time: one by one costs half a microsecond more for each, and many at once make Python's
collector walk over all that waits. So it is at most that many records later, and always before its commit, that one
which cannot be stored is refused. Market data goes to the segment of its hub; a block and its segments are committed
together. Retention cuts old blocks beside commits, a few at a time.
"""

from __future__ import annotations

import threading
import zlib
from collections import defaultdict, deque
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from sqlalchemy import Engine, delete, select

from loligo.errors import JournalCorrupt, JournalError
from loligo.model.command import WarmUp
from loligo.model.events import Record
from loligo.model.market import ExternalSignal, MarketData
from loligo_store.codec import MARKET, REPAIR, Content, Warmed, compressed, decompressed, encode
from loligo_store.config import JournalConfig
from loligo_store.database import insert_sql, open_engine, writing
from loligo_store.migrate import migrate
from loligo_store.reader import JournalReader
from loligo_store.retention import cut
from loligo_store.schema import journal_block, segment_block, snapshot

ENCODED_AT_ONCE = 32
_UNSTORABLE = (TypeError, ValueError, OverflowError)  # by msgspec, of what msgpack has no bytes for


@dataclass(frozen=True, slots=True)
class _Group:
    """Records that become durable together."""

    first_seq: int
    last_seq: int
    last_ts: int
    rows: Content
    segments: dict[str, Content]  # by hub


class Journal(JournalReader):
    """The journal of one bot: a file path, a database URL or an engine. Older databases are migrated on open.

    The driver commits: when `is_full`, when `commit_every_s` is over, and before anything leaves the bot.
    """

    def __init__(self, database: str | Path | Engine, config: JournalConfig | None = None) -> None:
        super().__init__(database if isinstance(database, Engine) else open_engine(database))
        migrate(self.engine)
        self.config = config or JournalConfig()
        self._full_at = self.config.commit_every_records  # a model's attributes are slow to look up
        self._insert_block = insert_sql(self.engine, journal_block)
        self._insert_segment = insert_sql(self.engine, segment_block)
        self._is_more_to_cut = True
        self._last_ts = 0  # of the newest record
        self._next_seq = self.last_seq + 1
        self._fresh: list[Record] = []  # not yet encoded
        self._sealed: deque[_Group] = deque()  # not yet durable
        self._writing = threading.Lock()
        self._open_group()

    def _open_group(self) -> None:
        self._first_seq = self._next_seq
        self._rows = Content()
        self._segments: dict[str, Content] = {}

    @property
    def is_full(self) -> bool:
        """Whether as many records wait as one commit should hold."""
        return self._rows.count + len(self._fresh) >= self._full_at

    def append(self, record: Record) -> None:
        """Take a record into the open group. JournalError if its seq does not follow, or if one taken before cannot be
        stored."""
        seq, fresh = record.seq, self._fresh
        if seq != self._next_seq:
            raise JournalError(f"record {seq} does not follow the journal: expected seq {self._next_seq}")
        fresh.append(record)
        self._next_seq = seq + 1 + len(record.events)
        if len(fresh) == ENCODED_AT_ONCE:
            self._encode_fresh()

    def _encode_fresh(self) -> None:
        fresh, self._fresh = self._fresh, []
        try:
            self._encode(fresh)
        except _UNSTORABLE:
            self._encode_up_to_the_unstorable(fresh)

    def _encode_up_to_the_unstorable(self, records: list[Record]) -> None:
        for record in records:
            try:
                self._encode([record])
            except _UNSTORABLE as exc:
                self._next_seq = record.seq
                why = f"{exc}. Give plain values of the right types"
                raise JournalError(f"record {record.seq} cannot be stored: {why}") from exc

    def _encode(self, records: list[Record]) -> None:
        """Encode records into the open group: all of them, or none if one cannot be."""
        rows: list[tuple[Any, ...]] = []
        market: defaultdict[str, list[MarketData]] = defaultdict(list)
        for record in records:
            item: Any = record.input
            kind = type(item)
            if kind in MARKET:
                hub = item.source if kind is ExternalSignal else _venue_of(item.instrument)
                market[hub].append(item)
                item = hub
            elif kind is WarmUp:
                hub = _venue_of(item.instrument)
                market[hub] += item.candles
                item = Warmed(hub, len(item.candles), replace(item, candles=()))
            rows.append((item, record.events, record.feed))
        run, market_runs = encode(rows), {hub: encode(items) for hub, items in market.items() if items}
        self._rows.add(run, len(rows))
        for hub, market_run in market_runs.items():
            self._segments.setdefault(hub, Content()).add(market_run, len(market[hub]))
        self._last_ts = records[-1].input.ts

    def commit(self) -> None:
        """Make everything appended so far durable; what `seal` and `write` raise."""
        self.seal()
        self.write()

    def seal(self) -> None:
        """Close the open group: what comes from here on belongs to the next.

        JournalError if a record cannot be stored: that one and what was appended after it are gone, and the group is
        what came before.
        """
        if self._fresh:
            self._encode_fresh()
        if self._rows.count:
            self._sealed.append(_Group(self._first_seq, self._next_seq - 1, self._last_ts, self._rows, self._segments))
            self._open_group()

    def write(self) -> None:
        """Make what was sealed durable, in one transaction. JournalError if the database fails: the groups stay for
        another `write`."""
        with self._writing:
            groups = list(self._sealed)
            if not groups:
                return
            blocks = [(one.first_seq, one.last_seq, one.last_ts, *one.rows.packed()) for one in groups]
            market = [(one.first_seq, hub, *items.packed()) for one in groups for hub, items in one.segments.items()]
            with writing(self.engine) as connection:
                connection.exec_driver_sql(self._insert_block, blocks)
                if market:
                    connection.exec_driver_sql(self._insert_segment, market)
                is_more = self._is_more_to_cut and cut(connection, self.config.retention_days)
            self._is_more_to_cut = is_more
            for _ in groups:
                self._sealed.popleft()

    def save_snapshot(self, next_seq: int, state: bytes) -> None:
        """Keep the state before `next_seq`, made durable after the records that led to it; older ones go."""
        self.commit()
        if next_seq > self._next_seq:
            raise JournalError(f"snapshot before seq {next_seq} is ahead of the journal's end, {self._next_seq - 1}")
        key, kept = snapshot.c.next_seq, compressed(state)
        newest = select(key).order_by(key.desc()).limit(self.config.keep_snapshots).correlate(None)
        with writing(self.engine) as connection:
            connection.execute(delete(snapshot).where(key == next_seq))
            connection.execute(snapshot.insert().values(next_seq=next_seq, checksum=zlib.crc32(kept), state=kept))
            connection.execute(delete(snapshot).where(key.not_in(newest)))
            is_more = cut(connection, self.config.retention_days)
        self._is_more_to_cut = is_more

    def newest_snapshot(self) -> tuple[int, bytes] | None:
        """Return the newest snapshot as (next_seq, state), None without one. JournalCorrupt if it is damaged or ahead
        of the journal."""
        with self.engine.connect() as connection:
            row = connection.execute(select(snapshot).order_by(snapshot.c.next_seq.desc()).limit(1)).one_or_none()
        if row is None:
            return None
        if row.next_seq > self._first_seq:
            raise JournalCorrupt(
                f"snapshot {row.next_seq} lies after the journal's end, {self._first_seq - 1}: {REPAIR}"
            )
        older = "an older snapshot, or none," if self.first_seq == 1 else "an older snapshot"
        repair = f"delete its row; {older} gives the same state from the records after it"
        return row.next_seq, decompressed(row.state, row.checksum, f"snapshot {row.next_seq}", repair)

    def close(self) -> None:
        """Commit what is open and let go of the database."""
        try:
            self.commit()
        finally:
            self.engine.dispose()


@lru_cache(maxsize=1_000)
def _venue_of(instrument: str) -> str:
    """Return the text before ":", which names the hub of all but external signals."""
    return instrument.partition(":")[0]
