"""One running bot: the engine's thread, the edges' event loop, and what passes between them.

    feeds (event loop) ─► inbox ─► engine thread: process ─► journal ─► commit ─► observers (event loop)

The engine's thread also drives the journal, so that a record is durable before anyone is told of it. A replay ends when
its feeds end. A stop commits what was decided and leaves a snapshot, from which the next run continues; inputs that
still wait are left to be read again, or a full inbox would have to be worked off first.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, get_args

from msgspec.structs import replace

from loligo.engine.engine import Engine
from loligo.engine.swap import Phase
from loligo.errors import TentacleError, TentacleInterrupted
from loligo.host.finder import NAMESPACE
from loligo.log import get_logger
from loligo.model.command import (
    CommandKind,
    GenerationActivated,
    Noted,
    OperatorCommand,
    ProbationEnded,
    ShadowStarted,
    ShadowStopped,
    SlotVersion,
    SwapEnded,
    Swapping,
    TimeAdvanced,
    WarmUp,
)
from loligo.model.events import CommandHandled, Input, Record
from loligo.model.market import ExternalSignal
from loligo.model.timeframe import SECOND_NS
from loligo.ports.journal import Journal
from loligo.runtime.clock import SystemClock
from loligo.runtime.inbox import FromFeed, Inbox
from loligo.runtime.watchdog import Hang, Watchdog
from loligo_bot.committing import Committer, FaultPoint, InTurn
from loligo_bot.desk_changes import check_desks
from loligo_bot.metering import STEP_BOUNDS_S, Histogram
from loligo_bot.recovery import Cursors, LeftSwap, PlanOf, Recovered, recover, snapshot_bytes, take
from loligo_bot.rehearsal import Memory
from loligo_bot.warm_up import warm_start

BATCH = 64  # inputs taken from the inbox at once
LAG_NS = 2 * SECOND_NS  # how far time stays behind the wall clock: a candle is told a moment after its close
MISSED_NS = 30 * SECOND_NS  # what a live feed brings later than this it had missed
_ACKNOWLEDGED = (OperatorCommand, GenerationActivated, SwapEnded, Noted)  # somebody waits for them to be durable
_STEPS = (ShadowStarted, ShadowStopped, ProbationEnded)  # nothing outside follows from them: the group's commit will do
_NOW = (
    OperatorCommand,
    Noted,
    *get_args(Swapping),
    WarmUp,
    ExternalSignal,
)  # happen when they are taken; not those of feeds
Observer = Callable[[Sequence[Record]], None]

_log = get_logger("session")


def no_fault(point: str) -> None:
    """Stand where a test may end the process: decide, append, commit, snapshot, send, projection, before and after.

    After decide is before append. Send is where a durable record leaves the engine's thread; the simulated venue is not
    behind it: it answers inside of decide, and its orders become durable with its answers.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Durability:
    """When the open group of records is committed and a snapshot taken: after so many records, or so much work."""

    commit_every_records: int = 2_000
    commit_every_s: float = 1.0
    snapshot_every_records: int = 100_000
    snapshot_every_worked_s: float = 2.0  # a record costs 40 us or 1 ms: only this bounds a recovery's time, to 5 s


