"""Reads a zip that a stranger made: everything is decided from its directory and local headers first.

In go the bytes of an archive, out come the files of the package; nothing is ever written. The order of the checks is
1 end record, 2 directory, 3 kinds of entries, 4 names and sizes, 5 local headers, 6 contents, so that no byte is
decompressed before every header was found honest. Every byte of the archive belongs to exactly one entry, the
directory or the end record: what two zip readers could read in two ways is refused.

The format is that of PKWARE's APPNOTE 6.3.10. Accepted are stored and deflated entries, data descriptors, the time
stamps that common programs add and the comment in which `git archive` names its commit.
"""

from __future__ import annotations

import re
import stat
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from loligo_kit.package import LIMITS, Limits, PackageRefused, Reason, check_paths, check_sizes, package_of, shown

_END = struct.Struct("<4s4H2LH")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_SUMS = struct.Struct("<3L")  # checksum, compressed size, size
_GIT_COMMENT = re.compile(rb"[0-9a-f]{40}([0-9a-f]{24})?")
_STORED, _DEFLATED = 0, 8
_ENCRYPTED_FLAGS = 1 << 0 | 1 << 6 | 1 << 13
_DESCRIPTOR_FLAG, _UTF8_FLAG = 1 << 3, 1 << 11
_KNOWN_FLAGS = 1 << 1 | 1 << 2 | _DESCRIPTOR_FLAG | _UTF8_FLAG  # bits 1 and 2 name the level of compression
_ZIP64_FIELD, _AES_FIELD = 0x0001, 0x9901
_TIME_FIELDS = {0x000A, 0x5455, 0x5855, 0x7855, 0x7875}  # NTFS, "UT", "UX", "Ux", "ux": times and owners
_DOS_FOLDER = 0x10


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """What the directory says of one file or folder."""

    raw_name: bytes
    path: str  # ends in "/" when it is a folder
    flags: int
    method: int
    checksum: int
    compressed: int
    size: int
    attributes: int
    offset: int

    @property
    def is_folder(self) -> bool:
        return self.path.endswith("/")

    @property
    def sums(self) -> tuple[int, int, int]:
        return self.checksum, self.compressed, self.size


def read_archive(data: bytes, limits: Limits = LIMITS) -> dict[str, bytes]:
    """Return the files of the package in a zip by path, sorted, without the one folder that may lie around them.

    PackageRefused, with its reason, when anything in the archive is not as an honest tool makes it.
    """
    return package_of(read_zip(data, limits))


def read_zip(data: bytes, limits: Limits) -> dict[str, bytes]:
    """Return the files in a zip by path, whatever they are together; refuses as `read_archive` does."""
    start, end, count = _directory_span(data, limits)
    entries = tuple(_entries(data, start, end, count))
    for entry in entries:
        _check_entry(entry, limits)
    check_paths([entry.path for entry in entries], limits)
    check_sizes({entry.path: entry.size for entry in entries}, limits)
    bodies = _bodies(data, entries, start)
    return {e.path: _content(e, body) for e, body in zip(entries, bodies, strict=True) if not e.is_folder}


def _directory_span(data: bytes, limits: Limits) -> tuple[int, int, int]:
    """Return where the directory starts and ends, and how many entries it has."""
    if len(data) > limits.archive_bytes:
        text = f"the archive has {len(data):,} bytes: at most {limits.archive_bytes:,}"
        raise PackageRefused(Reason.TOO_LARGE, text)
    at = data.rfind(b"PK\x05\x06")
    if at < 0 or len(data) < at + _END.size:
        raise PackageRefused(Reason.NOT_A_ZIP, "not a zip, or cut off: it has no end record; fetch or pack it again")
    _, disk, directory_disk, count_here, count, size, start, comment = _END.unpack_from(data, at)
    rest = data[at + _END.size :]
    if len(rest) != comment or (rest and not _GIT_COMMENT.fullmatch(rest)):
        raise PackageRefused(Reason.TRAILING_DATA, f"{len(rest)} bytes after the end record; pack it again")
    if 0xFFFF in (count_here, count) or 0xFFFFFFFF in (size, start) or data[max(0, at - 20) :][:4] == b"PK\x06\x07":
        raise PackageRefused(Reason.ZIP64, "a zip64 archive, which no package is large enough to need; pack it again")
    if disk or directory_disk or count_here != count:
        raise PackageRefused(Reason.MULTI_DISK, "one part of an archive that is split over several disks; join them")
    if start + size != at:
        is_shifted = data[max(0, at - size) :][:4] == b"PK\x01\x02"
        text = f"the directory ends at byte {start + size}, its end record is at {at}; pack it again"
        raise PackageRefused(Reason.PREFIX_DATA if is_shifted else Reason.DIRECTORY, text)
    return start, at, count


