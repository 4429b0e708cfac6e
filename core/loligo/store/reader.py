"""Reads the journal: records in order, one event by its seq, the digest. Safe beside the writer, from any process.

Every block read is checked against its checksum, against its own head and against the block before it.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterator
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Engine, Row, func, select

from loligo.errors import JournalCorrupt, JournalError
from loligo.model.command import WarmUp
from loligo.model.events import Consequence, Input, Record
from loligo.store import codec
from loligo.store.database import reading
from loligo.store.schema import journal_block, segment_block
from loligo.store.segments import SegmentReader

_BLOCK = journal_block.c
_BLOCKS_AT_ONCE = 16  # bounds memory while the digest streams


class JournalReader:
    """The committed journal. One reader serves one thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._segments = SegmentReader(engine)

    @property
    def last_seq(self) -> int:
        """Return the highest durable seq, 0 for an empty journal."""
        with reading(self._engine) as connection:
            return connection.execute(select(func.max(_BLOCK.last_seq))).scalar() or 0

    def records(self, first_seq: int = 0) -> Iterator[Record]:
        """Yield records from the one that contains `first_seq` to the newest. JournalCorrupt if a block is damaged."""
        block = self._block_from(first_seq)
        while block is not None:
            if block.last_seq >= first_seq:
                yield from self._decoded(block, first_seq)
            block = self._block_after(block)

    def find(self, seq: int) -> tuple[Record, Input | Consequence]:
        """Return the record that contains `seq` and the event with that seq. JournalError if there is none."""
        record = next(self.records(seq), None) if seq > 0 else None
        if record is None or not record.seq <= seq < record.next_seq:
            raise JournalError(f"seq {seq} is not in the journal: it ends at {self.last_seq}")
        return record, record.input if seq == record.seq else record.events[seq - record.seq - 1]

    def first_since(self, ts_ns: int) -> Record | None:
        """Return the first record at or after an instant, None when there is none."""
        block = self._one(_BLOCK.last_ts >= ts_ns)
        if block is None:
            return None
        return next((r for r in self._decoded(block, block.first_seq) if r.input.ts >= ts_ns), None)

    def digest(self) -> str:
        """Return the sha256, in hex, of all record bytes and of each hub's market data, wherever blocks were closed."""
        whole, hubs = hashlib.sha256(), dict[str, Any]()
        segments = select(segment_block.c.hub, segment_block.c.first_offset, *segment_block.c["checksum", "payload"])
        with reading(self._engine) as connection:
            connection.execution_options(yield_per=_BLOCKS_AT_ONCE)
            blocks = select(*_BLOCK["first_seq", "checksum", "payload"]).order_by(_BLOCK.first_seq)
            with connection.execute(blocks) as found:
                for first_seq, checksum, payload in found:
                    codec.check_bytes(payload, checksum, f"journal block {first_seq}")
                    whole.update(payload)
            with connection.execute(segments.order_by(*segment_block.primary_key)) as found:
                for hub, offset, checksum, payload in found:
                    codec.check_bytes(payload, checksum, f"segment block {hub} from offset {offset}")
                    hubs.setdefault(hub, hashlib.sha256()).update(payload)
        for hub in sorted(hubs):  # here, because databases sort text in their own ways
            whole.update(f"\n{hub} {hubs[hub].hexdigest()}".encode())
        return whole.hexdigest()

    def _block_from(self, seq: int) -> Row[Any] | None:
        block = self._one(_BLOCK.first_seq <= seq, newest=True)
        return block if block is not None else self._one(_BLOCK.first_seq > seq)

    def _block_after(self, block: Row[Any]) -> Row[Any] | None:
        following = self._one(_BLOCK.first_seq > block.first_seq)
        if following is not None and following.first_seq != block.last_seq + 1:
            raise JournalCorrupt(
                f"journal block {following.first_seq} follows seq {block.last_seq}; expected a block from"
                f" {block.last_seq + 1}: {codec.REPAIR}"
            )
        return following

    def _one(self, condition: ColumnElement[bool], *, newest: bool = False) -> Row[Any] | None:
        order = _BLOCK.first_seq.desc() if newest else _BLOCK.first_seq
        with reading(self._engine) as connection:
            return connection.execute(select(journal_block).where(condition).order_by(order).limit(1)).one_or_none()

    def _decoded(self, block: Row[Any], first_seq: int) -> Iterator[Record]:
        """Yield a block's records from the one that contains `first_seq`, each checked to follow the one before."""
        place = f"journal block {block.first_seq}"
        frames = codec.split_frames(block.payload, count=block.record_count, checksum=block.checksum, place=place)
        start = max(bisect_right(frames, first_seq, key=codec.seq_of) - 1, 0)
        expected = codec.seq_of(frames[start]) if start else block.first_seq
        for frame in frames[start:]:
            try:
                stored = codec.decode_record(frame)
            except msgspec.DecodeError as exc:
                raise JournalCorrupt(
                    f"{place}, record {expected}, cannot be read by this version of Loligo ({exc}): update it"
                ) from exc
            if stored.seq != expected:
                raise JournalCorrupt(f"{place} holds record {stored.seq} where {expected} was expected: {codec.REPAIR}")
            expected += 1 + len(stored.events)
            yield Record(stored.seq, self._input(stored), stored.events)
        if expected != block.last_seq + 1:
            raise JournalCorrupt(f"{place} ends at {expected - 1} where its head says {block.last_seq}: {codec.REPAIR}")

    def _input(self, stored: codec.StoredRecord) -> Input:
        ref = stored.input
        if type(ref) is codec.MarketRef:
            return self._segments.item(ref.hub, ref.offset)
        if type(ref) is codec.WarmUpRef:
            candles: Any = tuple(self._segments.items(ref.hub, ref.offset, ref.count))
            return WarmUp(ref.ts, ref.instrument, ref.timeframe, candles)
        return ref  # type: ignore[return-value]
