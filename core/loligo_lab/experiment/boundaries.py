"""How far the statistic may go by chance when somebody looks every day, and how rare it is that it goes that far.

All scores are normal scores of the mean difference after t days. What must hold: a boundary is passed exactly when
the p-value falls below the level it was made for.
"""

from __future__ import annotations

from functools import lru_cache
from math import erfc, exp, log, log1p, pi, sqrt

# A fixed end is held to less than the level it promises: with tails and autocorrelation the true rate is above it.
FIXED_END_SHARE = 0.8  # of alpha: 4 % for 5 %
FIXED_END_SHARE_SHORT = 0.6  # up to this many planned days: 3 %
SHORT_DAYS = 90


def open_ended_boundary(day: int, *, planned_days: int, alpha: float) -> float:
    """Return the score of an asymptotic confidence sequence, for any number of looks without an end
    (Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas 2024), tightest at half of the planned days."""
    known = day * _mixing(planned_days, alpha)
    return sqrt(2.0 * (known + 1.0) / known * (0.5 * log1p(known) - log(alpha)))


def open_ended_p_value(day: int, score: float, *, planned_days: int, alpha: float) -> float:
    """Return the level at which this day's boundary would run through the score; the smallest over all days so far
    holds at any look. Alpha is that of the boundary, which decides where it is tightest."""
    known = day * _mixing(planned_days, alpha)
    return min(1.0, exp(0.5 * log1p(known) - score * score * known / (2.0 * (known + 1.0))))


def _mixing(planned_days: int, alpha: float) -> float:
    return (-2.0 * log(alpha) + log(1.0 - 2.0 * log(alpha))) / (0.5 * planned_days)


def fixed_end_boundary(day: int, *, planned_days: int, alpha: float) -> float:
    """Return the score that Brownian motion, watched until the planned end, passes by chance with the level of
    `fixed_end_level`: far out at first, closest on the last day (Billingsley 1968 for its supremum)."""
    return sup_level(fixed_end_level(planned_days, alpha)) * sqrt(planned_days / day)


def fixed_end_p_value(day: int, score: float, *, planned_days: int, alpha: float) -> float:
    """Return the p-value at this look, raised as alpha is lowered inside; the smallest so far holds at any look."""
    inside = sup_tail(abs(score) * sqrt(day / planned_days))
    return min(1.0, inside * alpha / fixed_end_level(planned_days, alpha))


def fixed_end_level(planned_days: int, alpha: float) -> float:
    """Return the level that a fixed end is held to, so that what comes out is alpha."""
    return alpha * (FIXED_END_SHARE_SHORT if planned_days <= SHORT_DAYS else FIXED_END_SHARE)


def sup_tail(c: float) -> float:
    """Return P(sup |B(s)| >= c for 0 <= s <= 1) of Brownian motion B."""
    if c <= 0.0:
        return 1.0
    if c < 1.0:  # the series of the heat equation; the other one is that of reflections; both are exact
        terms = ((-1.0) ** k / (2 * k + 1) * exp(-((2 * k + 1) ** 2) * pi**2 / (8.0 * c * c)) for k in range(8))
        return 1.0 - 4.0 / pi * sum(terms)
    return min(1.0, 2.0 * sum((-1.0) ** k * erfc((2 * k + 1) * c / sqrt(2.0)) for k in range(8)))


@lru_cache(maxsize=64)
def sup_level(level: float) -> float:
    """Return the c with `sup_tail(c) == level`."""
    low, high = 0.1, 40.0
    for _ in range(200):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if sup_tail(middle) > level else (low, middle)
    return 0.5 * (low + high)
