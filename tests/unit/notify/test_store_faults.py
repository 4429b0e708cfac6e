"""A store that cannot be written for a while holds messages up, and loses, repeats and reorders none."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from loligo.api import Message
from loligo_notify import AGAIN, NOTIFICATIONS_FILE, Courier, Outbox, Page, RetryLater, Store, Told
from loligo_testing.clock import ReplayClock
from tests.fakes.chat_doors import HurryingClock

FULL = sqlite3.OperationalError("database or disk is full")


class FaultyStore(Store):
    """Fails at the next calls of one kind."""

    def __init__(self, file: Path, call: str = "", *faults: Exception) -> None:
        super().__init__(file)
        self.call, self.faults = call, list(faults)

    def _meet(self, call: str) -> None:
        if call == self.call and self.faults:
            raise self.faults.pop(0)

    def sending(self, ids: Sequence[int], *, is_sent: bool) -> None:
        self._meet("sending")
        super().sending(ids, is_sent=is_sent)

    def done(self, name: str, ids: Sequence[int], *, is_delivered: bool) -> None:
        self._meet("done")
        super().done(name, ids, is_delivered=is_delivered)

    def failing(self, name: str, since_ns: int, error: str) -> None:
        self._meet("failing")
        super().failing(name, since_ns, error)


class Place:
    """Takes pages, but answers the first one that it cannot now, if it is told to."""

    def __init__(self, *, is_down: bool = False) -> None:
        self.taken: list[str] = []
        self.is_down = is_down

    async def send(self, _name: str, page: Page) -> None:
        if self.is_down:
            self.is_down = False
            raise RetryLater("down")
        self.taken.append(page.shown)


async def kept(store: Store, clock: ReplayClock, *texts: str) -> Outbox[str, Page]:
    box: Outbox[str, Page] = Outbox(clock, structlog.get_logger(), store=store)
    box.open(["d"])
    for seq, text in enumerate(texts, 1):
        await box.keep("d", [Page(text=text)], (seq, 1))
    return box


async def delivered(box: Outbox[str, Page], place: Place, store: Store, *, count: int) -> None:
    running = asyncio.create_task(box.run(place.send))
    async with asyncio.timeout(10):
        while not running.done() and (len(place.taken) < count or store.pages("d")):
            await asyncio.sleep(0)
    assert not running.done()
    running.cancel()
    await asyncio.wait({running})


@pytest.mark.parametrize("call", ["sending", "done", "failing"])
@pytest.mark.parametrize("fault", [FULL, OSError(28, "No space left on device")], ids=["sqlite", "os"])
def test_after_two_failures_of_the_store_everything_is_delivered_once_and_in_order(
    tmp_path: Path, call: str, fault: Exception
) -> None:
    async def go() -> None:
        store, clock = FaultyStore(tmp_path / NOTIFICATIONS_FILE, call, fault, fault), HurryingClock()
        box, place = await kept(store, clock, "a", "b", "c"), Place(is_down=call == "failing")
        with capture_logs() as lines:
            await delivered(box, place, store, count=3)
        assert (place.taken, store.standing("d").delivered, store.faults) == (["a", "b", "c"], 3, [])
        assert clock.waits[:2] == [1, 2]  # before the second and the third attempt to write
        told = [line["event"] for line in lines if "written" in line["event"]]
        assert told == ["the outbox cannot be written, its messages wait", "the outbox can be written again"]

    asyncio.run(go())


def test_who_is_cancelled_while_the_store_fails_leaves_what_waits_to_the_next_run(tmp_path: Path) -> None:
    async def go() -> None:
        file = tmp_path / NOTIFICATIONS_FILE
        store, place = FaultyStore(file, "sending", FULL), Place()
        box = await kept(store, ReplayClock(), "a", "b")  # time stands still: no second attempt
        running = asyncio.create_task(box.run(place.send))
        while store.faults:
            await asyncio.sleep(0)
        running.cancel()
        assert not (await asyncio.wait({running}, timeout=5))[1]
        assert place.taken == []
        next_store = Store(file)
        await delivered(await kept(next_store, HurryingClock()), place, next_store, count=2)
        assert place.taken == ["a", "b"]

    asyncio.run(go())


def test_what_was_sent_but_not_written_down_before_the_end_says_that_it_may_come_twice(tmp_path: Path) -> None:
    async def go() -> None:
        file = tmp_path / NOTIFICATIONS_FILE
        store, place = FaultyStore(file, "done", FULL), Place()
        box = await kept(store, ReplayClock(), "a")
        running = asyncio.create_task(box.run(place.send))
        while store.faults:
            await asyncio.sleep(0)
        running.cancel()
        assert not (await asyncio.wait({running}, timeout=5))[1]
        next_store = Store(file)
        await delivered(await kept(next_store, HurryingClock()), place, next_store, count=2)
        assert place.taken == ["a", AGAIN + "a"]

    asyncio.run(go())


def test_pages_that_are_forgotten_twice_count_once(tmp_path: Path) -> None:
    store = Store(tmp_path / NOTIFICATIONS_FILE)
    store.standing("d")
    row: dict[str, Any] = {"text": "a", "level": "info", "nonce": "n", "due_ns": 0, "bundle": ""}
    ids = store.keep("d", [row], (1, 1), 10)
    assert ids is not None
    for _ in range(2):
        store.done("d", ids, is_delivered=True)
    assert store.standing("d").delivered == 1


class Bearer(Courier):
    """A notifier that remembers what it was to send."""

    def __init__(self) -> None:
        super().__init__("bearer", "", [Told("bearer/one", (), lambda message, words: [Page(text=words)])], most=10)
        self.taken: list[str] = []

    async def send(self, name: str, page: Page) -> None:
        self.taken.append(page.text)


def test_a_sender_that_ended_by_a_fault_begins_again_with_the_next_message(monkeypatch: pytest.MonkeyPatch) -> None:
    faults: list[Exception] = [RuntimeError("a fault of ours")]
    done = Store.done

    def faulty(store: Store, *given: Any, **named: Any) -> None:
        if faults:
            raise faults.pop()
        done(store, *given, **named)

    monkeypatch.setattr(Store, "done", faulty)

    async def go() -> None:
        bearer = Bearer()
        with capture_logs() as lines:
            for seq, text in enumerate(("one", "two"), 1):
                await bearer.notify(Message(level="info", text=text, seq=seq))
                for _ in range(100):
                    await asyncio.sleep(0.001)
                    if faults == [] and len(bearer.taken) == seq:
                        break
        assert bearer.taken == ["one", "two"]
        assert [line["event"] for line in lines if "ended" in line["event"]] == ["sending has ended, it begins again"]
        await bearer.close()
        await bearer.notify(Message(level="info", text="three", seq=3))
        assert bearer.taken == ["one", "two"]  # it was closed: what waits is for the next version

    asyncio.run(go())
