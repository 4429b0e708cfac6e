"""Figures of each arm with intervals: Sharpe, Sortino, Calmar, drawdown, turnover. They are shown and never decide.

Intervals are percentiles of the stationary bootstrap (Politis and Romano 1994) over days, the same for all arms,
from a seed: the same days give the same figures. What cannot be told is None: no spread, no loss, too few days.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt

from loligo_lab.experiment.days import Day
from loligo_lab.experiment.differences import lags
from loligo_lab.experiment.plan import Plan

FloatArray = npt.NDArray[np.float64]
LEAST_DAYS = 21  # for an interval
TELLING = 0.9  # of the samples that must have the figure
SEED = 20_261


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure of one arm, with its 95 % interval. Yearly where usual; drawdown as a fraction, turnover in capitals a
    day."""

    arm: str
    name: str  # sharpe, sortino, calmar, drawdown, turnover; sharpe_difference of a challenger
    value: float | None
    low: float | None
    high: float | None


def figures_of(plan: Plan, days: Sequence[Day], *, samples: int = 1000, seed: int = SEED) -> tuple[Figure, ...]:
    """Return the figures of all arms in the plan's order; none without days."""
    if not days:
        return ()
    rng = np.random.default_rng(seed)
    count = samples if len(days) >= LEAST_DAYS else 0
    drawn = np.vstack([np.arange(len(days)), resampled_days(rng, len(days), count)])
    returns = np.array([[arm.daily_return for arm in day.arms] for day in days])
    turnover = np.array([[arm.turnover / arm.equity if arm.equity > 0 else 0.0 for arm in day.arms] for day in days])
    kinds: dict[str, Callable[[FloatArray], FloatArray]] = {
        "sharpe": lambda sample: sharpe(sample, plan.days_per_year),
        "sortino": lambda sample: sortino(sample, plan.days_per_year),
        "calmar": lambda sample: calmar(sample, plan.days_per_year),
        "drawdown": drawdown,
    }
    found: list[Figure] = []
    for at, arm in enumerate(plan.arms):
        found += [_figure(arm.name, name, kind(returns[:, at][drawn])) for name, kind in kinds.items()]
        found.append(_figure(arm.name, "turnover", turnover[:, at][drawn].mean(axis=1)))
    control = sharpe(returns[:, 0][drawn], plan.days_per_year)
    for at, arm in enumerate(plan.challengers, start=1):
        apart = sharpe(returns[:, at][drawn], plan.days_per_year) - control
        found.append(_figure(arm.name, "sharpe_difference", apart))
    return tuple(found)


def resampled_days(rng: np.random.Generator, days: int, samples: int) -> npt.NDArray[np.int64]:
    """Return days drawn in blocks of random length, on average as long as the lags of the statistic, wrapping round at
    the end; of shape (samples, days)."""
    starts = rng.integers(0, days, size=(samples, days))
    begins = rng.random((samples, days)) < 1.0 / (lags(days) + 1.0)
    here = np.arange(days)
    begun = np.maximum.accumulate(np.where(begins, here, 0), axis=1)
    return (np.take_along_axis(starts, begun, axis=1) + here - begun) % days


def sharpe(returns: FloatArray, days_per_year: float) -> FloatArray:
    """Return the yearly Sharpe ratio of each row; NaN without spread."""
    spread = returns.std(axis=1, ddof=1) if returns.shape[1] > 1 else np.zeros(len(returns))
    return _over(returns.mean(axis=1), spread) * sqrt(days_per_year)


def sortino(returns: FloatArray, days_per_year: float) -> FloatArray:
    """Return the yearly Sortino ratio of each row; NaN without a loss."""
    downside = np.sqrt((np.minimum(returns, 0.0) ** 2).mean(axis=1))
    return _over(returns.mean(axis=1), downside) * sqrt(days_per_year)


def calmar(returns: FloatArray, days_per_year: float) -> FloatArray:
    """Return the yearly growth of each row over its drawdown; NaN without one."""
    growth = np.maximum(np.prod(1.0 + returns, axis=1), 0.0) ** (days_per_year / returns.shape[1]) - 1.0
    return _over(growth, drawdown(returns))


def drawdown(returns: FloatArray) -> FloatArray:
    """Return the deepest fall from the highest worth in each row, as a fraction; the start counts."""
    worth = np.cumprod(1.0 + returns, axis=1)
    highest = np.maximum(np.maximum.accumulate(worth, axis=1), 1.0)
    deepest: FloatArray = (1.0 - worth / highest).max(axis=1)
    return deepest


def _over(values: FloatArray, by: FloatArray) -> FloatArray:
    return np.divide(values, by, out=np.full_like(values, np.nan), where=by > 1e-15)


def _figure(arm: str, name: str, found: FloatArray) -> Figure:
    """Return the figure: its value first, then those of the samples."""
    value, samples = float(found[0]), found[1:][np.isfinite(found[1:])]
    if value != value:
        return Figure(arm=arm, name=name, value=None, low=None, high=None)
    if not len(found[1:]) or len(samples) < TELLING * len(found[1:]):
        return Figure(arm=arm, name=name, value=value, low=None, high=None)
    low, high = np.quantile(samples, (0.025, 0.975))
    return Figure(arm=arm, name=name, value=value, low=float(low), high=float(high))
