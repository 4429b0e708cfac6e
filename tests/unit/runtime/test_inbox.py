"""The inbox: bounded, in order, nothing lost but replaced quotes."""

from __future__ import annotations

import asyncio
import threading

import pytest

from loligo.errors import InboxClosed
from loligo.model.command import TimeAdvanced
from loligo.model.events import Input
from loligo.model.market import Quote
from loligo.runtime.inbox import FromFeed, Inbox


def ticks(first: int, last: int) -> list[Input]:
    return [TimeAdvanced(ts) for ts in range(first, last + 1)]


def quote(instrument: str, ts: int) -> Quote:
    return Quote(instrument, ts, 99.0, 101.0, 1.0, 1.0)


class Engine(threading.Thread):
    """Takes until the inbox is closed and drained, as the engine's thread does."""

    def __init__(self, inbox: Inbox, batch: int) -> None:
        super().__init__(daemon=True)
        self.inbox, self.batch = inbox, batch
        self.taken: list[Input | FromFeed] = []
        self.longest_take = 0

    def run(self) -> None:
        while (items := self.inbox.take(self.batch, 1.0)) or not self.inbox.is_closed:
            self.taken.extend(items)
            self.longest_take = max(self.longest_take, len(items))


def test_take_returns_the_oldest_inputs_up_to_its_maximum() -> None:
    inbox = Inbox()
    asyncio.run(inbox.put_many(ticks(1, 5)))
    assert inbox.take(3, 0) == ticks(1, 3)
    assert inbox.take(3, 0) == ticks(4, 5)


def test_take_returns_nothing_when_the_time_is_over() -> None:
    assert Inbox().take(10, 0.001) == []


def test_producer_waits_while_the_inbox_is_full_and_the_loop_goes_on() -> None:
    async def scenario() -> tuple[bool, list[Input | FromFeed]]:
        inbox = Inbox(size=4)
        await inbox.put_many(ticks(1, 4))
        waiting = asyncio.create_task(inbox.put(TimeAdvanced(5)))
        await asyncio.sleep(0)  # the loop still turns
        was_waiting = not waiting.done()
        first = inbox.take(4, 0)
        await asyncio.wait_for(waiting, 1.0)
        return was_waiting, first + inbox.take(4, 0)

    assert asyncio.run(scenario()) == (True, ticks(1, 5))


@pytest.mark.parametrize("size", [1, 2, 7, 64])
def test_all_inputs_of_several_producers_arrive_once_and_in_each_ones_order(size: int) -> None:
    inbox = Inbox(size=size)
    engine = Engine(inbox, batch=5)
    engine.start()

    async def produce(first: int) -> None:
        for start in range(first, first + 200, 20):
            await inbox.put_many(ticks(start, start + 19))

    async def scenario() -> None:
        await asyncio.gather(produce(1_000), produce(2_000), produce(3_000))
        inbox.close()

    asyncio.run(asyncio.wait_for(scenario(), 10.0))
    engine.join(5.0)
    arrived = [item.ts for item in engine.taken]
    for first in (1_000, 2_000, 3_000):
        assert [ts for ts in arrived if first <= ts < first + 1_000] == list(range(first, first + 200))
    assert len(arrived) == 600


def test_inbox_never_holds_more_than_its_size() -> None:
    inbox = Inbox(size=8)
    engine = Engine(inbox, batch=1_000)
    engine.start()

    async def scenario() -> None:
        await inbox.put_many(ticks(1, 500))
        inbox.close()

    asyncio.run(asyncio.wait_for(scenario(), 10.0))
    engine.join(5.0)
    assert engine.taken == ticks(1, 500)
    assert engine.longest_take <= 8


def test_live_inbox_keeps_only_the_newest_quote_of_each_instrument_at_its_own_place() -> None:
    inbox = Inbox(conflate=True)
    asyncio.run(inbox.put_many([quote("a", 1), quote("b", 2), TimeAdvanced(3), quote("a", 4)]))
    assert inbox.take(10, 0) == [quote("b", 2), TimeAdvanced(3), quote("a", 4)]
    assert inbox.conflated == 1


def test_quote_that_was_taken_is_not_conflated_any_more() -> None:
    inbox = Inbox(conflate=True)
    asyncio.run(inbox.put(quote("a", 1)))
    inbox.take(10, 0)
    asyncio.run(inbox.put(quote("a", 2)))
    assert inbox.take(10, 0) == [quote("a", 2)]
    assert inbox.conflated == 0


def test_replay_inbox_keeps_every_quote() -> None:
    inbox = Inbox()
    asyncio.run(inbox.put_many([quote("a", 1), quote("a", 2)]))
    assert inbox.take(10, 0) == [quote("a", 1), quote("a", 2)]


def test_closed_inbox_hands_out_what_it_holds_and_refuses_more() -> None:
    inbox = Inbox()
    asyncio.run(inbox.put_many(ticks(1, 2)))
    inbox.close()
    assert inbox.take(10, 60.0) == ticks(1, 2)
    assert inbox.take(10, 60.0) == []  # at once, not after a minute
    with pytest.raises(InboxClosed, match="1 came after"):
        asyncio.run(inbox.put(TimeAdvanced(3)))


def test_closing_wakes_the_engine_and_the_waiting_producer() -> None:
    inbox = Inbox(size=1)

    async def scenario() -> None:
        await inbox.put(TimeAdvanced(1))
        waiting = asyncio.create_task(inbox.put(TimeAdvanced(2)))
        await asyncio.sleep(0)
        inbox.close()
        with pytest.raises(InboxClosed):
            await asyncio.wait_for(waiting, 1.0)

    asyncio.run(scenario())


def test_command_of_a_person_goes_before_all_that_waits_and_into_a_full_inbox() -> None:
    inbox = Inbox(size=3)
    asyncio.run(inbox.put_many(ticks(1, 3)))
    inbox.put_first(TimeAdvanced(0))
    assert len(inbox) == 4
    assert inbox.take(1, 0) == ticks(0, 1)
    assert inbox.take(9, 0) == ticks(2, 3)


def test_closed_inbox_refuses_commands_and_hands_out_those_it_has_without_the_rest() -> None:
    inbox = Inbox()
    asyncio.run(inbox.put_many(ticks(1, 3)))
    inbox.put_first(TimeAdvanced(0))
    inbox.close()
    assert inbox.take(0, 0) == ticks(0, 0)
    with pytest.raises(InboxClosed, match="stopping"):
        inbox.put_first(TimeAdvanced(4))
