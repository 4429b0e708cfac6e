"""Candles of a series as pages show them: the bot's own timeframes, and longer ones made of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from loligo.errors import NotFound
from loligo.model.events import Record
from loligo.model.market import Candle, Quote
from loligo.model.timeframe import HOUR_NS, iso
from loligo_bot.door.inside import Inside
from loligo_bot.door.series import instrument_of, read_series, timeframes
from loligo_store.candles import newest_quote
from loligo_store.journal import Journal
from loligo_store.reader import JournalReader
from tests.fakes.inside import inside

BTC = "coinbase:BTC/USD"


def hour(number: int) -> Candle:
    """A candle of an hour: open n, high n + 3, low n - 3, close n + 1, volume 2."""
    price = float(number)
    opened_at_ns = number * HOUR_NS
    return Candle(BTC, "1h", opened_at_ns, opened_at_ns + HOUR_NS, price, price + 3, price - 3, price + 1, 2.0)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(tmp_path / "journal.sqlite")
    yield journal
    journal.close()


def bot(journal: Journal, *timeframes_: str, symbols: tuple[str, ...] = ("BTC/USD",)) -> Inside:
    """A bot whose desks look at BTC in these timeframes."""
    seat = SimpleNamespace(instrument=SimpleNamespace(id=BTC), evaluators=[])
    plan = SimpleNamespace(desks=[SimpleNamespace(timeframe=one, seats=[seat]) for one in timeframes_])
    venues = {"coinbase": SimpleNamespace(instruments=dict.fromkeys(symbols))}
    running = SimpleNamespace(plan=plan, config=SimpleNamespace(venues=venues))
    engine = SimpleNamespace(now_ns=0)
    parts: Any = {"reconciler": SimpleNamespace(running=running), "bot": SimpleNamespace(engine=engine)}
    return inside(**parts, journal=lambda: JournalReader(journal.engine))


def write(journal: Journal, *inputs: Candle | Quote) -> None:
    for item in inputs:
        journal.append(Record(journal._next_seq, item, []))
    journal.commit()


def test_longer_candles_are_made_of_the_bots_own(journal: Journal) -> None:
    """Hours 4 to 7 are one candle of 4 h: open 4, high 7 + 3, low 4 - 3, close 7 + 1, volume 4 x 2."""
    write(journal, *(hour(number) for number in range(10)))
    found = read_series(bot(journal, "1h"), (), BTC, "4h", before_ns=None, count=2)
    made, newest = found.candles
    told = (made.opened_at_ns, made.open, made.high, made.low, made.close, made.volume, made.ts)
    assert told == (4 * HOUR_NS, 4.0, 10.0, 1.0, 8.0, 8.0, 8 * HOUR_NS)
    assert (newest.opened_at_ns, newest.open, newest.close, newest.ts) == (8 * HOUR_NS, 8.0, 10.0, 10 * HOUR_NS)
    assert found.has_older


@pytest.mark.parametrize("timeframe", ["1h", "4h"])
@pytest.mark.parametrize("count", [1, 2, 3, 50])
def test_pages_joined_are_the_whole_series(journal: Journal, timeframe: str, count: int) -> None:
    write(journal, *(hour(number) for number in range(4, 43)))
    behind, pages, before_ns = bot(journal, "1h"), list[int](), None
    while True:
        found = read_series(behind, (), BTC, timeframe, before_ns=before_ns, count=count)
        pages = [*(one.opened_at_ns // HOUR_NS for one in found.candles), *pages]
        before_ns = found.candles[0].opened_at_ns
        if not found.has_older:
            break
    step = 1 if timeframe == "1h" else 4
    assert pages == list(range(4, 43, step))


def test_what_is_offered_are_the_own_timeframes_and_multiples_of_them(journal: Journal) -> None:
    assert timeframes(bot(journal, "1h"), BTC) == ["1h", "4h", "1d", "1w"]
    assert timeframes(bot(journal, "5m", "2h"), BTC) == ["5m", "15m", "1h", "2h", "4h", "1d", "1w"]
    assert timeframes(bot(journal), BTC) == []


def test_an_instrument_is_known_by_what_is_enough_of_its_name(journal: Journal) -> None:
    behind = bot(journal, symbols=("BTC/USD", "ETH/USD", "ETH/EUR"))
    assert [instrument_of(behind, text) for text in ("btc", "eth/eur", BTC)] == [BTC, "coinbase:ETH/EUR", BTC]
    with pytest.raises(NotFound, match="may be any of coinbase:ETH/USD, coinbase:ETH/EUR"):
        instrument_of(behind, "eth")
    with pytest.raises(NotFound, match="<script>"):
        instrument_of(behind, "<script>")


def test_the_newest_quote_of_an_instrument_is_found(journal: Journal) -> None:
    quotes = [Quote(BTC, number * HOUR_NS, 100.0 + number, 101.0 + number, 1.0, 1.0) for number in range(3)]
    for quote in quotes:
        write(journal, quote, Quote("coinbase:ETH/USD", quote.ts, 1.0, 2.0, 1.0, 1.0))
    found = newest_quote(journal.engine, BTC)
    assert found is not None and (found.bid, iso(found.ts)) == (102.0, iso(2 * HOUR_NS))
    assert newest_quote(journal.engine, "bitstamp:ETH/USD") is None
