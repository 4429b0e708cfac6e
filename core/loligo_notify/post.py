"""What all that tell people have in common in one bot folder: the store, who is told, and the base of a notifier.

What must hold: in one process a bot folder has one store, and a destination one outbox, whatever versions of a tentacle
live beside each other; of those one sends, whoever has the turn, and the next goes on with what waits.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from weakref import WeakSet, WeakValueDictionary

import structlog

from loligo.api import Clock, Message, TentacleSettings
from loligo_notify.clock import SystemClock
from loligo_notify.outbox import Outbox, Page
from loligo_notify.rules import Rule
from loligo_notify.store import NOTIFICATIONS_FILE, Store
from loligo_notify.telling import Teller

_TELL_S = 3.0  # for a message to be on its way before the next one is taken
_HURRIED_S = 0.05  # for what is on its way when a notifier is closed

_posts: WeakValueDictionary[str, Post] = WeakValueDictionary()


class Post:
    """The notifications of one bot folder."""

    def __init__(self, home: str) -> None:
        self.store = Store(Path(home) / NOTIFICATIONS_FILE if home else None)
        self.tellers: WeakSet[Teller[Any, Any]] = WeakSet()
        self.shared: WeakValueDictionary[str, _Shared] = WeakValueDictionary()

    def destinations(self) -> list[Teller[Any, Any]]:
        """Return who is told, each once, by name."""
        return [one for _, one in sorted({teller.name: teller for teller in self.tellers}.items())]

    def __del__(self) -> None:
        if hasattr(self, "store"):
            self.store.close()


def post_of(home: str) -> Post:
    """Return what all living tentacles of a bot folder share; one without a folder is nobody else's."""
    post = _posts.get(home) if home else None
    if post is None:
        post = Post(home)
        if home:
            _posts[home] = post
    return post


class _Shared:
    """The outbox of one destination, for all versions of its notifier."""

    def __init__(self, post: Post, clock: Clock, name: str) -> None:
        log = structlog.get_logger(part=name)
        self.outbox: Outbox[str, Page] = Outbox(clock, log, store=post.store)
        self.outbox.open([name])
        self.turn = asyncio.Lock()

    async def run(self, send: Callable[[str, Page], Awaitable[None]]) -> None:
        """Deliver once it is our turn, until cancelled."""
        async with self.turn:
            await self.outbox.run(send)


class Told:
    """One destination of a notifier: its name in its file, and by which rules it is told."""

    def __init__(self, name: str, rules: Sequence[Rule], dress: Callable[[Message, str], Sequence[Page]]) -> None:
        self.name, self.rules, self.dress = name, rules, dress


class CourierSettings(TentacleSettings):
    """Base of the settings of a Courier: two with one outbox in one configuration are refused."""

    def outboxes(self) -> Mapping[str, tuple[str | int, ...]]:
        """Return by which names its outboxes are known, each with the path of the setting that says so."""
        return {}


class Courier(ABC):
    """Base of a notifier: takes messages into the outbox, and sends what is there by `send` until it is closed."""

    def __init__(self, title: str, home: str, told: Sequence[Told], *, most: int, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._post = post_of(home)
        self._shared = {one.name: self._shared_of(one.name, most) for one in told}
        self.tellers: Mapping[str, Teller[str, Page]] = {one.name: self._teller(one, title) for one in told}
        self._post.tellers.update(self.tellers.values())
        self._sending: dict[str, asyncio.Task[None]] = {}

    def _shared_of(self, name: str, most: int) -> _Shared:
        shared = self._post.shared.get(name)
        if shared is None:
            shared = self._post.shared[name] = _Shared(self._post, self._clock, name)
        shared.outbox.most = most
        return shared

    def _teller(self, told: Told, title: str) -> Teller[str, Page]:
        outbox, via = self._shared[told.name].outbox, f"notifier/{title}"
        return Teller(told.name, outbox, told.name, told.rules, told.dress, self._clock, via=via)

    @abstractmethod
    async def send(self, name: str, page: Page) -> None:
        """Send a page to the destination of that name. RetryLater or Refused."""

    async def notify(self, message: Message) -> None:
        """Take a message; returns when it is on its way, sooner where a destination is not to be reached."""
        self._start()
        told = {name: await teller.tell(message) for name, teller in self.tellers.items()}
        on_their_way = [
            self._shared[name].outbox.attempted({name: page}, within_s=_TELL_S)
            for name, page in told.items()
            if page is not None
        ]
        await asyncio.gather(*on_their_way)

    def _start(self) -> None:
        """Send for every destination; what has ended by a fault begins again, what was closed does not."""
        loop = asyncio.get_running_loop()
        for name, shared in self._shared.items():
            task = self._sending.get(name)
            if task is not None and (not task.done() or task.cancelled()):
                continue
            if task is not None:
                log = structlog.get_logger(part=name)
                log.error("sending has ended, it begins again", error=repr(task.exception()))
            self._sending[name] = loop.create_task(shared.run(self.send), name=f"outbox of {name}")

    async def close(self) -> None:
        """Send no more; what waits is on disk, and the next version has it, too."""
        for shared in self._shared.values():
            shared.outbox.last_s = _HURRIED_S
        for task in self._sending.values():
            task.cancel()
        if self._sending:
            await asyncio.wait(self._sending.values())
        for shared in self._shared.values():
            await asyncio.to_thread(shared.outbox.save)
        self._post.tellers.difference_update(self.tellers.values())
