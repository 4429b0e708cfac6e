"""The bots that the benchmarks run: made from a folder with config and registry, as a user's bot is."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow.parquet as pq

from loligo.model.market import Candle
from loligo.model.timeframe import timeframe_ns
from loligo_bot.assembly import Bot, assemble
from loligo_bot.folder_config import read_config
from loligo_kit.discovery import refresh

ROOT = Path(__file__).resolve().parents[2]
CANDLES = 105_120  # a year of 5m candles
SCALE = float(os.environ.get("LOLIGO_BENCH_SCALE") or 1)  # share of all candles, for a quick look at every figure
MS_NS = 1_000_000

Rows = Sequence[tuple[int, float, float, float, float, float]]  # open time in ms, open, high, low, close, volume

FULL_CHAIN = """
bot: {name: bench}
venues:
  binance:
    kind: simulated
    instruments:
      BTC/USDT: {price_step: 0.01, quantity_step: 0.00001, minimum_quantity: 0.00001, minimum_notional: 5}
      ETH/USDT: {price_step: 0.01, quantity_step: 0.0001, minimum_quantity: 0.0001, minimum_notional: 5}
accounts:
  paper: {deposits: {USDT: 100000}, reference: USDT}
desks:
  year:
    venue: binance
    account: paper
    instruments: [BTC/USDT, ETH/USDT]
    timeframe: 5m
    capital: 100000
    evaluators:
      - {tentacle: rsi, settings: {mode: momentum}}
      - {tentacle: macd}
      - {tentacle: ema_cross}
    strategy: {tentacle: weighted_vote, settings: {entry_threshold: 0.8, exit_threshold: 0.8}}
    mode: {tentacle: signal_spot}
    limits: {loss_pause_s: 10800}
feeds: []
"""

SMA_CROSS = """
bot: {name: bench}
venues:
  binance:
    kind: simulated
    instruments:
      BTC/USDT: {price_step: 0.01, quantity_step: 0.00001, minimum_quantity: 0.00001, minimum_notional: 5}
    fills: {slippage_rate: 0, impact_coefficient: 0, max_volume_share: null}
accounts:
  paper:
    deposits: {USDT: 100000}
    reference: USDT
    limits: {max_daily_loss: 0.99, max_exposure: 1, max_drawdown: 0.99, max_orders_per_minute: 100000}
desks:
  cross:
    venue: binance
    account: paper
    instruments: [BTC/USDT]
    timeframe: 5m
    capital: 100000
    evaluators: [{tentacle: sma_cross}]
    strategy: {tentacle: follow_cross}
    mode: {tentacle: all_market}
    limits:
      stop_loss: 0.99
      max_position_share: 1
      max_consecutive_losses: 1000000
      max_trades_per_day: 1000000
      stop_guard_count: 1000000
      lock_below_profit: -0.99
feeds: []
"""


def market_data() -> Path | None:
    """Return the folder of real market data, None where there is none."""
    folder = Path(os.environ.get("LOLIGO_MARKET_DATA") or ROOT.parent / "shared" / "data")
    return folder if (folder / "binance" / "BTC_USDT-5m.parquet").exists() else None


def rows_of(file: Path, first: int = 0, count: int | None = None) -> Rows:
    """Return candle rows of a Parquet file."""
    columns = pq.read_table(file).slice(first, count).to_pydict()
    return list(zip(*(columns[name] for name in ("timestamp", "open", "high", "low", "close", "volume")), strict=True))


def candles_of(rows: Rows, instrument: str, timeframe: str = "5m") -> list[Candle]:
    """Return rows as candles."""
    length_ns = timeframe_ns(timeframe)
    return [Candle(instrument, timeframe, ms * MS_NS, ms * MS_NS + length_ns, *prices) for ms, *prices in rows]


def year_of_candles(folder: Path) -> list[Candle]:
    """Return 105,120 (times SCALE) real 5m candles: BTC/USDT and ETH/USDT of the same days by turns, in time order."""
    half = int(CANDLES * SCALE) // 2
    btc = candles_of(rows_of(folder / "binance" / "BTC_USDT-5m.parquet", 0, half), "binance:BTC/USDT")
    eth = candles_of(rows_of(folder / "binance" / "ETH_USDT-5m.parquet", 0, half), "binance:ETH/USDT")
    return [candle for pair in zip(btc, eth, strict=True) for candle in pair]


@contextmanager
def bot_folder(config: str) -> Iterator[Path]:
    """Yield a bot folder with this config, the bundled tentacles and those of the benchmarks."""
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        shutil.copytree(ROOT / "tentacles", home / "tentacles", ignore=shutil.ignore_patterns("market", "__pycache__"))
        own = Path(__file__).with_name("tentacles")
        shutil.copytree(own, home / "tentacles", dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        (home / "config").mkdir()
        (home / "config" / "loligo.yaml").write_text(config)
        refresh(home / "tentacle_registry.json")
        yield home


def bot(home: Path) -> Bot:
    """Return a new bot of the folder, its tentacles loaded through the registry."""
    return assemble(home, read_config(home))
