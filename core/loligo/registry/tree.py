"""A tentacle's content as bytes in memory, and the hash that names it.

All files count but compiled ones (`__pycache__`, `*.pyc`) and what editors and tools keep beside them (swap, lock and
backup files, `.git`, caches): neither hashed nor loaded. The hash is SHA-256 over the lines `sha256-of-file  path`,
sorted by path, as Go's dirhash "h1" does: it depends on nothing but names and bytes. Links are refused: what they point
to could change behind the hash; and names that cannot be shown: a line end would make one file of the hash two.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from loligo.errors import TentacleError

PREFIX = "h1:"
_LEFTOVER = re.compile(
    r"__pycache__|.+\.pyc|\.(git|hg|svn|idea|vscode|venv|DS_Store|(mypy|pytest|ruff)_cache)"
    r"|\..+\.sw[a-z]|4913|.+~|\.#.*|#.+#"  # vim's swap and trial files, backups, locks and autosaves of emacs
)


def is_content(name: str) -> bool:
    """Say whether a file or folder of this name (one part of a path) belongs to a tentacle's content."""
    return _LEFTOVER.fullmatch(name) is None


def read_tree(folder: Path) -> dict[str, bytes]:
    """Return the bytes of every file by its path in `folder`, with "/", sorted. TentacleError if it holds a link."""
    if not folder.is_dir():
        raise TentacleError(f"{folder}: no such folder")
    return dict(sorted(_files_below(str(folder), "")))


def _files_below(folder: str, prefix: str) -> Iterator[tuple[str, bytes]]:
    """Yield name and bytes of each file. A swap reads every tentacle, and pathlib would take five times as long."""
    with os.scandir(folder) as found:
        items = sorted((item for item in found if is_content(item.name)), key=lambda item: item.name)
    for item in items:
        if item.is_symlink():
            raise TentacleError(f"{item.path}: a link inside a tentacle; replace it by the file it points to")
        if not item.name.isprintable():
            raise TentacleError(f"{item.path!a}: a name that cannot be shown; rename it")
        if item.is_dir():
            yield from _files_below(item.path, f"{prefix}{item.name}/")
        elif item.is_file():
            with open(item.path, "rb", buffering=0) as file:
                yield prefix + item.name, file.read()


def tree_hash(files: Mapping[str, bytes]) -> str:
    """Return "h1:" and the hash of a tree, 64 hexadecimal digits."""
    lines = (f"{hashlib.sha256(files[path]).hexdigest()}  {path}\n" for path in sorted(files))
    return PREFIX + hashlib.sha256("".join(lines).encode()).hexdigest()


def hash12(full_hash: str) -> str:
    """Return the first 12 digits of a tree hash, which name a loaded version."""
    return full_hash.removeprefix(PREFIX)[:12]
