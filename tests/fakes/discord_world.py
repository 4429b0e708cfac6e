"""Discord in a test: a server, the door of a bot, and the interface between them at work."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from loligo.api import MakeContext
from tests.fakes.chat_doors import ChatDoor, HurryingClock
from tests.fakes.discord_gateway import CHANNEL
from tests.fakes.discord_server import DiscordServer, Sent, discord_service

ADMIN, TRADER, STRANGER = 1, 2, 4  # the trader holds the role 77
ALLOWED = {"1": "admin", "77": "trade"}
Enter = Callable[..., AbstractAsyncContextManager["World"]]


@dataclass
class World:
    """A server, a bot's door, and the interface between them at work."""

    server: DiscordServer
    door: ChatDoor
    clock: HurryingClock
    make: Callable[..., Any]
    home: str
    made: Any = None
    task: asyncio.Task[None] | None = None

    async def begin(self, *, is_ready: bool = True, **settings: Any) -> Any:
        self.made = self.make(self, **settings)
        self.task = asyncio.create_task(self.made.run())
        if is_ready:
            await self.server.until(lambda: bool(self.server.sessions))
        return self.made

    async def end(self) -> None:
        assert self.task is not None
        self.task.cancel()
        await asyncio.wait({self.task}, timeout=5)

    async def ended(self) -> None:
        """Wait until the newest instance ends by itself; raises why."""
        assert self.task is not None
        await self.task

    async def answer(self, person: int, name: str, /, **options: Any) -> Sent:
        """Choose a command and return what the bot says to it."""
        token = await self.server.command(person, name, **options)
        await self.server.until(lambda: bool(self.server.said_to(token)))
        return self.server.said_to(token)[0]


def entering(module: ModuleType, home: str) -> Enter:
    """Return how to enter a world with this tentacle; whoever leaves it leaves no task behind."""

    def make(world: World, **settings: Any) -> Any:
        given = {**world.server.settings, "allowed": ALLOWED, "chats": [{"chat": CHANNEL}], **settings}
        return module.logic.DiscordChat(
            module.Settings.model_validate(given), MakeContext(home=world.home, door=world.door), world.clock
        )

    @asynccontextmanager
    async def world(*, is_begun: bool = True, **settings: Any) -> AsyncIterator[World]:
        threads = set(threading.enumerate())
        async with discord_service() as server:
            made = World(server, ChatDoor(), HurryingClock(), make, home)
            if is_begun:
                await made.begin(**settings)
            yield made
            if made.task is not None:
                await made.end()
        async with asyncio.timeout(5):  # nothing of an interface stays behind
            while [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]:
                await asyncio.sleep(0.01)
        for thread in set(threading.enumerate()) - threads:  # the library's heartbeat
            if not thread.name.startswith("asyncio"):
                await asyncio.to_thread(thread.join, 5)
                assert not thread.is_alive()

    return world


def run(story: Coroutine[Any, Any, None]) -> None:
    async def within() -> None:
        async with asyncio.timeout(30):
            await story

    asyncio.run(within())
