"""Runs the bot of a folder as `loligo run` does, and kills itself where it is told.

    paper_bot.py HOME [POINT:COUNT[:REST]]

It ends by SIGKILL at the COUNTth time it comes to a fault point of `loligo_bot.session`, after REST seconds, in which
the journal's writer comes to its end. When recovery is over and the feeds begin it says so on standard output; ids of
orders go into HOME/sent.txt as soon as their records leave.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from loligo import log
from loligo.model.events import OrderSubmitted, Record
from loligo_bot.folder_config import read_config
from loligo_bot.run import run_bot

STARTED = "started"


def killing(place: str) -> Callable[[str], None]:
    """Return a fault point that ends the process at `place`, such as "after_commit:3" or "after_append:3:0.5"."""
    name, count, rest_s = (*place.split(":"), "0")[:3]
    left = int(count)

    def fault_point(point: str) -> None:
        nonlocal left
        if point == name:
            left -= 1
            if left == 0:
                time.sleep(float(rest_s))
                os.kill(os.getpid(), signal.SIGKILL)

    return fault_point


def sending(file: int) -> Callable[[Sequence[Record]], None]:
    """Return an observer that writes down which orders left; a written line outlives the process."""

    def observe(records: Sequence[Record]) -> None:
        submitted = [event for record in records for event in record.events if isinstance(event, OrderSubmitted)]
        os.write(file, "".join(f"{event.order.id}\n" for event in submitted).encode())

    return observe


def main(home: Path, place: str = "") -> None:
    log.configure(level="error")
    faults: dict[str, Any] = {"fault_point": killing(place)} if place else {}
    sent = os.open(home / "sent.txt", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    summary = run_bot(
        home,
        read_config(home),
        observers=[sending(sent)],
        on_start=lambda _bot, _tasks: print(STARTED, flush=True),
        **faults,
    )
    print(json.dumps(asdict(summary)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
