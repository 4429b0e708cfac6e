"""Candles found in the journal's market segments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest

from loligo.model.command import WarmUp
from loligo.model.events import Record
from loligo.model.market import Candle, Quote
from loligo.model.timeframe import HOUR_NS, MINUTE_NS
from loligo_store.candles import candles_before, prices_at
from loligo_store.journal import Journal

BTC, ETH = "coinbase:BTC/USD", "coinbase:ETH/USD"


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(tmp_path / "journal.sqlite")
    yield journal
    journal.close()


def hour(number: int, instrument: str = BTC) -> Candle:
    price = float(number)
    return Candle(instrument, "1h", number * HOUR_NS, (number + 1) * HOUR_NS, price, price, price, price, 1.0)


def write(journal: Journal, *inputs: Candle | Quote | WarmUp) -> None:
    """Write one block."""
    for item in inputs:
        journal.append(Record(journal._next_seq, item, []))
    journal.commit()


def hours(candles: Sequence[Candle]) -> list[int]:
    return [candle.opened_at_ns // HOUR_NS for candle in candles]


def found(journal: Journal, before: int | None, limit: int, timeframe: str = "1h") -> list[int]:
    before_ns = None if before is None else before * HOUR_NS
    return hours(candles_before(journal.engine, BTC, timeframe, before_ns=before_ns, limit=limit))


@pytest.mark.parametrize(
    ("before", "limit", "expected"),
    [(None, 3, [57, 58, 59]), (30, 2, [28, 29]), (3, 10, [0, 1, 2]), (0, 10, []), (999, 2, [58, 59])],
)
def test_the_newest_before_a_time_are_found_over_the_borders_of_blocks(
    journal: Journal, before: int | None, limit: int, expected: list[int]
) -> None:
    for start in range(0, 60, 7):
        write(journal, *(hour(number) for number in range(start, min(start + 7, 60))))
    assert found(journal, before, limit) == expected


def test_the_last_price_until_an_instant_is_that_of_any_timeframe_and_of_no_later_block(journal: Journal) -> None:
    write(journal, hour(0), hour(0, ETH))
    write(journal, *(hour(number) for number in range(1, 5)))
    write(journal, Candle(BTC, "5m", 5 * HOUR_NS, 5 * HOUR_NS + 5 * MINUTE_NS, 9.0, 9.0, 9.0, 9.0, 1.0), hour(5))
    found = partial(prices_at, journal.engine, (BTC, ETH))
    assert found(until_ns=HOUR_NS - 1) == {}
    assert found(until_ns=5 * HOUR_NS) == {BTC: 4.0, ETH: 0.0}
    assert found(until_ns=6 * HOUR_NS - 1) == {BTC: 9.0, ETH: 0.0}
    assert found(until_ns=99 * HOUR_NS) == {BTC: 5.0, ETH: 0.0}
    assert found(until_ns=4 * HOUR_NS, after_ns=3 * HOUR_NS) == {BTC: 3.0}
    assert found(until_ns=4 * HOUR_NS, after_ns=4 * HOUR_NS) == {}


def test_pages_joined_are_the_whole_series_and_others_are_left_out(journal: Journal) -> None:
    for number in range(40):
        quote = Quote(BTC, number * HOUR_NS + MINUTE_NS, 1.0, 2.0, 1.0, 1.0)
        write(journal, quote, hour(number), hour(number, ETH))
    pages, before = [], None
    while page := found(journal, before, 7):
        pages.append(page)
        before = page[0]
    assert [number for page in reversed(pages) for number in page] == list(range(40))
    assert found(journal, None, 5, timeframe="4h") == []


def test_what_was_fed_as_warm_up_comes_once(journal: Journal) -> None:
    history = tuple(hour(number) for number in range(5))
    write(journal, WarmUp(5 * HOUR_NS, BTC, "1h", history))
    write(journal, hour(5), WarmUp(6 * HOUR_NS, BTC, "1h", (*history[3:], hour(5))), hour(6))
    assert found(journal, None, 100) == [0, 1, 2, 3, 4, 5, 6]
