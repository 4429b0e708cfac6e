"""Resuming loses and doubles nothing; publishing keeps the pace and the order."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loligo.api import DataError, Input

HOUR_MS = 3_600_000
HOUR = HOUR_MS * 1_000_000
A, B = "x:A/USD", "x:B/USD"


def rows(hours: Sequence[int]) -> list[tuple[float, ...]]:
    return [(hour * HOUR_MS, 10.0 + hour, 12.0 + hour, 9.0, 11.0 + hour, 1.0) for hour in hours]


@pytest.fixture
def sources(write_candles: Any, write_parquet: Any) -> list[dict[str, Any]]:
    """Three files with gaps and many shared instants: candles of two instruments, and trades."""
    hours_a = [hour for hour in range(1, 90) if hour not in (7, 8, 40, 41, 42, 43)]
    times = [hour * HOUR_MS for hour in range(2, 60, 3) for _ in range(3)]
    columns = {"side": ["buy"] * len(times), "price": [1.0] * len(times), "amount": [1.0] * len(times)}
    trades = write_parquet("t.parquet", timestamp=times, id=[str(i) for i in range(len(times))], **columns)
    return [
        {"file": write_candles("a.parquet", rows(hours_a)), "instrument": A, "timeframe": "1h", "build": ["4h", "1d"]},
        {"file": write_candles("b.parquet", rows(range(30, 80))), "instrument": B, "timeframe": "1h", "build": ["2h"]},
        {"file": trades, "instrument": A, "kind": "trades"},
    ]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(share=st.floats(0, 1))
def test_a_resumed_read_continues_where_the_first_one_stopped(share: float, sources: Any, make_feed: Any) -> None:
    whole = list(make_feed(sources).read())
    cut = 1 + int(share * (len(whole) - 1))
    taken = whole[:cut]
    since_ns = taken[-1].ts
    since_count = sum(1 for item in taken if item.ts == since_ns)
    assert taken + list(make_feed(sources).read(since_ns=since_ns, since_count=since_count)) == whole


def test_without_a_count_everything_at_the_cursor_counts_as_taken(sources: Any, make_feed: Any) -> None:
    feed = make_feed(sources)
    whole = list(feed.read())
    assert list(feed.read(since_ns=32 * HOUR)) == [item for item in whole if item.ts > 32 * HOUR]
    assert list(feed.read(since_ns=32 * HOUR, since_count=0)) == [item for item in whole if item.ts >= 32 * HOUR]


def test_a_cursor_that_other_sources_made_is_refused(sources: Any, make_feed: Any) -> None:
    with pytest.raises(DataError, match="hold 7 inputs at 1970-01-02T08:00:00Z, but 9 were already taken"):
        list(make_feed(sources).read(since_ns=32 * HOUR, since_count=9))


class Recorder:
    """An inbox and a clock in one, so that what is put is noted with the time at which it was."""

    def __init__(self) -> None:
        self.now = 1_000
        self.batches: list[tuple[int, list[Input]]] = []
        self.sleeps = 0

    def now_ns(self) -> int:
        return self.now

    async def sleep_until(self, ts_ns: int) -> None:
        self.sleeps += 1
        self.now = max(self.now, ts_ns)

    async def put(self, item: Input) -> None:
        await self.put_many([item])

    async def put_many(self, items: Sequence[Input]) -> None:
        self.batches.append((self.now, list(items)))


def test_as_fast_as_it_goes_puts_all_inputs_in_batches_without_waiting(make_feed: Any, write_candles: Any) -> None:
    source = {"file": write_candles("a.parquet", rows(range(1_200))), "instrument": A, "timeframe": "1h"}
    recorder = Recorder()
    feed = make_feed([source], clock=recorder)
    asyncio.run(feed.run(recorder, since_ns=None))
    assert [len(items) for _, items in recorder.batches] == [512, 512, 176]
    assert [item for _, items in recorder.batches for item in items] == list(feed.read())
    assert recorder.sleeps == 0


def test_speed_divides_the_distances_between_inputs(make_feed: Any, write_candles: Any) -> None:
    source = {"file": write_candles("a.parquet", rows([0, 1, 4])), "instrument": A, "timeframe": "1h"}
    recorder = Recorder()
    asyncio.run(make_feed([source], clock=recorder, speed=3_600.0).run(recorder, since_ns=None))
    second = 1_000_000_000  # at 3,600x an hour is a second: closes at 1, 2 and 5 h are 0, 1 and 4 s from the start
    assert [(now - 1_000, len(items)) for now, items in recorder.batches] == [(0, 1), (second, 1), (4 * second, 1)]


def test_inputs_of_one_instant_are_put_together(sources: Any, make_feed: Any) -> None:
    recorder = Recorder()
    asyncio.run(make_feed(sources, clock=recorder, speed=1.0).run(recorder, since_ns=31 * HOUR, since_count=1))
    instants = [{item.ts for item in items} for _, items in recorder.batches]
    assert all(len(instant) == 1 for instant in instants)
    assert len(instants) == len({ts for instant in instants for ts in instant})


def test_a_late_feed_catches_up_in_batches(make_feed: Any, write_candles: Any) -> None:
    source = {"file": write_candles("a.parquet", rows(range(1_200))), "instrument": A, "timeframe": "1h"}

    class Stalled(Recorder):
        async def put_many(self, items: Sequence[Input]) -> None:
            await super().put_many(items)
            self.now += 2_000 * HOUR  # the inbox was full for longer than the whole replay takes

    recorder = Stalled()
    asyncio.run(make_feed([source], clock=recorder, speed=1.0).run(recorder, since_ns=None))
    assert [len(items) for _, items in recorder.batches] == [1, 512, 512, 175]


def test_an_end_before_the_cursor_leaves_nothing_to_read(sources: Any, make_feed: Any) -> None:
    feed = make_feed(sources, until="1970-01-02T00:00:00Z")
    assert list(feed.read(since_ns=32 * HOUR, since_count=2)) == []
    assert list(feed.read(since_ns=32 * HOUR)) == []
