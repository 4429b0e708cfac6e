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
from typing import Any, NoReturn

from loligo.errors import BadArguments, NotFound, TentacleError
from loligo.host import bundled_root
from loligo.registry.content import CONTENT_FOLDER, ContentStore
from loligo.registry.manifest import read_manifest
from loligo.registry.registry_file import RegistryEntry
from loligo.registry.tree import PREFIX
from loligo_bot.experiment_config import ExperimentConfig
from loligo_bot.experiments.arms import CODE
from loligo_bot.experiments.standing import SECTION
from loligo_kit.bot_folder import BotFolder

PIN = "@"
HASH_DIGITS = 12
SHORTEST_HASH = 6
MAY_DIFFER = ("timeframe", "evaluators", "strategy", "mode", "limits", "risk_rules", "tick_s")
LETTERS = "bcdefghijklmnopqrst"  # of the arms that are made
Config = dict[str, Any]
Capital = Callable[[str, Decimal], Decimal]  # desk, configured ─► what an arm beside it begins with


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """In what an arm differs from the control."""

    changes: Mapping[str, Any] = field(default_factory=dict)  # such as strategy.settings.entry_threshold: 0.75
    versions: Mapping[str, str] = field(default_factory=dict)  # hash by kind/name


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Who is to compete, and by which rule: desks that are there, or arms that are made."""

    name: str
    control: str
    challengers: Sequence[str] = ()
    variants: Sequence[Variant] = ()
    is_shared: bool = False  # arms that are made take their capital out of the control's account
    rule: Mapping[str, Any] = field(default_factory=dict)  # other keys of `ExperimentConfig`


@dataclass(slots=True)
class Draft:
    """Files as they are to be written."""

    config: Config
    pins: list[RegistryEntry] = field(default_factory=list)  # beside what is there
    moved: list[RegistryEntry] = field(default_factory=list)  # in the place of what is there


def configured(_desk: str, capital: Decimal) -> Decimal:
    """Return what an arm begins with where all begin together."""
    return capital


def drafted(home: Path, config: Config, wanted: Wanted, capital: Capital = configured) -> Draft:
    """Return the files with the experiment and its arms in them; `config` stays. BadArguments has the field."""
    draft = Draft(copy.deepcopy(config))
    desks = draft.config["desks"]
    for field_name, names in (("control", [wanted.control]), ("challengers", wanted.challengers)):
        for name in names:
            if name not in desks:
                _refuse(field_name, f'there is no desk "{name}"; expected some of {", ".join(desks)}')
    if wanted.name in draft.config.setdefault(SECTION, {}):
        _refuse("name", f'there is an experiment "{wanted.name}" already; choose another name')
    if wanted.challengers and wanted.variants:
        _refuse("changes", "are for a desk that is made; the challengers named are there already")
    if not wanted.challengers and not any(one.changes or one.versions for one in wanted.variants):
        _refuse("changes", "an arm that differs in nothing; give changes or versions, or name challengers")
    challengers = list(wanted.challengers) or [
        _made(home, draft, wanted, letter, one, capital) for letter, one in zip(LETTERS, wanted.variants, strict=False)
    ]
    section = {"control": wanted.control, "challengers": challengers, **wanted.rule}
    try:
        judged = ExperimentConfig.model_validate(section)
    except ValueError as exc:
        raise BadArguments(f"experiment {wanted.name}: {exc}") from exc
    draft.config[SECTION][wanted.name] = judged.model_dump(mode="json")
    return draft


def _refuse(field_name: str, said: str) -> NoReturn:
    told = f"{field_name}: {said}"
    raise BadArguments(told, {field_name: told})


def name_of(experiment: str, letter: str) -> str:
    """Return what an arm is called that is made for an experiment, and its account."""
    return f"{experiment[:30]}_{letter}"


def _made(home: Path, draft: Draft, wanted: Wanted, letter: str, one: Variant, capital: Capital) -> str:
    """Add a desk that is the control but for what was asked, with the control's capital."""
    name = name_of(wanted.name, letter)
    desks, accounts = draft.config["desks"], draft.config["accounts"]
    if name in desks or name in accounts:
        _refuse("name", f'desk or account "{name}" is there already; choose another name than "{wanted.name}"')
    desk = desks[name] = copy.deepcopy(desks[wanted.control])
    worth = capital(wanted.control, Decimal(str(desk["capital"])))
    desk |= {"capital": str(worth), "balances": {}}
    if not wanted.is_shared:
        account = accounts[name] = copy.deepcopy(accounts[desk["account"]])
        account["deposits"] = {account["reference"]: str(worth)}
        desk["account"] = name
    for key, value in one.changes.items():
        set_in(desk, key, value)
    for tentacle, version in one.versions.items():
        _pin(home, desk, tentacle, version, draft)
    return name


