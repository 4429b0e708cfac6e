"""What is read while somebody writes counts for nothing, not even as a fault."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from loligo.config import LoligoConfig
from loligo.errors import LoligoError
from loligo.host import Host
from loligo_bot.desired import Desired
from loligo_bot.generation import Generation
from loligo_bot.health.monitor import Monitor
from loligo_bot.health.wanted import load_wanted
from tests.scenario.bots import BotFolder


class AnEditor:
    """Loads as the bot does; the first time somebody has the registry half written, and goes on when it was read."""

    def __init__(self, home: Path, *, goes_on: bool = True) -> None:
        self._home, self._goes_on = home, goes_on
        self.loads = 0

    def load(self, read: Callable[[], LoligoConfig], *, by: str) -> tuple[LoligoConfig, Host]:
        self.loads += 1
        registry = self._home / "tentacle_registry.json"
        whole = registry.read_bytes()
        if self.loads > 1:
            return read(), load_wanted(self._home, read(), keeps=True)[0]
        registry.write_bytes(whole[:100])
        try:
            return read(), load_wanted(self._home, read(), keeps=True)[0]
        finally:
            if self._goes_on:
                registry.write_bytes(whole)


def read(home: Path, editor: AnEditor) -> Generation:
    desired = Desired(home, cast(Monitor, editor), lambda: None)

    async def once() -> Generation:
        with desired.watched({}, lambda: None):
            return await asyncio.to_thread(desired.generation)

    return asyncio.run(once())


def test_a_fault_of_a_file_that_is_half_written_is_none_and_the_file_is_read_again(
    template: BotFolder, tmp_path: Path
) -> None:
    bot = template.copy(tmp_path / "bot")
    editor = AnEditor(bot.home)
    generation = read(bot.home, editor)
    assert editor.loads == 2 and "strategy weighted_vote" in generation.code()
    generation.host.let_go()


def test_a_file_that_is_wrong_and_stays_as_it_is_is_named(template: BotFolder, tmp_path: Path) -> None:
    bot = template.copy(tmp_path / "bot")
    registry = bot.home / "tentacle_registry.json"
    registry.write_bytes(registry.read_bytes()[:100])
    with pytest.raises(LoligoError, match=r"tentacle_registry\.json"):
        read(bot.home, AnEditor(bot.home, goes_on=False))
