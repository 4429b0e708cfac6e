"""Raw recordings of Binance: snapshot and differences make a book that holds."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from loligo.api import BookUpdate, DataError, Quote, Side, Trade

X = "binance:BTC/USDT"
Message = dict[str, Any]


def depth(first: int, last: int, bid: str = "9", pu: int | None = None) -> Message:
    chain = {} if pu is None else {"pu": pu}
    return {
        "stream": "btcusdt@depth@100ms",
        "data": {"s": "BTCUSDT", "U": first, "u": last, **chain, "b": [[bid, "1"]], "a": []},
    }


def snapshot(last: int) -> Message:
    return {"lastUpdateId": last, "bids": [["8", "1"]], "asks": [["10", "2"]]}


def quote(**changes: str) -> Message:
    data = {"s": "BTCUSDT", "u": 1, "b": "9", "B": "1", "a": "10", "A": "2", **changes}
    return {"stream": "btcusdt@bookTicker", "data": data}


def trade(**changes: Any) -> Message:
    data = {"s": "BTCUSDT", "t": 77, "p": "9.5", "q": "0.25", "m": True, **changes}
    return {"stream": "btcusdt@trade", "data": data}


@pytest.fixture
def record(tmp_path: Path) -> Any:
    """Return a function (messages) → path of a recording, one message per 10 ns from 100 ns on."""

    def write(*messages: Message) -> str:
        path = tmp_path / "rec.gz"
        lines = [f"{100 + 10 * i} {json.dumps(message)}\n" for i, message in enumerate(messages)]
        path.write_bytes(gzip.compress("".join(lines).encode()))
        return str(path)

    return write


def read(make_feed: Any, file: str, kind: str = "recording", instrument: str = X) -> list[Any]:
    return list(make_feed([{"file": file, "instrument": instrument, "kind": kind}]).read())


def test_differences_that_waited_follow_the_snapshot_at_its_receive_time(make_feed: Any, record: Any) -> None:
    file = record(depth(1, 4), depth(5, 8, "7"), snapshot(6), depth(9, 9, "6"))
    books = read(make_feed, file)
    # 1..4 is older than snapshot 6; 5..8 spans 7 and waited until 120; 9 continues it
    assert [(book.ts, book.is_snapshot, book.bids) for book in books] == [
        (120, True, ((8.0, 1.0),)),
        (120, False, ((7.0, 1.0),)),
        (130, False, ((6.0, 1.0),)),
    ]


def test_futures_continue_by_pu(make_feed: Any, record: Any) -> None:
    file = record(depth(10, 14, pu=8), snapshot(18), depth(17, 20, pu=14), depth(30, 31, pu=20))
    assert [book.ts for book in read(make_feed, file)] == [110, 120, 130]


@pytest.mark.parametrize(
    ("messages", "line", "fault"),
    [
        ((snapshot(3), depth(4, 5), depth(7, 8)), 3, "hole: U 7 after u 5"),
        ((depth(1, 2), depth(4, 5), snapshot(3)), 2, "hole: U 4 after u 2"),
        ((snapshot(3), depth(1, 5, pu=0), depth(6, 8, pu=4)), 3, "hole: pu 4 after u 5"),
        ((snapshot(3), depth(5, 6)), 2, "snapshot 3 is older than the first difference, U 5"),
        ((depth(1, 2), depth(3, 4)), 2, "ends without the depth snapshot"),
        ((quote(), quote(b="11")), 2, "bid 11.0, ask 10.0"),
        ((trade(), trade(q="nan")), 2, "trade of nan at 9.5"),
        ((snapshot(3), depth(4, 5, "-1")), 2, "level of 1.0 at -1.0"),
        ((quote(s="ETHUSDT"),), 1, "symbol ETHUSDT, expected BTCUSDT"),
        ((quote(b="high"),), 1, "unreadable message, ValueError"),
        (({"stream": 5, "data": {"s": "BTCUSDT"}},), 1, "unreadable message, AttributeError"),
        (({"stream": "btcusdt@kline_1m", "data": {"s": "BTCUSDT"}},), 1, "expected depth, bookTicker or trade"),
    ],
)
def test_a_faulty_recording_is_refused_with_file_and_line(
    messages: tuple[Message, ...], line: int, fault: str, make_feed: Any, record: Any
) -> None:
    with pytest.raises(DataError, match=rf"rec\.gz, line {line}: .*{fault}"):
        read(make_feed, record(*messages))


def test_a_recording_cut_short_or_out_of_order_is_refused(tmp_path: Path, make_feed: Any, record: Any) -> None:
    file = Path(record(*[quote()] * 50))
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(DataError, match="expected a whole gzip file"):
        read(make_feed, str(file))
    line = json.dumps(quote())
    file.write_bytes(gzip.compress(f"20 {line}\n10 {line}\n".encode()))
    with pytest.raises(DataError, match=r"rec\.gz, line 2: received at 10 ns, before"):
        read(make_feed, str(file))
    for text, fault in ((f"{10**30} {line}\n", "expected ns since 1970"), (f"20 {'[' * 100_000}\n", "RecursionError")):
        file.write_bytes(gzip.compress(text.encode()))
        with pytest.raises(DataError, match=rf"rec\.gz, line 1: .*{fault}"):
            read(make_feed, str(file))


def test_a_source_takes_the_part_of_a_recording_that_it_names(make_feed: Any, record: Any) -> None:
    file = record(snapshot(3), quote(), trade(), depth(4, 4))
    assert read(make_feed, file, "quotes") == [Quote(X, 110, 9.0, 10.0, 1.0, 2.0)]
    assert read(make_feed, file, "trades") == [Trade(X, 120, 9.5, 0.25, Side.SELL, "77")]
    assert [book.ts for book in read(make_feed, file, "book")] == [100, 130]


def test_trades_of_the_insurance_fund_are_left_out(make_feed: Any, record: Any) -> None:
    assert len(read(make_feed, record(trade(X="MARKET"), trade(X="INSURANCE_FUND")))) == 1


class Book:
    """A plain order book: the least that can tell whether the updates make sense."""

    def __init__(self) -> None:
        self.bids: dict[float, float] = {}
        self.asks: dict[float, float] = {}

    def apply(self, update: BookUpdate) -> None:
        for side, levels in ((self.bids, update.bids), (self.asks, update.asks)):
            if update.is_snapshot:
                side.clear()
            side.update(levels)
            for price, quantity in levels:
                if quantity == 0:
                    side.pop(price, None)

    def best(self) -> tuple[float, float, float, float]:
        bid, ask = max(self.bids), min(self.asks)
        return bid, ask, self.bids[bid], self.asks[ask]


@pytest.mark.parametrize(("name", "instrument"), [("spot", X), ("usdm", "binanceusdm:BTC/USDT:USDT")])
def test_a_real_book_never_crosses_and_equals_the_recorded_quotes(
    name: str, instrument: str, market_data: Path, make_feed: Any
) -> None:
    """After a difference up to id u the best levels must be those of the newest quote with an id up to u."""
    path = market_data / f"l2/hftbacktest/binance_{name}_btcusdt_20240808.gz"
    with gzip.open(path, "rt") as file:
        messages = [json.loads(line.partition(" ")[2]) for line in file]
    quotes = sorted((m["data"]["u"], m["data"]) for m in messages if "@bookTicker" in m.get("stream", ""))
    last_ids = [m["data"]["u"] for m in messages if "@depth" in m.get("stream", "")]
    updates = [item for item in read(make_feed, str(path), "book", instrument)]
    book, at, compared, equal = Book(), 0, 0, 0
    book.apply(updates[0])
    for last_id, update in zip(last_ids[len(last_ids) - len(updates) + 1 :], updates[1:], strict=True):
        book.apply(update)
        bid, ask, bid_quantity, ask_quantity = book.best()
        assert bid < ask
        while at < len(quotes) and quotes[at][0] <= last_id:
            at += 1
        if at:
            data = quotes[at - 1][1]
            compared += 1
            equal += (bid, ask, bid_quantity, ask_quantity) == tuple(float(data[key]) for key in "baBA")
    assert compared > 3_000
    assert equal == compared
