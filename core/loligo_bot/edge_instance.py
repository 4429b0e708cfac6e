"""An instance of a notifier, interface or automation at work: it is handed items, runs, is made anew, and is closed.

What must hold: whatever its code raises stays here, as a sentence for whoever asked; a `run` that fails begins again
with a fresh instance, after a wait that grows; `close` is called once per instance and never waited for for long.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any, Protocol

from msgspec.structs import replace

from loligo.errors import TENTACLE_FAULTS, InboxClosed
from loligo.log import get_logger
from loligo.model.command import OperatorCommand
from loligo.model.events import Record
from loligo.ports.tentacles import Message
from loligo_bot.edge_plan import AUTOMATION, INTERFACE, NOTIFIER, EdgePlan

Item = Message | Record
_log = get_logger("edges")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much edges may hold up, and for how long, in seconds."""

    mailbox: int = 10_000  # messages that wait for one edge; then the newest is dropped
    delivery_s: float = 10.0  # for one message
    attempts: int = 3  # for one message, each by a fresh instance
    back_off_s: float = 1.0  # before the second attempt, and before a `run` that failed begins again; then it doubles
    longest_back_off_s: float = 60.0
    start_s: float = 0.25  # a new version's `run` that fails so soon is refused
    drain_s: float = 2.0  # for an old version to deliver what came before the new one leads
    close_s: float = 2.0

    def wait_s(self, failures: int) -> float:
        """Return how long to wait after so many failures in a row."""
        return float(min(self.back_off_s * 2 ** min(failures - 1, 30), self.longest_back_off_s))


class Launch(Protocol):
    """Starts a task that the bot ends when it ends; `ask` lets it end by itself."""

    def __call__(
        self, coroutine: Coroutine[Any, Any, object], *, name: str, ask: Callable[[], object] | None = None
    ) -> asyncio.Task[Any]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What every edge is given."""

    launch: Launch
    send: Callable[[OperatorCommand], object]
    limits: Limits


class EdgeInstance:
    """One version in one place. TentacleError when its first instance cannot be made."""

    def __init__(self, plan: EdgePlan, around: Surroundings) -> None:
        self.plan = plan
        self._around = around
        self._made = plan.make()
        self._on_failure: Callable[[str], bool] = lambda error: True
        self._running: asyncio.Task[Any] | None = None
        self.failures = 0  # since it last worked
        self.error = ""  # the newest of them
        self._failed_s = 0.0
        self.is_ended = False  # its `run` came to an end by itself
        self._is_closed = False

    @property
    def is_failing(self) -> bool:
        """Say whether it has not worked since its newest failure; an interface that has stayed open for long has."""
        is_over = self.runs and time.monotonic() - self._failed_s > self._longest_s
        return self.failures > 0 and not is_over

    @property
    def _longest_s(self) -> float:
        return self._around.limits.longest_back_off_s

    @property
    def made(self) -> Any:
        return self._made

    @property
    def runs(self) -> bool:
        """Say whether it has a `run`: every interface, and automations that follow the records by themselves."""
        return self.plan.kind == INTERFACE or (self.plan.kind == AUTOMATION and hasattr(self._made, "run"))

    @property
    def hears_records(self) -> bool:
        return self.plan.kind == AUTOMATION and not self.runs

    def wants(self, item: Item) -> bool:
        if isinstance(item, Message):
            return self.plan.kind == NOTIFIER or (self.plan.kind == INTERFACE and hasattr(self._made, "notify"))
        return self.hears_records

    def start(self, on_failure: Callable[[str], bool]) -> None:
        """Begin its `run`, if it has one. `on_failure` hears of each failure and says whether to try again."""
        self._on_failure = on_failure
        if self.runs:
            self._running = self._launched()

    def _launched(self) -> asyncio.Task[Any]:
        """Begin its `run`. When the bot ends, it goes on until the mailbox, whose messages it may send, closes it."""
        return self._around.launch(self._run(), name=f"{self.plan.place} runs", ask=lambda: None)

    async def started(self) -> str:
        """Give its `run` the time to fail at once; return why it did, or ""."""
        if self._running is not None:
            await asyncio.wait({self._running}, timeout=self._around.limits.start_s)
        return self.error

    async def _run(self) -> None:
        while True:
            try:
                await self._made.run()
                self.is_ended = True
                _log.warning("an edge has ended by itself", place=self.plan.place)
                return
            except TENTACLE_FAULTS as exc:
                error = self.failed(f"run: {type(exc).__name__}: {exc}")
                if self._is_closed or not self._on_failure(error):
                    return
            await asyncio.sleep(self._around.limits.wait_s(self.failures))
            self._make_anew()

    async def take(self, item: Item) -> str:
        """Hand over one item and return why that failed, or ""."""
        limit_s = self._around.limits.delivery_s
        try:
            async with asyncio.timeout(limit_s) as limit:
                if isinstance(item, Message):
                    await self._made.notify(item)
                else:
                    self._order(self._made.on_record((item.input, *item.events)))
        except TENTACLE_FAULTS as exc:
            slow = isinstance(exc, TimeoutError) and limit.expired()
            return self.failed(f"no answer within {limit_s:g} s" if slow else f"{type(exc).__name__}: {exc}")
        self.failures = 0
        return ""

    def _order(self, commands: Any) -> None:
        """Send what an automation orders, all or nothing."""
        commands = tuple(commands or ())
        for command in commands:
            if not isinstance(command, OperatorCommand):
                raise TypeError(f"on_record gave {command!r}, expected OperatorCommands")
        for command in commands:
            try:
                self._around.send(replace(command, by=command.by or f"automation:{self.plan.name}"))
            except InboxClosed:
                return  # the bot is stopping, and its engine has taken its last input

    def failed(self, error: str) -> str:
        """Count and log a failure; return it."""
        self.failures = self.failures + 1 if self.is_failing else 1
        self.error, self._failed_s = error, time.monotonic()
        _log.error("an edge failed", place=self.plan.place, error=error, failures=self.failures)
        return error

    def renew(self) -> None:
        """Go on with a fresh instance; with this one, when none can be made."""
        was = self._made
        self._make_anew()
        if self._running is not None and self._made is not was:
            self._running.cancel()
            self._running = self._launched()

    def _make_anew(self) -> None:
        old = self._made
        try:
            self._made = self.plan.make()
        except TENTACLE_FAULTS as exc:
            self.failed(str(exc))
        else:
            self._around.launch(self._closed(old), name=f"{self.plan.place} closes")

    async def close(self) -> None:
        """End its `run` and close it."""
        if self._is_closed:
            return
        self._is_closed = True
        if self._running is not None and not self._running.done():
            self._running.cancel()
            await asyncio.wait({self._running}, timeout=self._around.limits.close_s)
        await self._closed(self._made)

    async def _closed(self, made: Any) -> None:
        if not hasattr(made, "close"):
            return
        try:
            async with asyncio.timeout(self._around.limits.close_s):
                closing = made.close()
                if isawaitable(closing):
                    await closing
        except TENTACLE_FAULTS as exc:
            _log.error("an edge could not be closed", place=self.plan.place, error=f"{type(exc).__name__}: {exc}")
