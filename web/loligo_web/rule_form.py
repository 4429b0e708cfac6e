"""Conditions and actions of a rule as rows of fields: what is chosen in a row says which fields it has.

    settings ─► rows ─► form ─► rows ─► settings, and what is wrong by its field

What must hold: a row keeps its number while others come and go; what one typed stays; a value that is no choice any
more, such as a desk that was removed, is shown as it is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

CONDITIONS, ACTIONS = "conditions", "actions"
MOST_ROWS = 10
LONGEST_ROW = 4  # digits of the number of a row
LEVEL_MISS = "expected a number, such as 9000"
Settings = dict[str, Any]
Faults = dict[str, str]


@dataclass(frozen=True, slots=True)
class Input:
    """One field of a row: the setting that it is, its label, and how it is filled in."""

    name: str
    label: str
    kind: str = "text"  # number, time, json, or of which list one is chosen: desks, markets, tentacles, choices
    choices: Sequence[tuple[str, str]] = ()
    every: str = ""  # what none of the list means; "" where one has to be chosen
    usual: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """What a row may be: the settings that say so, and the fields that it has then."""

    label: str
    fixed: Mapping[str, Any]
    inputs: Sequence[Input] = ()


_DESK, _MARKET = Input("desk", "Desk", "desks"), Input("instrument", "Market", "markets")
_ANY_DESK = Input("desk", "Desk", "desks", every="every desk")
_ANY_MARKET = Input("instrument", "Market", "markets", every="every market")
_LEVEL, _PERCENT = Input("level", "This much", "number"), Input("level", "Percent", "number")
_HOURS = (
    Input("begins", "From", "time", usual="00:00"),
    Input("ends", "To before", "time", usual="23:59", hint="23:59 is the end of the day"),
    Input("zone", "Time zone", usual="UTC", hint="Such as Europe/Berlin"),
)
_WORTH: Mapping[str, tuple[str, Sequence[Input]]] = {  # value: what is compared, fields
    "price": ("The price is", (_MARKET, _LEVEL)),
    "equity": ("What the desk is worth is", (_DESK, _LEVEL)),
    "profit": ("What the desk has gained, in percent, is", (_DESK, _PERCENT)),
    "drawdown": ("What the desk has fallen by, in percent, is", (_DESK, _PERCENT)),
}
_LEVELS = tuple((one, one) for one in ("info", "warning", "problem"))
_PERIOD = Input("period", "Of a", "choices", tuple((one, one) for one in ("day", "week", "month")), usual="day")

CHOICES: Mapping[str, Mapping[str, Choice]] = {
    CONDITIONS: {
        "hours": Choice("The time of day is within", {"kind": "hours"}, _HOURS),
        "running": Choice("The desk is running", {"kind": "desk", "state": "running"}, (_DESK,)),
        "paused": Choice("The desk is paused", {"kind": "desk", "state": "paused"}, (_DESK,)),
        "held": Choice("A position is held", {"kind": "position", "is_held": True}, (_ANY_DESK, _ANY_MARKET)),
        "free": Choice("No position is held", {"kind": "position", "is_held": False}, (_ANY_DESK, _ANY_MARKET)),
        **{
            f"{value}_{relation}": Choice(
                f"{label} {relation}", {"kind": "value", "value": value, "relation": relation}, inputs
            )
            for value, (label, inputs) in _WORTH.items()
            for relation in ("above", "below")
        },
    },
    ACTIONS: {
        "notify": Choice(
            "Tell me",
            {"do": "notify"},
            (
                Input("level", "How important", "choices", _LEVELS, usual="warning"),
                Input("text", "In these words", hint="Empty: why; may name {why} {value} {level} {time} {name}"),
            ),
        ),
        "pause": Choice("Pause", {"do": "pause"}, (_ANY_DESK,)),
        "resume": Choice("Let it trade again", {"do": "resume"}, (_ANY_DESK,)),
        "cancel_orders": Choice("Take back entry orders", {"do": "cancel_orders"}, (_ANY_DESK,)),
        "flatten": Choice("Close what is held", {"do": "flatten"}, (_ANY_DESK, _ANY_MARKET)),
        "switch": Choice(
            "Switch a tentacle",
            {"do": "switch"},
            (
                Input("tentacle", "Tentacle", "tentacles"),
                Input("on", "Switch it", "choices", (("false", "off"), ("true", "on")), usual="false"),
            ),
        ),
        "report": Choice("Write a report", {"do": "report"}, (_PERIOD,)),
        "backtest": Choice(
            "Start a backtest", {"do": "backtest"}, (Input("arguments", "With", "json", usual="{}", hint="As JSON"),)
        ),
        "retry": Choice("Retry failed jobs", {"do": "retry"}),
    },
}  # fmt: skip
NOTHING = {CONDITIONS: "nothing else has to hold", ACTIONS: "nothing"}
USUAL: Mapping[str, Settings] = {  # what the rule takes where a row does not say
    CONDITIONS: {"state": "running", "is_held": True, "value": "price", "relation": "above", "level": 0.0},
    ACTIONS: {"level": "warning", "on": False},
}


@dataclass(frozen=True, slots=True)
class Row:
    """One row; `is_new` is set of the one that was just added."""

    number: int
    chosen: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    is_new: bool = False


def rows_of(section: str, settings: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Return the rows of settings."""
    return [_row(section, number, {**USUAL[section], **one}) for number, one in enumerate(settings)]


