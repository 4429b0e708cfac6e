"""What was tried elsewhere as a proposal for an A/B test: the address of the form, filled in.

    settings of a tentacle at a place ─┐
    settings of a backtest ────────────┴─► /experiments?control=DESK&change=KEY=VALUE...#start

What must hold: a desk is the control and what was tried is the difference; a setting that two desks cannot differ in is
left out, and so is whatever has nothing left.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from .places import Place

FORM = "/experiments"
SECTIONS = ("timeframe", "evaluators", "strategy", "mode", "limits", "risk_rules", "tick_s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A test that may be begun with the form."""

    desk: str
    address: str


def of_settings(name: str, place: Place, places: Sequence[Place], changes: Mapping[str, Any]) -> Candidate | None:
    """Return the test of changed settings of the tentacle of that name; None where it works at no desk. Settings for
    all places are tried at the first desk that has the tentacle."""
    desks = [one for one in places if one.path.startswith("desks.")]
    at = place if place in desks else desks[0] if not place.path and desks else None
    if at is None or not changes:
        return None
    _, desk, *way = at.path.split(".")
    twins = [one for one in desks if one.path.startswith(f"desks.{desk}.{way[0]}.")]
    if len(twins) == 1:
        way[1:] = [name]  # of several evaluators one goes by its name, unless it is there twice
    return _candidate(desk, {f"{'.'.join(way)}.settings.{name}": value for name, value in changes.items()}, {})


def of_backtest(arguments: Mapping[str, Any], desks: Sequence[str]) -> list[Candidate]:
    """Return a test for each desk of a backtest in which it differed from what is configured."""
    versions = arguments.get("versions", {})
    changes: dict[str, dict[str, Any]] = {desk: {} for desk in desks} if versions else {}
    for key, value in arguments.get("overrides", {}).items():
        section, _, rest = key.partition(".")
        desk, _, way = rest.partition(".")
        if section == "desks" and desk in desks and way.partition(".")[0] in SECTIONS:
            changes.setdefault(desk, {})[way] = value
    return [_candidate(desk, own, versions) for desk, own in changes.items()]


def _candidate(desk: str, changes: Mapping[str, Any], versions: Mapping[str, str]) -> Candidate:
    query = [("control", desk)]
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in changes.items()}
    query += [("change", f"{key}={text}") for key, text in texts.items()]
    query += [("version", f"{name}={tree_hash}") for name, tree_hash in versions.items()]
    return Candidate(desk=desk, address=f"{FORM}?{urlencode(query)}#start")
