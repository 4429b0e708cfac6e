"""Reads the folders of tentacles, but those again that are as they were.

A bot reads all its tentacles at each swap, and mostly one has changed. Reading and hashing the rest holds the
interpreter's lock, for which the engine waits. What must hold: a tree is taken for known only when no file or folder in
it has another inode, size, time of change or time of status change than when it was read, and had come to rest a while
before that: the time of a status change is the kernel's, and no program sets it back.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from loligo.registry.tree import is_content, read_tree

RESTED_NS = 2_000_000_000  # file systems count times in steps of up to two seconds: two edits may carry the same

_Mark = tuple[str, int, int, int, int, int]  # path, inode, mode, size, time of change, time of status change


class _Known(NamedTuple):
    marks: list[_Mark]
    files: Mapping[str, bytes]


class KnownTrees:
    """What was read last, by folder. It may be asked from several threads."""

    def __init__(self, rested_ns: int = RESTED_NS) -> None:
        self._rested_ns = rested_ns
        self._trees: dict[Path, _Known] = {}

    def read(self, folder: Path) -> Mapping[str, bytes]:
        """Return the bytes of every file, as `read_tree` does, and raise what that raises."""
        began_ns = time.time_ns()
        marks = list(_marks(str(folder))) if folder.is_dir() else []
        known = self._trees.get(folder)
        if known is not None and known.marks == marks:
            return known.files
        files = read_tree(folder)
        newest_ns = max((max(mark[-2:]) for mark in marks), default=began_ns)
        if newest_ns < began_ns - self._rested_ns and list(_marks(str(folder))) == marks:
            self._trees[folder] = _Known(marks, files)
        return files


def _marks(folder: str) -> Iterator[_Mark]:
    """Yield what the file system says of a folder and of everything in it that counts."""
    yield _mark(folder, os.stat(folder))
    with os.scandir(folder) as found:
        items = sorted((item for item in found if is_content(item.name)), key=lambda item: item.name)
    for item in items:
        if item.is_dir(follow_symlinks=False):
            yield from _marks(item.path)
        else:
            yield _mark(item.path, item.stat(follow_symlinks=False))


def _mark(path: str, stat: os.stat_result) -> _Mark:
    return path, stat.st_ino, stat.st_mode, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns
