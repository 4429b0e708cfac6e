"""The mean of daily differences and how sure it is: day by day, or for many experiments at once.

d = challenger - k * control. The statistic is mean(d) / sqrt(LRV / t), with the long-run variance LRV weighted after
Bartlett (Newey and West 1987) over L = floor(1.3 sqrt t) lags and not below 0.2 of the variance; it is read as
Student's t with max(3, 1.5 t / (L + 1)) degrees of freedom (after Lazarus, Lewis, Stock and Watson 2018).

What must hold: both forms give the same to 1e-12. Where the differences do not vary there is no statistic: None here,
NaN there, and nothing is divided by zero. All moments are of d less its first value, so that a constant is exactly 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt, sqrt

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
LEAST_SHARE = 0.2  # of the variance: the long-run variance of a short series can come out near or below 0
FLAT = 1e-18  # a variance below this share of the squared mean is rounding


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The differences after `day` days."""

    day: int
    days_apart: int  # on which the difference was not 0
    mean: float
    long_run_variance: float  # of one day
    statistic: float | None
    nu: float  # degrees of freedom that it is read with
    skew: float | None


class Differences:
    """The fold over closed days: its state are the differences so far, and a day costs some dozen lags."""

    def __init__(self) -> None:
        self._first = 0.0
        self._shifted: list[float] = []  # less the first
        self._sums: list[float] = [0.0]  # of the shifted ones, before each day and after the last
        self._products: list[float] = [0.0]  # by lag: sum of d_i d_{i - lag}
        self._cubes = 0.0
        self._apart = 0

    def add(self, difference: float) -> Standing:
        """Return where the differences stand with one more day."""
        if not self._shifted:
            self._first = difference
        value = difference - self._first
        self._shifted.append(value)
        self._sums.append(self._sums[-1] + value)
        self._cubes += value**3
        self._apart += difference != 0.0
        self._add_products(lags(len(self._shifted)))
        return self._standing()

    def _add_products(self, most: int) -> None:
        days, last = self._shifted, len(self._shifted) - 1
        for lag in range(min(len(self._products), last + 1)):
            self._products[lag] += days[last] * days[last - lag]
        for lag in range(len(self._products), most + 1):
            self._products.append(sum(days[at] * days[at - lag] for at in range(lag, last + 1)))

    def _standing(self) -> Standing:
        t, sums = len(self._shifted), self._sums
        mean, most = sums[t] / t, lags(t)
        variance = self._products[0] / t - mean * mean
        long_run = variance
        for lag in range(1, min(most, t - 1) + 1):
            product = self._products[lag] - mean * (sums[t] - sums[lag] + sums[t - lag]) + (t - lag) * mean * mean
            long_run += 2.0 * (1.0 - lag / (most + 1.0)) * product / t
        long_run = max(long_run, LEAST_SHARE * variance)
        whole = mean + self._first
        is_flat = variance <= FLAT * whole * whole
        third = self._cubes / t - 3.0 * mean * self._products[0] / t + 2.0 * mean**3
        return Standing(
            day=t,
            days_apart=self._apart,
            mean=whole,
            long_run_variance=0.0 if is_flat else long_run,
            statistic=None if is_flat else whole / sqrt(long_run / t),
            nu=degrees_of_freedom(t),
            skew=None if is_flat else third / variance**1.5,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    """What `Standing` says, for many experiments and all days: arrays of shape (experiments, days)."""

    days_apart: npt.NDArray[np.int64]
    mean: FloatArray
    long_run_variance: FloatArray
    statistic: FloatArray  # NaN where the differences do not vary
    nu: FloatArray  # of shape (days,)
    skew: FloatArray


def paths_of(differences: FloatArray) -> Paths:
    """Return the paths of experiments at once; differences are float64 of shape (experiments, days), oldest first."""
    shifted = differences - differences[:, :1]
    count, days = shifted.shape
    t = np.arange(1, days + 1, dtype=np.float64)
    most = np.array([lags(day) for day in range(1, days + 1)])
    sums = np.concatenate([np.zeros((count, 1)), np.cumsum(shifted, axis=1)], axis=1)
    mean = sums[:, 1:] / t
    squares = np.cumsum(shifted * shifted, axis=1)
    variance = squares / t - mean * mean
    long_run = variance.copy()
    for lag in range(1, min(int(most[-1]), days - 1) + 1):
        product = np.cumsum(shifted[:, lag:] * shifted[:, :-lag], axis=1)
        inner = mean[:, lag:]
        product -= inner * (sums[:, lag + 1 :] - sums[:, lag : lag + 1] + sums[:, 1:-lag])
        product += (t[lag:] - lag) * inner * inner
        weight = 2.0 * np.maximum(1.0 - lag / (most[lag:] + 1.0), 0.0) / t[lag:]
        long_run[:, lag:] += weight * product
    long_run = np.maximum(long_run, LEAST_SHARE * variance)
    whole = mean + differences[:, :1]
    is_flat = variance <= FLAT * whole * whole
    third = np.cumsum(shifted**3, axis=1) / t - 3.0 * mean * squares / t + 2.0 * mean**3
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = np.where(is_flat, np.nan, whole / np.sqrt(long_run / t))
        skew = np.where(is_flat, np.nan, third / variance**1.5)
    return Paths(
        days_apart=np.cumsum(differences != 0.0, axis=1),
        mean=whole,
        long_run_variance=np.where(is_flat, 0.0, long_run),
        statistic=statistic,
        nu=np.array([degrees_of_freedom(day) for day in range(1, days + 1)]),
        skew=skew,
    )


def lags(day: int) -> int:
    """Return L = floor(1.3 sqrt t) after t days, exactly."""
    return isqrt(169 * day // 100)


def degrees_of_freedom(day: int) -> float:
    """Return the degrees of freedom that the statistic is read with after so many days."""
    return max(3.0, 1.5 * day / (lags(day) + 1.0))
