"""The stored form of records: blocks of compressed bytes, and what is checked before any of them is believed.

A block's payload is the length of its content (4 bytes, little endian) and the content as one zstd frame. The content
is a msgpack array of runs, as they were encoded, each an array of rows, one for each record: [input, events, feed]; a
record's seq follows from the block's first one and the rows before. Market data lies in segments, one for each hub and
block: runs of items. In the row stands the hub's name instead, and the items of a hub belong to the rows that name it,
in order. Every other input stands in its row.

What must hold: items depend on the records alone, and the checksum covers all that is stored, so that damage is
found before anything is decompressed.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from struct import Struct
from struct import error as StructError
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import msgspec
from msgspec import Raw

from loligo.errors import JournalCorrupt
from loligo.model.command import Control, WarmUp
from loligo.model.events import Consequence
from loligo.model.market import MarketData

if TYPE_CHECKING:
    from pyarrow import Codec
    from sqlalchemy import Row

REPAIR = "restore the database from a backup; records before it are whole"
# Of 49 MB of real blocks level -1 leaves 22 % at 0.57 us a record, level 1 the same at 0.67, lz4 33 % at 0.42. With
# what SQLite then spends on writing them (0.31, 0.30 and 0.46 us, uncompressed 1.37), this is the cheapest.
ZSTD_LEVEL = -1
MARKET = frozenset(get_args(MarketData))
T = TypeVar("T")
_LENGTH = Struct("<I")
_ARRAY = Struct(">BI")  # msgpack's head of an array: its kind, and how many values follow
_ARRAY_KIND = 0xDD


class Warmed(msgspec.Struct, frozen=True, array_like=True, tag="warmed"):
    """A warm-up whose candles, `count` of them, lie in a hub's segment."""

    hub: str
    count: int
    warm_up: WarmUp


class StoredRecord(msgspec.Struct, frozen=True, array_like=True):
    """A row of a block. `input` is the hub's name where market data came."""

    input: str | Warmed | Control
    events: list[Consequence]
    feed: str = ""


encode = msgspec.msgpack.Encoder(enc_hook=float).encode  # numpy scalars in a reason are numbers, too
_decode_runs = msgspec.msgpack.Decoder(list[Raw]).decode
decode_records = msgspec.msgpack.Decoder(list[StoredRecord]).decode
decode_market = msgspec.msgpack.Decoder(list[MarketData]).decode


class Content:
    """The content of a block that grows: encoded runs of items, one after another."""

    __slots__ = ("_runs", "count")

    def __init__(self) -> None:
        self.count = 0
        self._runs: list[bytes] = []

    def add(self, run: bytes, count: int) -> None:
        self._runs.append(run)
        self.count += count

    def packed(self) -> tuple[int, int, bytes]:
        """Return the last columns of a block: how many items it holds, the checksum of its payload, the payload."""
        head = _ARRAY.pack(_ARRAY_KIND, len(self._runs))
        payload = compressed(b"".join((head, *self._runs)))
        return self.count, zlib.crc32(payload), payload


def items_of(block: Row[Any], decode: Callable[[Raw], list[T]], place: str) -> Iterator[T]:
    """Yield the items of a stored block, run by run: a block of objects at once would keep Python's collector busy.

    JournalCorrupt, naming `place`, if they are not what was written or this version does not understand one.
    """
    content, count = decompressed(block.payload, block.checksum, place), 0
    try:
        for run in _decode_runs(content):
            items = decode(run)
            count += len(items)
            yield from items
    except msgspec.DecodeError as exc:
        raise JournalCorrupt(f"{place} cannot be read by this version of Loligo ({exc}): update it") from exc
    if count != block.item_count:
        raise JournalCorrupt(f"{place} holds {count} items where its head says {block.item_count}: {REPAIR}")


def compressed(content: bytes) -> bytes:
    """Return content behind its length, as it is stored."""
    squeezed: bytes = _zstd().compress(content, asbytes=True)
    return _LENGTH.pack(len(content)) + squeezed


def decompressed(payload: bytes, checksum: int, place: str, repair: str = REPAIR) -> bytes:
    """Return what `compressed` was given. JournalCorrupt, naming `place` and what to do, if it is damaged."""
    found = zlib.crc32(payload)
    if found != checksum:
        raise JournalCorrupt(f"{place} has checksum {found:08x} where {checksum:08x} was written: {repair}")
    try:
        (length,) = _LENGTH.unpack_from(payload)
        content: bytes = _zstd().decompress(memoryview(payload)[_LENGTH.size :], length, asbytes=True)
    except (StructError, OSError, MemoryError) as exc:
        said = f"{len(payload)} bytes do not make the content whose length stands before them ({exc})"
        raise JournalCorrupt(f"{place} cannot be decompressed: its {said}: {repair}") from exc
    return content


def _zstd() -> Codec:
    """A codec of its own for each call, at 0.2 us: readers live in other threads than the writer."""
    from pyarrow import Codec  # loads in 0.1 to 0.3 s, and only what reads or writes blocks needs it

    return Codec("zstd", compression_level=ZSTD_LEVEL)
