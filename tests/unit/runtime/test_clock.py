"""The clock of the edges."""

from __future__ import annotations

import asyncio

from loligo.runtime.clock import SystemClock


def test_system_clock_sleeps_until_the_wall_clock_is_there() -> None:
    clock = SystemClock()
    due_ns = clock.now_ns() + 5_000_000
    asyncio.run(clock.sleep_until(due_ns))
    assert clock.now_ns() >= due_ns
