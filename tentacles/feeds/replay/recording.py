"""Raw market streams of Binance as they came over the wire: order book, best bid and ask, trades.

One line per message: the local receive time in ns, a space, and the JSON: either `stream` and `data`, or a depth
snapshot of the REST interface with `lastUpdateId`. The `ts` of an input is the receive time, when it became knowable;
the differences that a snapshot has waited for become knowable with it, and follow it at its `ts`.

Snapshot and differences are joined by Binance's rule ("How to manage a local order book correctly", Spot and USD-M
Futures API documentation): events older than the snapshot are dropped (spot: u <= lastUpdateId, futures: u <
lastUpdateId); the first one applied spans it (spot: U <= lastUpdateId + 1 <= u, futures: U <= lastUpdateId <= u);
each next one continues the last (spot: U == last u + 1, futures: pu == last u). A break is a `DataError` naming file
and line: a book with a hole is worse than none.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from loligo.api import BookUpdate, Input, Quote, Side, Trade, instant_order

from .merge import Chunk, Window, whole_instants
from .settings import Kind, Source
from .tables import LATEST_NS, data_error
from .tick_files import Part

LINES = 2_048  # messages per chunk
_UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, RecursionError)  # of a message of another shape
_WANTED: dict[Kind, tuple[type, ...]] = {
    Kind.RECORDING: (BookUpdate, Quote, Trade),
    Kind.BOOK: (BookUpdate,),
    Kind.QUOTES: (Quote,),
    Kind.TRADES: (Trade,),
}


def recording_chunks(source: Source, path: Path, window: Window) -> Iterator[Chunk]:
    """Yield the inputs of a recording of one symbol, within the window and of the source's kind."""
    return whole_instants(_parts(source, path), instant_order(BookUpdate, source.instrument), window)


def _parts(source: Source, path: Path) -> Iterator[Part]:
    wanted = _WANTED[source.kind]
    reader = _Reader(source.instrument, has_book=BookUpdate in wanted)
    items: list[Input] = []
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            for text in file:
                items.extend(item for item in reader.read(text) if isinstance(item, wanted))
                if len(items) >= LINES:
                    yield _part(items)
                    items = []
        reader.finish()
    except (OSError, EOFError, zlib.error) as exc:
        raise data_error(path, reader.line + 1, f"{exc}", "expected a whole gzip file, fetch it again") from exc
    except (_Unsound, *_UNREADABLE) as exc:
        fault = f"{exc}" if isinstance(exc, _Unsound) else f"unreadable message, {type(exc).__name__} {exc}"
        raise data_error(path, reader.line, fault, "record again, or cut the file so that it is whole") from exc
    yield _part(items)


def _part(items: list[Input]) -> Part:
    return np.array([item.ts for item in items], dtype=np.int64), items


class _Unsound(Exception):
    """A message that cannot follow what was read before it. Never leaves this module."""


