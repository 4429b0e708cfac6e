"""Reads columns of Parquet and CSV files in chunks, without judging the values.

Rows are numbered as a person counts them: the first row of a Parquet file is 1, a row of a CSV file is its line.
A file that cannot be read, or lacks a column, is a `DataError` that names it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from loligo.api import DataError, FloatArray, IntArray

from .merge import CHUNK_ROWS

TIME = "timestamp"  # int64, ms since the epoch, UTC
TIME_NS = "timestamp_ns"  # int64, ns since the epoch, UTC: instead of the former where ms are too coarse
MS_NS = 1_000_000
READ_BYTES = 65_536  # pyarrow otherwise loads the whole file ahead, and memory grows with its length
LATEST_NS = 2**63 - 2**61  # in 2189, so that a close, years later, still fits into int64 ns
_NAN = pa.Array.from_buffers(pa.float64(), 1, [None, pa.py_buffer(np.array([np.nan]))])[0]  # `scalar` imports pandas


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Some rows of a file: times in ns as int64, numbers as float64 arrays (NaN where empty), the rest as lists."""

    path: Path
    first_row: int
    time_ns: IntArray
    numbers: dict[str, FloatArray] = field(default_factory=dict)
    values: dict[str, list[Any]] = field(default_factory=dict)

    def fault(self, index: int, fault: str, remedy: str = "correct or remove the row") -> DataError:
        """Return the error for the row at `index` of this table."""
        return data_error(self.path, self.first_row + index, fault, remedy)


def data_error(path: Path, row: int, fault: str, remedy: str) -> DataError:
    word = "line" if path.suffix in (".csv", ".gz") else "row"
    return DataError(f"{path}, {word} {row}: {fault}; {remedy}")


def parquet_tables(
    path: Path, numbers: Sequence[str], values: Sequence[str] = (), *, rows: int = CHUNK_ROWS
) -> Iterator[Table]:
    """Yield a Parquet file in tables of at most `rows` rows."""
    first_row = 1
    try:
        with pq.ParquetFile(path, pre_buffer=False, buffer_size=READ_BYTES) as file:
            time = TIME_NS if TIME_NS in file.schema_arrow.names else TIME
            _require(path, (time, *numbers, *values), file.schema_arrow.names)
            for batch in file.iter_batches(rows, columns=[time, *numbers, *values], use_threads=False):
                yield Table(
                    path=path,
                    first_row=first_row,
                    time_ns=_times_ns(path, first_row, batch.column(time), time),
                    numbers={name: _floats(batch.column(name)) for name in numbers},
                    values={name: batch.column(name).to_pylist() for name in values},
                )
                first_row += batch.num_rows
    except (pa.ArrowException, OSError) as exc:
        raise DataError(
            f"{path}, after row {first_row - 1}: {exc}; expected a sound Parquet file, fetch it again"
        ) from exc


def _times_ns(path: Path, first_row: int, column: Any, name: str) -> IntArray:
    if column.null_count:
        empty = pc.index(column.is_null(), True).as_py()
        raise data_error(path, first_row + empty, f"{name} is empty", "correct or remove the row")
    if not pa.types.is_integer(column.type):
        raise DataError(f"{path}: {name} is {column.type}, expected int64 since 1970 UTC; convert the column")
    time = np.from_dlpack(column).astype(np.int64)
    return checked_ns(path, first_row, time, MS_NS if name == TIME else 1)


def checked_ns(path: Path, first_row: int, time: IntArray | FloatArray, unit_ns: int) -> IntArray:
    """Return times of a unit as ns. DataError where one is no time, before 1970 or too late for int64 ns."""
    wrong = np.flatnonzero(~((time >= 0) & (time <= LATEST_NS // unit_ns)))
    if len(wrong):
        at = int(wrong[0])
        fault = f"timestamp {time[at]} is no time since 1970 in units of {unit_ns} ns"
        raise data_error(path, first_row + at, fault, "convert the column")
    if time.dtype == np.int64:
        return np.asarray(time * unit_ns, dtype=np.int64)
    return np.rint(time * (unit_ns / 1000)).astype(np.int64) * 1000


def _floats(column: Any) -> FloatArray:
    """Return numbers, NaN for what is empty, by DLPack: `to_numpy` imports pandas wherever it is installed."""
    return np.array(np.from_dlpack(pc.coalesce(column.cast(pa.float64()), _NAN)))


def _require(path: Path, wanted: Sequence[str], present: Sequence[str]) -> None:
    missing = [name for name in wanted if name not in present]
    if missing:
        raise DataError(f"{path}: no column {', '.join(missing)}; it has {', '.join(present)}: rename or add")


def csv_tables(
    path: Path, numbers: Sequence[str], *, header: Sequence[str] = (), unit_ns: int = MS_NS, rows: int = CHUNK_ROWS
) -> Iterator[Table]:
    """Yield a CSV file in tables; `header` names the columns of a file without a header line, `unit_ns` is the unit of
    its times, of which parts below a microsecond are rounded."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:  # spreadsheets put a byte order mark in front
            lines = csv.reader(file)
            names = list(header) or next(lines, [])
            _require(path, (TIME, *numbers), names)
            first_row = lines.line_num + 1
            while part := list(islice(lines, rows)):
                columns = _csv_columns(path, first_row, part, names, (TIME, *numbers))
                time_ns = checked_ns(path, first_row, columns.pop(TIME), unit_ns)
                yield Table(path=path, first_row=first_row, time_ns=time_ns, numbers=columns)
                first_row += len(part)
    except (UnicodeDecodeError, csv.Error, OSError) as exc:
        raise DataError(f"{path}: {exc}; expected a text file with comma-separated values") from exc


def _csv_columns(
    path: Path, first_row: int, part: list[list[str]], names: list[str], wanted: Sequence[str]
) -> dict[str, FloatArray]:
    for index, row in enumerate(part):
        if len(row) != len(names):
            fault = f"{len(row)} values, expected {len(names)}: {','.join(names)}"
            raise data_error(path, first_row + index, fault, "correct or remove the row")
    return {name: _parsed(path, first_row, part, names.index(name), name) for name in wanted}


def _parsed(path: Path, first_row: int, part: list[list[str]], at: int, name: str) -> FloatArray:
    try:
        return np.array([float(row[at]) for row in part])
    except ValueError:
        index = next(index for index, row in enumerate(part) if not _is_number(row[at]))
        raise data_error(
            path, first_row + index, f'{name} is "{part[index][at]}", expected a number', "correct or remove the row"
        ) from None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
