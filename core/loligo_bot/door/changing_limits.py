"""Verbs on the limits that the files want: risk.limits, what they are and may be, and limits.set, which changes them in
config/loligo.yaml. They are judged before anything is written, and taken up as any other change of settings is.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from pydantic import Field, TypeAdapter, ValidationError

from loligo.errors import BadArguments, NotFound
from loligo.model.risk import AccountLimits, DeskLimits
from loligo.ports.door import Answer, Role
from loligo.registry.faults import did_you_mean
from loligo_bot.door.changing_settings import differences_of
from loligo_bot.door.exchanging import Changing, Exchanged, Undo, because, exchanged
from loligo_bot.door.inside import Inside
from loligo_bot.door.offer import Arguments, Asked, Offer, changing, reading
from loligo_bot.door.problems import problems_of
from loligo_bot.door.settings import Difference
from loligo_bot.past import recipe_now
from loligo_bot.recipe import Recipe
from loligo_bot.undo import undo_settings

Limits = type[DeskLimits] | type[AccountLimits]
_JUDGES: dict[Any, TypeAdapter[Any]] = {kind: TypeAdapter(kind) for kind in (DeskLimits, AccountLimits)}
Values = dict[str, Any]
_ACCOUNT = "account:"
_SCOPE = 'a desk, or "account:NAME"'


class OfScope(Arguments):
    """Whose limits."""

    scope: str = Field(min_length=1, max_length=200, description=_SCOPE)


class LimitsWanted(Answer):
    """The limits as the files have them, and what they may be, as JSON schema. Shares are fractions, times seconds."""

    scope: str
    limits: dict[str, Any]
    limits_schema: dict[str, Any]

    def lines(self) -> Sequence[str]:
        return [f"{name}: {'none' if value is None else value}" for name, value in self.limits.items()]


class LimitsChange(Changing):
    """Limits to be changed."""

    scope: str = Field(min_length=1, max_length=200, description=_SCOPE)
    values: Values = Field(default={}, description="what to set; the others stay as they are")
    unset: list[str] = Field(default=[], description="what gets its default again")
    dry_run: bool = Field(default=False, description="only say what would change")


class LimitsChanged(Exchanged):
    """What was changed, or would be, and what came of it."""

    differences: list[Difference] = Field(description="by limit")

    def lines(self) -> Sequence[str]:
        changed = [f"{one.key}: {one.before} → {one.after}" for one in self.differences] or ["nothing differs"]
        return [*changed, *super().lines()]


def limits_of(inside: Inside, given: OfScope) -> LimitsWanted:
    section, kind = _place(recipe_now(inside.home).config, given.scope)
    return LimitsWanted(scope=given.scope, limits=section["limits"], limits_schema=_JUDGES[kind].json_schema())


async def set_limits(inside: Inside, asked: Asked, given: LimitsChange) -> LimitsChanged:
    """Judge the new limits, write them and have them taken up. BadArguments tells of each one that is wrong."""
    section, kind = await inside.read(lambda: _place(recipe_now(inside.home).config, given.scope))
    old: Values = section["limits"]
    new = _judged(kind, old, given)
    differences = differences_of(old, new)
    if given.dry_run or not differences:
        said = "nothing was changed: this is a trial" if given.dry_run else "it is set like that already"
        return LimitsChanged(is_done=True, message=said, differences=differences)
    _, swap = await inside.swap_of_files(
        lambda: _write(inside, given.scope, old, new),
        by=asked.actor.name,
        why=because(f"limits of {given.scope}", given),
        patience_s=given.patience_s,
    )
    back = {"scope": given.scope, "values": {one.key: one.before for one in differences}}
    done = exchanged(swap, undo=Undo(verb="limits.set", arguments=back))
    return LimitsChanged(**{name: getattr(done, name) for name in Exchanged.model_fields}, differences=differences)


def _place(config: Mapping[str, Any], scope: str) -> tuple[Values, Limits]:
    """Return the section of the configuration with a scope's limits. NotFound when there is no such scope."""
    desks, accounts = config["desks"], config["accounts"]
    if scope.startswith(_ACCOUNT) and scope.removeprefix(_ACCOUNT) in accounts:
        return accounts[scope.removeprefix(_ACCOUNT)], AccountLimits
    if scope in desks:
        return desks[scope], DeskLimits
    known = [*desks, *(f"{_ACCOUNT}{name}" for name in accounts)]
    listed = f"; there are {', '.join(known)}"
    raise NotFound(f'there is no scope "{scope}"{did_you_mean(scope, known) or listed}')


def _judged(kind: Limits, old: Values, given: LimitsChange) -> Values:
    """Return the limits with what is asked laid over them, each as its type has it."""
    known = {one.name: one.default for one in fields(kind)}
    odd = [name for name in (*given.values, *given.unset) if name not in known]
    expected = f"; expected {', '.join(known)}"
    wrong = {
        f"values.{name}": f'"{name[:60]}" is no limit of {given.scope}{did_you_mean(name, list(known)) or expected}'
        for name in odd
    }
    if wrong:
        raise BadArguments("; ".join(wrong.values()), wrong)
    wanted = {**old, **{name: known[name] for name in given.unset}, **given.values}
    try:
        limits = _JUDGES[kind].validate_python(wanted)
    except ValidationError as exc:
        problems = problems_of(exc, LimitsChange, "values")
        raise BadArguments(f"limits of {given.scope}: {'; '.join(problems.values())}", problems) from exc
    plain: Values = _JUDGES[kind].dump_python(limits, mode="json")
    return plain


def _write(inside: Inside, scope: str, old: Values, new: Values) -> None:
    now = recipe_now(inside.home)
    config = copy.deepcopy(now.config)
    section, _ = _place(config, scope)
    if section["limits"] != old:
        raise BadArguments(f"the limits of {scope} were changed meanwhile by somebody else; look and try again")
    section["limits"] = new
    undo_settings(inside.home, now, Recipe(config, now.registry))


OFFERS: tuple[Offer, ...] = (
    reading("risk.limits", "the limits of a desk or account, and what they may be", OfScope, LimitsWanted, limits_of),
    changing(
        "limits.set",
        "change limits of a desk or account, or try that out",
        Role.ADMIN,
        LimitsChange,
        LimitsChanged,
        set_limits,
    ),
)
