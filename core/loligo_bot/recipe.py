"""Recipe of a generation: configuration and registry as they were, kept in the content store under the hash that the
journal names; and what differs between two of them, for people.

What must hold: no secret enters. A text under a secret's name, or of the vault, is kept as "***" and, when a plan is
made again, filled in from the configuration of today.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from loligo.config import LoligoConfig
from loligo.errors import JournalError, TentacleError
from loligo.log import MASK, is_secret_name
from loligo.model.command import SlotVersion
from loligo.registry.content import ContentStore
from loligo.registry.manifest import KIND_FOLDERS
from loligo.registry.registry_file import Registry
from loligo.registry.tree import hash12
from loligo_bot.settings_check import KINDS_AT, tentacle_at
from loligo_bot.vault import is_kept

RECIPE = "recipe"  # the slot that names it
CONFIG, REGISTRY = "config.json", "registry.json"
SETTINGS = {
    "desks": "desk",
    "accounts": "account",
    "venues": "venue",
    "experiments": "experiment",
}  # section: its slots, by the name behind a "/"
MOST_LINES, LONGEST_VALUE = 60, 80  # of what a person is told
_WHOLES = {(), ("tentacles",)}  # where nothing differs below
_AT_PLACE = re.compile(r"\(([a-z_]+/[^@)]+)(?:@[^)]*)?\)$")  # whose setting a line tells
_CHANGE_OF_PLACE = re.compile(r"(\w+)[ .](?:\d+\.)?tentacle: ([^\s@]+)\S* → ([^\s@]+)")  # to another tentacle
_NOTHING = object()  # stands where there is no such setting
_OF_NAME = ("kind", "name", "isolation")
_OF_CODE = ("version", "tree_hash", "source", "path", "enabled")  # what a line on the code says already

Slots = Sequence[SlotVersion]


@dataclass(frozen=True, slots=True)
class Recipe:
    """The settings on which decisions, edges and health depend, and the registry."""

    config: dict[str, Any]
    registry: dict[str, Any]

    @property
    def files(self) -> dict[str, bytes]:
        """Return what lies in the content store: the same bytes whatever the order in the file."""
        return {CONFIG: _plain(self.config), REGISTRY: _plain(self.registry)}

    def filled(self, now: Recipe) -> Recipe:
        """Return this with its secrets, where the recipe of `now` has them."""
        by_slot = {_slot(entry): entry for entry in now.registry.get("tentacles", ())}
        entries = [_filled(entry, by_slot.get(_slot(entry))) for entry in self.registry.get("tentacles", ())]
        return Recipe(_filled(self.config, now.config), {**self.registry, "tentacles": entries})

    def masked(self) -> Recipe:
        """Return this without secrets."""
        return Recipe(_masked(self.config), _masked(self.registry))

    def leaves(self) -> dict[tuple[str, ...], Any]:
        """Return every single setting by its way, entries of the registry by kind and name."""
        entries = {_slot(entry): entry for entry in self.registry.get("tentacles", ())}
        return {**dict(_leaves(self.config)), **dict(_leaves({"tentacles": entries}))}


@dataclass(frozen=True, slots=True)
class Difference:
    """One setting that two recipes have otherwise; None where one has none."""

    way: tuple[str, ...]
    before: Any
    after: Any

    def __str__(self) -> str:
        return f"{'.'.join(self.way)}: {self.values}"

    @property
    def values(self) -> str:
        return f"{_shown(self.before)} → {_shown(self.after)}"


def recipe_of(config: LoligoConfig, registry: Registry) -> Recipe:
    """Return the recipe, secrets included, of what is wanted now."""
    of_edges = dict.fromkeys(("feeds", "notifiers", "interfaces", "automations", "experiments"), ...)
    decides: Any = {"bot": {"name"}, "venues": ..., "accounts": ..., "desks": ..., "engine": {"equity_every_s"}}
    of_health: Any = {"health": ...} if config.health else {}  # a recipe from before it was in them reads the same
    settings = config.model_dump(mode="json", include=decides | of_edges | of_health)
    return Recipe(settings, _without_absent(registry.model_dump(mode="json", by_alias=True)))


def _without_absent(registry: dict[str, Any]) -> dict[str, Any]:
    """Leave out the packages of those that bring none: a recipe from before there were any reads the same."""
    entries = [
        {key: value for key, value in one.items() if key != "packages" or value} for one in registry["tentacles"]
    ]
    return {**registry, "tentacles": entries}


def read_recipe(content: ContentStore, slots: Slots) -> Recipe:
    """Return the recipe that the slots of a generation name. JournalError when the store no longer has it."""
    wanted = next((slot.tree_hash for slot in slots if slot.tentacle == RECIPE), "")
    try:
        files = content.get(wanted) if wanted else {}
        return Recipe(msgspec.json.decode(files[CONFIG]), msgspec.json.decode(files[REGISTRY]))
    except (TentacleError, KeyError, msgspec.DecodeError) as exc:
        why = exc if isinstance(exc, TentacleError) else "its journal names none"
        raise JournalError(f"the settings of that generation are not in {content.path('')}: {why}") from exc


def differences(before: Recipe, after: Recipe) -> tuple[Difference, ...]:
    """Return what differs, in the order of the settings' ways."""
    old, new = _apart(before, after).masked().leaves(), _apart(after, before).masked().leaves()
    both = (old.keys() | new.keys()) - _WHOLES
    ways = sorted(way for way in both if old.get(way) != new.get(way))  # what says nothing is as if it were not there
    return tuple(Difference(way, old.get(way), new.get(way)) for way in ways)


