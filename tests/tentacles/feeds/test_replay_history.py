"""Looking back: the newest candles before an instant, read or built, are those that a whole read gives."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loligo.api import Candle, DataError

HOUR_MS = 3_600_000
HOUR = HOUR_MS * 1_000_000
A = "x:A/USD"
GAPS = {7, 8, *range(40, 60), 90}


def row(hour: int) -> tuple[float, ...]:
    return (hour * HOUR_MS, 10.0 + hour, 12.0 + hour, 9.0, 11.0 + hour, 1.0)


@pytest.fixture
def sources(write_candles: Any) -> list[dict[str, Any]]:
    file = write_candles("a.parquet", [row(hour) for hour in range(5, 140) if hour not in GAPS])
    return [{"file": file, "instrument": A, "timeframe": "1h", "build": ["4h", "1d"]}]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(until=st.integers(0, 160 * HOUR), count=st.integers(1, 40), timeframe=st.sampled_from(["1h", "4h", "1d"]))
def test_history_is_the_end_of_what_a_whole_read_gives_up_to_then(
    until: int, count: int, timeframe: str, sources: Any, make_feed: Any
) -> None:
    candles = [item for item in make_feed(sources).read() if isinstance(item, Candle) and item.timeframe == timeframe]
    known = [item for item in candles if item.ts <= until]
    assert list(make_feed(sources).history(A, timeframe, until, count)) == known[-count:]


def test_history_reaches_behind_the_since_of_the_settings(sources: Any, make_feed: Any) -> None:
    """The replay begins with the candle that closes at hour 31; those before it closed at 28, 29 and 30."""
    feed = make_feed(sources, since="1970-01-02T06:00:00Z")
    first = next(feed.read())
    assert first.ts == 31 * HOUR
    assert [item.ts // HOUR for item in feed.history(A, "1h", first.ts - 1, 3)] == [28, 29, 30]


def test_what_is_in_no_source_has_no_history(sources: Any, make_feed: Any) -> None:
    feed = make_feed(sources)
    assert not feed.history("x:B/USD", "1h", 100 * HOUR, 5)
    assert not feed.history(A, "2h", 100 * HOUR, 5)


def test_an_unsound_row_in_the_history_is_refused(write_candles: Any, make_feed: Any) -> None:
    rows = [row(0), (HOUR_MS, 10.0, 9.0, 12.0, 11.0, 1.0), row(2)]
    feed = make_feed([{"file": write_candles("a.parquet", rows), "instrument": A, "timeframe": "1h"}])
    with pytest.raises(DataError, match=r"a\.parquet, row 2"):
        feed.history(A, "1h", 9 * HOUR, 2)
