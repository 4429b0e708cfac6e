"""Runs the bot of a folder, and kills itself in a swap where it is told: `swapping_bot.py HOME SPEED [PLACE]`.

It says on standard output when its feeds begin, and "armed" on SIGUSR1, when only what comes from then on counts. PLACE
is `file:N`, right before the Nth change of a file below HOME, as killed_command.py; or `INPUT:N`, such as
`ShadowStarted:3`, when the journal has that input of a swap and N more fault points were passed.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from loligo import log
from loligo.model.events import Record
from loligo_bot.folder_config import read_config
from loligo_bot.run import run_bot
from tests.scenario.killed_command import Executioner

STARTED, ARMED = "started", "armed"


class Trap:
    """Ends the process by SIGKILL at its place, once it is armed."""

    def __init__(self, home: Path, place: str) -> None:
        self.what, _, count = place.partition(":")
        self.left = int(count or 0)
        self.is_armed = self.is_sprung = False
        self.files = Executioner(home, self.left if self.what == "file" else 0)

    def arm(self, *_: Any) -> None:
        self.is_armed = True
        print(ARMED, flush=True)

    def audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.is_armed:
            self.files(event, arguments)

    def observe(self, records: Sequence[Record]) -> None:
        """Hear of durable records."""
        names = [type(record.input).__name__ for record in records]
        self.is_sprung = self.is_sprung or (self.is_armed and self.what in names)

    def fault_point(self, _point: str) -> None:
        if self.is_sprung:
            self.left -= 1
            if self.left < 0:
                os.kill(os.getpid(), signal.SIGKILL)


def main(home: Path, speed: str, place: str = "") -> None:
    log.configure(level="error")
    trap = Trap(home, place)
    sys.addaudithook(trap.audit)
    signal.signal(signal.SIGUSR1, trap.arm)
    run_bot(
        home,
        read_config(home),
        speed=float(speed),
        observers=[trap.observe],
        on_start=lambda _bot, _tasks: print(STARTED, flush=True),
        fault_point=trap.fault_point,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
