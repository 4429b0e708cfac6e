"""Following: durable records, in order, for any number of readers that each go at their own pace.

The newest records lie once in a window of bounded size, while anybody follows; a follower is no more than a place in
the journal. One that has fallen behind the window reads from the journal until it has caught up. What must hold: every
record after the place comes, once and in order; nobody is held up, least of all the engine.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import AsyncIterator, Callable, Sequence
from itertools import islice

from loligo.model.events import Record
from loligo_store.reader import JournalReader

WINDOW = 20_000  # records
PAGE = 1_000  # records that a follower gets at once, at most


class Following:
    """What is durable from `next_seq` on, as it comes; all but reading the journal is on the event loop."""

    def __init__(self, next_seq: int, journal: Callable[[], JournalReader], *, window: int = WINDOW) -> None:
        self._next_seq = next_seq
        self._journal = journal
        self._size = window
        self._window: list[Record] = []
        self._followers = 0
        self._news = asyncio.Event()
        self._is_ended = False

    def hear(self, records: Sequence[Record]) -> None:
        """Take note of durable records."""
        if not records:
            return
        self._next_seq = records[-1].next_seq
        if not self._followers:
            self._window = []
            return
        self._window.extend(records)
        if len(self._window) > 2 * self._size:  # not with each record: it moves all that stays
            del self._window[: -self._size]
        self._wake()

    def end(self) -> None:
        """Let every follower come to its end: the bot stops."""
        self._is_ended = True
        self._wake()

    def _wake(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    def follow(self, since_seq: int | None = None) -> AsyncIterator[Sequence[Record]]:
        """Yield records from the first with a seq above `since_seq` on; None: that are not durable yet.

        JournalError when retention has cut what follows `since_seq`.
        """
        return self._from(self._next_seq if since_seq is None else since_seq + 1)

    async def _from(self, place: int) -> AsyncIterator[Sequence[Record]]:
        self._followers += 1
        try:
            while True:
                news, known = self._news, self._next_seq
                if place < known:
                    page = await self._page(place)
                    place = page[-1].next_seq if page else known  # none: the place lies within a record
                    if page:
                        yield page
                elif self._is_ended:
                    return
                else:
                    await news.wait()
        finally:
            self._followers -= 1

    async def _page(self, place: int) -> Sequence[Record]:
        if self._window and self._window[0].seq <= place:
            start = bisect_left(self._window, place, key=lambda record: record.seq)
            return self._window[start : start + PAGE]
        return await asyncio.to_thread(self._read, place)

    def _read(self, place: int) -> Sequence[Record]:
        return list(islice((one for one in self._journal().records(place) if one.seq >= place), PAGE))