class Session:
    """Drives one engine with one journal. `step` belongs to the engine's thread; so does everything it calls."""

    def __init__(
        self,
        engine: Engine,
        journal: Journal,
        durability: Durability,
        observers: Sequence[Observer] = (),
        fault_point: FaultPoint = no_fault,
        committer: Committer | None = None,
    ) -> None:
        self.engine = engine
        self._journal = journal
        self._durability = durability
        self._observers = observers
        self._fault_point = fault_point
        self._committer = committer or InTurn(journal, fault_point)
        self._uncommitted: list[Record] = []
        self._last_commit_s = time.monotonic()
        self._since_snapshot = 0
        self._worked_s = 0.0  # since the newest snapshot
        self.on_step: Callable[[Record], object] = lambda record: None  # hears at once of a step of a swap
        self.cursors: Cursors = {}
        self.memory = Memory()
        self.short_of_history: list[str] = []  # evaluators that began with less than they declare
        self.generation: GenerationActivated | None = None

    def open(
        self,
        slots: tuple[SlotVersion, ...],
        first_ts: int,
        feeds: Mapping[str, Any] | None = None,
        plan_of: PlanOf = lambda slots: None,
    ) -> Recovered:
        """Recover what the journal holds, activate this generation unless it is the one that ran last, and warm up
        the evaluators that have seen nothing yet by what the feeds remember."""
        wanted = self.engine.plan
        began_s = time.perf_counter()
        recovered = recover(self.engine, self._journal, plan_of)
        self._worked_s = time.perf_counter() - began_s
        self.cursors, self.generation = recovered.cursors, recovered.generation
        self._since_snapshot = recovered.records  # or a bot that is killed again and again would read ever more
        recovered.left = self._left_swap()
        self.step(self._ended_swap())
        self.engine.prepare(wanted)  # the end of a swap lets its plan go, and that may have been this one
        if self.generation is None or self.generation.slots != slots:
            check_desks(self.engine, wanted)
            recovered.replaced = self.generation.slots if self.generation is not None else ()
            number = self.generation.number + 1 if self.generation is not None else 1
            self.generation = GenerationActivated(max(first_ts, self.engine.now_ns), number, slots)
            self.step([self.generation])
        warm_ups, self.short_of_history = warm_start(self.engine, feeds or {}, self.cursors)
        self.step(warm_ups)
        self._settle()
        return recovered

    def _left_swap(self) -> LeftSwap | None:
        """Return the swap that the last run left at work."""
        exchange, ts = self.engine.exchange, self.engine.now_ns
        swap, before, plan = exchange.swap, exchange.before, exchange.plan
        if swap is None or before is None or plan is None:
            return None
        return LeftSwap(number=swap.number, phase=swap.phase, before=before.slots, wanted=plan.slots, ts=ts)

    def _ended_swap(self) -> list[Input]:
        """Return the input that ends a swap which the last run left at work: what leads goes on."""
        swap, before, now_ns = self.engine.exchange.swap, self.engine.exchange.before, self.engine.now_ns
        if swap is None or before is None:
            return []
        if swap.phase is Phase.SHADOW:
            return [ShadowStopped(now_ns, swap.number, "the bot was started anew")]
        if swap.phase is Phase.PROBATION:
            return [ProbationEnded(now_ns, swap.number)]
        self.generation = GenerationActivated(now_ns, swap.number + 1, before.slots)
        return [self.generation]

    def step(self, items: Iterable[Input | FromFeed]) -> None:
        """Process inputs in order, append their records, and commit what must not wait."""
        fault, began_s = self._fault_point, time.perf_counter()
        for sent in items:
            item, feed = sent if isinstance(sent, FromFeed) else (sent, "")
            fault("before_decide")
            record = self.engine.process(item, feed)
            fault("after_decide")
            self._journal.append(record)
            fault("after_append")
            self._uncommitted.append(record)
            if type(item) is GenerationActivated:
                self.generation = item
            take(self.cursors, feed, item.ts)
            if type(item) in _ACKNOWLEDGED or len(self._uncommitted) >= self._durability.commit_every_records:
                self.commit()
            elif type(item) in _STEPS:
                self.on_step(record)
            elif not feed and type(item) is ExternalSignal:  # whoever published it waits
                self.commit()
        self._worked_s += time.perf_counter() - began_s
        if time.monotonic() - self._last_commit_s >= self._durability.commit_every_s:
            self.commit()

    def commit(self) -> None:
        """Let all records become durable, and tell the observers of those that are."""
        self._last_commit_s = time.monotonic()
        if self._uncommitted:
            records, self._uncommitted = self._uncommitted, []
            self._journal.seal()
            self._committer.put(records)
            self._since_snapshot += len(records)
            self.memory.keep(self.engine, records)
            if self._is_snapshot_due():
                self.save_snapshot()
        self.tell()

    def _is_snapshot_due(self) -> bool:
        terms = self._durability
        return self._since_snapshot >= terms.snapshot_every_records or self._worked_s >= terms.snapshot_every_worked_s

    def tell(self) -> None:
        """Tell the observers of what became durable."""
        for records in self._committer.durable():
            self._fault_point("before_send")
            for observer in self._observers:
                observer(records)
            self._fault_point("after_send")

    def _settle(self) -> None:
        """Make all records durable and tell the observers."""
        self.commit()
        self._committer.drain()
        self.tell()

    def save_snapshot(self) -> None:
        """Keep the state as of the last commit, so that recovery starts here; a swap at work has to end first."""
        if self.engine.is_swapping:
            return
        self._since_snapshot, self._worked_s = 0, 0.0
        self._committer.drain()
        self._fault_point("before_snapshot")
        self._journal.save_snapshot(self.engine.next_seq, snapshot_bytes(self.engine, self.cursors, self.generation))
        self._fault_point("after_snapshot")

    def close(self) -> None:
        """Commit, tell, and leave a snapshot."""
        self._settle()
        self.save_snapshot()


