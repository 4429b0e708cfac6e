"""The clock of the world, which does not jump when somebody sets the machine's."""

from __future__ import annotations

import asyncio
import time

from loligo.api import SECOND_NS, Clock

LONGEST_WAIT_S = 60.0


class SystemClock:
    """Nanoseconds UTC: the machine's time at its making, and what has passed since."""

    def __init__(self) -> None:
        self._offset_ns = time.time_ns() - time.monotonic_ns()

    def now_ns(self) -> int:
        return self._offset_ns + time.monotonic_ns()

    async def sleep_until(self, ts_ns: int) -> None:
        await asyncio.sleep(max(0, ts_ns - self.now_ns()) / SECOND_NS)


async def wait_s(clock: Clock, seconds: float) -> None:
    """Return when so much time has passed on the clock."""
    await clock.sleep_until(clock.now_ns() + round(seconds * SECOND_NS))


def backed_off_s(failures: int) -> float:
    """Return how long to wait after so many failures in a row: 1, 2, 4 ... 60 seconds."""
    return float(min(2.0 ** min(failures - 1, 30), LONGEST_WAIT_S))
