"""A generation: what a bot runs, from its configuration and registry to the engine's plan, and back from a journal.

The recipe of each (configuration and registry as they were) and the code of every tentacle lie in the content store, so
that the slots which a journal names are enough to build the plan again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from loligo.config import LoligoConfig
from loligo.engine.plan import EnginePlan
from loligo.errors import ConfigError, JournalError, TentacleError
from loligo.host import Host, LoadedTentacle, bundled_root
from loligo.model.command import SlotVersion
from loligo.registry.registry_file import Registry, RegistryEntry
from loligo.registry.tree import tree_hash
from loligo_bot.plan import build_plan, slots_of

RECIPE = "recipe"  # the slot that names configuration and registry


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """What is to run, loaded and planned."""

    config: LoligoConfig
    host: Host
    loaded: tuple[LoadedTentacle, ...]
    plan: EnginePlan

    @property
    def slots(self) -> tuple[SlotVersion, ...]:
        return self.plan.slots

    def code(self) -> dict[str, str]:
        """Return the tree hash by "kind name" of everything loaded."""
        return {item.entry.slot: item.tree_hash for item in self.loaded}


def make_generation(config: LoligoConfig, host: Host, *, keeps: bool) -> Generation:
    """Plan what a host has loaded. ConfigError or TentacleError says what is wrong.

    `keeps` puts the recipe into the content store, for a journal that will name it.
    """
    recipe = {
        "config.json": _plain(_what_decides(config)),
        "registry.json": _plain(host.registry.model_dump(by_alias=True)),
    }
    if keeps:
        host.content.put(recipe)
    slots = (*slots_of(config, host.loaded), SlotVersion(RECIPE, tree_hash(recipe), ""))
    return Generation(config=config, host=host, loaded=host.loaded, plan=build_plan(config, host, slots))


def _what_decides(config: LoligoConfig) -> Any:
    """Return the settings on which decisions depend; others may change without a new generation."""
    chosen: Any = {"bot": {"name"}, "venues": ..., "accounts": ..., "desks": ..., "engine": {"equity_every_s"}}
    return config.model_dump(mode="json", include=chosen)


def _plain(content: Any) -> bytes:
    return msgspec.json.encode(content, order="sorted")  # the same bytes whatever the order in the file


def earlier_plan(home: Path, slots: tuple[SlotVersion, ...]) -> EnginePlan | None:
    """Return the plan of a generation that a journal names; None for one without a recipe.

    JournalError when the content store no longer has it.
    """
    recipe = next((slot.tree_hash for slot in slots if slot.tentacle == RECIPE), None)
    if recipe is None:
        return None
    host = Host(home, bundled_root())
    try:
        files = host.content.get(recipe)
        wanted = Registry.model_validate_json(files["registry.json"])
        hashes = {slot.tentacle: slot.tree_hash for slot in slots}
        host.load_all(
            registry=wanted.model_copy(update={"tentacles": [_as_it_ran(e, hashes) for e in wanted.tentacles]})
        )
        config = LoligoConfig.model_validate_json(files["config.json"])
        return build_plan(config, host, slots)
    except (TentacleError, ConfigError) as exc:
        raise JournalError(
            f"the journal needs generation {recipe[:15]} to be read on, and it cannot be made again: {exc}; restore "
            "state/ from a backup, or move it away to begin a new run"
        ) from exc


def _as_it_ran(entry: RegistryEntry, hashes: Mapping[str, str]) -> RegistryEntry:
    ran = hashes.get(f"{entry.kind}/{entry.name}")
    changes = {"enabled": False} if ran is None else {"path": None, "tree_hash": ran, "source": "local"}
    return entry.model_copy(update=changes)
