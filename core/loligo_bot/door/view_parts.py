"""A part of a tentacle's view laid out: rows, facts or points, found in the plain answer of a verb.

What must hold: however large an answer is, what is made of it is bounded; a field that is not there is said by name; a
value is text, a number, yes or no, or not known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import Field

from loligo.errors import LoligoError
from loligo.model.timeframe import ns_from_iso
from loligo.registry.faults import did_you_mean
from loligo_bot.door import pages
from loligo_kit.views import Look, Part

MOST_ROWS = 2_000  # of one answer that are looked through
LONGEST = 160  # characters of a value
TOLD = 8  # rows of a part in a chat
MS_NS = 1_000_000
_NUMBERS = frozenset({"number", "amount", "signed", "price", "percent"})
Plain = str | bool | int | float | None


class Column(pages.Part):
    """A heading, and how the values below it are written."""

    title: str
    look: Look


class ShownPart(pages.Part):
    """One part with its content; of a series the points, else the rows."""

    title: str
    of: str = Field(description='the desk or the instrument that it is of; "" of none')
    show: Literal["facts", "table", "series"]
    columns: list[Column]
    rows: list[list[Plain]] = Field(default=[], description="values in the order of the columns")
    points: list[list[float]] = Field(default=[], description="ms since 1970 and value, the oldest first")
    empty: str = Field(description="what is said when there is nothing")
    problem: str = Field(default="", description="why it could not be answered; empty: it was")

    def lines(self) -> list[str]:
        head = f"{self.title}{f' of {self.of}' if self.of else ''}"
        if self.problem or not (self.rows or self.points):
            return [f"{head}: {self.problem or self.empty}"]
        if self.points:
            return [f"{head}: {self.points[-1][1]:g}"]
        titles = [column.title for column in self.columns]
        told = [", ".join(f"{title} {_word(value)}" for title, value in _zip(titles, row)) for row in self.rows]
        return [f"{head}:", *(f"  {line}" for line in told[:TOLD])]


def columns_of(part: Part) -> list[Column]:
    return [Column(title=one.title, look=_look(path, one.look)) for path, one in part.columns.items()]


def laid_out(answer: Mapping[str, Any], part: Part) -> dict[str, Any]:
    """Return the rows or the points of a part. LoligoError names what the answer does not have."""
    found = _rows(answer, part)
    if part.show == "series":
        return {"points": _points(found, part)}
    columns, limit = columns_of(part), 1 if part.show == "facts" else part.limit
    return {"rows": [_cells(row, part, columns) for row in found[:limit]]}


def _rows(answer: Mapping[str, Any], part: Part) -> list[dict[str, Any]]:
    """Return the rows of an answer: those of inner lists have the fields of what they lie in, too."""
    found: list[dict[str, Any]] = [dict(answer)]
    for name in part.rows.split(".") if part.rows else ():
        found = [{**row, **item} for row in found for item in _items(row, name, part.verb)][:MOST_ROWS]
    return [row for row in found if all(_value(row, path, part.verb) == one for path, one in part.where.items())]


def _items(row: Mapping[str, Any], name: str, verb: str) -> list[dict[str, Any]]:
    inner = _value(row, name, verb)
    if isinstance(inner, dict):  # by name: that is its "key"
        return [{"key": key, **(one if isinstance(one, dict) else {"value": one})} for key, one in inner.items()]
    if not isinstance(inner, list):
        raise LoligoError(f'"{name}" in the answer of {verb} is no list')
    return [one if isinstance(one, dict) else {"value": one} for one in inner]


def _value(row: Mapping[str, Any], path: str, verb: str) -> Any:
    value: Any = row
    for name in path.split("."):
        if not isinstance(value, Mapping) or name not in value:
            hint = did_you_mean(name, value) if isinstance(value, Mapping) else ""
            raise LoligoError(f'the answer of {verb} has no "{path}"{hint}; `/api/v1/openapi.json` describes it')
        value = value[name]
    return value


def _look(path: str, look: Look | None) -> Look:
    name = path.rpartition(".")[2]
    if look is not None:
        return look
    known: dict[str, Look] = {"time": "time", "instrument": "market", "evaluator": "evaluator"}
    return "time" if name.endswith("_at") else known.get(name, "text")


def _cells(row: Mapping[str, Any], part: Part, columns: Sequence[Column]) -> list[Plain]:
    return [_cell(_value(row, path, part.verb), one.look) for path, one in _zip(part.columns, columns)]


def _cell(value: Any, look: Look) -> Plain:
    """Return a value as text or a number; None for what is not known, or no number where one is wanted."""
    if look in _NUMBERS:
        return value if value is None or _number(value) is not None else None
    if isinstance(value, list):
        value = ", ".join(str(one) for one in value)
    return value if value is None or isinstance(value, bool | int | float) else str(value)[:LONGEST]


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if abs(number) < float("inf") else None


def _points(rows: Sequence[Mapping[str, Any]], part: Part) -> list[tuple[int, float]]:
    """Return what can be drawn, in order of time; of one instant the last."""
    [path] = part.columns
    found: dict[int, float] = {}
    for row in rows:
        at, value = _value(row, part.at, part.verb), _number(_value(row, path, part.verb))
        if value is not None:
            found[int(at) if isinstance(at, int | float) else ns_from_iso(str(at)) // MS_NS] = value
    return sorted(found.items())


def _word(value: Plain) -> str:
    return "unknown" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _zip(left: Any, right: Any) -> Any:
    return zip(left, right, strict=True)
