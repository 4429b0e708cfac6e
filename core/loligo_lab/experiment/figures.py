"""Figures of each arm with intervals, of its days and of its trades. They are shown and never decide.

Intervals are percentiles of the stationary bootstrap (Politis and Romano 1994) over days, the same for all arms, or
over trades; that of the share won is Wilson's. All come from a seed: the same days and trades give the same figures.
That of the deepest fall is of what the same days could have come to in another order. What cannot be told is None: no
spread, no loss, too few days or trades.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Literal

import numpy as np
import numpy.typing as npt

from loligo_lab.experiment.days import Day
from loligo_lab.experiment.differences import lags
from loligo_lab.experiment.plan import Plan

FloatArray = npt.NDArray[np.float64]
LEAST_DAYS = 21  # for an interval
LEAST_TRADES = 20
DRAWN_TRADES = 500_000  # in all samples: of very many trades fewer samples do
LEAST_SAMPLES = 200
TELLING = 0.9  # of the samples that must have the figure
SEED = 20_261
NORMAL_95 = 1.959964  # the normal score of 97.5 %
FIGURES: Mapping[str, tuple[str, Literal["number", "share"]]] = {  # in the order in which they are shown
    "sharpe": ("Sharpe ratio", "number"),
    "sharpe_difference": ("Sharpe ratio above A's", "number"),
    "sortino": ("Sortino ratio", "number"),
    "calmar": ("Calmar ratio", "number"),
    "drawdown": ("Deepest fall, by closes of days", "share"),
    "turnover": ("Turnover a day, of capital", "share"),
    "win_rate": ("Trades won", "share"),
    "profit_factor": ("Profit factor", "number"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure of one arm, with its 95 % interval. Ratios are yearly; what `FIGURES` calls a share is a fraction."""

    arm: str
    name: str  # one of FIGURES; sharpe_difference of challengers alone
    value: float | None
    low: float | None
    high: float | None


def figures_of(plan: Plan, days: Sequence[Day], *, samples: int = 1000, seed: int = SEED) -> tuple[Figure, ...]:
    """Return the figures of the days of all arms in the plan's order; none without days."""
    if not days:
        return ()
    drawn = _drawn(len(days), samples if len(days) >= LEAST_DAYS else 0, seed)
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


def figures_of_trades(arm: str, nets: Sequence[float], *, samples: int = 1000, seed: int = SEED) -> tuple[Figure, ...]:
    """Return the share of trades that won and the profit factor, from what each closed trade brought after fees, in the
    order in which they closed; none without trades. NaN is a trade whose worth is not known."""
    if not nets:
        return ()
    net = np.array(nets, dtype=np.float64)
    wins, is_known = int((net > 0.0).sum()), bool(np.isfinite(net).all())
    low, high = wilson(wins, len(net)) if is_known else (None, None)
    won = Figure(arm=arm, name="win_rate", value=wins / len(net) if is_known else None, low=low, high=high)
    count = min(samples, max(LEAST_SAMPLES, DRAWN_TRADES // len(net))) if len(net) >= LEAST_TRADES else 0
    sample = net[_drawn(len(net), count, seed)]
    gained, lost = np.maximum(sample, 0.0).sum(axis=1), -np.minimum(sample, 0.0).sum(axis=1)
    return won, _figure(arm, "profit_factor", _over(gained, lost))


def wilson(wins: int, count: int) -> tuple[float, float]:
    """Return the 95 % score interval of a share (Wilson 1927), without correction for continuity; count is above 0."""
    square = NORMAL_95 * NORMAL_95
    share = wins / count
    middle = share + square / (2.0 * count)
    reach = NORMAL_95 * sqrt(share * (1.0 - share) / count + square / (4.0 * count * count))
    whole = 1.0 + square / count
    return max((middle - reach) / whole, 0.0), min((middle + reach) / whole, 1.0)


def _drawn(count: int, samples: int, seed: int) -> npt.NDArray[np.int64]:
    """Return all places in their order, and below them the samples."""
    return np.vstack([np.arange(count), resampled(np.random.default_rng(seed), count, samples)])


def resampled(rng: np.random.Generator, count: int, samples: int) -> npt.NDArray[np.int64]:
    """Return places drawn in blocks of random length, on average as long as the lags of the statistic, wrapping round
    at the end; of shape (samples, count)."""
    starts = rng.integers(0, count, size=(samples, count))
    begins = rng.random((samples, count)) < 1.0 / (lags(count) + 1.0)
    here = np.arange(count)
    begun = np.maximum.accumulate(np.where(begins, here, 0), axis=1)
    return (np.take_along_axis(starts, begun, axis=1) + here - begun) % count


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
