"""One running bot: the engine's thread, the edges' event loop, and what passes between them.

    feeds (event loop) ─► inbox ─► engine thread: process ─► journal ─► commit ─► observers (event loop)

The engine's thread also writes the journal, so that a record is durable before anyone is told of it. A replay ends when
its feeds end. A stop commits what was decided and leaves a snapshot, from which the next run continues; inputs that
still wait are left to be read again, or a full inbox would have to be worked off first.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from loligo.app.recovery import FeedCursor, Recovered, recover, snapshot_bytes
from loligo.engine.engine import Engine
from loligo.log import get_logger
from loligo.model.command import GenerationActivated, OperatorCommand, SlotVersion
from loligo.model.events import CommandHandled, Input, Record
from loligo.ports.journal import Journal
from loligo.runtime.inbox import Inbox

BATCH = 64  # inputs taken from the inbox at once; a stop or a person's command waits for no more than these
Observer = Callable[[Sequence[Record]], None]
FaultPoint = Callable[[str], None]

_log = get_logger("session")


def no_fault(point: str) -> None:
    """Stand where a test may end the process: decide, append, commit, snapshot, send, projection, before and after.

    After decide is before append. Send is where a durable record leaves the engine's thread; the simulated venue is not
    behind it: it answers inside of decide, and its orders become durable with its answers.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Durability:
    """When the open group of records is committed and a snapshot taken."""

    commit_every_records: int = 2_000
    commit_every_s: float = 1.0
    snapshot_every_records: int = 100_000


class Session:
    """Drives one engine with one journal. `step` belongs to the engine's thread; so does everything it calls."""

    def __init__(
        self,
        engine: Engine,
        journal: Journal,
        durability: Durability,
        observers: Sequence[Observer] = (),
        fault_point: FaultPoint = no_fault,
    ) -> None:
        self.engine = engine
        self._journal = journal
        self._durability = durability
        self._observers = observers
        self._fault_point = fault_point
        self._uncommitted: list[Record] = []
        self._last_commit_s = time.monotonic()
        self._since_snapshot = 0
        self.cursor = FeedCursor()
        self.generation: GenerationActivated | None = None

    def open(self, slots: tuple[SlotVersion, ...], first_ts: int) -> Recovered:
        """Recover what the journal holds, then activate this generation unless it is the one that ran last."""
        recovered = recover(self.engine, self._journal)
        self.cursor, self.generation = recovered.cursor, recovered.generation
        self._since_snapshot = recovered.records  # or a bot that is killed again and again would read ever more
        if self.generation is None or self.generation.slots != slots:
            number = self.generation.number + 1 if self.generation is not None else 1
            self.generation = GenerationActivated(max(first_ts, self.engine.now_ns), number, slots)
            self.step([self.generation])
            self.commit()
        return recovered

    def step(self, items: Iterable[Input]) -> None:
        """Process inputs in order, append their records, and commit what must not wait."""
        fault = self._fault_point
        for item in items:
            fault("before_decide")
            record = self.engine.process(item)
            fault("after_decide")
            self._journal.append(record)
            fault("after_append")
            self._uncommitted.append(record)
            self.cursor.take(item)
            if type(item) is OperatorCommand or len(self._uncommitted) >= self._durability.commit_every_records:
                self.commit()
        if time.monotonic() - self._last_commit_s >= self._durability.commit_every_s:
            self.commit()

    def commit(self) -> None:
        """Make all records durable, then tell the observers."""
        self._last_commit_s = time.monotonic()
        if not self._uncommitted:
            return
        self._fault_point("before_commit")
        self._journal.commit()
        self._fault_point("after_commit")
        records, self._uncommitted = self._uncommitted, []
        self._since_snapshot += len(records)
        if self._since_snapshot >= self._durability.snapshot_every_records:
            self.save_snapshot()
        self._fault_point("before_send")
        for observer in self._observers:
            observer(records)
        self._fault_point("after_send")

    def save_snapshot(self) -> None:
        """Keep the state as of the last commit, so that recovery starts here."""
        self._since_snapshot = 0
        self._fault_point("before_snapshot")
        self._journal.save_snapshot(self.engine.next_seq, snapshot_bytes(self.engine, self.cursor, self.generation))
        self._fault_point("after_snapshot")

    def close(self) -> None:
        """Commit, snapshot, and let go of the journal."""
        self.commit()
        self.save_snapshot()


@dataclass(slots=True)
class EngineThread:
    """The thread in which a session lives, fed by an inbox. An error in it ends the run and is raised by `join`.

    It ends when the inbox is closed and drained, or at once by `leave`.
    """

    session: Session
    inbox: Inbox
    idle_s: float = 0.2
    _waiting: dict[str, Future[CommandHandled]] = field(default_factory=dict)
    _thread: threading.Thread | None = None
    _error: BaseException | None = None
    _is_leaving: bool = False

    def start(self) -> None:
        """Begin to take inputs. `Session.open` comes before."""
        self._thread = threading.Thread(target=self._run, name="engine")
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _run(self) -> None:
        try:
            while not self._is_leaving:
                items = self.inbox.take(BATCH, self.idle_s)
                if items:
                    self.session.step(map(self._stamped, items))
                else:
                    self.session.commit()
                    if self.inbox.is_closed:
                        break
            self.session.step(map(self._stamped, self.inbox.take(0, 0.0)))  # a person's last commands
            self.session.close()
        except BaseException as exc:  # top of a thread: the run ends, and the error is raised where it is joined
            self._error = exc
            self.inbox.close()

    def leave(self) -> None:
        """Take nothing more than what is at work: what waits can be read again from the cursor."""
        self._is_leaving = True
        self.inbox.close()

    def _stamped(self, item: Input) -> Input:
        """An order of a person happens now, in the engine's time: that of its newest input."""
        if isinstance(item, OperatorCommand):
            return OperatorCommand(
                item.command_id,
                self.session.engine.now_ns,
                item.kind,
                item.target,
                item.level,
                item.instrument,
                item.by,
            )
        return item

    def observe(self, records: Sequence[Record]) -> None:
        """Answer those who wait for a command; registered as an observer of the session."""
        for record in records:
            if type(record.input) is OperatorCommand:
                for event in record.events:
                    if isinstance(event, CommandHandled):
                        future = self._waiting.pop(event.command_id, None)
                        if future is not None and future.set_running_or_notify_cancel():  # else nobody waits any more
                            future.set_result(event)

    async def command(self, command: OperatorCommand, timeout_s: float = 5.0) -> CommandHandled:
        """Put a person's command before all that waits, and wait until it is journalled and done, or TimeoutError."""
        future: Future[CommandHandled] = Future()
        self._waiting[command.command_id] = future
        try:
            self.inbox.put_first(command)
            async with asyncio.timeout(timeout_s):
                return await asyncio.wrap_future(future)
        finally:
            self._waiting.pop(command.command_id, None)

    async def join(self) -> None:
        """Wait for the thread to end; raise what ended it, if it did not end by itself."""
        while self.is_alive:
            await asyncio.sleep(0.02)
        if self._error is not None:
            raise self._error
