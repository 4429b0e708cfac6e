"""Curves as an SVG that stands alone: the first line in full, others dashed, with axes of time and value."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from math import ceil, floor, log10

WIDTH, HEIGHT = 860.0, 280.0
LEFT, RIGHT, TOP, BOTTOM = 64.0, 12.0, 10.0, 26.0  # room for what is written along the axes
DATES, VALUES = 6, 5  # so many on each axis, about
Points = Sequence[Sequence[float]]  # [ms since 1970, value], in order of time


def drawn(lines: Sequence[tuple[str, Points]], *, is_share: bool = False) -> str:
    """Return an SVG of named lines over one span of time, the first in full; "" where nothing can be drawn. Values that
    are shares are written in percent."""
    known = [(name, points) for name, points in lines if len(points) > 1]
    every = [point for _, points in known for point in points]
    if not every:
        return ""
    first, last = min(at for at, _ in every), max(at for at, _ in every)
    lowest, highest = min(value for _, value in every), max(value for _, value in every)
    step = _step(lowest, highest)
    low, high = floor(lowest / step) * step, max(ceil(highest / step), floor(lowest / step) + 1) * step

    def across(at: float) -> float:
        return LEFT + (at - first) / ((last - first) or 1.0) * (WIDTH - LEFT - RIGHT)

    def down(value: float) -> float:
        return HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM)

    parts = []
    for place in range(round((high - low) / step) + 1):
        value = low + place * step
        y, kind = down(value), "axis zero" if abs(value) < step / 2 and low < 0 < high else "axis"
        parts.append(f'<path class="{kind}" d="M{LEFT:.0f} {y:.1f}H{WIDTH - RIGHT:.0f}"/>')
        said = _written(value, step, is_share=is_share)
        parts.append(f'<text x="{LEFT - 6:.0f}" y="{y + 4:.1f}" text-anchor="end">{said}</text>')
    for place in range(DATES):
        at = first + (last - first) * place / (DATES - 1)
        anchor = "start" if not place else "end" if place == DATES - 1 else "middle"
        parts.append(f'<text x="{across(at):.1f}" y="{HEIGHT - 8:.0f}" text-anchor="{anchor}">{day(at)}</text>')
    for index, (_, points) in enumerate(known):
        way = "L".join(f"{across(at):.1f} {down(value):.1f}" for at, value in points)
        parts.append(f'<path class="line{index}" d="M{way}"/>')
    span = " to ".join(_written(value, step / 100, is_share=is_share) for value in (lowest, highest))
    said = f"{' and '.join(name for name, _ in known)} from {day(first)} to {day(last)}, {span}"
    return f'<svg viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}" role="img" aria-label="{escape(said)}">{"".join(parts)}</svg>'


def _step(low: float, high: float) -> float:
    """Return a step of 1, 2 or 5 times a power of ten that divides a span into about `VALUES` parts."""
    span = (high - low) or abs(high) or 1.0
    power = 10.0 ** floor(log10(span / VALUES))
    return min((power * times for times in (1.0, 2.0, 5.0, 10.0)), key=lambda step: abs(span / step - VALUES))


def _written(value: float, step: float, *, is_share: bool) -> str:
    """Return a value with the digits that its step needs."""
    value, step = (value * 100, step * 100) if is_share else (value, step)
    digits = max(0, -floor(log10(step) + 1e-9))
    return f"{round(value, digits) + 0.0:,.{digits}f}{' %' if is_share else ''}"


def day(at_ms: float) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).date().isoformat()