def _apart(one: Recipe, other: Recipe) -> Recipe:
    """Return what of a recipe the other has otherwise or not at all: mostly little, and each swap walks through it."""
    known = {_slot(entry): entry for entry in other.registry.get("tentacles", ())}
    entries = [entry for entry in one.registry.get("tentacles", ()) if known.get(_slot(entry)) != entry]
    config = {name: section for name, section in one.config.items() if other.config.get(name, _NOTHING) != section}
    return Recipe(config, {"tentacles": entries})


def changes(before: Slots, after: Slots, content: ContentStore) -> tuple[str, ...]:
    """Return a line for all that differs, such as "strategy/weighted_vote 3f2a… → 9c11…" or "desk/trend tick_s: 1 → 2".

    The first word names the slot; at the end of the line of a setting that stands at a place stands the tentacle that
    has it there. Of settings whose recipes are gone there are hashes.
    """
    old, new = ({slot.tentacle: slot for slot in slots} for slots in (before, after))
    names = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name) and name != RECIPE)
    try:
        recipes = read_recipe(content, before), read_recipe(content, after)
    except JournalError:  # a journal of an earlier version, or content that was cut: the hashes have to do
        return tuple(_line(name, old, new) for name in names)
    found = [one for one in differences(*recipes) if one.way[1:]]  # not that a section was empty
    code = [name for name in names if name.partition("/")[0] in KIND_FOLDERS]
    come = {one.way[1] for one in found if one.way[0] == "tentacles" and one.way[2] == "kind"}  # new, or gone
    whole = {name for name in names if name not in old or name not in new}  # each in one line
    told = [_told(one, *recipes) for one in found if not _is_told(one, code, come) and _slot_of(one) not in whole]
    told = [_listed(name, found) for name in sorted(come - set(code))] + told
    lines = [_line(name, old, new) for name in names if name in code or name not in slots_in(told)] + told
    more = len(lines) - MOST_LINES
    return (*lines[:MOST_LINES], *([f"and {more} more"] if more > 0 else []))


def slots_in(changed: Sequence[str]) -> tuple[str, ...]:
    """Return the names that the lines of `changes` begin with."""
    return tuple(dict.fromkeys(line.partition(" ")[0] for line in changed))


