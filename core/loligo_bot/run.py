"""A running bot: `run_bot` assembles it, recovers its state, runs it until its feeds end or a person stops it.

signals, control socket ─► supervisor ─► feeds end ─► inbox drains ─► engine commits and leaves a snapshot
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Any

from loligo.config import LoligoConfig
from loligo.errors import ConfigError, InboxClosed, TentacleError
from loligo.host import HookFailure, Host, Relay, bundled_root
from loligo.log import get_logger
from loligo.model.command import CommandKind, OperatorCommand
from loligo.model.events import Record
from loligo.model.timeframe import iso, ns_from_iso
from loligo.ports.tentacles import Message, Notifier, ReplayingFeed
from loligo.registry.registry_file import REGISTRY_FILE
from loligo.registry.watcher import Watched, Watcher
from loligo.runtime.clock import SystemClock
from loligo.runtime.control import ControlServer
from loligo.runtime.inbox import Inbox
from loligo.runtime.supervisor import Supervisor
from loligo_bot.assembly import Bot, assemble, make_edge, make_feeds, read_config
from loligo_bot.feeds import FeedInbox, in_time_order, replay
from loligo_bot.generation import Generation, earlier_plan, make_generation
from loligo_bot.reconcile import Reconciler
from loligo_bot.session import Durability, EngineThread, FaultPoint, Observer, Session, no_fault
from loligo_bot.tell import messages_of
from loligo_kit.lock import admission
from loligo_store.journal import Journal
from loligo_store.projector import Projector

STAGES = {"edges": 0.4, "engine": 1.2, "notifiers": 0.3}  # seconds each has to end; Ctrl-C ends a bot within 2 s
FEEDS = "feeds"  # the task that runs them
CONFIG_FILE = Path("config/loligo.yaml")
JOURNAL_FILE = Path("state/journal.sqlite")
COMMAND_TIMEOUT_S = 5.0
REST_LIMIT_S = 10.0  # for files to come to rest before they are read

_log = get_logger("app")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """How a run ended. `records` counts this run only; the read models have the rest."""

    reason: str
    is_clean: bool
    records: int
    recovered_records: int
    is_resumed: bool
    last_ts: int


def journal_address(home: Path, url: str | None) -> str | Path:
    """Return where the journal lies: a database address, or a file in the bot's folder."""
    return url or home / JOURNAL_FILE


def run_bot(
    home: Path,
    config: LoligoConfig,
    *,
    speed: float | None = None,
    until: str | None = None,
    observers: Sequence[Observer] = (),
    on_start: Callable[[Bot, Supervisor], None] | None = None,
    fault_point: FaultPoint = no_fault,
) -> RunSummary:
    """Run the bot of a folder until its feeds end, a signal comes or an operator stops it.

    `speed` (0: as fast as it goes) and `until` (ISO 8601) override those of replaying feeds. Observers hear of records
    once they are durable, on the engine's thread. Raises what ended the engine or a feed, if it did not end by itself.
    """
    if until is not None:
        ns_from_iso(until)
    bot = assemble(home, config, keeps=True)
    overrides = {key: value for key, value in (("speed", speed), ("until", until)) if value is not None}
    return asyncio.run(_run_alone(bot, lambda: _Running(bot, overrides, observers, fault_point), on_start))


async def _run_alone(
    bot: Bot, make: Callable[[], _Running], on_start: Callable[[Bot, Supervisor], None] | None
) -> RunSummary:
    """Run while this process holds the home's control socket: nobody else may read or write its journal's end."""
    running: _Running

    async def answer(request: dict[str, Any]) -> dict[str, Any]:
        return await running.answer(request)

    control = ControlServer(bot.home, answer)
    await control.start()
    try:
        running = make()
        return await running.run(on_start)
    finally:
        await control.close()


