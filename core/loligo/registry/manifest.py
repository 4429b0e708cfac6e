"""A tentacle's manifest, `tentacle.toml`: all that must be known of a tentacle before any of its code runs.

Unknown keys and wrong types are refused with the file, the key, the value and what was expected. Whether the manifest's
wishes (api range, python packages, other tentacles, permissions) are met is the host's question.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Literal, get_args

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from loligo.errors import TentacleError
from loligo.registry.faults import describe_faults

MANIFEST_FILE = "tentacle.toml"

Kind = Literal[
    "evaluator", "strategy", "trading_mode", "risk_rule", "feed", "venue", "interface", "notifier", "automation"
]
KIND_FOLDERS: dict[Kind, str] = {kind: f"{kind}s".replace("ys", "ies") for kind in get_args(Kind)}
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)]
Permission = Annotated[str, Field(pattern=r"^[a-z]+(:\S+)?$")]  # such as "keys" or "net:api.example.org"


def _read_by(parse: Callable[[str], object], what: str) -> AfterValidator:
    def check(text: str) -> str:
        try:
            parse(text)
        except ValueError as exc:  # packaging's errors are ValueErrors
            raise ValueError(f"expected {what}") from exc
        return text

    return AfterValidator(check)


Range = Annotated[str, _read_by(SpecifierSet, 'a version range such as ">=1.0,<2"')]
VersionText = Annotated[str, _read_by(Version, 'a version such as "1.0.0"')]
RequirementText = Annotated[str, _read_by(Requirement, 'a requirement such as "numpy>=1.26"')]


class Strict(BaseModel):
    """Base of what is read from files: unknown keys and wrong types are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Requires(Strict):
    """What must be there: other tentacles as name = range, and python packages."""

    tentacles: dict[Name, Range] = Field(default_factory=dict)
    python: list[RequirementText] = Field(default_factory=list)


class Manifest(Strict):
    """The content of one `tentacle.toml`."""

    name: Name
    kind: Kind
    version: VersionText
    api: Range
    summary: Annotated[str, Field(min_length=1, max_length=200)]
    author: str
    licence: str
    entry: Literal["__init__.py"] = "__init__.py"  # the module with the hooks
    hooks: list[str] = Field(default_factory=list)  # that it implements; empty says nothing
    settings: str = ""  # name of the settings class; "" says nothing
    state_version: Annotated[int, Field(ge=1)] = 1
    permissions: list[Permission] = Field(default_factory=list)
    requires: Requires = Field(default_factory=Requires)

    @model_validator(mode="after")
    def _keys_belong_to_venues(self) -> Manifest:
        if "keys" in self.permissions and self.kind != "venue":
            raise ValueError(f'only a venue may hold the permission "keys", {self.name} is of kind {self.kind}')
        return self


def read_manifest(folder: Path, files: Mapping[str, bytes]) -> Manifest:
    """Return the manifest among `files` of a tentacle in `folder`. TentacleError when there is no valid one."""
    where = folder / MANIFEST_FILE
    for needed in (MANIFEST_FILE, "__init__.py"):
        if needed not in files:
            raise TentacleError(f"{folder} has no {needed}")
    try:
        return Manifest.model_validate(tomllib.loads(files[MANIFEST_FILE].decode()))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise TentacleError(f"{where}: not valid TOML: {exc}") from exc
    except ValidationError as exc:
        raise TentacleError(f"{where}: {describe_faults(exc, Manifest)}") from exc
