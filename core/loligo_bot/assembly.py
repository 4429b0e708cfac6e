"""A bot put together from its folder: configuration, loaded tentacles, venues, engine and feeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from loligo.config import LoligoConfig, TentacleConfig, load_config
from loligo.engine.engine import Engine
from loligo.errors import ConfigError
from loligo.host import Host, LoadedTentacle, bundled_root
from loligo.model.command import SlotVersion
from loligo.ports.tentacles import Feed, HistoricalFeed, MakeContext
from loligo_bot.generation import Generation, make_generation
from loligo_kit.lock import admission
from loligo_store.config import JournalConfig

PARTS: Mapping[str, type[BaseModel]] = {"journal": JournalConfig}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bot:
    """Everything that one bot is made of, not running yet."""

    home: Path
    config: LoligoConfig
    journal_config: JournalConfig
    host: Host
    generation: Generation
    engine: Engine

    @property
    def loaded(self) -> tuple[LoadedTentacle, ...]:
        return self.generation.loaded

    @property
    def slots(self) -> tuple[SlotVersion, ...]:
        return self.generation.slots


def read_config(home: Path, *, file: Path | None = None) -> LoligoConfig:
    """Return the configuration of a bot folder, every part's section judged by its own class."""
    return load_config(home, bundled_root=bundled_root(), file=file, parts=PARTS)


def assemble(home: Path, config: LoligoConfig, *, keeps: bool = False) -> Bot:
    """Load the tentacles and build the engine. ConfigError or TentacleError says what is missing.

    `keeps` puts their content into the bot's store, for a journal that will name it.
    """
    if not config.desks:
        raise ConfigError(f"{home}/config/loligo.yaml: desks: nothing to trade with; see `loligo init` for an example")
    host = Host(home, bundled_root(), admission(home))
    host.load_all(keeps=keeps)
    generation = make_generation(config, host, keeps=keeps)
    return Bot(
        home=home,
        config=config,
        journal_config=JournalConfig.model_validate(config.journal),
        host=host,
        generation=generation,
        engine=Engine(generation.plan),
    )


def make_edge(bot: Bot, kind: str, item: TentacleConfig, overrides: Mapping[str, Any] | None = None) -> Any:
    """Return an instance of a tentacle of the edge (feed, notifier); `overrides` apply where its settings have them."""
    loaded = bot.host.factory(kind, item.tentacle)
    known = loaded.factory.settings.model_fields
    settings = {**item.settings, **{key: value for key, value in (overrides or {}).items() if key in known}}
    context = MakeContext(home=str(bot.home))
    return loaded.create(loaded.make_settings(settings, where=f"{kind}s.{item.tentacle}.settings"), context)


def make_feeds(bot: Bot, overrides: Mapping[str, Any] | None = None) -> dict[str, Feed]:
    """Return the configured feeds by name, in the order of the configuration."""
    return {item.name or item.tentacle: make_edge(bot, "feed", item, overrides) for item in bot.config.feeds}


def historical_feeds(bot: Bot, overrides: Mapping[str, Any] | None = None) -> dict[str, HistoricalFeed]:
    """Return the feeds that can be read without a clock. ConfigError when there is none."""
    feeds = make_feeds(bot, overrides)
    found: dict[str, HistoricalFeed] = {name: feed for name, feed in feeds.items() if isinstance(feed, HistoricalFeed)}
    if not found:
        raise ConfigError(
            f"feeds: a backtest reads historical feeds, such as replay; found none among: {', '.join(feeds) or 'none'}"
        )
    return found
