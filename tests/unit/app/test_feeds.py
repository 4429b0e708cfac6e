"""Each feed has a cursor of its own; several replays come in one time order, wherever reading begins."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import repeat
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loligo.errors import DataError
from loligo.model.command import CommandKind, OperatorCommand
from loligo.model.events import Input
from loligo.model.market import Candle, ExternalSignal, Quote
from loligo.ports.tentacles import InboxPort
from loligo.runtime.inbox import FromFeed, Inbox
from loligo_bot.feeds import FeedInbox, LiveStream, ReplayStream, in_time_order
from loligo_bot.recovery import Cursors, take
from loligo_bot.session import Durability, Session
from loligo_store.journal import Journal
from tests.fakes.desks import BTC, PERP
from tests.unit.app.market import MemoryFeed, at, hourly, remembering


def feeds(hours: Sequence[int] = range(12), other: Sequence[int] = range(3, 15, 2)) -> dict[str, MemoryFeed]:
    return {"one": MemoryFeed(hourly(BTC.id, hours)), "two": MemoryFeed(hourly(PERP.id, other))}


def test_replays_are_merged_by_time_and_at_one_instant_by_instrument() -> None:
    merged = list(in_time_order(feeds(range(2), range(2))))
    assert [(sent.item.ts, sent.feed) for sent in merged] == [
        (at(0), "one"),
        (at(0), "two"),
        (at(1), "one"),
        (at(1), "two"),
    ]
    other_way = {name: feeds(range(2), range(2))[name] for name in ("two", "one")}
    assert list(in_time_order(other_way)) == merged


def test_what_is_equal_in_time_and_kind_follows_the_order_of_the_feeds() -> None:
    told = {name: MemoryFeed([]) for name in ("press", "wire")}
    for name, feed in told.items():
        feed.candles = [ExternalSignal(name, 1, "topic")]  # type: ignore[list-item]
    assert [sent.feed for sent in in_time_order(told)] == ["press", "wire"]


hours = st.lists(st.integers(0, 30), unique=True, min_size=1).map(sorted)


@given(hours, hours, st.floats(0, 1))
def test_a_merge_that_begins_at_the_cursors_goes_on_where_it_stopped(
    one: list[int], other: list[int], share: float
) -> None:
    whole = list(in_time_order(feeds(one, other)))
    taken = whole[: 1 + int(share * (len(whole) - 1))]
    cursors: Cursors = {}
    for item, feed in taken:
        take(cursors, feed, item.ts)
    since = {name: cursors.get(name, (taken[-1].item.ts, 0)) for name in ("one", "two")}
    assert taken + list(in_time_order(feeds(one, other), since)) == whole


@settings(max_examples=25, deadline=None)  # each opens databases
@given(hours, hours, st.lists(st.integers(1, 9), min_size=1, max_size=5))
def test_every_input_of_two_feeds_comes_exactly_once_however_often_the_bot_is_killed(
    one: list[int], other: list[int], lives: list[int]
) -> None:
    """Each life makes so many records durable and loses those after them; a person's command comes in between."""
    with TemporaryDirectory() as folder:
        for life in (*lives, 1_000):
            journal = Journal(Path(folder) / "journal.sqlite")
            session = Session(remembering(BTC, PERP), journal, Durability(commit_every_s=3_600.0))
            session.open((), min(at(one[0]), at(other[0])))
            now_ns = session.engine.now_ns
            since = {name: session.cursors.get(name, (now_ns, 0)) for name in ("one", "two")}
            inputs = list(in_time_order(feeds(one, other), since))
            session.step(
                [*inputs[:life], OperatorCommand(f"c{life}", max(now_ns, _last(inputs[:life])), CommandKind.PAUSE)]
            )
            if life == 1_000:
                session.close()
            else:
                session.step(inputs[life : life + 3])  # never committed
                journal.engine.dispose()
        taken = [record for record in Journal(Path(folder) / "journal.sqlite").records() if record.feed]
        assert [FromFeed(record.input, record.feed) for record in taken] == list(in_time_order(feeds(one, other)))


