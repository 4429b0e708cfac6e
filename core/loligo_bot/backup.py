"""Backups: a bot folder in one file, made while the bot trades; and out of it again, into a new folder.

    config/ tentacles/ state/ ... ─► backups/NAME-20261122T133659Z.zip ─► loligo restore

What must hold: every database is whole, as of one moment, and the journal's moment is the last, so that nothing that
follows the journal is ahead of it; .env, the vault and logins (state/web) are never in a backup, but a key that
somebody wrote into the configuration or the registry is; what is restored is what was written, byte for byte, or
nothing is.
Recorded market data (data/) and logs stay where they are.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import chain, count
from pathlib import Path, PurePosixPath
from typing import IO

import msgspec

from loligo import __version__
from loligo.errors import ConfigError, NotFound
from loligo_store.database import open_engine
from loligo_store.reader import JournalReader

BACKUPS = Path("backups")
ABOUT = "backup.json"
FORMAT = 1
PARTS = (  # of a bot folder, in the order in which they are read
    ".env.example",
    ".gitignore",
    "tentacle_registry.json",
    "tentacles.lock",
    "config",
    "tentacles",
    "reports",
    "state",
)
LEFT_OUT = ("state/web", "state/uploads", "state/matplotlib")  # logins, and what is made again
_BESIDE = (".lock", ".sock", "-wal", "-shm", "-journal", ".part", ".pyc")  # of files that are at work
_NOT_WHOLE = (  # what reading a damaged or foreign zip raises
    zipfile.BadZipFile, zlib.error, KeyError, EOFError, ValueError, RuntimeError,
)  # fmt: skip
_SQLITE = b"SQLite format 3\0"
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a backup tells of itself; `files` are paths below the folder, with the SHA-256 of each."""

    format: int
    made_at: str
    version: str
    bot: str
    last_seq: int | None  # of the journal; None where it lies in a database of its own
    files: dict[str, str]


@dataclass(frozen=True, slots=True)
class Backup:
    """One file in backups/; its size is in bytes."""

    name: str
    size: int
    made_at: str


class Wanted(msgspec.Struct, kw_only=True):
    """What a bot asks a process beside it for; the arguments of `make_backup`."""

    home: str
    bot: str
    journal: str | None


class Written(msgspec.Struct, kw_only=True):
    """What that process answers: the file's name, how many files it holds, and the last event in it."""

    name: str
    files: int
    last_seq: int | None


