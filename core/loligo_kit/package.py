"""What a tentacle's package may hold, whichever way it came: as an archive, a folder or the tree of a git commit.

A package is file contents by path, with "/", below the folder that holds `tentacle.toml`. Its paths mean one file each
on every file system, so names are printable ASCII that Windows, macOS and Linux store alike. Everything in it can be
read by a person: no machine code, no compiled modules, no archives, nothing that other installers would act on.
A refusal carries its `Reason`; the sentence names the path, what is wrong with it and what to do.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from loligo.errors import TentacleError
from loligo.registry.manifest import MANIFEST_FILE, Manifest
from loligo.registry.tree import is_content


class Reason(StrEnum):
    """Why a package was refused."""

    # the container
    NOT_A_ZIP = "not a zip"
    PREFIX_DATA = "data before the first entry"
    TRAILING_DATA = "data after the end record"
    HIDDEN_DATA = "data between the entries"
    DIRECTORY = "directory does not fit the end record"
    MULTI_DISK = "split over several disks"
    ZIP64 = "zip64"
    ENCRYPTED = "encrypted"
    METHOD = "unknown compression method"
    FLAG = "unknown flag"
    EXTRA_FIELD = "unknown extra field"
    COMMENT = "comment of an entry"
    HEADER_MISMATCH = "directory and local header differ"
    OVERLAP = "entries overlap"
    LYING_SIZE = "size is not the declared one"
    CHECKSUM = "checksum differs"
    DAMAGED = "data cannot be decompressed"
    # size
    TOO_LARGE = "too large"
    TOO_MANY = "too many entries"
    RATIO = "compressed too well"
    # kind of entry
    SPECIAL_FILE = "neither file nor folder"
    SETUID = "setuid, setgid or sticky"
    FOLDER_WITH_CONTENT = "folder with content"
    # names
    PARENT = "parent folder"
    ABSOLUTE = "absolute path"
    DRIVE = "drive letter"
    BACKSLASH = "backslash"
    NUL = "NUL in a name"
    NOT_ASCII = "letters outside of ASCII"
    CHARACTER = "forbidden character"
    EMPTY_PART = "empty part of a path"
    RESERVED_NAME = "name reserved by Windows"
    LOOSE_END = "name ends in a dot or with a space around it"
    TOO_LONG = "path too long"
    TOO_DEEP = "path too deep"
    DUPLICATE = "same path twice"
    CASE = "paths differ by case only"
    FILE_AND_FOLDER = "file and folder of one name"
    # content
    COMPILED = "compiled Python"
    NATIVE = "machine code"
    PATH_FILE = "path configuration"
    INSTALL_METADATA = "metadata of another installer"
    NESTED = "archive inside"
    VERSION_CONTROL = "version control data"
    NO_MANIFEST = "no manifest"


class PackageRefused(TentacleError):
    """A package is not what a package may be; nothing of it was written or run."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How large a package may be; sizes in bytes."""

    archive_bytes: int = 16 * 2**20  # of the zip itself
    file_bytes: int = 8 * 2**20
    total_bytes: int = 32 * 2**20  # of all files
    entries: int = 1_000  # files and folders
    ratio: int = 200  # content to compressed content, of files above `ratio_from_bytes`
    ratio_from_bytes: int = 64 * 2**10
    path_chars: int = 200  # Windows allows 260 with the bot's folder before it
    path_depth: int = 10
    fetched_bytes: int = 256 * 2**20  # that git may bring for one commit, other folders of it included
    let_in: frozenset[Reason] = frozenset()  # kinds of files that are no reason to refuse it


LIMITS = Limits()

_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f<>:"|?*]')
_RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|clock\$|com\d|lpt\d) *(\..*)?", re.IGNORECASE)
_BAD_PARTS = tuple(  # of files and folders alike
    (re.compile(pattern, re.IGNORECASE), reason)
    for pattern, reason in (
        (r".*\.py[co]|__pycache__", Reason.COMPILED),
        (r".*\.(so(\.\d+)*|pyd|dll|dylib|exe|a|o|obj|lib)", Reason.NATIVE),
        (r".*\.(pth|egg-link)", Reason.PATH_FILE),
        (r".*\.(dist-info|egg-info)", Reason.INSTALL_METADATA),
        (r".*\.(zip|whl|egg|jar|pyz|tar|tgz|gz|bz2|xz|zst|7z|rar)", Reason.NESTED),
        (r"\.git|\.hg|\.svn", Reason.VERSION_CONTROL),
    )
)
_BAD_STARTS = ((b"PK\x03\x04", Reason.NESTED), (b"PK\x05\x06", Reason.NESTED), (b"\x7fELF", Reason.NATIVE))


def check_paths(paths: Iterable[str], limits: Limits = LIMITS) -> None:
    """Refuse paths that are not the same file everywhere, and files that a package must not hold.

    A path that ends in "/" is a folder.
    """
    listed = list(paths)
    if len(listed) > limits.entries:
        raise PackageRefused(Reason.TOO_MANY, f"{len(listed)} entries: a package has at most {limits.entries}")
    for path in listed:
        _check_path(path, limits)
    _check_collisions(listed)


def check_sizes(sizes: Mapping[str, int], limits: Limits = LIMITS) -> None:
    """Refuse files that are too large, alone or together."""
    for path, size in sizes.items():
        if size > limits.file_bytes:
            text = f"{shown(path)} has {size:,} bytes: a file of a package has at most {limits.file_bytes:,}"
            raise PackageRefused(Reason.TOO_LARGE, text)
    total = sum(sizes.values())
    if total > limits.total_bytes:
        text = f"the files have {total:,} bytes together: a package has at most {limits.total_bytes:,}"
        raise PackageRefused(Reason.TOO_LARGE, text)


