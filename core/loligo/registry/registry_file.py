"""The registry file, `tentacle_registry.json`: which tentacles a person wants, in which version, on or off.

It holds desired state only; whoever changes it (editor, command line, page, `git pull`) writes this one file. Reading
refuses what it does not understand, with the place. Writing is atomic: at any moment the file is the old or the new
one, whole, and the one before is kept beside it. Writers of ours take turns by a lock file beside it, and a change
touches no entry but its own (`editing`). Paths in the file are relative to it. It may be a link: what that leads to is
written, and has the lock file beside it.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ModelWrapValidatorHandler, ValidationError, model_validator

from loligo.errors import ConfigError
from loligo.registry.durable import replace_file
from loligo.registry.faults import describe_faults
from loligo.registry.manifest import KIND_FOLDERS, Isolation, Kind, Permission, Strict, VersionText

REGISTRY_FILE = "tentacle_registry.json"
SCHEMA_FILE = "config/tentacle_registry.schema.json"  # beside the registry file, for editors


PINNED = r"^[a-z][a-z0-9_]{0,63}(@[0-9a-f]{12})?$"  # a desk that names NAME@HASH keeps that version
TreeHash = Annotated[str, Field(pattern=r"^h1:[0-9a-f]{64}$")]


def _inside(path: str) -> str:
    if path.startswith("/") or "\\" in path or ":" in path or ".." in path.split("/"):
        raise ValueError('expected a path below the registry file, with "/", such as "tentacles/evaluators/rsi"')
    return path


class RegistryEntry(Strict):
    """One tentacle, as a person wants it."""

    name: Annotated[str, Field(pattern=PINNED, max_length=80, description="NAME, or NAME@HASH beside another version")]
    kind: Kind
    version: VersionText
    tree_hash: TreeHash | None = Field(default=None, description="of the content; only a local tentacle may go without")
    source: Literal["bundled", "local", "installed", "pip"] = Field(
        default="local", description="installed and pip: from where stands in tentacles.lock"
    )
    path: Annotated[str, Field(min_length=1), AfterValidator(_inside)] | None = Field(
        default=None, description="of its folder; without one the content store is read by tree_hash"
    )
    enabled: bool = True
    settings: dict[str, Any] = Field(default_factory=dict, description="under those that a desk gives")
    permissions: list[Permission] = Field(default_factory=list, description="granted by a person")
    packages: TreeHash | None = Field(default=None, description="of the Python packages that it brings")
    isolation: Isolation = "none"
    pin: bool = Field(default=False, description="updates leave it alone")

    @property
    def slot(self) -> str:
        """Return what people call it: kind and name."""
        return f"{self.kind} {self.name}"

    @property
    def tentacle(self) -> str:
        """Return the name that its manifest has."""
        return self.name.partition("@")[0]

    @model_validator(mode="wrap")
    @classmethod
    def _faults_name_it(cls, values: Any, check: ModelWrapValidatorHandler[RegistryEntry]) -> RegistryEntry:
        try:
            return check(values)
        except ValidationError as exc:
            if isinstance(values, dict) and {"kind", "name"} <= values.keys():
                raise ValueError(f"{values['kind']} {values['name']}: {describe_faults(exc, cls)}") from exc
            raise

    @model_validator(mode="after")
    def _bundled_is_hashed(self) -> RegistryEntry:
        if self.source == "bundled" and self.tree_hash is None:
            raise ValueError(f"{self.slot} is bundled and has no tree_hash: run `make registry`")
        if self.path is None and (self.tree_hash is None or self.source == "bundled"):
            raise ValueError(f"{self.slot} has no path: expected one, or the tree_hash of installed content")
        return self


class Registry(Strict, title="Loligo tentacle registry"):
    """The whole file; entries are unique by kind and name."""

    schema_: str = Field(default=SCHEMA_FILE, alias="$schema")
    format: Literal[1] = 1
    tentacles: list[RegistryEntry] = Field(default_factory=list)

    @model_validator(mode="after")
    def _slots_are_unique(self) -> Registry:
        slots = [entry.slot for entry in self.tentacles]
        if twice := sorted({slot for slot in slots if slots.count(slot) > 1}):
            raise ValueError(f"listed twice: {', '.join(twice)}; keep one entry of each")
        return self


def bundled_root() -> Path:
    """Return where the bundled registry, tentacles and config lie: package data, or the root of a checkout."""
    package = Path(__file__).resolve().parents[1]
    return package / "bundled" if (package / "bundled").is_dir() else package.parents[1]


def load_registry(path: Path) -> Registry:
    """Return the registry in `path`. ConfigError when it is missing or wrong."""
    try:
        return Registry.model_validate(json.loads(path.read_bytes()))
    except FileNotFoundError as exc:
        raise ConfigError(f"{path}: no registry file; `loligo init {path.parent}` writes one") from exc
    except (json.JSONDecodeError, UnicodeDecodeError) as exc:
        kept = f"the copy before it is {copy}" if (copy := previous_copy(path)).exists() else "put it right there"
        raise ConfigError(f"{path}: not valid JSON: {exc}; {kept}") from exc
    except ValidationError as exc:
        raise ConfigError(f"{path}: {describe_faults(exc, Registry)}") from exc


@contextmanager
def editing(path: Path) -> Iterator[dict[str, RegistryEntry]]:
    """Hand out the newest entries by slot, to be changed in place, and write them when the block ends without an error.

    A missing file is an empty one. What an editor or git, which take no turns, wrote meanwhile is kept. ConfigError
    when they changed an entry that the block changed, too, to something else: then nothing is written.
    """
    with _turn(path.resolve()):
        before = _entries(path)
        entries = dict(before)
        yield entries
        newest = _entries(path)
        changed = [slot for slot in before | entries if before.get(slot) != entries.get(slot)]
        if clash := [slot for slot in changed if newest.get(slot) not in (before.get(slot), entries.get(slot))]:
            raise ConfigError(f"{path}: somebody else changed {', '.join(clash)} meanwhile; look at it and try again")
        kept = {slot: entry for slot, entry in newest.items() if slot not in changed}
        if changed or not path.exists():
            _write(path, (kept | {slot: entries[slot] for slot in changed if slot in entries}).values())


def save_registry(path: Path, entries: Sequence[RegistryEntry]) -> None:
    """Write `entries` to `path` atomically, whatever it held, and keep the file before it."""
    with _turn(path.resolve()):
        _write(path, entries)


@contextmanager
def _turn(path: Path) -> Iterator[None]:
    with path.with_name(f".{path.name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a crash releases it
        for leftover in path.parent.glob(f".{path.name}.*.tmp"):
            leftover.unlink()
        yield


def _entries(path: Path) -> dict[str, RegistryEntry]:
    return {entry.slot: entry for entry in load_registry(path).tentacles} if path.exists() else {}


def _write(path: Path, entries: Iterable[RegistryEntry]) -> None:
    """Write the entries in the order of kind and name."""
    ordered = sorted(entries, key=lambda entry: (list(KIND_FOLDERS).index(entry.kind), entry.name))
    values = Registry(tentacles=ordered).model_dump(by_alias=True, exclude_none=True)
    if path.exists():
        replace_file(previous_copy(path), path.read_bytes())
    replace_file(path, (json.dumps(values, indent=2, ensure_ascii=False) + "\n").encode())


def previous_copy(path: Path) -> Path:
    """Return where the content that `path` had before its last change is kept."""
    return path.with_name(f".{path.name}.previous")
