"""Whether a version may be loaded, as the host would say: for verbs that bring versions into a bot folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from loligo.host.loader import check_wishes
from loligo.host.verifier import TentacleVersion, shared_verifier
from loligo.registry.manifest import read_manifest
from loligo.registry.registry_file import RegistryEntry
from loligo.registry.tree import tree_hash


def judge(entry: RegistryEntry, files: Mapping[str, bytes], folder: Path, enabled: Sequence[RegistryEntry]) -> None:
    """Run a version in a process of its own. TentacleError says why it may not be loaded; it is named by `entry`."""
    manifest = read_manifest(folder, files)
    version = TentacleVersion(entry=entry, manifest=manifest, tree_hash=tree_hash(files), folder=folder, files=files)
    check_wishes(version, enabled)
    shared_verifier().verify(version)
