"""Makes zips byte by byte: an honest package, and every kind of hostile one as one small change of it."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from loligo_kit.package import LIMITS, Reason

FILE, FOLDER, LINK, DEVICE, PIPE, SETUID = 0o100644, 0o040755, 0o120777, 0o060644, 0o010644, 0o104755
STORED, DEFLATED, BZIP2 = 0, 8, 12
ENCRYPTED, PATCH, DESCRIPTOR, UTF8 = 1 << 0, 1 << 5, 1 << 3, 1 << 11
TIMES = struct.pack("<2HBL", 0x5455, 5, 1, 0)
ZIP64 = struct.pack("<2H2Q", 0x0001, 16, 7, 7)
OTHER_NAME = struct.pack("<2HBL", 0x7075, 5 + 7, 1, 0) + b"evil.py"  # Info-ZIP's Unicode path
GIT_COMMENT = b"0123456789abcdef0123456789abcdef01234567"

HONEST_FILES = {
    "README.md": b"# Wave\n",
    "__init__.py": b"from wave.logic import Wave\n\n\ndef evaluator() -> type[Wave]:\n    return Wave\n",
    "data/levels.csv": b"price,weight\n" + b"100.5,1\n" * 500,
    "tentacle.toml": b'name = "wave"\nkind = "evaluator"\nversion = "1.0.0"\n',
}


@dataclass(frozen=True, kw_only=True)
class Member:
    """One entry; `local` and `directory` change single fields of its two headers against what is true."""

    name: bytes
    content: bytes = b"x = 1\n"
    method: int = DEFLATED
    flags: int = 0
    mode: int = FILE
    dos_attributes: int = 0
    extra: bytes = b""
    note: bytes = b""
    disk: int = 0
    offset: int | None = None  # into the bytes of others, where nothing is written for this one
    body: bytes | None = None  # what is written in place of the compressed content
    descriptor: bytes | None = None
    local: Mapping[str, int | bytes] = field(default_factory=dict)
    directory: Mapping[str, int | bytes] = field(default_factory=dict)

    @property
    def written(self) -> bytes:
        """Return the compressed content."""
        if self.body is not None:
            return self.body
        return self.content if self.method == STORED else deflated(self.content)

    def local_part(self) -> bytes:
        """Return the local header, the content and the data descriptor."""
        later = {"checksum": 0, "compressed": 0, "size": 0} if self.flags & DESCRIPTOR else {}
        head, name, extra = self._shared({**later, **self.local})
        return b"PK\x03\x04" + head + name + extra + self.written + self._descriptor()

    def directory_part(self, offset: int) -> bytes:
        """Return the directory's header."""
        head, name, extra = self._shared(self.directory)
        tail = struct.pack("<3H2L", len(self.note), self.disk, 0, self.mode << 16 | self.dos_attributes, offset)
        return b"PK\x01\x02" + struct.pack("<H", 3 << 8 | 20) + head + tail + name + extra + self.note

    def _shared(self, changes: Mapping[str, int | bytes]) -> tuple[bytes, bytes, bytes]:
        """Return what both headers hold: the numbers, the name and the extra field."""
        sums = {"checksum": zlib.crc32(self.content), "compressed": len(self.written), "size": len(self.content)}
        same: dict[str, int | bytes] = {
            "flags": self.flags,
            "method": self.method,
            "name": self.name,
            "extra": self.extra,
        }
        values: dict[str, int | bytes] = {**same, **sums, **changes}
        numbers = [values[key] for key in ("flags", "method", "checksum", "compressed", "size")]
        name, extra = values["name"], values["extra"]
        assert isinstance(name, bytes) and isinstance(extra, bytes)
        head = struct.pack("<3H2H3L2H", 20, *numbers[:2], 0, 0x21, *numbers[2:], len(name), len(extra))
        return head, name, extra

    def _descriptor(self) -> bytes:
        if self.descriptor is not None or not self.flags & DESCRIPTOR:
            return self.descriptor or b""
        return b"PK\x07\x08" + struct.pack("<3L", zlib.crc32(self.content), len(self.written), len(self.content))


@dataclass(frozen=True, kw_only=True)
class End:
    """The end record; what is None says the truth."""

    comment: bytes = b""
    disk: int = 0
    start_disk: int = 0
    here: int | None = None
    count: int | None = None
    size: int | None = None
    start: int | None = None
    before: bytes = b""  # between the directory and it


def deflated(content: bytes) -> bytes:
    """Return raw deflate data."""
    return zlib.compress(content, 9, -zlib.MAX_WBITS)


