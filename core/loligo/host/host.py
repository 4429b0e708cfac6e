"""Holds every tentacle of a bot: reads the registry, loads what is on, and can say of each why it is off.

A tentacle that fails to load is off with its reason; it never stops the others. Folders are looked up in the bot's home
first, then among the bundled ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from loligo.errors import TentacleError, TentacleOff
from loligo.host.loader import LoadedTentacle, Sources, load_tentacle
from loligo.host.relay import HookFailure, Relay
from loligo.registry.content import CONTENT_FOLDER, ContentStore
from loligo.registry.faults import did_you_mean
from loligo.registry.registry_file import REGISTRY_FILE, Registry, RegistryEntry, load_registry
from loligo.registry.tree import hash12, read_tree


class LoadState(StrEnum):
    LOADED = "loaded"
    OFF = "off"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class TentacleStatus:
    """One row of `loligo tentacle list`."""

    name: str
    kind: str
    version: str
    hash12: str
    enabled: bool
    state: LoadState
    reason: str = ""


class Host:
    """The tentacles of one bot folder."""

    def __init__(
        self, home: Path, bundled_root: Path, admit: Callable[[RegistryEntry], object] = lambda entry: None
    ) -> None:
        self._roots = (home, bundled_root) if home != bundled_root else (home,)
        self.content = ContentStore(home / CONTENT_FOLDER)
        self.read: Callable[[Path], Mapping[str, bytes]] = read_tree  # the files of a folder; who loads often sets it
        self._admit = admit  # raises TentacleError for an entry that must not be loaded, before anything of it is read
        self._registry = Registry()
        self._loaded: dict[str, LoadedTentacle] = {}
        self._reasons: dict[str, str] = {}
        self._rows: tuple[TentacleStatus, ...] = ()  # as they were when the code was let go

    @property
    def registry_path(self) -> Path:
        """Return the registry file in force: the home's own, also a link to nothing, or the bundled one while it has
        none."""
        paths = [root / REGISTRY_FILE for root in self._roots]
        return next((path for path in paths if path.exists() or path.is_symlink()), paths[0])

    def load_all(
        self, *, keeps: bool = False, registry: Registry | None = None, running: Sequence[LoadedTentacle] = ()
    ) -> tuple[LoadedTentacle, ...]:
        """Read the registry (or take this one) and load everything that is on; failures are in `list`.

        What is among `running` and still wanted is taken over as it is. `keeps` puts what is loaded into the content
        store first, as a bot must that writes a journal. ConfigError for a wrong file.
        """
        self._registry = registry or load_registry(self.registry_path)
        sources = self.sources(keeps=keeps)
        enabled = [entry for entry in self._registry.tentacles if entry.enabled]
        off = f'switched off; set "enabled": true in {self.registry_path}'
        at_work = {item.entry.slot: item for item in running}
        self._loaded, self._rows = {}, ()
        self._reasons = {entry.slot: off for entry in self._registry.tentacles if not entry.enabled}
        for entry in enabled:
            try:
                self._admit(entry)
                self._loaded[entry.slot] = load_tentacle(entry, sources, enabled, at_work.get(entry.slot))
            except (TentacleError, OSError) as exc:
                self._reasons[entry.slot] = str(exc)
        return tuple(self._loaded.values())

    @property
    def registry(self) -> Registry:
        return self._registry

    @property
    def loaded(self) -> tuple[LoadedTentacle, ...]:
        return tuple(self._loaded.values())

    def sources(self, *, keeps: bool) -> Sources:
        """Return where this bot's versions come from, knowing by hash those that came with Loligo."""
        path = self._roots[-1] / REGISTRY_FILE
        shipped = load_registry(path).tentacles if path.exists() else []
        hashes = frozenset((one.slot, one.tree_hash) for one in shipped if one.source == "bundled" and one.tree_hash)
        return Sources(roots=self._roots, store=self.content, shipped=hashes, keeps=keeps, read=self.read)

    def factory(self, kind: str, name: str) -> LoadedTentacle:
        """Return a loaded tentacle. TentacleError says why it is not there and what to do."""
        slot = f"{kind} {name}"
        if slot in self._loaded:
            return self._loaded[slot]
        if slot in self._reasons:
            is_wanted = any(entry.slot == slot and entry.enabled for entry in self._registry.tentacles)
            raise (TentacleError if is_wanted else TentacleOff)(f"{slot} is off: {self._reasons[slot]}")
        names = [entry.name for entry in self._registry.tentacles if entry.kind == kind]
        raise TentacleError(f"{self.registry_path} has no {slot}{did_you_mean(name, names)}")

    def list(self) -> tuple[TentacleStatus, ...]:
        """Return one row per registry entry, in its order."""
        return self._rows or tuple(self._status(entry) for entry in self._registry.tentacles)

    def let_go(self) -> None:
        """Hold no code any more; `list` stays as it is."""
        self._rows, self._loaded = self.list(), {}

    def relay(self, on_failure: Callable[[HookFailure], None]) -> Relay:
        """Return the hooks of everything loaded; `on_failure` hears of each tentacle that raises in one."""
        return Relay(tuple(self._loaded.values()), on_failure)

    def _status(self, entry: RegistryEntry) -> TentacleStatus:
        loaded = self._loaded.get(entry.slot)
        state = LoadState.LOADED if loaded else LoadState.FAILED if entry.enabled else LoadState.OFF
        return TentacleStatus(
            **entry.model_dump(include={"name", "kind", "version", "enabled"}),
            hash12=hash12(loaded.tree_hash if loaded else entry.tree_hash or ""),
            state=state,
            reason=self._reasons.get(entry.slot, ""),
        )
