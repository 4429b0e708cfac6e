"""A clock that stands still until a test moves it: whoever sleeps on it wakes when its time has come, at once."""

from __future__ import annotations

import asyncio
import heapq
from itertools import count

from loligo.api import SECOND_NS, iso


class ReplayClock:
    """Integer nanoseconds UTC (`loligo.api.Clock`). Time never runs backwards, and nobody waits for the wall clock."""

    def __init__(self, start_ns: int = 0) -> None:
        self._now_ns = start_ns
        self._sleepers: list[tuple[int, int, asyncio.Event]] = []  # due, turn, what wakes them
        self._turns = count()

    def now_ns(self) -> int:
        return self._now_ns

    @property
    def next_due_ns(self) -> int | None:
        """When the next sleeper wants to be woken; None when nobody sleeps."""
        return self._sleepers[0][0] if self._sleepers else None

    def advance_to(self, ts_ns: int) -> None:
        """Set the clock and wake who was to sleep until then, the earliest first. ValueError for a past one."""
        if ts_ns < self._now_ns:
            raise ValueError(f"the clock shows {iso(self._now_ns)} and cannot go back to {iso(ts_ns)}")
        self._now_ns = ts_ns
        while self._sleepers and self._sleepers[0][0] <= ts_ns:
            heapq.heappop(self._sleepers)[2].set()

    def advance(self, seconds: float) -> None:
        """Move the clock on by so many seconds."""
        self.advance_to(self._now_ns + int(seconds * SECOND_NS))

    async def sleep_until(self, ts_ns: int) -> None:
        """Return when the clock was moved to `ts_ns` or later; after one turn of the loop when it is there already."""
        if ts_ns <= self._now_ns:
            await asyncio.sleep(0)
            return
        woken = asyncio.Event()
        heapq.heappush(self._sleepers, (ts_ns, next(self._turns), woken))
        await woken.wait()
