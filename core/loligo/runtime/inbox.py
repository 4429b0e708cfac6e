"""The one way from the edges into the engine: a bounded queue between the event loop and the engine's thread.

What must hold: nothing is dropped but quotes that a newer quote of the same instrument replaces, and only where the
inbox conflates (live edges); each producer's inputs keep their order, and a person's command goes before them all; a
full inbox makes the producer wait without blocking its loop. All producers live on one event loop, the consumer on one
thread.
"""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict, deque
from collections.abc import Hashable, Sequence
from itertools import count
from typing import Protocol

from loligo.errors import InboxClosed
from loligo.model.events import Input
from loligo.model.market import Quote

DEFAULT_SIZE = 65_536  # inputs


class _Line(Protocol):
    """Inputs that wait, oldest first."""

    def __len__(self) -> int: ...
    def extend(self, items: Sequence[Input]) -> None: ...
    def take(self, max_items: int) -> list[Input]: ...


class _Fifo:
    """Keeps everything."""

    def __init__(self) -> None:
        self._items: deque[Input] = deque()

    def __len__(self) -> int:
        return len(self._items)

    def extend(self, items: Sequence[Input]) -> None:
        self._items.extend(items)

    def take(self, max_items: int) -> list[Input]:
        items = self._items
        if len(items) <= max_items:
            taken = list(items)
            items.clear()
            return taken
        return [items.popleft() for _ in range(max_items)]


class _Conflating:
    """Keeps the newest quote of each instrument, at its own place in time, and everything else."""

    def __init__(self) -> None:
        self.conflated = 0
        self._items: OrderedDict[Hashable, Input] = OrderedDict()
        self._numbers = count()

    def __len__(self) -> int:
        return len(self._items)

    def extend(self, items: Sequence[Input]) -> None:
        waiting = self._items
        for item in items:
            if not isinstance(item, Quote):
                waiting[next(self._numbers)] = item
                continue
            if waiting.pop(item.instrument, None) is not None:
                self.conflated += 1
            waiting[item.instrument] = item

    def take(self, max_items: int) -> list[Input]:
        waiting = self._items
        return [waiting.popitem(last=False)[1] for _ in range(min(max_items, len(waiting)))]


class Inbox:
    """A bounded queue of inputs. Producers `await put`, the engine's thread calls `take`."""

    def __init__(self, size: int = DEFAULT_SIZE, *, conflate: bool = False) -> None:
        self.size = size
        self._line: _Line = _Conflating() if conflate else _Fifo()
        self._first: deque[Input] = deque()
        self._has_items = threading.Condition(threading.Lock())
        self._turn = asyncio.Lock()  # producers that meet a full inbox queue up here, so none overtakes another
        self._room: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._first) + len(self._line)

    @property
    def conflated(self) -> int:
        """How many quotes a newer one has replaced before the engine saw them."""
        return self._line.conflated if isinstance(self._line, _Conflating) else 0

    @property
    def is_closed(self) -> bool:
        """True once nothing can be put any more; what waits can still be taken."""
        return self._is_closed

    async def put(self, item: Input) -> None:
        """Hand over one input; waits while the inbox is full. InboxClosed after `close`."""
        await self.put_many((item,))

    async def put_many(self, items: Sequence[Input]) -> None:
        """Hand over inputs in order, with one wait; more than fit go in by parts. InboxClosed after `close`."""
        if not self._turn.locked():
            items = items[self._offer(items) :]
            if not items:
                return
        async with self._turn:
            while items:
                await self._wait_for_room()
                items = items[self._offer(items) :]

    def put_first(self, item: Input) -> None:
        """Hand over a person's command: before all that waits, and into a full inbox. InboxClosed after `close`.

        Behind a replay's backlog a kill switch would come too late.
        """
        with self._has_items:
            if self._is_closed:
                raise InboxClosed("the engine takes no more commands: the bot is stopping")
            self._first.append(item)
            self._has_items.notify()

    def take(self, max_items: int, timeout_s: float) -> list[Input]:
        """Return what was put first and up to `max_items` other inputs, oldest first, on the engine's thread.

        Waits up to `timeout_s` for one; empty after that, or at once when the inbox is closed and drained.
        """
        with self._has_items:
            if not self._line and not self._first and not self._is_closed:
                self._has_items.wait(timeout_s)
            taken = [*self._first, *self._line.take(max_items)]
            self._first.clear()
            self._wake_producers()
        return taken

    def close(self) -> None:
        """Accept nothing more and let `take` hand out the rest. Callable from any thread, more than once."""
        with self._has_items:
            self._is_closed = True
            self._has_items.notify_all()
            self._wake_producers()

    def _offer(self, items: Sequence[Input]) -> int:
        """Put in what fits and return how many inputs that were."""
        with self._has_items:
            if self._is_closed:
                raise InboxClosed(f"the engine takes no more inputs: {len(items)} came after the inbox was closed")
            room = self.size - len(self._line)
            accepted = items if room >= len(items) else items[:room]
            self._line.extend(accepted)
            self._has_items.notify()
            return len(accepted)

    async def _wait_for_room(self) -> None:
        is_free = asyncio.Event()
        with self._has_items:
            if self._is_closed or len(self._line) <= self.size // 2:
                return
            self._room = (asyncio.get_running_loop(), is_free)
        await is_free.wait()

    def _wake_producers(self) -> None:
        """Wake the waiting producer once half the inbox is free: a wake-up per input would cost more than the input."""
        if self._room is not None and (self._is_closed or len(self._line) <= self.size // 2):
            loop, is_free = self._room
            self._room = None
            loop.call_soon_threadsafe(is_free.set)
