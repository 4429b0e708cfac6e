"""Candle files: what is read, in which order, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from loligo.api import Candle, ConfigError, DataError, market_order

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
HOUR = HOUR_MS * 1_000_000
Row = tuple[float, ...]


def hours(*numbers: int, price: float = 100.0) -> list[Row]:
    return [(hour * HOUR_MS, price, price + 2, price - 2, price + 1, 5.0) for hour in numbers]


def source(file: str, instrument: str = "x:A/USD", timeframe: str = "1h", **more: Any) -> dict[str, Any]:
    return {"file": file, "instrument": instrument, "timeframe": timeframe, **more}


def test_a_candle_becomes_known_at_its_close(make_feed: Any, write_candles: Any) -> None:
    feed = make_feed([source(write_candles("a.parquet", hours(7)))])
    assert list(feed.read()) == [Candle("x:A/USD", "1h", 7 * HOUR, 8 * HOUR, 100.0, 102.0, 98.0, 101.0, 5.0)]


def test_series_merge_by_time_then_longest_timeframe_then_instrument(make_feed: Any, write_candles: Any) -> None:
    sources = [
        source(write_candles("b.parquet", hours(*range(8))), "x:B/USD", build=["4h", "2h"]),
        source(write_candles("a.parquet", hours(*range(8))), "x:A/USD", build=["4h"]),
        source(write_candles("c.parquet", [(0, 1.0, 1.0, 1.0, 1.0, 1.0)]), "x:C/USD", "4h"),
    ]
    inputs = list(make_feed(sources).read())
    assert inputs == sorted(inputs, key=market_order)
    at_four = [f"{c.instrument} {c.timeframe}" for c in inputs if c.ts == 4 * HOUR]
    assert at_four == ["x:A/USD 4h", "x:B/USD 4h", "x:C/USD 4h", "x:B/USD 2h", "x:A/USD 1h", "x:B/USD 1h"]


def test_chunks_of_different_length_merge_as_if_there_were_none(make_feed: Any, write_candles: Any) -> None:
    minutes = [(i * MINUTE_MS, 1.0, 1.0, 1.0, 1.0, 1.0) for i in range(40_000)]  # three chunks
    sources = [
        source(write_candles("a.parquet", minutes), "x:A/USD", "1m", build=["1h"]),
        source(write_candles("b.parquet", hours(*range(700))), "x:B/USD"),
    ]
    inputs = list(make_feed(sources).read())
    assert len(inputs) == 40_000 + 40_000 // 60 + 700
    assert inputs == sorted(inputs, key=market_order)


def test_since_is_later_than_and_until_is_up_to(make_feed: Any, write_candles: Any) -> None:
    sources = [source(write_candles("a.parquet", hours(*range(48))))]
    feed = make_feed(sources, since="1970-01-01T10:00:00Z", until="1970-01-02")
    assert [c.ts // HOUR for c in feed.read()] == list(range(11, 25))
    assert [c.ts // HOUR for c in feed.read(since_ns=20 * HOUR, until_ns=22 * HOUR)] == [21, 22]


def test_a_part_has_the_built_candles_of_the_whole(make_feed: Any, write_candles: Any) -> None:
    sources = [source(write_candles("a.parquet", hours(*range(1, 200))), build=["4h", "1d", "1w"])]
    whole = list(make_feed(sources).read())
    part = list(make_feed(sources).read(since_ns=50 * HOUR, until_ns=170 * HOUR))
    assert part == [c for c in whole if 50 * HOUR < c.ts <= 170 * HOUR]


def test_later_chunks_are_not_read_before_they_are_needed(make_feed: Any, write_candles: Any) -> None:
    rows = [(i * MINUTE_MS, 1.0, 1.0, 1.0, 1.0, 1.0) for i in range(20_000)]
    rows[19_999] = (19_999 * MINUTE_MS, 1.0, 1.0, 1.0, 1.0, -1.0)
    inputs = make_feed([source(write_candles("a.parquet", rows), timeframe="1m")]).read()
    assert len(list(islice(inputs, 16_384))) == 16_384
    with pytest.raises(DataError, match="row 20000: "):
        list(inputs)


NAN, INF = float("nan"), float("inf")
GOOD = (3 * HOUR_MS, 100.0, 102.0, 98.0, 101.0, 5.0)
UNSOUND = {
    "duplicate": ((2 * HOUR_MS, *GOOD[1:]), "is a duplicate of the row before; remove one"),
    "disorder": ((HOUR_MS, *GOOD[1:]), "is older than the row before; sort the file"),
    "off the grid": ((3 * HOUR_MS + 1, *GOOD[1:]), "not a multiple of the timeframe"),
    "gap": ((6 * HOUR_MS, *GOOD[1:]), "after a gap of 3 candles, 2 are accepted; .* maximum_gap_candles: 3"),
    "nan": ((*GOOD[:4], NAN, 5.0), "close nan"),
    "infinite high": ((GOOD[0], 100.0, INF, 98.0, 101.0, 5.0), "high inf"),
    "infinite volume": ((*GOOD[:5], INF), "volume inf"),
    "high below low": ((GOOD[0], 100.0, 98.0, 102.0, 101.0, 5.0), "high 98.0, low 102.0"),
    "open above high": ((GOOD[0], 103.0, *GOOD[2:]), "open 103.0, high 102.0"),
    "close below low": ((*GOOD[:4], 97.0, 5.0), "close 97.0"),
    "negative volume": ((*GOOD[:5], -0.1), "volume -0.1"),
    "zero price": ((GOOD[0], 100.0, 102.0, 0.0, 101.0, 5.0), "low 0.0"),
    "negative price": ((GOOD[0], -1.0, 102.0, -1.0, 101.0, 5.0), "low -1.0"),
    "before 1970": ((-HOUR_MS, *GOOD[1:]), "timestamp -3600000 is no time since 1970"),
    "not milliseconds": ((3 * HOUR, *GOOD[1:]), "opened .* after a gap|is no time since 1970"),
}


@pytest.mark.parametrize(("row", "fault"), UNSOUND.values(), ids=UNSOUND.keys())
def test_an_unsound_row_is_refused_with_file_and_row(row: Row, fault: str, make_feed: Any, write_candles: Any) -> None:
    path = write_candles("a.parquet", [*hours(0, 1, 2), row])
    with pytest.raises(DataError, match=rf"a\.parquet, row 4: .*{fault}"):
        list(make_feed([source(path)], maximum_gap_candles=2).read())


@pytest.mark.parametrize("index", [16_383, 16_384, 16_385])
def test_a_row_is_checked_against_the_one_before_it_across_chunks(
    index: int, make_feed: Any, write_candles: Any
) -> None:
    rows = [(i * MINUTE_MS, 1.0, 1.0, 1.0, 1.0, 1.0) for i in range(17_000)]
    rows[index] = rows[index - 1]
    with pytest.raises(DataError, match=rf"row {index + 1}: .*duplicate"):
        list(make_feed([source(write_candles("a.parquet", rows), timeframe="1m")]).read())


def test_accepted_gaps_are_counted(make_feed: Any, write_candles: Any) -> None:
    feed = make_feed([source(write_candles("a.parquet", hours(0, 1, 4, 5, 7)))])
    assert len(list(feed.read())) == 5
    count = feed.gap_counts["x:A/USD 1h"]
    assert (count.gaps, count.missing_candles) == (2, 3)  # 02:00 and 03:00; 06:00


def test_every_gap_is_refused_where_the_setting_says_so(make_feed: Any, write_candles: Any) -> None:
    feed = make_feed([source(write_candles("a.parquet", hours(0, 2)), maximum_gap_candles=9)], gaps="refuse")
    with pytest.raises(DataError, match="a gap of 1 candles, 0 are accepted"):
        list(feed.read())


def test_a_csv_file_gives_the_same_candles_and_names_lines(tmp_path: Path, make_feed: Any, write_candles: Any) -> None:
    rows = hours(0, 1, 2)
    text = ["timestamp,open,high,low,close,volume", *[",".join(map(str, row)) for row in rows]]
    file = tmp_path / "a.csv"
    file.write_text("\n".join(text))
    parquet = make_feed([source(write_candles("a.parquet", rows))])
    assert list(make_feed([source(str(file))]).read()) == list(parquet.read())
    file.write_text("\n".join(text), encoding="utf-8-sig")  # as spreadsheets save it
    assert list(make_feed([source(str(file))]).read()) == list(parquet.read())
    file.write_text("\n".join([*text, f"{3 * HOUR_MS},1,1,1,oops,1"]))
    with pytest.raises(DataError, match=r'a\.csv, line 5: close is "oops", expected a number'):
        list(make_feed([source(str(file))]).read())
    file.write_text("\n".join([*text, f"{3 * HOUR_MS},1,1"]))
    with pytest.raises(DataError, match=r"a\.csv, line 5: 3 values, expected 6"):
        list(make_feed([source(str(file))]).read())


def test_a_file_of_another_kind_is_refused(tmp_path: Path, make_feed: Any, write_parquet: Any) -> None:
    lacking = write_parquet("lacking.parquet", timestamp=[1], open=[1.0])
    with pytest.raises(DataError, match="no column high, low, close, volume"):
        list(make_feed([source(lacking)]).read())
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"PAR1 this is no table")
    with pytest.raises(DataError, match="expected a sound Parquet file"):
        list(make_feed([source(str(broken))]).read())
    empty = write_parquet(
        "empty.parquet", **{name: [1.0] for name in ("open", "high", "low", "close", "volume")}, timestamp=[None]
    )
    with pytest.raises(DataError, match="row 1: timestamp is empty"):
        list(make_feed([source(empty)]).read())


def test_a_relative_file_is_sought_in_data_then_among_the_bundled(
    tmp_path: Path, make_feed: Callable[..., Any], write_candles: Callable[..., str]
) -> None:
    write_candles("data/bitstamp/ETH_USD-1d.parquet", [(0, 1.0, 1.0, 1.0, 1.0, 1.0)])
    sources = [source("bitstamp/ETH_USD-1d.parquet", "bitstamp:ETH/USD", "1d")]
    assert len(list(make_feed(sources, home=str(tmp_path)).read())) == 1
    assert len(list(make_feed(sources).read())) == 782
    with pytest.raises(ConfigError, match=r'no file "gone.parquet" in .*data or .*market'):
        make_feed([source("gone.parquet")], home=str(tmp_path))


WRONG_SETTINGS: dict[str, dict[str, Any]] = {
    "expected a number and one of": {"sources": [source("a.parquet", timeframe="")]},
    'cannot build "90m"': {"sources": [source("a.parquet", build=["90m"])]},
    "comes from two sources": {"sources": [source("a.parquet", build=["1d"]), source("b.parquet", timeframe="24h")]},
    "timeframe and build are for candles": {"sources": [source("a.parquet", kind="trades")]},
    "parquet files hold no recording": {"sources": [source("a.parquet", timeframe="", kind="recording")]},
    "cannot tell the format": {"sources": [source("a.dat")]},
    "expected ISO 8601": {"sources": [], "since": "yesterday"},
    "greater than or equal to 0": {"sources": [], "speed": -1},
    "Extra inputs are not permitted": {"sources": [], "pace": 1},
}


@pytest.mark.parametrize(("fault", "settings"), WRONG_SETTINGS.items(), ids=WRONG_SETTINGS.keys())
def test_wrong_settings_are_refused(fault: str, settings: dict[str, Any], make_feed: Any) -> None:
    with pytest.raises(ValidationError, match=fault):
        make_feed(**settings)
