"""The sample feed: order, and what a cursor leaves out."""

from __future__ import annotations

import asyncio

from loligo.api import MakeContext
from loligo_testing import CollectingInbox

from .logic import Sample, Settings

FEED = Sample(Settings(closes=(100.0, 101.0, 99.0)), MakeContext())


def test_candles_come_in_time_order_each_from_the_close_before_it() -> None:
    candles = list(FEED.read())
    assert [(candle.open, candle.close) for candle in candles] == [(100.0, 100.0), (100.0, 101.0), (101.0, 99.0)]
    assert [candle.ts - candles[0].ts for candle in candles] == [0, 3_600_000_000_000, 7_200_000_000_000]


def test_after_a_restart_it_goes_on_behind_the_cursor() -> None:
    inbox = CollectingInbox()
    first, *others = FEED.read()
    asyncio.run(FEED.run(inbox, since_ns=first.ts))
    assert inbox.items == others


def test_reading_ends_where_it_is_asked_to() -> None:
    first, second, _ = FEED.read()
    assert list(FEED.read(since_ns=first.ts, since_count=0, until_ns=second.ts)) == [first, second]
