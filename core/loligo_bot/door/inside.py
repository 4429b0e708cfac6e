"""What lies behind the door: the parts of a running bot that verbs may ask, and the few ways to change it.

What must hold: nothing here blocks the event loop; whatever a read model says was durable before; a change goes the one
way of its kind, a command through the inbox and an exchange of tentacles through the reconciler.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

import msgspec

from loligo.config import LoligoConfig
from loligo.engine.engine import Engine
from loligo.errors import BadArguments, InboxClosed, LoligoError
from loligo.model.command import OperatorCommand, SwapResult
from loligo.ports.door import Door
from loligo.registry.registry_file import REGISTRY_FILE
from loligo.runtime.supervisor import Supervisor
from loligo_bot.assembly import Bot
from loligo_bot.committing import Beside
from loligo_bot.door.looked import Looked
from loligo_bot.door.once import OTHER_ARGUMENTS
from loligo_bot.door.trail import current
from loligo_bot.edges import Edges
from loligo_bot.experiments.keeper import Experiments
from loligo_bot.health.monitor import Monitor
from loligo_bot.jobs.keeper import Jobs
from loligo_bot.metering import Meter
from loligo_bot.notifying import Notifying
from loligo_bot.projecting import Projecting
from loligo_bot.reconcile import Reconciler
from loligo_bot.session import EngineThread, Session
from loligo_bot.wish import SwapReport, When, Wish, file_hash
from loligo_store.reader import JournalReader
from loligo_store.rows import ProjectionReader

COMMAND_TIMEOUT_S = 5.0  # for the engine to take a person's command
COMMAND_KEPT_S = 3_600.0  # one that was not taken by then is heard of no more
MOST_KNOWN = 1_000  # commands with a key that are done
RECALL_S = 10.0  # to read what an earlier run journalled last
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Handled:
    """What the engine made of a command; `seq` is that of the event that says so."""

    is_done: bool
    message: str
    seq: int


_TERMS = ("kind", "target", "level", "instrument")  # of a command, the same for all of one key


def _check_same(command: OperatorCommand, before: Mapping[str, Any]) -> None:
    """BadArguments when a key was used for another command before."""
    if any(before[name] != getattr(command, name) for name in _TERMS):
        raise BadArguments(OTHER_ARGUMENTS, {"key": OTHER_ARGUMENTS})


@dataclass(slots=True, kw_only=True)
class Inside:
    """A running bot, as verbs see it; on its event loop."""

    bot: Bot
    session: Session
    thread: EngineThread
    reconciler: Reconciler
    health: Monitor
    edges: Edges
    projecting: Projecting
    rows: ProjectionReader
    journal: Callable[[], JournalReader]  # a new one: each serves one thread
    tasks: Supervisor
    meter: Meter
    committer: Beside
    notifying: Notifying
    jobs: Jobs
    experiments: Experiments
    command_timeout_s: float = COMMAND_TIMEOUT_S
    numbers: Iterator[int] = field(default_factory=count)  # of commands without a key
    _commands: dict[str, tuple[OperatorCommand, asyncio.Task[Handled | LoligoError]]] = field(
        default_factory=dict
    )  # by id: those at work, and the newest that had a key
    _is_recalled: bool = False
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)  # of those who want the read models to be new
    looked: Looked = field(default_factory=Looked)  # packages that wait for a person's yes
    available: dict[str, str] = field(default_factory=dict)  # newer versions by kind/name, as sources were asked
    drawing: asyncio.Lock = field(default_factory=asyncio.Lock)  # one picture at a time
    packing: asyncio.Lock = field(default_factory=asyncio.Lock)  # one backup at a time
    door: Door | None = None  # to itself: what a view of a tentacle shows is asked as anything else is
    _asked: int = 0
    _projected: int = 0  # so many of them have had their round

    @property
    def home(self) -> Path:
        return self.bot.home

    @property
    def engine(self) -> Engine:
        return self.bot.engine

    @property
    def config(self) -> LoligoConfig:
        """Return the configuration that runs."""
        return self.reconciler.running.config

    async def read(self, work: Callable[[], T]) -> T:
        """Return what a function that blocks returns, run in a thread once the read models are as new as can be."""
        await self._catch_up()
        return await asyncio.to_thread(work)

    async def _catch_up(self) -> None:
        """Project what is durable; all who ask while one round is at work share the next one."""
        self._asked = mine = self._asked + 1
        async with self._turn:
            if self._projected < mine:
                asked = self._asked
                await asyncio.to_thread(self.projecting.catch_up)
                self._projected = asked

    def start(self, work: Coroutine[Any, Any, T], *, name: str) -> asyncio.Task[T]:
        """Run what somebody waits for; when the bot stops, it has a moment to end, so that whoever asked hears."""
        return self.tasks.start(work, name=name, stage="edges", ask=lambda: None)

    # Commands of people

    async def command(self, command: OperatorCommand, *, is_keyed: bool) -> Handled:
        """Return what the engine made of a command. One with a key is given once, whenever and by whichever run.

        LoligoError when the engine does not answer in time; the command stays in its inbox, and asking again with the
        same key waits for it.
        """
        ident = command.command_id
        if is_keyed and ident not in self._commands:
            known = await self._recalled(command)
            if known is not None:
                current().is_told = True
                return known
        if ident not in self._commands:  # else another came first meanwhile
            self._commands[ident] = command, self.start(self._given(command), name=f"command {ident}")
            self._forget_oldest()
        first, task = self._commands[ident]
        _check_same(command, {name: getattr(first, name) for name in _TERMS})
        current().is_told = True
        done, _ = await asyncio.wait({task}, timeout=self.command_timeout_s)
        if not done:
            hang = self.thread.hang
            why = f"; {hang.tentacle} hangs since {hang.since} in {hang.place}" if hang else ""
            if not is_keyed:
                self._commands.pop(ident, None)  # nobody can ask for it again
            raise LoligoError(f"the engine did not answer within {self.command_timeout_s:g} s{why}")
        handled = None if task.cancelled() else task.result()
        if not is_keyed or not isinstance(handled, Handled):
            self._commands.pop(ident, None)  # unless another who waited for it came first
        if handled is None:
            raise InboxClosed("the bot is stopping, and its engine has taken its last command")
        if isinstance(handled, LoligoError):
            raise handled
        return handled

    def _forget_oldest(self) -> None:
        """Remember no more of those that are done than the read models may not have yet."""
        for ident in [ident for ident, (_, task) in self._commands.items() if task.done()][:-MOST_KNOWN]:
            del self._commands[ident]

    async def _given(self, command: OperatorCommand) -> Handled | LoligoError:
        """Errors are returned: whoever waits raises them, and nobody may wait any more."""
        try:
            handled = await self.thread.command(command, COMMAND_KEPT_S)
        except TimeoutError:
            return LoligoError(f"the engine did not answer within {COMMAND_KEPT_S:g} s")
        except LoligoError as exc:
            return exc
        return Handled(handled.is_done, handled.message, handled.seq)

    async def _recalled(self, command: OperatorCommand) -> Handled | None:
        """Return what the journal says of a command that was given before. BadArguments when it was another one."""
        if not self._is_recalled:
            await asyncio.to_thread(self.projecting.catch_up, RECALL_S)
            self._is_recalled = True
        rows = await asyncio.to_thread(partial(self.rows.rows, "commands", where={"command_id": command.command_id}))
        if not rows or rows[0]["is_done"] is None:
            return None
        _check_same(command, rows[0])
        return Handled(rows[0]["is_done"], rows[0]["message"], rows[0]["seq"])

    # Exchange of tentacles and settings

    async def swap(self, wish: Wish, patience_s: float) -> SwapReport | dict[str, Any]:
        """Take up what is wanted; return the report, or how far it is when it takes longer than the asker waits: it
        goes on by itself. InboxClosed when the bot ends first."""
        swap = current().swap = self.tasks.start(self._reconciled(wish), name="swap", stage="edges")
        done, _ = await asyncio.wait({swap}, timeout=patience_s)
        if not done:
            attempt = self.reconciler.attempt
            return attempt.status() if attempt and attempt.wish is wish else {}
        if swap.cancelled():
            raise InboxClosed("the bot is stopping; `loligo tentacle history` says what came of it")
        report: SwapReport = swap.result()
        return report

    async def _reconciled(self, wish: Wish) -> SwapReport:
        report = await self.reconciler.reconcile(wish)
        if report.result is not SwapResult.UNCHANGED and report.by == wish.by:  # else it is not told, or another's
            current().is_told = True
        return report

    async def swap_of_files(
        self, change: Callable[[], T], *, by: str, why: str, patience_s: float, when: When | None = None
    ) -> tuple[T, SwapReport | dict[str, Any] | None]:
        """Change files by a function that blocks, and have that taken up in the name of who wanted it; None where the
        configuration says that files are not taken up by themselves."""
        began = monotonic()
        done = await asyncio.to_thread(change)
        if not self.config.swap.watch:
            return done, None
        registry = await asyncio.to_thread(file_hash, self.home / REGISTRY_FILE)  # whole: it was replaced
        wish = Wish(by=by, why=why, when=when, ago_s=monotonic() - began, registry=registry)
        return done, await self.swap(wish, patience_s)


def keyed_id(actor: str, verb: str, key: str) -> str:
    """Return what names a question that was asked with a key, in the journal, too."""
    return "key-" + hashlib.sha256(msgspec.json.encode((actor, verb, key))).hexdigest()[:32]
