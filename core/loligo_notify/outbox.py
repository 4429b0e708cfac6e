"""What waits to be said, destination by destination.

What must hold: pages of a destination leave in the order in which they came, each once; one leaves when it was taken,
or refused for good. A destination that is down or asks to wait holds up nobody else. One that is full drops what comes,
counted, and says so where it would have stood. What is `kept` is on disk before it is sent and outlives the bot; a page
whose fate is not known, because a connection or the bot broke before an answer, is sent again and says that it may be
for the second time. While the store cannot be written, because the disk is full, nothing that is kept is sent. What has
to wait (quiet hours, a bundle) lets what is due overtake it, and a bundle that is still open is closed by whatever else
has to be said.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from secrets import token_hex
from typing import Generic, TypeVar

from structlog.typing import FilteringBoundLogger

from loligo.api import SECOND_NS, Clock, LoligoError
from loligo_notify.clock import backed_off_s, wait_s
from loligo_notify.store import KeptPage, Mark, Standing, Store
from loligo_notify.writing import Writing

AGAIN = "(perhaps for the second time)\n"
BUNDLED = "bundle"  # pages whose bundle begins so are closed by what comes after them; others wait for their time
MOST_IN_ONE = 200  # pages that become one message
_LINES, _CHARACTERS = 12, 1_400  # of them that are shown
_WEIGHTS = {"info": 0, "warning": 1}  # all else is a problem


class RetryLater(LoligoError):
    """A page was not taken. `after_s` is when it may be sent again, None: there was no answer. `is_unsure`: it may have
    arrived all the same."""

    def __init__(self, text: str, *, after_s: float | None = None, is_unsure: bool = False) -> None:
        super().__init__(text)
        self.after_s, self.is_unsure = after_s, is_unsure


class Refused(LoligoError):
    """This page will never be taken: no such place, or the bot was put out of it."""


@dataclass(slots=True, kw_only=True, eq=False)
class Page:
    """One message as its destination takes it."""

    text: str
    level: str = "info"
    nonce: str = field(default_factory=lambda: token_hex(12))  # by which the other side may know a repeat
    is_unsure: bool = False  # it was sent, and no answer came
    due_ns: int = 0  # not before
    bundle: str = ""  # what has the same becomes one message, "" stands alone
    id: int = 0  # in the store, 0: not kept
    error: str = ""  # of the newest attempt
    parts: Sequence[Page] = ()  # that this one stands for
    tried: asyncio.Event = field(default_factory=asyncio.Event)  # with whatever success
    done: asyncio.Event = field(default_factory=asyncio.Event)  # it has left the outbox

    @property
    def shown(self) -> str:
        return AGAIN + self.text if self.is_unsure else self.text


PlaceT = TypeVar("PlaceT", bound=Hashable)
PageT = TypeVar("PageT", bound=Page)


@dataclass(slots=True)
class _Line(Generic[PageT]):
    """The pages of one place, the first of them perhaps on its way."""

    pages: deque[PageT] = field(default_factory=deque)
    dropped: int = 0
    news: asyncio.Event = field(default_factory=asyncio.Event)


class Outbox(Generic[PlaceT, PageT]):
    """Pages of all places. `put` and `keep` at any time; `run` delivers while it runs, one caller at a time."""

    def __init__(
        self,
        clock: Clock,
        log: FilteringBoundLogger,
        *,
        most: int = 1_000,
        make: Callable[..., PageT] = Page,  # type: ignore[assignment]
        store: Store | None = None,
        name_of: Callable[[PlaceT], str] = str,
    ) -> None:
        self.most = most  # of one place
        self.last_s = 0.5  # for a page on its way when its sender has to go
        self._clock, self._log, self._make = clock, log, make
        self._store, self._name_of = store, name_of
        self._lines: dict[PlaceT, _Line[PageT]] = {}
        self._passed: dict[PlaceT, Mark] = {}  # not written down yet
        self._news = asyncio.Event()
        self._failing: dict[PlaceT, int] = {}  # since when
        self._is_running = False
        self._writing = Writing(clock, log)

    @property
    def waiting(self) -> int:
        return sum(len(line.pages) for line in self._lines.values())

    @property
    def kept(self) -> int:
        """Return how many of them outlive the bot."""
        return sum(page.id > 0 for line in self._lines.values() for page in line.pages)

    def waiting_at(self, place: PlaceT) -> int:
        return len(self._line(place).pages)

    def open_until_ns(self, place: PlaceT, bundle: str) -> int:
        """Return when the bundle that waits at a place will be sent, 0 when there is none that could take more."""
        now_ns = self._clock.now_ns()
        waiting = (page.due_ns for page in self._line(place).pages if page.bundle == bundle and page.due_ns > now_ns)
        return next(waiting, 0)

    def standing(self, place: PlaceT) -> Standing:
        """Return what the store knows of a place; only for an outbox that has one."""
        assert self._store is not None
        return self._store.standing(self._name_of(place))

    def open(self, places: Iterable[PlaceT]) -> None:
        """Go on with what an earlier run has left for these places; blocks, briefly."""
        for place in places:
            self._line(place)

    def _line(self, place: PlaceT) -> _Line[PageT]:
        line = self._lines.get(place)
        if line is None:
            line = self._lines[place] = _Line()
            if self._store is not None:
                self._store.standing(self._name_of(place))
                line.pages.extend(self._restored(kept) for kept in self._store.pages(self._name_of(place)))
        return line

    def _restored(self, kept: KeptPage) -> PageT:
        names = ("id", "text", "level", "nonce", "due_ns", "bundle")
        return self._make(**{name: getattr(kept, name) for name in names}, is_unsure=kept.is_sent)

    def put(self, place: PlaceT, page: PageT) -> bool:
        """Take a page that need not outlive the bot, False when there is no room; never waits."""
        line = self._line(place)
        if len(line.pages) >= self.most:
            line.dropped += 1
            return False
        self._add(line, page)
        return True

    def _add(self, line: _Line[PageT], page: PageT) -> None:
        self._tell_drops(line)
        if not page.due_ns:
            for waiting in line.pages:
                if waiting.bundle.startswith(BUNDLED):
                    waiting.due_ns = 0  # closed: what comes next must not overtake it for long, nor wait for it
        line.pages.append(page)
        line.news.set()
        self._news.set()

    async def keep(self, place: PlaceT, pages: Sequence[PageT], mark: Mark | None = None) -> PageT | None:
        """Take the pages of one message, on disk when this returns; return the last one. None: there was no room, or
        the place was told of `mark` before."""
        if self._store is None:
            return pages[-1] if all([self.put(place, page) for page in pages]) else None
        line, name = self._line(place), self._name_of(place)
        self._passed.pop(place, None)
        names = ("text", "level", "nonce", "due_ns", "bundle")
        rows = [{name: getattr(page, name) for name in names} for page in pages]
        ids = await asyncio.to_thread(self._store.keep, name, rows, mark, self.most)
        if ids is None:
            return None
        if len(ids) < len(pages):
            line.dropped += 1
            return None
        for page, id_ in zip(pages, ids, strict=True):
            page.id = id_
            self._add(line, page)
        return pages[-1]

    def passed(self, place: PlaceT, mark: Mark) -> None:
        """Take note that a place is not told of a message; written down with the next that it is told, or by `save`."""
        self._passed[place] = mark

    def save(self) -> None:
        """Write down how far everybody was told; blocks, briefly. What cannot be written is judged again."""
        passed, self._passed = self._passed, {}
        for place, mark in passed.items() if self._store is not None else ():
            name = self._name_of(place)
            self._writing.last(name, partial(self._store.passed, name, mark))  # type: ignore[union-attr]

    def is_failing(self, place: PlaceT) -> bool:
        """Say whether the newest attempt there came to nothing."""
        return place in self._failing

    async def attempted(self, pages: Mapping[PlaceT, PageT], *, within_s: float) -> None:
        """Return once each page was tried, at once if its place is failing or nobody sends, or when the time is up."""
        tried = [page.tried for place, page in pages.items() if not self.is_failing(place) and not page.due_ns]
        if not tried or not self._is_running:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await asyncio.gather(*(each.wait() for each in tried))

    async def run(self, send: Callable[[PlaceT, PageT], Awaitable[None]]) -> None:
        """Deliver by `send`, which raises RetryLater or Refused, until cancelled; then a page on its way gets a moment
        to arrive."""
        at_work: dict[PlaceT, asyncio.Task[None]] = {}
        self._is_running = True
        try:
            async with asyncio.TaskGroup() as tasks:
                while True:
                    self._news.clear()
                    for place, line in self._lines.items():
                        if line.pages and (place not in at_work or at_work[place].done()):
                            at_work[place] = tasks.create_task(self._deliver(place, line, send), name="outbox")
                    await self._news.wait()
        finally:
            self._is_running = False
            await self._writing.ended()  # a moment: what has arrived is not to be sent by the next

    # Delivery

    async def _deliver(
        self, place: PlaceT, line: _Line[PageT], send: Callable[[PlaceT, PageT], Awaitable[None]]
    ) -> None:
        failures = 0
        while line.pages:
            batch = self._due(line)
            if not batch:
                await self._until_due(line)
                continue
            page = batch[0] if len(batch) == 1 else self._merged(batch)
            try:
                await self._sent(send, place, page, batch)
                is_delivered = True
            except RetryLater as exc:
                failures += 1
                await self._failed(place, batch, exc)
                await wait_s(self._clock, exc.after_s if exc.after_s is not None else backed_off_s(failures))
                continue
            except Refused as exc:
                is_delivered = self._gave_up(place, batch, str(exc), "a destination does not take a message")
            except asyncio.CancelledError:
                if page.done.is_set():
                    self._leave(place, line, batch, is_delivered=True)
                raise
            except Exception as exc:  # of the sender: one page must not hold up all that follow
                said = f"{type(exc).__name__}: {exc}"
                is_delivered = self._gave_up(place, batch, said, "a message could not be sent")
            await self._left(place, line, batch, is_delivered=is_delivered)
            failures = 0

    def _due(self, line: _Line[PageT]) -> list[PageT]:
        """Return the first page that may go now, with those that become one message with it."""
        now_ns = self._clock.now_ns()
        head = next((page for page in line.pages if page.due_ns <= now_ns), None)
        if head is None or not head.bundle:
            return [head] if head is not None else []
        alike = [page for page in line.pages if page.bundle == head.bundle and page.due_ns <= now_ns]
        return [page for page in alike if page.is_unsure == head.is_unsure][:MOST_IN_ONE]  # nothing joins what was sent

    async def _until_due(self, line: _Line[PageT]) -> None:
        """Wait for the first page that may go, or for another one."""
        line.news.clear()
        until_ns = min(page.due_ns for page in line.pages)
        waits = [asyncio.ensure_future(line.news.wait()), asyncio.ensure_future(self._clock.sleep_until(until_ns))]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def _merged(self, batch: Sequence[PageT]) -> PageT:
        """Return one page for many: how many, and the first line of each as far as there is room."""
        lines, room = [f"{len(batch)} messages"], _CHARACTERS
        for page in batch:
            first = page.text.partition("\n")[0]
            if len(lines) > _LINES or len(first) > room:
                break
            lines.append(first)
            room -= len(first)
        if (left := len(batch) - len(lines) + 1) > 0:
            lines.append(f"… and {left} more")
        level = max((page.level for page in batch), key=lambda one: _WEIGHTS.get(one, 2))
        nonce = hashlib.sha256("".join(page.nonce for page in batch).encode()).hexdigest()[:24]
        text, is_unsure = "\n".join(lines), batch[0].is_unsure
        return self._make(text=text, level=level, nonce=nonce, is_unsure=is_unsure, parts=tuple(batch))

    async def _sent(
        self, send: Callable[[PlaceT, PageT], Awaitable[None]], place: PlaceT, page: PageT, batch: Sequence[PageT]
    ) -> None:
        """Send a page. One who is cancelled meanwhile waits a moment for it, so that nobody has to send it twice."""
        await self._mark(place, batch, is_sent=True)
        on_its_way = asyncio.ensure_future(send(place, page))
        try:
            await asyncio.shield(on_its_way)
        except asyncio.CancelledError:
            if not on_its_way.done():
                await asyncio.wait({on_its_way}, timeout=self.last_s)
            if not on_its_way.done():
                on_its_way.cancel()
                self._unsure(batch, is_unsure=True)
            elif isinstance(failure := on_its_way.exception(), RetryLater):
                self._unsure(batch, is_unsure=failure.is_unsure)
                self._writing.last(self._name_of(place), partial(self._mark_now, batch, is_sent=failure.is_unsure))
            elif failure is None:
                page.done.set()
            raise

    def _unsure(self, batch: Sequence[PageT], *, is_unsure: bool) -> None:
        for page in batch:
            page.is_unsure = page.is_unsure or is_unsure

    async def _mark(self, place: PlaceT, batch: Sequence[PageT], *, is_sent: bool) -> None:
        if self._store is not None and any(page.id for page in batch):
            await self._writing.done(self._name_of(place), partial(self._mark_now, batch, is_sent=is_sent))

    def _mark_now(self, batch: Sequence[PageT], *, is_sent: bool) -> None:
        if self._store is not None:
            self._store.sending([page.id for page in batch if page.id], is_sent=is_sent or batch[0].is_unsure)

    async def _failed(self, place: PlaceT, batch: Sequence[PageT], exc: RetryLater) -> None:
        self._unsure(batch, is_unsure=exc.is_unsure)
        await self._mark(place, batch, is_sent=exc.is_unsure)
        if place not in self._failing:
            name = self._name_of(place)
            self._log.warning("not to be reached, its messages wait", place=name, error=str(exc))
            self._failing[place] = since_ns = self._clock.now_ns()
            if self._store is not None:
                await self._writing.done(name, partial(self._store.failing, name, since_ns, str(exc)))
        for page in batch:
            page.error = str(exc)
            page.tried.set()

    def _gave_up(self, place: PlaceT, batch: Sequence[PageT], error: str, said: str) -> bool:
        self._log.error(said, place=self._name_of(place), error=error)
        for page in batch:
            page.error = error
        return False

    async def _left(self, place: PlaceT, line: _Line[PageT], batch: Sequence[PageT], *, is_delivered: bool) -> None:
        """Let pages go whose fate is settled: here at once, or who is cancelled now would leave them to the next."""
        self._drop(line, batch, is_delivered=is_delivered)
        if not line.pages:
            self._tell_drops(line)
        is_back = place in self._failing
        if is_back:
            self._recovered(place, len(line.pages))
        if self._store is not None:
            await self._writing.done(self._name_of(place), partial(self._settle, place, batch, is_delivered, is_back))

    def _settle(self, place: PlaceT, batch: Sequence[PageT], is_delivered: bool, is_back: bool) -> None:
        self._forget(place, batch, is_delivered=is_delivered)
        if is_back and self._store is not None:
            self._store.failing(self._name_of(place), 0, "")

    def _leave(self, place: PlaceT, line: _Line[PageT], batch: Sequence[PageT], *, is_delivered: bool) -> None:
        """Do the same while this task is ending, which can wait for nothing."""
        self._writing.last(self._name_of(place), partial(self._forget, place, batch, is_delivered=is_delivered))
        self._drop(line, batch, is_delivered=is_delivered)

    def _forget(self, place: PlaceT, batch: Sequence[PageT], *, is_delivered: bool) -> None:
        if self._store is not None and (ids := [page.id for page in batch if page.id]):
            self._store.done(self._name_of(place), ids, is_delivered=is_delivered)

    def _drop(self, line: _Line[PageT], batch: Sequence[PageT], *, is_delivered: bool) -> None:
        for page in batch:
            with suppress(ValueError):
                line.pages.remove(page)
            page.error = "" if is_delivered else page.error
            page.tried.set()
            page.done.set()

    def _recovered(self, place: PlaceT, waiting: int) -> None:
        lasted_s = round((self._clock.now_ns() - self._failing.pop(place)) / SECOND_NS)
        self._log.info("reached again", place=self._name_of(place), after_s=lasted_s, waiting=waiting)

    def _tell_drops(self, line: _Line[PageT]) -> None:
        if line.dropped:
            said = f"{line.dropped} messages were left out here, there was no room for them"
            line.pages.append(self._make(text=said))
            line.dropped = 0
