"""Puts earlier settings back into `config/loligo.yaml`.

Only what differs is written, into the file as a person keeps it: its comments, order and unset defaults stay, but for
lists of another length, which are written anew. What must hold: the file is replaced as a whole, by one that was read
back and gives exactly the wanted settings; the one before is kept beside it; secrets come from the file of today.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap

from loligo.errors import ConfigError
from loligo.registry.durable import sync_folder, write_file
from loligo.registry.registry_file import Registry, previous_copy
from loligo_bot.folder_config import read_config
from loligo_bot.folder_settings import folder_settings
from loligo_bot.recipe import Recipe, differences, recipe_of
from loligo_bot.vault import holds_kept

CONFIG_FILE = Path("config/loligo.yaml")
_INDENTED_LIST = re.compile(r"^( *)[^\s#-][^#\n]*:[ ]*(#.*)?\n(?:[ ]*#.*\n)*\1[ ]+- ", re.MULTILINE)
_NUMBER = re.compile(r"-?\d+(\.\d+)?")


@dataclass(slots=True)
class Undone:
    """What was written."""

    previous: Path  # the file as it was
    rewritten: list[str] = field(default_factory=list)  # keys whose comments could not be kept


def undo_settings(home: Path, now: Recipe, wanted: Recipe) -> Undone:
    """Write the settings of `wanted` where the file says otherwise.

    ConfigError when the file does not decide: a setting comes from the environment, the profile or another place; and
    when somebody else, such as an editor, changed the file meanwhile.
    """
    path = home / CONFIG_FILE
    before = path.read_bytes()
    undone = Undone(previous_copy(path))
    target = wanted.filled(now)
    faults = ""
    for scalar in (_plain_number, lambda value: value):  # a text that looks like a number may be meant as a text
        undone.rewritten = []
        content = patched(path, now.config, target.config, scalar, undone.rewritten)
        faults = _written(home, path, before, content, target)
        if not faults:
            return undone
    raise ConfigError(f"{path}: the settings cannot be put back by this file alone: {faults}")


def patched(path: Path, now: Any, target: Any, scalar: Callable[[Any], Any], rewritten: list[str]) -> str:
    """Return the text of a file in which the settings of `now` have become those of `target`, nothing else changed."""
    written = path.read_text(encoding="utf-8")
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4_096  # no line of a person is broken
    if _INDENTED_LIST.search(written):
        yaml.indent(mapping=2, sequence=4, offset=2)
    tree = yaml.load(written)
    tree = CommentedMap() if tree is None else tree
    _patch(tree, now, target, scalar, (), rewritten)
    text = StringIO()
    yaml.dump(tree, text)
    return text.getvalue()


def _patch(
    node: Any, now: Any, target: Any, scalar: Callable[[Any], Any], way: tuple[str, ...], lost: list[str]
) -> None:
    """Write into a mapping or list of the file what differs between the settings of now and those wanted."""
    places = range(len(target)) if isinstance(target, list) else sorted(now.keys() | target.keys())
    for key in places:
        here = (*way, str(key))
        if isinstance(target, Mapping) and key not in target:
            node.pop(key, None)
            lost.append(".".join(here))
            continue
        has = isinstance(now, list) or key in now
        old, new = now[key] if has else None, target[key]
        if has and old == new:
            continue
        there = node[key] if isinstance(node, list) else node.get(key)
        if _goes_on(old, new, there):
            if there is None:
                there = node[key] = CommentedMap()
            _patch(there, old, new, scalar, here, lost)
        else:
            if isinstance(there, list | dict):
                lost.append(".".join(here))
            node[key] = _written_as(new, scalar)


def _goes_on(old: Any, new: Any, there: Any) -> bool:
    """Say whether single values are to be written below a place, not the whole of it."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return there is None or isinstance(there, dict)
    both = isinstance(old, list) and isinstance(new, list) and isinstance(there, list)
    return both and len(old) == len(new) == len(there) and any(isinstance(item, Mapping) for item in new)


def _written_as(value: Any, scalar: Callable[[Any], Any]) -> Any:
    if isinstance(value, Mapping):
        return {key: _written_as(inner, scalar) for key, inner in value.items()}
    return [_written_as(inner, scalar) for inner in value] if isinstance(value, list) else scalar(value)


def _plain_number(value: Any) -> Any:
    """Return a number for a text that is one: exact money is text in a recipe, and no text in the file of a person."""
    return YAML().load(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else value


def _written(home: Path, path: Path, before: bytes, content: str, wanted: Recipe) -> str:
    """Replace the file, if it is still as `before` and the content gives what is wanted; else return what that does not
    give."""
    real = path.resolve()  # a link stays one
    trial = real.with_name(f".{real.name}.{os.getpid()}.tmp")
    mode = path.stat().st_mode & 0o777
    if holds_kept(content) and not holds_kept(before.decode()):
        return "a list that has a secret of the vault in it would be written anew, and the secret with it"
    try:
        write_file(trial, content.encode(), mode)
        try:
            found = Recipe(recipe_of(read_config(home, file=trial), Registry()).config, {})
        except ConfigError as exc:
            return str(exc)
        left = differences(found, Recipe(wanted.config, {}))
        if left:
            settings = folder_settings(home)
            return "; ".join(f"{one} (set by {settings.origin_of(one.way)})" for one in left[:5])
        write_file(previous_copy(path), before, mode)
        if path.read_bytes() != before:
            raise ConfigError(f"{path} was changed meanwhile by somebody else; look at it and try again")
        trial.replace(real)
        sync_folder(real.parent)
        return ""
    finally:
        trial.unlink(missing_ok=True)
