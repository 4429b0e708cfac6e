"""An experiment as a document that stands alone: what it was judged by, and the settings and versions of its arms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loligo import __version__
from loligo.errors import LoligoError
from loligo.host import LoadedTentacle
from loligo.model.timeframe import iso
from loligo_bot.experiment_config import ExperimentConfig
from loligo_bot.experiments.arms import CODE
from loligo_bot.experiments.draft import PIN, items_of
from loligo_bot.experiments.standing import Standing
from loligo_bot.recipe import Recipe
from loligo_lab.experiment_files import document
from loligo_lab.experiment_trades import ArmTrade
from loligo_lab.holding import Basket


@dataclass(frozen=True, slots=True, kw_only=True)
class Did:
    """What arms did on the days of a test, and what holding came to beside them."""

    trades: Sequence[ArmTrade]
    holding: Basket | None


def document_of(
    standing: Standing, recipe: Recipe, loaded: Iterable[LoadedTentacle], did: Did, **about: Any
) -> dict[str, Any]:
    """Return the document; the recipe is that with which the arms began, `loaded` what runs, `about` what else is to be
    known."""
    one, kept = standing.config, recipe.masked()
    versions = {f"{item['kind']}/{item['name']}": item["version"] for item in kept.registry["tentacles"]}
    desks = {arm: kept.config["desks"][arm] for arm in one.arms}
    accounts = {desk["account"] for desk in desks.values()}
    venues = {desk["venue"] for desk in desks.values()}
    told = {
        "name": standing.name,
        "loligo": __version__,
        "since": iso(standing.since_ns),
        "until": iso(standing.until_ns) if standing.until_ns else "",
        "rule": rule_of(one),
        "arms": [
            {
                "name": arm,
                "generation": standing.runs[arm].number,
                "code": {
                    name: {"version": versions.get(name, ""), "tree_hash": tree_hash}
                    for name, tree_hash in standing.runs[arm].code.items()
                },
            }
            for arm in one.arms
        ],
        "unlike": unlike(desks, one, loaded),
        "settings": {
            "experiment": one.model_dump(mode="json"),
            "desks": desks,
            "accounts": {name: kept.config["accounts"][name] for name in sorted(accounts)},
            "venues": {name: kept.config["venues"][name] for name in sorted(venues)},
        },
        **about,
    }
    plan, days, judgement = standing.plan, standing.days, standing.judgement
    return document(plan, days, judgement, told, trades=did.trades, holding=did.holding)


def rule_of(one: ExperimentConfig) -> str:
    """Return the rule of decision in a sentence."""
    if one.mode == "fixed_end":
        said = f"Decided on any day up to day {one.days}, not later; looking every day costs nothing."
    else:
        said = f"Planned for {one.days} days, may end earlier or go on; looking every day costs nothing."
    return " ".join([said, *_terms(one)])


def _terms(one: ExperimentConfig) -> Iterator[str]:
    """Yield what else was agreed on, where it is not as usual."""
    scales = [f"{scale:g} times against {arm}" for arm, scale in one.risk_scale.items() if scale != 1.0]
    if scales:
        yield f"For equal risk the returns of {one.control} count {', '.join(scales)}."
    if one.margin_per_year != ExperimentConfig.model_fields["margin_per_year"].default:
        yield f"Arms no further apart than {one.margin_per_year * 100:g} % a year are practically the same."


def unlike(desks: Mapping[str, Any], one: ExperimentConfig, loaded: Iterable[LoadedTentacle]) -> list[str]:
    """Return in words where the desks of the arms differ, each challenger against the control."""
    found = apart(desks, one, loaded)
    return [f"{name}: {key} is {other}, with {one.control} {own}" for name, key, own, other in found]


def apart(
    desks: Mapping[str, Any], one: ExperimentConfig, loaded: Iterable[LoadedTentacle]
) -> Iterator[tuple[str, str, str, str]]:
    """Yield challenger, setting, the control's value and the challenger's, wherever they differ; what one does not set
    is told by its default, where a loaded tentacle has it."""
    slots = {item.entry.slot: item for item in loaded}

    def shown(name: str, key: str) -> str:
        value = leaves.get(name, {}).get(key)
        default = _default(slots, desks[name], key) if value is None and name in desks else ""  # a desk may be gone
        return default or _shown(value)

    leaves = {name: _leaves(desks[name]) for name in one.arms if name in desks}
    control = leaves.get(one.control, {})
    for name in one.challengers:
        other = leaves.get(name, {})
        for key in sorted({*control, *other} - {"account", "capital"}):
            if control.get(key) != other.get(key):
                yield name, key, shown(one.control, key), shown(name, key)


def _default(loaded: Mapping[str, LoadedTentacle], desk: Mapping[str, Any], key: str) -> str:
    """Return the default of a setting that a desk does not set, "" where none of its tentacles has such a setting."""
    part, *way = key.split(".")
    kind = "evaluator" if part == "evaluators" else CODE.get(part, "")
    if "settings" not in way or not kind:
        return ""
    name = way.pop(0) if part == "evaluators" else desk[part]["tentacle"]
    items = [one for one in items_of(desk, kind) if one["tentacle"].partition(PIN)[0] == name.partition(PIN)[0]]
    found = loaded.get(f"{kind} {items[0]['tentacle']}") if items and way[:1] == ["settings"] else None
    if found is None:
        return ""
    try:
        value: Any = found.make_settings(items[0]["settings"]).model_dump(mode="json")
    except LoligoError:  # what runs now has other settings than it had then
        return ""
    for step in way[1:]:
        value = value.get(step) if isinstance(value, dict) else None
    return "" if value is None else f"{value} (default)"


def _leaves(node: Any, way: str = "") -> dict[str, Any]:
    """Return every single setting by its way; entries of a list go by their tentacle's name,
    whatever its version."""
    if isinstance(node, Mapping) and node:
        return {key: value for name, inner in node.items() for key, value in _leaves(inner, f"{way}.{name}").items()}
    if isinstance(node, list) and any(isinstance(one, Mapping) for one in node):
        named = {
            str(one.get("tentacle", place)).partition("@")[0] if isinstance(one, Mapping) else str(place): one
            for place, one in enumerate(node)
        }
        return {key: value for name, inner in named.items() for key, value in _leaves(inner, f"{way}.{name}").items()}
    return {} if isinstance(node, Mapping) else {way.lstrip("."): node}


def _shown(value: Any) -> str:
    if value is None:
        return "not set"
    return ", ".join(map(str, value)) or "none" if isinstance(value, list) else str(value) or "none"
