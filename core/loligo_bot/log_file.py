"""The log file: it is moved aside when it has grown, the newest few are kept, and only its owner may read it.

    loligo.log ─► loligo.log.1 ─► ... ─► loligo.log.5 ─► gone

What must hold: a line is whole in one file; what is written is in the newest file, or in the one before it.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from threading import Lock
from typing import TextIO

LARGEST = 10 << 20  # characters after which the next line begins a new file
KEPT = 5  # files beside the newest one


class RotatingLog(io.TextIOBase):
    """A text stream that appends to a file. OSError as the file raises it."""

    def __init__(self, file: Path, *, largest: int = LARGEST, kept: int = KEPT) -> None:
        self._file, self._largest, self._kept = file, largest, kept
        self._turn = Lock()
        self._output = _opened(file)

    def write(self, text: str) -> int:
        with self._turn:
            if self._output.tell() and self._output.tell() + len(text) > self._largest:
                self._output.close()
                self._move_aside()
                self._output = _opened(self._file)
            return self._output.write(text)

    def flush(self) -> None:
        if not self._output.closed:
            self._output.flush()

    def close(self) -> None:
        self._output.close()
        super().close()

    def _move_aside(self) -> None:
        for number in range(self._kept, 0, -1):
            older = before(self._file, number - 1) if number > 1 else self._file
            if older.exists():
                older.replace(before(self._file, number))


def before(file: Path, number: int = 1) -> Path:
    """Return the file that was the log so many files ago."""
    return file.with_name(f"{file.name}.{number}")


def _opened(file: Path) -> TextIO:
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    output = os.fdopen(descriptor, "a", encoding="utf-8", buffering=1)
    output.seek(0, os.SEEK_END)
    return output
