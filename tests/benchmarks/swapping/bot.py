"""The bot process: runs a folder as `loligo run` does, and notes when which input was done: `bot.py HOME`.

At SIGUSR1 it counts the classes of tentacles that are alive, and the memory it uses, into HOME/census.json. At its end
the notes are in HOME/notes.bin. They cost the engine's thread some two microseconds an input, with swaps or without.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import time
import tracemalloc
from array import array
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import msgspec

from loligo import log
from loligo.model.command import GenerationActivated, ProbationEnded, ShadowStarted, ShadowStopped
from loligo.model.events import Record
from loligo_bot.folder_config import read_config
from loligo_bot.run import run_bot

NOTES, CENSUS = "notes.bin", "census.json"
STEPS: dict[Any, int] = {ShadowStarted: 1, GenerationActivated: 2, ProbationEnded: 3, ShadowStopped: 4}  # all else is 0


class Notes(msgspec.Struct):
    """Of every input, in order: what it was, its time, when it was done, and how long it held the engine, with and
    without the commit that it had to wait for, and how long its thread computed for that, without what other threads
    and processes took of the time. All ns, `done` of CLOCK_MONOTONIC."""

    steps: list[int]
    times: list[int]
    done: list[int]
    decided: list[int]
    computed: list[int]
    held: list[int]


class Probe:
    """Takes the notes, through doors that the session has for tests."""

    def __init__(self) -> None:
        self.steps, self.times = array("b"), array("q")
        self.done, self.decided, self.computed, self.held = array("q"), array("q"), array("q"), array("q")
        self._began = self._began_computing = 0

    def fault_point(self, point: str) -> None:
        if point == "before_decide":
            self._began_computing = time.thread_time_ns()
            self._began = time.monotonic_ns()
        elif point == "after_append":
            now = time.monotonic_ns()
            self.done.append(now)
            self.held.append(now - self._began)
        elif point == "after_decide":
            self.decided.append(time.monotonic_ns() - self._began)
            self.computed.append(time.thread_time_ns() - self._began_computing)
        elif point == "after_send" and self.done:
            self.held[-1] = time.monotonic_ns() - self._began

    def observe(self, records: Sequence[Record]) -> None:
        for record in records:
            self.steps.append(STEPS.get(type(record.input), 0))
            self.times.append(record.input.ts)

    def save(self, file: Path) -> None:
        columns = (self.steps, self.times, self.done, self.decided, self.computed, self.held)
        file.write_bytes(msgspec.msgpack.encode(Notes(*(column.tolist() for column in columns))))


def count_alive(home: Path) -> None:
    """Write down which versions of tentacles have classes in memory, and how much memory is in use."""
    gc.collect()
    classes = [each for each in gc.get_objects() if isinstance(each, type)]
    packages = Counter(".".join(str(each.__module__).split(".")[:2]) for each in classes)
    status = Path("/proc/self/status").read_text().splitlines()
    found = {
        "classes": {name: count for name, count in packages.items() if name.startswith("_tentacles.")},
        "resident_kb": next(int(line.split()[1]) for line in status if line.startswith("VmRSS:")),
        "traced_kb": tracemalloc.get_traced_memory()[0] / 1024,
    }
    temporary = home / f".{CENSUS}"
    temporary.write_text(json.dumps(found))
    temporary.rename(home / CENSUS)


def main(home: Path) -> None:
    def census(_number: int, _frame: FrameType | None) -> None:
        count_alive(home)

    log.configure(level="critical")
    signal.signal(signal.SIGUSR1, census)
    if os.environ.get("LOLIGO_TRACE_MEMORY"):  # without notes, which grow with every input
        tracemalloc.start()
        run_bot(home, read_config(home))
        return
    probe = Probe()
    run_bot(home, read_config(home), observers=[probe.observe], fault_point=probe.fault_point)
    probe.save(home / NOTES)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
