"""Committing: makes groups of records durable, in the engine's thread or beside it.

    engine's thread: process, append, seal ─► group ─► writer's thread: write ─► durable ─► engine's thread: tell

Beside it, the engine goes on while the disk works: its next inputs are decided, and wait for their own group. What must
hold: groups become durable in order; nobody is told of a record before it is; the engine is only so many groups ahead
of the disk, and those that wait go there together; an error of the writer ends the run, at the engine's next step.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from loligo.model.events import Record
from loligo.ports.journal import Journal
from loligo_bot.metering import COMMIT_BOUNDS_S, Histogram

FaultPoint = Callable[[str], None]
Group = Sequence[Record]
AHEAD = 32  # groups


class Committer(Protocol):
    """Belongs to the engine's thread."""

    def put(self, group: Group) -> None:
        """Take the records of a group that was sealed."""
        ...

    def durable(self) -> list[Group]:
        """Return the groups that became durable since this was asked last, in order. Raises what the writer raised."""
        ...

    def drain(self) -> None:
        """Wait until all are durable. Raises what the writer raised."""
        ...


class InTurn:
    """Writes in the engine's thread, which waits for the disk."""

    def __init__(self, journal: Journal, fault_point: FaultPoint) -> None:
        self._journal, self._fault_point = journal, fault_point
        self._durable: deque[Group] = deque()

    def put(self, *groups: Group) -> None:
        self._fault_point("before_commit")
        self._journal.write()
        self._fault_point("after_commit")
        self._durable.extend(groups)

    def durable(self) -> list[Group]:
        return [self._durable.popleft() for _ in range(len(self._durable))]

    def drain(self) -> None:
        """Nothing waits here."""


class Beside:
    """Writes in a thread of its own, which ends with the process; `on_durable` hears there of each group."""

    def __init__(self, journal: Journal, fault_point: FaultPoint, on_durable: Callable[[], object]) -> None:
        self._writer = InTurn(journal, fault_point)
        self._on_durable = on_durable
        self._waiting: list[Group] = []  # at work or still to come
        self._since_s: list[float] = []  # when each of them was given, of the monotonic clock
        self.times = Histogram(COMMIT_BOUNDS_S)  # of writing what waited together
        self._has_changed = threading.Condition()
        self._error: BaseException | None = None
        self._thread: threading.Thread | None = None

    def put(self, group: Group) -> None:
        self._wait_until(lambda: len(self._waiting) < AHEAD)
        with self._has_changed:
            self._waiting.append(group)
            self._since_s.append(time.monotonic())
            self._has_changed.notify_all()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
            self._thread.start()

    def durable(self) -> list[Group]:
        if self._error is not None:
            raise self._error
        return self._writer.durable()

    def drain(self) -> None:
        self._wait_until(lambda: not self._waiting)

    @property
    def lag(self) -> tuple[int, float]:
        """Return how many groups are not durable yet, and for how many seconds the oldest has waited."""
        with self._has_changed:
            return len(self._waiting), time.monotonic() - self._since_s[0] if self._since_s else 0.0

    def _wait_until(self, is_so: Callable[[], bool]) -> None:
        with self._has_changed:
            self._has_changed.wait_for(lambda: self._error is not None or is_so())
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        while True:
            with self._has_changed:
                self._has_changed.wait_for(lambda: bool(self._waiting))
                groups = self._waiting[:]
            began_s = time.monotonic()
            try:
                self._writer.put(*groups)
            except BaseException as exc:  # top of a thread: it is raised where the engine is driven
                self._error = exc
            self.times.observe(time.monotonic() - began_s)
            with self._has_changed:
                del self._waiting[: len(groups)], self._since_s[: len(groups)]
                self._has_changed.notify_all()
            self._on_durable()
            if self._error is not None:
                return
