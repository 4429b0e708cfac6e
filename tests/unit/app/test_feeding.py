"""Feeds are exchanged while they run: no input is lost or doubled, and what fails is taken back."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from loligo.errors import DataError, TentacleError
from loligo.model.events import Input
from loligo.runtime.inbox import FromFeed, Inbox
from loligo.runtime.supervisor import Supervisor
from loligo_bot.edge_plan import EdgePlan
from loligo_bot.feeding import Feeds
from loligo_bot.feeds import in_time_order
from loligo_bot.recovery import Cursors, take
from tests.fakes.desks import BTC, PERP
from tests.fakes.edges import QUICK, edge
from tests.unit.app.market import MemoryFeed, hourly

ONE, OTHER = hourly(BTC.id, range(300)), hourly(PERP.id, range(100, 400, 2))


class Slowly(MemoryFeed):
    """Publishes in parts of four, so that one may end inside of an instant, and lets others run in between."""

    async def replay(self, inbox: Any, inputs: Iterator[Input]) -> None:
        while part := [item for _, item in zip(range(4), inputs, strict=False)]:
            await inbox.put_many(part)
            await asyncio.sleep(0)


class Live:
    """A feed that keeps its own time, publishes in parts of three, and may fail before one of its inputs."""

    def __init__(self, items: Sequence[Any], fails_after: int = -1, error: type[Exception] = OSError) -> None:
        self._items, self._left, self._error = items, fails_after, error

    async def run(self, inbox: Any, *, since_ns: int, since_count: int) -> None:
        at_cursor = [item for item in self._items if item.ts == since_ns][since_count:]
        items = [*at_cursor, *(item for item in self._items if item.ts > since_ns)]
        for first in range(0, len(items), 3):
            if self._left in range(3):
                raise self._error("connection lost")
            self._left -= 3
            await inbox.put_many(items[first : first + 3])
            await asyncio.sleep(0)


def feed(name: str, make: Callable[[], Any], key: str = "1") -> EdgePlan:
    return edge(make, key, "feed", f"feeds/{name}")


def replays(key: str = "1", other: Sequence[Any] = OTHER) -> list[EdgePlan]:
    return [feed("one", lambda: Slowly(ONE), key), feed("two", lambda: Slowly(other))]


class Fed:
    """Feeds at work, and what their engine has taken."""

    def __init__(self, feeds: Feeds, inbox: Inbox, cursors: Cursors, running: asyncio.Task[Any]) -> None:
        self.feeds, self.inbox, self.cursors, self.running = feeds, inbox, cursors, running
        self.taken: list[FromFeed] = []

    async def until(self, count: int) -> None:
        """Take inputs until there are so many; not all that is there, as an engine that is busy."""
        async with asyncio.timeout(10):
            while len(self.taken) < count:
                for sent in self.inbox.take(2, 0):
                    assert isinstance(sent, FromFeed)
                    take(self.cursors, sent.feed, sent.item.ts)
                    self.taken.append(sent)
                await asyncio.sleep(0)

    async def exchange(self, plans: Sequence[EdgePlan]) -> None:
        self.feeds.prepare(plans)
        taking = asyncio.create_task(self.until(10_000))  # so that a full inbox does not stop the feeds
        await self.feeds.commit()
        taking.cancel()


@asynccontextmanager
async def fed(plans: Sequence[EdgePlan]) -> AsyncIterator[Fed]:
    inbox, cursors = Inbox(size=8), Cursors()
    async with Supervisor({"edges": 2.0}) as tasks:

        def launch(coroutine: Any, *, name: str, ask: Any = None) -> asyncio.Task[Any]:
            return tasks.start(coroutine, name=name, stage="edges", ask=ask)

        feeds = Feeds(plans, inbox, launch, lambda name: cursors.get(name, (0, 0)), QUICK)
        running = tasks.start(feeds.run(), name="feeds", stage="edges", ends_run=True)
        yield Fed(feeds, inbox, cursors, running)
        if running.done():
            await running


def undisturbed(other: Sequence[Any] = OTHER) -> list[FromFeed]:
    return list(in_time_order({"one": MemoryFeed(ONE), "two": MemoryFeed(other)}))


def test_replays_that_are_exchanged_twenty_times_come_as_if_nobody_had_touched_them() -> None:
    async def test() -> None:
        async with fed(replays()) as bot:
            for number in range(20):
                await bot.until(20 * number + 7)
                await bot.exchange(replays(key=str(number)))
                bot.feeds.settle()
            await bot.until(450)
        assert bot.taken == undisturbed()

    asyncio.run(test())


def test_a_version_that_was_replaced_is_let_go() -> None:
    async def test() -> None:
        plans = replays()
        async with fed(plans) as bot:
            old = weakref.ref(plans.pop(0).make)
            await bot.until(20)
            await bot.exchange([*replays("2")[:1], *plans])
            bot.feeds.settle()
            gc.collect()
            assert old() is None

    asyncio.run(test())


def test_a_live_feed_that_is_exchanged_twenty_times_goes_on_from_its_cursor() -> None:
    twice = sorted([*ONE, *hourly(PERP.id, range(300))], key=lambda item: item.ts)  # two inputs at each instant

    async def test() -> None:
        async with fed([feed("live", lambda: Live(twice))]) as bot:
            for number in range(20):
                await bot.until(25 * number + 1)
                await bot.exchange([feed("live", lambda: Live(twice), str(number))])
                bot.feeds.settle()
            await bot.until(600)
        assert [sent.item for sent in bot.taken] == twice

    asyncio.run(test())


def test_a_replay_with_another_source_goes_on_at_the_next_instant() -> None:
    both = sorted([*hourly("a:A/A", range(300)), *ONE], key=lambda item: (item.ts, item.instrument))

    async def test() -> None:
        async with fed([feed("one", lambda: Slowly(ONE))]) as bot:
            await bot.until(50)
            await bot.exchange([feed("one", lambda: Slowly(both), "2")])
            reached = len(bot.taken) + len(bot.inbox)
            await bot.until(reached + 2 * (300 - reached))
        assert [sent.item for sent in bot.taken] == [
            *ONE[:reached],
            *(item for item in both if item.ts > ONE[reached - 1].ts),
        ]

    asyncio.run(test())


class Breaks(Slowly):
    """Comes to an end before its data."""

    def read(self, **given: int | None) -> Iterator[Input]:
        for count, item in enumerate(super().read(**given)):
            if count == 13:
                raise OSError("the disk is gone")
            yield item


def test_a_new_replay_that_fails_on_probation_gives_way_to_the_old_one_from_where_it_came_to() -> None:
    async def test() -> None:
        async with fed(replays()) as bot:
            await bot.until(200)
            await bot.exchange([feed("one", lambda: Breaks(ONE), "2"), replays()[1]])
            await bot.until(450)
            assert bot.feeds.fault == "feeds/one, feeds/two failed, OSError: the disk is gone"
        assert bot.taken == undisturbed()

    asyncio.run(test())


def test_a_new_live_feed_that_fails_on_probation_gives_way_to_the_old_one() -> None:
    async def test() -> None:
        async with fed([feed("live", lambda: Live(ONE))]) as bot:
            await bot.until(20)
            await bot.exchange([feed("live", lambda: Live(ONE, fails_after=5), "2")])
            await bot.until(300)
            assert bot.feeds.fault == "feeds/live failed, OSError: connection lost"
        assert [sent.item for sent in bot.taken] == ONE

    asyncio.run(test())


def test_a_feed_that_cannot_be_made_is_refused_before_anything_stops() -> None:
    def none() -> Any:
        raise TentacleError("no such file")

    async def test() -> None:
        async with fed(replays()) as bot:
            await bot.until(20)
            with pytest.raises(TentacleError, match="no such file"):
                bot.feeds.prepare([feed("one", none, "2"), replays()[1]])
            await bot.until(450)
        assert bot.taken == undisturbed()

    asyncio.run(test())


def test_an_undone_exchange_of_feeds_loses_nothing() -> None:
    async def test() -> None:
        async with fed(replays()) as bot:
            await bot.until(100)
            await bot.exchange(replays("2"))
            await bot.until(150)
            taking = asyncio.create_task(bot.until(450))
            await bot.feeds.undo()
            await taking
        assert bot.taken == undisturbed()

    asyncio.run(test())


def test_a_replay_that_is_taken_away_and_added_again_joins_the_others_in_their_time() -> None:
    async def test() -> None:
        async with fed(replays()) as bot:
            await bot.until(150)
            await bot.exchange(replays()[:1])
            without = len(bot.taken) + len(bot.inbox)
            await bot.until(without + 20)
            await bot.exchange(replays())
            again = len(bot.taken) + len(bot.inbox)
            await bot.until(again)
            await bot.until(again + len([sent for sent in undisturbed() if sent.item.ts > bot.taken[-1].item.ts]))
        assert {sent.feed for sent in bot.taken[without:again]} == {"one"}
        assert [sent.item.ts for sent in bot.taken] == sorted(sent.item.ts for sent in bot.taken)
        assert [sent.item for sent in bot.taken if sent.feed == "one"] == ONE
        assert bot.taken[again:] == undisturbed()[-len(bot.taken[again:]) :]

    asyncio.run(test())


def test_the_run_goes_on_while_all_feeds_are_off_and_ends_when_the_last_has_come_to_its_end() -> None:
    async def test() -> None:
        async with fed([feed("live", lambda: Live(ONE))]) as bot:
            await bot.until(20)
            await bot.exchange([])
            await asyncio.sleep(0)
            assert (bot.feeds.status(), bot.running.done()) == ({}, False)
            bot.feeds.settle()
            await bot.exchange([feed("live", lambda: Live(ONE), "2")])
            await bot.until(300)
            async with asyncio.timeout(5):
                await bot.running
        assert [sent.item for sent in bot.taken] == ONE

    asyncio.run(test())


def test_a_live_feed_that_fails_is_made_again_and_misses_nothing() -> None:
    async def test() -> None:
        async with fed([feed("live", lambda: Live(ONE, fails_after=60))]) as bot:
            await bot.until(300)
        assert [sent.item for sent in bot.taken] == ONE

    asyncio.run(test())


@pytest.mark.parametrize(
    ("make", "error"),
    [(lambda: Live(ONE, 7, DataError), DataError), (lambda: Breaks(ONE), OSError)],
    ids=["unsound data", "replay"],
)
def test_unsound_data_and_a_replay_that_fails_end_the_run(make: Callable[[], Any], error: type[Exception]) -> None:
    async def test() -> None:
        async with fed([feed("one", make)]) as bot:
            await bot.until(6)
            async with asyncio.timeout(5):
                while bot.feeds.status()["feeds/one"]["error"] == "":
                    bot.inbox.take(9, 0)
                    await asyncio.sleep(0)
            await asyncio.sleep(0)

    with pytest.raises(error):
        asyncio.run(test())