def build(
    members: Sequence[Member], *, prefix: bytes = b"", shift: int = 0, between: bytes = b"", end: End | None = None
) -> bytes:
    """Return a zip: `prefix`, the members with offsets larger by `shift`, `between`, the directory, the end record."""
    data, directory, end = bytearray(prefix), bytearray(), end or End()
    for member in members:
        directory += member.directory_part(len(data) - len(prefix) + shift if member.offset is None else member.offset)
        data += member.local_part() if member.offset is None else b""
    data += between
    count = len(members) if end.count is None else end.count
    start = len(data) - len(prefix) + shift if end.start is None else end.start
    numbers = (end.disk, end.start_disk, count if end.here is None else end.here, count)
    record = struct.pack("<4H2LH", *numbers, len(directory) if end.size is None else end.size, start, len(end.comment))
    return bytes(data + directory + end.before + b"PK\x05\x06" + record + end.comment)


def honest_members(top: str = "") -> list[Member]:
    """Return the entries of a package that must be accepted: stored, deflated, a folder, a data descriptor, times."""
    readme, code, levels, manifest = ((f"{top}{path}".encode(), content) for path, content in HONEST_FILES.items())
    return [
        Member(name=readme[0], content=readme[1], method=STORED),
        Member(name=code[0], content=code[1]),
        Member(name=f"{top}data/".encode(), content=b"", method=STORED, mode=FOLDER),
        Member(name=levels[0], content=levels[1], flags=DESCRIPTOR),
        Member(name=manifest[0], content=manifest[1], extra=TIMES),
    ]


@dataclass(frozen=True, kw_only=True)
class Attack:
    """A hostile archive and the one reason for which it must be refused."""

    name: str
    reason: Reason
    data: bytes


def attacks() -> list[Attack]:
    """Return every kind of hostile archive; each is the honest package but for what its name says."""
    return [*_containers(), *_headers(), *_sizes(), *_entries(), *_names(), *_contents()]


def _plus(*members: Member) -> bytes:
    return build([*honest_members(), *members])


def _changed(**changes: object) -> bytes:
    """Return the honest archive with changes of its second entry, `__init__.py`."""
    members = honest_members()
    members[1] = replace(members[1], **changes)  # type: ignore[arg-type]
    return build(members)


def _containers() -> list[Attack]:
    honest, members = build(honest_members()), honest_members()
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, 0, 1)
    return _attacks(
        ("no zip at all", Reason.NOT_A_ZIP, b"#!/bin/sh\n" * 10),
        ("cut off", Reason.NOT_A_ZIP, honest[:-3]),
        ("a program before it, offsets as before", Reason.PREFIX_DATA, build(members, prefix=b"MZ" + bytes(62))),
        (
            "a program before it, offsets shifted",
            Reason.PREFIX_DATA,
            build(members, prefix=b"MZ" + bytes(62), shift=64),
        ),
        ("data after the end record", Reason.TRAILING_DATA, honest + b"more"),
        ("a comment that is not counted", Reason.TRAILING_DATA, honest + GIT_COMMENT),
        ("data as the comment", Reason.TRAILING_DATA, build(members, end=End(comment=b"import os"))),
        ("a second zip as the comment", Reason.PREFIX_DATA, build(members, end=End(comment=honest))),
        ("a second zip behind the first", Reason.PREFIX_DATA, honest + build(members, shift=len(honest))),
        ("data between the entries and the directory", Reason.HIDDEN_DATA, build(members, between=b"hidden")),
        ("an entry that the directory leaves out", Reason.HIDDEN_DATA, build(members, between=members[0].local_part())),
        ("data behind the directory", Reason.DIRECTORY, build(members, end=End(before=b"hidden"))),
        ("fewer entries than there are", Reason.DIRECTORY, build(members, end=End(count=4))),
        ("more entries than there are", Reason.DIRECTORY, build(members, end=End(count=6))),
        ("half an entry at the end", Reason.DIRECTORY, _longer_directory(b"PK\x01\x02" + bytes(6))),
        ("no entry where one is counted", Reason.DIRECTORY, _longer_directory(bytes(46))),
        ("an entry whose name is beyond the end", Reason.DIRECTORY, _longer_directory(_headless(0xFF00))),
        ("first of two disks", Reason.MULTI_DISK, build(members, end=End(disk=1))),
        ("directory on another disk", Reason.MULTI_DISK, build(members, end=End(start_disk=1))),
        ("entries on another disk", Reason.MULTI_DISK, build(members, end=End(here=4))),
        ("an entry on disk 3", Reason.MULTI_DISK, _changed(disk=3)),
        ("zip64 locator", Reason.ZIP64, build(members, end=End(before=locator))),
        ("zip64 count", Reason.ZIP64, build(members, end=End(count=0xFFFF))),
        ("zip64 start of the directory", Reason.ZIP64, build(members, end=End(start=0xFFFFFFFF))),
        ("zip64 size of an entry", Reason.ZIP64, _changed(directory={"size": 0xFFFFFFFF})),
        ("zip64 field in the directory", Reason.ZIP64, _changed(directory={"extra": ZIP64})),
        ("zip64 field in the local header", Reason.ZIP64, _changed(local={"extra": ZIP64})),
    )


