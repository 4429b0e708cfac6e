"""The lock file, `tentacles.lock`: where every installed version came from, and what it was allowed.

The registry says which version is wanted; this file says of each version that was installed what was known then. It is
written before the registry names a version and cleared after the registry forgot one, always in the registry's turn:
whatever moment a crash takes, a version that the registry names is in here. The last ten of each tentacle are kept,
oldest first, to go back to. An update that waits for permissions is in here only. JSON, sorted, one line per value.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from loligo.errors import ConfigError, TentacleError
from loligo.registry.durable import replace_file
from loligo.registry.faults import describe_faults
from loligo.registry.manifest import SETTINGS_FILE, Kind, Name, Permission, Strict, VersionText
from loligo.registry.registry_file import RegistryEntry, TreeHash
from loligo.registry.tree import hash12
from loligo_kit.distributions import PREFIX, installed_tentacle

LOCK_FILE = "tentacles.lock"
KEPT_VERSIONS = 10
TRACKED = ("installed", "pip")  # sources of which this file must know every version that is loaded


Sha256 = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]


class LockedWheel(Strict):
    """One Python package that a tentacle brings: the wheel that it came in, and how large it is when it lies there."""

    name: str  # canonical
    version: VersionText
    wheel: Sha256
    bytes: int


class LockedPackages(Strict):
    """All that a tentacle brings: what they are together, and each wheel."""

    tree_hash: TreeHash
    wheels: list[LockedWheel]


class LockedVersion(Strict):
    """One version of a tentacle, as it was when it was installed."""

    version: VersionText
    tree_hash: TreeHash
    archive_hash: Sha256 | None = None
    source: str  # what `fetch` takes; of one that was there before, "bundled" or "local"
    path: str | None = None  # of its folder, when it was not installed but lay in one
    permissions: list[Permission] = Field(default_factory=list)  # granted by a person
    requires: dict[str, str] = Field(default_factory=dict)  # KIND/NAME: tree hash, of all that it needed, and these
    settings_hash: Sha256 | None = None  # of settings.schema.json
    packages: LockedPackages | None = None  # that it brings


class LockedTentacle(Strict):
    """The versions of one tentacle, oldest first, and the one that waits until a person agrees to its permissions."""

    kind: Kind
    name: Name
    versions: list[LockedVersion]
    pending: TreeHash | None = None
    packages: LockedPackages | None = None  # of what lies in a folder of its own, whatever its version

    @property
    def slot(self) -> str:
        return f"{self.kind} {self.name}"

    def find(self, tree_hash: str | None) -> LockedVersion | None:
        return next((each for each in self.versions if each.tree_hash == tree_hash), None)

    def bundle(self, packages_hash: str | None) -> LockedPackages | None:
        """Return the packages of this hash, whichever version brings them; the newest first."""
        every = [self.packages, *(each.packages for each in reversed(self.versions))]
        return next((one for one in every if one is not None and one.tree_hash == packages_hash), None)

    def equipped(self, entry: RegistryEntry, packages: LockedPackages | None) -> LockedTentacle:
        """Return this with the permissions and packages of what an entry wants now; a person agreed to them, so that
        it does not wait any more."""
        if entry.path is not None or self.find(entry.tree_hash) is None:
            return self.model_copy(update={"packages": packages})
        changes = {"packages": packages, "permissions": entry.permissions}
        versions = [
            each.model_copy(update=changes) if each.tree_hash == entry.tree_hash else each for each in self.versions
        ]
        pending = None if self.pending == entry.tree_hash else self.pending
        return self.model_copy(update={"versions": versions, "pending": pending})

    def without_permissions(self, taken: Collection[str]) -> LockedTentacle:
        """Return this with versions that were granted none of these: nobody goes back to them unasked."""
        versions = [
            each.model_copy(update={"permissions": [held for held in each.permissions if held not in taken]})
            for each in self.versions
        ]
        return self.model_copy(update={"versions": versions})

    def before(self, tree_hash: str | None) -> LockedVersion | None:
        """Return the version that ran before the one of this hash."""
        ran = [each for each in self.versions if each.tree_hash != self.pending]
        place = next((index for index, each in enumerate(ran) if each.tree_hash == tree_hash), 0)
        return ran[place - 1] if place else None

    def with_newest(self, *versions: LockedVersion, pending: str | None = None) -> LockedTentacle:
        """Return this with `versions` at the end, in their order, wherever they stood; what is too old is left out."""
        hashes = {each.tree_hash for each in versions}
        others = [each for each in self.versions if each.tree_hash not in hashes | {self.pending}]
        newest = [*others, *versions][-KEPT_VERSIONS:]
        return self.model_copy(update={"versions": newest, "pending": pending})


class Lock(Strict):
    """The whole file."""

    format: Literal[1] = 1
    tentacles: list[LockedTentacle] = Field(default_factory=list)

    def find(self, slot: str) -> LockedTentacle | None:
        return next((each for each in self.tentacles if each.slot == slot), None)

    def tree_hashes(self) -> frozenset[str]:
        """Return every version that one may go back to: the content store must keep them."""
        versions = [version for each in self.tentacles for version in each.versions]
        brought = [each.packages for each in self.tentacles] + [each.packages for each in versions]
        return frozenset(each.tree_hash for each in (*versions, *brought) if each is not None)

    def with_tentacle(self, changed: LockedTentacle) -> Lock:
        others = [each for each in self.tentacles if each.slot != changed.slot]
        return self.model_copy(update={"tentacles": [*others, changed]})

    def only(self, slots: Iterable[str]) -> Lock:
        """Return the lock of these tentacles alone."""
        kept = set(slots)
        return self.model_copy(update={"tentacles": [each for each in self.tentacles if each.slot in kept]})


def load_lock(home: Path) -> Lock:
    """Return the lock file of a bot folder, an empty one when there is none. ConfigError when it is wrong."""
    path = home / LOCK_FILE
    try:
        return Lock.model_validate(json.loads(path.read_bytes()))
    except FileNotFoundError:
        return Lock()
    except ValueError as exc:  # of text, of JSON and of pydantic
        said = describe_faults(exc, LockedVersion) if isinstance(exc, ValidationError) else f"not valid JSON: {exc}"
        raise ConfigError(f"{path}: {said}; take it back from your version control, or install again") from exc


def save_lock(home: Path, lock: Lock) -> None:
    """Write the lock file: at any moment it is the old or the new one, whole. Only in the registry's turn."""
    ordered = sorted(lock.tentacles, key=lambda each: (each.kind, each.name))
    values = lock.model_copy(update={"tentacles": ordered}).model_dump(exclude_none=True)
    replace_file(home / LOCK_FILE, (json.dumps(values, indent=2, sort_keys=True) + "\n").encode())