def _entries(data: bytes, start: int, end: int, count: int) -> Iterator[_Entry]:
    at = start
    for number in range(1, count + 1):
        if end - at < _ENTRY.size or data[at : at + 4] != b"PK\x01\x02":
            raise PackageRefused(Reason.DIRECTORY, f"the directory has no entry {number} of {count}; pack it again")
        fields = _ENTRY.unpack_from(data, at)
        name_end = at + _ENTRY.size + fields[10]
        extra_end = name_end + fields[11]
        at, raw_name, extra = extra_end + fields[12], data[at + _ENTRY.size : name_end], data[name_end:extra_end]
        if at > end:
            raise PackageRefused(Reason.DIRECTORY, f"entry {number} reaches beyond the directory; pack it again")
        yield _entry(fields, raw_name, extra)
    if at != end:
        text = f"the {count} entries of the directory end at byte {at}, the directory at {end}; pack it again"
        raise PackageRefused(Reason.DIRECTORY, text)


def _entry(fields: tuple[int, ...], raw_name: bytes, extra: bytes) -> _Entry:
    """Return an entry whose fields `_ENTRY` unpacked; refuses what needs no limits to be refused."""
    flags, method, (checksum, compressed, size) = fields[3], fields[4], fields[7:10]
    comment, disk, attributes, offset = fields[12], fields[13], fields[15], fields[16]
    path = _decoded(raw_name, flags)
    if 0xFFFFFFFF in (compressed, size, offset):
        raise PackageRefused(Reason.ZIP64, f"{shown(path)} has its sizes in zip64 fields; pack it again")
    if disk:
        raise PackageRefused(Reason.MULTI_DISK, f"{shown(path)} lies on disk {disk} of several; join them")
    if comment:
        raise PackageRefused(Reason.COMMENT, f"{shown(path)} has a comment, which no reader shows; pack it again")
    _check_extra(extra, path)
    return _Entry(
        raw_name=raw_name,
        path=path,
        flags=flags,
        method=method,
        checksum=checksum,
        compressed=compressed,
        size=size,
        attributes=attributes,
        offset=offset,
    )


def _decoded(raw_name: bytes, flags: int) -> str:
    try:
        return raw_name.decode("utf-8" if flags & _UTF8_FLAG else "ascii")
    except UnicodeDecodeError as exc:
        text = f"path {shown(raw_name.decode('latin-1'))}: such letters read differently elsewhere; rename it"
        raise PackageRefused(Reason.NOT_ASCII, text) from exc


def _check_extra(extra: bytes, path: str) -> None:
    """Refuse extra fields that change what an entry is; times and owners are passed over."""
    at = 0
    while at < len(extra):
        field, length = struct.unpack_from("<2H", extra, at) if len(extra) - at >= 4 else (-1, 0)
        at += 4 + length
        if field == _ZIP64_FIELD:
            raise PackageRefused(Reason.ZIP64, f"{shown(path)} has its sizes in zip64 fields; pack it again")
        if field == _AES_FIELD:
            raise PackageRefused(Reason.ENCRYPTED, f"{shown(path)} is encrypted; pack it without a password")
        if field not in _TIME_FIELDS or at > len(extra):
            raise PackageRefused(Reason.EXTRA_FIELD, f"{shown(path)} has the extra field {field:#06x}; pack it again")


def _check_entry(entry: _Entry, limits: Limits) -> None:
    name, mode = shown(entry.path), entry.attributes >> 16
    is_marked_folder = stat.S_ISDIR(mode) or bool(entry.attributes & _DOS_FOLDER)
    is_special = stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR)
    is_bomb = entry.size > max(limits.ratio_from_bytes, limits.ratio * entry.compressed)
    for is_wrong, reason, text in (
        (entry.flags & _ENCRYPTED_FLAGS, Reason.ENCRYPTED, "is encrypted; pack it without a password"),
        (entry.flags & ~_KNOWN_FLAGS, Reason.FLAG, f"has the flags {entry.flags:#06x}; pack it again"),
        (entry.method not in (_STORED, _DEFLATED), Reason.METHOD, f"has method {entry.method}: expected 0 or 8"),
        (is_special, Reason.SPECIAL_FILE, "is a link, a device or the like; replace it by a file"),
        (mode & 0o7000, Reason.SETUID, f"has mode {mode:o}; expected no setuid, setgid or sticky bit"),
        (entry.is_folder and any(entry.sums), Reason.FOLDER_WITH_CONTENT, "is a folder and has content"),
        (entry.is_folder and stat.S_ISREG(mode), Reason.SPECIAL_FILE, "is named as a folder and marked as a file"),
        (is_marked_folder and not entry.is_folder, Reason.SPECIAL_FILE, "is named as a file and marked as a folder"),
        (is_bomb, Reason.RATIO, f"has {entry.size:,} bytes made of {entry.compressed:,}: at most {limits.ratio} to 1"),
    ):
        if is_wrong:
            raise PackageRefused(reason, f"{name} {text}")
    if entry.method == _STORED and entry.compressed != entry.size:
        text = f"{name} is stored, with {entry.compressed:,} bytes for {entry.size:,}; fetch it again"
        raise PackageRefused(Reason.LYING_SIZE, text)


