"""What a test has left in the files once it has ended: desks that were made for it, their accounts, versions that only
they run.

What must hold: nothing is written here; what any other desk uses is no leftover.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from loligo_bot.experiment_config import ExperimentConfig, is_made_for
from loligo_bot.experiments.arms import names_of
from loligo_bot.experiments.draft import PIN

Config = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftovers:
    """Names as the files have them."""

    desks: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()  # entries of the registry, as kind/name@hash

    def told(self) -> list[str]:
        return [
            *(f"desk {name}" for name in self.desks),
            *(f"account {name}" for name in self.accounts),
            *(f"version {name}" for name in self.versions),
        ]


def leftovers_of(name: str, one: ExperimentConfig, config: Config) -> Leftovers:
    """Return what goes with the desks that were made for an experiment; desks that were there before stay."""
    made = {arm for arm in one.challengers if arm in config["desks"] and is_made_for(name, arm)}
    desks = tuple(arm for arm in one.challengers if arm in made)
    others = {key: desk for key, desk in config["desks"].items() if key not in made}
    accounts = {desk["account"] for desk in others.values()}
    used = {tentacle for desk in others.values() for tentacle in names_of(desk)}
    own = sorted({tentacle for desk in desks for tentacle in names_of(config["desks"][desk]) if PIN in tentacle})
    return Leftovers(
        desks=desks,
        accounts=tuple(desk for desk in desks if config["desks"][desk]["account"] == desk and desk not in accounts),
        versions=tuple(tentacle for tentacle in own if tentacle not in used),
    )


def without(config: Config, gone: Leftovers) -> dict[str, Any]:
    """Return the configuration without them; the experiment stays, and with it what it found."""
    left: dict[str, Any] = copy.deepcopy(dict(config))
    for section, names in (("desks", gone.desks), ("accounts", gone.accounts)):
        for name in names:
            del left[section][name]
    return left
