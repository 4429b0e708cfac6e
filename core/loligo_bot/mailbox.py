"""One place at the edge that is told things: its mailbox, the version at work, and while it is new the one before it.

    offer ─► [ m m m FLIP m m ] ─► one task ─► the version at work

What must hold: a message is delivered by one version, in the order in which it came; it leaves the mailbox only when it
is delivered, or was tried often enough, which is counted and told. The flip to another version is an item of the
mailbox: what came before it is delivered by the old one, what came after by the new one. A new one that fails while on
probation is taken back at once, and the old one delivers the very message. A full mailbox drops what comes, counted and
told. Nobody waits for a place but who exchanges it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Any

from loligo.errors import TentacleError
from loligo.log import get_logger
from loligo.ports.tentacles import Message
from loligo_bot.edge_instance import EdgeInstance, Item, Surroundings
from loligo_bot.edge_plan import EdgePlan

_log = get_logger("edges")


LAST_WORDS_S = 0.1  # to close what the end of the bot meets in the middle of a delivery


@dataclass(frozen=True, slots=True, eq=False)
class _Flip:
    """The item at which the other version begins to lead."""

    is_new: bool  # it leads on probation


class Mailbox:
    """One place. Nobody is there until `open`, or a first `prepare` and `commit`."""

    def __init__(self, place: str, around: Surroundings) -> None:
        self.place = place
        self.fault = ""  # why the new version was taken back
        self._around = around
        self._line: deque[Item | _Flip] = deque()
        self._news = asyncio.Event()
        self._now: EdgeInstance | None = None
        self._other: EdgeInstance | None = None  # the next version, later the one before
        self._is_new = False  # on probation
        self._flipped = asyncio.Event()
        self._is_ending = False
        self._dropped, self._untold, self._undelivered = 0, 0, 0
        self._worker = self._start()

    @property
    def plan(self) -> EdgePlan | None:
        """What works here now; None: nobody."""
        return self._now.plan if self._now is not None else None

    @property
    def made(self) -> Any:
        """What the version at work has made; None: nobody."""
        return self._now.made if self._now is not None else None

    @property
    def hears_records(self) -> bool:
        return self._taker is not None and self._taker.hears_records

    @property
    def _taker(self) -> EdgeInstance | None:
        return self._now or (self._other if self._is_new else None)  # who is taken away may come back

    def status(self) -> dict[str, Any]:
        now = self._now
        state = "off" if now is None else "ended" if now.is_ended else "failing" if now.is_failing else "running"
        return {
            "state": state,
            "waiting": len(self._line),
            "dropped": self._dropped,
            "undelivered": self._undelivered,
            "error": now.error if now is not None and now.is_failing else "",
        }

    def offer(self, item: Item) -> None:
        """Put an item into the mailbox, if anybody here is told such things; never waits."""
        taker = self._taker
        if self._is_ending or taker is None or not taker.wants(item):
            return
        if len(self._line) >= self._around.limits.mailbox:
            self._dropped, self._untold = self._dropped + 1, self._untold + 1
            return
        self._tell_drops()
        self._line.append(item)
        self._news.set()

    def end(self) -> None:
        """Take nothing more, deliver what is there, and close."""
        self._is_ending = True
        self._news.set()

    def open(self, plan: EdgePlan) -> None:
        """Begin with this version. TentacleError when it cannot be made; a `run` that fails is tried again."""
        self._now = now = EdgeInstance(plan, self._around)
        now.start(lambda error: self._try_again(now, error))

    # Exchange

    async def prepare(self, plan: EdgePlan | None) -> None:
        """Make and start what comes; None: nobody. TentacleError when it fails, and nothing has changed."""
        self.fault, self._is_new = "", False
        if plan is None:
            return
        self._other = new = EdgeInstance(plan, self._around)
        new.start(lambda error: self._try_again(new, error))
        if error := await new.started():
            await self.discard()
            raise TentacleError(f"{self.place} does not start: {error}")

    async def discard(self) -> None:
        """Let go of what was prepared, or, once it leads well, of what it replaced."""
        other, self._other, self._is_new = self._other, None, False
        if self._now is None:
            self._line.clear()
        if other is not None:
            await other.close()

    async def commit(self) -> None:
        """Let the prepared version lead, on probation, after what is in the mailbox."""
        if self._other is not None and self._other.error:
            self.fault = f"{self.place} failed before it led, {self._other.error}"
            return
        await self._exchange(_Flip(is_new=True))

    async def prove(self) -> None:
        """Wait for the delivery under way, so that a new version which fails in it is taken back: see `fault`."""
        head = self._line[0] if self._line else None
        end_s = asyncio.get_running_loop().time() + self._around.limits.delivery_s + 1
        while self._is_new and self._now and head is not None and self._line and self._line[0] is head:
            if asyncio.get_running_loop().time() > end_s:
                self._take_back("its task does not answer")
                await self._cut()
            await asyncio.sleep(0.01)

    async def undo(self) -> None:
        """Let the version before lead again, if that has not happened yet, and let go of the new one."""
        if self._is_new:
            await self._exchange(_Flip(is_new=False))
        await self.discard()

    async def _exchange(self, flip: _Flip) -> None:
        self._flipped.clear()
        self._line.append(flip)
        self._news.set()
        try:
            async with asyncio.timeout(self._around.limits.drain_s):
                await self._flipped.wait()
        except TimeoutError:
            _log.warning("an edge takes too long, the next version delivers the rest", place=self.place)
            self._line.remove(flip)
            self._flip(flip)
            await self._cut()

    def _flip(self, flip: _Flip) -> None:
        self._now, self._other, self._is_new = self._other, self._now, flip.is_new
        self._flipped.set()

    def _take_back(self, error: str) -> None:
        """Let the version before lead again because the new one failed."""
        self.fault = f"{self.place} failed, {error}"
        self._now, self._other, self._is_new = self._other, self._now, False
        _log.error("a new version at the edge is taken back", place=self.place, error=error)

    def _try_again(self, instance: EdgeInstance, error: str) -> bool:
        """Say whether an instance whose `run` failed shall begin again."""
        if instance is self._now and self._is_new:
            self._take_back(error)
            self._news.set()
            return False
        return instance is self._now or self._is_new

    async def _cut(self) -> None:
        """Give up the delivery under way; its message stays in the mailbox for the version that leads now."""
        old, self._worker = self._worker, self._start()
        old.cancel()
        if (await asyncio.wait({old}, timeout=self._around.limits.close_s))[1]:
            _log.error("an edge does not let go of a message; its task is left behind", place=self.place)

    # Delivery

    def _start(self) -> asyncio.Task[Any]:
        return self._around.launch(self._attend(), name=self.place, ask=self.end)

    async def _attend(self) -> None:
        try:
            while await self._next():
                item = self._line[0]
                if isinstance(item, _Flip):
                    self._line.popleft()
                    self._flip(item)
                elif await self._delivered(item):
                    self._line.popleft()
        finally:
            if self._is_ending and self._is_mine:
                await self._leave()

    async def _leave(self) -> None:
        if self._line:
            _log.warning("messages were not delivered before the end", place=self.place, count=len(self._line))
        limit_s = LAST_WORDS_S if self._line else self._around.limits.close_s
        try:
            async with asyncio.timeout(limit_s):
                await asyncio.gather(*(one.close() for one in (self._now, self._other) if one is not None))
        except TimeoutError:
            _log.warning("an edge was not closed before the end", place=self.place)

    @property
    def _is_mine(self) -> bool:
        """Say whether the task that asks is the one that delivers: not one that was cut off."""
        return asyncio.current_task() is self._worker

    async def _next(self) -> bool:
        """Wait for an item that can be worked on; False at the end."""
        while self._is_mine:
            if self._line and (self._now is not None or isinstance(self._line[0], _Flip)):
                return True
            self._tell_drops()
            if self._is_ending and (not self._line or self._now is None):
                return False
            if not self._line or self._now is None:
                self._news.clear()
                await self._news.wait()
        return False

    async def _delivered(self, item: Item) -> bool:
        """Deliver one item; False when it stays in the mailbox."""
        attempts, limits = 0, self._around.limits
        while (instance := self._now) is not None:
            error = await instance.take(item) if instance.wants(item) else ""
            if not self._is_mine or not error:
                return self._is_mine
            attempts += 1
            if instance is not self._now:
                attempts = 0  # taken back meanwhile, because its `run` failed
            elif self._is_new:
                self._take_back(error)
                attempts = 0
            elif attempts >= limits.attempts:
                self._undelivered += 1
                _log.error("a message could not be delivered", place=self.place, error=error, attempts=attempts)
                return True
            else:
                await asyncio.sleep(limits.wait_s(instance.failures))
                instance.renew()
        return False

    def _tell_drops(self) -> None:
        """Put a word about what was dropped where it would have stood."""
        if not self._untold:
            return
        _log.warning("messages dropped, an edge is slower than the bot", place=self.place, count=self._untold)
        if (taker := self._now) is not None:
            notice = Message(
                level="warning", text=f"{self._untold} messages to {self.place} were dropped: it is too slow"
            )
            if taker.wants(notice):
                self._line.append(notice)
        self._untold = 0
