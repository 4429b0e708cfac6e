"""Market data, once per hub: a growing series of items that journal records refer to by hub and offset.

The hub of an instrument is its venue (the text before ":"), that of an external signal its source. A record and its
market data are committed together, so a reference never points across the end of a segment block.
"""

from __future__ import annotations

import zlib
from typing import Any, get_args

import msgspec
from sqlalchemy import Engine, select

from loligo.errors import JournalCorrupt
from loligo.model.command import WarmUp
from loligo.model.market import ExternalSignal, MarketData
from loligo.store.codec import REPAIR, decode_market, join_frames, split_frames
from loligo.store.database import reading
from loligo.store.schema import segment_block

MARKET_KINDS = frozenset(get_args(MarketData))


class OpenSegment:
    """What one hub has gathered since the last commit: encoded items, the first of them at `first_offset`."""

    __slots__ = ("first_offset", "frames", "hub", "next_offset")

    def __init__(self, hub: str, first_offset: int) -> None:
        self.hub = hub
        self.first_offset = self.next_offset = first_offset
        self.frames: list[bytes] = []

    def row(self) -> tuple[Any, ...]:
        """Return the block as a row of `segment_block`."""
        payload = join_frames(self.frames)
        return self.hub, self.first_offset, len(self.frames), zlib.crc32(payload), payload

    def close(self) -> None:
        """Begin the next block."""
        self.frames = []
        self.first_offset = self.next_offset


class OpenSegments:
    """The open segments of all hubs, by hub. `next_offsets` says where stored ones end."""

    def __init__(self, next_offsets: dict[str, int]) -> None:
        self._by_hub = {hub: OpenSegment(hub, offset) for hub, offset in next_offsets.items()}

    def of(self, item: MarketData | WarmUp) -> OpenSegment:
        """Return the segment in which an input's market data belongs."""
        hub = item.source if type(item) is ExternalSignal else item.instrument.partition(":")[0]
        segment = self._by_hub.get(hub)
        if segment is None:
            segment = self._by_hub[hub] = OpenSegment(hub, 0)
        return segment

    def filled(self) -> list[OpenSegment]:
        """Return the segments that wait for a commit."""
        return [segment for segment in self._by_hub.values() if segment.frames]


class SegmentReader:
    """Reads market data back, block by block: it keeps the newest block of each hub that it was asked for."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._blocks: dict[str, tuple[int, list[MarketData]]] = {}

    def item(self, hub: str, offset: int) -> MarketData:
        """Return one item. JournalCorrupt if it is missing or damaged."""
        block = self._blocks.get(hub)
        if block is not None:
            index = offset - block[0]
            if 0 <= index < len(block[1]):
                return block[1][index]
        return self.items(hub, offset, 1)[0]

    def items(self, hub: str, offset: int, count: int) -> list[MarketData]:
        """Return consecutive items. JournalCorrupt if one is missing or damaged."""
        if count == 0:
            return []
        first_offset, stored = self._blocks[hub] = self._load(hub, offset)
        found = stored[offset - first_offset : offset - first_offset + count]
        if len(found) != count:
            end = first_offset + len(stored)
            raise JournalCorrupt(f"segment {hub} ends at {end} where a record refers to {offset}+{count}: {REPAIR}")
        return found

    def _load(self, hub: str, offset: int) -> tuple[int, list[MarketData]]:
        table = segment_block.c
        query = select(table.first_offset, table.count, table.checksum, table.payload)
        query = query.where(table.hub == hub, table.first_offset <= offset).order_by(table.first_offset.desc()).limit(1)
        with reading(self._engine) as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise JournalCorrupt(f"segment {hub} has no block with offset {offset}: {REPAIR}")
        first_offset, count, checksum, payload = row
        place = f"segment block {hub} from offset {first_offset}"
        frames = split_frames(payload, count=count, checksum=checksum, place=place)
        try:
            return first_offset, [decode_market(frame) for frame in frames]
        except msgspec.DecodeError as exc:
            raise JournalCorrupt(f"{place} cannot be read by this version of Loligo ({exc}): update it") from exc
