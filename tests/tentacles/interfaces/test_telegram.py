"""People talk with the bot in Telegram: python-telegram-bot against a server that speaks the Bot API."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from structlog.testing import capture_logs

from loligo.api.notify import EXAMPLES, Kind
from tests.fakes.chat_doors import PNG
from tests.fakes.telegram_server import Fault, Sent
from tests.fakes.telegram_world import ADMIN, GROUP, STRANGER, TRADER, Enter, entering, run

# Of python-telegram-bot 22.8: it speaks of its next major version whenever it is asked to wait.
pytestmark = pytest.mark.filterwarnings("ignore:(?s).*attribute .retry_after. will be:DeprecationWarning")


@pytest.fixture
def enter(load_tentacle: Callable[[str], ModuleType], tmp_path: Path) -> Enter:
    return entering(load_tentacle("interfaces/telegram"), str(tmp_path))


def test_every_command_of_the_catalogue_is_answered(enter: Enter) -> None:
    async def story() -> None:
        async with enter() as world:
            words = {"why": "42", "flatten": "btc", "tentacle.switch": "rsi off", "tentacle.settings": "rsi period=7"}
            words |= {"tentacle.info": "rsi", "tentacle.rollback": "rsi", "consent.give": "7", "consent.deny": "7"}
            for name, verb in world.door.verbs.items():
                sent = await world.answer(ADMIN, f"/{name.replace('.', ' ')} {words.get(name, '')}")
                if verb.confirm:
                    assert sent.text.startswith(verb.confirm) and sent.labels == ["Yes, do it", "No"]
                else:
                    assert world.door.asked[-1][:2] == ("telegram:1", name)
            assert "/pause [desk] [reason]: what pause does" in (await world.answer(ADMIN, "/help")).text

    run(story())


def test_an_answer_goes_to_the_chat_and_topic_of_the_question(enter: Enter) -> None:
    async def story() -> None:
        async with enter() as world:
            sent = await world.answer(STRANGER, "/status@loligo_bot", chat=GROUP, topic=7)
            assert (sent.chat, sent.topic, sent.text) == ("-100", "7", "Status\nstatus done")

    run(story())


def test_a_stranger_hears_nothing_at_all(enter: Enter) -> None:
    async def story() -> None:
        async with enter() as world:
            with capture_logs() as lines:
                await world.server.say(STRANGER, "/status")
                await world.server.say(STRANGER, "/flatten btc")
                await world.answer(ADMIN, "/status")  # has been read after them
            assert [sent.chat for sent in world.server.sent] == ["1"]
            assert [each[0] for each in world.door.asked] == ["telegram:1"]
            assert [line["person"] for line in lines if "stranger" in line["event"]] == ["4"]
            await world.server.until(lambda: len(world.server.menus) == 3)
            assert sorted(world.server.menus) == ["-100", "1", "2"]  # menus are of those who may ask, by role
            assert "pause" in world.server.menus["2"] and "pause" not in world.server.menus["-100"]

    run(story())


def test_a_confirmed_command_is_done_once_and_the_question_shows_it(enter: Enter) -> None:
    async def story() -> None:
        async with enter() as world:
            question = await world.answer(TRADER, "/flatten btc")
            asked = Sent(question.id, question.chat, "", question.text, question.buttons)
            await world.server.press(TRADER, asked, "Yes, do it")
            await world.server.press(TRADER, asked, "Yes, do it")
            await world.server.until(lambda: len(world.server.notices) == 2)
            assert world.door.changes == [("telegram:2", "flatten", {"desks": ["btc"]})]
            assert world.server.notices == ["", "This button has been used or is too old. Ask again."]
            await world.server.until(lambda: question.text.startswith("Confirmed"))
            assert question.labels == []

    run(story())


def test_a_yes_that_comes_too_late_changes_nothing(enter: Enter) -> None:
    async def story() -> None:
        async with enter() as world:
            question = await world.answer(TRADER, "/panic everything")
            world.clock.advance(61)
            await world.server.press(TRADER, question, "Yes, do it")
            await world.server.until(lambda: bool(world.server.notices))
            assert world.server.notices[0].startswith("Too late: asked 61 s ago, an answer counts for 60 s")
            assert world.door.asked == []

    run(story())


def test_tentacles_are_switched_by_their_buttons(enter: Enter) -> None:
    async def story() -> None:
        async with enter() as world:
            listed = await world.answer(ADMIN, "/tentacles")
            await world.server.press(ADMIN, listed, "● on  rsi")
            await world.server.until(lambda: "○ off  rsi" in listed.labels)
            assert world.door.tentacles == {"rsi": False, "macd": False}
            assert "rsi is off" in listed.text

    run(story())


@pytest.mark.parametrize(("person", "label", "verb"), [(2, "Yes, send it", "consent.give"), (1, "No", "consent.deny")])
def test_an_entry_that_waits_for_consent_is_answered_by_its_buttons(
    enter: Enter, person: int, label: str, verb: str
) -> None:
    async def story() -> None:
        async with enter(chats=[{"chat": GROUP}]) as world:
            await world.made.notify(EXAMPLES[Kind.CONSENT_ASKED])
            await world.server.until(lambda: bool(world.server.sent))
            told = world.server.sent[0]
            assert told.text.endswith("/consent_give_4711 or /consent_deny_4711\n/why_4711")
            await world.server.press(STRANGER, told, label)  # of the group, so they may look
            await world.server.until(lambda: "is for the role trade" in world.server.sent[-1].text)
            await world.server.press(person, told, label)
            await world.server.until(lambda: bool(world.door.asked))
            assert world.door.asked == [(f"telegram:{person}", verb, {"id": "4711"})]

    run(story())


def test_markup_in_the_bots_words_is_shown_as_it_is(enter: Enter) -> None:
    async def story() -> None:
        async with enter() as world:
            world.door.answers["logs"] = ["<b>bold</b> & <a href='http://x'>link</a> </b>"]
            assert (await world.answer(ADMIN, "/logs")).text == "Logs\n<b>bold</b> & <a href='http://x'>link</a> </b>"

    run(story())


def test_a_long_answer_comes_in_pages_that_telegram_takes(enter: Enter) -> None:
    async def story() -> None:
        async with enter() as world:
            world.door.answers["logs"] = ["word < " * 400, *(f"line {number} " + "😀" * 500 for number in range(30))]
            await world.answer(ADMIN, "/logs")
            await world.server.until(lambda: len(world.server.sent) == 5)
            assert world.server.sent[-1].text.splitlines()[-1].startswith("… and ")

    run(story())


def test_a_command_that_is_told_twice_changes_once(enter: Enter) -> None:
    async def story() -> None:
        async with enter() as world:
            await world.answer(TRADER, "/pause btc")
            await world.server.tell_again(world.server.told[-1])  # as after a crash, before it knew what was read
            await world.answer(ADMIN, "/status")
            await world.server.until(lambda: len(world.server.sent) == 3)
            assert sorted(sent.text.partition("\n")[0] for sent in world.server.sent) == ["Pause", "Pause", "Status"]
            assert [each[1] for each in world.door.changes] == ["pause"]

    run(story())


def test_a_command_from_while_the_bot_was_away_is_not_carried_out(enter: Enter) -> None:
    async def story() -> None:
        async with enter() as world:
            sent = await world.answer(TRADER, "/pause btc", age_s=3_600)
            assert sent.text.startswith("I was away when you asked this 60 minutes ago, and have not done it.")
            assert world.door.asked == []

    run(story())


def test_an_emergency_is_not_held_up_by_an_answer_that_takes_long(enter: Enter) -> None:
    async def story() -> None:
        async with enter() as world:
            world.door.held["status"] = asyncio.Event()
            await world.server.say(TRADER, "/status")
            await world.server.say(TRADER, "/pause btc")
            await world.server.until(lambda: len(world.server.sent) == 1)
            assert world.server.sent[0].text.startswith("Pause")
            world.door.held["status"].set()
            await world.server.until(lambda: len(world.server.sent) == 2)

    run(story())


def test_a_picture_is_sent_as_a_photo_with_the_words_below_it(enter: Enter) -> None:
    async def story() -> None:
        async with enter() as world:
            sent = await world.answer(STRANGER, "/chart", chat=GROUP, topic=7)
            assert (sent.chat, sent.topic, sent.text) == ("-100", "7", "Chart\nup")
            assert sent.picture == b64decode(PNG)

    run(story())


def test_words_that_do_not_fit_below_a_picture_follow_it(enter: Enter) -> None:
    async def story() -> None:
        async with enter() as world:
            world.door.answers["chart"] = ["word " * 300]  # 1,500 characters: Telegram takes 1,024 below a picture
            sent = await world.answer(ADMIN, "/chart")
            await world.server.until(lambda: len(world.server.sent) == 2)
            assert (sent.text, sent.picture) == ("Chart", b64decode(PNG))
            assert (world.server.sent[1].text.strip(), world.server.sent[1].picture) == (("word " * 300).strip(), b"")

    run(story())


@pytest.mark.parametrize("fault", [Fault(429, retry_after=3), Fault(502), Fault(0)])
def test_a_picture_that_was_not_taken_comes_again(enter: Enter, fault: Fault) -> None:
    async def story() -> None:
        async with enter() as world:
            world.server.faults["sendPhoto"].append(fault)
            sent = await world.answer(ADMIN, "/chart")
            assert sent.picture == b64decode(PNG)
            assert world.server.requests["sendPhoto"] == 2

    run(story())
