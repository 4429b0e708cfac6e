"""Reads the journal: records in order, one event by its seq, the digest. Safe beside the writer, from any process.

Every block read is checked against its checksum, against its own head and against the block before it.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace
from sqlalchemy import Engine, Row, func, select

from loligo.errors import JournalCorrupt, JournalError
from loligo.model.command import WarmUp
from loligo.model.events import Consequence, Input, Record
from loligo.model.market import MarketData
from loligo_store import codec
from loligo_store.schema import journal_block, segment_block

_BLOCK = journal_block.c


class JournalReader:
    """The committed journal. One reader serves one thread."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._segments = _SegmentReader(engine)

    @property
    def last_seq(self) -> int:
        """Return the highest durable seq, 0 for an empty journal."""
        with self.engine.connect() as connection:
            newest = select(_BLOCK.last_seq).order_by(_BLOCK.first_seq.desc()).limit(1)
            return connection.execute(newest).scalar() or 0

    def records(self, first_seq: int = 0) -> Iterator[Record]:
        """Yield records from the one that contains `first_seq` to the newest. JournalCorrupt if a block is damaged."""
        with self.engine.connect() as connection:
            start = connection.execute(select(func.max(_BLOCK.first_seq)).where(_BLOCK.first_seq <= first_seq)).scalar()
        expected = start or 1
        while (block := self._block_from(expected)) is not None:
            if block.last_seq >= first_seq:
                yield from self._records_of(block, first_seq)
            expected = block.last_seq + 1

    def find(self, seq: int) -> tuple[Record, Input | Consequence]:
        """Return the record that contains `seq` and the event with that seq. JournalError if there is none."""
        record = next(self.records(seq), None) if seq > 0 else None
        if record is None:
            raise JournalError(f"seq {seq} is not in the journal: it ends at {self.last_seq}")
        return record, record.input if seq == record.seq else record.events[seq - record.seq - 1]

    def digest(self) -> str:
        """Return the sha256, in hex, of the bytes of all records, each with its market data, wherever blocks were
        closed. JournalCorrupt if one is damaged."""
        whole = hashlib.sha256()
        for record in self.records():
            whole.update(codec.encode(record))
        return whole.hexdigest()

    def _block_from(self, expected: int) -> Row[Any] | None:
        """Return the block that begins at a seq, None at the end of the journal."""
        following = select(journal_block).where(_BLOCK.first_seq >= expected).order_by(_BLOCK.first_seq).limit(1)
        with self.engine.connect() as connection:
            block = connection.execute(following).one_or_none()
        if block is not None and block.first_seq != expected:
            gap = f"follows seq {expected - 1}; expected a block from {expected}"
            raise JournalCorrupt(f"journal block {block.first_seq} {gap}: {codec.REPAIR}")
        return block

    def _records_of(self, block: Row[Any], first_seq: int) -> Iterator[Record]:
        """Yield a block's records from the one that contains `first_seq`, each checked to follow the one before."""
        place = f"journal block {block.first_seq}"
        frames = codec.unpack(block, place)
        start = max(bisect_right(frames, first_seq, key=codec.seq_of) - 1, 0)
        expected = codec.seq_of(frames[start]) if start else block.first_seq
        for stored in codec.decoded(frames[start:], codec.decode_record, place):
            if stored.seq != expected:
                raise JournalCorrupt(f"{place} holds record {stored.seq} where {expected} was expected: {codec.REPAIR}")
            expected += 1 + len(stored.events)
            yield Record(stored.seq, self._input(stored), stored.events)
        if expected != block.last_seq + 1:
            raise JournalCorrupt(f"{place} ends at {expected - 1} where its head says {block.last_seq}: {codec.REPAIR}")

    def _input(self, stored: codec.StoredRecord) -> Input:
        items = [] if stored.place is None else self._segments.items(stored.place)
        if isinstance(stored.input, WarmUp):
            return replace(stored.input, candles=tuple(items))
        return items[0] if stored.input is None else stored.input


class _SegmentReader:
    """Reads market data back, block by block: it keeps the newest block of each hub that it was asked for."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._blocks: dict[str, tuple[int, list[MarketData]]] = {}

    def items(self, place: codec.Place) -> list[MarketData]:
        """Return the items at a place. JournalCorrupt if one is missing or damaged."""
        hub, offset, count = place.hub, place.offset, place.count
        if count == 0:
            return []
        first, stored = self._blocks.get(hub, (0, []))
        if not first <= offset < first + len(stored):
            first, stored = self._blocks[hub] = self._load(hub, offset)
        found = stored[offset - first : offset - first + count]
        if len(found) != count:
            end = first + len(stored)
            raise JournalCorrupt(
                f"segment {hub} ends at {end} where a record refers to {offset}+{count}: {codec.REPAIR}"
            )
        return found

    def _load(self, hub: str, offset: int) -> tuple[int, list[MarketData]]:
        table = segment_block.c
        blocks = select(segment_block).where(table.hub == hub, table.first_offset <= offset)
        with self._engine.connect() as connection:
            block = connection.execute(blocks.order_by(table.first_offset.desc()).limit(1)).one_or_none()
        if block is None:
            raise JournalCorrupt(f"segment {hub} has no block with offset {offset}: {codec.REPAIR}")
        place = f"segment block {hub} from offset {block.first_offset}"
        return block.first_offset, list(codec.decoded(codec.unpack(block, place), codec.decode_market, place))