def _last(inputs: Sequence[FromFeed]) -> int:
    return inputs[-1].item.ts if inputs else 0


def test_cursors_count_what_each_feed_gave_at_its_newest_instant() -> None:
    cursors: Cursors = {}
    for feed, ts in (("a", 1), ("b", 1), ("a", 1), ("", 1), ("a", 2), ("b", 1)):
        take(cursors, feed, ts)
    assert cursors == {"a": (2, 1), "b": (1, 2)}


def test_replays_reach_the_inbox_in_order_each_with_the_name_of_its_feed() -> None:
    inbox = Inbox()
    asyncio.run(ReplayStream(feeds(), {"one": (0, 0), "two": (0, 0)}, inbox).run())
    inputs = inbox.take(1_000, 0)
    assert inputs == list(in_time_order(feeds()))
    assert Counter(sent.feed for sent in inputs if isinstance(sent, FromFeed)) == {"one": 12, "two": 6}


def test_a_stream_that_stops_in_the_instant_in_which_it_began_counts_on() -> None:
    """Four inputs of one instant: two are taken, the next stream gives one more before it is stopped."""
    inbox, instant = Inbox(), [ExternalSignal(str(number), 7, "topic") for number in range(4)]

    class OneMore(MemoryFeed):
        async def run(self, inbox: InboxPort, *, since_ns: int | None, since_count: int | None = None) -> None:
            await inbox.put(next(self.read(since_ns=since_ns, since_count=since_count)))

    async def stopped() -> Cursors:
        stream = LiveStream("live", OneMore(instant), (7, 2), inbox)  # type: ignore[arg-type]
        await stream.run()
        return await stream.stop(None)

    assert asyncio.run(stopped()) == {"live": (7, 3)}
    assert inbox.take(9, 0) == [FromFeed(instant[2], "live")]


def test_a_stream_that_is_stopped_while_it_puts_knows_all_that_was_put() -> None:
    inbox, instant = Inbox(size=2), [ExternalSignal(str(number), 7, "topic") for number in range(5)]

    class AllAtOnce(MemoryFeed):
        async def run(self, inbox: InboxPort, *, since_ns: int | None, since_count: int | None = None) -> None:
            await inbox.put_many(list(self.read(since_ns=since_ns, since_count=since_count)))

    async def stopped() -> Cursors:
        stream = LiveStream("live", AllAtOnce(instant), (7, 0), inbox)  # type: ignore[arg-type]
        running = asyncio.create_task(stream.run())
        while len(inbox) < 2:  # then it waits for room
            await asyncio.sleep(0)
        stopping = asyncio.create_task(stream.stop(running))
        while not stopping.done():
            taken.extend(inbox.take(1, 0))
            await asyncio.sleep(0)
        return await stopping

    taken: list[Input | FromFeed] = []
    assert asyncio.run(stopped()) == {"live": (7, 5)}
    assert [*taken, *inbox.take(9, 0)] == [FromFeed(item, "live") for item in instant]


def test_a_live_inbox_conflates_the_quotes_of_feeds_too() -> None:
    inbox = Inbox(conflate=True)
    quotes = [Quote(BTC.id, ts, 1.0, 2.0, 1.0, 1.0) for ts in (1, 2)]
    asyncio.run(FeedInbox(inbox, repeat("live")).put_many(quotes))
    assert inbox.take(10, 0) == [FromFeed(quotes[1], "live")]


def test_unsound_data_of_one_feed_reaches_who_reads_them_all() -> None:
    class Broken(MemoryFeed):
        def read(self, **given: int | None) -> Iterator[Input]:
            yield from super().read(until_ns=at(1))
            raise DataError("b.csv, line 3: high below low")

    read: list[Candle | Input] = []
    with pytest.raises(DataError, match="line 3"):
        read.extend(sent.item for sent in in_time_order({**feeds(), "two": Broken(hourly(PERP.id, range(3)))}))
    assert read[:4] == [sent.item for sent in in_time_order(feeds(range(2), range(2)))]
