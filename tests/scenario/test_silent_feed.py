"""A live feed that runs and brings nothing: told, on the page's health, and told again when it is back."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.quiet_feed import speak, with_quiet_feed
from tests.scenario.bots import LIMIT_S, BotFolder


@pytest.fixture
def bot(template: BotFolder, tmp_path: Path) -> BotFolder:
    return with_quiet_feed(template.copy(tmp_path / "bot", LOLIGO__LOG__LEVEL="error"), silent_s=0.5)


def until(bot: BotFolder, is_so: Callable[[list[dict[str, Any]]], bool]) -> list[str]:
    """Return what was told of feeds, the oldest first, once it is as wanted."""
    end = time.monotonic() + LIMIT_S
    while time.monotonic() < end:
        told = bot.asked("notifications", kinds=["feed_stale"])["answer"]["notifications"][::-1]
        if is_so(told):
            return [f"{one['level']}: {one['text']}" for one in told]
        time.sleep(0.05)
    raise AssertionError(f"it was not told: {told}; {bot.asked('status')['answer']['edges']}")


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
