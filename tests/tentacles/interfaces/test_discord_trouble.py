"""Discord that is away, floods or refuses, and versions that are exchanged meanwhile."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from structlog.testing import capture_logs

from loligo.api import SECOND_NS, ConfigError, MakeContext, Message, TentacleError
from tests.fakes.discord_gateway import CHANNEL
from tests.fakes.discord_server import Fault
from tests.fakes.discord_world import ADMIN, TRADER, Enter, entering, run

# discord.py 2.7 imports a module of the standard library that Python 3.13 no longer has (there it brings its own).
pytestmark = pytest.mark.filterwarnings("ignore:'audioop' is deprecated:DeprecationWarning")


@pytest.fixture
def enter(load_tentacle: Callable[[str], ModuleType], tmp_path: Path) -> Enter:
    return entering(load_tentacle("interfaces/discord"), str(tmp_path))


def test_texts_that_discord_refuses_to_tell_end_it_with_what_to_do(enter: Enter) -> None:
    async def story() -> None:
        async with enter(is_begun=False) as world:
            world.server.may_read_content = False
            await world.begin(is_ready=False, read_messages=True)
            with pytest.raises(ConfigError, match=r"allow Message Content Intent .* or set read_messages to false"):
                await world.ended()

    run(story())


def test_a_refused_token_ends_it_with_a_sentence_that_does_not_hold_it(enter: Enter) -> None:
    async def story() -> None:
        async with enter(is_begun=False) as world:
            await world.begin(is_ready=False, token="wrong-token")
            with pytest.raises(TentacleError, match=r"^Discord refuses the token \(401\)$"):
                await world.ended()

    run(story())


def test_without_token_and_webhook_it_says_what_to_give(load_tentacle: Callable[[str], ModuleType]) -> None:
    module = load_tentacle("interfaces/discord")
    made = module.logic.DiscordChat(module.Settings(token_env="LOLIGO_NO_SUCH_VARIABLE"), MakeContext())
    with pytest.raises(ConfigError, match=r"no token of the Discord bot; .*LOLIGO_NO_SUCH_VARIABLE, or a webhook_url"):
        asyncio.run(made.run())


def test_a_gateway_that_refuses_the_first_dial_is_dialled_again(enter: Enter) -> None:
    async def story() -> None:
        async with enter(is_begun=False) as world:
            world.server.is_gateway_up = False
            await world.begin(is_ready=False)
            await world.server.until(lambda: len(world.server.dials) >= 3)
            world.server.is_gateway_up = True
            await world.server.until(lambda: bool(world.server.sessions))
            assert (await world.answer(ADMIN, "status")).text == "**Status**\nstatus done"
            assert max(world.clock.waits) <= 60

    run(story())


def test_each_outage_begins_with_a_short_wait_and_a_line_in_the_log(enter: Enter) -> None:
    async def story() -> None:
        async with enter() as world:
            with capture_logs() as lines:
                for _ in range(2):
                    await world.answer(ADMIN, "status")
                    await world.server.stop()
                    world.server.sessions.clear()
                    world.clock.waits.clear()
                    while len(world.clock.waits) < 4:
                        await asyncio.sleep(0.001)
                    assert world.clock.waits[:4] == [1, 2, 4, 8]
                    await world.server.start()
                    await world.server.until(lambda: bool(world.server.sessions))
                    while not [line for line in lines if line["event"] == "connected to Discord"]:
                        await asyncio.sleep(0.001)
                    lines[:] = [line for line in lines if line["event"] != "connected to Discord"]
            assert [line["event"] for line in lines] == ["Discord is not to be reached, it is tried again"] * 2

    run(story())


@pytest.mark.parametrize("trouble", ["reconnect", "invalid but to be resumed", "broken"])
def test_a_connection_is_resumed_and_what_happened_meanwhile_is_heard(enter: Enter, trouble: str) -> None:
    async def story() -> None:
        async with enter() as world:
            await world.answer(ADMIN, "status")
            if trouble == "broken":
                await world.server.drop()
            else:
                await world.server.order(7 if trouble == "reconnect" else 9, True)
            token = await world.server.command(TRADER, "pause", desk="btc")
            await world.server.until(lambda: bool(world.server.said_to(token)))
            assert len(world.door.changes) == 1
            assert world.server.dials[:2] == ["identify", "resume"]

    run(story())


def test_a_session_that_cannot_be_resumed_is_begun_anew(enter: Enter) -> None:
    async def story() -> None:
        async with enter() as world:
            await world.answer(ADMIN, "status")
            await world.server.order(9, False)
            await world.server.until(lambda: bool(world.server.sessions))
            assert (await world.answer(ADMIN, "status")).text == "**Status**\nstatus done"
            assert world.server.dials[-1] == "identify"

    run(story())


def test_the_gateway_hears_a_heartbeat(enter: Enter) -> None:
    async def story() -> None:
        async with enter(is_begun=False) as world:
            world.server.interval_ms = 20
            await world.begin()
            await world.server.until(lambda: world.server.heartbeats > 3)

    run(story())


@pytest.mark.parametrize("via", ["1.1 google", ""])
def test_a_flood_is_waited_out_with_and_without_the_header_that_the_library_looks_for(enter: Enter, via: str) -> None:
    async def story() -> None:
        async with enter() as world:
            world.server.faults["messages"].append(Fault(429, retry_after=0.25, via=via))
            await world.made.notify(Message(level="info", text="a"))
            await world.made.notify(Message(level="info", text="b"))
            await world.server.until(lambda: len(world.server.sent) == 2)
            assert [sent.text for sent in world.server.sent] == ["**a**", "**b**"]
            assert (0.25 in world.clock.waits) == (via == "")  # else discord.py waits by itself

    run(story())


def test_a_message_whose_answer_is_lost_is_not_doubled(enter: Enter) -> None:
    async def story() -> None:
        async with enter() as world:
            world.server.faults["messages"].extend([Fault(0, is_done=True), Fault(503)])
            await world.made.notify(Message(level="info", text="a"))
            await world.made.notify(Message(level="problem", text="b"))
            await world.server.until(lambda: len(world.server.sent) == 2)
            assert [sent.text for sent in world.server.sent] == ["**a**", "**⛔ b**"]
            assert [sent.colour for sent in world.server.sent] == [0x2F81F7, 0xDA3633]

    run(story())


def test_a_channel_that_is_none_holds_up_no_other(enter: Enter) -> None:
    async def story() -> None:
        async with enter(chats=[{"chat": "general"}, {"chat": 99}, {"chat": CHANNEL}]) as world:
            await world.made.notify(Message(level="info", text="a"))
            await world.server.until(lambda: bool(world.server.sent))
            assert [(sent.place, sent.text) for sent in world.server.sent] == [(str(CHANNEL), "**a**")]

    run(story())


def test_an_outage_of_an_hour_delivers_all_messages_once_and_in_order(enter: Enter) -> None:
    async def story() -> None:
        async with enter() as world:
            await world.answer(ADMIN, "status")
            world.server.sent.clear()
            await world.server.stop()
            begin_ns, texts = world.clock.now_ns(), [f"message {number}" for number in range(100)]
            for text in texts:
                await world.made.notify(Message(level="info", text=text))
            while world.clock.now_ns() < begin_ns + 3_600 * SECOND_NS:
                await asyncio.sleep(0.001)
            world.server.sessions.clear()
            await world.server.start()
            await world.server.until(lambda: len(world.server.sent) >= 100)
            # The first may have been under way when the server went: nobody knows whether it came, and it says so.
            assert world.server.sent[0].text.removeprefix("(perhaps for the second time)\n") == f"**{texts[0]}**"
            assert [sent.text for sent in world.server.sent[1:]] == [f"**{text}**" for text in texts[1:]]
            await world.server.until(lambda: bool(world.server.sessions))
            assert (await world.answer(ADMIN, "status")).text == "**Status**\nstatus done"

    run(story())


def test_a_webhook_is_enough_to_be_told_what_happens(enter: Enter) -> None:
    async def story() -> None:
        async with enter(is_begun=False) as world:
            hook = {"token": None, "token_env": "", "webhook_url": world.server.webhook_url, "webhook_level": "warning"}
            await world.begin(is_ready=False, **hook)
            world.server.faults["webhook"].extend([Fault(503), Fault(429, retry_after=9, via="")])
            await world.made.notify(Message(level="info", text="too little"))
            await world.made.notify(Message(level="warning", text="a"))
            await world.server.until(lambda: bool(world.server.sent))
            assert [(sent.place, sent.text) for sent in world.server.sent] == [("webhook", "**⚠ a**")]
            assert world.server.dials == [] and 9.0 in world.clock.waits

    run(story())


def test_the_endpoints_are_those_of_discord_again_when_nobody_needs_others(enter: Enter) -> None:
    async def story() -> None:
        from discord.gateway import DiscordWebSocket
        from discord.http import Route

        before = (Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY)
        async with enter() as world:
            assert world.server.settings["api_base"] == Route.BASE != before[0]
        assert before == (Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY)
        assert before[0] == "https://discord.com/api/v10"

    run(story())


def test_a_new_version_takes_over_what_waits_and_one_is_connected_at_a_time(enter: Enter) -> None:
    async def story() -> None:
        async with enter() as world:
            question = await world.answer(TRADER, "flatten", desks="btc")
            old_task = world.task
            await world.begin(confirm_s=50)  # beside the old one, as on probation
            await world.made.notify(Message(level="info", text="said by the new"))
            await world.server.until(lambda: bool(world.server.said_to(str(CHANNEL))))
            await world.answer(ADMIN, "status")
            assert world.server.logins == 1
            assert old_task is not None
            old_task.cancel()
            await asyncio.wait({old_task}, timeout=5)
            world.server.sessions.clear()
            await world.server.until(lambda: world.server.dials == ["identify"] * 2 and bool(world.server.sessions))
            token = await world.server.press(TRADER, question, "Yes, do it")  # asked by the old, answered to the new
            await world.server.until(lambda: len(world.server.said_to(token)) == 2)
            assert len(world.door.changes) == 1

    run(story())


def test_nothing_of_the_old_version_is_left(enter: Enter) -> None:
    async def story() -> None:
        async with enter() as world:
            await world.answer(ADMIN, "tentacle.list")
            old, old_task = weakref.ref(world.made), world.task
            await world.begin()
            assert old_task is not None
            old_task.cancel()
            await asyncio.wait({old_task}, timeout=5)
            world.server.sessions.clear()
            await world.server.until(lambda: bool(world.server.sessions))
            await world.answer(ADMIN, "status")
            del old_task
            gc.collect()
            assert old() is None

    run(story())
