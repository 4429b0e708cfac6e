"""The content of a folder, or of one file, as it stood at one moment, while anybody may be writing to it.

A look sees names and stamps, no bytes: two equal looks mean that nothing was written, renamed or removed between them.
A stamp holds the inode's change time, which the system sets at every write, rename and touch, so a copy that keeps old
dates cannot hide behind it. Links inside a folder are a fault: what they point to could change unseen.
"""

from __future__ import annotations

import errno
import os
import re
import signal
import stat
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

if sys.platform != "win32":
    import fcntl

MAX_BYTES = 64 * 2**20  # a folder is read into memory
MAX_FILES = 5_000
Stamp = tuple[int, int, int, int, int]  # mode, bytes, modified ns, changed ns, inode

# sed, rsync (.NAME.XXXXXX), GLib, downloads and careful savers: such a file is soon renamed to its true name
_TEMPORARY = re.compile(r"sed\w{6}|\..+\.\w{6}|\.goutputstream-.+|.+\.(tmp|temp|part|partial|crdownload)")


@dataclass(frozen=True, slots=True)
class Look:
    """A stamp for each file by its path with "/", none when there is nothing; or the fault that forbids to read."""

    stamps: Mapping[str, Stamp] = field(default_factory=dict)
    fault: str = ""
    newest_ns: int = field(default=0, compare=False)  # the last change, of folders too, by the file system's clock

    def changed_since(self, other: Look) -> set[str]:
        """Return the paths that were written, added or removed between two looks."""
        return {path for path, _ in self.stamps.items() ^ other.stamps.items()}


@dataclass(frozen=True, slots=True)
class Place:
    """A folder, or the file `only` in it, which may be a link; `counts` says of a name whether it is content."""

    folder: str
    only: str = ""
    counts: Callable[[str], bool] = bool

    def look(self) -> Look:
        """Return how it is now. What goes meanwhile is left out: the next look differs."""
        stamps: dict[str, Stamp] = {}
        newest_ns = total = 0
        waiting = [self.only]
        while waiting:
            name = waiting.pop()
            path = os.path.join(self.folder, name)
            try:
                status = os.stat(path, follow_symlinks=name == self.only)
                inside = os.listdir(path) if stat.S_ISDIR(status.st_mode) and not self.only else None
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as exc:
                return Look(fault=f"{path}: {exc.strerror}")
            newest_ns = max(newest_ns, status.st_mtime_ns, status.st_ctime_ns)
            if inside is not None:
                waiting += [f"{name}/{entry}" if name else entry for entry in inside if self.counts(entry)]
            elif name:
                stamps[name], total = _stamp(status), total + status.st_size
                if fault := _fault(path, name, status.st_mode) or self._excess(total, len(stamps)):
                    return Look(fault=fault, newest_ns=newest_ns)
        return Look(stamps, "", newest_ns)

    def read(self, seen: Look) -> dict[str, bytes] | None:
        """Return the bytes of every file of a look, or None if anything is not as it was then.

        OSError when the look has a fault or the system refuses to read.
        """
        if seen.fault:
            raise OSError(seen.fault)
        files: dict[str, bytes] = {}
        try:
            for name, stamp in sorted(seen.stamps.items()):
                with open(self._opened(name), "rb") as file:
                    before = _stamp(os.fstat(file.fileno()))
                    files[name] = file.read()
                    if not stamp == before == _stamp(os.fstat(file.fileno())):
                        return None
        except OSError as exc:
            if exc.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):  # went, or became a link
                return None
            raise
        return files if self.look() == seen else None

    def is_being_written(self, names: Iterable[str]) -> bool:
        """Say whether some of these files have a temporary name or are open for writing.

        The latter is known on Linux only, of files of one's own.
        """
        return any(_TEMPORARY.fullmatch(name.rpartition("/")[2]) or self._has_writer(name) for name in names)

    def _has_writer(self, name: str) -> bool:
        """A read lease is refused while anybody has the file open for writing (fcntl(2), F_SETLEASE)."""
        if sys.platform != "linux":
            return False
        try:
            with open(self._opened(name), "rb") as file:
                fcntl.fcntl(file, fcntl.F_SETSIG, signal.SIGURG)  # ignored; by default SIGIO would come, and kill
                fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)  # a writer that comes now waits until the close
        except OSError as exc:
            return exc.errno == errno.EAGAIN
        return False

    def _opened(self, name: str) -> int:
        """Return a descriptor for reading. Neither a link inside the folder nor a pipe without a writer holds it up."""
        flags = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        flags |= 0 if self.only else getattr(os, "O_NOFOLLOW", 0)
        return os.open(os.path.join(self.folder, name), os.O_RDONLY | flags)

    def _excess(self, total: int, count: int) -> str:
        if total <= MAX_BYTES and count <= MAX_FILES:
            return ""
        return f"{self.folder}: more than {MAX_BYTES >> 20} MiB or {MAX_FILES} files; keep data in another folder"


def _stamp(status: os.stat_result) -> Stamp:
    return status.st_mode, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def _fault(path: str, name: str, mode: int) -> str:
    if not name.isprintable():
        return f"{path!a}: a name that cannot be shown; rename it"
    if stat.S_ISLNK(mode):
        return f"{path}: a link; replace it by the file it points to"
    return "" if stat.S_ISREG(mode) else f"{path}: expected a plain file or a folder"