def _row(section: str, number: int, settings: Mapping[str, Any]) -> Row:
    fits = (key for key, one in CHOICES[section].items() if one.fixed.items() <= settings.items())
    chosen = next(fits, "")
    inputs = CHOICES[section][chosen].inputs if chosen else ()
    return Row(number, chosen, {one.name: _shown(one, settings) for one in inputs})


def _shown(one: Input, settings: Mapping[str, Any]) -> str:
    value = settings.get("arguments", {}).get("period") if one.name == "period" else settings.get(one.name)
    if value is None:
        return one.usual
    if one.kind == "json":
        return json.dumps(value, ensure_ascii=False)
    text = (
        str(value).lower() if isinstance(value, bool) else f"{value:.12g}" if isinstance(value, float) else str(value)
    )
    return "" if one.every and text == "*" else text


def rows_in(section: str, form: Mapping[str, str]) -> list[Row]:
    """Return the rows that a form holds."""
    numbers = [name.split(".")[1] for name in form if name.startswith(f"{section}.") and name.endswith(".is")]
    sound = sorted({int(one) for one in numbers if one.isdecimal() and len(one) <= LONGEST_ROW})
    rows = []
    for number in sound[:MOST_ROWS]:
        at = f"{section}.{number}."
        values = {name.removeprefix(at): value for name, value in form.items() if name.startswith(at)}
        chosen = values.pop("is")
        rows.append(Row(number, chosen if chosen in CHOICES[section] else "", values))
    return rows


def with_another(rows: Sequence[Row]) -> list[Row]:
    """Return the rows with an empty one behind them, if there may be so many."""
    return [*rows, Row(max((one.number for one in rows), default=-1) + 1, is_new=True)][:MOST_ROWS]


def settings_in(section: str, rows: Sequence[Row], tentacles: Sequence[str]) -> tuple[list[Settings], Faults]:
    """Return what the rows say, and what is wrong with them by their fields."""
    found: list[Settings] = []
    faults: Faults = {}
    for row in rows:
        if row.chosen:
            choice = CHOICES[section][row.chosen]
            read = {one.name: _read(one, row.values.get(one.name, one.usual), tentacles) for one in choice.inputs}
            faults |= {f"{section}.{row.number}.{name}": miss for name, (_, miss) in read.items() if miss}
            given = {name: value for name, (value, _) in read.items()}
            period = {"arguments": {"period": given.pop("period")}} if "period" in given else {}
            found.append({**choice.fixed, **given, **period})
    return found, faults


def _read(one: Input, text: str, tentacles: Sequence[str]) -> tuple[Any, str]:
    """Return a value and "", or what is wrong with it."""
    text = text.strip()
    if one.kind == "number":
        level = level_of(text)
        return level, "" if level is not None else f"{text[:40]!r}: {LEVEL_MISS}"
    if one.kind == "tentacles" and text not in tentacles:
        return text, f"{text[:60]!r}: choose one of the tentacles"
    if one.kind == "json":
        try:
            return json.loads(text or "{}"), ""
        except (ValueError, RecursionError) as exc:
            return None, f"expected JSON: {exc}"
    return (text == "true" if one.name == "on" else text), ""


def level_of(text: str) -> float | None:
    """Return a number as a person writes it, None when it is none."""
    try:
        level = float(text.replace(",", ""))
    except ValueError:
        return None
    return level if abs(level) < 1e15 else None


def placed(faults: Mapping[str, str], **rows: Sequence[Row]) -> Faults:
    """Return the faults of settings by the fields of these rows; of a whole row it stands at its choice."""
    return {_place(path, rows): text for path, text in faults.items()}


def _place(path: str, rows: Mapping[str, Sequence[Row]]) -> str:
    section, _, rest = path.partition(".")
    index, _, name = rest.partition(".")
    chosen = [one for one in rows.get(section, ()) if one.chosen]
    if not index.isdecimal() or int(index) >= len(chosen):
        return section
    return f"{section}.{chosen[int(index)].number}.{name.partition('.')[0] or 'is'}"
