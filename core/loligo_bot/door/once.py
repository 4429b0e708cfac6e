"""Once: a question with a key is answered once, however often it is asked.

What must hold: while the first is at work the others wait for it; the first answer stays for a day; an error is no
answer, so the next one tries again; memory is bounded. Work goes on when whoever asked has gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from time import monotonic
from typing import Any, Protocol

from loligo.errors import BadArguments
from loligo.ports.door import Answer

KEPT_S = 86_400.0
OTHER_ARGUMENTS = "key: it was used for the same verb with other arguments before; use another key"
MOST = 10_000  # answers kept; the oldest go first

_Outcome = Answer | Exception
_Work = Coroutine[Any, Any, Answer]


class Start(Protocol):
    """Starts a task that the bot ends when it ends."""

    def __call__(self, work: Coroutine[Any, Any, Any], /, *, name: str) -> asyncio.Task[Any]: ...


@dataclass(frozen=True, slots=True)
class _First:
    task: asyncio.Task[_Outcome]
    asked: str  # with which arguments
    at: float


class Once:
    """The answers of a day, by the id of the question."""

    def __init__(self, start: Start, *, now_s: Callable[[], float] = monotonic, most: int = MOST) -> None:
        self._start, self._now_s, self._most = start, now_s, most
        self._firsts: dict[str, _First] = {}  # oldest first

    async def answer(self, name: str, asked: str, work: Callable[[], _Work]) -> Answer:
        """Return what the work comes to, or came to the first time. Without a name ("") it is always done.

        BadArguments when the first one asked for something else.
        """
        self._forget()
        first = self._firsts.get(name)
        if first is None:
            first = _First(self._start(_outcome(work()), name=f"asked {name}"), asked, self._now_s())
            if name:
                self._firsts[name] = first
        if first.asked != asked:
            raise BadArguments(OTHER_ARGUMENTS, {"key": OTHER_ARGUMENTS})
        outcome = await asyncio.shield(first.task)
        if isinstance(outcome, Exception):
            if self._firsts.get(name) is first:
                del self._firsts[name]
            raise outcome
        return outcome

    def _forget(self) -> None:
        oldest = self._now_s() - KEPT_S
        while self._firsts:
            name = next(iter(self._firsts))
            if len(self._firsts) < self._most and self._firsts[name].at > oldest:
                return
            del self._firsts[name]


async def _outcome(work: _Work) -> _Outcome:
    """Errors are returned: those who wait raise them, and a task that fails would count as a fault of the bot."""
    try:
        return await work
    except Exception as exc:
        return exc
