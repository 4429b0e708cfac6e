"""What a person wants, less what health keeps off: the host that a generation is made of.

The registry file is never touched: an overlay switches slots off before anything is loaded, and so stands in the recipe
of the generation. It takes the ordinary road of a swap, and a replay does the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from loligo.config import LoligoConfig
from loligo.errors import ConfigError, TentacleError, TentacleOff
from loligo.host import Host, LoadedTentacle, bundled_root
from loligo.registry.registry_file import Registry, RegistryEntry, load_registry
from loligo_bot.health import store
from loligo_bot.health.config import HealthConfig
from loligo_bot.health.quarantine import Quarantine, with_dependents
from loligo_bot.health.safe_mode import left_out, without
from loligo_kit.bot_folder import BotFolder
from loligo_kit.known_trees import KnownTrees
from loligo_kit.lock import admission

_TREES = KnownTrees()  # a swap reads all tentacles, and most are as they were
SECTIONS = {"feeds": "feed", "notifiers": "notifier", "interfaces": "interface", "automations": "automation"}


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptOff:
    """Which slots health keeps off, with the reasons; `safe_mode` says why it is on, "" when it is not. `versions` are
    the tree hashes of those that are off for what this version of them did: another one may come."""

    quarantined: Mapping[str, str]
    safe_mode: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)


NOTHING_OFF = KeptOff(quarantined={})


def kept_off(home: Path, safe_mode: str = "") -> KeptOff:
    """Return what is to be off at the start of a bot."""
    return kept_by(Quarantine(HealthConfig(), store.load(home).quarantine), safe_mode)


def kept_by(quarantine: Quarantine, safe_mode: str) -> KeptOff:
    """Return what a quarantine keeps off now."""
    return KeptOff(quarantined=quarantine.off, safe_mode=safe_mode, versions=quarantine.failed_versions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a person wants, and what became of it when it was loaded, by slot. It holds no code of anybody."""

    config: LoligoConfig
    registry: Registry
    hashes: Mapping[str, str]  # tree hash of what was loaded
    refusals: Mapping[str, str]  # why what is on could not be
    settings_faults: Mapping[str, str]
    dependents: Mapping[str, str]  # off because they need what is in quarantine
    left_out: Mapping[str, str]  # by safe mode
    safe_mode: str = ""  # why it is on


def load_wanted(
    home: Path,
    config: LoligoConfig,
    off: KeptOff = NOTHING_OFF,
    *,
    keeps: bool,
    registry: Registry | None = None,
    running: Sequence[LoadedTentacle] = (),
) -> tuple[Host, Wanted]:
    """Load all that the registry (or this one) has on and health does not keep off. TentacleOff for a risk rule that a
    person switched off and a desk names.

    Blocks while it verifies; what cannot be loaded is off with its reason.
    """
    host = Host(home, bundled_root(), admission(home))
    host.read = _TREES.read
    registry = wanted = registry or load_registry(host.registry_path)
    _refuse_rules_off(config, registry, host.registry_path)
    folder = BotFolder(home, bundled_root())
    safe = left_out(registry, host, off.safe_mode) if off.safe_mode else {}
    quarantined = {
        slot: reason for slot, reason in off.quarantined.items() if not _is_mended(folder, registry, slot, off)
    }
    all_off = {**safe, **quarantined}
    if all_off:
        all_off = with_dependents(all_off, _needs(folder, registry))
        registry = without(registry, all_off)
    host.load_all(keeps=keeps, registry=registry, running=running)
    return host, Wanted(
        config=config,
        registry=wanted,
        hashes={item.entry.slot: item.tree_hash for item in host.loaded},
        refusals={f"{row.kind} {row.name}": row.reason for row in host.list() if row.enabled and row.reason},
        settings_faults=_settings_faults(config, host),
        dependents={slot: why for slot, why in all_off.items() if slot not in safe and slot not in quarantined},
        left_out=safe,
        safe_mode=off.safe_mode,
    )


