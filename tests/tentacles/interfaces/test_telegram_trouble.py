"""Telegram that is away, floods or refuses, and versions that are exchanged meanwhile."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from structlog.testing import capture_logs

from loligo.api import SECOND_NS, ConfigError, LoligoError, MakeContext, Message, TentacleError
from tests.fakes.telegram_server import TOKEN, Fault
from tests.fakes.telegram_world import ADMIN, GROUP, TRADER, Enter, entering, run

# Of python-telegram-bot 22.8: it speaks of its next major version whenever it is asked to wait.
pytestmark = pytest.mark.filterwarnings("ignore:(?s).*attribute .retry_after. will be:DeprecationWarning")


@pytest.fixture
def enter(load_tentacle: Callable[[str], ModuleType], tmp_path: Path) -> Enter:
    return entering(load_tentacle("interfaces/telegram"), str(tmp_path))


def test_without_a_token_it_says_how_to_give_one(load_tentacle: Callable[[str], ModuleType]) -> None:
    module = load_tentacle("interfaces/telegram")
    made = module.logic.TelegramChat(module.Settings(token_env="LOLIGO_NO_SUCH_VARIABLE"), MakeContext())
    with pytest.raises(ConfigError, match="setting `token` or in the environment variable LOLIGO_NO_SUCH_VARIABLE"):
        asyncio.run(made.run())


def test_a_refused_token_ends_it_with_a_sentence_that_does_not_hold_it(enter: Enter) -> None:
    async def story() -> None:
        async with enter(is_begun=False) as world:
            world.server.refused = True
            world.begin()
            with pytest.raises(TentacleError, match="Telegram refuses the token") as caught:
                await world.ended()
            assert TOKEN not in str(caught.value)

    run(story())


def test_a_token_that_is_refused_later_ends_it_and_what_waits_is_kept(enter: Enter) -> None:
    async def story() -> None:
        async with enter() as world:
            await world.answer(ADMIN, "/status")
            with capture_logs() as lines:
                world.server.refuse()
                await world.made.notify(Message(level="info", text="a"))
                with pytest.raises(TentacleError, match="Telegram refuses the token"):
                    await world.ended()
            assert not [line for line in lines if "count" in line]  # nothing is lost: it is kept
            world.server.refused = False
            world.begin()
            await world.server.until(lambda: len(world.server.sent) == 2)
            assert world.server.sent[-1].text == "a"
            assert TOKEN not in str(lines)

    run(story())


def test_a_service_that_is_down_at_the_start_is_waited_for(enter: Enter) -> None:
    async def story() -> None:
        async with enter(is_begun=False) as world:
            await world.server.stop()
            world.begin()
            await world.made.notify(Message(level="info", text="from before"))
            while sum(world.clock.waits) < 600:
                await asyncio.sleep(0.001)
            await world.server.start()
            await world.server.until(lambda: bool(world.server.sent))
            assert world.server.sent[0].text == "from before"
            assert (await world.answer(ADMIN, "/status")).text == "Status\nstatus done"

    run(story())


def test_an_outage_of_an_hour_delivers_all_messages_once_and_in_order(enter: Enter) -> None:
    async def story() -> None:
        async with enter() as world:
            await world.answer(ADMIN, "/status")
            world.server.sent.clear()
            await world.server.stop()
            begin_ns, texts = world.clock.now_ns(), [f"message {number}" for number in range(200)]
            for text in texts:
                await world.made.notify(Message(level="info", text=text))
            while world.clock.now_ns() < begin_ns + 3_600 * SECOND_NS:
                await asyncio.sleep(0.001)
            await world.server.start()
            await world.server.until(lambda: len(world.server.sent) >= 200)
            assert (await world.answer(ADMIN, "/status")).text == "Status\nstatus done"
            assert [sent.text for sent in world.server.sent[:-1]] == texts

    run(story())


def test_a_flood_is_waited_out_as_long_as_telegram_asks(enter: Enter) -> None:
    async def story() -> None:
        async with enter() as world:
            world.server.faults["sendMessage"].extend([Fault(429, retry_after=37), Fault(429, retry_after=5)])
            await world.made.notify(Message(level="info", text="a"))
            await world.made.notify(Message(level="info", text="b"))
            await world.server.until(lambda: len(world.server.sent) == 2)
            assert [sent.text for sent in world.server.sent] == ["a", "b"]
            assert {37.0, 5.0} <= set(world.clock.waits)

    run(story())


def test_a_server_that_fails_is_asked_again_without_doubling(enter: Enter) -> None:
    async def story() -> None:
        async with enter() as world:
            world.server.faults["sendMessage"].extend([Fault(502), Fault(500)])
            await world.made.notify(Message(level="info", text="a"))
            await world.server.until(lambda: bool(world.server.sent))
            assert [sent.text for sent in world.server.sent] == ["a"]

    run(story())


def test_an_answer_that_is_lost_makes_a_second_message_that_says_so(enter: Enter) -> None:
    async def story() -> None:
        async with enter() as world:
            world.server.faults["sendMessage"].append(Fault(0, is_done=True))
            await world.made.notify(Message(level="info", text="a"))
            await world.server.until(lambda: len(world.server.sent) == 2)
            assert [sent.text for sent in world.server.sent] == ["a", "(perhaps for the second time)\na"]

    run(story())


def test_another_reader_is_told_of_once_and_reading_goes_on_when_it_is_gone(enter: Enter) -> None:
    async def story() -> None:
        async with enter(is_begun=False) as world:
            world.server.faults["getUpdates"].extend([Fault(409)] * 5)
            with capture_logs() as lines:
                world.begin()
                await world.server.until(lambda: not world.server.faults["getUpdates"])
                await world.server.until(lambda: bool(world.server.sent))
                assert (await world.answer(ADMIN, "/status")).text == "Status\nstatus done"
            assert "Another program reads" in world.server.sent[0].text and len(world.server.sent) == 2
            assert len([line for line in lines if "another program reads" in line.get("error", "")]) == 1

    run(story())


def test_two_readers_that_push_each_other_out_are_no_flood_of_messages(enter: Enter) -> None:
    async def story() -> None:
        async with enter() as world:
            for _ in range(3):
                world.server.faults["getUpdates"].extend([Fault(409)] * 2)
                await world.answer(ADMIN, "/status")  # heard between two conflicts
                await world.server.until(lambda: not world.server.faults["getUpdates"])
            await world.server.until(lambda: len(world.server.sent) == 4)
            assert len([sent for sent in world.server.sent if "Another program reads" in sent.text]) == 1

    run(story())


def test_a_chat_that_does_not_exist_holds_up_no_other(enter: Enter) -> None:
    async def story() -> None:
        async with enter(chats=[{"chat": 9}, {"chat": 1}]) as world:
            world.server.unknown.add("9")
            await world.made.notify(Message(level="info", text="a"))
            await world.server.until(lambda: bool(world.server.sent))
            assert [(sent.chat, sent.text) for sent in world.server.sent] == [("1", "a")]

    run(story())


def test_a_group_that_got_another_id_is_written_to_there(enter: Enter) -> None:
    async def story() -> None:
        async with enter(chats=[{"chat": GROUP}]) as world:
            world.server.faults["sendMessage"].append(Fault(400, migrated_to=-1009))
            await world.made.notify(Message(level="info", text="a"))
            await world.server.until(lambda: bool(world.server.sent))
            assert [(sent.chat, sent.text) for sent in world.server.sent] == [("-1009", "a")]

    run(story())


def test_messages_go_to_the_chats_and_topics_that_want_them(enter: Enter) -> None:
    async def story() -> None:
        routes = [{"chat": 1, "level": "problem"}, {"chat": GROUP, "topic": 5, "desks": ["btc"]}]
        async with enter(chats=routes) as world:
            await world.made.notify(Message(level="info", text="btc news", desk="btc", seq=42))
            await world.made.notify(Message(level="info", text="eth news", desk="eth"))
            await world.made.notify(Message(level="problem", text="all"))
            await world.server.until(lambda: len(world.server.sent) == 3)
            told = sorted((sent.chat, sent.topic, sent.text) for sent in world.server.sent)
            assert told == [("-100", "5", "btc news\n/why_42"), ("-100", "5", "⛔ all"), ("1", "", "⛔ all")]

    run(story())


def test_a_new_version_takes_over_what_waits_and_one_reads_at_a_time(enter: Enter) -> None:
    async def story() -> None:
        async with enter() as world:
            old, old_task = world.made, world.task
            await world.answer(ADMIN, "/status")
            await world.server.stop()
            await old.notify(Message(level="info", text="said by the old"))
            world.begin()  # beside the old one, as on probation
            await world.made.notify(Message(level="info", text="said by the new"))
            assert old_task is not None
            old_task.cancel()
            await asyncio.wait({old_task}, timeout=5)
            await world.server.start()
            await world.server.until(lambda: len(world.server.sent) == 3)
            assert [sent.text for sent in world.server.sent[1:]] == ["said by the old", "said by the new"]

    run(story())


def test_nothing_of_the_old_version_is_left(enter: Enter) -> None:
    async def story() -> None:
        async with enter() as world:
            await world.answer(ADMIN, "/tentacles")
            old, old_task = weakref.ref(world.made), world.task
            world.begin()
            assert old_task is not None
            old_task.cancel()
            await asyncio.wait({old_task}, timeout=5)
            await world.answer(ADMIN, "/status")
            del old_task
            gc.collect()
            assert old() is None

    run(story())


def test_a_question_of_the_old_version_is_answered_to_the_new_one(enter: Enter) -> None:
    async def story() -> None:
        async with enter() as world:
            question = await world.answer(TRADER, "/flatten btc")
            new = world.make(world)
            await world.end()
            world.task = asyncio.create_task(new.run())
            await world.server.press(TRADER, question, "Yes, do it")
            await world.server.until(lambda: len(world.server.sent) == 2)
            assert world.door.changes == [("telegram:2", "flatten", {"desks": ["btc"]})]

    run(story())


def test_a_command_that_was_read_is_answered_though_its_reader_has_to_go(enter: Enter) -> None:
    async def story() -> None:
        async with enter() as world:
            await world.answer(ADMIN, "/status")
            world.door.held["pause"] = asyncio.Event()
            await world.server.say(TRADER, "/pause btc")
            while world.made._state.cursor <= world.server.told[-1]["update_id"]:
                await asyncio.sleep(0.001)
            asyncio.get_running_loop().call_later(0.1, world.door.held["pause"].set)  # it has 0.6 s
            await world.end()
            assert world.server.sent[-1].text.startswith("Pause")

    run(story())


def test_a_new_version_on_probation_is_heard_through_the_old_one_without_a_conflict(enter: Enter) -> None:
    async def story() -> None:
        async with enter() as world:
            await world.answer(ADMIN, "/status")
            old_task = world.task
            with capture_logs() as lines:
                world.begin()
                await world.made.notify(Message(level="info", text="new"))
                await world.answer(ADMIN, "/status")
                assert old_task is not None
                old_task.cancel()
                await world.answer(ADMIN, "/status")
            assert [sent.text for sent in world.server.sent][1:] == [
                "new",
                "Status\nstatus done",
                "Status\nstatus done",
            ]
            assert not [line for line in lines if "409" in str(line) or "another program" in str(line)]

    run(story())


def test_what_the_bot_refuses_is_a_reply_and_the_chat_goes_on(enter: Enter) -> None:
    async def story() -> None:
        async with enter() as world:
            world.door.failure = LoligoError("the engine is stopping")
            assert (await world.answer(ADMIN, "/status")).text == "⛔ the engine is stopping"
            world.door.failure = None
            assert (await world.answer(ADMIN, "/status")).text == "Status\nstatus done"

    run(story())
