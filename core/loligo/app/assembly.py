"""A bot put together from its folder: configuration, loaded tentacles, venues, engine and feeds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from loligo.app.plan import build_plan, build_venues, slots_of
from loligo.config import LoligoConfig, TentacleConfig, load_config
from loligo.engine.engine import Engine
from loligo.errors import ConfigError
from loligo.host import Host, LoadedTentacle, bundled_root
from loligo.model.command import SlotVersion
from loligo.ports.tentacles import HistoricalFeed, MakeContext
from loligo.ports.venue import EngineVenue
from loligo_store.config import JournalConfig

PARTS: Mapping[str, type[BaseModel]] = {"journal": JournalConfig}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bot:
    """Everything that one bot is made of, not running yet."""

    home: Path
    config: LoligoConfig
    journal_config: JournalConfig
    host: Host
    loaded: tuple[LoadedTentacle, ...]
    venues: Mapping[str, EngineVenue]
    engine: Engine
    slots: tuple[SlotVersion, ...]


def read_config(home: Path, *, file: Path | None = None) -> LoligoConfig:
    """Return the configuration of a bot folder, every part's section judged by its own class."""
    return load_config(home, bundled_root=bundled_root(), file=file, parts=PARTS)


def assemble(home: Path, config: LoligoConfig) -> Bot:
    """Load the tentacles and build the engine. ConfigError or TentacleError says what is missing."""
    if not config.desks:
        raise ConfigError(f"{home}/config/loligo.yaml: desks: nothing to trade with; see `loligo init` for an example")
    host = Host(home, bundled_root())
    loaded = host.load_all()
    venues = build_venues(config, host)
    return Bot(
        home=home,
        config=config,
        journal_config=JournalConfig.model_validate(config.journal),
        host=host,
        loaded=loaded,
        venues=venues,
        engine=Engine(build_plan(config, host, venues)),
        slots=slots_of(config, loaded),
    )


def make_edge(bot: Bot, kind: str, item: TentacleConfig, overrides: Mapping[str, Any] | None = None) -> Any:
    """Return an instance of a tentacle of the edge (feed, notifier); `overrides` apply where its settings have them."""
    loaded = bot.host.factory(kind, item.tentacle)
    known = loaded.factory.settings.model_fields
    settings = {**item.settings, **{key: value for key, value in (overrides or {}).items() if key in known}}
    context = MakeContext(home=str(bot.home))
    return loaded.create(loaded.make_settings(settings, where=f"{kind}s.{item.tentacle}.settings"), context)


def historical_feed(bot: Bot, overrides: Mapping[str, Any] | None = None) -> HistoricalFeed:
    """Return the one feed that can be read without a clock. ConfigError when there is none, or more than one."""
    feeds = [make_edge(bot, "feed", item, overrides) for item in bot.config.feeds]
    found = [feed for feed in feeds if isinstance(feed, HistoricalFeed)]
    if len(found) != 1:
        names = ", ".join(item.tentacle for item in bot.config.feeds) or "none"
        raise ConfigError(
            f"feeds: a backtest reads exactly one historical feed, such as replay, which merges any number of sources; "
            f"found {len(found)} among: {names}"
        )
    return found[0]
