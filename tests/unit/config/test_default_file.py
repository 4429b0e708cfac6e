"""`config/loligo.yaml` is the reference of all settings: it holds every one of them, with its default."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from decimal import Decimal
from enum import Enum
from typing import Any

import pytest
from pydantic import BaseModel
from ruamel.yaml import YAML

from loligo.config import check_settings, read_settings
from loligo.config.schema import (
    AccountConfig,
    BotConfig,
    DeskConfig,
    EngineConfig,
    EvaluatorConfig,
    FeedConfig,
    InstrumentConfig,
    LogConfig,
    LoligoConfig,
    SwapConfig,
    VenueConfig,
)
from loligo.model.risk import AccountLimits, DeskLimits
from loligo_bot.health.config import HealthConfig
from loligo_bot.jobs.config import JobsConfig
from loligo_kit.config import InstallConfig
from loligo_store.config import JournalConfig
from tentacles.venues.simulated.settings import SimulatedVenueSettings

from .conftest import PARTS, REPOSITORY

FILE = REPOSITORY / "config" / "loligo.yaml"
SETTING = re.compile(r"^(\s*(?:- )?)#(?=\w+:)", re.MULTILINE)
PLACES = [
    (LoligoConfig, ""),
    (BotConfig, "bot"),
    (VenueConfig, "venues.coinbase"),
    (InstrumentConfig, "venues.coinbase.instruments.BTC/USD"),
    (SimulatedVenueSettings, "venues.coinbase.fills"),
    (AccountConfig, "accounts.paper"),
    (AccountLimits, "accounts.paper.limits"),
    (DeskConfig, "desks.trend"),
    (DeskLimits, "desks.trend.limits"),
    (EvaluatorConfig, "desks.trend.evaluators.0"),
    (FeedConfig, "feeds.0"),
    (JournalConfig, "journal"),
    (EngineConfig, "engine"),
    (SwapConfig, "swap"),
    (HealthConfig, "health"),
    (JobsConfig, "jobs"),
    (InstallConfig, "install"),
    (LogConfig, "log"),
]


def defaults(kind: Any) -> dict[str, Any]:
    """Return each field with its default, as YAML would hold it; ... where there is none."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        found = {
            name: ... if info.is_required() else info.get_default(call_default_factory=True)
            for name, info in kind.model_fields.items()
        }
    else:
        found = {item.name: item.default for item in fields(kind)}
    return {name: plain(value) for name, value in found.items()}


def plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):
        return [plain(inner) for inner in value]
    return value


def at(tree: Any, place: str) -> Any:
    for part in filter(None, place.split(".")):
        tree = tree[int(part)] if part.isdigit() else tree[part]
    return tree


@pytest.fixture(scope="module")
def everything() -> Any:
    """The file as it would be with every commented setting live."""
    return YAML(typ="safe", pure=True).load(SETTING.sub(r"\1", FILE.read_text(encoding="utf-8")))


@pytest.mark.parametrize(("kind", "place"), PLACES, ids=lambda value: getattr(value, "__name__", value))
def test_file_holds_every_field_of_every_class(everything: Any, kind: Any, place: str) -> None:
    assert set(at(everything, place)) == set(defaults(kind))


def commented() -> Iterator[tuple[str, str]]:
    """Yield each commented setting as (place, key); the place follows from the indentation above it."""
    above: list[tuple[int, str]] = []
    indexes: dict[str, int] = {}
    for line in FILE.read_text(encoding="utf-8").splitlines():
        match = re.match(r"^(\s*)(- )?(#?)([\w/*\"]+):", line)
        if match is None:
            continue
        indent = len(match[1]) + len(match[2] or "")
        above = [(depth, key) for depth, key in above if depth < len(match[1]) or (depth < indent and not match[2])]
        place = ".".join(key for _depth, key in above)
        if match[2]:
            indexes[place] = indexes.get(place, -1) + 1
            above.append((len(match[1]), str(indexes[place])))
            place = ".".join(key for _depth, key in above)
        if match[3]:
            yield place, match[4]
        else:
            above.append((indent, match[4]))


def test_each_commented_setting_shows_the_default_it_has(everything: Any) -> None:
    kinds = {place: kind for kind, place in PLACES}
    seen = list(commented())
    assert len(seen) > 60
    for place, key in seen:
        shown, default = at(everything, place)[key], defaults(kinds[place])[key]
        if isinstance(default, Decimal):
            shown = Decimal(str(shown))
        assert shown == default, f"{place}.{key}"


def test_default_file_is_valid_and_has_the_two_desks_of_the_main_job() -> None:
    settings = read_settings(REPOSITORY, bundled_root=REPOSITORY, environ={})
    config = check_settings(settings, parts=PARTS)
    assert {name: (desk.venue, desk.instruments, desk.timeframe) for name, desk in config.desks.items()} == {
        "trend": ("coinbase", ("BTC/USD",), "1h"),
        "dips": ("bitstamp", ("ETH/USD",), "1d"),
    }
    assert config.accounts["paper"].deposits == {"USD": Decimal(100_000)}
    assert sum(desk.capital for desk in config.desks.values()) == Decimal(100_000)