def load_running(
    home: Path, taken: Wanted, off: KeptOff, running: Mapping[str, str], loaded: Sequence[LoadedTentacle] = ()
) -> tuple[Host, Wanted]:
    """Load again what runs (tree hash by slot), less what is kept off, in whatever version; of what a person has begun
    to edit, the version that runs, from the content store."""
    off = replace(off, versions={})
    host, wanted = load_wanted(home, taken.config, off, keeps=True, registry=taken.registry, running=loaded)
    kept = {**off.quarantined, **wanted.dependents, **wanted.left_out}
    edited = {slot for slot, ran in running.items() if slot not in kept and wanted.hashes.get(slot) != ran}
    if not edited:
        return host, wanted
    brought = {item.entry.slot: item.entry.packages for item in loaded}
    entries = [
        _pinned(e, running[e.slot], brought.get(e.slot, e.packages)) if e.slot in edited else e
        for e in taken.registry.tentacles
    ]
    registry = taken.registry.model_copy(update={"tentacles": entries})
    host, wanted = load_wanted(home, taken.config, off, keeps=True, registry=registry, running=loaded)
    return host, replace(wanted, registry=taken.registry)


def _pinned(entry: RegistryEntry, ran: str, packages: str | None) -> RegistryEntry:
    source = "local" if entry.source == "bundled" else entry.source  # a bundled one has a path
    is_pinned = entry.pin or source == "pip"  # whatever pip has installed since
    changes = {"path": None, "tree_hash": ran, "source": source, "pin": is_pinned, "packages": packages}
    return entry.model_copy(update=changes)


def uses(config: LoligoConfig) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield every place of a configuration that names a tentacle: its slot, the place, the settings there."""
    for name, venue in config.venues.items():
        yield f"venue {venue.kind}", f"venues.{name}", venue.fills
    for name, desk in config.desks.items():
        where = f"desks.{name}"
        yield f"strategy {desk.strategy.tentacle}", f"{where}.strategy", desk.strategy.settings
        yield f"trading_mode {desk.mode.tentacle}", f"{where}.mode", desk.mode.settings
        for evaluator in desk.evaluators:
            yield f"evaluator {evaluator.tentacle}", f"{where}.evaluators", evaluator.settings
        for rule in desk.risk_rules:
            yield f"risk_rule {rule}", f"{where}.risk_rules", {}
    for section, kind in SECTIONS.items():
        for item in getattr(config, section):
            yield f"{kind} {item.tentacle}", section, item.settings


def _settings_faults(config: LoligoConfig, host: Host) -> dict[str, str]:
    loaded = {item.entry.slot: item for item in host.loaded}
    faults: dict[str, str] = {}
    for slot, place, settings in uses(config):
        if slot in loaded:
            try:
                loaded[slot].make_settings(settings, where=place)
            except ConfigError as exc:
                faults.setdefault(slot, str(exc))
    return faults


def _refuse_rules_off(config: LoligoConfig, registry: Registry, path: Path) -> None:
    """A rule that a person switched off while a desk still names it is a contradiction, not a wish to stop trading."""
    off = {entry.name for entry in registry.tentacles if entry.kind == "risk_rule" and not entry.enabled}
    for desk, section in sorted(config.desks.items()):
        for name in section.risk_rules:
            if name in off:
                raise TentacleOff(
                    f'desks.{desk}.risk_rules: risk_rule {name} is off: switched off; set "enabled": true in {path}, '
                    "or take it out of the list"
                )


def _is_mended(bot: BotFolder, registry: Registry, slot: str, off: KeptOff) -> bool:
    """Say whether another version is wanted than the one that is in quarantine."""
    entry = next((entry for entry in registry.tentacles if entry.slot == slot and entry.enabled), None)
    if entry is None or slot not in off.versions:
        return False
    try:
        return bot.hash_of(entry) != off.versions[slot]
    except (TentacleError, OSError):
        return False  # it cannot be read: it stays off


def _needs(bot: BotFolder, registry: Registry) -> dict[str, list[str]]:
    return {entry.slot: _required(bot, entry) for entry in registry.tentacles if entry.enabled}


def _required(bot: BotFolder, entry: RegistryEntry) -> list[str]:
    try:
        return list(bot.manifest(entry).requires.tentacles)
    except (TentacleError, OSError):
        return []  # it cannot be loaded: that is said where it is loaded
