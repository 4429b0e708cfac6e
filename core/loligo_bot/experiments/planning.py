"""How long an experiment would take, before it starts: from a correlation and a difference that are supposed, or from
the days of two desks that the journal has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from loligo.errors import DataError
from loligo_lab.experiment import Gates, Mode
from loligo_lab.experiment.planner import Outlook, Ratio, equal_risk, outlook, ratio_from_returns, ratio_from_sharpes
from loligo_store.days import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Plans:
    """How long it takes in either mode, and what that was computed from."""

    basis: str
    ratio: Ratio  # of the differences, per year
    outlooks: tuple[Outlook, ...]
    correlation: float | None = None
    risk_scale: float | None = None  # by which the control's returns would be multiplied for equal risk
    days: int = 0  # of both desks that were looked at


def plans_of_numbers(correlation: float, sharpe_difference: float) -> Plans:
    """Return the plans for two arms of the same volatility. DataError for a correlation that is none."""
    ratio = ratio_from_sharpes(sharpe_difference, correlation)
    basis = f"Sharpe ratios {sharpe_difference:g} apart, daily returns with a correlation of {correlation:g}"
    return Plans(basis=basis, ratio=ratio, outlooks=_outlooks(ratio), correlation=correlation)


def plans_of_desks(control: str, challenger: str, rows: Sequence[Sequence[Row]], *, is_scaled: bool = False) -> Plans:
    """Return the plans for two desks by what their days were; `rows` are those of both, the control's first, oldest
    first. `is_scaled`: compared at equal risk. DataError where there are too few days of both, or nothing varies."""
    first, second = _returns(rows)
    if len(first) < Gates().days:
        raise DataError(
            f"{control} and {challenger} have {len(first)} days in common; expected {Gates().days} or more closed days "
            "of both: let them run on, or give correlation and sharpe_difference"
        )
    scale = equal_risk(second, first)
    ratio = ratio_from_returns(second, first, risk_scale=scale if is_scaled else 1.0)
    spreads = [float(np.std(one)) for one in (first, second)]
    correlation = float(np.corrcoef(first, second)[0, 1]) if min(spreads) > 0 else None
    how = ", at equal risk" if is_scaled else ""
    return Plans(
        basis=f"{len(first)} days of {control} and {challenger}{how}",
        ratio=ratio,
        outlooks=_outlooks(ratio),
        correlation=correlation,
        risk_scale=scale,
        days=len(first),
    )


def _outlooks(ratio: Ratio) -> tuple[Outlook, ...]:
    return tuple(outlook(ratio, mode) for mode in (Mode.OPEN_ENDED, Mode.FIXED_END))


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