def _longer_directory(more: bytes) -> bytes:
    """Return an archive whose end record counts `more` as a sixth entry of the directory."""
    size = sum(len(member.directory_part(0)) for member in honest_members()) + len(more)
    return build(honest_members(), end=End(before=more, size=size, count=6))


def _headless(name_length: int) -> bytes:
    return b"PK\x01\x02" + bytes(24) + struct.pack("<H", name_length) + bytes(16)


def _headers() -> list[Attack]:
    honest = honest_members()
    code, levels = honest[1], honest[3]
    inner = Member(name=b"inner.py")
    quoting = Member(name=b"data/quoting.txt", content=inner.local_part(), method=STORED)
    before = sum(len(member.local_part()) for member in honest)
    quoted = replace(inner, offset=before + 30 + len(quoting.name))
    lying = replace(levels, local={"checksum": 0, "compressed": 7, "size": len(levels.content)})
    nothing = {"checksum": 0, "compressed": 0, "size": 0}
    wrong = struct.pack("<3L", zlib.crc32(levels.content), 7, len(levels.content))
    return _attacks(
        ("another name inside", Reason.HEADER_MISMATCH, _changed(local={"name": b"__evil__.py"})),
        ("another size inside", Reason.HEADER_MISMATCH, _changed(local={"size": 7})),
        ("another checksum inside", Reason.HEADER_MISMATCH, _changed(local={"checksum": 7})),
        ("another method inside", Reason.HEADER_MISMATCH, _changed(local={"method": STORED})),
        ("encrypted inside only", Reason.HEADER_MISMATCH, _changed(local={"flags": ENCRYPTED})),
        ("sizes left out without a descriptor", Reason.HEADER_MISMATCH, _changed(local=nothing)),
        ("one size left out", Reason.HEADER_MISMATCH, _changed(local={"compressed": 0})),
        ("other sizes beside a descriptor", Reason.HEADER_MISMATCH, build([*honest[:3], lying, honest[4]])),
        ("another signature inside", Reason.HEADER_MISMATCH, build(honest).replace(b"PK\x03\x04", b"PK\x03\x05", 1)),
        ("a lying data descriptor", Reason.HEADER_MISMATCH, build([replace(levels, descriptor=wrong), *honest[:3]])),
        ("no local header", Reason.HEADER_MISMATCH, _plus(Member(name=b"a.py", offset=before))),
        ("two entries on the same bytes", Reason.OVERLAP, _plus(replace(code, name=b"again.py", offset=0))),
        ("an entry inside of another", Reason.OVERLAP, build([*honest, quoting, quoted])),
        ("an entry that reaches into the directory", Reason.OVERLAP, _reaching()),
        ("300 entries on one deflated block", Reason.OVERLAP, _fifield()),
    )


def _reaching() -> bytes:
    """Return an archive whose last entry is stored and said to be longer than it is, in both headers."""
    longer = {"compressed": 40, "size": 40}
    return _plus(Member(name=b"last.txt", content=b"0123456789", method=STORED, local=longer, directory=longer))


def _fifield() -> bytes:
    """Return 300 names for one block: a small archive with large contents (D. Fifield, "A better zip bomb", 2019)."""
    block = Member(name=b"data/000.txt", content=bytes(60_000), method=DEFLATED)
    at = sum(len(member.local_part()) for member in honest_members())
    others = (replace(block, name=f"data/{n:03}.txt".encode(), offset=at) for n in range(1, 300))
    return _plus(block, *others)


