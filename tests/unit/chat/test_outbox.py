"""Pages arrive in their order, once, whatever the platform does meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import repeat

import structlog

from loligo.api import SECOND_NS
from loligo_chat import Agreement, ChatState, Outbox, Page, Place, Refused, RetryLater, chat_state
from loligo_chat.outbox import AGAIN
from loligo_testing.clock import ReplayClock
from tests.fakes.chat_doors import HurryingClock

HERE, THERE = Place(chat="1"), Place(chat="2")
LOG = structlog.get_logger()


class Platform:
    """Takes pages, unless a fault is next for that chat."""

    def __init__(self, **faults: Iterator[Exception | None]) -> None:
        self.taken: list[tuple[str, str]] = []
        self.faults = faults
        self.gate = asyncio.Event()
        self.gate.set()

    async def send(self, place: Place, page: Page) -> None:
        await self.gate.wait()
        fault = next(self.faults.get(f"chat_{place.chat}", iter(())), None)
        if fault is not None:
            raise fault
        self.taken.append((place.chat, page.shown))


async def delivered(outbox: Outbox, platform: Platform, *last: Page) -> None:
    """Run the outbox until these pages are through."""
    running = asyncio.create_task(outbox.run(platform.send))
    async with asyncio.timeout(5):
        await asyncio.gather(*(page.done.wait() for page in last))
    running.cancel()
    await asyncio.wait({running})


def put(outbox: Outbox, place: Place, *texts: str) -> Page:
    for text in texts:
        outbox.put(place, page := Page(text=text))
    return page


def test_pages_of_a_chat_keep_their_order_through_floods_and_outages() -> None:
    async def go() -> None:
        clock = HurryingClock()
        faults = [RetryLater("flood", after_s=7), None, RetryLater("down"), RetryLater("down"), None, None]
        platform, outbox = Platform(chat_1=iter(faults)), Outbox(clock, LOG)
        await delivered(outbox, platform, put(outbox, HERE, "a", "b", "c"))
        assert platform.taken == [("1", "a"), ("1", "b"), ("1", "c")]
        assert clock.waits == [7, 1, 2]  # as it asked; then backing off

    asyncio.run(go())


def test_an_outage_of_an_hour_delivers_everything_once_and_asks_at_most_once_a_minute() -> None:
    async def go() -> None:
        clock = HurryingClock()
        begin_ns = clock.now_ns()

        def down() -> Iterator[Exception | None]:
            while clock.now_ns() < begin_ns + 3_600 * SECOND_NS:
                yield RetryLater("refused")
            while True:
                yield None

        platform, outbox = Platform(chat_1=down()), Outbox(clock, LOG)
        texts = [str(number) for number in range(500)]
        await delivered(outbox, platform, put(outbox, HERE, *texts))
        assert [text for _, text in platform.taken] == texts
        # 1 + 2 + 4 + 8 + 16 + 32 = 63 s, then minutes: (3600 - 63) / 60 = 58.95
        assert len(clock.waits) == 6 + 59

    asyncio.run(go())


def test_a_chat_that_is_down_holds_up_no_other() -> None:
    async def go() -> None:
        platform, outbox = Platform(chat_1=iter([RetryLater("down")])), Outbox(ReplayClock(), LOG)  # time stands still
        put(outbox, HERE, "a")
        await delivered(outbox, platform, put(outbox, THERE, "x", "y"))
        assert platform.taken == [("2", "x"), ("2", "y")]
        assert outbox.is_failing(HERE) and not outbox.is_failing(THERE)

    asyncio.run(go())


def test_what_is_refused_for_good_is_left_out_and_so_is_what_the_interface_cannot_send() -> None:
    async def go() -> None:
        platform = Platform(chat_1=iter([Refused("no such chat"), ValueError("a fault of ours")]))
        outbox = Outbox(HurryingClock(), LOG)
        await delivered(outbox, platform, put(outbox, HERE, "a", "b", "c"))
        assert platform.taken == [("1", "c")]

    asyncio.run(go())


def test_a_full_outbox_says_how_many_it_left_out_where_they_would_have_stood() -> None:
    async def go() -> None:
        platform, outbox = Platform(), Outbox(HurryingClock(), LOG, most=2)
        last = put(outbox, HERE, "a", "b")
        assert not outbox.put(HERE, Page(text="c")) and not outbox.put(HERE, Page(text="d"))
        await delivered(outbox, platform, last)
        await delivered(outbox, platform, put(outbox, HERE, "e"))
        assert [text for _, text in platform.taken] == [
            "a",
            "b",
            "2 messages were left out here, there was no room for them",
            "e",
        ]

    asyncio.run(go())


def test_a_page_whose_fate_is_unknown_says_that_it_may_be_a_second_one() -> None:
    async def go() -> None:
        platform = Platform(chat_1=iter([RetryLater("no answer", is_unsure=True)]))
        outbox = Outbox(HurryingClock(), LOG)
        await delivered(outbox, platform, put(outbox, HERE, "a", "b"))
        assert platform.taken == [("1", AGAIN + "a"), ("1", "b")]

    asyncio.run(go())


def test_a_page_on_its_way_arrives_when_its_sender_has_to_go_and_is_not_sent_again() -> None:
    async def go() -> None:
        platform, outbox = Platform(), Outbox(HurryingClock(), LOG)
        platform.gate.clear()
        last = put(outbox, HERE, "a", "b")
        running = asyncio.create_task(outbox.run(platform.send))
        for _ in range(5):
            await asyncio.sleep(0)
        running.cancel()
        await asyncio.sleep(0)
        platform.gate.set()
        await asyncio.wait({running})
        assert platform.taken == [("1", "a")]
        await delivered(outbox, platform, last)  # the next sender goes on
        assert platform.taken == [("1", "a"), ("1", "b")]

    asyncio.run(go())


def test_the_next_sender_finds_out_that_a_chat_is_reached_again() -> None:
    async def go() -> None:
        outbox, page = Outbox(HurryingClock(), LOG), Page(text="a")
        outbox.put(HERE, page)
        down = Platform(chat_1=repeat(RetryLater("down")))
        first = asyncio.create_task(outbox.run(down.send))
        await page.tried.wait()
        first.cancel()
        await asyncio.wait({first})
        assert outbox.is_failing(HERE)
        await delivered(outbox, Platform(), page)
        assert not outbox.is_failing(HERE)

    asyncio.run(go())


def test_nobody_waits_for_a_page_that_nobody_sends() -> None:
    async def go() -> None:
        outbox = Outbox(HurryingClock(), LOG)
        page = put(outbox, HERE, "a")
        async with asyncio.timeout(1):
            await outbox.attempted({HERE: page}, within_s=60)
        assert not page.tried.is_set()

    asyncio.run(go())


def test_instances_of_one_account_share_what_waits_and_the_last_one_takes_it_along() -> None:
    clock = HurryingClock()
    one, other = chat_state(("x", "", "1"), clock, LOG), chat_state(("x", "", "1"), clock, LOG)
    assert one is other and chat_state(("x", "", "2"), clock, LOG) is not one
    one.cursor = 7
    del one, other
    fresh: ChatState = chat_state(("x", "", "1"), clock, LOG)
    assert fresh.cursor is None


def test_who_needs_another_value_of_a_library_waits_until_nobody_needs_this_one() -> None:
    async def go() -> None:
        class Library:
            place = "original"

        agreement = Agreement()

        async def use(value: str, until: asyncio.Event) -> None:
            async with agreement.hold((Library, "place", value)):
                assert Library.place == value
                await until.wait()

        first, second = asyncio.Event(), asyncio.Event()
        tasks = [asyncio.create_task(use("a", first)), asyncio.create_task(use("a", first))]
        await asyncio.sleep(0)
        tasks.append(asyncio.create_task(use("b", second)))
        await asyncio.sleep(0)
        assert Library.place == "a"
        first.set()
        second.set()
        await asyncio.gather(*tasks)
        assert Library.place == "original"

    asyncio.run(go())
