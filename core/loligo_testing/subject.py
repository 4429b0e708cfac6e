"""The tentacle under test: its version as a bot would load it, what its author declares for the kit, and its instances.

`check.toml` beside the manifest is the author's, and may be left out:

    direction = "reversal"          # of an evaluator: "trend" (default), "reversal" or "none": nothing of direction
    [settings]                      # where the defaults do not do, such as a key without a default
    period = 7
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from loligo.api import MakeContext, TentacleError, TentacleSettings
from loligo.host.loader import LoadedTentacle, bind
from loligo.host.verifier import TentacleVersion
from loligo.registry.faults import describe_faults
from loligo.registry.manifest import read_manifest
from loligo.registry.registry_file import RegistryEntry
from loligo.registry.tree import read_tree, tree_hash
from loligo_testing.tape import BTC
from loligo_testing.views import FilledInput

CHECK_FILE = "check.toml"
IN_ENGINE = frozenset({"evaluator", "strategy", "trading_mode", "risk_rule"})
CALLS: Mapping[str, tuple[str, ...]] = {  # of the kinds whose calls can be made one by one
    "evaluator": ("on_candle", "on_trade", "on_quote", "on_book", "on_external"),
    "strategy": ("decide",),
    "trading_mode": ("on_signal", "on_candle", "on_fill", "on_order_end", "on_timer"),
    "risk_rule": ("check", "watch", "on_trade_closed"),
}


class Declared(BaseModel):
    """The content of `check.toml`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    direction: Literal["trend", "reversal", "none"] = "trend"
    settings: dict[str, Any] = {}


def read_version(folder: Path) -> TentacleVersion:
    """Return the version in a folder, granted what its manifest wishes. TentacleError when it holds none."""
    files = read_tree(folder)
    manifest = read_manifest(folder, files)
    values = {"name": manifest.name, "kind": manifest.kind, "version": manifest.version, "path": "tentacle"}
    entry = RegistryEntry.model_validate({**values, "permissions": manifest.permissions})
    return TentacleVersion(entry=entry, manifest=manifest, tree_hash=tree_hash(files), folder=folder, files=files)


def read_declared(version: TentacleVersion) -> Declared:
    """Return what the author declares. TentacleError when the file is wrong."""
    where = version.folder / CHECK_FILE
    try:
        return Declared.model_validate(tomllib.loads(version.files.get(CHECK_FILE, b"").decode()))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise TentacleError(f"{where}: not valid TOML: {exc}") from exc
    except ValidationError as exc:
        raise TentacleError(f"{where}: {describe_faults(exc, Declared)}") from exc


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A tentacle that is loaded here, with the settings that it is tested with."""

    version: TentacleVersion
    declared: Declared
    loaded: LoadedTentacle
    settings: TentacleSettings

    @property
    def kind(self) -> str:
        return self.version.manifest.kind

    @property
    def name(self) -> str:
        return self.version.manifest.name

    @property
    def permissions(self) -> list[str]:
        return self.version.manifest.permissions

    @property
    def inputs(self) -> tuple[FilledInput, ...]:
        """The board of a strategy: a place for every name that its settings mention, and one more."""
        names = re.findall(r'"([a-z]\w*)"', self.settings.model_dump_json())
        return tuple(FilledInput(name=name) for name in dict.fromkeys([*names, "opinion"]))

    def make(self, context: MakeContext | None = None) -> Any:
        """Return a new instance, for a place as the tapes are for. TentacleError with the cause when it raises."""
        instrument, inputs = BTC, self.inputs
        place = MakeContext(
            desk="test", instrument=instrument, timeframe="1h", inputs=inputs, instruments=(instrument,)
        )
        return self.loaded.create(self.settings, context or place)


def load(version: TentacleVersion) -> Subject:
    """Import a version in this process. LoligoError when it cannot be, or its settings do not do."""
    loaded = bind(version, {})
    declared = read_declared(version)
    settings = loaded.make_settings(declared.settings, where=f"{CHECK_FILE}: settings")
    return Subject(version=version, declared=declared, loaded=loaded, settings=settings)