class _Reader:
    """Turns messages into inputs, one at a time."""

    def __init__(self, instrument: str, *, has_book: bool) -> None:
        self._instrument, self._has_book = instrument, has_book
        self._symbol = instrument.split(":")[1].replace("/", "")  # as Binance writes it
        self._newest_ns = 0
        self.line = 0  # of the newest message, the first is 1
        self._depth = _DepthChain()

    def read(self, text: str) -> list[Input]:
        """Return the inputs that a line makes knowable."""
        self.line += 1
        time_text, _, body = text.partition(" ")
        ts, message = int(time_text), json.loads(body)
        if ts < self._newest_ns:
            raise _Unsound(f"received at {ts} ns, before the line above it at {self._newest_ns} ns")
        if ts > LATEST_NS:
            raise _Unsound(f"received at {ts}: expected ns since 1970")
        self._newest_ns = ts
        if "stream" not in message:
            return [] if not self._has_book else [self._book(ts, levels) for levels in self._depth.snapshot(message)]
        data, stream = message["data"], message["stream"].partition("@")[2].partition("@")[0]
        if data["s"] != self._symbol:
            raise _Unsound(f"symbol {data['s']}, expected {self._symbol} of {self._instrument}")
        if stream == "depth":
            return [] if not self._has_book else [self._book(ts, levels) for levels in self._depth.difference(data)]
        if stream == "bookTicker":
            return [self._quote(ts, data)]
        if stream == "trade":
            return self._trade(ts, data)
        raise _Unsound(f"stream {message['stream']}: expected depth, bookTicker or trade")

    def finish(self) -> None:
        """Refuse a file whose differences never met a snapshot."""
        if self._depth.waiting:
            raise _Unsound("the file ends without the depth snapshot that its differences start from")

    def _book(self, ts: int, levels: dict[str, Any]) -> BookUpdate:
        is_snapshot = "lastUpdateId" in levels
        bids, asks = (levels["bids"], levels["asks"]) if is_snapshot else (levels["b"], levels["a"])
        return BookUpdate(self._instrument, ts, _levels(bids), _levels(asks), is_snapshot)

    def _quote(self, ts: int, data: dict[str, Any]) -> Quote:
        bid, bid_quantity, ask, ask_quantity = (float(data[key]) for key in "bBaA")
        if not (0 < bid <= ask < float("inf") and bid_quantity >= 0 and ask_quantity >= 0):
            raise _Unsound(f"bid {bid}, ask {ask}: expected 0 < bid <= ask, and quantities not below 0")
        return Quote(self._instrument, ts, bid, ask, bid_quantity, ask_quantity)

    def _trade(self, ts: int, data: dict[str, Any]) -> list[Input]:
        """On futures, `X` tells trades of the market from those of the insurance fund, which are left out."""
        if data.get("X", "MARKET") != "MARKET":
            return []
        price, quantity = float(data["p"]), float(data["q"])
        if not (0 < price < float("inf") and 0 < quantity < float("inf")):
            raise _Unsound(f"trade of {quantity} at {price}: expected finite numbers above 0")
        side = Side.SELL if data["m"] else Side.BUY  # m: the buyer is the maker
        return [Trade(self._instrument, ts, price, quantity, side, str(data["t"]))]


def _levels(pairs: list[list[str]]) -> tuple[tuple[float, float], ...]:
    levels = tuple((float(price), float(quantity)) for price, quantity in pairs)
    for price, quantity in levels:
        if not (0 < price < float("inf") and 0 <= quantity < float("inf")):
            raise _Unsound(f"level of {quantity} at {price}: expected a price above 0 and a quantity not below it")
    return levels


class _DepthChain:
    """Joins snapshot and differences; each call returns the messages that may now be applied, in order."""

    def __init__(self) -> None:
        self.waiting: list[dict[str, Any]] = []  # differences before the first snapshot
        self._snapshot_id = 0
        self._last_id = 0  # u of the newest difference, applied or not
        self._is_joined = False

    def snapshot(self, message: dict[str, Any]) -> list[dict[str, Any]]:
        self._snapshot_id, self._is_joined = message["lastUpdateId"], False
        waiting, self.waiting = self.waiting, []
        return [message, *(data for data in waiting if self._applies(data))]

    def difference(self, data: dict[str, Any]) -> list[dict[str, Any]]:
        follows = data["pu"] == self._last_id if "pu" in data else data["U"] == self._last_id + 1
        if self._last_id and not follows:
            begins = f"pu {data['pu']}" if "pu" in data else f"U {data['U']}"
            raise _Unsound(f"the depth stream has a hole: {begins} after u {self._last_id}")
        self._last_id = data["u"]
        if not self._snapshot_id:
            self.waiting.append(data)
            return []
        return [data] if self._applies(data) else []

    def _applies(self, data: dict[str, Any]) -> bool:
        if self._is_joined:
            return True
        next_id = self._snapshot_id if "pu" in data else self._snapshot_id + 1  # the first must span this one
        if data["u"] < next_id:
            return False
        if data["U"] > next_id:
            raise _Unsound(f"snapshot {self._snapshot_id} is older than the first difference, U {data['U']}")
        self._is_joined = True
        return True
