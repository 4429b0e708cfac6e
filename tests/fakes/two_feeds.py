"""Two live feeds, each of one market, that bring a candle for each byte of a file of theirs."""

from __future__ import annotations

import json

from tests.fakes.tentacle_folder import write_registry, write_tentacle
from tests.scenario.bots import BotFolder

NAMES = {"prompt": "coinbase:BTC/USD", "behind": "bitstamp:ETH/USD"}
STEP_NS = 10_000_000  # between two candles of a feed

# Its time begins with the bot's first start. It gives nothing twice, by the cursor alone.
FEED = """
import asyncio
from pathlib import Path
from loligo.api import Candle, Factory, TentacleSettings, hookimpl

MINUTE_NS, STEP_NS = 60_000_000_000, {step_ns}

class Settings(TentacleSettings):
    pass

class Live:
    def __init__(self, settings, context):
        self.file, self.begin = Path(context.home, "{name}"), Path(context.home, "begin")

    async def run(self, inbox, *, since_ns, since_count):
        if not self.begin.exists():
            self.begin.write_text(str(since_ns))
        begin_ns, number = int(self.begin.read_text()), 0
        while True:
            while len(self.file.read_bytes()) > number:
                number += 1
                closed_ns = begin_ns + number * STEP_NS
                if closed_ns > since_ns:
                    opened_ns = closed_ns - MINUTE_NS
                    await inbox.put(Candle("{instrument}", "1m", opened_ns, closed_ns, 9.0, 9.5, 8.5, 9.0, 1.0))
            await asyncio.sleep(0.005)

@hookimpl
def feed() -> Factory:
    return Factory(settings=Settings, create=Live)
"""


def with_two_feeds(bot: BotFolder, feed: str = FEED) -> BotFolder:
    """Let a bot have those two alone, or another feed twice."""
    for name, instrument in NAMES.items():
        code = feed.format(name=name, instrument=instrument, step_ns=STEP_NS)
        write_tentacle(bot.home, "feed", name, code=code, manifest={"permissions": '["files"]'})
        (bot.home / name).write_text("")
    file = write_registry(bot.home)
    content = json.loads(file.read_text())
    for entry in content["tentacles"]:
        if entry["name"] in NAMES:
            entry |= {"permissions": ["files"], "enabled": True}
    file.write_text(json.dumps(content))
    return bot.edit(lambda config: config.update(feeds=[{"tentacle": name} for name in NAMES]))


def bring(bot: BotFolder, name: str, count: int, how: str = "1") -> None:
    """Let one of them bring so many more candles."""
    with (bot.home / name).open("a") as file:
        file.write(how * count)
