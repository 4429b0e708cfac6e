"""What an arm runs, as one hash: its code, settings, limits and costs. A change of any of it makes a test invalid.

generations that led (slots, recipe, who wanted it) ─► what each arm ran, from when ─► the hash of each of its days
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loligo.model.timeframe import DAY_NS, iso
from loligo.registry.tree import hash12
from loligo_bot.plan import settings_hash
from loligo_bot.recipe import Recipe, differences
from loligo_lab.experiment import config_hash
from loligo_lab.experiment.integrity import OPINIONS

MOST_CHANGES = 3  # that are told of one
CODE = {"strategy": "strategy", "mode": "trading_mode"}  # parts of a desk that one tentacle fills, and its kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """What one arm runs from an instant on."""

    since_ns: int
    number: int  # of the generation
    by: str  # who wanted that, in words; "" where it is not known (yet)
    code: Mapping[str, str]  # tree hash by kind/name
    decides: Mapping[str, Any]  # settings by which it decides: of the desk, the account's limits, the registry's
    config_hash: str
    fee_schedule: str
    account: str
    capital: float
    timeframe: str
    instruments: int

    @property
    def key(self) -> str:
        return f"{self.config_hash}/{self.fee_schedule}"

    def against(self, before: Runs) -> str:
        """Return in words what is otherwise than before, since when, and who wanted it."""
        code = [
            f"{name} {_hash(before.code.get(name))} → {_hash(self.code.get(name))}"
            for name in sorted({*self.code, *before.code})
            if self.code.get(name) != before.code.get(name)
        ]
        settings = differences(Recipe(dict(before.decides), {}), Recipe(dict(self.decides), {}))
        lines = [*code, *(str(one).removeprefix("desk.") for one in settings)]
        more = len(lines) - MOST_CHANGES
        said = "; ".join([*lines[:MOST_CHANGES], *([f"and {more} more"] if more > 0 else [])])
        return " ".join(filter(None, (said, f"at {iso(self.since_ns)}", self.by)))


def runs_of(
    desk: str, recipe: Recipe, slots: Sequence[Mapping[str, str]], since_ns: int, number: int, by: str = ""
) -> Runs | None:
    """Return what a desk runs in a generation, None where it is not there. `slots` are those of the journal."""
    settings = recipe.config["desks"].get(desk)
    if settings is None:
        return None
    hashes = {slot["tentacle"]: slot["tree_hash"] for slot in slots}
    code = {name: hashes.get(name, "off") for name in names_of(settings)}
    entries = {f"{one['kind']}/{one['name']}": one for one in recipe.registry["tentacles"]}
    brought = {name: entries[name]["packages"] for name in code if entries.get(name, {}).get("packages")}
    account = recipe.config["accounts"][settings["account"]]
    venue = recipe.config["venues"][settings["venue"]]
    decides = {
        "desk": {key: value for key, value in settings.items() if key != "capital"},
        "account": account["limits"],
        "registry": {name: entries[name]["settings"] if name in entries else {} for name in code},
        **({"packages": brought} if brought else {}),  # that its tentacles run with, beside their own code
    }
    return Runs(
        since_ns=since_ns,
        number=number,
        by=by,
        code=code,
        decides=decides,
        config_hash=config_hash(code, decides),
        fee_schedule=settings_hash(venue),
        account=settings["account"],
        capital=float(settings["capital"]),
        timeframe=settings["timeframe"] or _opinions_of(settings, code),
        instruments=len(settings["instruments"]),
    )


def _opinions_of(desk: Mapping[str, Any], code: Mapping[str, str]) -> str:
    """Return what stands in place of a timeframe: the same for desks whose opinions come at the same instants."""
    evaluators = {name: tree_hash for name, tree_hash in code.items() if name.startswith("evaluator/")}
    return f"{OPINIONS} {config_hash(evaluators, desk['evaluators'])[:12]}"


def _hash(tree_hash: str | None) -> str:
    return "off" if tree_hash in (None, "off") else hash12(str(tree_hash))


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
