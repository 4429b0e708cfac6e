"""The feeds of a running bot: one task for each live feed and one for all replays, each exchanged on its own.

An exchange stops a stream where its cursor is known and starts the next one from there, so that no input is lost or
doubled, and replays stay in one time order. What must hold besides: a new version that fails while it is on probation
is replaced by the one before, made again, from the cursor reached; a live feed that fails is made again after a wait
that grows; a replay that fails, and unsound data, end the run. The run ends when all feeds have come to their end, but
not because a person has switched them off.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from inspect import isawaitable
from typing import Any

from loligo.errors import TENTACLE_FAULTS, DataError, InboxClosed, TentacleError
from loligo.log import get_logger
from loligo.ports.tentacles import ReplayingFeed
from loligo.runtime.inbox import Inbox
from loligo_bot.edge_instance import Launch, Limits
from loligo_bot.edge_plan import EdgePlan
from loligo_bot.feeds import LiveStream, ReplayStream, Stream
from loligo_bot.recovery import Cursors

REPLAYS = "replays"  # the stream of all of them; "feeds/NAME" is that of a live feed
_log = get_logger("feeds")


@dataclass(slots=True)
class _Running:
    """A stream at work, and the feeds it is made of."""

    plans: tuple[EdgePlan, ...]
    feeds: Mapping[str, Any]  # by name
    stream: Stream
    task: asyncio.Task[None] | None = None
    is_stopping: bool = False
    is_ended: bool = False
    failures: int = 0  # in a row
    is_failing: bool = False  # waits to be made again
    fault: BaseException = field(default_factory=Exception)  # the newest failure

    @property
    def places(self) -> str:
        return ", ".join(plan.place for plan in self.plans)

    @property
    def error(self) -> str:
        return f"{type(self.fault).__name__}: {self.fault}" if self.failures else ""


class Feeds:
    """Makes the feeds at once, so that they can be asked before they run. TentacleError when one cannot be made."""

    def __init__(
        self,
        plans: Sequence[EdgePlan],
        inbox: Inbox,
        launch: Launch,
        since: Callable[[str], tuple[int, int]],
        limits: Limits,
    ) -> None:
        self.fault = ""  # why a new version was taken back
        self._plans = tuple(plans)
        self._made: dict[EdgePlan, Any] = {plan: plan.make() for plan in plans}  # not running yet
        self._replaying = {plan for plan, feed in self._made.items() if isinstance(feed, ReplayingFeed)}
        self._inbox, self._launch, self._limits = inbox, launch, limits
        self._since = since  # how far the engine has read a feed, and where one begins that it does not know
        self._running: dict[str, _Running] = {}
        self._cursors: Cursors = {}  # of feeds that were stopped
        self._replayed_ns = 0  # how far replays went before they were stopped
        self._next: tuple[EdgePlan, ...] | None = None
        self._before: tuple[EdgePlan, ...] | None = None  # while on probation
        self.is_live = False  # whether all that run are of today: then time goes on without them
        self._turn = asyncio.Lock()
        self._end: asyncio.Future[None] | None = None

    @property
    def by_name(self) -> dict[str, Any]:
        """Return the feeds, whether they run already or not."""
        running = {name: feed for stream in self._running.values() for name, feed in stream.feeds.items()}
        return running | {plan.name: self._made[plan] for plan in self._plans if plan in self._made}

    @property
    def replays(self) -> dict[str, ReplayingFeed]:
        return {plan.name: self._made[plan] for plan in self._plans if plan in self._replaying}

    def status(self) -> dict[str, dict[str, Any]]:
        return {
            plan.place: {
                "state": "ended" if running.is_ended else "failing" if running.is_failing else "running",
                "error": running.error,
                **({"silence_s": running.stream.silence_s} if isinstance(running.stream, LiveStream) else {}),
            }
            for running in self._running.values()
            for plan in running.plans
        }

    async def run(self) -> None:
        """Run until all have come to their end; raises what one of them failed with."""
        self._end = asyncio.get_running_loop().create_future()
        async with self._turn:
            self._start(self._plans)
        await self._end

    # Exchange

    def prepare(self, plans: Sequence[EdgePlan]) -> bool:
        """Make what is new, and say whether anything is. TentacleError when it cannot be made: nothing has changed."""
        self.fault, wanted = "", tuple(plans)
        if set(wanted) == set(self._plans):
            return False
        try:
            self._make(plan for plan in wanted if plan not in self._plans)
            groups = self._grouped(wanted)
            self._make(plan for name, group in groups.items() if self._changes(name, group) for plan in group)
        except BaseException:
            self._let_go()
            raise
        self._next = wanted
        return True

    async def commit(self) -> None:
        """Stop what is not wanted any more, and go on with what is, on probation."""
        async with self._turn:
            if self._next is not None:
                before, wanted, self._next = self._plans, self._next, None
                self._before = before
                try:
                    await self._go_on_with(wanted)
                except TENTACLE_FAULTS as exc:
                    await self._take_back(f"feeds cannot be exchanged: {type(exc).__name__}: {exc}")

    def settle(self) -> None:
        """Trust what is new."""
        self._before = None
        self._replaying.intersection_update(self._plans)  # or earlier versions would never be let go

    async def undo(self) -> None:
        """Go back to what ran before, unless that has happened already."""
        async with self._turn:
            self._next = None
            self._let_go()
            if self._before is not None:
                before, self._before = self._before, None
                await self._go_on_with(before)

    async def _take_back(self, fault: str) -> None:
        self.fault = fault
        _log.error("a new version of a feed is taken back", reason=fault)
        before, self._before = self._before, None
        try:
            await self._go_on_with(before or self._plans)
        except TENTACLE_FAULTS as exc:  # neither the new nor the old can run: nobody feeds the engine
            self._finish(exc)

    async def _go_on_with(self, wanted: tuple[EdgePlan, ...]) -> None:
        """Stop and start streams so that these run; the turn is held."""
        groups = self._grouped(wanted)
        for name, running in list(self._running.items()):
            if self._changes(name, groups.get(name, ())):
                await self._stop(name, running)
        self._plans = wanted
        self._start(wanted)
        self._look()

    async def _stop(self, name: str, running: _Running) -> None:
        running.is_stopping = True
        is_own = running.task is asyncio.current_task()
        try:
            cursors = await running.stream.stop(None if is_own else running.task)
        except TimeoutError as exc:
            running.is_stopping = False
            raise TentacleError(f"{name}: the engine takes no inputs, so it runs on as it is") from exc
        self._cursors |= cursors
        if name == REPLAYS:
            self._replayed_ns = max(ts for ts, _ in cursors.values())
        del self._running[name]
        await self._close(running)

    def _start(self, plans: tuple[EdgePlan, ...]) -> None:
        groups = self._grouped(plans)
        self.is_live = self._inbox.conflate = bool(groups) and REPLAYS not in groups
        for name, group in groups.items():
            if name not in self._running:
                self._make(group)
                feeds = {plan.name: self._made.pop(plan) for plan in group}
                self._running[name] = running = _Running(group, feeds, self._stream(name, feeds))
                running.task = self._launch(self._run(running), name=name)
        self._let_go()

    def _stream(self, name: str, feeds: Mapping[str, Any]) -> Stream:
        since = {feed: self._cursors.get(feed) or self._since(feed) for feed in feeds}
        if name != REPLAYS:
            [(feed, instance)] = feeds.items()
            return LiveStream(feed, instance, since[feed], self._inbox)
        late = self._replayed_ns, 0  # one that comes later begins where the others are
        since = {feed: cursor if cursor[0] >= self._replayed_ns else late for feed, cursor in since.items()}
        return ReplayStream(feeds, since, self._inbox)

    def _grouped(self, plans: tuple[EdgePlan, ...]) -> dict[str, tuple[EdgePlan, ...]]:
        """Return plans by the stream in which they run."""
        replays = tuple(plan for plan in plans if plan in self._replaying)
        live = {plan.place: (plan,) for plan in plans if plan not in self._replaying}
        return {REPLAYS: replays, **live} if replays else dict(live)

    def _changes(self, name: str, group: tuple[EdgePlan, ...]) -> bool:
        running = self._running.get(name)
        return running is None or running.plans != group

    def _make(self, plans: Iterable[EdgePlan]) -> None:
        for plan in plans:
            if plan not in self._made:
                self._made[plan] = feed = plan.make()
                (self._replaying.add if isinstance(feed, ReplayingFeed) else self._replaying.discard)(plan)

    def _let_go(self) -> None:
        """Close what was made and is not needed."""
        made, self._made = list(self._made.values()), {}
        if any(hasattr(feed, "close") for feed in made):
            self._launch(self._close_each(made), name="feeds close")

    # Running

    async def _run(self, running: _Running) -> None:
        try:
            while not await self._came_to_its_end(running):
                if not await self._goes_on(running):
                    return
        finally:
            if not running.is_stopping:
                await self._close(running)
        running.is_ended = True
        if not self._turn.locked():
            self._look()

    async def _came_to_its_end(self, running: _Running) -> bool:
        """Run a stream; False when it failed."""
        began_s = time.monotonic()
        try:
            await running.stream.run()
        except InboxClosed:
            _log.debug("the bot is stopping: what the feeds still hold they will read again")
        except TENTACLE_FAULTS as exc:
            is_again = time.monotonic() - began_s < self._limits.longest_back_off_s
            running.failures = running.failures + 1 if is_again else 1
            running.fault, running.is_failing = exc, True
            _log.error("a feed failed", place=running.places, error=running.error, failures=running.failures)
            return False
        return True

    async def _goes_on(self, running: _Running) -> bool:
        """Do what follows from a failure; True: the stream, made anew, shall run again."""
        try:
            async with self._turn:
                if running.is_stopping:
                    return False
                if self._before is not None:
                    await self._take_back(f"{running.places} failed, {running.error}")
                    return False
            if isinstance(running.fault, DataError) or isinstance(running.stream, ReplayStream):
                raise running.fault
            await asyncio.sleep(self._limits.wait_s(running.failures))
            await self._renew(running)
        except TENTACLE_FAULTS as exc:
            self._finish(exc)
            return False
        return not running.is_stopping

    async def _renew(self, running: _Running) -> None:
        """Make a live feed anew, from where it came to."""
        async with self._turn:
            if running.is_stopping:
                return
            self._cursors |= await running.stream.stop(None)
            await self._close(running)
            [plan] = running.plans
            running.feeds = {plan.name: plan.make()}
            running.stream = self._stream(plan.place, running.feeds)
            running.is_failing = False

    def _look(self) -> None:
        if self._running and all(running.is_ended for running in self._running.values()):
            self._finish(None)

    def _finish(self, error: BaseException | None) -> None:
        if self._end is None or self._end.done():
            return
        if error is None:
            self._end.set_result(None)
        else:
            self._end.set_exception(error)

    async def _close(self, running: _Running) -> None:
        feeds, running.feeds = running.feeds, {}
        await self._close_each(feeds.values())

    async def _close_each(self, feeds: Iterable[Any]) -> None:
        for feed in feeds:
            if hasattr(feed, "close"):
                try:
                    async with asyncio.timeout(self._limits.close_s):
                        closing = feed.close()
                        if isawaitable(closing):
                            await closing
                except TENTACLE_FAULTS as exc:
                    _log.error("a feed could not be closed", error=f"{type(exc).__name__}: {exc}")
