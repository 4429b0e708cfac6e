"""Reads the journal: records in order, one event by its seq, the digest. Safe beside the writer, from any process.

Every block read is checked against its checksum, against its own head and against the block before it. The journal
begins where `journal_start` says: at seq 1, or later once retention has cut what was before. Asking for what was cut is
an error that says so; a block that lacks anywhere else is damage.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace
from sqlalchemy import Engine, Row, func, select

from loligo.errors import JournalCorrupt, JournalError
from loligo.model.events import Consequence, Input, Record
from loligo.model.market import ExternalSignal, MarketData
from loligo_store import codec
from loligo_store.codec import REPAIR, Warmed
from loligo_store.schema import journal_block, journal_start, segment_block

_BLOCK = journal_block.c


class JournalReader:
    """The committed journal. One reader serves one thread."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._last_found: list[Record] = []  # the block that `find` read last: questions come in clusters

    @property
    def first_seq(self) -> int:
        """Return the seq at which the journal begins: 1 until retention cuts."""
        return self._start()[0]

    @property
    def last_seq(self) -> int:
        """Return the highest durable seq, 0 for an empty journal."""
        with self.engine.connect() as connection:
            newest = select(_BLOCK.last_seq).order_by(_BLOCK.first_seq.desc()).limit(1)
            return connection.execute(newest).scalar() or 0

    def records(self, first_seq: int = 0) -> Iterator[Record]:
        """Yield records from the one that contains `first_seq`, 0 being where the journal begins, to the newest.

        JournalCorrupt if a block is damaged, JournalError if retention has cut `first_seq`.
        """
        for block in self._blocks(first_seq):
            yield from self._records_of(block, first_seq)

    def find(self, seq: int) -> tuple[Record, Input | Consequence]:
        """Return the record that contains `seq` and the event with that seq. JournalError if there is none."""
        found = self._last_found
        if not found or not found[0].seq <= seq < found[-1].next_seq:
            block = next(self._blocks(seq), None) if seq > 0 else None
            if block is None:
                raise JournalError(f"seq {seq} is not in the journal: it ends at {self.last_seq}")
            found = self._last_found = list(self._records_of(block))
        record = found[bisect_right(found, seq, key=lambda one: one.seq) - 1]
        return record, record.input if seq == record.seq else record.events[seq - record.seq - 1]

    def published(self, source: str, ident: str, segments: int = 100) -> tuple[int, ExternalSignal] | None:
        """Return the signal of a source with this id, and its seq, if it lies in that source's newest segments."""
        newest = select(segment_block).where(segment_block.c.hub == source).order_by(segment_block.c.first_seq.desc())
        with self.engine.connect() as connection:
            found = connection.execute(newest.limit(segments)).all()
        for segment in found:
            items = codec.items_of(segment, codec.decode_market, f"segment {source} of block {segment.first_seq}")
            if any(getattr(item, "id", "") == ident for item in items):
                block = next(self._blocks(segment.first_seq))
                for record in self._records_of(block):
                    if isinstance(record.input, ExternalSignal) and record.input.id == ident:
                        return record.seq, record.input
        return None

    def digest(self) -> str:
        """Return the sha256, in hex, of the bytes of all records, each with its market data, wherever blocks were
        closed. JournalCorrupt if one is damaged."""
        whole = hashlib.sha256()
        for record in self.records():
            whole.update(codec.encode(record))
        return whole.hexdigest()

    def _start(self) -> tuple[int, int | None]:
        """Return where the journal begins, and the days of the retention that cut what was before."""
        with self.engine.connect() as connection:
            start = connection.execute(select(journal_start)).one()
        return start.first_seq, start.retention_days

    def _blocks(self, first_seq: int) -> Iterator[Row[Any]]:
        """Yield blocks from the one that contains a seq; 0 is where the journal begins."""
        around = select(func.max(_BLOCK.first_seq)).where(_BLOCK.first_seq <= first_seq)
        with self.engine.connect() as connection:
            expected = connection.execute(around).scalar()
        if expected is None:
            expected, days = self._start()
            if 0 < first_seq < expected:
                raise _was_cut(first_seq, expected, days)
        while (block := self._block_from(expected)) is not None:
            if block.last_seq >= first_seq:
                yield block
            expected = block.last_seq + 1

    def _block_from(self, expected: int) -> Row[Any] | None:
        """Return the block that begins at a seq, None at the end of the journal."""
        following = select(journal_block).where(_BLOCK.first_seq >= expected).order_by(_BLOCK.first_seq).limit(1)
        with self.engine.connect() as connection:
            block = connection.execute(following).one_or_none()
        if block is None or block.first_seq == expected:
            return block
        start, days = self._start()  # read after the block, which may have been cut while this reader was on its way
        if expected < start:
            raise _was_cut(expected, start, days)
        gap = f"follows seq {expected - 1}; expected a block from {expected}"
        raise JournalCorrupt(f"journal block {block.first_seq} {gap}: {REPAIR}")

    def _records_of(self, block: Row[Any], first_seq: int = 0) -> Iterator[Record]:
        """Yield a block's records from the one that contains a seq; all are checked against head and market data."""
        place, seq, ts = f"journal block {block.first_seq}", block.first_seq, 0
        market = _Market(self.engine, block.first_seq)
        for row in codec.items_of(block, codec.decode_records, place):
            own_seq, events, item = seq, row.events, market.input_of(row)
            if events and events[0].seq != seq + 1:
                raise JournalCorrupt(f"{place} holds seq {events[0].seq} where {seq + 1} was expected: {REPAIR}")
            seq, ts = seq + 1 + len(events), item.ts
            if seq > first_seq:
                yield Record(own_seq, item, events, row.feed)
        if seq != block.last_seq + 1:
            raise JournalCorrupt(f"{place} ends at {seq - 1} where its head says {block.last_seq}: {REPAIR}")
        if ts != block.last_ts:
            raise JournalCorrupt(f"{place} ends at ts {ts} where its head says {block.last_ts}: {REPAIR}")
        market.check_all_taken()


