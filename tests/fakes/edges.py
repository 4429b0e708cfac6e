"""Notifiers, interfaces and automations of tests, and the surroundings in which a mailbox works."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from loligo.model.command import OperatorCommand
from loligo.ports.tentacles import Message
from loligo.runtime.supervisor import Shutdown, Supervisor
from loligo_bot.edge_instance import Limits, Surroundings
from loligo_bot.edge_plan import EdgePlan

QUICK = Limits(back_off_s=0.001, drain_s=5.0, start_s=0.01, close_s=0.2)


def edge(make: Callable[[], Any], key: str = "1", kind: str = "notifier", place: str = "notifiers/fake") -> EdgePlan:
    return EdgePlan(place=place, name=place.partition("/")[2], kind=kind, key=key, make=make)


def message(number: int) -> Message:
    return Message(level="info", text=str(number))


class Told:
    """Writes down what its notifiers were told, by their names; who waits for the nth message hears of it."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self.closed: list[str] = []
        self._news = asyncio.Event()

    @property
    def texts(self) -> list[str]:
        return [text for _, text in self.lines]

    def add(self, who: str, text: str) -> None:
        self.lines.append((who, text))
        self._news.set()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(5):
            while len(self.lines) < count:
                self._news.clear()
                await self._news.wait()


class Notes:
    """A notifier. It fails `fails` times first, and with `hangs` it never comes back."""

    def __init__(self, told: Told, name: str = "old", *, fails: int = 0, hangs: bool = False) -> None:
        self._told, self._name, self._fails, self._hangs = told, name, fails, hangs

    async def notify(self, message: Message) -> None:
        if self._hangs:
            await asyncio.Event().wait()
        await asyncio.sleep(0)  # another task may come in between
        if self._fails:
            self._fails -= 1
            raise OSError(f"{self._name} is not connected")
        self._told.add(self._name, message.text)

    async def close(self) -> None:
        self._told.closed.append(self._name)


class Watching:
    """Tasks that are ended as those of a bot are, and commands that were sent."""

    def __init__(self, tasks: Supervisor, limits: Limits) -> None:
        self.sent: list[OperatorCommand] = []
        self._tasks = tasks
        self.around = Surroundings(launch=self.launch, send=self.sent.append, limits=limits)

    def launch(self, coroutine: Any, *, name: str, ask: Callable[[], object] | None = None) -> asyncio.Task[Any]:
        return self._tasks.start(coroutine, name=name, stage="edges", ask=ask)

    async def end(self) -> Shutdown:
        return await self._tasks.shut_down()


@asynccontextmanager
async def watching(limits: Limits = QUICK) -> AsyncIterator[Watching]:
    async with Supervisor({"edges": 2.0}) as tasks:
        yield Watching(tasks, limits)
