"""Curves as an SVG that stands alone: equity in full, holding dashed, with its highest and lowest value in words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape

WIDTH, HEIGHT, EDGE = 860.0, 260.0, 6.0
Points = Sequence[Sequence[float]]  # [ms since 1970, value], in order of time


def drawn(lines: Sequence[tuple[str, Points]]) -> str:
    """Return an SVG of named lines over one span of time, the first in full; "" where nothing can be drawn."""
    known = [(name, points) for name, points in lines if len(points) > 1]
    every = [point for _, points in known for point in points]
    if not every:
        return ""
    first, last = min(at for at, _ in every), max(at for at, _ in every)
    low, high = min(value for _, value in every), max(value for _, value in every)
    span, height = (last - first) or 1.0, (high - low) or 1.0

    def place(at: float, value: float) -> str:
        across = EDGE + (at - first) / span * (WIDTH - 2 * EDGE)
        return f"{across:.1f} {HEIGHT - EDGE - (value - low) / height * (HEIGHT - 2 * EDGE):.1f}"

    paths = "".join(
        f'<path class="line{index}" d="M{"L".join(place(at, value) for at, value in points)}"/>'
        for index, (_, points) in enumerate(known)
    )
    said = f"{' and '.join(name for name, _ in known)} from {day(first)} to {day(last)}, {low:,.0f} to {high:,.0f}"
    return f'<svg viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}" role="img" aria-label="{escape(said)}">{paths}</svg>'


def day(at_ms: float) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).date().isoformat()
