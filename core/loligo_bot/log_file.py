"""Where the log goes: a file that is moved aside when it has grown, or standard error, for which nobody waits.

    loligo.log ─► loligo.log.1 ─► ... ─► loligo.log.5 ─► gone

What must hold: only its owner may read a file; a line is whole in one; what is written is in the newest file, or in the
one before it. A terminal that was stopped with Ctrl-S, or a pipe that nobody reads, never holds a bot up that trades.
"""

from __future__ import annotations

import atexit
import io
import os
import select
from collections import deque
from contextlib import suppress
from pathlib import Path
from threading import Condition, Lock, Thread
from typing import TextIO, cast

LARGEST = 10 << 20  # characters after which the next line begins a new file
KEPT = 5  # files beside the newest one
MOST_WAITING = 10_000  # lines for a stream that takes none
LAST_S = 1.0  # for what waits when the bot ends


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


class PatientLog(io.TextIOBase):
    """A text stream before one that may take nothing for a while: then lines wait, and a thread of its own brings them.

    Of more than `most` the newest are left out and counted. `target` has a descriptor (`fileno`).
    """

    def __init__(self, target: TextIO, *, most: int = MOST_WAITING) -> None:
        self._target, self._most = target, most
        self._ready = select.poll()
        self._ready.register(target, select.POLLOUT)
        self._turn = Condition()
        self._waiting: deque[str] = deque()
        self._left_out = 0
        atexit.register(self.close)

    def write(self, text: str) -> int:
        with self._turn:
            if not self._waiting and len(text.encode()) <= select.PIPE_BUF and self._ready.poll(0):
                self._put(text)
            elif len(self._waiting) < self._most:
                self._waiting.append(text)
                if len(self._waiting) == 1:
                    Thread(target=self._bring, name="log", daemon=True).start()
            else:
                self._left_out += 1
        return len(text)

    def isatty(self) -> bool:
        return self._target.isatty()

    def close(self) -> None:
        """Wait a moment for what waits; the target stays open."""
        with self._turn:
            self._turn.wait_for(lambda: not self._waiting, LAST_S)
        atexit.unregister(self.close)
        super().close()

    def _put(self, text: str) -> None:
        with suppress(OSError, ValueError):  # its reader is gone, and nobody else is there to be told
            self._target.write(text)
            self._target.flush()

    def _bring(self) -> None:
        """Write what waits, until nothing does."""
        while self._waiting:
            self._put(self._waiting[0])
            with self._turn:
                self._waiting.popleft()
                if not self._waiting and self._left_out:
                    self._waiting.append(f"{self._left_out} log lines were left out: nobody took them\n")
                    self._left_out = 0
                if not self._waiting:
                    self._turn.notify_all()
                    return


def patient(target: TextIO) -> TextIO:
    """Return a stream before another that nobody waits for; one without a descriptor, in memory, itself."""
    try:
        target.fileno()
    except (OSError, ValueError):
        return target
    return cast(TextIO, PatientLog(target))


def before(file: Path, number: int = 1) -> Path:
    """Return the file that was the log so many files ago."""
    return file.with_name(f"{file.name}.{number}")


def _opened(file: Path) -> TextIO:
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    output = os.fdopen(descriptor, "a", encoding="utf-8", buffering=1)
    output.seek(0, os.SEEK_END)
    return output
