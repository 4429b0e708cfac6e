"""People talk with the bot in Discord: discord.py against a server that speaks its REST API and its gateway."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from structlog.testing import capture_logs

from loligo.api.notify import EXAMPLES, Kind
from tests.fakes.chat_doors import PNG
from tests.fakes.discord_gateway import CHANNEL, DIRECT, THREAD
from tests.fakes.discord_server import Fault
from tests.fakes.discord_world import ADMIN, STRANGER, TRADER, Enter, entering, run

# discord.py 2.7 imports a module of the standard library that Python 3.13 no longer has (there it brings its own).
pytestmark = pytest.mark.filterwarnings("ignore:'audioop' is deprecated:DeprecationWarning")


@pytest.fixture
def enter(load_tentacle: Callable[[str], ModuleType], tmp_path: Path) -> Enter:
    return entering(load_tentacle("interfaces/discord"), str(tmp_path))


def test_every_command_of_the_catalogue_is_answered(enter: Enter) -> None:
    async def story() -> None:
        async with enter() as world:
            words: dict[str, dict[str, Any]] = {
                "why": {"seq": 42},
                "flatten": {"desks": "btc, eth"},
                "tentacle.switch": {"name": "rsi", "on": False},
                "tentacle.settings": {"name": "rsi", "values": "period=7"},
                "tentacle.info": {"name": "rsi"},
                "tentacle.rollback": {"name": "rsi"},
                "consent.give": {"id": "7"},
                "consent.deny": {"id": "7"},
            }
            for name, verb in world.door.verbs.items():
                sent = await world.answer(ADMIN, name, **words.get(name, {}))
                if verb.confirm:
                    assert verb.confirm in sent.text and sent.labels == ["Yes, do it", "No"]
                else:
                    assert world.door.asked[-1][:2] == ("discord:1", name)
            assert "/pause \\[desk\\]" in (await world.answer(ADMIN, "help")).text
            assert set(world.server.acknowledged) == {5}

    run(story())


def test_the_menu_is_made_of_the_catalogue(enter: Enter) -> None:
    async def story() -> None:
        async with enter() as world:
            commands = {each["name"]: each for each in world.server.commands}
            assert {"help", "status", "why_nothing", "tentacle"} <= commands.keys()
            (switch,) = [each for each in commands["tentacle"]["options"] if each["name"] == "switch"]
            told = [(each["name"], each["type"], each["required"]) for each in switch["options"]]
            assert told == [("name", 3, True), ("on", 5, True), ("why", 3, False)]
            (level,) = commands["panic"]["options"]
            assert [each["value"] for each in level["choices"]] == ["entries", "orders", "everything"]

    run(story())


def test_a_stranger_is_not_even_acknowledged_and_a_role_of_the_guild_counts(enter: Enter) -> None:
    async def story() -> None:
        async with enter() as world:
            with capture_logs() as lines:
                await world.server.command(STRANGER, "status")
                assert "pause done" in (await world.answer(TRADER, "pause", desk="btc")).text
            assert world.server.acknowledged == [5]
            assert [each[0] for each in world.door.asked] == ["discord:2"]
            assert [line["person"] for line in lines if "stranger" in line["event"]] == ["4"]
            refused = await world.answer(TRADER, "tentacle.switch", name="rsi", on=False)
            assert "for the role admin, yours is trade" in refused.text

    run(story())


def test_a_confirmed_command_is_done_once_in_place_of_its_question(enter: Enter) -> None:
    async def story() -> None:
        async with enter() as world:
            question = await world.answer(TRADER, "flatten", desks="btc")
            first = await world.server.press(TRADER, question, "Yes, do it")
            await world.server.until(lambda: len(world.server.said_to(first)) == 2)
            again = await world.server.press(TRADER, question, "Yes, do it")
            await world.server.until(lambda: bool(world.server.said_to(again)))
            assert world.door.changes == [("discord:2", "flatten", {"desks": ["btc"]})]
            assert world.server.said_to(first)[0].text.startswith("**Confirmed: /flatten")
            (notice,) = world.server.said_to(again)
            assert notice.is_private and notice.text == "This button has been used or is too old. Ask again."

    run(story())


def test_a_yes_that_comes_too_late_changes_nothing(enter: Enter) -> None:
    async def story() -> None:
        async with enter() as world:
            question = await world.answer(TRADER, "panic")
            world.clock.advance(61)
            token = await world.server.press(TRADER, question, "Yes, do it")
            await world.server.until(lambda: bool(world.server.said_to(token)))
            assert world.server.said_to(token)[0].text.startswith("Too late: asked 61 s ago")
            assert world.door.asked == []

    run(story())


def test_tentacles_are_switched_by_their_buttons(enter: Enter) -> None:
    async def story() -> None:
        async with enter() as world:
            listed = await world.answer(ADMIN, "tentacle.list")
            token = await world.server.press(ADMIN, listed, "● on  rsi")
            await world.server.until(lambda: bool(world.server.said_to(token)))
            assert world.server.said_to(token)[0].labels == ["○ off  rsi", "○ off  macd"]
            assert world.door.tentacles == {"rsi": False, "macd": False}

    run(story())


@pytest.mark.parametrize(("label", "verb"), [("Yes, send it", "consent.give"), ("No", "consent.deny")])
def test_an_entry_that_waits_for_consent_is_answered_by_its_buttons(enter: Enter, label: str, verb: str) -> None:
    async def story() -> None:
        async with enter() as world:
            await world.made.notify(EXAMPLES[Kind.CONSENT_ASKED])
            await world.server.until(lambda: bool(world.server.said_to(str(CHANNEL))))
            (told,) = world.server.said_to(str(CHANNEL))
            await world.server.press(STRANGER, told, label)
            await world.server.press(TRADER, told, label)
            await world.server.until(lambda: bool(world.door.asked))
            assert world.door.asked == [("discord:2", verb, {"id": "4711"})]

    run(story())


def test_of_many_tentacles_there_are_as_many_buttons_as_discord_takes(enter: Enter) -> None:
    async def story() -> None:
        async with enter() as world:
            world.door.tentacles = {f"t{number}": True for number in range(60)}
            assert len((await world.answer(ADMIN, "tentacle.list")).labels) == 25  # 5 rows of 5

    run(story())


def test_what_the_bot_says_calls_nobody_and_has_no_markup_of_its_own(enter: Enter) -> None:
    async def story() -> None:
        async with enter() as world:
            world.door.answers["logs"] = ["@everyone **bold** `x` <@1> [link](http://x)"]
            sent = await world.answer(ADMIN, "logs")
            told = r"\@everyone \*\*bold\*\* \`x\` \<\@1\> \[link\]\(http://x\)"
            assert sent.text == f"**Logs**\n{told}"
            assert sent.mentions == {"parse": []}

    run(story())


@pytest.mark.parametrize(("embeds", "limit"), [(True, 4096), (False, 2000)])
def test_a_long_answer_comes_in_pages_that_discord_takes(enter: Enter, embeds: bool, limit: int) -> None:
    async def story() -> None:
        async with enter(embeds=embeds) as world:
            world.door.answers["logs"] = [f"line {number} " + "word " * 100 for number in range(60)]
            token = await world.server.command(ADMIN, "logs")
            await world.server.until(lambda: len(world.server.said_to(token)) == 5)
            assert all(limit / 2 < len(sent.text) <= limit for sent in world.server.said_to(token))
            assert "more lines" in world.server.said_to(token)[-1].text

    run(story())


def test_an_answer_goes_to_the_thread_of_the_question_where_discord_takes_none_there(enter: Enter) -> None:
    async def story() -> None:
        async with enter() as world:
            world.server.faults["original"].append(Fault(404))
            await world.server.command(ADMIN, "status", channel=THREAD)
            await world.server.until(lambda: bool(world.server.said_to(str(THREAD))))
            assert world.server.said_to(str(THREAD))[0].text == "**Status**\nstatus done"

    run(story())


def test_a_command_is_answered_in_private_too(enter: Enter) -> None:
    async def story() -> None:
        async with enter() as world:
            token = await world.server.command(ADMIN, "status", channel=DIRECT)
            await world.server.until(lambda: bool(world.server.said_to(token)))
            assert world.door.asked == [("discord:1", "status", {})]

    run(story())


def test_what_discord_no_longer_waits_for_is_not_done(enter: Enter) -> None:
    async def story() -> None:
        async with enter() as world:
            world.server.faults["callback"].append(Fault(404))
            await world.server.command(TRADER, "pause")
            await world.answer(ADMIN, "status")
            assert [each[1] for each in world.door.asked] == ["status"]

    run(story())


def test_texts_are_read_in_private_and_elsewhere_only_if_that_is_wanted(enter: Enter) -> None:
    async def story() -> None:
        async with enter() as world:
            await world.server.say(ADMIN, "!status")
            await world.server.say(ADMIN, "!why 42", channel=DIRECT, is_direct=True)
            await world.server.until(lambda: bool(world.server.sent))
            assert [each[1] for each in world.door.asked] == ["why"]
        async with enter(read_messages=True) as world:
            await world.server.say(ADMIN, "!status")
            await world.server.until(lambda: bool(world.server.sent))
            assert world.server.sent[0].text == "**Status**\nstatus done"

    run(story())


@pytest.mark.parametrize("embeds", [True, False])
def test_a_picture_is_attached_to_the_answer(enter: Enter, embeds: bool) -> None:
    async def story() -> None:
        async with enter(embeds=embeds) as world:
            sent = await world.answer(ADMIN, "chart")
            assert sent.files == {"chart.png": b64decode(PNG)}
            assert sent.image == ("attachment://chart.png" if embeds else "")
            assert "up" in sent.text

    run(story())


def test_a_picture_goes_to_the_channel_where_its_answer_is_not_taken(enter: Enter) -> None:
    async def story() -> None:
        async with enter() as world:
            world.server.faults["original"].append(Fault(404))
            await world.server.command(ADMIN, "chart")
            await world.server.until(lambda: bool(world.server.said_to(str(CHANNEL))))
            assert world.server.said_to(str(CHANNEL))[0].files == {"chart.png": b64decode(PNG)}

    run(story())
