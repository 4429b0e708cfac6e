"""A tentacle's content as bytes in memory, and the hash that names it.

All files count but compiled ones (`__pycache__`, `*.pyc`), which are never loaded. The hash is SHA-256 over the lines
`sha256-of-file  path`, sorted by path, as Go's dirhash "h1" does: it depends on nothing but names and bytes.
Links are refused: what they point to could change behind the hash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from loligo.errors import TentacleError

PREFIX = "h1:"


def read_tree(folder: Path) -> dict[str, bytes]:
    """Return the bytes of every file by its path in `folder`, with "/", sorted. TentacleError if it holds a link."""
    if not folder.is_dir():
        raise TentacleError(f"{folder}: no such folder")
    return dict(sorted((path.relative_to(folder).as_posix(), path.read_bytes()) for path in _files(folder)))


def tree_hash(files: Mapping[str, bytes]) -> str:
    """Return "h1:" and the hash of a tree, 64 hexadecimal digits."""
    lines = (f"{hashlib.sha256(files[path]).hexdigest()}  {path}\n" for path in sorted(files))
    return PREFIX + hashlib.sha256("".join(lines).encode()).hexdigest()


def hash12(full_hash: str) -> str:
    """Return the first 12 digits of a tree hash, which name a loaded version."""
    return full_hash.removeprefix(PREFIX)[:12]


def _files(folder: Path) -> list[Path]:
    found = []
    for path in folder.rglob("*"):
        if "__pycache__" in path.relative_to(folder).parts or path.suffix == ".pyc":
            continue
        if path.is_symlink():
            raise TentacleError(f"{path}: a link inside a tentacle; replace it by the file it points to")
        if path.is_file():
            found.append(path)
    return found
