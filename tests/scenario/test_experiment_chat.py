"""A new version of a strategy is tried from a chat, wins, and is promoted, on a tape that runs fast."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from loligo.model.command import Noted, SwapEnded
from tests.fakes.telegram_server import TelegramServer, telegram
from tests.scenario.bots import LIMIT_S, BotFolder, ended
from tests.scenario.canary import (
    BRISK,
    at_every_whim,
    held_through_the_last_flip,
    own_strategy,
    save_calmer_version,
    still_with_a_position,
)
from tests.scenario.test_chat import ADMIN, answer
from tests.scenario.test_swap_running import edit_registry

FAST = 1_500_000.0  # seventeen days of the data a second


def prepared(bot: BotFolder) -> None:
    """A desk that trades at every whim, by code that somebody works on; a chat; nothing is taken up by itself."""
    own_strategy(bot)

    def with_chat(entries: list[dict[str, Any]]) -> None:
        for one in entries:
            one["enabled"] = one["enabled"] or one["name"] == "telegram"

    edit_registry(bot, with_chat)
    bot.edit(at_every_whim)
    bot.edit(lambda config: config["feeds"][0]["settings"].update(speed=FAST))


@asynccontextmanager
async def talking(bot: BotFolder) -> AsyncIterator[tuple[TelegramServer, subprocess.Popen[str]]]:
    async with telegram(time.time) as server:
        settings = {**server.settings, "allowed": {"1": "admin"}}
        settings["requests_per_minute"] = 1_000
        bot.edit(lambda config: config.update(interfaces=[{"tentacle": "telegram", "settings": settings}]))
        with bot.running("run", "--headless") as process:
            await asyncio.to_thread(bot.wait_until, lambda status: status["next_seq"] > 1_000)
            yield server, process


async def until_it_says(server: TelegramServer, question: str, words: str) -> str:
    """Ask until these words are in the answer; return it."""
    while words not in (text := (await answer(server, question)).text):
        assert "Stopped" not in text and "Invalid" not in text, text
        await asyncio.sleep(0.2)
    return text


def until_it_is_noted(bot: BotFolder, name: str) -> None:
    """Return once the journal tells of a verdict: whoever asks may know it a moment before."""
    until = time.monotonic() + LIMIT_S
    while not bot.asked("experiment", name=name)["answer"]["verdicts"]:
        assert time.monotonic() < until
        time.sleep(0.2)


def test_a_version_is_tried_wins_and_is_promoted_from_a_chat(template: BotFolder, tmp_path: Path) -> None:
    bot = template.copy(tmp_path / "bot", **BRISK)
    prepared(bot)

    async def story() -> None:
        async with asyncio.timeout(200), talking(bot) as (server, process):
            save_calmer_version(bot)
            began = await answer(server, "/swap how=experiment days=21")
            assert "experiment weighted_vote_" in began.text, began.text
            name = next(word for word in began.text.split() if word.startswith("weighted_vote_"))
            early = await confirmed(server, f"/experiment promote {name}")
            assert "no challenger has won" in early, early
            judged = await until_it_says(server, f"/experiment {name}", f"{name}_b is better")
            assert "has earned" in judged
            await asyncio.to_thread(until_it_is_noted, bot, name)
            held = await asyncio.to_thread(still_with_a_position, bot)
            done = await confirmed(server, f"/experiment promote {name} override=true")
            assert f"trend runs what {name}_b runs" in done and "override" not in done  # it has won: there is none
            applied = await answer(server, "/swap")
            assert "good" in applied.text, applied.text
            (after,) = (await asyncio.to_thread(bot.asked, "positions", desk="trend"))["answer"]["positions"]
            assert all(after[key] == held[key] for key in ("quantity", "average_entry", "opened_at"))
            process.send_signal(signal.SIGTERM)
            assert (await asyncio.to_thread(ended, process)).code == 0

    asyncio.run(story())
    records = bot.records()
    told = [record.input for record in records if isinstance(record.input, Noted)]
    assert "challenger_better" in [note.facts["verdict"] for note in told if note.kind == "verdict"]
    swaps = [record.input for record in records if isinstance(record.input, SwapEnded)]
    assert swaps[-1].by == "telegram:1"
    assert any(line.startswith("strategy/weighted_vote ") for line in swaps[-1].changed)
    assert held_through_the_last_flip(records)


async def confirmed(server: TelegramServer, text: str) -> str:
    """Ask what wants a yes, give it, and return what came of it."""
    question = await answer(server, text)

    def results() -> list[str]:
        return [one.text for one in server.sent if one.id > question.id and not one.text.startswith("Confirmed")]

    await server.press(ADMIN, question, "Yes, do it")
    await server.until(lambda: bool(results()))
    return results()[-1]
