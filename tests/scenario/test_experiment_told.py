"""An A/B test as people hear of it: the day's line, the verdict, its card with figures and buttons, in two chats."""

from __future__ import annotations

import asyncio
import re
import signal
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from loligo.model.command import SwapEnded
from loligo.model.timeframe import DAY_NS, ns_from_iso
from loligo_bot.door.front_door import FrontDoor
from tests.fakes.discord_gateway import CHANNEL
from tests.fakes.discord_server import DiscordServer, discord_service
from tests.fakes.discord_server import Sent as DiscordSent
from tests.fakes.telegram_server import Sent, TelegramServer, telegram
from tests.scenario.bots import LIMIT_S, BotFolder, ended
from tests.scenario.canary import BRISK
from tests.scenario.test_chat import ADMIN, VIEWER
from tests.scenario.test_door import check_answer
from tests.scenario.test_experiments import FAST, hasty_and_calm
from tests.scenario.test_swap_running import edit_registry

DAILY = re.compile(
    r"^The day to (2018-\d\d-\d\d): equity [\d.]+ USD, result -?[\d.]+; tuned: Too early, day (\d+)$", re.M
)
VERDICT = re.compile(
    r"^\W*A/B test tuned: tuned\\?_b is better\. After \d+ days tuned\\?_b has earned [\d.]+ % a month more"
)


def with_chats(bot: BotFolder, server: TelegramServer, other: DiscordServer) -> None:
    """Let a viewer hear of days and verdicts in Telegram, a channel of verdicts in Discord; an admin asks in both."""

    def enabled(entries: list[dict[str, Any]]) -> None:
        for one in entries:
            one["enabled"] = one["enabled"] or one["name"] in ("telegram", "discord")

    rules = [{"kinds": ["verdict", "daily_summary"]}]
    told: dict[str, Any] = {"allowed": {"1": "admin", "3": "view"}, "chats": [{"chat": VIEWER, "rules": rules}]}
    heard: dict[str, Any] = {"allowed": {"1": "admin"}, "chats": [{"chat": CHANNEL, "rules": [{"kinds": ["verdict"]}]}]}
    chats = [
        {"tentacle": "telegram", "settings": {**server.settings, **told}},
        {"tentacle": "discord", "settings": {**other.settings, **heard}},
    ]
    edit_registry(bot, enabled)
    bot.edit(lambda config: config.update(interfaces=chats))


def test_a_test_is_told_of_every_day_and_at_its_verdict_and_promoted_by_a_button(
    template: BotFolder, tmp_path: Path
) -> None:
    bot = template.copy(tmp_path / "bot", **BRISK).edit(hasty_and_calm(0.02, 0.6))
    bot.edit(lambda config: config["feeds"][0]["settings"].update(until="2019-06-01"))
    seen: dict[str, Any] = {}

    async def story() -> None:
        async with asyncio.timeout(LIMIT_S), telegram(time.time) as server, discord_service() as other:
            with_chats(bot, server, other)
            with bot.running("run", "--headless", "--speed", FAST) as process:
                await server.until(lambda: bool(verdicts(server.sent)), within_s=LIMIT_S)
                await other.until(lambda: bool(verdicts(other.said_to(str(CHANNEL)))), within_s=LIMIT_S)
                seen["detail"] = await asyncio.to_thread(bot.asked, "experiment", name="tuned")
                await read_only(server)
                await asked_before_it_stops(other)
                await promoted(server)
                process.send_signal(signal.SIGTERM)
                assert (await asyncio.to_thread(ended, process)).code == 0
            seen["days"] = daily_lines(server)

    asyncio.run(story())
    begun = ns_from_iso("2018-01-02T00:00:00Z")  # the test began within the first of January
    assert len(seen["days"]) > 20  # of 27 that a verdict needs
    for date, day in seen["days"][1:]:
        assert day == (ns_from_iso(f"{date}T00:00:00Z") - begun) // DAY_NS
    swaps = [record.input for record in bot.records() if isinstance(record.input, SwapEnded)]
    assert (swaps[-1].by, swaps[-1].result.value) == ("telegram:1", "good")
    check_answer(seen["detail"], FrontDoor().verbs["experiment"])
    figures_are_those_of_the_trades(bot, seen["detail"]["answer"])


def daily_lines(server: TelegramServer) -> list[tuple[str, int]]:
    found = [DAILY.search(one.text) for one in server.sent if one.chat == str(VIEWER)]
    return [(match[1], int(match[2])) for match in found if match]


def verdicts(said: list[Any]) -> list[Any]:
    return [one for one in said if VERDICT.search(one.text)]