def is_named(changed: Sequence[str], name: str) -> bool:
    """Say whether the lines of `changes` tell of NAME, KIND/NAME or desk/NAME, of its settings at a place, or that it
    came to one or went."""
    at_places = (found[1] for line in changed if (found := _AT_PLACE.search(line)))
    exchanged = (found.groups() for line in changed if (found := _CHANGE_OF_PLACE.search(line)))
    moved = (f"{KINDS_AT.get(section, '')}/{one}" for section, *both in exchanged for one in both)
    return any(slot == name or slot.endswith(f"/{name}") for slot in (*slots_in(changed), *at_places, *moved))


def _line(name: str, old: Mapping[str, SlotVersion], new: Mapping[str, SlotVersion]) -> str:
    return f"{name} {short(old.get(name))} → {short(new.get(name))}"


def short(slot: SlotVersion | None) -> str:
    """Return the beginning of the hash that a person may compare, or "off"."""
    return "off" if slot is None else hash12(slot.tree_hash or slot.settings_hash)


def _is_told(one: Difference, code: Sequence[str], come: Collection[str]) -> bool:
    """Say whether a line on the code of a tentacle tells of it; of one that comes or goes there is little more."""
    if one.way[0] != "tentacles" or one.way[1] not in {*code, *come}:
        return False
    is_plain = one.way[2] in _OF_NAME or not (one.before or one.after)
    return one.way[2] in _OF_CODE or (one.way[1] in come and is_plain)


def _listed(name: str, found: Sequence[Difference]) -> str:
    """Return the line of a tentacle that the registry has now, or no more, and that does not run: off, or refused."""
    keys = {one.way[2]: (one.before, one.after) for one in found if one.way[:2] == ("tentacles", name)}
    sides = [
        f"{version}{'' if is_on else ', off'}" if version else "not listed"
        for version, is_on in zip(keys["version"], keys["enabled"], strict=True)
    ]
    return f"{name} {' → '.join(sides)}"


def _slot_of(one: Difference) -> str:
    return f"{SETTINGS[one.way[0]]}/{one.way[1]}" if one.way[0] in SETTINGS else ""


def _told(one: Difference, before: Recipe, after: Recipe) -> str:
    section, *rest = one.way
    if section == "tentacles":
        name, rest = rest[0], rest[1:]
    else:
        name, rest = (f"{SETTINGS[section]}/{rest[0]}", rest[1:]) if section in SETTINGS else (section, rest)
    set_there = tentacle_at((before if one.after is None else after).config, one.way)
    return f"{name} {'.'.join(rest)}: {one.values}{f' ({set_there})' if set_there else ''}"


def _plain(content: Any) -> bytes:
    return msgspec.json.encode(content, order="sorted")


def _slot(entry: Mapping[str, Any]) -> str:
    return f"{entry['kind']}/{entry['name']}"


def _masked(node: Any, name: str = "") -> Any:
    if isinstance(node, str):
        return MASK if node and (is_secret_name(name) or is_kept(node)) else node
    if isinstance(node, Mapping):
        return {key: _masked(inner, key) for key, inner in node.items()}
    return [_masked(inner, name) for inner in node] if isinstance(node, list) else node


def _filled(node: Any, now: Any) -> Any:
    if node == MASK:
        return now if isinstance(now, str) else node
    if isinstance(node, Mapping):
        known = now if isinstance(now, Mapping) else {}
        return {key: _filled(inner, known.get(key)) for key, inner in node.items()}
    if isinstance(node, list):
        known_items = now if isinstance(now, list) and len(now) == len(node) else [None] * len(node)
        return [_filled(inner, other) for inner, other in zip(node, known_items, strict=True)]
    return node


def _leaves(node: Any, way: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(node, Mapping) and node:
        for key, inner in node.items():
            yield from _leaves(inner, (*way, key))
    elif isinstance(node, list) and any(isinstance(item, Mapping) for item in node):
        for place, inner in enumerate(node):
            yield from _leaves(inner, (*way, str(place)))
    else:
        yield way, node


def _shown(value: Any) -> str:
    text = "nothing" if value is None else value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"
