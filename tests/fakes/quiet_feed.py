"""A live feed that brings a candle when a test says so, and else nothing."""

from __future__ import annotations

import json

from tests.fakes.tentacle_folder import write_registry, write_tentacle
from tests.scenario.bots import BotFolder

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


def with_quiet_feed(bot: BotFolder, silent_s: float) -> BotFolder:
    """Let a bot have that feed alone, one that is silent after so many seconds, with a first candle."""
    bot.environment["LOLIGO__HEALTH__FEED_SILENT_S"] = str(silent_s)
    write_tentacle(bot.home, "feed", "quiet", code=FEED, manifest={"permissions": '["files"]'})
    file = write_registry(bot.home)
    content = json.loads(file.read_text())
    entry = next(one for one in content["tentacles"] if one["name"] == "quiet")
    entry |= {"permissions": ["files"], "enabled": True}
    file.write_text(json.dumps(content))
    (bot.home / "candles").write_text("1")
    return bot.edit(lambda config: config.update(feeds=[{"tentacle": "quiet"}]))


def speak(bot: BotFolder) -> bool:
    """Let one candle come."""
    with (bot.home / "candles").open("a") as file:
        return bool(file.write("1"))
