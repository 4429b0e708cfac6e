"""Trades, quotes, books, funding, external signals and halts from files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from loligo.api import BookUpdate, DataError, ExternalSignal, FundingRate, InstrumentStatus, Quote, Side, Trade

MS = 1_000_000
X = "x:A/USD"


def read(make_feed: Any, file: str, kind: str, **more: Any) -> list[Any]:
    return list(make_feed([{"file": file, "instrument": X, "kind": kind, **more}]).read())


TRADES: dict[str, list[Any]] = {
    "timestamp": [1, 1, 3],
    "id": ["7", "8", "9"],
    "side": ["buy", "sell", "buy"],
    "price": [10.0, 9.5, 10.5],
    "amount": [1.0, 2.0, 3.0],
}
QUOTES: dict[str, list[Any]] = {
    "timestamp_ns": [5, 5, 6],
    "bid": [9.0, 9.0, 9.5],
    "ask": [10.0, 9.0, 10.0],
    "bid_quantity": [1.0, 2.0, 0.0],
    "ask_quantity": [3.0, 4.0, 5.0],
}
BOOK: dict[str, list[Any]] = {
    "timestamp_ns": [5, 5, 5],
    "update": [1, 1, 2],
    "side": ["bid", "ask", "bid"],
    "price": [9.0, 10.0, 9.0],
    "amount": [1.0, 2.0, 0.0],
    "is_snapshot": [True, True, False],
}
FUNDING: dict[str, list[Any]] = {"timestamp": [1, 2, 3], "funding_rate": [0.0001, -0.0002, 0.0]}
EXTERNAL: dict[str, list[Any]] = {
    "timestamp": [1, 1, 2],
    "source": ["wire", "wire", "wire"],
    "topic": ["etf", "etf", "hack"],
    "instrument": [X, "", None],
    "text": ["up", "", "down"],
    "score": [0.5, None, -1.0],
}
STATUS: dict[str, list[Any]] = {"timestamp": [1, 2, 3], "is_halted": [True, False, True]}


def test_trades_keep_time_side_and_id(make_feed: Any, write_parquet: Any) -> None:
    assert read(make_feed, write_parquet("t.parquet", **TRADES), "trades") == [
        Trade(X, 1 * MS, 10.0, 1.0, Side.BUY, "7"),
        Trade(X, 1 * MS, 9.5, 2.0, Side.SELL, "8"),
        Trade(X, 3 * MS, 10.5, 3.0, Side.BUY, "9"),
    ]


def test_quotes_may_carry_nanoseconds_and_be_locked(make_feed: Any, write_parquet: Any) -> None:
    quotes = read(make_feed, write_parquet("q.parquet", **QUOTES), "quotes")
    assert quotes[1:] == [Quote(X, 5, 9.0, 9.0, 2.0, 4.0), Quote(X, 6, 9.5, 10.0, 0.0, 5.0)]


def test_rows_of_one_update_make_one_book_update(make_feed: Any, write_parquet: Any) -> None:
    assert read(make_feed, write_parquet("b.parquet", **BOOK), "book") == [
        BookUpdate(X, 5, ((9.0, 1.0),), ((10.0, 2.0),), True),
        BookUpdate(X, 5, ((9.0, 0.0),), (), False),
    ]


def test_a_book_update_across_two_chunks_stays_whole(make_feed: Any, write_parquet: Any) -> None:
    levels = 20_000  # more than one chunk
    columns = {"side": ["bid"] * levels, "amount": [1.0] * levels, "is_snapshot": [True] * levels}
    prices = [1.0 + i for i in range(levels)]
    file = write_parquet("b.parquet", timestamp_ns=[5] * levels, update=[1] * levels, price=prices, **columns)
    (update,) = read(make_feed, file, "book")
    assert len(update.bids) == levels


def test_funding_external_signals_and_halts_are_read(make_feed: Any, write_parquet: Any) -> None:
    assert read(make_feed, write_parquet("f.parquet", **FUNDING), "funding")[1] == FundingRate(X, 2 * MS, -0.0002)
    assert read(make_feed, write_parquet("e.parquet", **EXTERNAL), "external") == [
        ExternalSignal("wire", 1 * MS, "etf", X, "up", 0.5),
        ExternalSignal("wire", 1 * MS, "etf", "", "", None),
        ExternalSignal("wire", 2 * MS, "hack", "", "down", -1.0),
    ]
    assert read(make_feed, write_parquet("s.parquet", **STATUS), "status")[0] == InstrumentStatus(X, 1 * MS, True)


NAN, INF = float("nan"), float("inf")
UNSOUND: list[tuple[str, dict[str, list[Any]], str, Any, str]] = [
    ("trades", TRADES, "timestamp", 0, "time 0 ns: earlier than the row before"),
    ("trades", TRADES, "price", 0.0, "price 0.0"),
    ("trades", TRADES, "amount", NAN, "price 10.5, amount nan"),
    ("trades", TRADES, "side", "hold", "side hold: expected one of"),
    ("trades", TRADES, "id", "8", "id 8: the trade of the row before again"),
    ("quotes", QUOTES, "bid", 11.0, "bid 11.0, ask 10.0: expected bid <= ask"),
    ("quotes", QUOTES, "ask", INF, "bid 9.5, ask inf"),
    ("quotes", QUOTES, "bid_quantity", -1.0, "bid_quantity -1.0"),
    ("book", BOOK, "price", -9.0, "price -9.0"),
    ("book", BOOK, "amount", NAN, "amount nan"),
    ("book", BOOK, "side", "left", "side left"),
    ("funding", FUNDING, "timestamp", 2, "time 2000000 ns: expected later than the row before"),
    ("funding", FUNDING, "funding_rate", NAN, "funding_rate nan"),
    ("external", EXTERNAL, "score", 1.5, "score 1.5: expected -1 to 1"),
    ("status", STATUS, "is_halted", None, "is_halted None"),
]


@pytest.mark.parametrize(("kind", "columns", "name", "value", "fault"), UNSOUND)
def test_an_unsound_row_is_refused_with_file_and_row(
    kind: str, columns: dict[str, list[Any]], name: str, value: Any, fault: str, make_feed: Any, write_parquet: Any
) -> None:
    file = write_parquet("ticks.parquet", **{**columns, name: [*columns[name][:2], value]})
    with pytest.raises(DataError, match=rf"ticks\.parquet, row 3: {fault}"):
        read(make_feed, file, kind)


@pytest.mark.parametrize(
    ("name", "column", "fault"),
    [
        ("score", ["good", "bad", ""], "score good: expected -1 to 1"),
        ("source", [7, 8, 9], "source 7: expected text"),
        ("instrument", [[1], [2], [3]], r"instrument \[1\]: expected text"),
    ],
)
def test_a_column_of_another_type_is_refused_with_file_and_row(
    name: str, column: list[Any], fault: str, make_feed: Any, write_parquet: Any
) -> None:
    file = write_parquet("ticks.parquet", **{**EXTERNAL, name: column})
    with pytest.raises(DataError, match=rf"ticks\.parquet, row 1: {fault}"):
        read(make_feed, file, "external")


def test_kraken_trades_get_their_side_by_the_tick_rule(tmp_path: Path, make_feed: Any) -> None:
    file = tmp_path / "trades.csv"
    file.write_text("10,5.0,1\n10,5.0,2\n11.5,4.9,3\n12,4.9,4\n13,5.1,5\n")
    trades = read(make_feed, str(file), "trades")
    assert [trade.side.value for trade in trades] == ["buy", "buy", "sell", "sell", "buy"]
    assert [trade.ts for trade in trades] == [10_000 * MS, 10_000 * MS, 11_500 * MS, 12_000 * MS, 13_000 * MS]
    file.write_text("10,5.0,1\n9,5.0,2\n")
    with pytest.raises(DataError, match=r"trades\.csv, line 2: time 9000000000 ns: earlier"):
        read(make_feed, str(file), "trades")


def test_real_trades_and_funding_are_read_whole(market_data: Path, make_feed: Any) -> None:
    trades = read(make_feed, str(market_data / "binance/XRP_ETH-trades.parquet"), "trades")
    assert len(trades) == 12_477  # rows in the data's README
    funding = read(make_feed, str(market_data / "binanceusdm/BTC_USDT-funding.parquet"), "funding")
    assert (len(funding), funding[0].rate) == (266, 6.818e-05)
    kraken = read(make_feed, str(market_data / "kraken/BCH_EUR-trades.csv"), "trades")
    assert (len(kraken), kraken[0].ts, kraken[2].side) == (486, 1_672_620_536_000 * MS, Side.SELL)
