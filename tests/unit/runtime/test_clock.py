"""Clocks: a replay's time is a function of real time and speed, or jumps."""

from __future__ import annotations

import asyncio

import pytest

from loligo.errors import ConfigError
from loligo.model.timeframe import HOUR_NS, SECOND_NS
from loligo.runtime.clock import ReplayClock, SystemClock


def test_replay_clock_without_speed_jumps_to_where_somebody_sleeps() -> None:
    clock = ReplayClock(5 * HOUR_NS)
    asyncio.run(clock.sleep_until(9 * HOUR_NS))
    assert clock.now_ns() == 9 * HOUR_NS


def test_replay_clock_never_goes_back() -> None:
    clock = ReplayClock(5 * HOUR_NS)
    asyncio.run(clock.sleep_until(2 * HOUR_NS))
    assert clock.now_ns() == 5 * HOUR_NS


def test_replay_clock_at_sixty_times_shows_a_minute_per_second() -> None:
    real_ns = [100]
    clock = ReplayClock(1_000, speed=60.0, monotonic_ns=lambda: real_ns[0])
    real_ns[0] += SECOND_NS
    assert clock.now_ns() == 1_000 + 60 * SECOND_NS


def test_replay_clock_with_speed_sleeps_until_its_time_has_come() -> None:
    clock = ReplayClock(0, speed=3600.0)  # an hour takes a second
    asyncio.run(clock.sleep_until(36 * SECOND_NS))  # so this takes 10 ms
    assert 36 * SECOND_NS <= clock.now_ns() < HOUR_NS


@pytest.mark.parametrize("speed", [0.0, -1.0, float("nan")])
def test_speed_that_leads_nowhere_is_refused(speed: float) -> None:
    with pytest.raises(ConfigError, match="greater than 0"):
        ReplayClock(0, speed=speed)


def test_system_clock_sleeps_until_the_wall_clock_is_there() -> None:
    clock = SystemClock()
    due_ns = clock.now_ns() + 5_000_000
    asyncio.run(clock.sleep_until(due_ns))
    assert clock.now_ns() >= due_ns
