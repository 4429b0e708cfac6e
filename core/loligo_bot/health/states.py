"""Where each tentacle stands, derived from what is known; nothing here is stored.

    discovered ─► verified ─► loading ─► shadow ─► probation ─► active

Beside that road: disabled, refused, rolled_back, quarantined, leaking, needs_permission, needs_config, each with its
reason. The first that holds counts, in the order of `state_of`: what a person wants, then what keeps it from that, then
how far it came. A refused or rolled back version does not mean that nothing runs: the one before does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from loligo.errors import ConfigError, TentacleError
from loligo.host import bundled_root
from loligo.model.timeframe import iso
from loligo.registry.manifest import KIND_FOLDERS, MANIFEST_FILE
from loligo.registry.registry_file import RegistryEntry
from loligo.registry.tree import hash12
from loligo_bot.health.cpu_time import Cost
from loligo_bot.health.quarantine import Quarantine
from loligo_bot.health.store import Fault
from loligo_bot.health.wanted import Wanted, uses
from loligo_kit.bot_folder import BotFolder

OFF = "switched off"


class State(StrEnum):
    DISCOVERED = "discovered"  # in a folder, not in the registry
    VERIFIED = "verified"  # may run; nobody uses it, or the bot does not run
    LOADING = "loading"
    SHADOW = "shadow"  # called beside the one that runs
    PROBATION = "probation"  # it leads, the one before is the spare
    ACTIVE = "active"
    DISABLED = "disabled"  # by a person, or by safe mode
    REFUSED = "refused"
    ROLLED_BACK = "rolled_back"
    QUARANTINED = "quarantined"
    LEAKING = "leaking"  # an earlier version is still held
    NEEDS_PERMISSION = "needs_permission"
    NEEDS_CONFIG = "needs_config"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of one tentacle; "" and False where there is nothing to say."""

    is_listed: bool = True  # in the registry
    is_enabled: bool = True
    left_out: str = ""  # by safe mode
    quarantine: str = ""
    missing_permissions: str = ""
    load_fault: str = ""  # the version cannot be loaded
    settings_fault: str = ""
    phase: str = ""  # of the swap that brings it: shadow or probation
    is_loading: bool = False
    fault: Fault | None = None  # of the version that is wanted now
    leak: str = ""
    is_running: bool = False  # in the generation that runs, and used there
    trial: str = ""  # it was quarantined and may try again


