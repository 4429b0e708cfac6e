"""What ran then, with some parts as they are today: code, settings, or one side of what a fill costs.

A *part* is what one cause of a reality check stands for. Desks that are new since then stay out, those that are gone
stay in: a comparison is of what both have.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from loligo.engine.plan import EnginePlan
from loligo.host import Host, bundled_root
from loligo.model.command import SlotVersion
from loligo.registry.registry_file import Registry, RegistryEntry
from loligo.registry.tree import hash12
from loligo_bot.generation import as_it_ran, config_of
from loligo_bot.plan import build_plan
from loligo_bot.recipe import Recipe, differences
from loligo_kit.lock import admission

Slots = tuple[SlotVersion, ...]
IN_ENGINE = ("evaluator", "strategy", "trading_mode", "risk_rule", "venue")
_FEES = ("maker_fee_rate", "taker_fee_rate", "fee_in", "liquidation_fee_rate")
_LATENCY = "latency_ms"
_DECIDE = ("bot", "engine", "accounts", "desks")


class Part(StrEnum):
    CODE = "code"
    SETTINGS = "settings"  # of desks, accounts and their tentacles
    LATENCY = "latency"  # until an order reaches the market
    FEES = "fees"
    FILLS = "fills"  # all else that venues are set to


@dataclass(frozen=True, slots=True)
class Mixed:
    """What runs in one world in place of one generation."""

    recipe: Recipe
    host: Host
    code: Mapping[str, str]  # tree hash by kind/name, of what works in the engine

    def plan(self, slots: Slots) -> EnginePlan:
        """Return its plan, to be known by these slots. ConfigError or TentacleError where the parts do not fit."""
        return build_plan(config_of(self.recipe), self.host, slots)

    def against(self, before: Mixed) -> list[str]:
        """Return a line for all that differs from another one and works in the engine."""
        names = sorted(self.code.keys() | before.code.keys())
        code = [(name, before.code.get(name, ""), self.code.get(name, "")) for name in names]
        lines = [f"{name} {_hash(old)} → {_hash(new)}" for name, old, new in code if old != new]
        found = differences(_of_engine(before.recipe), _of_engine(self.recipe))
        old_entries, new_entries = _entries(before.host.registry), _entries(self.host.registry)
        both = sorted(old_entries.keys() & new_entries.keys())
        changed = [name for name in both if old_entries[name].settings != new_entries[name].settings]
        return [*lines, *map(str, found), *(f"tentacle_registry.json: settings of {name}" for name in changed)]


class Mixing:
    """Makes mixtures of the generations of one session with what its folder wants today."""

    def __init__(self, home: Path, now: Recipe) -> None:
        self._home, self.now = home, now
        self._today: Host | None = None
        self._then: dict[Slots, tuple[Recipe, Host]] = {}
        self._mixed: dict[tuple[Slots, frozenset[Part]], Mixed] = {}

    @property
    def today(self) -> Host:
        """What the registry wants today, loaded."""
        if self._today is None:
            self._today = self._loaded(Registry.model_validate(self.now.registry).tentacles)
        return self._today

    def mixed(self, slots: Slots, parts: Iterable[Part]) -> Mixed:
        """Return a generation with these parts as they are today. JournalError when it is not to be had."""
        of_today = frozenset(parts)
        if (slots, of_today) not in self._mixed:
            self._mixed[slots, of_today] = self._made(slots, of_today)
        return self._mixed[slots, of_today]

    def _made(self, slots: Slots, of_today: frozenset[Part]) -> Mixed:
        if slots not in self._then:
            self._then[slots] = as_it_ran(self._home, slots, self.now)
        recipe, host = self._then[slots]
        config = _mixed_config(recipe.config, self.now.config, of_today)
        if Part.CODE in of_today:
            host = self.today
        source = self.now.registry if Part.SETTINGS in of_today else recipe.registry
        host = self._with_settings(host, _entries(Registry.model_validate(source)))
        code = {f"{one.kind}/{one.name}": one.tree_hash for one in host.loaded if one.kind in IN_ENGINE}
        return Mixed(Recipe(config, recipe.registry), host, code)

    def _with_settings(self, host: Host, wanted: Mapping[str, RegistryEntry]) -> Host:
        """Return a host whose entries have these settings beneath those of the configuration."""
        changed = [
            entry.model_copy(update={"settings": wanted[entry.slot].settings}) if entry.slot in wanted else entry
            for entry in host.registry.tentacles
        ]
        return host if changed == list(host.registry.tentacles) else self._loaded(changed)

    def _loaded(self, entries: Iterable[RegistryEntry]) -> Host:
        host = Host(self._home, bundled_root(), admission(self._home))
        known = Registry.model_validate(self.now.registry)
        host.load_all(registry=known.model_copy(update={"tentacles": list(entries)}))
        return host


def _entries(registry: Registry) -> dict[str, RegistryEntry]:
    return {entry.slot: entry for entry in registry.tentacles if entry.kind in IN_ENGINE}


def _hash(tree_hash: str) -> str:
    return hash12(tree_hash) if tree_hash else "off"


def _of_engine(recipe: Recipe) -> Recipe:
    return Recipe({name: recipe.config.get(name) for name in (*_DECIDE, "venues")}, {})


def _mixed_config(then: Mapping[str, Any], now: Mapping[str, Any], parts: frozenset[Part]) -> dict[str, Any]:
    config = deepcopy(dict(then))
    if Part.SETTINGS in parts:
        for section in ("desks", "accounts"):
            kept = {name: now[section].get(name, was) for name, was in then[section].items()}
            needed = {desk["account"] for desk in config["desks"].values()} if section == "accounts" else set()
            config[section] = {**kept, **{name: now[section][name] for name in needed - kept.keys()}}
        config["engine"] = now["engine"]
        _add_places(config, now)
    for name, venue in config["venues"].items():
        if name in now["venues"]:
            config["venues"][name] = _mixed_venue(venue, now["venues"][name], parts)
    return config


def _add_places(config: dict[str, Any], now: Mapping[str, Any]) -> None:
    """Add the venues and instruments that desks of today trade on."""
    for desk in config["desks"].values():
        venue = config["venues"].setdefault(desk["venue"], deepcopy(now["venues"].get(desk["venue"], {})))
        listed = now["venues"].get(desk["venue"], {}).get("instruments", {})
        for symbol in desk["instruments"]:
            if symbol in listed:
                venue["instruments"].setdefault(symbol, listed[symbol])


def _mixed_venue(then: Mapping[str, Any], now: Mapping[str, Any], parts: frozenset[Part]) -> dict[str, Any]:
    def which(part: Part) -> Mapping[str, Any]:
        return now if part in parts else then

    fills = {key: value for key, value in which(Part.FILLS)["fills"].items() if key != _LATENCY}
    if _LATENCY in which(Part.LATENCY)["fills"]:
        fills[_LATENCY] = which(Part.LATENCY)["fills"][_LATENCY]
    terms = {}
    for symbol, was in then["instruments"].items():
        listed = {"then": was, "now": now["instruments"].get(symbol, was)}
        fees = listed["now" if Part.FEES in parts else "then"]
        rest = listed["now" if Part.FILLS in parts else "then"]
        terms[symbol] = {**rest, **{key: fees[key] for key in _FEES if key in fees}}
    return {**which(Part.FILLS), "fills": fills, "instruments": terms}