def admission(home: Path) -> Callable[[RegistryEntry], None]:
    """Return what the host asks before it loads an entry: it raises TentacleError when the lock file says otherwise."""

    def admit(entry: RegistryEntry) -> None:
        if entry.source not in TRACKED:
            return
        try:
            lock = load_lock(home)
        except ConfigError as exc:
            raise TentacleError(str(exc)) from exc  # costs what was installed, not the bot
        check_locked(lock, entry)

    return admit


def check_locked(lock: Lock, entry: RegistryEntry) -> LockedVersion | None:
    """Return what the lock file says of an entry's version. TentacleError says where they differ.

    None for one that was not installed: a tentacle that lies in a folder of its own is its owner's affair. That the
    content is what its hash says, the content store sees to. What came by pip must still be what pip has installed.
    """
    if entry.source not in TRACKED:
        return None
    locked = lock.find(f"{entry.kind} {entry.tentacle}")
    version = locked.find(entry.tree_hash) if locked else None
    if locked is None or version is None:
        again = "remove it and run `loligo tentacle refresh`" if entry.source == "pip" else "install it"
        raise TentacleError(
            f"{LOCK_FILE} does not know {entry.slot} {hash12(entry.tree_hash or '')}: it was not installed by "
            f"`loligo tentacle`; {again}, or take back the lock file that belongs to the registry"
        )
    if locked.pending == entry.tree_hash:
        raise TentacleError(f"its permissions wait for you; run `loligo tentacle agree {entry.name}`")
    if entry.source == "pip" and not entry.pin:
        _check_unchanged(version, entry)
    brought = version.packages.tree_hash if version.packages is not None else None
    if brought != entry.packages:
        raise TentacleError(
            f"the registry says packages {hash12(entry.packages or '') or 'none'}, {LOCK_FILE} "
            f"{hash12(brought or '') or 'none'}; run `loligo tentacle packages {entry.name}`"
        )
    if version.version != entry.version:
        raise TentacleError(
            f"the registry says version {entry.version}, {LOCK_FILE} {version.version}; remove it and install it again"
        )
    return version


def _check_unchanged(version: LockedVersion, entry: RegistryEntry) -> None:
    """Compare an entry with what pip has installed now."""
    if not version.source.startswith(PREFIX):
        return
    now = installed_tentacle(version.source)
    if (now.slot, now.tree_hash) != (entry.slot, entry.tree_hash):
        raise TentacleError(
            f"{now.distribution} {now.distribution_version} was installed since, whose entry point {now.name!r} holds "
            f"{now.slot} {hash12(now.tree_hash)}, and the registry wants {hash12(entry.tree_hash or '')}; run `loligo "
            f"tentacle refresh` to take it up, or `loligo tentacle pin {entry.name}` to stay"
        )


def settings_hash(files: Mapping[str, bytes]) -> str | None:
    """Return the hash of the settings' schema that a version brings, None when it brings none."""
    content = files.get(SETTINGS_FILE)
    return None if content is None else "sha256:" + hashlib.sha256(content).hexdigest()


def hashes_like(prefix: str, versions: Sequence[LockedVersion]) -> list[LockedVersion]:
    """Return the versions that a person may mean by the beginning of a hash, or by a version number."""
    digits = prefix.removeprefix("h1:")
    by_hash = [each for each in versions if len(digits) >= 4 and each.tree_hash.removeprefix("h1:").startswith(digits)]
    return by_hash or [each for each in versions if each.version == prefix]
