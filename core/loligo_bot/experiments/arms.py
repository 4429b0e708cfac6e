"""What an arm runs, as one hash: its code, settings, limits and costs. A change of any of it makes a test invalid.

generations that led (slots, recipe) ─► what each arm ran, from when ─► the hash of each of its days
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loligo.model.timeframe import DAY_NS
from loligo_bot.plan import settings_hash
from loligo_bot.recipe import Recipe
from loligo_lab.experiment import config_hash

CODE = {"strategy": "strategy", "mode": "trading_mode"}  # parts of a desk that one tentacle fills, and its kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """What one arm runs from an instant on."""

    since_ns: int
    number: int  # of the generation
    code: Mapping[str, str]  # tree hash by kind/name
    config_hash: str
    fee_schedule: str
    market: str  # what it looks at, and how often: arms with equal ones are asked equally often
    account: str
    capital: float

    @property
    def key(self) -> str:
        return f"{self.config_hash}/{self.fee_schedule}"


def runs_of(desk: str, recipe: Recipe, slots: Sequence[Mapping[str, str]], since_ns: int, number: int) -> Runs | None:
    """Return what a desk runs in a generation, None where it is not there. `slots` are those of the journal."""
    settings = recipe.config["desks"].get(desk)
    if settings is None:
        return None
    hashes = {slot["tentacle"]: slot["tree_hash"] for slot in slots}
    code = {name: hashes.get(name, "off") for name in names_of(settings)}
    basis = {f"{one['kind']}/{one['name']}": one["settings"] for one in recipe.registry["tentacles"]}
    account = recipe.config["accounts"][settings["account"]]
    venue = recipe.config["venues"][settings["venue"]]
    decides = {
        "desk": {key: value for key, value in settings.items() if key != "capital"},
        "account": account["limits"],
        "registry": {name: basis.get(name, {}) for name in code},
    }
    market = [settings["instruments"], settings["timeframe"]]
    return Runs(
        since_ns=since_ns,
        number=number,
        code=code,
        config_hash=config_hash(code, decides),
        fee_schedule=settings_hash(venue),
        market=settings_hash({"market": market}),
        account=settings["account"],
        capital=float(settings["capital"]),
    )


def names_of(desk: Mapping[str, Any]) -> list[str]:
    """Return the tentacles of a desk's settings, as kind/name."""
    parts = [f"{kind}/{desk[part]['tentacle']}" for part, kind in CODE.items()]
    parts += [f"evaluator/{one['tentacle']}" for one in desk["evaluators"]]
    return sorted({*parts, *(f"risk_rule/{name}" for name in desk["risk_rules"])})


def on_day(runs: Sequence[Runs], day: int) -> Runs:
    """Return what an arm ran on a day: as at its end, or the first that was otherwise within it."""
    begin, end = day * DAY_NS, (day + 1) * DAY_NS
    before = [one for one in runs if one.since_ns <= begin] or runs[:1]
    for one in runs:
        if begin < one.since_ns <= end and one.key != before[-1].key:
            return one
    return before[-1]
