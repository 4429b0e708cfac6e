"""What is loaded, and who is asked before: a version with its content, and the verdict on it.

Code of strangers runs elsewhere first. The package `loligo_verifier` does that in a process of its own, which also
compiles: compiling holds the interpreter's lock, and a bot at work has no time for it.
"""

from __future__ import annotations

import atexit
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import CodeType
from typing import Protocol

import msgspec

from loligo.host.finder import NAMESPACE
from loligo.registry.manifest import Manifest
from loligo.registry.registry_file import RegistryEntry
from loligo.registry.tree import hash12
from loligo_packages.package_set import NO_PACKAGES, PackageSet


@dataclass(frozen=True, slots=True, kw_only=True)
class TentacleVersion:
    """A registry entry with the content that it names."""

    entry: RegistryEntry
    manifest: Manifest
    tree_hash: str
    folder: Path  # where the content lies, and where `__file__` points
    files: Mapping[str, bytes]
    packages: PackageSet = NO_PACKAGES  # that it brings

    @property
    def package(self) -> str:
        """Return the name under which it is imported, its own alone."""
        name, brought = self.entry.name.replace("@", "_at_"), hash12(self.packages.tree_hash)
        return f"{NAMESPACE}.{self.entry.kind}_{name}__{hash12(self.tree_hash)}{brought and '_'}{brought}"


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen of a version that passed."""

    imports: list[str]  # modules of others, sorted
    permissions: list[str]  # that its source needs, without the host of "net"
    hooks: list[str]
    calls: list[str]  # public methods of an instance
    settings_schema: str  # JSON
    state_bytes: int | None  # of an instance's exported state; None: it exports none, or could not be made
    not_made: str = ""  # why no instance could be made with default settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A version that may be loaded."""

    code: Mapping[str, CodeType]  # by path
    findings: Findings
    took_ms: float


class Verifier(Protocol):
    """Judges one version at a time; all methods may be called from any thread."""

    def warm(self) -> None:
        """Get ready, without waiting for it."""
        ...

    def verify(self, version: TentacleVersion, *, runs: bool = True) -> Verified:
        """Return the version's code and what was found. TentacleError says why it is refused, and where.

        Unless it `runs` there, only its source is read: nothing is known of hooks, calls, settings and state then.

        Blocks for as long as that takes: call it off the event loop.
        """
        ...

    def close(self) -> None:
        """End what `warm` began."""
        ...


@cache
def shared_verifier() -> Verifier:
    """Return the one verifier of this process, closed when it ends."""
    from loligo_verifier.client import ProcessVerifier

    verifier = ProcessVerifier()
    atexit.register(verifier.close)
    return verifier
