"""The path of the price inside a candle: what happens when, where only open, high, low and close are known.

Four points at 0, 1/3, 2/3 and 1 of the candle's duration (open, first extreme, second extreme, close), linear between.
The first extreme is the one nearer to the open (NautilusTrader's `bar_adaptive_high_low_ordering`, whose
documentation reports the right order in some 75-85 % of candles against 50 % for a fixed one), or the one asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from loligo.api import Candle

Point = tuple[int, float, str]  # ns UTC, price, and whether it is an "open" or on the "path"


def is_low_nearer(candle: Candle) -> bool:
    """Return whether the low comes before the high: it is nearer to the open, or as near."""
    return candle.open - candle.low <= candle.high - candle.open


def candle_path(candle: Candle, *, is_low_first: bool) -> tuple[Point, Point, Point, Point]:
    """Return the four points of the path, oldest first."""
    start, duration = candle.opened_at_ns, candle.ts - candle.opened_at_ns
    first, second = (candle.low, candle.high) if is_low_first else (candle.high, candle.low)
    return (
        (start, candle.open, "open"),
        (start + duration // 3, first, "path"),
        (start + 2 * duration // 3, second, "path"),
        (candle.ts, candle.close, "path"),
    )


def price_between(start: Point, end: Point, ts: int) -> float:
    """Return the price at `ts` on the straight line between two points, never outside their prices."""
    if ts >= end[0]:
        return end[1]
    price = start[1] + (end[1] - start[1]) * ((ts - start[0]) / (end[0] - start[0]))
    return min(max(price, min(start[1], end[1])), max(start[1], end[1]))


def reached_at_ns(start: Point, end: Point, level: float) -> int:
    """Return when the line between two points of different price reaches a level that lies between them."""
    share = (level - start[1]) / (end[1] - start[1])
    return start[0] + round(share * (end[0] - start[0]))


def part_of_path(path: Sequence[Point], start_ns: int, end_ns: int) -> list[Point]:
    """Return the points of the path within a time span: its start, which is an open, those between, its end."""
    (first_ns, _, _), (second_ns, _, _), *_, (third_ns, _, _), (last_ns, _, _) = path
    if start_ns == first_ns < second_ns and third_ns < last_ns == end_ns:
        return list(path)  # nearly always
    inside = [point for point in path if start_ns < point[0] < end_ns]
    return [(start_ns, price_at(path, start_ns), "open"), *inside, (end_ns, price_at(path, end_ns), "path")]


def price_at(path: Sequence[Point], ts: int) -> float:
    """Return the price of the path at an instant between its ends."""
    start, end = next((start, end) for start, end in pairwise(path) if ts <= end[0])
    return price_between(start, end, ts)


def spans_without(start_ns: int, end_ns: int, halts: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield the parts of a time span that no halt covers; halts are (from, to) in time order."""
    for halted_ns, resumed_ns in halts:
        if halted_ns >= end_ns:
            break
        if start_ns < halted_ns:
            yield start_ns, halted_ns
        start_ns = max(start_ns, resumed_ns)
    if start_ns < end_ns:
        yield start_ns, end_ns
