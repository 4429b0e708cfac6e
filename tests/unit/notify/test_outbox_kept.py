"""What is kept outlives its outbox: in order, once, and what may have arrived says so."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import structlog

from loligo_notify import AGAIN, NOTIFICATIONS_FILE, Outbox, Page, Refused, RetryLater, Store
from loligo_testing.clock import ReplayClock
from tests.fakes.chat_doors import HurryingClock

LOG = structlog.get_logger()


class Place:
    """Takes pages, unless it is to fail next."""

    def __init__(self, *faults: Exception | None) -> None:
        self.taken: list[str] = []
        self.faults = list(faults)
        self.gate = asyncio.Event()
        self.gate.set()

    async def send(self, _name: str, page: Page) -> None:
        await self.gate.wait()
        fault = self.faults.pop(0) if self.faults else None
        if fault is not None:
            raise fault
        self.taken.append(page.shown)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / NOTIFICATIONS_FILE)


def again(store: Store, tmp_path: Path) -> Store:
    """Open the file anew, as after a kill: nothing was told to the one before."""
    return Store(tmp_path / NOTIFICATIONS_FILE)


def outbox(store: Store, *, clock: ReplayClock | None = None, most: int = 1_000) -> Outbox[str, Page]:
    made: Outbox[str, Page] = Outbox(clock or HurryingClock(), LOG, store=store, most=most)
    made.open(["d"])
    return made


async def keep(box: Outbox[str, Page], *texts: str, first: int = 1) -> Page:
    for seq, text in enumerate(texts, first):
        page = await box.keep("d", [Page(text=text)], (seq, 1))
    assert page is not None
    return page


async def delivered(box: Outbox[str, Page], place: Place, *, count: int) -> None:
    running = asyncio.create_task(box.run(place.send))
    async with asyncio.timeout(10):
        while len(place.taken) < count or box.waiting:
            await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait({running})


def test_what_was_not_sent_is_sent_by_the_next_run_in_order(store: Store, tmp_path: Path) -> None:
    async def go() -> None:
        await keep(outbox(store), "a", "b", "c")
        place, box = Place(), outbox(again(store, tmp_path))
        await delivered(box, place, count=3)
        assert place.taken == ["a", "b", "c"]
        assert outbox(again(store, tmp_path)).waiting == 0

    asyncio.run(go())


def test_a_page_whose_fate_was_open_at_the_kill_says_that_it_may_come_twice(store: Store, tmp_path: Path) -> None:
    async def go() -> None:
        place, box = Place(), outbox(store)
        place.gate.clear()  # on its way, and no answer comes
        await keep(box, "a", "b")
        running = asyncio.create_task(box.run(place.send))
        while not any(one.is_sent for one in store.pages("d")):
            await asyncio.sleep(0)
        after = Place()
        await delivered(outbox(again(store, tmp_path)), after, count=2)  # the kill: the first outbox does no more
        assert after.taken == [AGAIN + "a", "b"]
        running.cancel()
        await asyncio.wait({running})

    asyncio.run(go())


def test_a_page_that_was_surely_not_taken_does_not_claim_to_come_twice(store: Store, tmp_path: Path) -> None:
    async def go() -> None:
        place, box = Place(RetryLater("refused")), outbox(store, clock=ReplayClock())  # time stands still: no retry
        page = await keep(box, "a")
        running = asyncio.create_task(box.run(place.send))
        await page.tried.wait()
        after = Place()
        await delivered(outbox(again(store, tmp_path)), after, count=1)
        assert after.taken == ["a"]
        running.cancel()
        await asyncio.wait({running})

    asyncio.run(go())


def test_what_was_told_before_is_not_taken_again_also_by_the_next_run(store: Store, tmp_path: Path) -> None:
    async def go() -> None:
        place, box = Place(), outbox(store)
        await keep(box, "a", "b")
        await delivered(box, place, count=2)
        box = outbox(again(store, tmp_path))
        assert [await box.keep("d", [Page(text="x")], (seq, 1)) for seq in (1, 2)] == [None, None]
        assert await box.keep("d", [Page(text="c")], (3, 0)) is not None  # a summary, told before
        assert await box.keep("d", [Page(text="d")], (3, 1)) is not None  # the event that it was told with

    asyncio.run(go())


def test_what_there_is_no_room_for_is_counted_also_for_the_next_run(store: Store, tmp_path: Path) -> None:
    async def go() -> None:
        box = outbox(store, most=2)
        await keep(box, "a", "b")
        assert await box.keep("d", [Page(text="c")], (3, 1)) is None
        place = Place()
        await delivered(box, place, count=2)
        await keep(box, "d", first=4)
        await delivered(box, place, count=4)
        assert place.taken == ["a", "b", "1 messages were left out here, there was no room for them", "d"]
        assert again(store, tmp_path).standing("d").dropped == 1

    asyncio.run(go())


def test_what_is_refused_for_good_is_counted_and_the_next_one_goes(store: Store) -> None:
    async def go() -> None:
        place, box = Place(Refused("no such place")), outbox(store)
        await keep(box, "a", "b")
        await delivered(box, place, count=1)
        standing = store.standing("d")
        assert (place.taken, standing.dropped, standing.delivered) == (["b"], 1, 1)

    asyncio.run(go())


def test_since_when_a_place_fails_is_known_to_the_next_run(store: Store, tmp_path: Path) -> None:
    async def go() -> None:
        clock = HurryingClock()
        began_ns = clock.now_ns()
        place, box = Place(RetryLater("down"), RetryLater("down")), outbox(store, clock=clock)
        page = await keep(box, "a")
        running = asyncio.create_task(box.run(place.send))
        await page.tried.wait()
        standing = again(store, tmp_path).standing("d")
        assert (standing.failing_ns, standing.error) == (began_ns, "down")
        await page.done.wait()
        while again(store, tmp_path).standing("d").failing_ns:
            await asyncio.sleep(0)
        running.cancel()
        await asyncio.wait({running})

    asyncio.run(go())


def test_what_has_to_wait_lets_what_is_due_overtake_it(store: Store) -> None:
    async def go() -> None:
        clock = HurryingClock()
        place, box = Place(), outbox(store, clock=clock)
        await box.keep("d", [Page(text="in the morning", due_ns=clock.now_ns() + 10**12, bundle="quiet")], (1, 1))
        await keep(box, "now", first=2)
        await delivered(box, place, count=2)
        assert place.taken == ["now", "in the morning"]

    asyncio.run(go())
