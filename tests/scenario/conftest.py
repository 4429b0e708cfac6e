"""Bots for the scenarios: the bundled folder as `loligo init` makes it, and runs that nobody disturbed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.scenario.bots import BotFolder

SHORT_GROUPS = {"LOLIGO__JOURNAL__COMMIT_EVERY_RECORDS": "50", "LOLIGO__JOURNAL__SNAPSHOT_EVERY_RECORDS": "250"}


def every_mode(config: dict[str, Any]) -> None:
    """Let all bundled trading modes work on six weeks in which the market lost half of its value.

    The limits are the defaults, except for those that the modes' own READMEs ask for.
    """
    config["accounts"]["savings"] = {"deposits": {"USD": 20_000}}
    shared = {"account": "savings", "venue": "coinbase", "instruments": ["BTC/USD"], "capital": 10_000}
    shared |= {"evaluators": [{"tentacle": "rsi"}], "strategy": {"tentacle": "weighted_vote"}}
    config["desks"]["monthly"] = {**shared, "mode": {"tentacle": "dca"}}
    config["desks"]["ladder"] = {**shared, "mode": {"tentacle": "grid"}, "limits": {"max_trades_per_day": 200}}
    config["desks"]["dips"] |= {"venue": "coinbase", "instruments": ["BTC/USD"], "timeframe": "1h"}
    config["feeds"][0]["settings"] |= {"since": "2017-12-15", "until": "2018-01-25"}


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> BotFolder:
    """The folder that `loligo init` makes, never run."""
    home = tmp_path_factory.mktemp("bots") / "template"
    home.mkdir()
    bot = BotFolder(home)
    assert bot.call("init", str(home)).code == 0
    return bot


@pytest.fixture(scope="session")
def whole(template: BotFolder, tmp_path_factory: pytest.TempPathFactory) -> tuple[BotFolder, dict[str, Any]]:
    """The main job, undisturbed: the bundled configuration over all bundled candles, and its summary."""
    bot = template.copy(tmp_path_factory.mktemp("whole") / "bot")
    done = bot.call("run", "--headless")
    assert done.code == 0, done.err
    return bot, done.data


@pytest.fixture(scope="session")
def season_template(template: BotFolder, tmp_path_factory: pytest.TempPathFactory) -> BotFolder:
    """A folder with a desk of every trading mode over six weeks, never run."""
    return template.copy(tmp_path_factory.mktemp("season") / "template", **SHORT_GROUPS).edit(every_mode)


@pytest.fixture(scope="session")
def season(season_template: BotFolder, tmp_path_factory: pytest.TempPathFactory) -> BotFolder:
    """Six weeks of every trading mode, undisturbed."""
    bot = season_template.copy(tmp_path_factory.mktemp("season") / "undisturbed")
    done = bot.call("run", "--headless")
    assert done.code == 0, done.err
    return bot


@pytest.fixture
def new_season(season_template: BotFolder, tmp_path: Path) -> Callable[[str], BotFolder]:
    """Make folders like that of `season`, by name."""
    return lambda name: season_template.copy(tmp_path / name)