def _sizes() -> list[Attack]:
    mega, code = bytes(2**20), honest_members()[1].content
    said = {"size": 100}
    noise = b"".join(zlib.crc32(str(n).encode()).to_bytes(4, "big") for n in range(2_000))  # cannot be compressed
    large = {"size": LIMITS.file_bytes + 1, "compressed": LIMITS.file_bytes}
    five = [{"size": LIMITS.file_bytes, "compressed": LIMITS.file_bytes}] * 5
    many = [Member(name=f"data/{n}.txt".encode(), content=b"", method=STORED) for n in range(LIMITS.entries)]
    return _attacks(
        ("a bomb: 1 MiB of zeros", Reason.RATIO, _plus(Member(name=b"data/zeros.txt", content=mega))),
        ("a bomb that says 100 bytes", Reason.LYING_SIZE, _changed(content=mega, directory=said, local=said)),
        ("content longer than said", Reason.LYING_SIZE, _changed(content=noise, directory=said, local=said)),
        ("content shorter than said", Reason.LYING_SIZE, _changed(local={"size": 9_999}, directory={"size": 9_999})),
        (
            "stored in another size",
            Reason.LYING_SIZE,
            _changed(method=STORED, directory={"size": 7}, local={"size": 7}),
        ),
        ("data behind the deflated content", Reason.LYING_SIZE, _changed(body=deflated(code) + b"more")),
        ("deflated content without an end", Reason.LYING_SIZE, _changed(body=_unended(code))),
        ("a file too large", Reason.TOO_LARGE, _changed(local=large, directory=large)),
        (
            "files too large together",
            Reason.TOO_LARGE,
            _plus(*(Member(name=b"data/%d.txt" % n, local=said, directory=said) for n, said in enumerate(five))),
        ),
        ("an archive too large", Reason.TOO_LARGE, bytes(LIMITS.archive_bytes + 1)),
        ("too many entries", Reason.TOO_MANY, _plus(*many)),
        ("content changed", Reason.CHECKSUM, _changed(body=deflated(b"#" + code[1:]))),
        ("content damaged", Reason.DAMAGED, _changed(body=b"\xff" * 40)),
    )


def _unended(content: bytes) -> bytes:
    stream = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return stream.compress(content) + stream.flush(zlib.Z_SYNC_FLUSH)


def _entries() -> list[Attack]:
    return _attacks(
        ("symlink", Reason.SPECIAL_FILE, _plus(Member(name=b"data/link", content=b"/etc/passwd", mode=LINK))),
        ("device", Reason.SPECIAL_FILE, _plus(Member(name=b"data/disk", mode=DEVICE))),
        ("named pipe", Reason.SPECIAL_FILE, _plus(Member(name=b"data/pipe", mode=PIPE))),
        ("a folder named as a file", Reason.SPECIAL_FILE, _plus(Member(name=b"data/sub", mode=FOLDER))),
        ("a folder of DOS named as a file", Reason.SPECIAL_FILE, _plus(Member(name=b"data/sub", dos_attributes=0x10))),
        ("a file named as a folder", Reason.SPECIAL_FILE, _plus(_folder(b"data/sub/", mode=FILE))),
        ("a folder with content", Reason.FOLDER_WITH_CONTENT, _plus(_folder(b"data/sub/", content=b"x = 1"))),
        ("setuid", Reason.SETUID, _changed(mode=SETUID)),
        ("encrypted", Reason.ENCRYPTED, _changed(flags=ENCRYPTED)),
        ("encrypted by AES", Reason.ENCRYPTED, _changed(extra=struct.pack("<2H7x", 0x9901, 7))),
        ("bzip2", Reason.METHOD, _changed(method=BZIP2)),
        ("patch data", Reason.FLAG, _changed(flags=PATCH)),
        ("a second name in an extra field", Reason.EXTRA_FIELD, _changed(extra=OTHER_NAME)),
        ("an extra field longer than it is", Reason.EXTRA_FIELD, _changed(extra=TIMES[:-1])),
        ("a comment of an entry", Reason.COMMENT, _changed(note=b"import os")),
    )


def _folder(name: bytes, *, content: bytes = b"", mode: int = FOLDER) -> Member:
    return Member(name=name, content=content, method=STORED, mode=mode)


