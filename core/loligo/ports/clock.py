"""Time as the edges see it. The engine has no clock: its time is the `ts` of its inputs."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """Integer nanoseconds UTC, of the world or of a replay."""

    def now_ns(self) -> int: ...

    async def sleep_until(self, ts_ns: int) -> None:
        """Return when the clock shows `ts_ns` or later; at once, after one turn of the loop, when it already does."""
        ...
