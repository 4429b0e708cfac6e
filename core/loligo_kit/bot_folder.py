"""The tentacles that a bot folder has, as its registry, its lock file and its content store tell. Reads only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from loligo.errors import TentacleError
from loligo.registry.content import CONTENT_FOLDER, ContentStore
from loligo.registry.faults import did_you_mean
from loligo.registry.manifest import KIND_FOLDERS, MANIFEST_FILE, Kind, Manifest, read_manifest
from loligo.registry.registry_file import REGISTRY_FILE, RegistryEntry, load_registry
from loligo.registry.tree import PREFIX, read_tree, tree_hash
from loligo_kit.lock import LockedTentacle, LockedVersion, load_lock

Entries = dict[str, RegistryEntry]  # by slot


class BotFolder:
    """One bot folder; `bundled` is where the tentacles lie that came with Loligo."""

    def __init__(self, home: Path, bundled: Path) -> None:
        self.home = home
        self.registry = home / REGISTRY_FILE
        self.store = ContentStore(home / CONTENT_FOLDER)
        self._roots = (home, bundled)

    def entries(self) -> Entries:
        """Return the registry by slot. ConfigError when there is none."""
        return {entry.slot: entry for entry in load_registry(self.registry).tentacles}

    def find(self, name: str) -> RegistryEntry:
        """Return the entry called NAME or KIND/NAME. TentacleError when there is none, or several."""
        kind, _, plain = name.rpartition("/")
        entries = self.entries().values()
        found = [entry for entry in entries if entry.name == plain and kind in ("", entry.kind)]
        if len(found) > 1:
            same = ", ".join(f"{entry.kind}/{entry.name}" for entry in found)
            raise TentacleError(f'"{name}" is the name of several: say one of {same}')
        if not found:
            hint = did_you_mean(plain, [entry.name for entry in entries])
            raise TentacleError(f'there is no tentacle "{name}"{hint}; `loligo tentacle list` shows all')
        return found[0]

    def shipped(self, name: str) -> RegistryEntry | None:
        """Return the entry that a tentacle which comes with Loligo has there, by NAME or KIND/NAME; None when that is
        no such name, or a file or folder lies there."""
        kind, _, plain = name.rpartition("/")
        if Path(name).exists() or not (self._roots[1] / REGISTRY_FILE).exists():
            return None
        entries = load_registry(self._roots[1] / REGISTRY_FILE).tentacles
        return next((entry for entry in entries if entry.name == plain and kind in ("", entry.kind)), None)

    def locked(self, entry: RegistryEntry) -> LockedTentacle:
        """Return what the lock file knows of a tentacle."""
        return load_lock(self.home).find(f"{entry.kind} {entry.tentacle}") or LockedTentacle(
            kind=entry.kind, name=entry.tentacle, versions=[]
        )

    def known(self, entry: RegistryEntry) -> list[LockedVersion]:
        """Return the versions that one could go back to, the last one the newest: those of the lock file, and before
        them all others that ran here and that the content store holds, such as every save of a folder."""
        locked = self.locked(entry)
        named = {each.tree_hash for each in locked.versions}
        found = [one for one in self._kept(entry) if one.tree_hash not in named]
        return [*found, *(each for each in locked.versions if each.tree_hash != locked.pending)]

    def before(self, entry: RegistryEntry) -> LockedVersion | None:
        """Return the version that ran before: as the lock file tells, or for one that it does not name, such as a save
        of a folder, the one that came into the content store before it."""
        locked = self.locked(entry)
        named = {each.tree_hash: each for each in locked.versions}
        if entry.tree_hash in named:
            return locked.before(entry.tree_hash)
        ran = [named.get(one.tree_hash, one) for one in self._kept(entry) if one.tree_hash != locked.pending]
        place = next((index for index, one in enumerate(ran) if one.tree_hash == entry.tree_hash), len(ran))
        return ran[place - 1] if place else None

    def _kept(self, entry: RegistryEntry) -> Iterator[LockedVersion]:
        """Yield the versions of a tentacle in the content store, the first that came first."""
        brought = self.locked(entry).bundle(entry.packages)
        for file in sorted(self.store.path("").glob(f"*/{MANIFEST_FILE}"), key=lambda file: file.stat().st_mtime_ns):
            try:
                manifest = read_manifest(file.parent, {MANIFEST_FILE: file.read_bytes(), "__init__.py": b""})
            except TentacleError:
                continue  # of an earlier Loligo, or changed: whoever wants it by its hash is told
            if (manifest.kind, manifest.name) == (entry.kind, entry.tentacle):
                wanted = PREFIX + file.parent.name
                held = [each for each in manifest.permissions if each in entry.permissions]
                yield LockedVersion(
                    version=manifest.version, tree_hash=wanted, source="local", permissions=held, packages=brought
                )

    def content(self, entry: RegistryEntry) -> tuple[Path, dict[str, bytes]]:
        """Return the folder and the files behind an entry, as they are. TentacleError when they are not there."""
        if entry.path is None:
            wanted = entry.tree_hash or ""
            return self.store.path(wanted), self.store.get(wanted)
        places = [root / entry.path for root in self._roots]
        folder = next((place for place in places if place.is_dir()), places[0])
        return folder, read_tree(folder)

    def place_of(self, kind: Kind, name: str, folder: Path) -> str | None:
        """Return the path of a folder that is the tentacle's own place in the home, None when it lies elsewhere."""
        path = f"tentacles/{KIND_FOLDERS[kind]}/{name}"
        place = self.home / path
        return path if place.is_dir() and place.resolve() == folder.resolve() else None

    def is_whole(self, wanted: str) -> bool:
        """Say whether the content store holds what this tree hash names, as it was."""
        try:
            self.store.get(wanted)
        except TentacleError:
            return False
        return True

    def manifest(self, entry: RegistryEntry) -> Manifest:
        return read_manifest(*self.content(entry))

    def hash_of(self, entry: RegistryEntry) -> str:
        return entry.tree_hash or tree_hash(self.content(entry)[1])

    def packages_of(self, entry: RegistryEntry, wanted: str) -> str | None:
        """Return the hash of the packages that the version of this tree hash brings, as far as the lock file knows."""
        version = self.locked(entry).find(wanted)
        if version is None:
            return entry.packages
        return version.packages.tree_hash if version.packages is not None else None

    def holds(self, path: str, wanted: str) -> bool:
        """Say whether the folder at `path` holds the version of this tree hash."""
        places = [root / path for root in self._roots]
        return any(place.is_dir() and tree_hash(read_tree(place)) == wanted for place in places)
