"""What lies between the feeds and the engine: the name of each input's feed, and one time for all replays.

What must hold: every input carries the feed that it came from, by which its cursor counts it; what several replays read
comes in time order, at one instant in that of `market_order`, then in that of the feeds' configuration. The order does
not depend on where reading begins, so a run that is resumed goes on as if it had never stopped.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from heapq import merge
from itertools import repeat

from loligo.api.candles import market_order
from loligo.model.events import Input
from loligo.model.market import MarketData
from loligo.ports.tentacles import HistoricalFeed, InboxPort, ReplayingFeed
from loligo.runtime.inbox import FromFeed, Inbox
from loligo_bot.recovery import Cursors


class FeedInbox(InboxPort):
    """The inbox as feeds see it. `feeds` names the feed of each input in turn."""

    def __init__(self, inbox: Inbox, feeds: Iterator[str]) -> None:
        self._inbox, self._feeds = inbox, feeds

    async def put(self, item: Input) -> None:
        await self.put_many((item,))

    async def put_many(self, items: Sequence[Input]) -> None:
        await self._inbox.put_many(list(map(FromFeed, items, self._feeds)))


def in_time_order(feeds: Mapping[str, HistoricalFeed], since: Cursors | None = None) -> Iterator[FromFeed]:
    """Yield what the feeds hold, from their beginning or from a cursor of each."""
    streams = []
    for name, feed in feeds.items():
        since_ns, count = since[name] if since else (None, None)
        streams.append(map(FromFeed, feed.read(since_ns=since_ns, since_count=count), repeat(name)))
    return merge(*streams, key=_order)


def _order(sent: FromFeed) -> tuple[int, ...] | tuple[int, int, int, str]:
    return market_order(sent.item) if isinstance(sent.item, MarketData) else (sent.item.ts,)


async def replay(feeds: Mapping[str, ReplayingFeed], since: Cursors, inbox: Inbox) -> None:
    """Publish what the feeds hold, from the cursor of each to the end; the first of them sets the pace."""
    names: deque[str] = deque()  # of the feeds, for inputs that are read and not published yet

    def read() -> Iterator[Input]:
        for item, name in in_time_order(feeds, since):
            names.append(name)
            yield item

    await next(iter(feeds.values())).replay(FeedInbox(inbox, iter(names.popleft, None)), read())
