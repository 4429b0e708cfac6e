"""The clock of the edges. It never reaches the engine: there, time is what the inputs say."""

from __future__ import annotations

import asyncio
import time

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
