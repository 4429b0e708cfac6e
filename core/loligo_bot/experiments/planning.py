"""How long an experiment would take, before it starts: from a correlation and a difference that are supposed, or from
returns that two desks have, in the journal or over recorded data.

What must hold: what was not measured is said to be assumed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log2, sqrt
from typing import Any

import numpy as np

from loligo.errors import DataError
from loligo_lab.experiment import Gates, Mode
from loligo_lab.experiment.planner import (
    Outlook,
    Ratio,
    equal_risk,
    outlook,
    ratio_found,
    ratio_from_returns,
    ratio_from_sharpes,
)
from loligo_store.days import Row

USUAL_DIFFERENCE = 1.0  # of yearly Sharpe ratios, where nobody says what is to be found
LIKE, UNLIKE = 0.9, 0.5  # correlations that are assumed where none is known: variants of one strategy, and others
CLOSEST = 0.99  # a correlation above it counts as this: arms that did the same so far are to part
PER_DOUBLING = 0.195  # more days for twice as many challengers, of those of one
Returns = Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plans:
    """How long it takes in either mode, and what that was computed from."""

    basis: str
    ratio: Ratio  # of the differences, per year
    outlooks: tuple[Outlook, ...]
    correlation: float | None = None
    risk_scale: float | None = None  # by which the control's returns would be multiplied for equal risk
    days: int = 0  # of both desks that were looked at
    challengers: int = 1

    def finds(self, mode: Mode, days: int) -> float | None:
        """Return the smallest difference of yearly Sharpe ratios of which 8 of 10 are found in so many days; None where
        the correlation is not known."""
        if self.correlation is None:
            return None
        ratio = ratio_found(days, mode) * sqrt(stretch(self.challengers))
        return ratio * sqrt(2.0 * (1.0 - min(self.correlation, CLOSEST)))


def plans_of_numbers(correlation: float, sharpe_difference: float, *, challengers: int = 1) -> Plans:
    """Return the plans for two arms of the same volatility. DataError for a correlation that is none."""
    basis = f"Sharpe ratios {sharpe_difference:g} apart, daily returns with a correlation of {correlation:g}"
    return _plans(basis, sharpe_difference, challengers, correlation=correlation)


def plans_assumed(sharpe_difference: float, *, is_unlike: bool, challengers: int = 1, why: str = "") -> Plans:
    """Return the plans for arms of which nothing is known but whether they differ in more than settings."""
    correlation = UNLIKE if is_unlike else LIKE
    kind = "arms that differ in strategy, mode or evaluators" if is_unlike else "variants of one strategy"
    basis = f"Sharpe ratios {sharpe_difference:g} apart, and a correlation of {correlation:g} assumed, as of {kind}"
    return _plans(f"{basis}{why}", sharpe_difference, challengers, correlation=correlation)


def plans_expected(
    names: tuple[str, str],
    rows: Sequence[Sequence[Row]],
    sharpe_difference: float,
    *,
    is_unlike: bool,
    challengers: int = 1,
) -> Plans:
    """Return the plans to find a difference, with the correlation of the days that control and challenger have in
    common, or an assumed one where those are too few."""
    first, second = _returns(rows)
    if len(first) < Gates().days:
        why = f" ({len(first)} days of {names[0]} and {names[1]} tell too little)"
        return plans_assumed(sharpe_difference, is_unlike=is_unlike, challengers=challengers, why=why)
    return plans_of_returns(
        names, first, second, sharpe_difference=sharpe_difference, is_unlike=is_unlike, challengers=challengers
    )


def plans_of_desks(
    control: str, challenger: str, rows: Sequence[Sequence[Row]], *, is_scaled: bool = False, challengers: int = 1
) -> Plans:
    """Return the plans for two desks by what their days were; `rows` are those of both, the control's first, oldest
    first. `is_scaled`: compared at equal risk. DataError where there are too few days of both, or nothing varies."""
    return plans_of_returns((control, challenger), *_returns(rows), is_scaled=is_scaled, challengers=challengers)


def plans_of_returns(
    names: tuple[str, str],
    control: Returns,
    challenger: Returns,
    *,
    sharpe_difference: float | None = None,
    is_scaled: bool = False,
    is_unlike: bool = False,
    challengers: int = 1,
) -> Plans:
    """Return the plans for two arms by their returns of the same days, oldest first: to find the difference that these
    have, or one of so many yearly Sharpe ratios, with an assumed correlation where one of them does not vary. DataError
    for fewer days than a verdict needs, or where the difference of these days is asked for and nothing varies."""
    if len(control) < Gates().days:
        raise DataError(
            f"{names[0]} and {names[1]} have {len(control)} days in common; expected {Gates().days} or more closed "
            "days of both: let them run on, or give correlation and sharpe_difference"
        )
    still = [name for name, one in zip(names, (control, challenger), strict=True) if not np.ptp(one) > 0.0]
    if sharpe_difference is not None and still:
        why = f" ({' and '.join(still)} returned the same on each of {len(control)} days)"
        return plans_assumed(sharpe_difference, is_unlike=is_unlike, challengers=challengers, why=why)
    scale = equal_risk(challenger, control)
    correlation = None if still else float(np.corrcoef(control, challenger)[0, 1])
    seen: dict[str, Any] = {"correlation": correlation, "risk_scale": scale or None, "days": len(control)}
    where = f"{len(control)} days of {names[0]} and {names[1]}"
    if sharpe_difference is not None:
        basis = f"Sharpe ratios {sharpe_difference:g} apart, the correlation of {where}"
        return _plans(basis, sharpe_difference, challengers, **seen)
    ratio = ratio_from_returns(challenger, control, risk_scale=scale if is_scaled else 1.0)
    return Plans(
        basis=f"{where}{', at equal risk' if is_scaled else ''}",
        ratio=ratio,
        outlooks=_outlooks(ratio, challengers),
        challengers=challengers,
        **seen,
    )


def risk_scale_of(names: tuple[str, str], rows: Sequence[Sequence[Row]]) -> float:
    """Return k, by which the control's returns count for equal risk, from the days of both desks. DataError where there
    are too few, or the control's do not vary."""
    first, second = _returns(rows)
    if len(first) < Gates().days:
        raise DataError(
            f"{names[0]} and {names[1]} have {len(first)} days in common, and equal risk needs {Gates().days}: give a "
            f"number; `loligo ab plan --control {names[0]} --arm ...` tells it from recorded data"
        )
    return equal_risk(second, first)


