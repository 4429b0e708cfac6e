"""Where settings of a tentacle stand: in the registry for all, or at a place of the configuration for that place alone.

    desks.trend.evaluators.0 ─► over the registry's ─► over the defaults

Read from what `config.show` tells. A place whose settings hold more than plain values is left out: edit its file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_OF_KIND = {
    "evaluator": re.compile(r"desks\.[^.]+\.evaluators\.\d+"),
    "strategy": re.compile(r"desks\.[^.]+\.strategy"),
    "trading_mode": re.compile(r"desks\.[^.]+\.mode"),
    "feed": re.compile(r"feeds\.\d+"),
    "interface": re.compile(r"interfaces\.\d+"),
    "notifier": re.compile(r"notifiers\.\d+"),
    "automation": re.compile(r"automations\.\d+"),
}
_NAMED = ".tentacle"
_GIVEN = ".settings."


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    path: str  # "" is the registry
    label: str
    settings: Mapping[str, Any]


def places_of(kind: str, name: str, shown: Iterable[Any]) -> list[Place]:
    """Return the places that name a tentacle; `shown` are settings as `config.show` has them, with key and value."""
    wanted = _OF_KIND.get(kind)
    values = {one.key: one.value for one in shown}
    paths = [key.removesuffix(_NAMED) for key, value in values.items() if key.endswith(_NAMED) and value == name]
    found = []
    for path in paths if wanted else ():
        given = {key.partition(_GIVEN)[2]: value for key, value in values.items() if key.startswith(path + _GIVEN)}
        if wanted is not None and wanted.fullmatch(path) and not any("." in key for key in given):
            found.append(Place(path=path, label=_label(path), settings=given))
    return found


def _label(path: str) -> str:
    parts = path.split(".")
    return f"Desk {parts[1]}" if parts[0] == "desks" else f"{parts[0].capitalize()} {int(parts[1]) + 1}"


def with_defaults(schema: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a settings schema whose defaults are what the registry gives."""
    fields = {
        name: {**one, "default": given[name]} if name in given else one
        for name, one in schema.get("properties", {}).items()
    }
    return {**schema, "properties": fields}
