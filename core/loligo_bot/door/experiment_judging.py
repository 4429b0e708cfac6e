"""What is wrong with the arms of a new A/B test, told before anything is written: field by field, as it was asked.

What must hold: settings that would be refused when they are taken up never reach the files.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ValidationError

from loligo.config.schema import DeskConfig
from loligo.errors import BadArguments
from loligo_bot.door.inside import Inside
from loligo_bot.door.problems import problems_of
from loligo_bot.door.tentacles import found, settings_model
from loligo_bot.experiments.arms import CODE
from loligo_bot.experiments.draft import PIN, Draft
from loligo_bot.shared_account import lacking_capital

ASKED = "changes"  # the argument in which they were asked


def judge_arms(inside: Inside, draft: Draft) -> None:
    """Hold each desk that a draft adds against the classes of its settings. BadArguments names all faults at once.

    A tentacle that is off, or runs in another version than the registry's, is judged when it is loaded.
    """
    problems: dict[str, str] = {}
    for name, desk in draft.config["desks"].items():
        if name in inside.config.desks:
            continue
        problems |= _faults(DeskConfig, desk, ASKED)
        for kind, place, item in _items(desk):
            if PIN in item["tentacle"]:
                continue
            entry = found(inside, f"{kind}/{item['tentacle']}")
            model = settings_model(inside, entry)
            if model is not None:
                problems |= _faults(model, {**entry.settings, **item.get("settings", {})}, f"{ASKED}.{place}.settings")
    if problems:
        raise BadArguments("; ".join(problems.values()), problems)


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
    """Return kind, place and settings of each tentacle that a desk names with settings."""
    parts = [(kind, part, desk[part]) for part, kind in CODE.items()]
    return [*parts, *(("evaluator", f"evaluators.{one['tentacle']}", one) for one in desk["evaluators"])]
