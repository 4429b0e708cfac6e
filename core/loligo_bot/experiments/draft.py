"""Arms that are made: desks that are the control but for what was asked, as configuration and registry hold them.

What must hold: nothing is written here; an arm has a book of its own, in an account of its own or the control's, and is
never netted with another; a version that it pins stands beside the registry's, as `NAME@HASH`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from loligo.errors import BadArguments, NotFound, TentacleError
from loligo.host import bundled_root
from loligo.registry.content import CONTENT_FOLDER, ContentStore
from loligo.registry.manifest import read_manifest
from loligo.registry.registry_file import RegistryEntry
from loligo.registry.tree import PREFIX
from loligo_bot.experiment_config import ExperimentConfig, name_of
from loligo_bot.experiments.arms import CODE
from loligo_bot.experiments.differing import refuse, set_in
from loligo_bot.experiments.standing import SECTION
from loligo_kit.bot_folder import BotFolder

PIN = "@"
HASH_DIGITS = 12
SHORTEST_HASH = 6
LETTERS = "bcdefghijklmnopqrst"  # of the arms that are made
Config = dict[str, Any]
Capital = Callable[[str, Decimal], Decimal]  # desk, configured ─► what an arm beside it begins with


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """In what an arm differs from the control."""

    changes: Mapping[str, Any] = field(default_factory=dict)  # such as strategy.settings.entry_threshold: 0.75
    versions: Mapping[str, str] = field(default_factory=dict)  # hash by kind/name
    name: str = ""  # what its desk is called behind the experiment's name; "": a letter
    asked: str = ""  # argument in which it was asked, such as "variants.0."; "": the arguments themselves


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Who is to compete, and by which rule: desks that are there, or arms that are made."""

    name: str
    control: str
    challengers: Sequence[str] = ()
    variants: Sequence[Variant] = ()
    is_shared: bool = False  # arms that are made take their capital out of the control's account
    scales: Mapping[str, float] = field(default_factory=dict)  # `risk_scale`, by desk, or by an arm's name or letter
    rule: Mapping[str, Any] = field(default_factory=dict)  # other keys of `ExperimentConfig`


@dataclass(slots=True)
class Draft:
    """Files as they are to be written."""

    config: Config
    before: Config  # of which it was made: what others changed since is not written over
    made: dict[str, Variant] = field(default_factory=dict)  # desks that are new
    pins: list[RegistryEntry] = field(default_factory=list)  # beside what is there
    moved: list[tuple[RegistryEntry, RegistryEntry]] = field(default_factory=list)  # what is there, and in its place


def configured(_desk: str, capital: Decimal) -> Decimal:
    """Return what an arm begins with where all begin together."""
    return capital


def drafted(home: Path, config: Config, wanted: Wanted, capital: Capital = configured) -> Draft:
    """Return the files with the experiment and its arms in them; `config` stays. BadArguments has the field."""
    draft = Draft(copy.deepcopy(config), config)
    desks = draft.config["desks"]
    for field_name, names in (("control", [wanted.control]), ("challengers", wanted.challengers)):
        for name in names:
            if name not in desks:
                refuse(field_name, f'there is no desk "{name}"; expected some of {", ".join(desks)}')
    if wanted.name in draft.config.setdefault(SECTION, {}):
        refuse("name", f'there is an experiment "{wanted.name}" already; choose another name')
    if wanted.challengers and wanted.variants:
        refuse("changes", "are for a desk that is made; the challengers named are there already")
    if not wanted.challengers and not wanted.variants:
        refuse("changes", NO_DIFFERENCE)
    if len(wanted.variants) > len(LETTERS):
        refuse("variants", f"{len(wanted.variants)} arms are asked for; expected {len(LETTERS)} at most")
    for letter, one in zip(LETTERS, wanted.variants, strict=False):
        _make(home, draft, wanted, letter, one, capital)
    challengers = list(wanted.challengers) or list(draft.made)
    scales = {_arm(wanted, challengers, arm): scale for arm, scale in wanted.scales.items()}
    section = {"control": wanted.control, "challengers": challengers, **wanted.rule}
    section |= {"risk_scale": scales} if scales else {}
    draft.config[SECTION][wanted.name] = _judged(section).model_dump(mode="json")
    return draft


NO_DIFFERENCE = "an arm that differs in nothing; give changes or versions, or name challengers"


def _arm(wanted: Wanted, challengers: Sequence[str], arm: str) -> str:
    """Return the desk that is meant by a desk's name, or by the name or letter of an arm that is made."""
    suffixes = [one.name or letter for letter, one in zip(LETTERS, wanted.variants, strict=False)]
    short = dict(zip(suffixes, challengers, strict=False))
    if arm not in challengers and arm not in short:
        known = ", ".join([*challengers, *short])
        refuse(f"risk_scale.{arm}", f'there is no challenger "{arm}"; expected some of {known}')
    return arm if arm in challengers else short[arm]


