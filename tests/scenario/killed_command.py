"""Runs `loligo --home HOME ...` and kills itself, as by kill -9, right before the COUNTth change of a file below HOME.

    killed_command.py HOME COUNT VERB ...

With COUNT 0 nothing is killed; the number of changes goes to standard error at the end.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from loligo_bot.cli.command_line import run

_CHANGES = {"os.rename", "os.mkdir", "os.remove", "os.rmdir"}


class Executioner:
    """Counts what changes files below a folder, from the events that Python raises before it does so."""

    def __init__(self, home: Path, count: int) -> None:
        self.home, self.count, self.seen = str(home), count, 0

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        is_change = event in _CHANGES or (event == "open" and self._is_for_writing(*arguments))
        if is_change and isinstance(arguments[0], str | os.PathLike) and self._is_inside(os.fspath(arguments[0])):
            self.seen += 1
            if self.seen == self.count:
                os.kill(os.getpid(), signal.SIGKILL)

    def _is_inside(self, path: str) -> bool:
        return path.startswith(self.home)

    def _is_for_writing(self, path: object, mode: object, flags: object) -> bool:
        return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR))


if __name__ == "__main__":
    home, count, *verb = sys.argv[1:]
    executioner = Executioner(Path(home), int(count))
    sys.addaudithook(executioner)
    code = run(["--home", home, "--json", *verb])
    print(executioner.seen, file=sys.stderr)
    sys.exit(code)
