"""What nobody wanted is told as a problem: an edge that does not work, and the end of the bot, with why."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sqlalchemy import text

from tests.fakes.hook_server import hook_server
from tests.fakes.tentacle_folder import write_registry, write_tentacle
from tests.scenario.bots import BotFolder, ended
from tests.scenario.test_swap_running import edit_registry

SULKS = """
from loligo.api import Factory, TentacleSettings, hookimpl

class Settings(TentacleSettings):
    pass

class Sulking:
    async def notify(self, message):
        raise ValueError("I do not like " + message.kind)

@hookimpl
def notifier() -> Factory:
    return Factory(settings=Settings, create=lambda settings, context: Sulking())
"""


def test_an_edge_that_fails_and_a_bot_that_dies_are_told_as_problems(template: BotFolder, tmp_path: Path) -> None:
    bot = template.copy(tmp_path / "bot", LOLIGO_WEBHOOK_SECRET="a secret", LOLIGO__JOURNAL__COMMIT_EVERY_S="0.05")
    write_tentacle(bot.home, "notifier", "sulking", code=SULKS)
    write_registry(bot.home)
    edit_registry(bot, lambda all_: [one.update(enabled=True) for one in all_ if one["name"] in ("webhook", "sulking")])

    async def story() -> None:
        async with hook_server() as server, asyncio.timeout(100):
            settings = {"url": server.address, "rules": [{"kinds": ["error", "stopped"], "level": "problem"}]}
            told = [{"tentacle": "sulking"}, {"tentacle": "webhook", "settings": settings}]
            bot.edit(lambda config: config.update(notifiers=told))
            with bot.running("run", "--headless", "--speed", "7200") as process:
                await server.until(1)
                with bot.database() as engine, engine.begin() as connection:
                    connection.execute(text("DROP TABLE journal_block"))  # as a disk that has gone
                done = await asyncio.to_thread(ended, process)
            assert done.code == 1
            broken, end = [one["data"] for one in server.taken]
        assert broken["text"].startswith("notifiers/sulking fails: ValueError: I do not like started")
        assert (end["kind"], end["level"]) == ("stopped", "problem")
        assert end["text"].startswith("Loligo stops: engine ended, ") and "journal" in end["text"]

    asyncio.run(story())
