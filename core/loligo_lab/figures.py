"""Figures of an equity curve and its trades. Rates are fractions, times ns UTC, interest is 0.

Daily returns: the last mark of a UTC day counts, a day without a mark repeats the one before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import sqrt

from loligo.api import DAY_NS

YEAR_DAYS = 365.25
LEAST_DAYS = 30.0  # of a run whose return is worth telling per year
Curve = Sequence[tuple[int, float]]


def max_drawdown(equity: Sequence[float]) -> float:
    """Return the deepest fall from a peak, as a fraction of the peak."""
    peak, deepest = equity[0] if equity else 0.0, 0.0
    for value in equity:
        peak = max(peak, value)
        deepest = max(deepest, 1.0 - value / peak if peak > 0 else 0.0)
    return deepest


def daily_returns(curve: Curve) -> list[float]:
    """Return the returns from each day to the next; none for fewer than three days with marks."""
    by_day = {ts // DAY_NS: equity for ts, equity in curve}
    if len(by_day) < 3:
        return []
    days = sorted(by_day)
    daily: list[float] = []
    for day, following in zip(days, [*days[1:], days[-1] + 1], strict=True):
        daily += [by_day[day]] * (following - day)
    return [after / before - 1.0 if before else 0.0 for before, after in pairwise(daily)]


def sharpe(curve: Curve) -> float:
    """Return the Sharpe ratio of daily returns, annualised (Sharpe 1994); 0 for fewer than three days."""
    returns = daily_returns(curve)
    if len(returns) < 2:
        return 0.0
    mean = sum(returns) / len(returns)
    variance = sum((value - mean) ** 2 for value in returns) / (len(returns) - 1)
    return mean / sqrt(variance) * sqrt(YEAR_DAYS) if variance > 0 else 0.0


def sortino(curve: Curve) -> float:
    """Return the Sortino ratio of daily returns, annualised: the mean over the root of the mean square of those below 0
    (Sortino and Price 1994); 0 where nothing was lost, or for fewer than three days."""
    returns = daily_returns(curve)
    downside = sum(min(value, 0.0) ** 2 for value in returns)
    if not downside:
        return 0.0
    return sum(returns) / len(returns) / sqrt(downside / len(returns)) * sqrt(YEAR_DAYS)


def cagr(start: float, end: float, span_ns: int) -> float | None:
    """Return the yearly rate that leads from start to end; None for less than a month, or where all is lost."""
    days = span_ns / DAY_NS
    if days < LEAST_DAYS or start <= 0 or end <= 0:
        return None
    return float((end / start) ** (YEAR_DAYS / days)) - 1.0


def time_in_market(held: Iterable[tuple[int, int]], first_ns: int, last_ns: int) -> float:
    """Return the share of a span in which anything was held, whatever overlaps counted once."""
    covered, reached = 0, first_ns
    for opened, closed in sorted(held):
        opened, closed = max(opened, reached), min(closed, last_ns)
        if closed > opened:
            covered += closed - opened
            reached = closed
    return covered / (last_ns - first_ns) if last_ns > first_ns else 0.0


def thinned(curve: Curve, most: int) -> list[tuple[int, float]]:
    """Return a curve in `most` points at most: the first and the last, and of each stretch its lowest and highest, so
    that no fall disappears."""
    if len(curve) <= most:
        return list(curve)
    stretches, kept = max((most - 2) // 2, 1), [curve[0]]
    inner = curve[1:-1]
    for index in range(stretches):
        part = inner[index * len(inner) // stretches : (index + 1) * len(inner) // stretches]
        if part:
            low, high = min(part, key=lambda one: one[1]), max(part, key=lambda one: one[1])
            kept += sorted({low, high})
    return [*kept, curve[-1]]
