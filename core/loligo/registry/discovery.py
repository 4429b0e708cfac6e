"""Brings the registry file in line with the folders below it: new tentacles are added, hashes and versions refreshed.

What a person chose (on or off, settings, permissions, pin) stays as it is; entries whose folder is gone are left for
the host to report.
"""

from __future__ import annotations

from pathlib import Path

from loligo.errors import TentacleError
from loligo.registry.manifest import KIND_FOLDERS, MANIFEST_FILE, Manifest, read_manifest
from loligo.registry.registry_file import Registry, RegistryEntry, load_registry, publish_schema, save_registry
from loligo.registry.tree import read_tree, tree_hash


def discover(registry_path: Path, *, source: str = "local") -> tuple[str, ...]:
    """Add every tentacle in `tentacles/KIND/NAME` that the registry does not list yet; return the slots added.

    Makes the registry file when there is none. TentacleError when a folder's manifest is wrong or names another place.
    """
    root = registry_path.parent
    registry = load_registry(registry_path) if registry_path.exists() else Registry()
    known = {entry.slot for entry in registry.tentacles}
    found = [_entry(manifest.parent, root, source) for manifest in sorted(root.glob(f"tentacles/*/*/{MANIFEST_FILE}"))]
    added = [entry for entry in found if entry.slot not in known]
    publish_schema(root)
    if added or not registry_path.exists():
        save_registry(registry_path, [*registry.tentacles, *added])
    return tuple(entry.slot for entry in added)


def refresh_hashes(registry_path: Path) -> tuple[str, ...]:
    """Take version and hash of every listed tentacle from its folder; return the slots whose entry changed.

    Local ones without a hash stay without one.
    """
    before = load_registry(registry_path).tentacles
    after = [_refreshed(entry, registry_path.parent / entry.path) for entry in before]
    changed = tuple(new.slot for old, new in zip(before, after, strict=True) if new != old)
    if changed:
        save_registry(registry_path, after)
    return changed


def _refreshed(entry: RegistryEntry, folder: Path) -> RegistryEntry:
    if entry.tree_hash is None or not folder.is_dir():
        return entry
    manifest, found_hash = _read(folder)
    return entry.model_copy(update={"version": manifest.version, "tree_hash": found_hash})


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
