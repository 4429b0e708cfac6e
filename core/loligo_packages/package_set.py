"""The Python packages that one tentacle brings: the files of its wheels side by side, named by their tree hash.

    a requirement of the manifest ─► a package of the set, else one that is installed ─► what that one requires, ...

What must hold: a set is whole, or the tentacle is not loaded; what is installed is never replaced, and no folder of a
set is ever where Python looks for modules. Sets lie in the content store, so that what is read is what its hash says.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import Protocol
from weakref import WeakValueDictionary

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from loligo.errors import TentacleError

_PREFIX, _DIGITS = "packages__", 12
_METADATA = ".dist-info/METADATA"


class PackageMissing(TentacleError):
    """A package is neither installed nor in the set: it can be brought."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """One package as its metadata tell."""

    name: str  # canonical
    version: str
    folder: str  # its dist-info
    requires: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class PackageSet:
    """The packages of one tentacle; an empty one for those that bring none."""

    tree_hash: str = ""
    folder: Path = Path()
    files: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def private_name(self) -> str:
        """Return the name under which its modules are imported, behind that of all tentacles."""
        return private_name(self.tree_hash)

    @cached_property
    def distributions(self) -> Mapping[str, Distribution]:
        """Return the packages by canonical name. TentacleError when the metadata of one cannot be read."""
        found = [_distribution(path, content) for path, content in self.files.items() if path.endswith(_METADATA)]
        return {one.name: one for one in found}

    @cached_property
    def tops(self) -> frozenset[str]:
        """Return the names by which its modules are imported: the first part of each."""
        return frozenset(
            PurePosixPath(path).parts[0].removesuffix(".py") for path in self.files if path.endswith(".py")
        )

    @cached_property
    def owners(self) -> Mapping[str, Distribution]:
        """Return whose each file is, by the record that its wheel brought."""
        return {path: one for one in self.distributions.values() for path in self.files_of(one)}

    def files_of(self, one: Distribution) -> Iterator[str]:
        """Yield the paths of a package's files."""
        record = self.files.get(f"{one.folder}/RECORD", b"").decode(errors="replace").splitlines()
        for row in csv.reader(record):
            path = row[0].partition(".data/purelib/")[2] or row[0] if row else ""
            if path in self.files:
                yield path

    def only(self, names: Iterable[str]) -> dict[str, bytes]:
        """Return the files of these packages alone."""
        return {path: self.files[path] for name in names for path in self.files_of(self.distributions[name])}


NO_PACKAGES = PackageSet()
_KNOWN: WeakValueDictionary[tuple[str, Path], PackageSet] = WeakValueDictionary()  # so long as somebody has them


class Store(Protocol):
    """Where sets are kept."""

    def path(self, wanted: str) -> Path: ...
    def get(self, wanted: str) -> dict[str, bytes]: ...


def read_set(tree_hash: str | None, store: Store) -> PackageSet:
    """Return a set from where it is kept, the empty one for None. TentacleError when it is gone or was changed."""
    if tree_hash is None:
        return NO_PACKAGES
    key = (tree_hash, store.path(tree_hash))
    known = _KNOWN.get(key)
    if known is None:
        _KNOWN[key] = known = PackageSet(tree_hash, key[1], store.get(tree_hash))
    return known


def private_name(tree_hash: str) -> str:
    """Return how the modules of the set of this hash are called, behind the name of all tentacles."""
    return _PREFIX + tree_hash.rpartition(":")[2][:_DIGITS]


def check_packages(wanted: Iterable[str], packages: PackageSet, name: str) -> None:
    """See that every requirement is met, those of the packages in the set, too. TentacleError names both versions.

    `name` is that of the tentacle, for the command that mends it.
    """
    for _ in closure(wanted, packages, name):
        pass


def closure(wanted: Iterable[str], packages: PackageSet, name: str) -> Iterator[Distribution]:
    """Yield every package of the set that meets a requirement, or one of a package that does, each once; errors as of
    `check_packages`."""
    waiting = [(Requirement(text), "", frozenset[str]()) for text in wanted]
    seen = set[tuple[str, frozenset[str], str]]()
    yielded = set[str]()
    while waiting:
        one, by, extras = waiting.pop(0)
        if (str(one), extras, by) in seen or not _applies(one, extras):
            continue
        seen.add((str(one), extras, by))
        brought = packages.distributions.get(canonicalize_name(one.name))
        _check_one(one, by, brought.version if brought else version_of(one.name), name, is_brought=brought is not None)
        if brought is not None and brought.name not in yielded:
            yielded.add(brought.name)
            yield brought
        requires = brought.requires if brought else requirements_of(one.name) if one.extras else ()
        who, needed = f"{one.name} {brought.version}" if brought else one.name, frozenset(one.extras)
        waiting += [
            (inner, who, needed)
            for inner in map(Requirement, requires)
            if brought is not None or not _applies(inner, frozenset())  # what is installed came with the rest of it
        ]


def _applies(one: Requirement, extras: frozenset[str]) -> bool:
    if one.marker is None:
        return True
    return any(one.marker.evaluate({"extra": extra}) for extra in ("", *extras))


def _check_one(one: Requirement, by: str, version: str, name: str, *, is_brought: bool) -> None:
    wanted = f"{by and f'its package {by} '}needs the package {plain(one)}"
    if not version:
        raise PackageMissing(f"{wanted}, which is not there; `loligo tentacle packages {name}` brings it")
    if not one.specifier.contains(version, prereleases=True):
        where = "is what it brings" if is_brought else "is installed"
        raise TentacleError(f"{wanted}, {one.name} {version} {where}")


def plain(one: Requirement) -> str:
    """Return a requirement as people write it, without the condition."""
    extras = f"[{','.join(sorted(one.extras))}]" if one.extras else ""
    return f"{one.name}{extras}{one.specifier}"


_VERSION = re.compile(r"^Version: *(\S+) *$", re.MULTILINE)


def version_of(name: str) -> str:
    """Return the version of a package that is installed where this Python looks, "" when none is."""
    found = next(iter(_installed(name)), None)
    if found is None:
        return ""
    said = _VERSION.search(found.read_text("METADATA") or "")  # to parse all of it takes a start of a bot 50 ms
    return said[1] if said else found.version


def requirements_of(name: str) -> tuple[str, ...]:
    """Return what an installed package requires."""
    found = next(iter(_installed(name)), None)
    return tuple(found.requires or ()) if found is not None else ()


def installed_versions() -> dict[str, str]:
    """Return every package that is installed, by canonical name, with the version that Python finds first."""
    found: dict[str, str] = {}
    for one in _installed():
        name = one.metadata["Name"]
        if name and one.version:
            found.setdefault(canonicalize_name(name), one.version)
    return found


def _installed(name: str | None = None) -> Iterable[metadata.Distribution]:
    """Ask Python's own finder: whoever else answers `importlib.metadata` knows what tentacles bring."""
    return metadata.MetadataPathFinder.find_distributions(metadata.DistributionFinder.Context(name=name))


def _distribution(path: str, content: bytes) -> Distribution:
    from packaging.metadata import parse_email

    raw, _ = parse_email(content)
    if "name" not in raw or "version" not in raw:
        raise TentacleError(f"{path}: it says no name or no version; tell the package's author")
    return Distribution(
        canonicalize_name(raw["name"]),
        raw["version"],
        path.removesuffix("/METADATA"),
        tuple(raw.get("requires_dist", ())),
    )