def _bodies(data: bytes, entries: Sequence[_Entry], end: int) -> list[bytes]:
    """Return the compressed contents, in the order of `entries`, which must fill all bytes up to `end`."""
    bodies: dict[int, bytes] = {}
    reached = 0
    for entry in sorted(entries, key=lambda entry: entry.offset):
        if entry.offset < reached:
            raise PackageRefused(Reason.OVERLAP, f"{shown(entry.path)} overlaps the entry before it; pack it again")
        if entry.offset > reached:
            raise PackageRefused(*_gap(reached, entry.offset))
        body_start = _check_local(data, entry)
        body_end = body_start + entry.compressed
        bodies[entry.offset] = data[body_start:body_end]
        reached = _behind_descriptor(data, entry, body_end)
        if reached > end:
            raise PackageRefused(Reason.OVERLAP, f"{shown(entry.path)} reaches into the directory; pack it again")
    if reached != end:
        raise PackageRefused(*_gap(reached, end))
    return [bodies[entry.offset] for entry in entries]


def _gap(start: int, end: int) -> tuple[Reason, str]:
    reason = Reason.HIDDEN_DATA if start else Reason.PREFIX_DATA
    return reason, f"bytes {start} to {end} belong to no entry; pack it again"


def _check_local(data: bytes, entry: _Entry) -> int:
    """Return where the content of `entry` starts; refuses a local header that differs from the directory.

    The header cannot reach beyond the data: the directory behind it is longer.
    """
    name_start = entry.offset + _LOCAL.size
    if data[entry.offset : entry.offset + 4] != b"PK\x03\x04":
        text = f"{shown(entry.path)} has no local header at byte {entry.offset}; fetch it again"
        raise PackageRefused(Reason.HEADER_MISMATCH, text)
    _, _, flags, method, _, _, *sums, name_length, extra_length = _LOCAL.unpack_from(data, entry.offset)
    name_end = name_start + int(name_length)
    is_later = bool(flags & _DESCRIPTOR_FLAG) and not any(sums)  # they follow the content
    for what, here, there in (
        ("name", data[name_start:name_end], entry.raw_name),
        ("flags", flags, entry.flags),
        ("method", method, entry.method),
        ("sizes or checksum", entry.sums if is_later else tuple(sums), entry.sums),
    ):
        if here != there:
            text = f"{shown(entry.path)}: {what} {here!r} in its local header and {there!r} in the directory"
            raise PackageRefused(Reason.HEADER_MISMATCH, f"{text}; pack it again")
    _check_extra(data[name_end : name_end + extra_length], entry.path)
    return name_end + int(extra_length)


def _behind_descriptor(data: bytes, entry: _Entry, at: int) -> int:
    """Return where `entry` ends: behind its data descriptor, whose signature is optional."""
    if not entry.flags & _DESCRIPTOR_FLAG:
        return at
    start = at + 4 if data[at : at + 4] == b"PK\x07\x08" else at
    if data[start : start + _SUMS.size] != _SUMS.pack(*entry.sums):
        text = f"{shown(entry.path)}: the data descriptor and the directory differ; pack it again"
        raise PackageRefused(Reason.HEADER_MISMATCH, text)
    return start + _SUMS.size


def _content(entry: _Entry, body: bytes) -> bytes:
    content = body if entry.method == _STORED else _inflated(entry, body)
    if zlib.crc32(content) != entry.checksum:
        raise PackageRefused(Reason.CHECKSUM, f"{shown(entry.path)}: its checksum differs; fetch it again")
    return content


def _inflated(entry: _Entry, body: bytes) -> bytes:
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        content = stream.decompress(body, entry.size + 1)  # one more shows a lie; 0 would mean no limit
    except zlib.error as exc:
        raise PackageRefused(Reason.DAMAGED, f"{shown(entry.path)}: {exc}; fetch it again") from exc
    if len(content) != entry.size or not stream.eof or stream.unused_data:
        text = f"{shown(entry.path)} is not the {entry.size:,} bytes that the directory says; pack it again"
        raise PackageRefused(Reason.LYING_SIZE, text)
    return content
