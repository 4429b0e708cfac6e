"""What an A/B test over recorded data is asked for, and what comes of it: the arms, and a run of them alone.

    an experiment of the configuration, or arms of their own ─► settings with their desks in them ─► judged as one

What must hold: nothing is written; what waits for its turn is what was wanted when it was asked for, without secrets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Literal

import msgspec

from loligo.config import LoligoConfig, check_settings
from loligo.config.layers import Setting
from loligo.errors import NotFound
from loligo.host import Host, bundled_root
from loligo.registry.faults import did_you_mean
from loligo.registry.registry_file import RegistryEntry, load_registry
from loligo_bot.backtest_request import BacktestRequest, Prepared, prepare, setting_of, thawed
from loligo_bot.experiment_config import ExperimentConfig, check_arms, experiments_of
from loligo_bot.experiments.draft import Wanted, drafted
from loligo_bot.experiments.standing import SECTION
from loligo_bot.folder_config import PARTS
from loligo_bot.folder_settings import folder_settings
from loligo_bot.recipe import recipe_of

HISTORIC = "historic"  # kind of its jobs, and the name of a test that has none of its own
SAMPLE = 200_000  # inputs over which the cost of an arm is measured
ORIGIN = "A/B test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be tried: an experiment of the configuration by its name, or arms of their own."""

    wanted: Wanted
    is_named: bool = False  # the experiment stands in the configuration: the rest of `wanted` is empty
    since: str | None = None
    until: str | None = None
    data: Literal["configured", "bundled"] = "configured"
    capital: Decimal | None = None  # of each arm
    file: Path | None = None  # in place of the home's configuration
    sample: int = SAMPLE  # inputs over which the cost of an arm is measured


@dataclass(frozen=True, slots=True)
class Contest:
    """Who competes by which rule, and a run of them over history."""

    name: str
    experiment: ExperimentConfig
    prepared: Prepared

    def frozen(self) -> bytes:
        """Return it as bytes, without secrets."""
        run, rule = msgspec.Raw(self.prepared.frozen()), msgspec.Raw(self.experiment.model_dump_json().encode())
        return msgspec.json.encode({"name": self.name, "experiment": rule, "run": run})


def contest_thawed(frozen: bytes) -> Contest:
    """Return what was frozen."""
    found = msgspec.json.decode(frozen, type=dict[str, msgspec.Raw])
    name = msgspec.json.decode(found["name"], type=str)
    return Contest(name, ExperimentConfig.model_validate_json(bytes(found["experiment"])), thawed(bytes(found["run"])))


def contest_of(home: Path, asked: Asked) -> Contest:
    """Return the experiment and a run of its arms alone. BadArguments, ConfigError or NotFound says what is wrong."""
    settings = folder_settings(home, file=asked.file)
    config = check_settings(settings, parts=PARTS, where=str(asked.file or home))
    one, pins = _of_config(config, asked.wanted.name) if asked.is_named else _asked_for(home, config, settings, asked)
    request = BacktestRequest(
        desks=one.arms, since=asked.since, until=asked.until, data=asked.data, capital=asked.capital
    )
    prepared = prepare(home, request, file=asked.file, settings=settings, beside=pins)
    check_arms(asked.wanted.name, one, prepared.config)
    return Contest(asked.wanted.name, one, prepared)


def _of_config(config: LoligoConfig, name: str) -> tuple[ExperimentConfig, Sequence[RegistryEntry]]:
    known = experiments_of(config)
    if name not in known:
        listed = ", ".join(known) or "none"
        hint = did_you_mean(name, list(known))
        raise NotFound(
            f'there is no experiment "{name}"{hint}; there are {listed}; name a control to begin one of its own'
        )
    return known[name], ()


def _asked_for(
    home: Path, config: LoligoConfig, settings: Setting, asked: Asked
) -> tuple[ExperimentConfig, Sequence[RegistryEntry]]:
    """Return an experiment of its own, and lay the arms that it makes over the settings."""
    registry = load_registry(Host(home, bundled_root()).registry_path)
    draft = drafted(home, recipe_of(config, registry).config, asked.wanted)
    one = ExperimentConfig.model_validate(draft.config[SECTION][asked.wanted.name])
    for name in one.challengers:
        if name not in config.desks:
            for section in ("desks", "accounts"):
                settings.place((section, name), setting_of(draft.config[section][name], ORIGIN))
    return one, draft.pins
