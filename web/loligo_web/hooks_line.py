"""The line of what hooks said and the bot was not told yet: bounded, in order, one at a time.

What must hold: nobody who sends waits longer than they say, however busy the engine is; what was taken is tried
while the page is open, and what is left then may be sent again; who sends too often, in sum or by one hook, is told so
and nothing of it is taken.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import structlog

from loligo.api import Actor, Answer, Door, LoligoError, NotRunning, Role

LONGEST = 64
LAST_S = 1.0  # for those that wait when the page closes
VERB = "signal.publish"
_log = structlog.get_logger("web.hooks")


@dataclass(frozen=True, slots=True)
class _Waiting:
    actor: Actor
    arguments: Mapping[str, Any]
    key: str
    told: Callable[[], object]
    failed: Callable[[], object]
    answer: asyncio.Future[Answer | LoligoError]


class Line:
    """Asks the door in the order in which hooks were called."""

    def __init__(self, door: Door, longest: int = LONGEST) -> None:
        self._door = door
        self._line: asyncio.Queue[_Waiting] = asyncio.Queue(longest)
        self._is_closed = False

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Serve the line for as long as the block runs, and a moment more."""
        work = asyncio.create_task(self._work(), name="web hooks")
        try:
            yield
        finally:
            await asyncio.wait({ending := asyncio.create_task(self._line.join(), name="web hooks end")}, timeout=LAST_S)
            if not ending.done():
                _log.error("the page closes before the bot was told what hooks said", waiting=self._line.qsize())
            self._is_closed = True
            for task in (ending, work):
                task.cancel()
            await asyncio.gather(ending, work, return_exceptions=True)
            while not self._line.empty():
                _end(self._line.get_nowait(), _closed())

    def put(
        self,
        name: str,
        arguments: Mapping[str, Any],
        key: str,
        *,
        told: Callable[[], object],
        failed: Callable[[], object],
    ) -> asyncio.Future[Answer | LoligoError] | None:
        """Put in line what a hook said; None: the line is full. `told` or `failed` is called when its turn is over."""
        answer: asyncio.Future[Answer | LoligoError] = asyncio.get_running_loop().create_future()
        waiting = _Waiting(Actor(name=f"hook:{name}", role=Role.TRADE), arguments, key, told, failed, answer)
        if self._is_closed:
            _end(waiting, _closed())
            return answer
        try:
            self._line.put_nowait(waiting)
        except asyncio.QueueFull:
            return None
        return answer

    async def wait(self, answer: asyncio.Future[Answer | LoligoError], until: float) -> Answer | LoligoError | None:
        """Return what came of it, None when that is not known by then, a time of the loop."""
        await asyncio.wait({answer}, timeout=max(0.0, until - asyncio.get_running_loop().time()))
        return answer.result() if answer.done() else None

    async def _work(self) -> None:
        while True:
            waiting = await self._line.get()
            try:
                outcome = await self._ask(waiting)
            except asyncio.CancelledError:
                _end(waiting, _closed())
                raise
            _end(waiting, outcome)
            self._line.task_done()

    async def _ask(self, waiting: _Waiting) -> Answer | LoligoError:
        try:
            return await self._door.ask(waiting.actor, VERB, waiting.arguments, key=waiting.key)
        except LoligoError as exc:
            return exc
        except Exception as exc:  # a fault of ours: recorded, and the others in line are served
            _log.error("what a hook said could not be passed on", hook=waiting.actor.name, exc_info=exc)
            return LoligoError("this is a fault of Loligo; its log has it")


def _closed() -> LoligoError:
    return NotRunning("the page closes before the bot said that it was told; send it again")


def _end(waiting: _Waiting, outcome: Answer | LoligoError) -> None:
    """Note what came of it, and answer who waits."""
    try:
        (waiting.failed if isinstance(outcome, LoligoError) else waiting.told)()
    except Exception as exc:  # such as a full disk: recorded, and the others in line are served
        _log.error("what came of a hook could not be noted", hook=waiting.actor.name, exc_info=exc)
    waiting.answer.set_result(outcome)


class Allowance:
    """How often each may come: `per_minute`, as many at once, coming back evenly. `now_s` is of any clock."""

    def __init__(self, per_minute: int, most: int = 10_000) -> None:
        self._per_minute, self._most = per_minute, most
        self._left: dict[str, tuple[float, float]] = {}  # and when that was

    def wait_s(self, who: str, now_s: float) -> float:
        """Take one, and return 0; or return how long to wait for the next."""
        left, at_s = self._left.pop(who, (float(self._per_minute), now_s))
        left = min(self._per_minute, left + (now_s - at_s) * self._per_minute / 60)
        is_enough = left >= 1
        self._left[who] = (left - 1 if is_enough else left), now_s
        while len(self._left) > self._most:
            del self._left[next(iter(self._left))]  # who came longest ago
        return 0.0 if is_enough else (1 - left) * 60 / self._per_minute
