"""What lies between the feeds and the engine: the name of each input's feed, and one time for all replays.

What must hold: every input carries the feed that it came from, by which its cursor counts it; what several replays read
comes in time order, at one instant in that of `market_order`, then in that of the feeds' configuration. The order does
not depend on where reading begins, so a run that is resumed goes on as if it had never stopped; and a stream that is
stopped for an exchange knows to the input what it has given.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from heapq import merge
from itertools import repeat
from time import monotonic
from typing import Protocol

from loligo.api.candles import market_order
from loligo.log import get_logger
from loligo.model.events import Input
from loligo.model.market import MarketData
from loligo.ports.tentacles import Feed, HistoricalFeed, InboxPort, ReplayingFeed
from loligo.runtime.inbox import FromFeed, Inbox
from loligo_bot.recovery import Cursors

HOLD_LIMIT_S = 10.0  # for the engine to take what is being put
CANCEL_LIMIT_S = 2.0

_log = get_logger("feeds")


class FeedInbox(InboxPort):
    """The inbox as feeds see it. `feeds` names the feed of each input in turn.

    Once held it takes nothing more; then `newest` is exact, as long as no feed gives up a `put` of its own midway.
    """

    def __init__(self, inbox: Inbox, feeds: Iterator[str]) -> None:
        self._inbox, self._feeds = inbox, feeds
        self.newest: list[FromFeed] = []  # what was put of the newest instant
        self.heard_s = monotonic()  # when anything was put last, or the inbox was made
        self._is_open, self._is_calm = asyncio.Event(), asyncio.Event()
        self._is_open.set()
        self._under_way = 0

    async def put(self, item: Input) -> None:
        await self.put_many((item,))

    async def put_many(self, items: Sequence[Input]) -> None:
        await self._is_open.wait()
        self._under_way += 1
        try:
            await self.put_last(items)
        finally:
            self._under_way -= 1
            self._is_calm.set()

    async def put_last(self, items: Sequence[Input]) -> None:
        """Put inputs, even while the inbox is held."""
        if not items:
            return
        sent = list(map(FromFeed, items, self._feeds))
        await self._inbox.put_many(sent)
        self._note(sent)

    async def hold(self, limit_s: float) -> None:
        """Let feeds wait, once what they are putting is in. TimeoutError when the engine does not take it: then they go
        on."""
        self._is_open.clear()
        try:
            async with asyncio.timeout(limit_s):
                while self._under_way:
                    self._is_calm.clear()
                    await self._is_calm.wait()
        except BaseException:
            self._is_open.set()
            raise

    def _note(self, sent: list[FromFeed]) -> None:
        self.heard_s = monotonic()
        newest_ns = max([one.item.ts for one in sent])
        known_ns = self.newest[0].item.ts if self.newest else newest_ns
        if newest_ns >= known_ns:  # what a live feed brings late does not move its cursor back
            here = [one for one in sent if one.item.ts == newest_ns]
            self.newest = [*self.newest, *here] if newest_ns == known_ns else here


def in_time_order(feeds: Mapping[str, HistoricalFeed], since: Cursors | None = None) -> Iterator[FromFeed]:
    """Yield what the feeds hold, from their beginning or from a cursor of each."""
    streams = []
    for name, feed in feeds.items():
        since_ns, count = since[name] if since else (None, None)
        streams.append(map(FromFeed, feed.read(since_ns=since_ns, since_count=count), repeat(name)))
    return merge(*streams, key=_order)


def _order(sent: FromFeed) -> tuple[int, ...] | tuple[int, int, int, str]:
    return market_order(sent.item) if isinstance(sent.item, MarketData) else (sent.item.ts,)


class Stream(Protocol):
    """Feeds that run in one task: a live one alone, or all replays."""

    async def run(self) -> None:
        """Publish until the end."""
        ...

    async def stop(self, task: asyncio.Task[None] | None) -> Cursors:
        """End the task that runs it, and return from where others go on. `task` None: it has failed. TimeoutError when
        the engine takes nothing; then it runs on."""
        ...


class LiveStream:
    """One feed that keeps its own time."""

    def __init__(self, name: str, feed: Feed, since: tuple[int, int], inbox: Inbox) -> None:
        self._name, self._feed, self._since = name, feed, since
        self._inbox = FeedInbox(inbox, repeat(name))

    @property
    def silence_s(self) -> float:
        """For how long nothing has come."""
        return monotonic() - self._inbox.heard_s

    async def run(self) -> None:
        since_ns, count = self._since
        await self._feed.run(self._inbox, since_ns=since_ns, since_count=count)

    async def stop(self, task: asyncio.Task[None] | None) -> Cursors:
        await self._inbox.hold(HOLD_LIMIT_S)
        await _ended(task)
        return _reached({self._name: self._since}, self._inbox.newest)


class ReplayStream:
    """Replays, merged; the first of them sets the pace. It stops between two instants, so that what goes on may have
    other sources."""

    def __init__(self, feeds: Mapping[str, ReplayingFeed], since: Cursors, inbox: Inbox) -> None:
        self._feeds, self._since = feeds, {name: since[name] for name in feeds}
        self._inputs = in_time_order(feeds, self._since)
        self._read: deque[FromFeed] = deque()  # handed to the first of the feeds, and not published yet
        self._inbox = FeedInbox(inbox, iter(self._name_of_next, None))

    async def run(self) -> None:
        await next(iter(self._feeds.values())).replay(self._inbox, self._hand_out())

    def _hand_out(self) -> Iterator[Input]:
        for sent in self._inputs:
            self._read.append(sent)
            yield sent.item

    def _name_of_next(self) -> str:
        return self._read.popleft().feed

    async def stop(self, task: asyncio.Task[None] | None) -> Cursors:
        await self._inbox.hold(HOLD_LIMIT_S)
        await _ended(task)
        if task is None or not self._inbox.newest:
            return _reached(self._since, self._inbox.newest)
        newest_ns = self._inbox.newest[0].item.ts
        await self._inbox.put_last(self._rest_of(newest_ns))
        return dict.fromkeys(self._feeds, (newest_ns + 1, 0))

    def _rest_of(self, instant_ns: int) -> list[Input]:
        """Return what is left of an instant, read or not."""
        while not self._read or self._read[-1].item.ts == instant_ns:
            if (sent := next(self._inputs, None)) is None:
                break
            self._read.append(sent)
        return [sent.item for sent in self._read if sent.item.ts == instant_ns]


def _reached(since: Cursors, newest: Sequence[FromFeed]) -> Cursors:
    """Return the cursors of feeds that began at `since` and gave, in time order, `newest` as their last instant."""
    if not newest:
        return since
    newest_ns, counts = newest[0].item.ts, Counter(sent.feed for sent in newest)
    return {name: (newest_ns, counts[name] + (count if ts == newest_ns else 0)) for name, (ts, count) in since.items()}


async def _ended(task: asyncio.Task[None] | None) -> None:
    """Cancel a task; one that does not heed it is left behind, and all that it puts waits."""
    if task is not None and not task.done():
        task.cancel()
        if (await asyncio.wait({task}, timeout=CANCEL_LIMIT_S))[1]:
            _log.error("a feed does not end when it is cancelled; its task is left behind", task=task.get_name())
