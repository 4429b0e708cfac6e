"""The one way from the edges into the engine: a bounded queue between the event loop and the engine's thread.

What must hold: nothing is dropped but quotes that a newer quote of the same instrument replaces, and only where the
inbox conflates (live edges); each producer's inputs keep their order, and a person's command goes before them all; a
full inbox makes the producer wait without blocking its loop. All producers live on one event loop, the consumer on one
thread.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from loligo.errors import InboxClosed
from loligo.model.events import Input
from loligo.model.market import Quote


class FromFeed(NamedTuple):
    """An input with the name of the feed that it came from."""

    item: Input
    feed: str


class Inbox:
    """A bounded queue of inputs. Producers `await put`, the engine's thread calls `take`.

    With `conflate` it hands out the newest quote of each instrument only, at that one's own place in time.
    """

    def __init__(self, size: int = 65_536, *, conflate: bool = False) -> None:
        self.size, self.conflate = size, conflate
        self.is_closed = False  # when True nothing can be put any more; what waits can still be taken
        self.conflated = 0  # quotes that a newer one has replaced before the engine saw them
        self._line: deque[Input | FromFeed] = deque()
        self._newest: dict[str, Quote] = {}  # of each instrument, when conflating
        self.first: list[Input] = []  # goes before all that waits
        self.was_nudged = self._is_nudged = False  # before the newest `take` came back, and since
        self._has_items = threading.Condition(threading.Lock())
        self._turn = asyncio.Lock()  # producers that meet a full inbox queue up here, so none overtakes another
        self._room: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None

    def __len__(self) -> int:
        return len(self.first) + len(self._line)

    async def put(self, item: Input | FromFeed) -> None:
        """Hand over one input; waits while the inbox is full. InboxClosed after `close`."""
        await self.put_many((item,))

    async def put_many(self, items: Sequence[Input | FromFeed]) -> None:
        """Hand over inputs in order, with one wait; more than fit go in by parts. InboxClosed after `close`."""
        async with self._turn:
            while items := items[self._offer(items) :]:
                await self._wait_for_room()

    def put_first(self, item: Input) -> None:
        """Hand over a person's command: before all that waits, and into a full inbox. InboxClosed after `close`.

        Behind a replay's backlog a kill switch would come too late.
        """
        with self._has_items:
            if self.is_closed:
                raise InboxClosed("the engine takes no more commands: the bot is stopping")
            self.first.append(item)
            self._has_items.notify()

    def take(self, max_items: int, timeout_s: float) -> list[Input | FromFeed]:
        """Return what was put first and up to `max_items` other inputs, oldest first, on the engine's thread.

        Waits up to `timeout_s` for one; empty after that, after a `nudge`, or at once when the inbox is closed and
        drained.
        """
        with self._has_items:
            if not self._line and not self.first and not self.is_closed and not self._is_nudged:
                self._has_items.wait(timeout_s)
            self.was_nudged, self._is_nudged = self._is_nudged, False
            taken, self.first = [*self.first, *self._oldest(max_items)], []
            self._wake_producers()
        return taken

    def nudge(self) -> None:
        """Let who waits in `take` look up. Callable from any thread."""
        with self._has_items:
            self._is_nudged = True
            self._has_items.notify()

    def close(self) -> None:
        """Accept nothing more and let `take` hand out the rest. Callable from any thread, more than once."""
        with self._has_items:
            self.is_closed = True
            self._has_items.notify_all()
            self._wake_producers()

    def _offer(self, items: Sequence[Input | FromFeed]) -> int:
        """Put in what fits and return how many inputs that were."""
        with self._has_items:
            if self.is_closed:
                raise InboxClosed(f"the engine takes no more inputs: {len(items)} came after the inbox was closed")
            accepted = items[: self.size - len(self._line)]
            self._line.extend(accepted)
            if self.conflate:
                quotes = [quote for quote in map(_quote_in, accepted) if quote is not None]
                self._newest.update((quote.instrument, quote) for quote in quotes)
            self._has_items.notify()
            return len(accepted)

    def _oldest(self, max_items: int) -> list[Input | FromFeed]:
        taken: list[Input | FromFeed] = []
        while self._line and len(taken) < max_items:
            item = self._line.popleft()
            quote = _quote_in(item) if self.conflate else None
            if quote is not None and self._newest.get(quote.instrument, quote) is not quote:
                self.conflated += 1
            else:
                taken.append(item)
        return taken

    async def _wait_for_room(self) -> None:
        is_free = asyncio.Event()
        with self._has_items:
            if self.is_closed or len(self._line) <= self.size // 2:
                return
            self._room = (asyncio.get_running_loop(), is_free)
        await is_free.wait()

    def _wake_producers(self) -> None:
        """Wake the waiting producer once half the inbox is free: a wake-up per input would cost more than the input."""
        if self._room is not None and (self.is_closed or len(self._line) <= self.size // 2):
            loop, is_free = self._room
            self._room = None
            loop.call_soon_threadsafe(is_free.set)


def _quote_in(item: Input | FromFeed) -> Quote | None:
    held = item.item if isinstance(item, FromFeed) else item
    return held if isinstance(held, Quote) else None
