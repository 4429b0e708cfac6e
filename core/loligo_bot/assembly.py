"""A bot put together from its folder: configuration, loaded tentacles, venues, engine and feeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loligo.config import LoligoConfig
from loligo.config.layers import Setting
from loligo.engine.engine import Engine
from loligo.errors import ConfigError
from loligo.host import Host, LoadedTentacle
from loligo.model.command import SlotVersion
from loligo.ports.tentacles import Feed, HistoricalFeed
from loligo.registry.registry_file import Registry
from loligo_bot.edge_plan import FEED, edge_plans
from loligo_bot.generation import Generation, make_generation
from loligo_bot.health.config import HealthConfig
from loligo_bot.health.wanted import NOTHING_OFF, KeptOff, Wanted, load_wanted
from loligo_bot.settings_check import check_tentacle_settings
from loligo_store.config import JournalConfig


@dataclass(slots=True, kw_only=True)
class Bot:
    """Everything that one bot is made of; `generation` is what runs, or is to run first."""

    home: Path
    config: LoligoConfig
    journal_config: JournalConfig
    health_config: HealthConfig
    wanted: Wanted
    host: Host
    generation: Generation
    engine: Engine

    @property
    def loaded(self) -> tuple[LoadedTentacle, ...]:
        return self.generation.loaded

    @property
    def slots(self) -> tuple[SlotVersion, ...]:
        return self.generation.slots


def assemble(
    home: Path,
    config: LoligoConfig,
    *,
    file: Path | None = None,
    keeps: bool = False,
    off: KeptOff = NOTHING_OFF,
    registry: Registry | None = None,
    settings: Setting | None = None,
) -> Bot:
    """Load the tentacles and build the engine. ConfigError or TentacleError says what is missing.

    `file` is what `config` was read from in place of the home's own, `off` what health keeps off. `keeps` puts the
    content of the tentacles into the bot's store, for a journal that will name it. `registry` stands in for the home's
    own, `settings` for its file.
    """
    if not config.desks:
        raise ConfigError(f"{home}/config/loligo.yaml: desks: nothing to trade with; see `loligo init` for an example")
    host, wanted = load_wanted(home, config, off, keeps=keeps, registry=registry)
    check_tentacle_settings(home, config, host, file=file, settings=settings)
    generation = make_generation(config, host, keeps=keeps)
    return Bot(
        home=home,
        config=config,
        journal_config=JournalConfig.model_validate(config.journal),
        health_config=HealthConfig.model_validate(config.health),
        wanted=wanted,
        host=host,
        generation=generation,
        engine=Engine(generation.plan),
    )


def make_feeds(bot: Bot, overrides: Mapping[str, Any] | None = None) -> dict[str, Feed]:
    """Return the feeds that are on by name, in the order of the configuration; `overrides` as in `edge_plans`."""
    plans = edge_plans(bot.config, bot.host, str(bot.home), overrides, kinds=(FEED,))
    return {plan.name: plan.make() for plan in plans}


def historical_feeds(bot: Bot, overrides: Mapping[str, Any] | None = None) -> dict[str, HistoricalFeed]:
    """Return the feeds that can be read without a clock. ConfigError when there is none."""
    feeds = make_feeds(bot, overrides)
    found: dict[str, HistoricalFeed] = {name: feed for name, feed in feeds.items() if isinstance(feed, HistoricalFeed)}
    if not found:
        raise ConfigError(
            f"feeds: a backtest reads historical feeds, such as replay; found none among: {', '.join(feeds) or 'none'}"
        )
    return found
