"""A mailbox at the edge: each message is delivered once, whoever leads, and no edge holds up another."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

import pytest

from loligo.errors import TentacleError
from loligo.model.command import CommandKind, OperatorCommand
from loligo.model.events import Record
from loligo_bot.mailbox import Mailbox
from tests.fakes.edges import QUICK, Notes, Told, Watching, edge, message, watching


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(test)


def opened(bot: Watching, make: Any, **terms: str) -> Mailbox:
    plan = edge(make, **terms)
    mailbox = Mailbox(plan.place, bot.around)
    mailbox.open(plan)
    return mailbox


async def exchanged(mailbox: Mailbox, make: Any, key: str = "2") -> None:
    await mailbox.prepare(edge(make, key))
    await mailbox.commit()


def test_fifty_exchanges_lose_and_double_no_message_and_keep_their_order() -> None:
    async def test() -> None:
        told = Told()
        async with watching() as bot:
            mailbox = opened(bot, lambda: Notes(told, "0"))

            async def offer() -> None:
                for number in range(2_000):
                    mailbox.offer(message(number))
                    await asyncio.sleep(0)

            offering = asyncio.create_task(offer())
            for number in range(1, 51):
                await exchanged(mailbox, lambda name=str(number): Notes(told, name), str(number))
                await told.until(10 * number)
                await mailbox.prove()
                await mailbox.discard()
            await offering
            await told.until(2_000)
        assert told.texts == [str(number) for number in range(2_000)]
        assert [who for who, _ in told.lines] == sorted((who for who, _ in told.lines), key=int)
        assert told.closed == [str(number) for number in range(51)]  # each once, the last at the end of the bot

    run(test())


def test_what_came_before_the_flip_is_delivered_by_the_old_version_and_the_rest_by_the_new_one() -> None:
    async def test() -> None:
        told = Told()
        async with watching() as bot:
            mailbox = opened(bot, lambda: Notes(told))
            mailbox.offer(message(1))
            mailbox.offer(message(2))
            await exchanged(mailbox, lambda: Notes(told, "new"))
            mailbox.offer(message(3))
            await told.until(3)
        assert told.lines == [("old", "1"), ("old", "2"), ("new", "3")]

    run(test())


def test_an_old_version_that_hangs_is_cut_off_and_the_new_one_delivers_what_waits() -> None:
    async def test() -> None:
        told = Told()
        async with watching(replace(QUICK, drain_s=0.05)) as bot:
            mailbox = opened(bot, lambda: Notes(told, hangs=True))
            mailbox.offer(message(1))
            mailbox.offer(message(2))
            await exchanged(mailbox, lambda: Notes(told, "new"))
            await told.until(2)
            ended = await bot.end()
        assert told.lines == [("new", "1"), ("new", "2")]
        assert ended.is_clean

    run(test())


def test_an_old_version_that_does_not_even_heed_its_cancellation_is_left_behind() -> None:
    class Stubborn:
        async def notify(self, message: Any) -> None:
            for _ in range(2):
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    continue

    async def test() -> None:
        told = Told()
        async with watching(replace(QUICK, drain_s=0.05)) as bot:
            mailbox = opened(bot, Stubborn)
            mailbox.offer(message(1))
            await exchanged(mailbox, lambda: Notes(told, "new"))
            await told.until(1)
        assert told.lines == [("new", "1")]

    run(test())


def test_a_new_version_that_fails_on_probation_is_taken_back_and_the_old_one_delivers_that_message() -> None:
    async def test() -> None:
        told = Told()
        async with watching() as bot:
            mailbox = opened(bot, lambda: Notes(told))
            await exchanged(mailbox, lambda: Notes(told, "new", fails=1))
            for number in (1, 2):
                mailbox.offer(message(number))
            await told.until(2)
            assert mailbox.fault == "notifiers/fake failed, OSError: new is not connected"
            await mailbox.undo()
            assert mailbox.plan is not None
            assert mailbox.plan.key == "1"
            assert told.closed == ["new"]
        assert told.lines == [("old", "1"), ("old", "2")]

    run(test())


def test_a_new_version_that_hangs_on_its_first_message_does_not_pass_its_probation() -> None:
    async def test() -> None:
        told = Told()
        async with watching(replace(QUICK, delivery_s=0.2)) as bot:
            mailbox = opened(bot, lambda: Notes(told))
            await exchanged(mailbox, lambda: Notes(told, "new", hangs=True))
            mailbox.offer(message(1))
            await mailbox.prove()
            assert mailbox.fault == "notifiers/fake failed, no answer within 0.2 s"
            await told.until(1)
        assert told.lines == [("old", "1")]

    run(test())


def test_an_undone_exchange_lets_the_old_version_lead_again_without_losing_a_message() -> None:
    async def test() -> None:
        told = Told()
        async with watching() as bot:
            mailbox = opened(bot, lambda: Notes(told))
            await exchanged(mailbox, lambda: Notes(told, "new"))
            mailbox.offer(message(1))
            await mailbox.undo()
            mailbox.offer(message(2))
            await told.until(2)
        assert told.lines == [("new", "1"), ("old", "2")]

    run(test())


def test_one_that_is_taken_away_gets_what_came_meanwhile_when_that_is_undone_and_else_is_closed() -> None:
    async def test() -> None:
        told = Told()
        async with watching() as bot:
            mailbox = opened(bot, lambda: Notes(told))
            for is_undone in (True, False):
                await mailbox.prepare(None)
                await mailbox.commit()
                mailbox.offer(message(1))
                await (mailbox.undo() if is_undone else mailbox.discard())
            mailbox.offer(message(2))
            assert mailbox.plan is None
            assert (await bot.end()).is_clean
        assert told.lines == [("old", "1")]
        assert told.closed == ["old"]

    run(test())


def test_a_message_is_tried_three_times_by_a_fresh_instance_each_and_then_given_up_and_counted() -> None:
    async def test() -> None:
        told, made = Told(), list[int]()

        def make() -> Notes:
            made.append(1)
            return Notes(told, f"made {len(made)}", fails=len(made) < 6)

        async with watching() as bot:
            mailbox = opened(bot, make)
            mailbox.offer(message(1))  # made 1, 2 and 3 fail
            mailbox.offer(message(2))  # made 3 has failed once and would work now
            await told.until(1)
            assert told.lines == [("made 3", "2")]
            assert mailbox.status()["undelivered"] == 1
            assert mailbox.status()["state"] == "running"

    run(test())


def test_a_failing_edge_says_so_in_its_status_while_it_fails() -> None:
    async def test() -> None:
        told = Told()
        async with watching(replace(QUICK, back_off_s=60.0)) as bot:
            mailbox = opened(bot, lambda: Notes(told, fails=1))
            mailbox.offer(message(1))
            async with asyncio.timeout(5):
                while mailbox.status()["state"] == "running":
                    await asyncio.sleep(0)
            assert mailbox.status() == {
                "state": "failing",
                "waiting": 1,
                "dropped": 0,
                "undelivered": 0,
                "error": "OSError: old is not connected",
            }

    run(test())


def test_a_full_mailbox_drops_what_comes_and_tells_how_many() -> None:
    async def test() -> None:
        told = Told()
        async with watching(replace(QUICK, mailbox=3)) as bot:
            mailbox = opened(bot, lambda: Notes(told))
            for number in range(5):
                mailbox.offer(message(number))
            await told.until(4)
            assert told.texts == ["0", "1", "2", "2 messages to notifiers/fake were dropped: it is too slow"]
            assert mailbox.status()["dropped"] == 2

    run(test())


def test_one_that_hangs_keeps_no_message_from_another() -> None:
    async def test() -> None:
        told = Told()
        async with watching() as bot:
            hanging = opened(bot, lambda: Notes(told, hangs=True))
            other = opened(bot, lambda: Notes(told, "other"), place="notifiers/other")
            for mailbox in (hanging, other):
                mailbox.offer(message(1))
            await told.until(1)
            assert told.lines == [("other", "1")]
            assert hanging.status()["waiting"] == 1

    run(test())


class Door:
    """An interface whose `run` fails as often as is left, then stays; `opened` counts."""

    def __init__(self, left: list[int], opened: asyncio.Semaphore) -> None:
        self._left, self._opened = left, opened

    async def run(self) -> None:
        self._opened.release()
        if self._left:
            raise OSError(f"port {self._left.pop()} is taken")
        await asyncio.Event().wait()


def test_an_interface_that_fails_is_opened_again_until_it_stays() -> None:
    async def test() -> None:
        openings = asyncio.Semaphore(0)
        async with watching() as bot:
            left = [80, 81]
            mailbox = opened(bot, lambda: Door(left, openings), kind="interface", place="interfaces/door")
            for _ in range(3):
                await asyncio.wait_for(openings.acquire(), 5)
            assert left == []
            assert mailbox.status()["error"] == "run: OSError: port 80 is taken"
            assert (await bot.end()).is_clean

    run(test())


def test_a_new_interface_that_does_not_open_is_refused_and_nothing_changes() -> None:
    async def test() -> None:
        openings = asyncio.Semaphore(0)
        async with watching() as bot:
            mailbox = opened(bot, lambda: Door([], openings), kind="interface")
            with pytest.raises(TentacleError, match="notifiers/fake does not start: run: OSError: port 80 is taken"):
                await mailbox.prepare(edge(lambda: Door([80], openings), "2", "interface"))
            assert mailbox.plan is not None
            assert mailbox.plan.key == "1"

    run(test())


def test_what_an_automation_orders_is_sent_in_its_name_and_nothing_of_an_answer_that_is_none() -> None:
    class Pauses:
        def on_record(self, events: Any) -> Any:
            order = OperatorCommand("1", 0, CommandKind.PAUSE, str(events[0]))
            return [order] if events[0] == "fine" else [order, "nonsense"]

    async def test() -> None:
        async with watching(replace(QUICK, attempts=1)) as bot:
            mailbox = opened(bot, Pauses, kind="automation", place="automations/pauses")
            for text in ("wrong", "fine"):
                mailbox.offer(Record(1, text, ()))  # type: ignore[arg-type]
            mailbox.offer(message(1))  # is not told
            mailbox.end()
            await bot.end()
            assert [(command.target, command.by) for command in bot.sent] == [("fine", "automation:pauses")]
            assert mailbox.status()["undelivered"] == 1

    run(test())
