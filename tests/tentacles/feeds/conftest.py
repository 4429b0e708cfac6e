"""Makes replay feeds over files that a test writes row by row."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from loligo.api import MakeContext

CANDLE = ("timestamp", "open", "high", "low", "close", "volume")


@pytest.fixture(scope="session")
def replay_package(load_tentacle: Callable[[str], ModuleType]) -> ModuleType:
    return load_tentacle("feeds/replay")


@pytest.fixture(scope="session")
def make_feed(replay_package: ModuleType) -> Callable[..., Any]:
    """Return a function (sources, home="", clock=None, **settings) → ReplayFeed."""

    def make(sources: Sequence[Mapping[str, Any]], *, home: str = "", clock: Any = None, **settings: Any) -> Any:
        checked = replay_package.feed().settings(sources=sources, **settings)
        return replay_package.feed().create(checked, MakeContext(home=home), clock=clock)

    return make


@pytest.fixture
def write_parquet(tmp_path: Path) -> Callable[..., str]:
    """Return a function (name, **columns) → path of a Parquet file with these columns."""

    def write(name: str, **columns: Sequence[Any]) -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(columns), path)
        return str(path)

    return write


@pytest.fixture
def write_candles(write_parquet: Callable[..., str]) -> Callable[..., str]:
    """Return a function (name, rows of (timestamp ms, open, high, low, close, volume)) → path of a Parquet file."""

    def write(name: str, rows: Sequence[Sequence[float]]) -> str:
        return write_parquet(name, **dict(zip(CANDLE, map(list, zip(*rows, strict=True)), strict=True)))

    return write


@pytest.fixture(scope="session")
def market_data() -> Path:
    """Return the folder of real market data; skip where it is not there."""
    default = Path(__file__).resolve().parents[4] / "shared" / "data"
    folder = Path(os.environ.get("LOLIGO_MARKET_DATA", default))
    if not folder.is_dir():
        pytest.skip(f"no market data in {folder}: set LOLIGO_MARKET_DATA to its folder")
    return folder