@dataclass(slots=True)
class EngineThread:
    """The thread in which a session lives, fed by an inbox. An error in it ends the run and is raised by `join`.

    It ends when the inbox is closed and drained, or at once by `leave`.
    """

    session: Session
    inbox: Inbox
    idle_s: float = 0.2
    tentacle_timeout_s: float = 5.0
    on_look: Callable[[str], object] = lambda _: None  # of the watchdog, on its thread
    is_live: Callable[[], bool] = lambda: False  # whether the feeds are of today
    clock: SystemClock = field(default_factory=SystemClock)
    late: Counter[str] = field(default_factory=Counter)  # inputs of live feeds that came after newer ones, by feed
    step_times: Histogram = field(
        default_factory=lambda: Histogram(STEP_BOUNDS_S)
    )  # inputs taken together share theirs
    _watchdog: Watchdog | None = None
    _waiting: dict[str, Future[CommandHandled]] = field(default_factory=dict)
    _publishing: dict[str, Future[int]] = field(default_factory=dict)  # by the id of the signal
    _thread: threading.Thread | None = None
    _over: Future[None] = field(default_factory=Future)  # its last word
    _error: BaseException | None = None
    _is_leaving: bool = False

    def start(self) -> None:
        """Begin to take inputs. `Session.open` comes before."""
        self._thread = threading.Thread(target=self._run, name="engine")
        self._watchdog = Watchdog(
            thread=self._thread,
            namespace=NAMESPACE,
            timeout_s=self.tentacle_timeout_s,
            has_panic=self._has_panic,
            on_look=self.on_look,
        )
        self._thread.start()
        self._watchdog.start()

    def _has_panic(self) -> bool:
        return any(isinstance(item, OperatorCommand) and item.kind is CommandKind.PANIC for item in self.inbox.first)

    @property
    def hang(self) -> Hang | None:
        """Return which tentacle's call does not return; None while all is well."""
        return self._watchdog.hang if self._watchdog is not None else None

    @property
    def is_alive(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    @property
    def error(self) -> BaseException | None:
        """Return what ended it; None while it works, and when it ended as it should."""
        return self._error

    def _run(self) -> None:
        try:
            while not self._is_leaving:
                items = self.inbox.take(BATCH, self.idle_s)
                self.session.engine.takes_late = self.is_live()
                if items:
                    began_s = time.perf_counter()
                    self.session.step(self._in_turn(items))
                    self.step_times.observe((time.perf_counter() - began_s) / len(items), len(items))
                self.session.step(self._passed())
                if items or self.inbox.was_nudged:
                    self.session.tell()
                else:
                    self.session.commit()
                    if self.inbox.is_closed:
                        break
            self.session.step(self._in_turn(self.inbox.take(0, 0.0)))  # a person's last commands
            self.session.close()
        except BaseException as exc:  # top of a thread: the run ends, and the error is raised where it is joined
            self._error = exc
            if isinstance(exc, TentacleInterrupted):  # the engine stands between two states, of which no record tells
                whose = getattr(exc, "tentacle", "a tentacle")
                why = (
                    "in a call that nothing can stand in for: how far it came is unknown. The journal is whole, and "
                    "without that call: start again, and the bot goes on from there; a version that hangs again has to "
                    "be mended first"
                )
                self._error = TentacleError(f"{whose} was {exc}, {why}")
            self.inbox.close()
        finally:
            self._over.set_result(None)

    def leave(self) -> None:
        """Take nothing more than what is at work: what waits can be read again from the cursor."""
        self._is_leaving = True
        self.inbox.close()

    def _now_ns(self) -> int:
        """Return the bot's time: that of the newest input, and where feeds are of today at most so far behind it."""
        newest_ns = self.session.engine.now_ns
        return max(newest_ns, self.clock.now_ns() - LAG_NS) if self.is_live() else newest_ns

    def _passed(self) -> list[Input]:
        """Return the time, where something is due that no input of a live feed has brought."""
        engine, now_ns = self.session.engine, self._now_ns()
        return [TimeAdvanced(now_ns)] if engine.now_ns < now_ns and engine.schedule.next_ns <= now_ns else []

    def _in_turn(self, items: Iterable[Input | FromFeed]) -> Iterator[Input | FromFeed]:
        """Yield a batch; a person's commands go before what is left of it, and after `leave` only they come.

        An order of a person, a signal from outside, or a step of a swap happens now, in the bot's time.
        """
        inbox, engine = self.inbox, self.session.engine
        for item in items:
            if inbox.first:
                yield from self._in_turn(inbox.take(0, 0.0))
            if type(item) in _NOW:
                yield replace(item, ts=self._now_ns())  # type: ignore[type-var]
            elif not self._is_leaving:
                if engine.takes_late and isinstance(item, FromFeed):
                    now_ns = self._now_ns()
                    if now_ns - item.item.ts > MISSED_NS and now_ns - engine.now_ns > SECOND_NS:
                        yield TimeAdvanced(now_ns)  # or what was missed would be traded as if it had come in time
                    if item.item.ts < engine.now_ns:
                        self.late[item.feed] += 1
                yield item

    def observe(self, records: Sequence[Record]) -> None:
        """Answer those who wait for a command or a signal; registered as an observer of the session."""
        for record in records:
            if type(record.input) is ExternalSignal and (waiting := self._publishing.pop(record.input.id, None)):
                waiting.set_result(record.seq)
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

    async def publish(self, signal: ExternalSignal, timeout_s: float) -> int:
        """Put a signal with an id before all that waits, and return its seq once it is durable, or TimeoutError; who
        asks again with the same id waits for the same one."""
        future = self._publishing.get(signal.id)
        if future is None:
            future = self._publishing[signal.id] = Future()
            try:
                self.inbox.put_first(signal)
            except BaseException:
                del self._publishing[signal.id]
                raise
        async with asyncio.timeout(timeout_s):
            return await asyncio.shield(asyncio.wrap_future(future))

    def is_publishing(self, ident: str) -> bool:
        return ident in self._publishing

    async def join(self) -> None:
        """Wait for the thread to end; raise what ended it, if it did not end by itself."""
        if self._thread is not None:
            await asyncio.shield(asyncio.wrap_future(self._over))
            self._thread.join()
        if self._error is not None:
            raise self._error
