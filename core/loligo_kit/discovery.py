"""Brings the registry file in line with the folders below it: new tentacles are added, hashes and versions refreshed.

What a person chose (on or off, settings, permissions, pin) stays as it is. A folder that cannot be read costs itself
alone: its entry stays as it was, and it is told why.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from loligo.errors import TentacleError
from loligo.registry.durable import replace_file
from loligo.registry.manifest import KIND_FOLDERS, MANIFEST_FILE, Manifest, read_manifest
from loligo.registry.registry_file import SCHEMA_FILE, Registry, RegistryEntry, bundled_root, editing
from loligo.registry.tree import read_tree, tree_hash


@dataclass(frozen=True, slots=True, kw_only=True)
class Refreshed:
    """Slots of the entries that are new, and of those that changed; why a folder could not be taken up, by its path."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    faults: Mapping[str, str]


def refresh(registry_path: Path, *, source: str = "local") -> Refreshed:
    """Add every tentacle in `tentacles/KIND/NAME` that the registry does not list yet, and take version and hash of
    every listed one from its folder. Makes the registry file when there is none.

    Local ones without a hash stay without one. Bundled ones whose content changed hold the permissions that they need.
    """
    root = registry_path.parent
    faults: dict[str, str] = {}
    found: dict[str, RegistryEntry] = {}
    for manifest in sorted(root.glob(f"tentacles/*/*/{MANIFEST_FILE}")):
        try:
            entry = _entry(manifest.parent, root, source)
            found[entry.slot] = entry
        except (TentacleError, OSError) as exc:
            faults[manifest.parent.relative_to(root).as_posix()] = str(exc)
    publish_schema(root)
    with editing(registry_path) as entries:
        after: dict[str, RegistryEntry] = {}
        for slot, entry in entries.items():
            try:
                after[slot] = _refreshed(entry, root)
            except (TentacleError, OSError) as exc:
                faults.setdefault(entry.path or "", str(exc))
        added = {slot: entry for slot, entry in found.items() if slot not in entries}
        changed = tuple(slot for slot, entry in after.items() if entry != entries[slot])
        entries |= after | added
    return Refreshed(added=tuple(added), changed=changed, faults=faults)


def publish_schema(folder: Path) -> Path:
    """Write the registry's JSON schema below `folder`, where `$schema` of a registry file in it points; return it."""
    path = folder / SCHEMA_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(Registry.model_json_schema(by_alias=True), indent=2, sort_keys=True)
    replace_file(path, f"{text}\n".encode())
    return path


def _refreshed(entry: RegistryEntry, root: Path) -> RegistryEntry:
    if entry.path is None:
        return entry
    folder = root / entry.path
    if not folder.is_dir():
        if (bundled_root() / entry.path).is_dir():
            return entry  # it came with Loligo and lies there
        name = f"{entry.kind}/{entry.name}"
        raise TentacleError(
            f"{folder}: no such folder, and {entry.slot} is to lie there; put it back, or take it out with `loligo "
            f"tentacle remove {name}`"
        )
    manifest, found_hash = _read(folder)
    if entry.tree_hash is None:
        return entry
    is_shipped = (
        entry.source == "bundled" and found_hash != entry.tree_hash
    )  # else what was taken back stays taken back
    granted = manifest.permissions if is_shipped else entry.permissions
    return entry.model_copy(update={"version": manifest.version, "tree_hash": found_hash, "permissions": granted})


def _entry(folder: Path, root: Path, source: str) -> RegistryEntry:
    manifest, found_hash = _read(folder)
    expected = root / "tentacles" / KIND_FOLDERS[manifest.kind] / manifest.name
    if folder != expected:
        raise TentacleError(f"{folder / MANIFEST_FILE}: a {manifest.kind} {manifest.name} belongs into {expected}")
    values = manifest.model_dump(include={"name", "kind", "version"})
    granted = manifest.permissions if source == "bundled" else []
    place = {"source": source, "path": folder.relative_to(root).as_posix()}
    return RegistryEntry.model_validate({**values, **place, "tree_hash": found_hash, "permissions": granted})


def _read(folder: Path) -> tuple[Manifest, str]:
    files = read_tree(folder)
    return read_manifest(folder, files), tree_hash(files)
