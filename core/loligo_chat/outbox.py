"""What waits to be said, chat by chat.

What must hold: pages of a chat arrive in the order in which they came; one leaves the outbox when the platform has
taken it, or has refused it for good. A platform that is down or asks to wait holds up its chat and nobody else. One
that is full drops what comes, counted, and says so where it would have stood. A page whose fate is not known, because
the connection broke before an answer, is sent again and says that it may be a second time.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from secrets import token_hex

from structlog.typing import FilteringBoundLogger

from loligo.api import SECOND_NS, Clock, LoligoError
from loligo_chat.access import Place
from loligo_chat.clock import wait_s
from loligo_chat.replies import Button

AGAIN = "(perhaps for the second time)\n"
_LONGEST_WAIT_S = 60.0


class RetryLater(LoligoError):
    """The platform has not taken a page. `after_s` is when it wants to be asked again, None: it is not to be reached.
    `is_unsure`: it may have arrived all the same."""

    def __init__(self, text: str, *, after_s: float | None = None, is_unsure: bool = False) -> None:
        super().__init__(text)
        self.after_s, self.is_unsure = after_s, is_unsure


class Refused(LoligoError):
    """The platform will never take this page: no such chat, or the bot was put out of it."""


@dataclass(slots=True, kw_only=True, eq=False)
class Page:
    """One message in the platform's markup. `edits` is the id of the message that it replaces."""

    text: str
    buttons: Sequence[Sequence[Button]] = ()
    level: str = "info"
    edits: str = ""
    nonce: str = field(default_factory=lambda: token_hex(12))  # by which a platform may know a repeat
    is_unsure: bool = False  # it was sent, and no answer came
    tried: asyncio.Event = field(default_factory=asyncio.Event)  # with whatever success
    done: asyncio.Event = field(default_factory=asyncio.Event)  # it has left the outbox

    @property
    def shown(self) -> str:
        return AGAIN + self.text if self.is_unsure and not self.edits else self.text


Send = Callable[[Place, Page], Awaitable[None]]  # raises RetryLater or Refused


@dataclass(slots=True)
class _Line:
    """The pages of one place, the first of them perhaps on its way."""

    pages: deque[Page] = field(default_factory=deque)
    dropped: int = 0


class Outbox:
    """Pages of all chats. `put` at any time; `run` delivers while it runs, one caller at a time."""

    def __init__(self, clock: Clock, log: FilteringBoundLogger, *, most: int = 1_000) -> None:
        self.most = most  # of one chat
        self.last_s = 0.5  # for a page on its way when its sender has to go
        self._clock, self._log = clock, log
        self._lines: dict[Place, _Line] = {}
        self._news = asyncio.Event()
        self._failing: dict[Place, int] = {}  # since when
        self._is_running = False

    @property
    def waiting(self) -> int:
        return sum(len(line.pages) for line in self._lines.values())

    def put(self, place: Place, page: Page) -> bool:
        """Take a page, False when the chat's part is full; never waits."""
        line = self._lines.setdefault(place, _Line())
        if len(line.pages) >= self.most:
            line.dropped += 1
            return False
        _tell_drops(line)
        line.pages.append(page)
        self._news.set()
        return True

    def is_failing(self, place: Place) -> bool:
        """Say whether the newest attempt there came to nothing."""
        return place in self._failing

    async def attempted(self, pages: Mapping[Place, Page], *, within_s: float) -> None:
        """Return once each page was tried, at once if its chat is failing or nobody sends, or when the time is up."""
        tried = [page.tried for place, page in pages.items() if not self.is_failing(place)]
        if not tried or not self._is_running:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await asyncio.gather(*(each.wait() for each in tried))

    async def run(self, send: Send) -> None:
        """Deliver until cancelled; then a page on its way gets a moment to arrive."""
        at_work: dict[Place, asyncio.Task[None]] = {}
        self._is_running = True
        try:
            async with asyncio.TaskGroup() as tasks:
                while True:
                    self._news.clear()
                    for place, line in self._lines.items():
                        if line.pages and (place not in at_work or at_work[place].done()):
                            at_work[place] = tasks.create_task(self._deliver(place, line, send), name="chat outbox")
                    await self._news.wait()
        finally:
            self._is_running = False

    async def _deliver(self, place: Place, line: _Line, send: Send) -> None:
        failures = 0
        while line.pages:
            page = line.pages[0]
            try:
                await self._sent(send, place, page)
            except RetryLater as exc:
                failures += 1
                page.is_unsure = page.is_unsure or exc.is_unsure
                self._failed(place, exc)
                page.tried.set()
                backed_off_s = min(2.0 ** min(failures - 1, 30), _LONGEST_WAIT_S)
                await wait_s(self._clock, exc.after_s if exc.after_s is not None else backed_off_s)
                continue
            except Refused as exc:
                self._log.error("a chat does not take a message", chat=place.chat, error=str(exc))
            except asyncio.CancelledError:
                if page.done.is_set():
                    line.pages.popleft()
                raise
            except Exception as exc:  # of the interface: one page must not hold up all that follow
                self._log.error("a message could not be sent", chat=place.chat, error=f"{type(exc).__name__}: {exc}")
            if line.pages and line.pages[0] is page:
                line.pages.popleft()
            page.tried.set()
            page.done.set()
            failures = 0
            if place in self._failing:
                self._recovered(place, len(line.pages))
            if not line.pages:
                _tell_drops(line)

    async def _sent(self, send: Send, place: Place, page: Page) -> None:
        """Send a page. One who is cancelled meanwhile waits a moment for it, so that nobody has to send it twice."""
        on_its_way = asyncio.ensure_future(send(place, page))
        try:
            await asyncio.shield(on_its_way)
        except asyncio.CancelledError:
            if not on_its_way.done():
                await asyncio.wait({on_its_way}, timeout=self.last_s)
            if not on_its_way.done():
                on_its_way.cancel()
                page.is_unsure = True
            elif isinstance(failure := on_its_way.exception(), RetryLater):
                page.is_unsure = page.is_unsure or failure.is_unsure
            elif failure is None:
                page.done.set()
            raise

    def _failed(self, place: Place, exc: RetryLater) -> None:
        if place not in self._failing:
            self._log.warning("a chat is not to be reached, its messages wait", chat=place.chat, error=str(exc))
        self._failing.setdefault(place, self._clock.now_ns())

    def _recovered(self, place: Place, waiting: int) -> None:
        lasted_s = round((self._clock.now_ns() - self._failing.pop(place)) / SECOND_NS)
        self._log.info("a chat is reached again", chat=place.chat, after_s=lasted_s, waiting=waiting)


def _tell_drops(line: _Line) -> None:
    if line.dropped:
        line.pages.append(Page(text=f"{line.dropped} messages were left out here, there was no room for them"))
        line.dropped = 0