def set_in(desk: Config, key: str, value: Any) -> None:
    """Set one key of a desk; entries of a list go by their tentacle's name or number. BadArguments where there is
    no such place."""
    node: Any = desk
    *way, last = key.split(".")
    where = f"changes.{key}"
    if (not way and last not in MAY_DIFFER) or (way and way[0] not in MAY_DIFFER):
        _refuse(where, f"an arm may differ in {', '.join(MAY_DIFFER)}")
    for part in way:
        if isinstance(node, list):
            names = [one.get("tentacle") if isinstance(one, dict) else None for one in node]
            place = names.index(part) if part in names else int(part) if part.isdecimal() else len(node)
            node = node[place] if place < len(node) else None
        else:
            node = node.setdefault(part, {}) if part == "settings" and isinstance(node, dict) else _step(node, part)
        if node is None:
            _refuse(where, f"there is nothing at {part}")
    if not isinstance(node, dict):
        _refuse(where, "expected a key of a section")
    node[last] = value


def _step(node: Any, part: str) -> Any:
    return node.get(part) if isinstance(node, Mapping) else None


# Versions side by side


def found_entry(home: Path, name: str) -> RegistryEntry:
    """Return the entry of the registry called NAME or KIND/NAME. NotFound when there is none, or several."""
    try:
        return BotFolder(home, bundled_root()).find(name)
    except TentacleError as exc:
        raise NotFound(str(exc)) from exc


def _pin(home: Path, desk: Config, tentacle: str, wanted: str, draft: Draft) -> None:
    """Let a desk run another version of a tentacle than the registry's, beside it."""
    base = found_entry(home, tentacle)
    tree_hash = _known_version(home, tentacle, wanted)
    entry = entry_of(home, base, tree_hash)
    pinned = entry.model_copy(
        update={"name": f"{base.tentacle}{PIN}{tree_hash.removeprefix(PREFIX)[:HASH_DIGITS]}", "enabled": True}
    )
    places = [item for item in items_of(desk, base.kind) if item["tentacle"] == base.name]
    if not places:
        _refuse(f"versions.{tentacle}", "the control does not use it")
    for item in places:
        item["tentacle"] = pinned.name
    if all(one.slot != pinned.slot for one in draft.pins):
        draft.pins.append(pinned)


def items_of(desk: Config, kind: str) -> list[Config]:
    """Return the entries of a desk that name a tentacle of a kind."""
    items = [desk[part] for part, own in CODE.items() if own == kind]
    return [*items, *(desk["evaluators"] if kind == "evaluator" else [])]


def _known_version(home: Path, tentacle: str, wanted: str) -> str:
    """Return the whole hash of a version that this bot has. BadArguments when there is none, or several."""
    start = wanted.removeprefix(PREFIX)
    root = home / CONTENT_FOLDER
    is_hash = len(start) >= SHORTEST_HASH and all(letter in "0123456789abcdef" for letter in start)
    known = [path.name for path in root.iterdir() if path.name.startswith(start)] if is_hash and root.exists() else []
    if len(known) != 1:
        why = "several versions begin with it" if known else "no such version was ever loaded here"
        told = f"versions.{tentacle} = {wanted[:70]!r}: {why}; see `loligo tentacle history`"
        raise BadArguments(told, {f"versions.{tentacle}": told})
    return PREFIX + known[0]


def entry_of(home: Path, base: RegistryEntry, tree_hash: str) -> RegistryEntry:
    """Return an entry of the registry for a version in the content store."""
    content = ContentStore(home / CONTENT_FOLDER)
    manifest = read_manifest(content.path(tree_hash), content.get(tree_hash))
    if (manifest.kind, manifest.name) != (base.kind, base.tentacle):
        _refuse(f"versions.{base.kind}/{base.name}", f"{tree_hash[:15]} is {manifest.kind} {manifest.name}")
    source = "local" if base.source == "bundled" else base.source
    changes = {"version": manifest.version, "tree_hash": tree_hash, "path": None, "source": source, "pin": True}
    packages = BotFolder(home, bundled_root()).packages_of(base, tree_hash)
    return base.model_copy(update={**changes, "packages": packages})
