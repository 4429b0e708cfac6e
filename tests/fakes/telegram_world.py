"""Telegram in a test: a server, the door of a bot, and the interface between them at work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from loligo.api import SECOND_NS, MakeContext
from tests.fakes.chat_doors import ChatDoor, HurryingClock
from tests.fakes.telegram_server import Sent, TelegramServer, telegram

ADMIN, TRADER, STRANGER, GROUP = 1, 2, 4, -100
ALLOWED = {"1": "admin", "2": "trade", "-100": "view"}
Enter = Callable[..., AbstractAsyncContextManager["World"]]


@dataclass
class World:
    """A server, a bot's door, and the interface between them at work."""

    server: TelegramServer
    door: ChatDoor
    clock: HurryingClock
    make: Callable[..., Any]
    home: str
    made: Any = None
    task: asyncio.Task[None] | None = None

    def begin(self, **settings: Any) -> Any:
        """Start an instance, the newest of which is `made`."""
        self.made = self.make(self, **settings)
        self.task = asyncio.create_task(self.made.run())
        return self.made

    async def end(self) -> None:
        assert self.task is not None
        self.task.cancel()
        await asyncio.wait({self.task}, timeout=5)

    async def ended(self) -> None:
        """Wait until the newest instance ends by itself; raises why."""
        assert self.task is not None
        await self.task

    async def answer(self, person: int, text: str, **more: Any) -> Sent:
        """Say something and return what the bot says next."""
        count = len(self.server.sent)
        await self.server.say(person, text, **more)
        await self.server.until(lambda: len(self.server.sent) > count)
        return self.server.sent[count]


def entering(module: ModuleType, home: str) -> Enter:
    """Return how to enter a world with this tentacle; whoever leaves it leaves no task behind."""

    def make(world: World, **settings: Any) -> Any:
        given = {**world.server.settings, "allowed": ALLOWED, "chats": [{"chat": 1}], **settings}
        return module.logic.TelegramChat(
            module.Settings.model_validate(given), MakeContext(home=world.home, door=world.door), world.clock
        )

    @asynccontextmanager
    async def world(*, is_begun: bool = True, **settings: Any) -> AsyncIterator[World]:
        clock = HurryingClock()
        async with telegram(lambda: clock.now_ns() / SECOND_NS) as server:
            made = World(server, ChatDoor(), clock, make, home)
            if is_begun:
                made.begin(**settings)
            yield made
            if made.task is not None:
                await made.end()
        await asyncio.sleep(0)
        left = [task.get_name() for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        assert left == []  # nothing of an interface stays behind

    return world


def run(story: Coroutine[Any, Any, None]) -> None:
    async def within() -> None:
        async with asyncio.timeout(20):
            await story

    asyncio.run(within())