def state_of(facts: Facts) -> tuple[State, str]:
    """Return the state and its reason."""
    if not facts.is_listed:
        return State.DISCOVERED, "not in the registry"
    for state, reason in (
        (State.DISABLED, "" if facts.is_enabled else "; ".join(filter(None, (OFF, facts.missing_permissions)))),
        (State.DISABLED, facts.left_out),
        (State.QUARANTINED, facts.quarantine),
        (State.NEEDS_PERMISSION, facts.missing_permissions),
        (State.REFUSED, facts.load_fault),
        (State.NEEDS_CONFIG, facts.settings_fault),
    ):
        if reason:
            return state, reason
    if facts.phase:
        return State(facts.phase), facts.trial
    if facts.is_loading:
        return State.LOADING, ""
    if facts.fault is not None:
        return State(facts.fault.result), facts.fault.text
    if facts.leak:
        return State.LEAKING, f"held by {facts.leak}"
    return (State.ACTIVE if facts.is_running else State.VERIFIED), facts.trial


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """One row of `loligo tentacle health`."""

    kind: str
    name: str
    version: str
    hash12: str
    source: str
    state: State
    reason: str
    until: str  # of a quarantine, in the time of the data
    used_by: tuple[str, ...]
    failures: int  # since the start of the bot
    last_failure: str
    ms_per_s: float | None  # of the engine's time; None: not measured
    ms_per_input: float | None
    over_budget: str
    can_go_back: bool  # an earlier version is known

    @property
    def slot(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What a bot knows beyond its files; of one that does not run, only what it remembers."""

    quarantine: Quarantine
    faults: Mapping[str, Fault] = field(default_factory=dict)
    running: Mapping[str, str] = field(default_factory=dict)  # tree hash by slot
    swapping: Mapping[str, str] = field(default_factory=dict)  # phase by slot
    is_loading: bool = False
    costs: Mapping[str, Cost] = field(default_factory=dict)
    over_budget: Mapping[str, str] = field(default_factory=dict)
    leaks: Mapping[str, str] = field(default_factory=dict)


def survey(home: Path, wanted: Wanted, observed: Observed) -> list[Health]:
    """Return a row for every tentacle of a bot folder. Reads files."""
    bot = BotFolder(home, bundled_root())
    places: dict[str, list[str]] = {}
    for slot, place, _ in uses(wanted.config):
        places.setdefault(slot, []).append(place)
    registry = _listed(bot, wanted)
    rows = [_row(bot, entry, wanted, observed, tuple(places.get(entry.slot, ()))) for entry in registry]
    known = {entry.slot for entry in registry}
    found = [slot for slot in _folders(home) if slot not in known]
    return rows + [_discovered(slot) for slot in found]


def _listed(bot: BotFolder, wanted: Wanted) -> list[RegistryEntry]:
    """Return the registry as it is now, or as it was taken up where there is none or it is wrong, which is a problem
    of its own."""
    try:
        return list(bot.entries().values() if bot.registry.exists() else wanted.registry.tentacles)
    except ConfigError:
        return wanted.registry.tentacles


def _can_go_back(bot: BotFolder, entry: RegistryEntry, *, everywhere: bool) -> bool:
    """Say whether a version ran before; `everywhere`: also of those that only the content store knows."""
    try:
        before = bot.before(entry) if everywhere else bot.locked(entry).before(entry.tree_hash)
    except ConfigError:
        return False  # the lock file is wrong, which is a problem of its own
    return before is not None


def _row(bot: BotFolder, entry: RegistryEntry, wanted: Wanted, observed: Observed, places: tuple[str, ...]) -> Health:
    slot, quarantine = entry.slot, observed.quarantine
    newest = entry.tree_hash or wanted.hashes.get(slot, "")
    running = observed.running.get(slot, "")
    case = quarantine.cases.get(slot)
    off = {**wanted.dependents, **quarantine.off}.get(slot, "")
    load_fault = wanted.refusals.get(slot, "") if not off else ""
    fault = observed.faults.get(slot)
    facts = Facts(
        is_enabled=entry.enabled,
        left_out=wanted.left_out.get(slot, ""),
        quarantine=off,
        missing_permissions=_missing(bot, entry) if load_fault or (places and not entry.enabled) else "",
        load_fault=load_fault,
        settings_fault=wanted.settings_faults.get(slot, ""),
        phase=observed.swapping.get(slot, ""),
        is_loading=observed.is_loading and bool(running) and newest != running,
        fault=fault if fault is not None and newest != running and fault.tree_hash in ("", newest) else None,
        leak=observed.leaks.get(slot, ""),
        is_running=bool(running and places),
        trial=f"on trial after {case.times} in quarantine: {case.reason}" if case and not case.is_off else "",
    )
    state, reason = state_of(facts)
    count, last = quarantine.failed.get(slot, (0, ""))
    cost = observed.costs.get(slot)
    until_ns = quarantine.until_ns(slot) if case is not None and case.is_off else 0
    over_budget = quarantine.overdrawn.get(slot, "") or observed.over_budget.get(slot, "")
    needs_mending = over_budget or state in (State.REFUSED, State.ROLLED_BACK)  # else the whole store is not searched
    return Health(
        kind=entry.kind,
        name=entry.name,
        version=entry.version,
        hash12=hash12(running or newest),
        source=entry.source,
        state=state,
        reason=reason,
        until=iso(until_ns) if until_ns else "",
        used_by=places,
        failures=count,
        last_failure=last,
        ms_per_s=cost.ms_per_s if cost else 0.0 if observed.costs and running else None,
        ms_per_input=cost.ms_per_input if cost else None,
        over_budget=over_budget,
        can_go_back=_can_go_back(bot, entry, everywhere=bool(needs_mending)),
    )


def _discovered(slot: str) -> Health:
    kind, _, name = slot.partition(" ")
    state, reason = state_of(Facts(is_listed=False))
    return Health(
        kind=kind,
        name=name,
        version="",
        hash12="",
        source="local",
        state=state,
        reason=reason,
        until="",
        used_by=(),
        failures=0,
        last_failure="",
        ms_per_s=None,
        ms_per_input=None,
        over_budget="",
        can_go_back=False,
    )


def _folders(home: Path) -> Iterator[str]:
    """Yield the slots of the folders below a home that hold a manifest."""
    kinds = {folder: kind for kind, folder in KIND_FOLDERS.items()}
    for manifest in sorted(home.glob(f"tentacles/*/*/{MANIFEST_FILE}")):
        folder, name = manifest.parts[-3:-1]
        if folder in kinds:
            yield f"{kinds[folder]} {name}"


def _missing(bot: BotFolder, entry: RegistryEntry) -> str:
    try:
        missing = [each for each in bot.manifest(entry).permissions if each not in entry.permissions]
    except (TentacleError, OSError):
        return ""  # that it cannot be read is the reason of its own
    return f"it wants {', '.join(missing)}" if missing else ""
