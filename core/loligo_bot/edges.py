"""All that surrounds the engine of a running bot, exchanged as one: feeds, notifiers, interfaces, automations, hooks.

    prepare ─► commit (the flip) ─► prove ─► settle        undo: at any time before `settle`

What must hold: what does not change is left alone; what is prepared is made and started before anything that runs is
touched, so a failure there changes nothing; after the flip a version that fails is taken back at once, where it is, and
`fault` says so, upon which everything of the generation is to be undone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

from loligo.host import HookFailure, Relay
from loligo.log import get_logger
from loligo.model.events import Record
from loligo.ports.door import Door
from loligo.ports.tentacles import Message
from loligo.runtime.inbox import Inbox
from loligo_bot.edge_instance import Launch, Limits, Surroundings
from loligo_bot.edge_plan import FEED, EdgePlan, edge_plans
from loligo_bot.feeding import Feeds
from loligo_bot.generation import Generation
from loligo_bot.health.silence import silent_after_s, with_silence
from loligo_bot.mailbox import Mailbox

_log = get_logger("edges")


class Start(Protocol):
    """Starts a task of a stage; see `loligo.runtime.supervisor`."""

    def __call__(
        self, coroutine: Any, *, name: str, stage: str, ask: Callable[[], object] | None = None
    ) -> asyncio.Task[Any]: ...


class Edges:
    """The edges of one bot. Feeds are made at once, the others by `open`."""

    def __init__(
        self,
        generation: Generation,
        home: str,
        overrides: Mapping[str, Any],
        inbox: Inbox,
        start: Start,
        since: Callable[[str], tuple[int, int]],
        limits: Limits | None = None,
        door: Door | None = None,
    ) -> None:
        self._plans = partial(edge_plans, home=home, overrides=overrides, door=door)
        limits = limits or Limits()
        self._around = Surroundings(launch=_in_stage(start, "notifiers"), send=inbox.put_first, limits=limits)
        feeds, self._first = _parted(self._plans(generation.config, generation.host))
        self.feeds = Feeds(feeds, inbox, _in_stage(start, "edges"), since, limits)
        self._mailboxes: dict[str, Mailbox] = {}
        self._changing: list[Mailbox] = []
        self.hooks = Hooks(generation)
        self.steps: tuple[str, ...] = ()  # of the newest exchange

    def open(self) -> None:
        """Let notifiers, interfaces and automations work. TentacleError when one cannot be made."""
        for plan in self._first:
            self._mailboxes[plan.place] = mailbox = Mailbox(plan.place, self._around)
            mailbox.open(plan)
        self._first = []  # or these versions would never be let go

    def require_feeds(self) -> None:
        """TentacleOff when all feeds are: for a bot that has not begun, whose time begins with its data."""
        for item in self.hooks.running.config.feeds if not self.feeds.by_name else ():
            self.hooks.running.host.factory(FEED, item.tentacle)

    def tell(self, messages: Sequence[Message], records: Sequence[Record]) -> None:
        """Put into the mailboxes what their owners want to hear; on the event loop."""
        for mailbox in self._mailboxes.values():
            for message in messages:
                mailbox.offer(message)
            for record in records if mailbox.hears_records else ():
                mailbox.offer(record)

    @property
    def is_told(self) -> bool:
        return bool(self._mailboxes)

    def made(self, section: str) -> dict[str, Any]:
        """Return what is at work in a section of the configuration, by name."""
        kept = f"{section}/"
        return {
            place.removeprefix(kept): box.made
            for place, box in self._mailboxes.items()
            if place.startswith(kept) and box.made is not None
        }

    def status(self) -> dict[str, dict[str, Any]]:
        """Return by place how each edge is."""
        told = {place: mailbox.status() for place, mailbox in sorted(self._mailboxes.items())}
        limit_s = silent_after_s(self.hooks.running.config)
        feeds = {place: with_silence(one, limit_s) for place, one in self.feeds.status().items()}
        return {**feeds, **told}

    # Exchange

    @property
    def fault(self) -> str:
        """Why something new was taken back, "" while all is well."""
        return next(filter(None, (self.feeds.fault, *(mailbox.fault for mailbox in self._changing))), "")

    def check(self, wanted: Generation) -> None:
        """ConfigError or TentacleError when the edges of a generation cannot be as it wants; makes nothing."""
        self._plans(wanted.config, wanted.host)

    async def prepare(self, wanted: Generation) -> None:
        """Make and start what is new. ConfigError or TentacleError when it cannot be: nothing has changed."""
        feeds, others = _parted(self._plans(wanted.config, wanted.host))
        plans = {plan.place: plan for plan in others}
        self.steps, self._changing = (), []
        try:
            if self.feeds.prepare(feeds):
                self.steps = ("exchanges feeds",)
            for place in sorted(plans.keys() | self._mailboxes.keys()):
                await self._prepare(place, plans.get(place))
        except BaseException:
            await self.undo()
            raise
        self.hooks.prepare(wanted)

    async def _prepare(self, place: str, plan: EdgePlan | None) -> None:
        mailbox = self._mailboxes.get(place)
        if mailbox is None:
            mailbox = self._mailboxes[place] = Mailbox(place, self._around)
        if mailbox.plan != plan:
            self._changing.append(mailbox)
            self.steps = (*self.steps, f"{'exchanges' if plan else 'ends'} {place}")
            await mailbox.prepare(plan)

    async def commit(self) -> None:
        """Let what is new lead, each at its next boundary; see `fault`."""
        self.hooks.exchange()
        await asyncio.gather(self.feeds.commit(), *(mailbox.commit() for mailbox in self._changing))

    async def prove(self) -> None:
        """Wait for what new ones are at, so that `fault` is final."""
        await asyncio.gather(*(mailbox.prove() for mailbox in self._changing))

    async def settle(self) -> None:
        """Trust what is new and let go of what it replaced."""
        self.feeds.settle()
        self.hooks.settle()
        await asyncio.gather(*(mailbox.discard() for mailbox in self._changing))
        self._drop_empty()

    async def undo(self) -> None:
        """Let what was before lead again, and let go of what is new."""
        if self.fault:
            self.steps = (*self.steps, f"took back: {self.fault}")
        self.hooks.undo()
        await asyncio.gather(self.feeds.undo(), *(mailbox.undo() for mailbox in self._changing))
        self._drop_empty()

    def _drop_empty(self) -> None:
        for place, mailbox in list(self._mailboxes.items()):
            if mailbox.plan is None:
                mailbox.end()
                del self._mailboxes[place]


class Hooks:
    """The observation and lifecycle hooks of everything loaded: those of what runs now."""

    def __init__(self, generation: Generation) -> None:
        self.running, self.relay = generation, generation.host.relay(_heard_failure)
        self._other, self._is_flipped = (self.running, self.relay), False

    def prepare(self, wanted: Generation) -> None:
        self._other, self._is_flipped = (wanted, wanted.host.relay(_heard_failure)), False

    def exchange(self) -> None:
        """Tell those that are new that the bot runs, and go on with them."""
        self._flip()
        _only_in(self.running, self._other[0]).bot_started(tuple(self.running.config.desks))

    def settle(self) -> None:
        """Tell those that are gone that their time is over."""
        _only_in(self._other[0], self.running).bot_stopping("exchanged")
        self._forget_other()

    def undo(self) -> None:
        if self._is_flipped:
            self._flip()
            _only_in(self._other[0], self.running).bot_stopping("taken back")
        self._forget_other()

    def _flip(self) -> None:
        other, self._other = self._other, (self.running, self.relay)
        self.running, self.relay = other
        self._is_flipped = not self._is_flipped

    def _forget_other(self) -> None:
        self._other, self._is_flipped = (self.running, self.relay), False


def _only_in(generation: Generation, other: Generation) -> Relay:
    """Return the hooks of the versions that the other generation does not have."""
    known = other.code()
    return Relay(tuple(one for one in generation.loaded if known.get(one.entry.slot) != one.tree_hash), _heard_failure)


def _heard_failure(failure: HookFailure) -> None:
    _log.error("hook failed", tentacle=failure.tentacle, hook=failure.hook, error=failure.error)


def _parted(plans: Sequence[EdgePlan]) -> tuple[list[EdgePlan], list[EdgePlan]]:
    """Return feeds, and all others."""
    return [plan for plan in plans if plan.kind == FEED], [plan for plan in plans if plan.kind != FEED]


def _in_stage(start: Start, stage: str) -> Launch:
    def launch(coroutine: Any, *, name: str, ask: Callable[[], object] | None = None) -> asyncio.Task[Any]:
        return start(coroutine, name=name, stage=stage, ask=ask)

    return launch