def package_of(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return files below the folder with the manifest, sorted by path; that is the top or the one folder in it.

    What editors leave behind stays out, as in `read_tree`, so that the hash stays the same on disk.
    PackageRefused when there is no manifest, or a content is an archive or machine code under another name.
    """
    for path, content in files.items():
        for start, reason in _BAD_STARTS:
            if content.startswith(start):
                raise PackageRefused(reason, f"{shown(path)} is {_KINDS[reason]} by its content; leave it out")
    wrapper = "" if MANIFEST_FILE in files else f"{next(iter(files), '').partition('/')[0]}/"
    if f"{wrapper}{MANIFEST_FILE}" not in files or not all(path.startswith(wrapper) for path in files):
        text = f"no {MANIFEST_FILE} at the top or in the only folder there; pack the tentacle's own folder"
        raise PackageRefused(Reason.NO_MANIFEST, text)
    inside = {path.removeprefix(wrapper): files[path] for path in sorted(files)}
    return {path: content for path, content in inside.items() if all(map(is_content, path.split("/")))}


def is_machine_code(content: bytes) -> bool:
    """Say whether a file is a program or a library, whatever its name."""
    return any(content.startswith(start) for start, reason in _BAD_STARTS if reason is Reason.NATIVE)


def shown(name: str) -> str:
    """Return a name from outside as it may stand in a message: quoted, in ASCII, cut to 80 characters."""
    return ascii(name if len(name) <= 80 else f"{name[:77]}...")


_KINDS = {
    Reason.COMPILED: "compiled Python, which is never loaded",
    Reason.NATIVE: "machine code, which nobody can read",
    Reason.PATH_FILE: "code that runs at every start of Python",
    Reason.INSTALL_METADATA: "metadata of another installer",
    Reason.NESTED: "an archive, which nobody looks into",
    Reason.VERSION_CONTROL: "version control data; install it from git by `git+URL@COMMIT` instead",
}


def _check_path(path: str, limits: Limits) -> None:
    for is_wrong, reason, expected in (
        ("\x00" in path, Reason.NUL, "a NUL byte cuts it off in some programs"),
        ("\\" in path, Reason.BACKSLASH, 'use "/" between folders'),
        (path.startswith("/"), Reason.ABSOLUTE, "expected a path inside the package"),
        (re.match(r"[A-Za-z]:", path), Reason.DRIVE, "expected a path inside the package, without a drive"),
        (len(path) > limits.path_chars, Reason.TOO_LONG, f"{len(path)} characters, at most {limits.path_chars}"),
        (not path.isascii(), Reason.NOT_ASCII, "such letters look like others or are stored in two ways; rename it"),
        (_FORBIDDEN.search(path), Reason.CHARACTER, "a character that not every file system takes; rename it"),
    ):
        if is_wrong:
            raise PackageRefused(reason, f"path {shown(path)}: {expected}")
    parts = path.removesuffix("/").split("/")
    if len(parts) > limits.path_depth:
        text = f"path {shown(path)}: {len(parts)} levels, at most {limits.path_depth}"
        raise PackageRefused(Reason.TOO_DEEP, text)
    for part in parts:
        _check_part(part, path, limits)


def _check_part(part: str, path: str, limits: Limits) -> None:
    for is_wrong, reason, expected in (
        (part == "..", Reason.PARENT, "leads out of the package"),
        (part in ("", "."), Reason.EMPTY_PART, 'has an empty part or "."; write it without'),
        (
            part != part.strip(" ") or part.endswith("."),
            Reason.LOOSE_END,
            "Windows drops such dots and spaces; rename it",
        ),
        (_RESERVED.fullmatch(part), Reason.RESERVED_NAME, f"{part!r} is a device on Windows; rename it"),
    ):
        if is_wrong:
            raise PackageRefused(reason, f"path {shown(path)}: {expected}")
    for pattern, reason in _BAD_PARTS:
        if reason not in limits.let_in and pattern.fullmatch(part):
            raise PackageRefused(reason, f"{shown(path)} is {_KINDS[reason]}; leave it out")


def _check_collisions(paths: Iterable[str]) -> None:
    """Refuse what some file system would store at one place: paths, and the folders on the way to them."""
    seen: dict[str, tuple[str, bool]] = {}  # lower case to the path as first seen, and whether it is a folder
    entries: set[str] = set()
    for path in paths:
        whole = path.removesuffix("/")
        if whole in entries:
            raise PackageRefused(Reason.DUPLICATE, f"path {shown(path)} is there twice; which one is meant?")
        entries.add(whole)
        ends = [found.start() for found in re.finditer("/", whole)]
        for place, is_folder in [(whole[:end], True) for end in ends] + [(whole, path.endswith("/"))]:
            before, was_folder = seen.setdefault(place.lower(), (place, is_folder))
            if is_folder != was_folder:
                raise PackageRefused(Reason.FILE_AND_FOLDER, f"path {shown(place)} is a file and a folder")
            if before != place:
                text = f"paths {shown(before)} and {shown(place)} differ by case only: one file on Windows and macOS"
                raise PackageRefused(Reason.CASE, text)


def changelog_text(manifest: Manifest, files: Mapping[str, bytes]) -> str:
    """Return what the changelog says, wherever it lies; "" when there is none."""
    brought = files.get(manifest.changelog)
    return manifest.changelog if brought is None else brought.decode(errors="replace")
