"""Verbs that change settings: tentacle.settings and config.undo. What came of it is in the journal as `SwapEnded`.

Settings of a tentacle stand in the registry, under those that a place of the configuration gives, or at such a place.
They are judged before anything is written; "***" for a secret means the one that is there.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from pydantic import Field, ValidationError

from loligo.errors import BadArguments, NotFound
from loligo.log import MASK, is_secret_name, masked
from loligo.ports.door import Role
from loligo.registry.registry_file import RegistryEntry, editing
from loligo_automation import AutomationSettings
from loligo_bot.door.automation_faults import faults_of, made_of
from loligo_bot.door.exchanging import Changing, Exchanged, Undo, because, exchanged
from loligo_bot.door.inside import Inside
from loligo_bot.door.offer import Arguments, Asked, Offer, changing
from loligo_bot.door.pages import LARGEST
from loligo_bot.door.problems import problems_of
from loligo_bot.door.settings import Difference
from loligo_bot.door.tentacles import folder, found, places_of, settings_model
from loligo_bot.past import Undoing, go_back, past_of, recipe_now
from loligo_bot.recipe import Recipe
from loligo_bot.undo import undo_settings

Values = dict[str, Any]


class SettingsAsked(Arguments):
    """Which settings of which tentacle, and where."""

    name: str = Field(min_length=1, description="NAME, or KIND/NAME where two kinds share it")
    values: Values = Field(default={}, description="what to set; the others stay as they are")
    unset: list[str] = Field(default=[], description="what gets its default again")
    place: str = Field(
        default="",
        description='in config/loligo.yaml, such as "desks.trend.strategy"; empty: the registry, for all places',
    )


class SettingsChange(SettingsAsked, Changing):
    """Settings to be changed."""

    dry_run: bool = Field(default=False, description="only say what would change")


class SettingsChanged(Exchanged):
    """What was changed, or would be, and what came of it."""

    differences: list[Difference] = Field(description="by setting; secrets masked")
    overridden: list[str] = Field(description="places that say otherwise, where the change has no effect")

    def lines(self) -> Sequence[str]:
        changed = [f"{one.key}: {one.before} → {one.after}" for one in self.differences] or ["nothing differs"]
        return [*changed, *(f"{one} says otherwise" for one in self.overridden), *super().lines()]


async def settings(inside: Inside, asked: Asked, given: SettingsChange) -> SettingsChanged:
    """Judge the new settings, write them and have them taken up. BadArguments tells of each one that is wrong."""
    entry, old = await inside.read(lambda: standing(inside, given))
    new = changed_settings(old, given)
    judge(inside, entry, given, new)
    told: dict[str, Any] = {"differences": differences_of(old, new), "overridden": _overridden(inside, entry, given)}
    if given.dry_run or old == new:
        said = "nothing was changed: this is a trial" if given.dry_run else "it is set like that already"
        return SettingsChanged(is_done=True, message=said, **told)
    what = f"settings of {entry.slot}{f' at {given.place}' if given.place else ''}"
    write = partial(_write_place, inside, given.place, entry, new) if given.place else None
    _, swap = await inside.swap_of_files(
        write or partial(_write_registry, inside, entry, new),
        by=asked.actor.name,
        why=because(what, given),
        patience_s=given.patience_s,
    )
    done = exchanged(swap, undo=_undo(entry, given, old, new))
    return SettingsChanged(**{name: getattr(done, name) for name in Exchanged.model_fields}, **told)


def standing(inside: Inside, given: SettingsAsked) -> tuple[RegistryEntry, Values]:
    """Return the entry, and the settings as they are where they are to be changed."""
    entry = found(inside, given.name)
    if not given.place:
        return entry, dict(entry.settings)
    node, key = place_at(recipe_now(inside.home).config, given.place, entry)
    return entry, copy.deepcopy(node[key])


def place_at(config: Values, place: str, entry: RegistryEntry) -> tuple[Values, str]:
    """Return the entry of a place that names the tentacle, and under which key its settings are there. NotFound when it
    does not."""
    node: Any = config
    for part in place.split("."):
        if isinstance(node, list) and part.isdigit() and int(part) < len(node):
            node = node[int(part)]
        else:
            node = node.get(part) if isinstance(node, Mapping) else None
    name = "kind" if place.startswith("venues.") else "tentacle"
    if not isinstance(node, dict) or node.get(name) != entry.name:
        raise NotFound(f'place "{place}" does not name {entry.slot}; expected such as desks.NAME.evaluators.0')
    key = "fills" if name == "kind" else "settings"
    node.setdefault(key, {})
    return node, key


def changed_settings(old: Values, given: SettingsAsked) -> Values:
    """Return the settings with what is asked laid over them."""
    kept = {key: value for key, value in old.items() if key not in given.unset}
    return kept | {key: _value(key, value, old) for key, value in given.values.items()}


def _value(key: str, value: Any, old: Values) -> Any:
    return old[key] if value == MASK and is_secret_name(key) and key in old else value


def judge(inside: Inside, entry: RegistryEntry, given: SettingsAsked, new: Values) -> None:
    """Hold the new settings against the tentacle's own class, at every place that uses them."""
    model = settings_model(inside, entry)
    if model is None:
        return  # it is off: its settings are judged when it is switched on
    places = places_of(inside, entry)
    wholes = [{**entry.settings, **new}] if given.place else [{**new, **one.settings} for one in places]
    problems: dict[str, str] = {}
    for whole in (new, *wholes):
        try:
            model.model_validate(whole)
        except ValidationError as exc:
            ignored = "missing" if whole is new else ""  # a place may give it
            problems |= problems_of(exc, model, "values", ignore=ignored)
    if not problems and given.place and issubclass(model, AutomationSettings):
        judged = model.model_validate(wholes[0])
        problems = faults_of(inside.reconciler.running.config, made_of(inside, entry.slot, judged), judged, "values")
    if problems:
        raise BadArguments(f"settings of {entry.slot}: {'; '.join(problems.values())}", problems)