def _names() -> list[Attack]:
    rows: tuple[tuple[str, Reason, tuple[str, ...]], ...] = (
        ("parent folder", Reason.PARENT, ("../../evil.py",)),
        ("parent folder in the middle", Reason.PARENT, ("data/../../evil.py",)),
        ("absolute path", Reason.ABSOLUTE, ("/etc/cron.d/evil",)),
        ("network path", Reason.ABSOLUTE, ("//server/share/evil.py",)),
        ("drive letter", Reason.DRIVE, ("C:evil.py",)),
        ("backslash", Reason.BACKSLASH, ("..\\..\\evil.py",)),
        ("NUL", Reason.NUL, ("ok.py\x00.txt",)),
        ("stream of NTFS", Reason.CHARACTER, ("logic.py:evil",)),
        ("escape sequence", Reason.CHARACTER, ("\x1b[2Jlogic.py",)),
        ("same path twice", Reason.DUPLICATE, ("__init__.py",)),
        ("case of a file", Reason.CASE, ("__INIT__.py",)),
        ("case of a folder", Reason.CASE, ("Data/more.csv",)),
        ("file and folder", Reason.FILE_AND_FOLDER, ("__init__.py/evil.py",)),
        ("folder and file", Reason.FILE_AND_FOLDER, ("logic/evil.py", "logic")),
        ("normalisation: one letter in two spellings", Reason.NOT_ASCII, ("caf\u00e9.py", "cafe\u0301.py")),
        ("look-alike letter", Reason.NOT_ASCII, ("l\u043egic.py",)),
        ("right-to-left mark", Reason.NOT_ASCII, ("logic\u202eyp.txt",)),
        ("fullwidth dots", Reason.NOT_ASCII, ("\uff0e\uff0e/evil.py",)),
        ("device of Windows", Reason.RESERVED_NAME, ("CON",)),
        ("device of Windows with a suffix", Reason.RESERVED_NAME, ("data/nul.tar.py",)),
        ("device of Windows as a folder", Reason.RESERVED_NAME, ("com1/evil.py",)),
        ("trailing dot", Reason.LOOSE_END, ("logic.py.",)),
        ("trailing space", Reason.LOOSE_END, ("logic.py ",)),
        ("leading space of a folder", Reason.LOOSE_END, (" data/evil.py",)),
        ("empty part", Reason.EMPTY_PART, ("data//evil.py",)),
        ("dot part", Reason.EMPTY_PART, ("./evil.py",)),
        ("long path", Reason.TOO_LONG, ("x" * 201,)),
        ("deep path", Reason.TOO_DEEP, ("d/" * 10 + "evil.py",)),
        ("compiled module", Reason.COMPILED, ("logic.PYC",)),
        ("compiled modules", Reason.COMPILED, ("__pycache__/logic.cpython-311.txt",)),
        ("machine code of Linux", Reason.NATIVE, ("fast.cpython-311-x86_64-linux-gnu.so",)),
        ("machine code of Linux with a version", Reason.NATIVE, ("libfast.so.1.2",)),
        ("machine code of Windows", Reason.NATIVE, ("fast.pyd",)),
        ("library of Windows", Reason.NATIVE, ("data/fast.dll",)),
        ("path configuration", Reason.PATH_FILE, ("evil.pth",)),
        ("metadata of pip", Reason.INSTALL_METADATA, ("numpy-9.dist-info/entry_points.txt",)),
        ("wheel inside", Reason.NESTED, ("data/evil-1.0-py3-none-any.whl",)),
        ("zip inside", Reason.NESTED, ("data/more.zip",)),
        ("hooks of git", Reason.VERSION_CONTROL, (".git/hooks/post-checkout",)),
        ("hooks of git for Windows and macOS", Reason.VERSION_CONTROL, (".GIT/config",)),
    )
    found = [
        (name, reason, _plus(*(Member(name=p.encode(), flags=_utf8(p)) for p in paths))) for name, reason, paths in rows
    ]
    old = ("letters of an old code page", Reason.NOT_ASCII, _plus(Member(name=b"caf\x82.py")))
    return _attacks(*found, old)


def _utf8(path: str) -> int:
    return 0 if path.isascii() else UTF8


def _contents() -> list[Attack]:
    zipped = Member(name=b"data/levels.bin", content=build(honest_members()))
    program = Member(name=b"data/levels.bin", content=b"\x7fELF" + bytes(60))
    two_tops = [*honest_members("wave-1.0/"), Member(name=b"other/x.py")]
    return _attacks(
        ("zip under another name", Reason.NESTED, _plus(zipped)),
        ("program under another name", Reason.NATIVE, _plus(program)),
        ("no manifest", Reason.NO_MANIFEST, build(honest_members()[:-1])),
        ("no entries", Reason.NO_MANIFEST, build([])),
        ("two folders at the top", Reason.NO_MANIFEST, build(two_tops)),
        ("two folders around it", Reason.NO_MANIFEST, build(honest_members("a/b/"))),
    )


def _attacks(*rows: tuple[str, Reason, bytes]) -> list[Attack]:
    return [Attack(name=name, reason=reason, data=data) for name, reason, data in rows]