def _judged(section: Config) -> ExperimentConfig:
    """Return the section as its class has it. BadArguments has a sentence for each key that is wrong."""
    if section.get("mode") == "fixed_end" and len(section["challengers"]) > 1:
        refuse("mode", "fixed_end compares two desks; with more choose open_ended")
    try:
        return ExperimentConfig.model_validate(section)
    except ValidationError as exc:
        problems = {}
        for fault in exc.errors(include_url=False):
            key = ".".join(map(str, fault["loc"])) or "arguments"
            said = str(fault["msg"]).removeprefix("Value error, ").replace("Input should be ", "expected ")
            value = f" = {fault['input']!r}" if isinstance(fault["input"], int | float | str) else ""
            problems[key] = f"{key}{value}: {said}"
        raise BadArguments("; ".join(problems.values()), problems) from exc


def _make(home: Path, draft: Draft, wanted: Wanted, letter: str, one: Variant, capital: Capital) -> None:
    """Add a desk that is the control but for what was asked, with the control's capital."""
    if not one.changes and not one.versions:
        refuse(f"{one.asked}changes", NO_DIFFERENCE)
    name = name_of(wanted.name, one.name or letter)
    desks, accounts = draft.config["desks"], draft.config["accounts"]
    if name in desks or name in accounts:
        place = f"{one.asked}name" if one.name else "name"
        refuse(
            place, f'desk or account "{name}" is there already; choose another name than "{one.name or wanted.name}"'
        )
    desk = desks[name] = copy.deepcopy(desks[wanted.control])
    worth = capital(wanted.control, Decimal(str(desk["capital"])))
    desk |= {"capital": str(worth), "balances": {}}
    if not wanted.is_shared:
        account = accounts[name] = copy.deepcopy(accounts[desk["account"]])
        account["deposits"] = {account["reference"]: str(worth)}
        desk["account"] = name
    for key in sorted(one.changes, key=lambda key: key.count(".")):  # another tentacle first, then its settings
        set_in(desk, key, one.changes[key], one.asked)
    for tentacle, version in one.versions.items():
        _pin(home, desk, tentacle, version, draft, one.asked)
    draft.made[name] = one


# Versions side by side


def found_entry(home: Path, name: str) -> RegistryEntry:
    """Return the entry of the registry called NAME or KIND/NAME. NotFound when there is none, or several."""
    try:
        return BotFolder(home, bundled_root()).find(name)
    except TentacleError as exc:
        raise NotFound(str(exc)) from exc


def _pin(home: Path, desk: Config, tentacle: str, wanted: str, draft: Draft, asked: str) -> None:
    """Let a desk run another version of a tentacle than the registry's, beside it."""
    where = f"{asked}versions.{tentacle}"
    base = found_entry(home, tentacle)
    entry = entry_of(home, base, _known_version(home, where, wanted), where)
    tree_hash = entry.tree_hash or ""
    pinned = entry.model_copy(
        update={"name": f"{base.tentacle}{PIN}{tree_hash.removeprefix(PREFIX)[:HASH_DIGITS]}", "enabled": True}
    )
    places = [item for item in items_of(desk, base.kind) if item["tentacle"] == base.name]
    if not places:
        refuse(where, "the arm does not use it")
    for item in places:
        item["tentacle"] = pinned.name
    if all(one.slot != pinned.slot for one in draft.pins):
        draft.pins.append(pinned)


def items_of(desk: Mapping[str, Any], kind: str) -> list[Config]:
    """Return the entries of a desk that name a tentacle of a kind."""
    items = [desk[part] for part, own in CODE.items() if own == kind]
    return [*items, *(desk["evaluators"] if kind == "evaluator" else [])]


def _known_version(home: Path, where: str, wanted: str) -> str:
    """Return the whole hash of a version that this bot has. BadArguments when there is none, or several."""
    start = wanted.removeprefix(PREFIX)
    root = home / CONTENT_FOLDER
    is_hash = len(start) >= SHORTEST_HASH and all(letter in "0123456789abcdef" for letter in start)
    known = [path.name for path in root.iterdir() if path.name.startswith(start)] if is_hash and root.exists() else []
    if len(known) != 1:
        why = "several versions begin with it" if known else "no such version was ever loaded here"
        told = f"{where} = {wanted[:70]!r}: {why}; see `loligo tentacle history`"
        raise BadArguments(told, {where: told})
    return PREFIX + known[0]


def entry_of(home: Path, base: RegistryEntry, tree_hash: str, where: str = "versions") -> RegistryEntry:
    """Return an entry of the registry for a version in the content store."""
    content = ContentStore(home / CONTENT_FOLDER)
    manifest = read_manifest(content.path(tree_hash), content.get(tree_hash))
    if (manifest.kind, manifest.name) != (base.kind, base.tentacle):
        refuse(where, f"{tree_hash[:15]} is {manifest.kind} {manifest.name}")
    source = "local" if base.source == "bundled" else base.source
    changes = {"version": manifest.version, "tree_hash": tree_hash, "path": None, "source": source, "pin": True}
    packages = BotFolder(home, bundled_root()).packages_of(base, tree_hash)
    return base.model_copy(update={**changes, "packages": packages})
