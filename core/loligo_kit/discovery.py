"""Brings the registry file in line with the folders below it: new tentacles are added, hashes and versions refreshed.

What a person chose (on or off, settings, permissions, pin) stays as it is; entries whose folder is gone are left for
the host to report.
"""

from __future__ import annotations

from pathlib import Path

from loligo.errors import TentacleError
from loligo.registry.manifest import KIND_FOLDERS, MANIFEST_FILE, Manifest, read_manifest
from loligo.registry.registry_file import RegistryEntry, editing, load_registry, publish_schema
from loligo.registry.tree import read_tree, tree_hash


def discover(registry_path: Path, *, source: str = "local") -> tuple[str, ...]:
    """Add every tentacle in `tentacles/KIND/NAME` that the registry does not list yet; return the slots added.

    Makes the registry file when there is none. TentacleError when a folder's manifest is wrong or names another place.
    """
    root = registry_path.parent
    found = [_entry(manifest.parent, root, source) for manifest in sorted(root.glob(f"tentacles/*/*/{MANIFEST_FILE}"))]
    publish_schema(root)
    with editing(registry_path) as entries:
        added = {entry.slot: entry for entry in found if entry.slot not in entries}
        entries |= added
    return tuple(added)


def refresh_hashes(registry_path: Path) -> tuple[str, ...]:
    """Take version and hash of every listed tentacle from its folder; return the slots whose entry changed.

    Local ones without a hash stay without one. Bundled ones hold the permissions that they need.
    """
    load_registry(registry_path)  # a missing one is refused
    with editing(registry_path) as entries:
        after = {slot: _refreshed(entry, registry_path.parent) for slot, entry in entries.items()}
        changed = tuple(slot for slot, entry in after.items() if entry != entries[slot])
        entries |= after
    return changed


def _refreshed(entry: RegistryEntry, root: Path) -> RegistryEntry:
    if entry.tree_hash is None or entry.path is None or not (folder := root / entry.path).is_dir():
        return entry
    manifest, found_hash = _read(folder)
    granted = manifest.permissions if entry.source == "bundled" else entry.permissions
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
