"""Projecting: keeps the read models up with the journal beside the engine, in a thread of its own.

The engine only says that there is something new; it never waits for this thread, which may lag behind it. What must
hold: read models are whole up to their cursor at any moment; who needs them as new as the journal calls `catch_up`
before reading; at the end of a run everything is projected; an error ends the run. A kill at any moment loses nothing:
the next run, or whoever opens the journal, goes on at the cursor. What became durable is also handed over in memory, so
that who keeps up need not read and decode it again; it counts only where it begins at the cursor.
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Sequence

from loligo.model.events import Record
from loligo_bot.committing import FaultPoint
from loligo_store.projector import Projector

EVERY_S = 0.25  # between two rounds: what they cost for each is shared by all records that came meanwhile
AT_ONCE = 2_000  # records in one transaction, for which a commit of the journal may have to wait
CHECKPOINT_S = 2.0  # of the database, which otherwise some commit of the journal would have to make
CATCH_UP_S = 1.0  # that one who asks waits at most; a replay at full speed may be further ahead than that
KEPT = 20_000  # records in memory; who lags behind by more reads the journal
REST_S = 0.0005  # after each transaction, in which who waits for the interpreter or the database goes first


class Projecting:
    """The one projector of a running bot."""

    def __init__(self, projector: Projector, fault_point: FaultPoint, on_error: Callable[[], object]) -> None:
        """`on_error` hears, on this thread, that `close` will raise what ended it."""
        self._projector = projector
        self._fault_point = fault_point
        self._on_error = on_error
        self._turn = threading.Lock()  # a projector serves one thread at a time
        self._recent: list[Record] = []
        self._handing = threading.Lock()
        self._news, self._closing = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="projections", daemon=True)
        self._error: BaseException | None = None
        self._checkpoint_at = time.monotonic() + CHECKPOINT_S

    def start(self) -> None:
        """Begin with what an earlier run has left."""
        self._news.set()
        self._thread.start()

    def hint(self, records: Sequence[Record] = ()) -> None:
        """Say that something became durable; from any thread, without waiting."""
        with self._handing:
            self._recent = [] if len(self._recent) + len(records) > KEPT else [*self._recent, *records]
        self._news.set()

    def _taken(self, cursor: int) -> Sequence[Record]:
        """Hand out what is at hand from a seq on; nothing where that would leave a gap."""
        with self._handing:
            recent, self._recent = self._recent, []
        ahead = bisect_left(recent, cursor, key=lambda record: record.seq)
        return recent[ahead:] if ahead < len(recent) and recent[ahead].seq == cursor else ()

    def catch_up(self, limit_s: float = CATCH_UP_S) -> None:
        """Project what is durable now, or as much of it as there is time for; blocks for as long."""
        until = time.monotonic() + limit_s
        if not self._turn.acquire(timeout=limit_s):
            return
        try:
            for _ in self._projector.steps(AT_ONCE, self._taken):
                if time.monotonic() > until:
                    return
        finally:
            self._turn.release()

    def leave(self) -> None:
        """End the thread after the transaction that is at work."""
        self._closing.set()
        self._news.set()
        if self._thread.is_alive():
            self._thread.join()

    def close(self) -> None:
        """End the thread and project what is left. Raises what ended the thread before."""
        self.leave()
        if self._error is not None:
            raise self._error
        self._round(self._projector.catch_up)

    def _run(self) -> None:
        try:
            while self._news.wait() and not self._closing.is_set():
                self._news.clear()
                self._round(self._bit_by_bit)
                if time.monotonic() >= self._checkpoint_at:
                    self._projector.checkpoint()
                    self._checkpoint_at = time.monotonic() + CHECKPOINT_S
                self._closing.wait(EVERY_S)
        except BaseException as exc:  # top of a thread: the run ends, and `close` raises it
            self._error = exc
            self._on_error()

    def _round(self, work: Callable[[], object]) -> None:
        self._fault_point("before_projection")
        work()
        self._fault_point("after_projection")

    def _bit_by_bit(self) -> None:
        """Take turns with who asks: a round that never catches up must not keep them waiting."""
        steps = self._projector.steps(AT_ONCE, self._taken)
        while not self._closing.wait(REST_S):
            with self._turn:
                if next(steps, None) is None:
                    return
