"""A series as a drawing without scripts: the path of an SVG, and what stands at its edges.

A value holds until the next one is known: what is worth something is marked only when that changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 600.0, 140.0
ROOM = 0.08  # of the height, above and below


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """`line` and `area` are path data in a box of WIDTH x HEIGHT; times are ms since 1970; `zero` is how far down zero
    lies, None when the values do not go through it."""

    line: str
    area: str
    low: float
    high: float
    first_ms: int
    last_ms: int
    zero: str | None = None
    change: float = 0.0  # from the first value to the last


def curve(points: Sequence[tuple[int, float]]) -> Curve | None:
    """Return the drawing of points in order of time, None when fewer than two moments are known."""
    if len(points) < 2 or points[-1][0] <= points[0][0]:
        return None
    first_ms, last_ms = points[0][0], points[-1][0]
    low, high = min(value for _, value in points), max(value for _, value in points)
    span = (high - low) or 1.0
    bottom, scale = (low + high - span) / 2 - span * ROOM, HEIGHT / (span * (1 + 2 * ROOM))
    across = [f"{(at_ms - first_ms) / (last_ms - first_ms) * WIDTH:.1f}" for at_ms, _ in points]
    up = [f"{HEIGHT - (value - bottom) * scale:.1f}" for _, value in points]
    line = f"M{across[0]} {up[0]}" + "".join(f"H{x}V{y}" for x, y in zip(across[1:], up[1:], strict=True))
    area = f"{line}V{HEIGHT:.0f}H0Z"
    change = points[-1][1] - points[0][1]
    zero = f"{HEIGHT + bottom * scale:.1f}" if low < 0 < high else None
    return Curve(line=line, area=area, low=low, high=high, first_ms=first_ms, last_ms=last_ms, zero=zero, change=change)