def stretch(challengers: int) -> float:
    """Return how many times the days of a test with one challenger it takes where each of several has its share of the
    5 %. Measured (normal differences, ratios of 3 and 4.25, 1,500 tests each): 1.2 with two, 1.4 with four, 1.6 with
    eight."""
    return 1.0 + PER_DOUBLING * log2(challengers)


def _plans(basis: str, sharpe_difference: float, challengers: int, *, correlation: float, **seen: Any) -> Plans:
    """Return the plans for a correlation that was given, or seen in days: then what is 1 so far is less one day."""
    ratio = ratio_from_sharpes(sharpe_difference, min(correlation, CLOSEST) if seen else correlation)
    outlooks = _outlooks(ratio, challengers)
    return Plans(basis=basis, ratio=ratio, outlooks=outlooks, challengers=challengers, correlation=correlation, **seen)


def _outlooks(ratio: Ratio, challengers: int = 1) -> tuple[Outlook, ...]:
    """Return the outlook in each mode that so many challengers may have."""
    if challengers < 2:
        return tuple(outlook(ratio, mode) for mode in (Mode.OPEN_ENDED, Mode.FIXED_END))
    less = 1.0 / sqrt(stretch(challengers))
    low, high = (None if end is None else end * less for end in (ratio.low, ratio.high))
    return (outlook(Ratio(value=ratio.value * less, low=low, high=high), Mode.OPEN_ENDED),)


def _returns(rows: Sequence[Sequence[Row]]) -> tuple[list[float], list[float]]:
    """Return the returns of both from each common day to the next one."""
    closes = [_closes(one) for one in rows]
    common = sorted(set(closes[0]) & set(closes[1]))
    found: tuple[list[float], list[float]] = ([], [])
    for before, day in pairwise(common):
        if all(one[before] > 0 for one in closes):
            for own, one in zip(found, closes, strict=True):
                own.append(one[day] / one[before] - 1.0)
    return found


def _closes(rows: Sequence[Row]) -> dict[int, float]:
    """Return what a desk was worth at the end of each day; where it was not marked, it is worth what it was."""
    closes: dict[int, float] = {}
    last: float | None = None
    for row in rows:
        last = last if row["equity"] is None else float(row["equity"])
        if last is not None:
            closes[row["day"]] = last
    return closes
