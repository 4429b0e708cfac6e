"""The stored form of a record: bytes that depend on the record alone.

A record is msgpack [seq, input, events]. Market data lies in its hub's segment and the record refers to it; every other
input stands in the record itself. A payload (of a block) is records or market items one after another, each behind its
length (4 bytes, little endian), so that concatenated payloads are the same bytes wherever a block was closed.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from itertools import chain
from struct import Struct

import msgspec

from loligo.errors import JournalCorrupt
from loligo.model.command import GenerationActivated, OperatorCommand, TimeAdvanced, VenueReports
from loligo.model.events import Consequence
from loligo.model.market import MarketData

REPAIR = "restore the database from a backup; records before it are whole"
_LENGTH = Struct("<I")


class MarketRef(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="market"):
    """A record's input is the item at `offset` of a hub's segment."""

    hub: str
    offset: int
    count: int


class WarmUpRef(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="warm_up"):
    """A record's input is a `WarmUp` whose candles are `count` items of a hub's segment."""

    ts: int
    instrument: str
    timeframe: str
    hub: str
    offset: int
    count: int


class StoredRecord(msgspec.Struct, frozen=True, array_like=True):
    seq: int
    input: MarketRef | WarmUpRef | TimeAdvanced | OperatorCommand | VenueReports | GenerationActivated
    events: list[Consequence]


class _Head(msgspec.Struct, frozen=True, array_like=True, gc=False):
    seq: int


encode = msgspec.msgpack.Encoder().encode
decode_record = msgspec.msgpack.Decoder(StoredRecord).decode
decode_market = msgspec.msgpack.Decoder(MarketData).decode
_decode_head = msgspec.msgpack.Decoder(_Head).decode


def seq_of(frame: memoryview) -> int:
    """Return the seq of an encoded record without reading the rest."""
    return _decode_head(frame).seq


def join_frames(frames: Iterable[bytes]) -> bytes:
    """Return a payload."""
    pack = _LENGTH.pack
    return b"".join(chain.from_iterable((pack(len(frame)), frame) for frame in frames))


def split_frames(payload: bytes, *, count: int, checksum: int, place: str) -> list[memoryview]:
    """Return the frames of a stored payload. JournalCorrupt, naming `place`, if it is not what was written."""
    check_bytes(payload, checksum, place)
    view = memoryview(payload)
    frames: list[memoryview] = []
    start, size, end = 0, _LENGTH.size, len(payload)
    while start < end:
        stop = start + size + _LENGTH.unpack_from(view, start)[0]
        frames.append(view[start + size : stop])
        start = stop
    if len(frames) != count:
        raise JournalCorrupt(f"{place} holds {len(frames)} items where its head says {count}: {REPAIR}")
    return frames


def check_bytes(payload: bytes, checksum: int, place: str) -> None:
    """JournalCorrupt, naming `place`, if the bytes do not match their checksum."""
    found = zlib.crc32(payload)
    if found != checksum:
        raise JournalCorrupt(f"{place} has checksum {found:08x} where {checksum:08x} was written: {REPAIR}")
