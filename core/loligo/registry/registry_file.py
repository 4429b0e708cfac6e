"""The registry file, `tentacle_registry.json`: which tentacles a person wants, in which version, on or off.

It holds desired state only; whoever changes it (editor, command line, page, `git pull`) writes this one file. Reading
refuses what it does not understand, with the place. Writing is atomic: at any moment the file is the old or the new
one, whole, and the one before is kept beside it. Paths in it are relative to the file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError, model_validator

from loligo.errors import ConfigError
from loligo.registry.faults import describe_faults
from loligo.registry.manifest import KIND_FOLDERS, Kind, Name, Permission, Strict, VersionText

REGISTRY_FILE = "tentacle_registry.json"
SCHEMA_FILE = "config/tentacle_registry.schema.json"  # beside the registry file, for editors


TreeHash = Annotated[str, Field(pattern=r"^h1:[0-9a-f]{64}$")]


def _inside(path: str) -> str:
    if path.startswith("/") or "\\" in path or ":" in path or ".." in path.split("/"):
        raise ValueError('expected a path below the registry file, with "/", such as "tentacles/evaluators/rsi"')
    return path


class RegistryEntry(Strict):
    """One tentacle, as a person wants it."""

    name: Name
    kind: Kind
    version: VersionText
    tree_hash: TreeHash | None = Field(default=None, description="of the content; only a local tentacle may go without")
    source: Literal["bundled", "local"] = "local"
    path: Annotated[str, Field(min_length=1), AfterValidator(_inside)]
    enabled: bool = True
    settings: dict[str, Any] = Field(default_factory=dict, description="under those that a desk gives")
    permissions: list[Permission] = Field(default_factory=list, description="granted by a person")
    isolation: Literal["none", "process"] = "none"
    pin: bool = Field(default=False, description="updates leave it alone")

    @property
    def slot(self) -> str:
        """Return what people call it: kind and name."""
        return f"{self.kind} {self.name}"

    @model_validator(mode="after")
    def _bundled_is_hashed(self) -> RegistryEntry:
        if self.source == "bundled" and self.tree_hash is None:
            raise ValueError(f"{self.slot} is bundled and has no tree_hash: run `make registry`")
        return self


class Registry(Strict, title="Loligo tentacle registry"):
    """The whole file; entries are unique by kind and name."""

    schema_: str = Field(default=SCHEMA_FILE, alias="$schema")
    format: Literal[1] = 1
    tentacles: list[RegistryEntry] = Field(default_factory=list)

    @model_validator(mode="after")
    def _slots_are_unique(self) -> Registry:
        slots = [entry.slot for entry in self.tentacles]
        twice = sorted({slot for slot in slots if slots.count(slot) > 1})
        if twice:
            raise ValueError(f"listed twice: {', '.join(twice)}; keep one entry of each")
        return self


def load_registry(path: Path) -> Registry:
    """Return the registry in `path`. ConfigError when it is missing or wrong."""
    try:
        return Registry.model_validate(json.loads(path.read_bytes()))
    except FileNotFoundError as exc:
        raise ConfigError(f"{path}: no registry file; `loligo init {path.parent}` writes one") from exc
    except (json.JSONDecodeError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path}: not valid JSON: {exc}; the copy before it is {previous_copy(path)}") from exc
    except ValidationError as exc:
        raise ConfigError(f"{path}: {describe_faults(exc, RegistryEntry)}") from exc


def save_registry(path: Path, entries: Sequence[RegistryEntry]) -> None:
    """Write `entries` to `path` atomically, in the order of kind and name, and keep the file before it."""
    ordered = sorted(entries, key=lambda entry: (list(KIND_FOLDERS).index(entry.kind), entry.name))
    values = Registry(tentacles=ordered).model_dump(by_alias=True, exclude_none=True)
    if path.exists():
        _replace(previous_copy(path), path.read_bytes())
    _replace(path, (json.dumps(values, indent=2, ensure_ascii=False) + "\n").encode())


def publish_schema(folder: Path) -> Path:
    """Write the file's JSON schema below `folder`, where `$schema` of a registry file in it points, and return it."""
    path = folder / SCHEMA_FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    schema = Registry.model_json_schema(by_alias=True)
    _replace(path, (json.dumps(schema, indent=2, sort_keys=True) + "\n").encode())
    return path


def previous_copy(path: Path) -> Path:
    """Return where the content that `path` had before its last change is kept."""
    return path.with_name(f".{path.name}.previous")


def _replace(path: Path, content: bytes) -> None:
    """Make `content` the content of `path`: a crash leaves the old file or the new one, whole."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
