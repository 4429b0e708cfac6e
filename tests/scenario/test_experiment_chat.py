"""A new version of a strategy is tried, judged and promoted from a chat, on a tape that runs fast."""

from __future__ import annotations

import asyncio
import shutil
import signal
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from loligo.model.command import GenerationActivated, Noted, SwapEnded
from loligo.model.events import PositionChanged
from tests.fakes.telegram_server import TelegramServer, telegram
from tests.scenario.bots import ROOT, BotFolder, ended
from tests.scenario.test_chat import ADMIN, answer
from tests.scenario.test_swap_running import edit_registry, rewrite

FAST = "1500000"  # seventeen days of the data a second
VOTE = Path("tentacles/strategies/weighted_vote")


def with_a_strategy_of_its_own(bot: BotFolder) -> None:
    """Let the folder hold the code of weighted_vote, as one that somebody works on; take up nothing by itself."""
    shutil.copytree(ROOT / VOTE, bot.home / VOTE, ignore=shutil.ignore_patterns("__pycache__"))

    def own(entries: list[dict[str, Any]]) -> None:
        (entry,) = (one for one in entries if (one["kind"], one["name"]) == ("strategy", "weighted_vote"))
        entry["source"] = "local"
        del entry["tree_hash"]
        for one in entries:
            one["enabled"] = one["enabled"] or one["name"] == "telegram"

    edit_registry(bot, own)
    bot.edit(lambda config: config["desks"].pop("dips"))


@asynccontextmanager
async def talking(bot: BotFolder) -> AsyncIterator[tuple[TelegramServer, subprocess.Popen[str]]]:
    async with telegram(time.time) as server:
        settings = {**server.settings, "allowed": {"1": "admin"}}
        settings["requests_per_minute"] = 1_000
        bot.edit(lambda config: config.update(interfaces=[{"tentacle": "telegram", "settings": settings}]))
        with bot.running("run", "--headless", "--speed", FAST) as process:
            await asyncio.to_thread(bot.wait_until, lambda status: status["next_seq"] > 1_000)
            yield server, process


async def past(server: TelegramServer, question: str, words: str) -> str:
    """Ask until the answer holds these words no more; return it."""
    while words in (text := (await answer(server, question)).text):
        await asyncio.sleep(0.2)
    return text


def test_a_version_is_tried_judged_and_promoted_from_a_chat(template: BotFolder, tmp_path: Path) -> None:
    quick = {"LOLIGO__SWAP__WATCH": "false", "LOLIGO__JOURNAL__COMMIT_EVERY_S": "0.05"}
    bot = template.copy(tmp_path / "bot", **quick)
    with_a_strategy_of_its_own(bot)

    async def story() -> None:
        async with asyncio.timeout(200), talking(bot) as (server, process):
            rewrite(bot, VOTE / "logic.py", "settings.entry_threshold, ", "settings.entry_threshold * 1.2, ")
            began = await answer(server, "/swap how=experiment days=21")
            assert "experiment weighted_vote_" in began.text, began.text
            name = next(word for word in began.text.split() if word.startswith("weighted_vote_"))
            judged = await past(server, f"/experiment {name}", "Too early")
            assert "B " in judged
            assert "no challenger has won" in (await confirmed(server, f"/experiment promote {name}"))
            assert "an override" in (await confirmed(server, f"/experiment promote {name} override=true"))
            applied = await answer(server, "/swap")
            assert "good" in applied.text, applied.text
            process.send_signal(signal.SIGTERM)
            assert (await asyncio.to_thread(ended, process)).code == 0

    asyncio.run(story())
    records = bot.records()
    told = [record.input for record in records if isinstance(record.input, Noted)]
    assert told[0].facts["verdict"] != "too_early"
    swaps = [record.input for record in records if isinstance(record.input, SwapEnded)]
    assert swaps[-1].by == "telegram:1"
    assert any(line.startswith("strategy/weighted_vote ") for line in swaps[-1].changed)
    flips = [record for record in records if isinstance(record.input, GenerationActivated)]
    assert not [event for event in flips[-1].events if isinstance(event, PositionChanged)]


async def confirmed(server: TelegramServer, text: str) -> str:
    """Ask what wants a yes, give it, and return what came of it."""
    question = await answer(server, text)

    def results() -> list[str]:
        return [one.text for one in server.sent if one.id > question.id and not one.text.startswith("Confirmed")]

    await server.press(ADMIN, question, "Yes, do it")
    await server.until(lambda: bool(results()))
    return results()[-1]