def make_backup(home: Path, bot: str, journal: Path | None, target: Path | None = None) -> tuple[Path, About]:
    """Write all that a bot is made of into one file, for its owner only, and return where it lies. It blocks.

    `journal` is None where it lies in a database of its own, which is not copied. Never call it in the process that
    trades: it opens and closes database files, and with the first that is closed all locks on it are gone.

    ConfigError when there is such a file already, or no bot.
    """
    if not (home / "config").is_dir():
        raise ConfigError(f"{home}: expected a bot folder, with config/ in it; `loligo init` makes one")
    now = datetime.now(UTC)
    file = target or _free(home / BACKUPS, f"{bot}-{now:%Y%m%dT%H%M%SZ}")
    if file.exists():
        raise ConfigError(f"{file}: there is such a file already; give another name")
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".{file.name}.part")
    try:
        with open(os.open(part, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as output:
            about = _write(output, home, bot, now, journal)
            output.flush()
            os.fsync(output.fileno())
        part.rename(file)
    finally:
        part.unlink(missing_ok=True)
    return file, about


def main() -> None:
    """Make the backup that standard input asks for, and tell of it on standard output."""
    wanted = msgspec.json.decode(sys.stdin.buffer.read(), type=Wanted)
    file, about = make_backup(Path(wanted.home), wanted.bot, Path(wanted.journal) if wanted.journal else None)
    told = Written(name=file.name, files=len(about.files), last_seq=about.last_seq)
    sys.stdout.buffer.write(msgspec.json.encode(told))


def _free(folder: Path, name: str) -> Path:
    """Return a path that nothing has yet: two in one second are two."""
    names = chain((name,), (f"{name}-{number}" for number in count(2)))
    return next(file for one in names if not (file := folder / f"{one}.zip").exists())


def _write(output: IO[bytes], home: Path, bot: str, now: datetime, journal: Path | None) -> About:
    files: dict[str, str] = {}
    last_seq = None if journal is None else 0
    with (
        zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        tempfile.TemporaryDirectory(dir=home / "state" if (home / "state").is_dir() else None, suffix=".part") as aside,
    ):
        plain, databases = _found(home, journal)
        for path in plain:
            name = path.relative_to(home).as_posix()
            try:
                source = path.open("rb")
            except FileNotFoundError:
                continue  # it was taken away meanwhile
            with source:
                files[name] = _put(archive, name, source)
        for path in databases:
            copy = Path(aside) / "copy.sqlite"
            _copy_database(path, copy)
            if path == journal:
                last_seq = _last_seq(copy)
            with copy.open("rb") as source:
                name = path.relative_to(home).as_posix()
                files[name] = _put(archive, name, source)
            copy.unlink()
        about = About(format=FORMAT, made_at=_told(now), version=__version__, bot=bot, last_seq=last_seq, files=files)
        archive.writestr(ABOUT, json.dumps(asdict(about), indent=1))
    return about


def _found(home: Path, journal: Path | None) -> tuple[list[Path], list[Path]]:
    """Return the files to keep, in the order of PARTS, and the databases, the journal's last."""
    plain: list[Path] = []
    databases: list[Path] = []
    for part in PARTS:
        for path in _below(home, home / part):
            with path.open("rb") as content:
                is_database = content.read(len(_SQLITE)) == _SQLITE
            (databases if is_database else plain).append(path)
    return plain, sorted(databases, key=lambda path: path == journal)


def _below(home: Path, place: Path) -> Iterator[Path]:
    if place.is_file():
        yield place
    for folder, inner, names in os.walk(place):
        inside = Path(folder).relative_to(home)
        inner[:] = sorted(
            name
            for name in inner
            if name != "__pycache__" and not name.endswith(".part") and (inside / name).as_posix() not in LEFT_OUT
        )
        yield from (
            path
            for name in sorted(names)
            if not name.endswith(_BESIDE) and (path := Path(folder) / name).is_file() and not path.is_symlink()
        )


def _copy_database(path: Path, copy: Path) -> None:
    """Copy a SQLite database as of one moment, whoever writes to it (sqlite.org/backup.html, in one step)."""
    with (
        closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(copy)) as target,
    ):
        source.backup(target)
        target.execute("PRAGMA journal_mode = DELETE")  # all of it in one file


def _last_seq(journal: Path) -> int:
    database = open_engine(journal)
    try:
        return JournalReader(database).last_seq
    finally:
        database.dispose()


def _put(archive: zipfile.ZipFile, name: str, source: IO[bytes]) -> str:
    """Write a file into the archive and return its SHA-256: of what was written, as it may change meanwhile."""
    digest = hashlib.sha256()
    with archive.open(name, "w", force_zip64=True) as entry:
        while piece := source.read(_CHUNK):
            digest.update(piece)
            entry.write(piece)
    return digest.hexdigest()


def backups(home: Path) -> list[Backup]:
    """Return what lies in backups/, the newest first."""
    found = [(path, path.stat()) for path in (home / BACKUPS).glob("*.zip") if path.is_file()]
    newest = sorted(found, key=lambda one: (one[1].st_mtime_ns, one[0].name), reverse=True)
    return [
        Backup(path.name, about.st_size, _told(datetime.fromtimestamp(about.st_mtime, UTC))) for path, about in newest
    ]


def drop_older(home: Path, keep: int) -> list[str]:
    """Remove all but the newest backups; return the names of those that are gone."""
    gone = [one.name for one in backups(home)[keep:]]
    for name in gone:
        (home / BACKUPS / name).unlink(missing_ok=True)
    return gone


def restore(file: Path, home: Path) -> About:
    """Make a bot folder of a backup. ConfigError when the folder holds anything, or the file is not as it was made;
    NotFound when there is no such file. Then nothing has been written."""
    if not file.is_file():
        raise NotFound(f"{file}: no such file; `loligo backup` makes one")
    if home.exists() and (not home.is_dir() or any(home.iterdir())):
        raise ConfigError(f"{home}: not empty; restore into a new folder: loligo --home NEW restore {file}")
    home.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(dir=home.parent, prefix=f".{home.name}-"))
    try:
        try:
            with zipfile.ZipFile(file) as archive:
                about = _about(archive)
                for name, wanted in about.files.items():
                    _take(archive, name, wanted, aside)
        except _NOT_WHOLE as exc:
            raise ConfigError(f"{file}: not a whole backup: {exc}; take another one") from exc
        aside.chmod(0o755)
        if (aside / "state").is_dir():
            (aside / "state").chmod(0o700)
        aside.rename(home)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return about


def _about(archive: zipfile.ZipFile) -> About:
    """Return what the backup says. ValueError where it is no backup, or names a path that leaves the folder."""
    said = json.loads(archive.read(ABOUT))
    if not isinstance(said, dict) or said.get("format") != FORMAT:
        found = said.get("format") if isinstance(said, dict) else said
        raise ValueError(f"format {found!r}, expected {FORMAT}; a newer Loligo may have made it")
    try:
        about = About(**said)
    except TypeError as exc:
        raise ValueError(f"{ABOUT}: {exc}") from exc
    for name in about.files:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name or path.parts[0] not in PARTS:
            raise ValueError(f'"{name[:80]}" is no part of a bot folder')
    listed, held = {*about.files, ABOUT}, archive.namelist()
    if listed != set(held) or len(held) != len(listed):
        odd = sorted(listed.symmetric_difference(held)) or sorted(held)
        raise ValueError(f'it does not hold what it lists: "{odd[0][:80]}"')
    return about


def _take(archive: zipfile.ZipFile, name: str, wanted: str, folder: Path) -> None:
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with archive.open(name) as entry, target.open("wb") as output:
        while piece := entry.read(_CHUNK):
            digest.update(piece)
            output.write(piece)
    if digest.hexdigest() != wanted:
        raise ValueError(f"{name} is not what was written")
    if name.startswith("state/"):
        target.chmod(0o600)


def _told(at: datetime) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")