def differences_of(old: Values, new: Values) -> list[Difference]:
    """Return what differs, setting by setting, secrets masked."""
    keys = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
    return [Difference(key=key, before=masked(old.get(key), key), after=masked(new.get(key), key)) for key in keys]


def _overridden(inside: Inside, entry: RegistryEntry, given: SettingsChange) -> list[str]:
    if given.place:
        return []
    changed = {*given.values, *given.unset}
    places = [(one.place, changed & one.settings.keys()) for one in places_of(inside, entry)]
    return [f"{place}.{key}" for place, keys in places for key in sorted(keys)]


def _write_registry(inside: Inside, before: RegistryEntry, new: Values) -> None:
    with editing(folder(inside).registry) as entries:
        if entries.get(before.slot) != before:
            raise BadArguments(f"{before.slot} was changed meanwhile by somebody else; look at it and try again")
        entries[before.slot] = before.model_copy(update={"settings": new})


def _write_place(inside: Inside, place: str, entry: RegistryEntry, new: Values) -> None:
    now = recipe_now(inside.home)
    config = copy.deepcopy(now.config)
    node, key = place_at(config, place, entry)
    node[key] = new
    undo_settings(inside.home, now, Recipe(config, now.registry))


def _undo(entry: RegistryEntry, given: SettingsChange, old: Values, new: Values) -> Undo:
    """Return what sets it back; of a secret only that it is there stays known, so it stays as it is now."""
    values = {key: masked(value, key) for key, value in old.items() if new.get(key) != value or key not in new}
    unset = [key for key in new if key not in old]
    name = f"{entry.kind}/{entry.name}"
    return Undo(
        verb="tentacle.settings", arguments={"name": name, "values": values, "unset": unset, "place": given.place}
    )


class UndoAsked(Changing):
    """To what."""

    number: int | None = Field(
        default=None, ge=1, le=LARGEST, description="a generation; by default the newest with other settings"
    )
    dry_run: bool = Field(default=False, description="only say what would change")


async def undo(inside: Inside, asked: Asked, given: UndoAsked) -> Exchanged:
    """Write the settings of an earlier generation into config/loligo.yaml and have them taken up."""
    past = await inside.read(lambda: past_of(inside.home, inside.rows))
    go: partial[Undoing] = partial(go_back, inside.home, past, given.number)
    trial = await inside.read(partial(go, is_trial=True))
    if given.dry_run or not trial.changed:
        return Exchanged(is_done=True, message="; ".join(trial.lines), changed=trial.changed)
    what = because(f"config undo to generation {trial.number}", given)
    done, swap = await inside.swap_of_files(go, by=asked.actor.name, why=what, patience_s=given.patience_s)
    return exchanged(swap, before="; ".join(done.lines))


OFFERS: tuple[Offer, ...] = (
    changing(
        "tentacle.settings",
        "change a tentacle's settings, or try that out",
        Role.ADMIN,
        SettingsChange,
        SettingsChanged,
        settings,
    ),
    changing(
        "config.undo",
        "write the settings of an earlier generation into the configuration",
        Role.ADMIN,
        UndoAsked,
        Exchanged,
        undo,
        confirm="Put these settings back?",
    ),
)
