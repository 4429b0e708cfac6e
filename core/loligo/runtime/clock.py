"""The clocks of the edges: the world's, and a replay's that runs at any speed.

Neither ever reaches the engine: there, time is what the inputs say.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from loligo.errors import ConfigError
from loligo.model.timeframe import SECOND_NS

LONGEST_NAP_S = 30.0  # the wall clock may be set while we sleep, so a long wait looks again from time to time


class SystemClock:
    """The wall clock of this machine, UTC."""

    def now_ns(self) -> int:
        return time.time_ns()

    async def sleep_until(self, ts_ns: int) -> None:
        await asyncio.sleep(0)
        while (rest_ns := ts_ns - self.now_ns()) > 0:
            await asyncio.sleep(min(rest_ns / SECOND_NS, LONGEST_NAP_S))


class ReplayClock:
    """A clock that starts at `start_ns` and runs `speed` times as fast as the world; None: as fast as it goes.

    Without a speed it stands still until somebody sleeps, and then jumps. `monotonic_ns` is the source of real time.
    """

    def __init__(
        self, start_ns: int, *, speed: float | None = None, monotonic_ns: Callable[[], int] = time.monotonic_ns
    ) -> None:
        if speed is not None and not speed > 0:
            raise ConfigError(f"speed {speed}: expected a number greater than 0, or none for as fast as it goes")
        self.speed = speed
        self._monotonic_ns = monotonic_ns
        self._start_ns = start_ns
        self._started_ns = monotonic_ns()

    def now_ns(self) -> int:
        if self.speed is None:
            return self._start_ns
        return self._start_ns + int((self._monotonic_ns() - self._started_ns) * self.speed)

    async def sleep_until(self, ts_ns: int) -> None:
        await asyncio.sleep(0)
        if self.speed is None:
            self._start_ns = max(self._start_ns, ts_ns)
            return
        while (rest_ns := ts_ns - self.now_ns()) > 0:
            await asyncio.sleep(min(rest_ns / self.speed / SECOND_NS, LONGEST_NAP_S))
