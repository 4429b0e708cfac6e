"""Whether a version may be loaded, as the host would say: for verbs that bring versions into a bot folder.

`judge` runs it, in a process of its own; `read` only reads it, before a person has agreed to anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from loligo.errors import TentacleError
from loligo.host.loader import check_wishes
from loligo.host.verifier import Findings, TentacleVersion, shared_verifier
from loligo.registry.manifest import read_manifest
from loligo.registry.registry_file import RegistryEntry
from loligo.registry.tree import tree_hash
from loligo_packages.package_set import NO_PACKAGES, PackageSet


def judge(
    entry: RegistryEntry,
    files: Mapping[str, bytes],
    folder: Path,
    enabled: Sequence[RegistryEntry],
    packages: PackageSet = NO_PACKAGES,
) -> None:
    """Run a version in a process of its own. TentacleError says why it may not be loaded; it is named by `entry`."""
    version = _version(entry, files, folder, packages)
    check_wishes(version, enabled)
    shared_verifier().verify(version)


def read(
    entry: RegistryEntry,
    files: Mapping[str, bytes],
    folder: Path,
    enabled: Sequence[RegistryEntry],
    packages: PackageSet = NO_PACKAGES,
) -> tuple[Findings | None, list[str]]:
    """Return what the source of a version reaches for, and all that speaks against it; nothing of it runs."""
    version, against = _version(entry, files, folder, packages), []
    findings: Findings | None = None
    try:
        check_wishes(version, enabled)
    except TentacleError as exc:
        against.append(f"it {exc}")
    try:
        findings = shared_verifier().verify(version, runs=False).findings
    except TentacleError as exc:
        against.append(str(exc))
    return findings, against


def _version(entry: RegistryEntry, files: Mapping[str, bytes], folder: Path, packages: PackageSet) -> TentacleVersion:
    return TentacleVersion(
        entry=entry,
        manifest=read_manifest(folder, files),
        tree_hash=tree_hash(files),
        folder=folder,
        files=files,
        packages=packages,
    )
