"""Trades, quotes, books, funding, external signals and halts from Parquet, and trades as Kraken hands them out.

Checked as they are read: times never step back (funding: always forward), prices and quantities are finite and
possible, sides and scores are what they may be, a trade id does not repeat. The rows keep the order of the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np

from loligo.api import (
    BookUpdate,
    ExternalSignal,
    FundingRate,
    Input,
    InstrumentStatus,
    IntArray,
    MarketData,
    Quote,
    Side,
    Trade,
    instant_order,
)

from .merge import Chunk, Window, whole_instants
from .settings import Format, Kind, Source
from .tables import Table, csv_tables, parquet_tables

Part = tuple[IntArray, list[Input]]
_SECOND_NS = 1_000_000_000


def tick_chunks(source: Source, path: Path, window: Window) -> Iterator[Chunk]:
    """Yield the inputs of a tick source within the window. DataError at the first unsound row."""
    kind, parts = _READERS[source.kind]
    if source.layout is Format.KRAKEN:
        parts = _kraken_trades
    order = instant_order(kind, "" if kind is ExternalSignal else source.instrument)
    return whole_instants(parts(source, path), order, window)


def _in_time(tables: Iterator[Table], *, strictly: bool = False) -> Iterator[Table]:
    """Yield the tables that have rows, each checked to go forward in time from the row before."""
    newest_ns = -1
    for table in tables:
        if not len(table.time_ns):
            continue
        steps = np.diff(table.time_ns, prepend=newest_ns)
        if strictly:
            _refuse(table, steps > 0, (), "expected later than the row before")
        else:
            _refuse(table, steps >= 0, (), "earlier than the row before")
        newest_ns = int(table.time_ns[-1])
        yield table


def _refuse(table: Table, sound: Any, names: tuple[str, ...], wanted: str) -> None:
    """DataError at the first row that is not sound, with its values of `names`."""
    if not np.all(sound):
        at = int(np.argmin(sound))
        columns: dict[str, Any] = {**table.numbers, **table.values}
        values = ", ".join(f"{name} {columns[name][at]}" for name in names) or f"time {table.time_ns[at]} ns"
        raise table.fault(at, f"{values}: {wanted}")


def _positive(table: Table, *names: str) -> None:
    sound = np.logical_and.reduce([(table.numbers[name] > 0) & (table.numbers[name] < np.inf) for name in names])
    _refuse(table, sound, names, "expected finite numbers above 0")


def _not_negative(table: Table, name: str) -> None:
    sound = (table.numbers[name] >= 0) & (table.numbers[name] < np.inf)
    _refuse(table, sound, (name,), "expected a finite number, at least 0")


def _one_of(table: Table, name: str, allowed: tuple[Any, ...]) -> None:
    _refuse(table, [value in allowed for value in table.values[name]], (name,), f"expected one of {allowed}")


def _trades(source: Source, path: Path) -> Iterator[Part]:
    last_id = ""
    for table in _in_time(parquet_tables(path, ("price", "amount"), ("side", "id"))):
        _positive(table, "price", "amount")
        _one_of(table, "side", ("buy", "sell"))
        ids = ["" if name is None else str(name) for name in table.values["id"]]
        fresh = [not name or name != before for name, before in zip(ids, [last_id, *ids], strict=False)]
        _refuse(table, fresh, ("id",), "the trade of the row before again")
        last_id = ids[-1]
        yield table.time_ns, _made_trades(source, table, [_SIDES[side] for side in table.values["side"]], ids)


_SIDES = {"buy": Side.BUY, "sell": Side.SELL}


def _made_trades(source: Source, table: Table, sides: list[Side], ids: list[str]) -> list[Input]:
    prices, amounts = table.numbers["price"].tolist(), table.numbers["amount"].tolist()
    return list(map(Trade, repeat(source.instrument), table.time_ns.tolist(), prices, amounts, sides, ids))


def _kraken_trades(source: Source, path: Path) -> Iterator[Part]:
    """Time in s, price, volume; no header and no side. The side is a guess by the tick rule (Lee and Ready 1991): a
    buy above the last different price, a sell below it, and a buy before there is one."""
    tables = csv_tables(path, ("price", "amount"), header=("timestamp", "price", "amount"), unit_ns=_SECOND_NS)
    price, side = 0.0, Side.BUY
    for table in _in_time(tables):
        _positive(table, "price", "amount")
        sides: list[Side] = []
        for next_price in table.numbers["price"].tolist():
            if next_price != price:
                side = Side.BUY if next_price > price else Side.SELL
            price = next_price
            sides.append(side)
        yield table.time_ns, _made_trades(source, table, sides, [""] * len(sides))


def _quotes(source: Source, path: Path) -> Iterator[Part]:
    prices, quantities = ("bid", "ask"), ("bid_quantity", "ask_quantity")
    names = prices + quantities
    for table in _in_time(parquet_tables(path, names)):
        _positive(table, *prices)
        _refuse(table, table.numbers["bid"] <= table.numbers["ask"], prices, "expected bid <= ask")
        for name in quantities:
            _not_negative(table, name)
        columns = [table.numbers[name].tolist() for name in names]
        yield table.time_ns, list(map(Quote, repeat(source.instrument), table.time_ns.tolist(), *columns))


def _books(source: Source, path: Path) -> Iterator[Part]:
    """One row per level; rows next to each other with equal `update` and time are one update of the book."""
    held: list[tuple[int, Any, str, float, float, bool]] = []
    for table in _in_time(parquet_tables(path, ("price", "amount"), ("update", "side", "is_snapshot"))):
        _positive(table, "price")
        _not_negative(table, "amount")
        _one_of(table, "side", ("bid", "ask"))
        _one_of(table, "is_snapshot", (True, False))
        values, numbers = table.values, table.numbers
        rows = zip(
            table.time_ns.tolist(),
            values["update"],
            values["side"],
            numbers["price"].tolist(),
            numbers["amount"].tolist(),
            values["is_snapshot"],
            strict=True,
        )
        updates: list[Input] = []
        for row in rows:
            if held and row[:2] != held[0][:2]:
                updates.append(_book(source, held))
                held = []
            held.append(row)
        yield _times(updates), updates
    if held:
        last: list[Input] = [_book(source, held)]
        yield _times(last), last


def _book(source: Source, rows: list[tuple[int, Any, str, float, float, bool]]) -> BookUpdate:
    bids, asks = (tuple((row[3], row[4]) for row in rows if row[2] == side) for side in ("bid", "ask"))
    return BookUpdate(source.instrument, rows[0][0], bids, asks, rows[0][5])


def _times(items: list[Input]) -> IntArray:
    return np.array([item.ts for item in items], dtype=np.int64)


def _funding(source: Source, path: Path) -> Iterator[Part]:
    for table in _in_time(parquet_tables(path, ("funding_rate",)), strictly=True):
        rates = table.numbers["funding_rate"]
        _refuse(table, np.abs(rates) < 1, ("funding_rate",), "expected a fraction between -1 and 1")
        yield table.time_ns, list(map(FundingRate, repeat(source.instrument), table.time_ns.tolist(), rates.tolist()))


def _external(source: Source, path: Path) -> Iterator[Part]:
    """The instrument is that of each row, empty for the whole market; an empty score is none."""
    texts = ("source", "topic", "instrument", "text")
    for table in _in_time(parquet_tables(path, (), (*texts, "score"))):
        for name in texts:
            _refuse(table, [isinstance(text, str | None) for text in table.values[name]], (name,), "expected text")
        scores = table.values["score"]
        _refuse(table, [_is_score(score) for score in scores], ("score",), "expected -1 to 1, or empty")
        names, topics, instruments, words = ([text or "" for text in table.values[name]] for name in texts)
        columns = (names, table.time_ns.tolist(), topics, instruments, words, scores)
        yield table.time_ns, list(map(ExternalSignal, *columns))


def _is_score(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and -1 <= value <= 1)


def _status(source: Source, path: Path) -> Iterator[Part]:
    for table in _in_time(parquet_tables(path, (), ("is_halted",))):
        _one_of(table, "is_halted", (True, False))
        columns = table.time_ns.tolist(), table.values["is_halted"]
        yield table.time_ns, list(map(InstrumentStatus, repeat(source.instrument), *columns))


_READERS: dict[Kind, tuple[type[MarketData], Callable[[Source, Path], Iterator[Part]]]] = {
    Kind.TRADES: (Trade, _trades),
    Kind.QUOTES: (Quote, _quotes),
    Kind.BOOK: (BookUpdate, _books),
    Kind.FUNDING: (FundingRate, _funding),
    Kind.EXTERNAL: (ExternalSignal, _external),
    Kind.STATUS: (InstrumentStatus, _status),
}
