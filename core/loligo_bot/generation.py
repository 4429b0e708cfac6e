"""A generation: what a bot runs, from its configuration and registry to the engine's plan, and back from a journal.

The recipe of each (configuration and registry as they were) and the code of every tentacle lie in the content store, so
that the slots which a journal names are enough to build the plan again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
from pydantic import ValidationError

from loligo.config import LoligoConfig
from loligo.engine.plan import EnginePlan
from loligo.errors import ConfigError, JournalError, LoligoError, TentacleError
from loligo.host import Host, LoadedTentacle, LoadState, bundled_root
from loligo.host.finder import NAMESPACE
from loligo.model.command import SlotVersion
from loligo.registry.registry_file import Registry, RegistryEntry
from loligo.registry.tree import tree_hash
from loligo_bot.edge_plan import edge_slots, is_of_edges
from loligo_bot.plan import build_plan, slots_of
from loligo_bot.recipe import RECIPE, Recipe, read_recipe, recipe_of
from loligo_packages.package_set import private_name


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

    def works_otherwise_than(self, running: tuple[SlotVersion, ...]) -> bool:
        """Say whether more differs than what is only on record, such as a pin."""
        return any(slot.tentacle != RECIPE for slot in {*self.slots} ^ {*running})

    def decides_otherwise_than(self, running: tuple[SlotVersion, ...]) -> bool:
        """Say whether anything differs that works in the engine."""
        return any(slot.tentacle != RECIPE and not is_of_edges(slot) for slot in {*self.slots} ^ {*running})

    def only_toggles(self, running: tuple[SlotVersion, ...], known: Mapping[str, SlotVersion]) -> bool:
        """Say whether no more than what is `known` comes into the engine, and that into no other's place: then there is
        nothing to try out."""
        places = {slot.tentacle for slot in running}
        new = [slot for slot in self.slots if slot not in running and slot.tentacle != RECIPE and not is_of_edges(slot)]
        return all(known.get(slot.tentacle) == slot and slot.tentacle not in places for slot in new)

    def comers(self, running: tuple[SlotVersion, ...]) -> list[str]:
        """Return the desks and accounts that come to those that run, as desk/NAME and account/NAME."""
        known = {slot.tentacle for slot in running}
        names = {slot.tentacle for slot in self.slots if slot.tentacle.startswith(("desk/", "account/"))}
        return sorted(names - known)

    def changed_beside(self, running: tuple[SlotVersion, ...]) -> list[str]:
        """Return what of the engine would not stay as it runs."""
        gone = set(running) - set(self.slots)
        return sorted(slot.tentacle for slot in gone if slot.tentacle != RECIPE and not is_of_edges(slot))

    def packages(self) -> set[str]:
        """Return the names under which its tentacles are imported, and the Python packages that they bring."""
        brought = {item.entry.packages for item in self.loaded} - {None}
        return {item.module.__name__ for item in self.loaded} | {
            f"{NAMESPACE}.{private_name(packages)}" for packages in brought if packages
        }

    def code(self) -> dict[str, str]:
        """Return the tree hash by "kind name" of everything loaded."""
        return {item.entry.slot: item.tree_hash for item in self.loaded}


class Unfit(LoligoError):
    """What is wanted cannot be planned. `failed` says which tentacles could not be loaded, by kind/name, and why."""

    def __init__(self, error: LoligoError, failed: dict[str, str]) -> None:
        super().__init__(str(error))
        self.kind = type(error).__name__
        self.failed = failed


def failures(host: Host) -> dict[str, str]:
    """Return what is on and could not be loaded, by kind/name, and why."""
    return {f"{row.kind}/{row.name}": row.reason for row in host.list() if row.state is LoadState.FAILED}


def make_generation(config: LoligoConfig, host: Host, *, keeps: bool) -> Generation:
    """Plan what a host has loaded. ConfigError or TentacleError says what is wrong.

    `keeps` puts the recipe into the content store, for a journal that will name it.
    """
    recipe = recipe_of(config, host.registry).masked().files
    if keeps:
        host.content.put(recipe)
    named = SlotVersion(RECIPE, tree_hash(recipe), "")
    slots = (*slots_of(config, host.loaded), *edge_slots(config, host.registry), named)
    return Generation(config=config, host=host, loaded=host.loaded, plan=build_plan(config, host, slots))


def earlier_plan(home: Path, slots: tuple[SlotVersion, ...], now: Recipe | None = None) -> EnginePlan | None:
    """Return the plan of a generation that a journal names; None for one without a recipe.

    `now` has the secrets, which a recipe does not keep. JournalError when the content store no longer has it.
    """
    recipe = next((slot.tree_hash for slot in slots if slot.tentacle == RECIPE), None)
    if recipe is None:
        return None
    try:
        found, host = as_it_ran(home, slots, now)
        return build_plan(config_of(found), host, slots)
    except (TentacleError, ConfigError, JournalError) as exc:
        raise JournalError(
            f"the journal needs generation {recipe[:15]} to be read on, and it cannot be made again: {exc}; restore "
            "state/ from a backup, or move it away to begin a new run"
        ) from exc


def as_it_ran(home: Path, slots: tuple[SlotVersion, ...], now: Recipe | None = None) -> tuple[Recipe, Host]:
    """Return the settings of a generation that a journal names, and its tentacles, loaded from the content store; what
    cannot be loaded says so when it is asked for. JournalError when the settings are gone."""
    host = Host(home, bundled_root())
    found = read_recipe(host.content, slots)
    if now is not None:
        found = found.filled(now)
    wanted = Registry.model_validate(found.registry)
    hashes = {slot.tentacle: slot.tree_hash for slot in slots}
    host.load_all(registry=wanted.model_copy(update={"tentacles": [_as_it_ran(e, hashes) for e in wanted.tentacles]}))
    return found, host


def config_of(recipe: Recipe) -> LoligoConfig:
    """Return the configuration that a recipe holds. ConfigError where this version does not understand it."""
    try:
        return LoligoConfig.model_validate_json(msgspec.json.encode(recipe.config))
    except ValidationError as exc:
        raise ConfigError(f"settings as recorded: {exc}") from exc


def _as_it_ran(entry: RegistryEntry, hashes: Mapping[str, str]) -> RegistryEntry:
    ran = hashes.get(f"{entry.kind}/{entry.name}")
    changes = {"enabled": False} if ran is None else {"path": None, "tree_hash": ran, "source": "local"}
    return entry.model_copy(update=changes)
