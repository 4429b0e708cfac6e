"""A live feed that runs and brings nothing: told, on the page's health, and told again when it is back."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.tentacle_folder import write_registry, write_tentacle
from tests.scenario.bots import LIMIT_S, BotFolder

# It brings a candle for each byte of a file, and else nothing.
FEED = """
import asyncio
from pathlib import Path
from loligo.api import Candle, Factory, TentacleSettings, hookimpl

HOUR_NS = 3_600_000_000_000

class Settings(TentacleSettings):
    pass

class Quiet:
    def __init__(self, settings, context):
        self.file = Path(context.home, "candles")

    async def run(self, inbox, *, since_ns, since_count):
        for number in range(1, 1_000_000):
            while len(self.file.read_bytes()) < number:
                await asyncio.sleep(0.01)
            closed_ns = since_ns + number * 1_000_000_000
            await inbox.put(Candle("coinbase:BTC/USD", "1h", closed_ns - HOUR_NS, closed_ns, 9.0, 9.0, 9.0, 9.0, 1.0))

@hookimpl
def feed() -> Factory:
    return Factory(settings=Settings, create=Quiet)
"""


@pytest.fixture
def bot(template: BotFolder, tmp_path: Path) -> BotFolder:
    bot = template.copy(tmp_path / "bot", LOLIGO__HEALTH__FEED_SILENT_S="0.5", LOLIGO__LOG__LEVEL="error")
    write_tentacle(bot.home, "feed", "quiet", code=FEED, manifest={"permissions": '["files"]'})
    file = write_registry(bot.home)
    content = json.loads(file.read_text())
    entry = next(one for one in content["tentacles"] if one["name"] == "quiet")
    entry |= {"permissions": ["files"], "enabled": True}
    file.write_text(json.dumps(content))
    bot.edit(lambda config: config.update(feeds=[{"tentacle": "quiet"}]))
    (bot.home / "candles").write_text("1")
    return bot


def until(bot: BotFolder, is_so: Callable[[list[dict[str, Any]]], bool]) -> list[str]:
    """Return what was told of feeds, the oldest first, once it is as wanted."""
    end = time.monotonic() + LIMIT_S
    while time.monotonic() < end:
        told = bot.asked("notifications", kinds=["feed_stale"])["answer"]["notifications"][::-1]
        if is_so(told):
            return [f"{one['level']}: {one['text']}" for one in told]
        time.sleep(0.05)
    raise AssertionError(f"it was not told: {told}; {bot.asked('status')['answer']['edges']}")


def speak(bot: BotFolder) -> bool:
    """Let one candle come."""
    with (bot.home / "candles").open("a") as file:
        return bool(file.write("1"))


def test_a_feed_that_falls_silent_is_told_and_its_return_too(bot: BotFolder) -> None:
    with bot.running("run", "--headless"):
        bot.wait_until(bool)
        silent = until(bot, lambda told: len(told) == 1)
        status = bot.asked("status")["answer"]["edges"]["feeds/quiet"]
        problems = bot.asked("health")["answer"]["problems"]
        back = until(bot, lambda told: speak(bot) and len(told) > 1)
    assert silent[0].startswith("problem: feeds/quiet is silent: nothing came for ")
    assert silent[0].endswith("silent after 0 s")
    assert status["state"] == "silent"
    assert [(one["problem"], one["tentacle"]) for one in problems] == [("feed silent", "feeds/quiet")]
    assert back[1] == "info: feeds/quiet works again"
