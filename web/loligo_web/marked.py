"""Closes as a line with marks on it, drawn without scripts: what is traded now below it, what would be above."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT = 600.0, 150.0
EDGE = 22.0  # above and below the line, for the marks


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A triangle: `path` is its outline, `kind` is both, gone or new, `text` says what it is."""

    path: str
    kind: str
    side: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """The closes of one instrument in a box of WIDTH x HEIGHT, and the fills on them; times are ms since 1970."""

    instrument: str
    line: str
    low: float
    high: float
    first_ms: int
    last_ms: int
    marks: Sequence[Mark]


def pictures_of(desk: Any) -> list[Picture]:
    """Return a picture for each instrument of a desk's preview that has two closes or more."""
    found = []
    for one in desk.closes:
        if len(one.points) > 1 and one.points[-1][0] > one.points[0][0]:
            found.append(
                _picture(one.instrument, one.points, [f for f in desk.fills if f.instrument == one.instrument])
            )
    return found


def _picture(instrument: str, points: Sequence[tuple[int, float]], fills: Sequence[Any]) -> Picture:
    first, last = points[0][0], points[-1][0]
    low, high = min(value for _, value in points), max(value for _, value in points)
    scale = (HEIGHT - 2 * EDGE) / ((high - low) or 1.0)

    def place(at_ms: int, value: float) -> tuple[float, float]:
        return (at_ms - first) / (last - first) * WIDTH, HEIGHT - EDGE - (value - low) * scale

    line = "M" + "L".join("{:.1f} {:.1f}".format(*place(at_ms, value)) for at_ms, value in points)
    closes = dict(points)
    known = sorted(closes)
    marks = [_mark(fill, *place(fill.at_ms, closes[_nearest(known, fill.at_ms)])) for fill in fills]
    return Picture(instrument=instrument, line=line, low=low, high=high, first_ms=first, last_ms=last, marks=marks)


def _nearest(known: Sequence[int], at_ms: int) -> int:
    return min(known, key=lambda one: abs(one - at_ms))


def _mark(fill: Any, x: float, y: float) -> Mark:
    """Return the mark of a fill: of what is new above the line, else below; a buy points up, a sale down."""
    kind = "both" if fill.now and fill.then else "gone" if fill.now else "new"
    top, size = (y - 19 if kind == "new" else y + 7), 12.0
    ends = (top + size, top) if fill.side == "buy" else (top, top + size)
    path = f"M{x - 6:.1f} {ends[0]:.1f}H{x + 6:.1f}L{x:.1f} {ends[1]:.1f}Z"
    words = {"both": "as now", "gone": "now, not with these settings", "new": "only with these settings"}[kind]
    return Mark(path=path, kind=kind, side=fill.side, text=f"{fill.role} {fill.side} {fill.then or fill.now}, {words}")
