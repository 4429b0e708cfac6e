"""A tentacle's manifest: all that must be known of a tentacle before any of its code runs.

`tentacle.toml` is written by a person; `settings.schema.json` beside it is the JSON schema of the settings class, as
`settings_text` generates it (JSON, because TOML has no null, and editors and pages read it as it is). Unknown keys and
wrong types are refused with the file, the key, the value and what was expected. Whether the manifest's wishes (api
range, python packages, other tentacles, permissions) are met is the host's question.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from loligo.errors import TentacleError
from loligo.registry.faults import describe_faults, did_you_mean

MANIFEST_FILE = "tentacle.toml"
SETTINGS_FILE = "settings.schema.json"

Kind = Literal[
    "evaluator", "strategy", "trading_mode", "risk_rule", "feed", "venue", "interface", "notifier", "automation"
]
KIND_FOLDERS: dict[Kind, str] = {kind: f"{kind}s".replace("ys", "ies") for kind in get_args(Kind)}
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)]

PERMISSIONS: Mapping[str, str] = {  # all there are, each in a line for the person who grants it
    "keys": "holds a venue's API keys; venues only",
    "net": 'opens connections to the host named behind it, as in "net:api.example.org"; "net:*" is any host',
    "files": "writes files, and reads others than those it brings",
    "environment": "reads the bot's environment variables",
    "threads": "starts threads of its own",
    "process": "starts other programs",
    "admin": "exchanges tentacles and changes settings; for automations, whoever else is an actor of its own",
    "native": "calls machine code by its address, past every check of Python",
}


def _permission(text: str) -> str:
    name, _, host = text.partition(":")
    if name not in PERMISSIONS:
        raise ValueError(f"expected one of {', '.join(PERMISSIONS)}{did_you_mean(name, PERMISSIONS)}")
    if bool(host) != (name == "net"):
        raise ValueError('expected a host behind "net:" and nothing behind any other, such as "net:api.example.org"')
    return text


def _read_by(parse: Callable[[str], object], what: str) -> AfterValidator:
    def check(text: str) -> str:
        try:
            parse(text)
        except ValueError as exc:  # packaging's errors are ValueErrors
            raise ValueError(f"expected {what}") from exc
        return text

    return AfterValidator(check)


Permission = Annotated[str, AfterValidator(_permission)]
Range = Annotated[str, _read_by(SpecifierSet, 'a version range such as ">=1.0,<2"')]
VersionText = Annotated[str, _read_by(Version, 'a version such as "1.0.0"')]
RequirementText = Annotated[str, _read_by(Requirement, 'a requirement such as "numpy>=1.26"')]
Isolation = Literal["none", "process"]


class Strict(BaseModel):
    """Base of what is read from files: unknown keys and wrong types are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Requires(Strict):
    """What must be there: other tentacles as name = range, and python packages."""

    tentacles: dict[Name, Range] = Field(default_factory=dict)
    python: list[RequirementText] = Field(default_factory=list)


class State(Strict):
    """How the state of an instance comes into the next one: not at all, by the last candles, or exported as data."""

    version: Annotated[int, Field(ge=1)] = 1
    mode: Literal["none", "rebuild", "export"] = "export"
    candles: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _candles_rebuild(self) -> State:
        if (self.mode == "rebuild") != (self.candles is not None):
            raise ValueError(f'candles = {self.candles} with mode "{self.mode}": "rebuild" needs it, no other takes it')
        return self


class Resources(Strict):
    """What it may use, as its author measured it; None says nothing."""

    cpu_ms_per_event: Annotated[float, Field(gt=0)] | None = None
    memory_mb: Annotated[float, Field(gt=0)] | None = None


class Manifest(Strict):
    """The content of one `tentacle.toml`. What names it among all others is `id`."""

    name: Name
    kind: Kind
    version: VersionText
    api: Range
    summary: Annotated[str, Field(min_length=1, max_length=200)]
    author: str
    licence: str
    changelog: str = ""  # text, or the name of a file that is brought
    entry: Literal["__init__.py"] = "__init__.py"  # the module with the hooks
    hooks: list[str] = Field(default_factory=list)  # that it implements; empty says nothing
    behaviour: Literal["same", "changed"] = "changed"  # than the version before: "same" must answer every input alike
    permissions: list[Permission] = Field(default_factory=list)
    isolation: Isolation = "none"  # the weakest that it may run under
    state: State = Field(default_factory=State)
    requires: Requires = Field(default_factory=Requires)
    resources: Resources = Field(default_factory=Resources)
    # What an evaluator's numbers are, in their order, and where a chart draws each.
    draw: dict[Name, Literal["price", "pane", "bars", "none"]] = Field(default_factory=dict)
    # What it shows of itself, as a page or on the dashboard; judged by whoever shows it, never a reason not to trade.
    show: dict[Literal["page", "widget"], dict[str, Any]] = Field(default_factory=dict)

    @property
    def id(self) -> str:
        return f"{self.kind}/{self.name}"

    @property
    def state_version(self) -> int:
        return self.state.version

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
        manifest = Manifest.model_validate(tomllib.loads(files[MANIFEST_FILE].decode()))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise TentacleError(f"{where}: not valid TOML: {exc}") from exc
    except ValidationError as exc:
        raise TentacleError(f"{where}: {describe_faults(exc, Manifest)}") from exc
    if manifest.changelog.endswith(".md") and manifest.changelog not in files:
        raise TentacleError(f"{where}: changelog = {manifest.changelog!r}: no such file beside it; add it or give text")
    return manifest


class _SettingsSchema(GenerateJsonSchema):
    """Says the same in every pydantic from 2.10 on: some add a pattern to decimals that are written as text."""

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> JsonSchemaValue:
        found = super().decimal_schema(schema)
        for way in found.get("anyOf", ()):
            way.pop("pattern", None)
        return found


def settings_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return the JSON schema of a settings class, its fields in the order of the class."""
    return model.model_json_schema(schema_generator=_SettingsSchema)


def settings_text(model: type[BaseModel]) -> bytes:
    """Return what `settings.schema.json` holds for a settings class."""
    return (json.dumps(settings_schema(model), indent=2, ensure_ascii=False) + "\n").encode()
