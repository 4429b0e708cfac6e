"""Work of many people at once, of each chat in its order.

What must hold: what came first in a lane is begun first, and the next waits for it, but no longer than `patience_s`:
a slow answer must not hold up an emergency. What fails is reported and stops nothing. What was put here when the end
comes is still begun, and has `last_s` to get done.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Hashable
from typing import Any

from structlog.typing import FilteringBoundLogger

Work = Callable[[], Awaitable[None]]


class Lanes:
    """A context in which work is taken; a lane with `most` waiting takes no more, which is logged."""

    def __init__(
        self,
        log: FilteringBoundLogger,
        *,
        patience_s: float = 2.0,
        last_s: Callable[[], float] = lambda: 0.6,
        most: int = 100,
    ) -> None:
        self._log, self._patience_s, self._last_s, self._most = log, patience_s, last_s, most
        self._waiting: dict[Hashable, deque[Work]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Lanes:
        return self

    async def __aexit__(self, *_: object) -> None:
        end_s = asyncio.get_running_loop().time() + self._last_s()
        while self._tasks and (left_s := end_s - asyncio.get_running_loop().time()) > 0:
            await asyncio.wait(self._tasks, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
        left = list(self._tasks)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def put(self, lane: Hashable, work: Work) -> None:
        """Do it when its turn comes; never waits."""
        if (line := self._waiting.get(lane)) is None:
            line = self._waiting[lane] = deque()
            self._start(self._drive(lane, line))
        if len(line) >= self._most:
            self._log.warning("a chat asks faster than it is answered, a request is left out", lane=str(lane))
            return
        line.append(work)

    def _start(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(coroutine, name="chat request")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _drive(self, lane: Hashable, line: deque[Work]) -> None:
        while line:
            await asyncio.wait({self._start(self._guarded(line.popleft()))}, timeout=self._patience_s)
        del self._waiting[lane]

    async def _guarded(self, work: Work) -> None:
        try:
            await work()
        except Exception as exc:
            self._log.error("a request of a chat failed", error=f"{type(exc).__name__}: {exc}")
