"""The process of one job, seen from the bot: started, listened to, ended.

    bot ── folder of the job ─► child         child ── JSON lines on stdout: progress, summary, failure ─► bot
    bot ── stdin, held open, never written: its end tells the child that the bot is gone, however it went

What must hold: a child never outlives the bot; what it says is bounded; nobody waits for what it may have started. A
thread of its own waits for it, so a child that says nothing for hours costs the event loop nothing.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import msgspec

LONGEST_LINE = 256 * 1024
LAST_WORDS = 2_000  # characters of standard error that are kept
DRAIN_S = 0.5  # for the last words: somebody else may hold standard error open
_KEPT_VARIABLES = ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TZ", "TMPDIR")
_MAIN = "import sys; sys.path[:] = sys.argv[5:]; from {module} import {name}; {name}(*sys.argv[1:5])"

Line = Mapping[str, Any]


class Child:
    """One process. `main` is "module:function", called with home, the job's folder, its number and how nice to be."""

    def __init__(self, main: str, home: Path, folder: Path, nice: int) -> None:
        module, _, name = main.partition(":")
        given = (str(home), str(folder), folder.name, str(nice))
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-I",
                "-c",
                _MAIN.format(module=module, name=name),
                *given,
                *map(os.path.abspath, sys.path),
            ],
            env={key: os.environ[key] for key in _KEPT_VARIABLES if key in os.environ},
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self.pid = self._process.pid
        self._words: deque[bytes] = deque(maxlen=LAST_WORDS)
        self.failure = ""  # as it told itself

    async def ended(self, hear: Callable[[Line], None]) -> int:
        """Return its exit code once it has ended; `hear` is told each line, on the event loop."""
        loop = asyncio.get_running_loop()
        code: asyncio.Future[int] = loop.create_future()

        def tell(function: Callable[[Any], object], value: Any) -> None:
            with suppress(RuntimeError):  # the loop has ended, and with it everybody who would hear
                loop.call_soon_threadsafe(function, value)

        def finish(value: int) -> None:
            if not code.done():
                code.set_result(value)

        def listen() -> None:
            for line in self._lines():
                tell(hear, line)
            tell(finish, self._wait())

        threading.Thread(target=listen, name=f"job {self.pid}", daemon=True).start()
        return await code

    def kill(self) -> None:
        """End it at once, with what it started in its session."""
        if self._process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)

    def last_words(self) -> str:
        """Return the end of what it said on standard error."""
        return b"".join(self._words).decode("utf-8", "replace").strip()

    def _lines(self) -> Any:
        errors = threading.Thread(target=self._keep_words, daemon=True)
        errors.start()
        output: IO[bytes] = self._process.stdout  # type: ignore[assignment]
        while line := output.readline(LONGEST_LINE):
            try:
                told = msgspec.json.decode(line)
            except msgspec.DecodeError:
                continue  # something that it imported printed
            if isinstance(told, dict):
                self.failure = str(told.get("failed", self.failure))
                yield told
        output.close()
        errors.join(DRAIN_S)

    def _keep_words(self) -> None:
        errors: IO[bytes] = self._process.stderr  # type: ignore[assignment]
        while part := errors.read1(4096):  # type: ignore[attr-defined]
            self._words.extend(part[at : at + 1] for at in range(len(part)))
        errors.close()

    def _wait(self) -> int:
        code = self._process.wait()
        with suppress(OSError):
            self._process.stdin.close()  # type: ignore[union-attr]
        return code
