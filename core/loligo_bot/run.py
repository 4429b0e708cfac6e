"""A running bot: `run_bot` assembles it, recovers its state, runs it until its feeds end or a person stops it.

signals, control socket ─► supervisor ─► feeds end ─► inbox drains ─► engine commits and leaves a snapshot
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from time import monotonic
from typing import Any

from loligo import __version__
from loligo.config import LoligoConfig
from loligo.errors import ConfigError
from loligo.log import get_logger
from loligo.model.events import Record
from loligo.model.timeframe import iso, ns_from_iso
from loligo.ports.tentacles import Message
from loligo.runtime.clock import SystemClock
from loligo.runtime.inbox import Inbox
from loligo.runtime.supervisor import Supervisor
from loligo_bot.assembly import Bot, assemble
from loligo_bot.committing import Beside, FaultPoint
from loligo_bot.control_socket import ControlServer
from loligo_bot.daily import Daily
from loligo_bot.desired import Desired
from loligo_bot.door import control
from loligo_bot.door.experiment_acts import follow
from loligo_bot.door.following import Following
from loligo_bot.door.front_door import FrontDoor
from loligo_bot.door.inside import Inside
from loligo_bot.edges import Edges
from loligo_bot.experiments.keeper import Experiments
from loligo_bot.experiments.standing import Standing
from loligo_bot.feeds import in_time_order
from loligo_bot.generation import Generation, earlier_plan
from loligo_bot.health.config import HealthConfig
from loligo_bot.health.monitor import HEALTH, Monitor
from loligo_bot.health.safe_mode import Start, counted
from loligo_bot.health.wanted import kept_off
from loligo_bot.history import history_of_start, newest_number
from loligo_bot.interpreter import tuned_interpreter
from loligo_bot.jobs.config import JobsConfig
from loligo_bot.jobs.job import Job, told
from loligo_bot.jobs.keeper import Jobs
from loligo_bot.metering import Meter
from loligo_bot.notifying import Notifying, started, stopped
from loligo_bot.projecting import Projecting
from loligo_bot.recipe import recipe_of
from loligo_bot.reconcile import Reconciler
from loligo_bot.replay.sessions import journal_address as journal_address
from loligo_bot.session import Durability, EngineThread, Observer, Session, no_fault
from loligo_bot.tracing import traced
from loligo_bot.wish import When, Wish
from loligo_lab.experiment import Judgement
from loligo_notify import post_of
from loligo_store.journal import Journal
from loligo_store.projector import Projector
from loligo_store.reader import JournalReader
from loligo_store.rows import ProjectionReader

STAGES = {"edges": 0.4, "engine": 1.2, "notifiers": 0.3}  # s each has, beside what was left; Ctrl-C ends within 2 s
FEEDS = "feeds"  # the task that runs them
PROJECTIONS_FAILED = "projections failed"
UNDONE_S = 5.0  # until a quarantine that could not be carried out is tried again

_log = get_logger("app")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """How a run ended. `records` counts this run only; the read models have the rest."""

    reason: str
    is_clean: bool
    records: int
    recovered_records: int
    is_resumed: bool
    is_read_to_end: bool  # all that the feeds have
    last_ts: int


def run_bot(
    home: Path,
    config: LoligoConfig,
    *,
    speed: float | None = None,
    until: str | None = None,
    observers: Sequence[Observer] = (),
    on_start: Callable[[Bot, Supervisor], None] | None = None,
    fault_point: FaultPoint = no_fault,
    is_safe: bool | None = None,
    on_read: Callable[[], object] | None = None,
) -> RunSummary:
    """Run the bot of a folder until its feeds end, a signal comes or an operator stops it.

    `speed` (0: as fast as it goes) and `until` (ISO 8601) override those of replaying feeds. Observers hear of records
    once they are durable, on the engine's thread. `is_safe` forces safe mode or forbids it. Raises what ended the
    engine or a feed, if it did not end by itself. With `on_read` the bot stays when its feeds have ended, says so by
    it, and works on for those who ask, until it is stopped.
    """
    if until is not None:
        ns_from_iso(until)
    health = HealthConfig.model_validate(config.health)
    with traced(__version__), tuned_interpreter(), counted(home, health, is_safe=is_safe) as start:
        bot = assemble(home, config, keeps=True, off=kept_off(home, start.reason))
        overrides = {key: value for key, value in (("speed", speed), ("until", until)) if value is not None}

        def make() -> _Running:
            return _Running(bot, overrides, observers, fault_point, start, on_read)

        return asyncio.run(_run_alone(bot, make, on_start))


async def _run_alone(
    bot: Bot, make: Callable[[], _Running], on_start: Callable[[Bot, Supervisor], None] | None
) -> RunSummary:
    """Run while this process holds the home's control socket: nobody else may read or write its journal's end."""
    running: _Running

    async def answer(request: dict[str, Any]) -> dict[str, Any]:
        return await control.answer(running.door, running.inside, request)

    server = ControlServer(bot.home, answer)
    await server.start()
    try:
        running = make()
        return await running.run(on_start)
    finally:
        await server.close()


class _Running:
    """One run of one bot."""

    def __init__(
        self,
        bot: Bot,
        overrides: dict[str, Any],
        observers: Sequence[Observer],
        fault_point: FaultPoint,
        start: Start,
        on_read: Callable[[], object] | None,
    ) -> None:
        self._bot = bot
        (bot.home / "state").mkdir(mode=0o700, parents=True, exist_ok=True)
        self._journal = Journal(journal_address(bot.home, bot.journal_config.url), bot.journal_config)
        self._projecting = Projecting(Projector(self._journal.engine), fault_point, self._end_of_projections)
        self._reader = ProjectionReader(self._journal.engine)
        self._inbox = Inbox(bot.config.engine.inbox_size)
        self._records = 0
        self.door = FrontDoor()
        self._following = Following(self._journal.last_seq + 1, self._journal_reader)
        self._edges = Edges(
            bot.generation, str(bot.home), overrides, self._inbox, self._start_edge, self._since, door=self.door
        )
        currencies = {name: account.reference for name, account in bot.config.accounts.items()}
        health = bot.health_config
        daily = Daily(health.summary_at, health.summary_zone, currencies, lambda ts: self._experiments.going(ts))
        post, last_seq = post_of(str(bot.home)), self._journal.last_seq
        self._notifying = Notifying(post, self._edges, self._reader, daily, last_seq)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._committer = Beside(self._journal, fault_point, self._inbox.nudge)
        self._meter = Meter()
        self._jobs = Jobs(bot.home, JobsConfig.model_validate(bot.config.jobs), self._start_edge, self._tell_job)
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
            self._committer,
        )
        self.session.memory.inputs = bot.config.swap.rehearsal_inputs
        self.session.on_step = self._hear_step
        self._health = Monitor(bot.home, bot.health_config, start, self._offer)
        self._desired = Desired(bot.home, self._health, lambda: self._reconciler.attempt)
        self._reconciler = Reconciler(
            bot.engine,
            bot.generation,
            self._desired.generation,
            self._inbox.put_first,
            lambda: self.session,
            cache(self._newest_number),  # of this run's own the reconciler knows itself
            self._edges,
        )
        self._reconciler.on_change = partial(self._adopt, daily)
        self._is_changed = asyncio.Event()
        self._thread = EngineThread(
            self.session,
            self._inbox,
            tentacle_timeout_s=bot.config.engine.tentacle_timeout_s,
            on_look=self._health.cpu.look,
            is_live=lambda: self._edges.feeds.is_live,
        )
        self._experiments = Experiments(
            bot.home,
            lambda: self._reconciler.running.config,
            self._reader,
            lambda: (bot.engine.now_ns, bot.engine.next_seq),
        )
        self._are_feeds_read = False
        self._on_read = on_read
        self.inside: Inside  # once it runs

    async def run(self, on_start: Callable[[Bot, Supervisor], None] | None) -> RunSummary:
        self._loop = asyncio.get_running_loop()
        async with Supervisor(STAGES) as self._tasks:
            self._heed_signals()
            self._edges.open()
            now = recipe_of(self._bot.config, self._bot.host.registry)
            plan_of = partial(earlier_plan, self._bot.home, now=now)
            recovered = self.session.open(self._bot.slots, self._first_ts(), self._edges.feeds.by_name, plan_of)
            is_resumed = recovered.generation is not None
            self._health.begin(self._bot.wanted, lambda: self._reconciler.running, self._bot.engine.now_ns)
            self.session.step(history_of_start(recovered, self.session.generation, self._bot.host.content))
            self._projecting.start()
            self._thread.start()
            self._start_tasks()
            self._jobs.open()
            self.inside = self._inside()
            self.door.open(self.inside, self._following)
            if on_start is not None:
                on_start(self._bot, self._tasks)
            self._edges.hooks.relay.bot_started(tuple(self._bot.config.desks))
            begun_at, is_after_crash = iso(self._bot.engine.now_ns), self._notifying.was_cut_off()
            self._notifying.say(started(len(self._bot.config.desks), begun_at, is_after_crash=is_after_crash))
            with self._watched():
                reason = await self._tasks.stop_requested()
            ending_s = monotonic()
            self._notifying.say(stopped(reason, iso(self._bot.engine.now_ns), self._fault(reason)))
            self._edges.hooks.relay.bot_stopping(reason)
            self._following.end()
            ended = await self._tasks.shut_down()
        try:
            await self._thread.join()
        finally:
            self._jobs.leave()
            self._notifying.write()
            self._projecting.leave()
        self._projecting.close()
        self._journal.close()
        _log.info("the bot has ended", reason=reason, is_clean=ended.is_clean, took_s=round(monotonic() - ending_s, 3))
        for name, error in ended.failures:
            if name == FEEDS:
                raise _innermost(error)
        return RunSummary(
            reason=reason,
            is_clean=ended.is_clean,
            records=self._records,
            recovered_records=recovered.records,
            is_resumed=is_resumed,
            is_read_to_end=self._are_feeds_read,
            last_ts=self._bot.engine.now_ns,
        )

    def _fault(self, reason: str) -> str:
        """Return what ended a run that nobody wanted to end, "" for one that ends as it should."""
        feeding = self._feeding
        failed = feeding.exception() if feeding.done() and not feeding.cancelled() else None
        if error := self._thread.error or failed:
            told = _innermost(error)
            return f"{type(told).__name__}: {told}"
        return "see the log" if reason == PROJECTIONS_FAILED else ""

    def _adopt(self, daily: Daily, generation: Generation) -> None:
        """Go by the generation that runs now."""
        self._bot.generation = generation
        health = HealthConfig.model_validate(generation.config.health)
        daily.keep_to(health.summary_at, health.summary_zone)

    def _first_ts(self) -> int:
        """Return when the bot's time begins: at the first input of a replay, else now."""
        feeds = self._edges.feeds
        if not feeds.replays:
            return SystemClock().now_ns() if feeds.by_name else self._without_feeds()
        first = next(in_time_order(feeds.replays), None)
        if first is None:
            raise ConfigError("feeds: the replay has no data between its since and until")
        return first.item.ts

    def _without_feeds(self) -> int:
        """Return a time that leaves that of the engine as it is; a bot that has none yet cannot begin like this."""
        if next(self._journal.records(), None) is None:
            self._edges.require_feeds()
            return SystemClock().now_ns()
        return 0

    def _heed_signals(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            reason = f"signal {signal.Signals(number).name}"
            asyncio.get_running_loop().add_signal_handler(number, self._tasks.stop, reason)

    def _start_tasks(self) -> None:
        tasks = self._tasks
        tasks.start(self._thread.join(), name="engine", stage="engine", ask=self._end_engine, ends_run=True)
        self._feeding = tasks.start(self._feed_all(), name=FEEDS, stage="edges", ends_run=True)
        tasks.start(self._reconcile(), name="reconciler", stage="edges")
        tasks.start(self._keep_healthy(), name="health", stage="edges")
        judging = self._experiments.run(self._projecting.catch_up, self._inbox.put_first, self._follow_verdict)
        tasks.start(judging, name="experiments", stage="edges")
        notifying = self._notifying.run(self._journal_reader, self._read_up)
        tasks.start(notifying, name="notifications", stage="edges")

    def _end_engine(self) -> None:
        """Let the engine finish what the feeds gave when they ended by themselves; a stop does not wait for it."""
        if self._are_feeds_read:
            self._inbox.close()
        else:
            self._thread.leave()

    async def _feed_all(self) -> None:
        await self._edges.feeds.run()
        while len(self._inbox) and self._thread.is_alive:
            await asyncio.sleep(0.01)
        await self._notifying.is_going_on.wait()  # a short replay is over before that, and its log would say nothing
        self._are_feeds_read = not self._inbox.is_closed
        if self._on_read is not None and self._are_feeds_read:
            self._on_read()
            await asyncio.Event().wait()

    def _since(self, feed: str) -> tuple[int, int]:
        """Return how far the engine has read a feed; one that gave nothing yet begins where the bot stands."""
        return self.session.cursors.get(feed, (self.session.engine.now_ns, 0))

    def _start_edge(
        self, coroutine: Any, *, name: str, stage: str, ask: Callable[[], object] | None = None
    ) -> asyncio.Task[Any]:
        return self._tasks.start(coroutine, name=name, stage=stage, ask=ask)

    # Exchange of tentacles

    def _watched(self) -> AbstractContextManager[None]:
        """Take up changes of the files, where the configuration says so."""
        if not self._bot.config.swap.watch:
            return nullcontext()
        known = {item.folder: item.tree_hash for item in self._bot.loaded}
        return self._desired.watched(known, self._is_changed.set)

    async def _reconcile(self) -> None:
        while await self._is_changed.wait():
            self._is_changed.clear()
            self._tasks.start(self._reconciler.reconcile(), name="swap", stage="edges")

    async def _keep_healthy(self) -> None:
        """Carry out what health wants to be off, or on again."""
        while await self._health.is_due.wait():
            self._health.is_due.clear()
            await self._reconciler.reconcile(Wish(by=HEALTH, why=self._health.why, when=When.NOW))
            if not self._health.is_carried_out:
                await asyncio.sleep(UNDONE_S)
                self._health.is_due.set()

    def _inside(self) -> Inside:
        return Inside(
            bot=self._bot,
            session=self.session,
            thread=self._thread,
            reconciler=self._reconciler,
            health=self._health,
            edges=self._edges,
            projecting=self._projecting,
            rows=self._reader,
            journal=self._journal_reader,
            tasks=self._tasks,
            meter=self._meter,
            committer=self._committer,
            notifying=self._notifying,
            jobs=self._jobs,
            experiments=self._experiments,
        )

    def _read_up(self) -> None:
        """Bring the read models up to the journal, and what is told of A/B tests up to them; blocks."""
        self._projecting.catch_up()
        self._experiments.standings()

    def _journal_reader(self) -> JournalReader:
        return JournalReader(self._journal.engine)

    # Telling

    def _observe(self, records: Sequence[Record]) -> None:
        """Hear of durable records on the engine's thread: answer and notify, and let the read models follow."""
        self._records += len(records)
        self._projecting.hint(records)
        self._thread.observe(records)
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._reconciler.hear, records)
            self._loop.call_soon_threadsafe(self._health.hear, records)
            self._loop.call_soon_threadsafe(self._following.hear, records)
            self._loop.call_soon_threadsafe(self._meter.hear, records)
            self._loop.call_soon_threadsafe(self._experiments.hear, records)
        self._edges.hooks.relay.records_committed(records)
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._notifying.hear, records)

    async def _follow_verdict(self, standing: Standing, judgement: Judgement) -> None:
        await follow(self.inside, standing, judgement)

    def _hear_step(self, record: Record) -> None:
        """Let the swap at work go on; on the engine's thread, before the step is durable."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._reconciler.hear_early, record)

    def _end_of_projections(self) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._tasks.stop, PROJECTIONS_FAILED)

    def _newest_number(self) -> int:
        self._projecting.catch_up()
        return newest_number(self._reader)

    def _tell_job(self, job: Job) -> None:
        self._offer(told(job))

    def _offer(self, message: Message) -> None:
        self._notifying.say(message)


def _innermost(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