def _was_cut(seq: int, start: int, days: int | None) -> JournalError:
    cut = f"seq {seq} was cut by retention of {days} days: the journal begins at seq {start}"
    return JournalError(f"{cut}. Ask for that or a later one, or look into a backup")


class _Market:
    """The market data of one block, handed out in order."""

    def __init__(self, engine: Engine, first_seq: int) -> None:
        self._first_seq = first_seq
        of_block = segment_block.c.first_seq == first_seq
        with engine.connect() as connection:
            segments = connection.execute(select(segment_block).where(of_block)).all()
        self._items: dict[str, Iterator[MarketData]] = {
            segment.hub: codec.items_of(segment, codec.decode_market, self._place(segment.hub)) for segment in segments
        }

    def input_of(self, row: codec.StoredRecord) -> Input:
        """Return the input of a row, with its market data. JournalCorrupt if there is none left."""
        item = row.input
        if isinstance(item, str):
            return self._next(item)
        if isinstance(item, Warmed):
            candles: Any = tuple([self._next(item.hub) for _ in range(item.count)])
            return replace(item.warm_up, candles=candles)
        return item

    def check_all_taken(self) -> None:
        for hub, items in self._items.items():
            if next(items, None) is not None:
                raise JournalCorrupt(f"{self._place(hub)} holds an item that no record names: {REPAIR}")

    def _next(self, hub: str) -> MarketData:
        item = next(self._items.get(hub, iter(())), None)
        if item is None:
            raise JournalCorrupt(f"{self._place(hub)} lacks an item that a record names: {REPAIR}")
        return item

    def _place(self, hub: str) -> str:
        return f"segment {hub} of journal block {self._first_seq}"
