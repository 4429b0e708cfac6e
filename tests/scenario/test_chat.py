"""A real bot in its own process and a chat service beside it: people ask, switch and pause; versions are exchanged."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from loligo.model.command import OperatorCommand
from loligo.model.events import OrderSubmitted
from loligo_bot.door.picture import TIMEOUT_S
from tests.fakes.discord_gateway import CHANNEL, DIRECT
from tests.fakes.discord_server import discord_service
from tests.fakes.telegram_server import Sent, TelegramServer, telegram
from tests.scenario.bots import BotFolder, ended
from tests.scenario.test_swap_running import edit_config, edit_registry, swapped

ADMIN, VIEWER = 1, 3
PER_SECOND = "72000"  # 20 candles of an hour in a second


@pytest.fixture
def bot(template: BotFolder, tmp_path: Path) -> BotFolder:
    """The bundled bot, with a chat, telling a viewer everything."""
    quick = {
        "LOLIGO__SWAP__PROBATION_S": "0.5",
        "LOLIGO__SWAP__SHADOW_S": "0.5",
        "LOLIGO__JOURNAL__COMMIT_EVERY_S": "0.05",
    }
    bot = template.copy(tmp_path / "bot", **quick)
    edit_registry(bot, lambda entries: [entry.update(enabled=True) for entry in entries if entry["name"] == "telegram"])
    return bot.edit(lambda config: config["feeds"][0]["settings"].update(since="2018-01-01", until="2019-07-01"))


@asynccontextmanager
async def talking(
    bot: BotFolder, *beside: dict[str, Any]
) -> AsyncIterator[tuple[TelegramServer, subprocess.Popen[str]]]:
    """Run the bot with Telegram, and with these interfaces beside it."""
    async with telegram(time.time) as server:
        settings = {**server.settings, "allowed": {"1": "admin", "3": "view"}, "chats": [{"chat": VIEWER}]}
        settings |= {"requests_per_minute": 1000}
        edit_config(
            bot, lambda config: config.update(interfaces=[{"tentacle": "telegram", "settings": settings}, *beside])
        )
        with bot.running("run", "--headless", "--speed", PER_SECOND) as process:
            await asyncio.to_thread(bot.wait_until, lambda status: status["next_seq"] > 50)
            await server.until(lambda: any("has started" in sent.text for sent in server.sent))  # told, not asked
            yield server, process


async def answer(
    server: TelegramServer, text: str, person: int = ADMIN, within_s: float = 10.0, begins: str = ""
) -> Sent:
    """Return what came then to that person; `begins` tells an answer from the notices of a chat that has them."""

    def answers() -> list[Sent]:
        own = [sent for sent in server.sent if sent.chat == str(person) and sent.id > begin]
        return [sent for sent in own if sent.text.startswith(begins)]

    begin = server.sent[-1].id if server.sent else 0
    await server.say(person, text)
    await server.until(lambda: bool(answers()), within_s=within_s)
    return answers()[0]


def resumed(server: TelegramServer) -> list[str]:
    """Return what was told of resumed desks."""
    return [sent.text for sent in server.sent if sent.chat == str(VIEWER) and "resumed by" in sent.text]


async def stopped(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGTERM)
    done = await asyncio.to_thread(ended, process)
    assert done.code == 0, done.err
    assert done.seconds < 20


def run(story: Callable[[], Awaitable[None]]) -> None:
    async def within() -> None:
        async with asyncio.timeout(120):
            await story()

    asyncio.run(within())


def test_a_bot_is_asked_switched_and_paused_from_a_chat_and_the_journal_knows_who_it_was(bot: BotFolder) -> None:
    async def story() -> None:
        async with talking(bot) as (server, process):
            await answer(server, "/status", VIEWER, begins="Status\n")
            refused = await answer(server, "/pause", VIEWER, begins="⛔")
            assert refused.text == "⛔ /pause is for the role trade, yours is view."
            listed = await answer(server, "/tentacles")
            await server.press(ADMIN, listed, "● on  macd")
            await server.until(lambda: "○ off  macd" in listed.labels or "○ off  macd" in str(server.sent[-1].text))
            assert (await answer(server, "/pause trend")).text.startswith("Pause\n")
            question = await answer(server, "/panic no-entries")
            await server.press(ADMIN, question, "Yes, do it")
            await server.until(lambda: any(sent.text.startswith("Panic") for sent in server.sent))
            await server.until(lambda: any("kill switch set to 1 by telegram:1" in s.text for s in server.sent))
            await stopped(process)

    run(story)
    commands = [record.input for record in bot.records() if isinstance(record.input, OperatorCommand)]
    assert [(command.kind.value, command.by) for command in commands] == [
        ("pause", "telegram:1"),
        ("panic", "telegram:1"),
    ]


@pytest.mark.parametrize("how", ["refuses", "hangs"])
def test_a_chat_service_that_is_dead_neither_stops_nor_holds_up_the_bot(bot: BotFolder, how: str) -> None:
    async def story() -> None:
        async with talking(bot) as (server, process):
            await answer(server, "/status")
            await server.say(ADMIN, "/pause trend")
            await server.until(lambda: server.requests["sendMessage"] >= 2)
            if how == "refuses":
                await server.stop()
            else:
                server.is_hanging = True
            seen = (await asyncio.to_thread(bot.wait_until, lambda status: True))["next_seq"]
            await asyncio.to_thread(bot.wait_until, lambda status: status["next_seq"] > seen + 200)
            status = await asyncio.to_thread(bot.wait_until, lambda status: True)
            assert status["edges"]["interfaces/telegram"]["state"] == "running"
            await stopped(process)

    run(story)


def test_what_happened_last_is_told_before_the_bot_ends(bot: BotFolder) -> None:
    async def story() -> None:
        async with talking(bot) as (server, process):
            for _ in range(5):
                await answer(server, "/pause trend")
                await answer(server, "/resume trend")
            await stopped(process)
            assert len(resumed(server)) == 5

    run(story)


def test_a_bot_is_asked_and_paused_from_discord(bot: BotFolder) -> None:
    edit_registry(bot, lambda entries: [entry.update(enabled=True) for entry in entries if entry["name"] == "discord"])

    async def story() -> None:
        async with discord_service() as server:
            settings = {**server.settings, "allowed": {"1": "admin"}, "chats": [{"chat": CHANNEL}]}
            edit_config(bot, lambda config: config.update(interfaces=[{"tentacle": "discord", "settings": settings}]))
            with bot.running("run", "--headless", "--speed", PER_SECOND) as process:
                await server.until(lambda: bool(server.sessions) and bool(server.commands), within_s=60)
                await asyncio.to_thread(bot.wait_until, lambda status: status["next_seq"] > 50)
                listed = await server.command(ADMIN, "tentacle.list", kind="evaluator")
                await server.until(lambda: bool(server.said_to(listed)))
                assert "● on  macd" in server.said_to(listed)[0].labels
                token = await server.command(ADMIN, "pause", target="trend")
                await server.until(lambda: bool(server.said_to(token)))
                assert server.said_to(token)[0].text.startswith("**Pause**")
                await server.until(lambda: bool(server.said_to(str(CHANNEL))))  # what happens is told there
                await stopped(process)

    run(story)
    commands = [record.input for record in bot.records() if isinstance(record.input, OperatorCommand)]
    assert [(command.kind.value, command.by) for command in commands] == [("pause", "discord:1")]


def test_an_entry_that_nobody_agrees_to_lapses_and_whoever_was_asked_hears_of_it(bot: BotFolder) -> None:
    bot.edit(lambda config: config["desks"]["trend"].update(consent_s=6 * 3600))  # 0.3 s at this pace

    async def story() -> None:
        async with talking(bot) as (server, process):

            def told(words: str) -> list[Sent]:
                return [sent for sent in server.sent if words in sent.text]

            await server.until(lambda: bool(told("nobody agreed in time")), within_s=60)
            asked = told("waits for your yes")[0]
            assert asked.labels[:2] == ["Yes, send it", "No"]
            await server.press(ADMIN, asked, "Yes, send it")
            await server.until(lambda: bool(told("it was answered, or its time is over")))
            await stopped(process)

    run(story)
    entries = [e for r in bot.records() for e in r.events if isinstance(e, OrderSubmitted) and e.desk == "trend"]
    assert entries == []


def test_a_swap_of_the_chat_loses_no_message_and_no_command(bot: BotFolder) -> None:
    async def story() -> None:
        async with talking(bot) as (server, process):
            assert (await answer(server, "/status")).text.startswith("Status\n")

            def exchange(config: dict[str, Any]) -> None:
                config["interfaces"][0]["settings"]["confirm_s"] = 30

            await asyncio.to_thread(edit_config, bot, exchange)
            told = asyncio.create_task(asyncio.to_thread(swapped, bot, "good"))
            count = 0
            while not told.done():
                count += 1
                kind = "pause" if count % 2 else "resume"
                assert (await answer(server, f"/{kind} trend")).text.startswith(kind.capitalize())
            assert "exchanges interfaces/telegram" in str((await told)["steps"])
            assert (await answer(server, "/status")).text.startswith("Status\n")
            await server.until(lambda: len(resumed(server)) >= count // 2)
            await stopped(process)
            assert count >= 2
            assert len(resumed(server)) == count // 2  # each told once

    run(story)


PROMISED = {  # what people type: how the answer begins
    **{one: one.capitalize() for one in ("status", "balance", "portfolio", "positions", "orders", "trades", "profit")},
    **{one: one.capitalize() for one in ("performance", "fees", "desks", "experiments", "risk", "locks", "backtests")},
    **{one: one.capitalize() for one in ("logs", "health", "version")},
    "profit week": "Profit",
    "profit month": "Profit",
    "tentacles": "Tentacle list",
    "ab": "Experiments",
    "why_nothing": "Why nothing",
    "toggle macd off": "Tentacle switch",
    "swap": "Tentacle apply",
    "rollback evaluator/macd": "Go back to the earlier version?",
    "pause trend": "Pause",
    "stop entries": "Pause",
    "resume": "Resume",
    "cancel trend-0": "Cancel\nno open order",
    "flatten": "Close all these positions at the market?",
    "panic": "Pull the kill switch?",
    "stop": "End the bot?",
    "backtest start since=2018-01-01 until=2018-01-10": "Backtest start",
    "backtest 1": "Backtest\n",
    "help": "Help\n/",
}


def test_every_command_that_people_are_promised_is_answered_by_a_running_bot_in_both_chats(bot: BotFolder) -> None:
    edit_registry(bot, lambda entries: [entry.update(enabled=True) for entry in entries if entry["name"] == "discord"])

    async def story() -> None:
        async with discord_service() as discord:
            settings = {**discord.settings, "allowed": {"1": "admin"}, "requests_per_minute": 1000}
            async with talking(bot, {"tentacle": "discord", "settings": settings}) as (server, process):
                await discord.until(lambda: bool(discord.sessions) and bool(discord.commands), within_s=60)
                seq = bot.asked("decisions", limit=1)["answer"]["decisions"][0]["seq"]
                promised = {**PROMISED, f"why_{seq}": "Why\n"}

                def in_telegram() -> list[str]:
                    return [sent.text for sent in server.sent if sent.chat == str(ADMIN)]

                def in_discord() -> list[str]:
                    return [sent.text.replace("**", "") for sent in discord.said_to(str(DIRECT))]

                say = partial(discord.say, channel=DIRECT, is_direct=True)
                await keeps_its_promises(promised, "/", server.say, in_telegram, server.until)
                await keeps_its_promises(promised, "!", say, in_discord, discord.until)
                assert {one.split()[0] for one in PROMISED} <= {one["name"] for one in discord.commands}
                await stopped(process)

    run(story)


async def keeps_its_promises(
    promised: Mapping[str, str],
    sign: str,
    say: Callable[[int, str], Awaitable[Any]],
    answers: Callable[[], list[str]],
    until: Callable[..., Awaitable[None]],
) -> None:
    """Type each command and check how the first message that comes then begins."""
    for command, begins in promised.items():
        known = len(answers())
        await say(ADMIN, f"{sign}{command}")
        await until(lambda known=known: len(answers()) > known, within_s=30)
        assert answers()[known].startswith(begins), (command, answers()[known:])
        if command == "help":
            await until(lambda known=known: any("/help command" in text for text in answers()[known:]))


def test_a_chart_of_a_running_bot_comes_as_a_picture(bot: BotFolder) -> None:
    async def story() -> None:
        async with talking(bot) as (server, process):
            sent = await answer(server, "/chart btc 4h", within_s=TIMEOUT_S)  # a bot's first looks through all fonts
            assert "Chart\ncoinbase:BTC/USD 4h:" in sent.text  # on a busy machine perhaps for the second time
            assert sent.picture.startswith(b"\x89PNG")
            assert 10_000 < len(sent.picture) < 200 * 1024
            listed = await answer(server, "/market")
            assert "coinbase:BTC/USD" in listed.text
            await stopped(process)

    run(story)
