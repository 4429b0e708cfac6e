"""In what an arm may differ from the control: single settings, or other tentacles named alone.

What must hold: nothing but a copy of the control's desk is changed here; another tentacle begins with the settings of
the registry, never with those of the one before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

from loligo.errors import BadArguments
from loligo_bot.experiments.arms import CODE

MAY_DIFFER = ("timeframe", "evaluators", "strategy", "mode", "limits", "risk_rules", "tick_s")
STAYS = ("consent_s", "on_orphan")  # with the control, whoever takes over
LISTS = ("evaluators", "risk_rules")  # of names
Config = dict[str, Any]


def refuse(field_name: str, said: str) -> NoReturn:
    told = f"{field_name}: {said}"
    raise BadArguments(told, {field_name: told})


def set_in(desk: Config, key: str, value: Any, asked: str = "") -> None:
    """Set one key of a desk; entries of a list go by their tentacle's name or number. A strategy or a mode may be named
    alone, evaluators by their names: what is not the control's begins with the settings of the registry. BadArguments
    where there is no such place."""
    node: Any = desk
    *way, last = key.split(".")
    where = f"{asked}changes.{key}"
    if (not way and last not in MAY_DIFFER) or (way and way[0] not in MAY_DIFFER):
        refuse(where, f"an arm may differ in {', '.join(MAY_DIFFER)}")
    if _set_tentacles(desk, key, value):
        return
    for part in way:
        if isinstance(node, list):
            names = [one.get("tentacle") if isinstance(one, dict) else None for one in node]
            place = names.index(part) if part in names else int(part) if part.isdecimal() else len(node)
            node = node[place] if place < len(node) else None
        else:
            node = node.setdefault(part, {}) if part == "settings" and isinstance(node, dict) else _step(node, part)
        if node is None:
            refuse(where, f"there is nothing at {part}")
    if not isinstance(node, dict):
        refuse(where, "expected a key of a section")
    node[last] = value


def _set_tentacles(desk: Config, key: str, value: Any) -> bool:
    """Set which tentacles a desk has, where a key is about that and they are named; say whether it was."""
    part = key.removesuffix(".tentacle")
    if part in CODE and isinstance(value, str):
        desk[part] = desk[part] if desk[part]["tentacle"] == value else {"tentacle": value, "settings": {}}
        return True
    names = _names(value) if key in LISTS else None
    if names is None:
        return False
    if key == "evaluators":
        old = desk[key]
        desk[key] = [
            item
            for name in names
            for item in [one for one in old if one["tentacle"] == name] or [{"tentacle": name, "settings": {}}]
        ]
    else:
        desk[key] = names
    return True


def _names(value: Any) -> list[str] | None:
    """Return names that were given as a list, or as a text with commas; None for anything else."""
    names = value.split(",") if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        return None
    return list(dict.fromkeys(name.strip() for name in names if name.strip()))


def _step(node: Any, part: str) -> Any:
    return node.get(part) if isinstance(node, Mapping) else None
