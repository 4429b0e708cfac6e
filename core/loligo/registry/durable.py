"""Writes files that are on the disk when the call returns."""

from __future__ import annotations

import os
from pathlib import Path


def write_file(path: Path, content: bytes, mode: int = 0o666) -> None:
    """Write a file in place; whether its name lasts is the affair of `sync_folder`. `mode` is that of a new one."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def replace_file(path: Path, content: bytes, mode: int = 0o666) -> None:
    """Make `content` the content of `path`: a crash leaves the old file or the new one, whole. A link stays a link, and
    a mode gets no wider; `mode` is that of a new file."""
    real = path.resolve()
    temporary = real.with_name(f".{real.name}.{os.getpid()}.tmp")
    try:
        write_file(temporary, content, real.stat().st_mode & 0o777 if real.exists() else mode)
        temporary.replace(real)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(real.parent)


def sync_folder(folder: Path) -> None:
    """Return when the names in a folder are on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
