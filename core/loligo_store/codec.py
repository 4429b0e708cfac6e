"""The stored form of a record: bytes that depend on the record alone.

A record is msgpack [seq, input, events, place]. Market data lies in its hub's segment, at the place that the record
names; every other input stands in the record itself. A block's payload is records or market items one after another,
each behind its length (4 bytes, little endian), so that concatenated payloads are the same bytes wherever a block was
closed.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from struct import Struct
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Row

from loligo.errors import JournalCorrupt
from loligo.model.command import GenerationActivated, OperatorCommand, TimeAdvanced, VenueReports, WarmUp
from loligo.model.events import Consequence
from loligo.model.market import MarketData

REPAIR = "restore the database from a backup; records before it are whole"
T = TypeVar("T")
_LENGTH = Struct("<I")


class Place(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Where market data lies: `count` items of a hub's segment, the first at `offset`."""

    hub: str
    offset: int
    count: int


class StoredRecord(msgspec.Struct, frozen=True, array_like=True):
    """`input` is None for market data, and a `WarmUp` has no candles: they are at `place`."""

    seq: int
    input: TimeAdvanced | OperatorCommand | VenueReports | GenerationActivated | WarmUp | None
    events: list[Consequence]
    place: Place | None = None


class _Head(msgspec.Struct, frozen=True, array_like=True, gc=False):
    seq: int


encode = msgspec.msgpack.Encoder(enc_hook=float).encode  # numpy scalars in a reason are numbers, too
decode_record = msgspec.msgpack.Decoder(StoredRecord).decode
decode_market = msgspec.msgpack.Decoder(MarketData).decode
_decode_head = msgspec.msgpack.Decoder(_Head).decode


def seq_of(frame: memoryview) -> int:
    """Return the seq of an encoded record without reading the rest."""
    return _decode_head(frame).seq


def pack(frames: Sequence[bytes]) -> tuple[int, int, bytes]:
    """Return the last columns of a block: how many items it holds, the checksum of its payload, the payload."""
    payload = b"".join([part for frame in frames for part in (_LENGTH.pack(len(frame)), frame)])
    return len(frames), zlib.crc32(payload), payload


def unpack(block: Row[Any], place: str) -> list[memoryview]:
    """Return the frames of a stored block. JournalCorrupt, naming `place`, if they are not what was written."""
    found = zlib.crc32(block.payload)
    if found != block.checksum:
        raise JournalCorrupt(f"{place} has checksum {found:08x} where {block.checksum:08x} was written: {REPAIR}")
    view, frames, stop = memoryview(block.payload), [], 0
    while stop < len(view):
        start = stop + _LENGTH.size
        stop = start + _LENGTH.unpack_from(view, stop)[0]
        frames.append(view[start:stop])
    if len(frames) != block.item_count:
        raise JournalCorrupt(f"{place} holds {len(frames)} items where its head says {block.item_count}: {REPAIR}")
    return frames


def decoded(frames: Iterable[memoryview], decode: Callable[[memoryview], T], place: str) -> Iterator[T]:
    """Yield what the frames say. JournalCorrupt, naming `place`, if this version does not understand one."""
    try:
        yield from map(decode, frames)
    except msgspec.DecodeError as exc:
        raise JournalCorrupt(f"{place} cannot be read by this version of Loligo ({exc}): update it") from exc