class _Running:
    """One run of one bot."""

    def __init__(
        self, bot: Bot, overrides: dict[str, Any], observers: Sequence[Observer], fault_point: FaultPoint
    ) -> None:
        self._bot = bot
        self._feeds = make_feeds(bot, overrides)
        self._replays = {name: feed for name, feed in self._feeds.items() if isinstance(feed, ReplayingFeed)}
        self._notifiers: list[Notifier] = [make_edge(bot, "notifier", item) for item in bot.config.notifiers]
        self._relay: Relay = bot.host.relay(_heard_failure)
        (bot.home / "state").mkdir(mode=0o700, parents=True, exist_ok=True)
        self._journal = Journal(journal_address(bot.home, bot.journal_config.url), bot.journal_config)
        self._projector = Projector(self._journal.engine)
        self._inbox = Inbox(bot.config.engine.inbox_size)
        self._records = 0
        self._messages: asyncio.Queue[Message | None] = asyncio.Queue(maxsize=10_000)  # None: nothing more comes
        self._dropped_messages = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self.session = Session(
            bot.engine,
            self._journal,
            Durability(
                commit_every_records=bot.journal_config.commit_every_records,
                commit_every_s=bot.journal_config.commit_every_s,
                snapshot_every_records=bot.journal_config.snapshot_every_records,
            ),
            (self._observe, *observers),
            fault_point,
        )
        self._reconciler = Reconciler(
            bot.engine, bot.generation, self._wanted, self._inbox.put_first, bot.config.swap, lambda: self.session
        )
        self._is_changed = asyncio.Event()
        self._watcher: Watcher | None = None
        self._thread = EngineThread(self.session, self._inbox, tentacle_timeout_s=bot.config.engine.tentacle_timeout_s)
        self._fault_point = fault_point
        self._are_feeds_read = False

    async def run(self, on_start: Callable[[Bot, Supervisor], None] | None) -> RunSummary:
        self._loop = asyncio.get_running_loop()
        async with Supervisor(STAGES) as self._tasks:
            self._heed_signals()
            plan_of = partial(earlier_plan, self._bot.home)
            recovered = self.session.open(self._bot.slots, self._first_ts(), self._feeds, plan_of)
            is_resumed = recovered.generation is not None
            self._thread.start()
            self._start_tasks()
            if on_start is not None:
                on_start(self._bot, self._tasks)
            self._relay.bot_started(tuple(self._bot.config.desks))
            with self._watched():
                reason = await self._tasks.stop_requested()
            self._relay.bot_stopping(reason)
            ended = await self._tasks.shut_down()
        await self._thread.join()
        self._projector.catch_up()
        self._journal.close()
        for name, error in ended.failures:
            if name == FEEDS:
                raise _innermost(error)
        return RunSummary(
            reason=reason,
            is_clean=ended.is_clean,
            records=self._records,
            recovered_records=recovered.records,
            is_resumed=is_resumed,
            last_ts=self._bot.engine.now_ns,
        )

    def _first_ts(self) -> int:
        """Return when the bot's time begins: at the first input of a replay, else now."""
        if not self._replays:
            return SystemClock().now_ns()
        first = next(in_time_order(self._replays), None)
        if first is None:
            raise ConfigError("feeds: the replay has no data between its since and until")
        return first.item.ts

    def _heed_signals(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            reason = f"signal {signal.Signals(number).name}"
            asyncio.get_running_loop().add_signal_handler(number, self._tasks.stop, reason)

    def _start_tasks(self) -> None:
        tasks = self._tasks
        tasks.start(self._thread.join(), name="engine", stage="engine", ask=self._end_engine, ends_run=True)
        tasks.start(self._tell(), name="notifiers", stage="notifiers", ask=lambda: self._offer(None))
        tasks.start(self._feed_all(), name=FEEDS, stage="edges", ends_run=True)
        tasks.start(self._reconcile(), name="reconciler", stage="edges")

    def _end_engine(self) -> None:
        """Let the engine finish what the feeds gave when they ended by themselves; a stop does not wait for it."""
        if self._are_feeds_read:
            self._inbox.close()
        else:
            self._thread.leave()

    async def _feed_all(self) -> None:
        began = self.session.engine.now_ns, 0  # of a feed that gave nothing yet: what came before is behind the bot
        since = {name: self.session.cursors.get(name, began) for name in self._feeds}
        try:
            async with asyncio.TaskGroup() as group:
                if self._replays:
                    group.create_task(replay(self._replays, since, self._inbox))
                for name, feed in self._feeds.items():
                    if name not in self._replays:
                        inbox, (since_ns, count) = FeedInbox(self._inbox, repeat(name)), since[name]
                        group.create_task(feed.run(inbox, since_ns=since_ns, since_count=count))
        except* InboxClosed:
            _log.debug("the bot is stopping: what the feeds still hold they will read again")
        while len(self._inbox) and self._thread.is_alive:
            await asyncio.sleep(0.01)
        self._are_feeds_read = not self._inbox.is_closed

    # Exchange of tentacles

    def _wanted(self) -> Generation:
        """Return what registry and configuration want now; loads and verifies, so it belongs into a thread.

        Nothing is read while somebody writes: TentacleError when that does not end.
        """
        while self._watcher is not None:
            try:
                moves = self._watcher.calm(REST_LIMIT_S)
                wanted = self._load()
                if self._watcher.calm(REST_LIMIT_S) == moves:
                    return wanted
            except TimeoutError as exc:
                raise TentacleError(f"{exc}: still being written; it is taken up when it has come to rest") from None
        return self._load()

    def _load(self) -> Generation:
        host = Host(self._bot.home, bundled_root(), admission(self._bot.home))
        host.load_all(keeps=True)
        return make_generation(read_config(self._bot.home), host, keeps=True)

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """Take up changes of the files, where the configuration says so."""
        home, loop = self._bot.home, asyncio.get_running_loop()
        if not self._bot.config.swap.watch:
            yield
            return
        watched = Watched(trees=[home / "tentacles"], files=[home / REGISTRY_FILE, home / CONFIG_FILE])
        known = {item.folder: item.tree_hash for item in self._bot.loaded}
        with Watcher(watched, lambda _: loop.call_soon_threadsafe(self._is_changed.set), known=known) as self._watcher:
            yield
        self._watcher = None

    async def _reconcile(self) -> None:
        while await self._is_changed.wait():
            self._is_changed.clear()
            await self._reconciler.reconcile("files")

    # Telling

    def _observe(self, records: Sequence[Record]) -> None:
        """Hear of durable records on the engine's thread: bring the read models up, answer, notify."""
        self._records += len(records)
        self._fault_point("before_projection")
        self._projector.catch_up()
        self._fault_point("after_projection")
        self._thread.observe(records)
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._reconciler.hear, records)
        self._relay.records_committed(records)
        if self._notifiers and self._loop is not None and not self._loop.is_closed():
            for message in messages_of(records):
                self._loop.call_soon_threadsafe(self._offer, message)

    def _offer(self, message: Message | None) -> None:
        try:
            self._messages.put_nowait(message)
        except asyncio.QueueFull:
            self._dropped_messages += 1

    async def _tell(self) -> None:
        while (message := await self._messages.get()) is not None:
            for notifier in self._notifiers:
                try:
                    await notifier.notify(message)
                except Exception as exc:  # a tentacle: that it cannot tell is told in the log
                    _log.error("notifier failed", error=f"{type(exc).__name__}: {exc}", text=message.text)
            if self._dropped_messages:
                _log.warning("messages dropped, notifiers are slower than the bot", count=self._dropped_messages)
                self._dropped_messages = 0

    # Operators

    async def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer one request of the control socket: status, stop, or a command for the engine."""
        match request.get("do"):
            case "status":
                return {"ok": True, "status": self._status()}
            case "stop":
                self._tasks.stop("operator")
                return {"ok": True, "message": "stopping"}
            case "command":
                return await self._command(request)
            case "apply":
                report = await self._reconciler.reconcile(str(request.get("by") or "cli"))
                return {"ok": report.is_done, "swap": asdict(report), "error": report.text}
            case other:
                return {"ok": False, "error": f"do {other!r}: expected one of status, stop, command, apply"}

    async def _command(self, request: dict[str, Any]) -> dict[str, Any]:
        kinds = ", ".join(CommandKind)
        try:
            kind = CommandKind(str(request.get("kind")))
        except ValueError:
            return {"ok": False, "error": f"kind {request.get('kind')!r}: expected one of {kinds}"}
        command = OperatorCommand(
            str(request.get("id") or f"{os.getpid()}-{self.session.engine.next_seq}"),
            0,
            kind,
            str(request.get("target") or "*"),
            int(request.get("level") or 0),
            str(request.get("instrument") or ""),
            str(request.get("by") or "cli"),
        )
        try:
            handled = await self._thread.command(command, COMMAND_TIMEOUT_S)
        except TimeoutError:
            hang = self._thread.hang
            why = f"; {hang.tentacle} hangs since {hang.since} in {hang.place}" if hang else ""
            return {"ok": False, "error": f"the engine did not answer within {COMMAND_TIMEOUT_S:g} s{why}"}
        return {"ok": handled.is_done, "message": handled.message, "seq": handled.seq}

    def _status(self) -> dict[str, Any]:
        engine = self._bot.engine
        books = engine.portfolio.books
        return {
            "pid": os.getpid(),
            "time": iso(engine.now_ns),
            "next_seq": engine.next_seq,
            "waiting_inputs": len(self._inbox),
            "short_of_history": self.session.short_of_history,
            "hung": self._thread.hang._asdict() if self._thread.hang else {},
            "swap": asdict(self._reconciler.last) if self._reconciler.last else {},
            "is_swapping": engine.is_swapping,
            "generation": self.session.generation.number if self.session.generation else 0,
            "kill_switch": int(engine.risk.kill_level),
            "desks": {
                name: {
                    "equity": books[name].equity,
                    "positions": {key: str(holding.quantity) for key, holding in list(books[name].holdings.items())},
                    "pauses": dict(engine.risk.desks[name].pauses),
                }
                for name in self._bot.config.desks
            },
        }


def _innermost(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _heard_failure(failure: HookFailure) -> None:
    _log.error("hook failed", tentacle=failure.tentacle, hook=failure.hook, error=failure.error)