async def read_only(server: TelegramServer) -> None:
    """Whoever may only read gets list and card without a button that changes anything."""
    told: Sent = verdicts(server.sent)[0]
    assert (told.chat, told.labels) == (str(VIEWER), ["Show the test"])
    assert "/experiments" in told.text
    listed = await asked(server, VIEWER, "/ab", "Experiments")
    assert listed.text.startswith("Experiments\ntuned: tuned_b is better (day ")
    assert listed.labels == ["tuned: tuned_b is better"]
    card = await pressed(server, VIEWER, told, "Show the test")
    assert card.text.startswith("Experiment\ntuned: tuned_b is better") and card.labels == []
    assert re.search(r"B tuned_b: Sharpe ratio -?[\d.]+ \(-?[\d.]+ to -?[\d.]+\), Sharpe ratio above A's", card.text)
    assert "Trades won" in card.text and "never decide" in card.text


async def asked(server: TelegramServer, person: int, text: str, starts: str) -> Sent:
    """Write to the bot and return what it says to that; it tells the viewer of days, too."""
    return await said(server, person, server.say(person, text), starts)


async def pressed(server: TelegramServer, person: int, message: Sent, label: str, starts: str = "Experiment\n") -> Sent:
    """Press a button and return what is said to it."""
    return await said(server, person, server.press(person, message, label), starts)


async def said(server: TelegramServer, person: int, asking: Coroutine[Any, Any, None], starts: str) -> Sent:
    begin = server.sent[-1].id

    def new() -> list[Sent]:
        told = [one for one in server.sent if one.id > begin and one.chat == str(person)]
        return [one for one in told if one.text.startswith(starts)]

    await asking
    await server.until(lambda: bool(new()), within_s=LIMIT_S)
    return new()[0]


async def asked_before_it_stops(other: DiscordServer) -> None:
    """The same in Discord, by its menu; a no leaves the test as it is."""
    assert "ab" in {command["name"] for command in other.commands}
    listed = await said_to(other, await other.command(ADMIN, "ab"))
    card = await said_to(other, await other.press(ADMIN, listed, "tuned: tuned_b is better"))
    assert card.labels == ["Promote tuned_b", "Stop the test"]
    question = await said_to(other, await other.press(ADMIN, card, "Stop the test"))
    assert "End this A/B test?" in question.text and question.labels == ["Yes, do it", "No"]
    left = await said_to(other, await other.press(ADMIN, question, "No"))
    assert "Not done" in left.text


async def said_to(other: DiscordServer, token: str) -> DiscordSent:
    await other.until(lambda: bool(other.said_to(token)), within_s=LIMIT_S)
    return other.said_to(token)[0]


async def promoted(server: TelegramServer) -> None:
    listed = await asked(server, ADMIN, "/experiments", "Experiments")
    card = await pressed(server, ADMIN, listed, "tuned: tuned_b is better")
    assert card.labels == ["Promote tuned_b", "Stop the test"]
    question = await pressed(server, ADMIN, card, "Promote tuned_b", "Let the challenger's strategy take over")
    done = await pressed(server, ADMIN, question, "Yes, do it", "Experiment promote")
    assert "trend runs what tuned_b runs" in done.text and "override" not in done.text
    applied = await asked(server, ADMIN, "/swap", "Tentacle apply")  # the bot does not watch its files here
    assert "good" in applied.text, applied.text


def figures_are_those_of_the_trades(bot: BotFolder, detail: dict[str, Any]) -> None:
    """Held against the trades of the journal that closed on the days of the test."""
    for arm in detail["arms"]:
        figures = {one["name"]: one for one in arm["figures"]}
        assert {"sharpe", "sortino", "calmar", "drawdown", "turnover", "win_rate", "profit_factor"} <= figures.keys()
        assert ("sharpe_difference" in figures) == (arm["letter"] == "B")
        first, last = arm["curve"][0][0] * 1_000_000 - DAY_NS, arm["curve"][-1][0] * 1_000_000
        trades = [row for row in bot.rows()["trades"] if row["desk"] == arm["name"] and first < row["ts"] <= last]
        nets = [float(row["net"]) * row["quote_rate"] for row in trades]
        assert len(nets) == arm["trades"] > 20
        won, factor = figures["win_rate"], figures["profit_factor"]
        assert won["value"] == sum(net > 0 for net in nets) / len(nets)
        assert won["low"] < won["value"] < won["high"]
        gained, lost = sum(net for net in nets if net > 0), -sum(net for net in nets if net < 0)
        assert abs(factor["value"] - gained / lost) < 1e-9 * factor["value"]
        assert factor["low"] < factor["value"] < factor["high"]
