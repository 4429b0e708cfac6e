"""What is wrong with the arms of a new A/B test, told before anything is written: field by field, as it was asked.

What must hold: settings that would be refused when they are taken up never reach the files.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ValidationError

from loligo.config import LoligoConfig
from loligo.config.schema import DeskConfig
from loligo.errors import BadArguments, ConfigError, NotFound
from loligo_bot.door.inside import Inside
from loligo_bot.door.problems import problems_of
from loligo_bot.door.tentacles import found, settings_model
from loligo_bot.experiment_config import check_experiments
from loligo_bot.experiments.arms import CODE, names_of
from loligo_bot.experiments.draft import PIN, Draft
from loligo_bot.shared_account import lacking_capital


def judge_arms(inside: Inside, draft: Draft, control: str) -> None:
    """Hold each desk that a draft makes against the classes of its settings, and what it has beside the control against
    the tentacles that are on. BadArguments names all faults at once.

    A tentacle that runs in another version than the registry's is judged when it is loaded.
    """
    problems: dict[str, str] = {}
    own = names_of(draft.config["desks"][control])
    for name, variant in draft.made.items():
        desk, asked = draft.config["desks"][name], f"{variant.asked}changes"
        problems |= {**_faults(DeskConfig, desk, asked), **_unfit(inside, desk, own, asked)}
    if problems:
        raise BadArguments("; ".join(problems.values()), problems)


def _unfit(inside: Inside, desk: Mapping[str, Any], own: Collection[str], asked: str) -> dict[str, str]:
    """Return a sentence for each tentacle of a desk that is not there, is off, or refuses its settings."""
    problems: dict[str, str] = {}
    for kind, place, item in _items(desk):
        name, where = f"{kind}/{item['tentacle']}", f"{asked}.{place}"
        if PIN in name:
            continue
        try:
            entry = found(inside, name)
        except NotFound as exc:
            problems[where] = f"{where}: {exc}"
            continue
        if not entry.enabled and name not in own:
            problems[where] = f"{where}: {name} is off; switch it on first (`loligo tentacle on {name}`)"
        elif (model := settings_model(inside, entry)) is not None:
            problems |= _faults(model, {**entry.settings, **item.get("settings", {})}, f"{where}.settings")
    return problems


def judge_alike(draft: Draft) -> None:
    """BadArguments where the arms of a new test cannot be compared, or are another's, as a start of the bot would
    say."""
    try:
        check_experiments(LoligoConfig.model_validate(draft.config))
    except ConfigError as exc:
        raise BadArguments(str(exc), {"challengers": str(exc)}) from exc


def judge_capital(inside: Inside, draft: Draft) -> None:
    """BadArguments when a desk that is made takes more out of a running account than belongs to no desk of it."""
    portfolio = inside.engine.portfolio
    wants = (
        (name, desk["account"], {account.reference: Decimal(desk["capital"])})
        for name, desk in draft.config["desks"].items()
        if (account := portfolio.accounts.get(desk["account"])) is not None
    )
    if lacking := lacking_capital(portfolio, wants):
        raise BadArguments(f"account: {lacking}", {"account": f"account: {lacking}"})


def _faults(model: type[BaseModel], tree: Mapping[str, Any], place: str) -> dict[str, str]:
    try:
        model.model_validate(tree)
    except ValidationError as exc:
        return problems_of(exc, model, place)
    return {}


def _items(desk: Mapping[str, Any]) -> list[tuple[str, str, Mapping[str, Any]]]:
    """Return kind, place and settings of each tentacle that a desk names; what names none is for its own class."""
    parts = [(kind, part, desk[part]) for part, kind in CODE.items()]
    listed = desk["evaluators"] if isinstance(desk["evaluators"], list) else []
    every = [*parts, *(("evaluator", "evaluators", one) for one in listed)]
    named = [one for one in every if isinstance(one[2], Mapping) and isinstance(one[2].get("tentacle"), str)]
    return [
        (kind, f"{place}.{item['tentacle']}" if place == "evaluators" else place, item) for kind, place, item in named
    ]
