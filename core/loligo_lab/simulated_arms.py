"""Made-up and randomly traded arms, to measure the statistics by: daily returns of many experiments at once.

Every function takes a generator, so that the same seed gives the same arms. Shapes are (experiments, days), oldest day
first; sd is one unit of daily return. Volatility, where it changes, is that of the market: both arms share it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
YEAR_DAYS = 365.25
GARCH = (0.05, 0.10, 0.85)  # of the squared return and the variance of the day before; mean variance 1
BURN_IN = 100  # days
CRASH_CHANCE = 0.02  # of a day, for the seller of tails
SMALL_NOISE = 0.55  # beside the steady gain of what that arm does on its own, in sd of that
STEADIER_NOISE = 0.3  # of one that looks better and crashes deeper


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """How returns come about."""

    dof: float | None = None  # of Student's t; None is normal
    has_garch: bool = False
    autoregression: float = 0.0
    correlation: float = 0.0  # of the arms
    share_in_market: float = 1.0  # of the days, for each arm on its own

    def differences(self, rng: np.random.Generator, count: int, days: int) -> FloatArray:
        """Return daily differences of two arms with the same mean."""
        apart: FloatArray = self.against_control(rng, count, days, challengers=1)[0]
        return apart

    def against_control(self, rng: np.random.Generator, count: int, days: int, *, challengers: int) -> FloatArray:
        """Return daily differences of several arms with the same mean from one more, of shape (challengers, count,
        days)."""
        volatility = self._volatility(rng, count, days + BURN_IN)
        idle = sqrt(1.0 - self.correlation)  # what all share drops out of the differences
        arms = np.array([self._arm(rng, volatility * idle) for _ in range(challengers + 1)])
        apart: FloatArray = arms[:-1] - arms[-1]
        return apart

    def spread(self) -> float:
        """Return the long-run standard deviation of the differences."""
        own = (1.0 - self.correlation) * self.share_in_market
        return sqrt(2.0 * own) / (1.0 - self.autoregression)

    def _arm(self, rng: np.random.Generator, volatility: FloatArray) -> FloatArray:
        shocks = volatility * _noise(rng, volatility.shape, self.dof)
        if self.autoregression:
            for day in range(1, shocks.shape[1]):
                shocks[:, day] += self.autoregression * shocks[:, day - 1]
        if self.share_in_market < 1.0:
            shocks *= rng.random(shocks.shape) < self.share_in_market
        return shocks[:, BURN_IN:]

    def _volatility(self, rng: np.random.Generator, count: int, days: int) -> FloatArray:
        variance = np.ones((count, days))
        if not self.has_garch:
            return variance
        base, of_return, of_variance = GARCH
        market = _noise(rng, (count, days), self.dof) ** 2
        for day in range(1, days):
            before = variance[:, day - 1]
            variance[:, day] = base + (of_return * market[:, day - 1] + of_variance) * before
        return np.sqrt(variance)


# The worlds of the acceptance table; D6, the seller of tails, is `tail_arms`.
WORLDS = {
    "D1 iid normal": World(),
    "D2 t4 GARCH": World(dof=4.0, has_garch=True),
    "D3 t3 GARCH AR .1": World(dof=3.0, has_garch=True, autoregression=0.1, correlation=0.8),
    "D4 t4 GARCH AR .3": World(dof=4.0, has_garch=True, autoregression=0.3),
    "D5 in market 20 %": World(dof=4.0, has_garch=True, share_in_market=0.2),
    "D8 t3 AR -.2": World(dof=3.0, autoregression=-0.2),
}
POWER_WORLD = World(dof=4.0, has_garch=True, autoregression=0.05, correlation=0.9)


def tail_arms(
    rng: np.random.Generator, count: int, days: int, *, noise: float = SMALL_NOISE
) -> tuple[FloatArray, FloatArray]:
    """Return the daily returns of an arm with small gains and a rare crash, and of a plain one: both of mean 0 and sd
    1, correlated by .5, since they trade the same market."""
    market = rng.standard_normal((count, days))
    crash = rng.random((count, days)) < CRASH_CHANCE
    small = rng.standard_normal((count, days)) * noise
    depth = sqrt((1.0 - noise**2) / (CRASH_CHANCE * (1.0 - CRASH_CHANCE)))
    return 0.5 * market + sqrt(0.75) * (small - depth * (crash - CRASH_CHANCE)), market


def ahead_by(information_ratio: float, spread: float) -> float:
    """Return the mean daily difference of that yearly information ratio."""
    return information_ratio * spread / sqrt(YEAR_DAYS)


def random_traders(
    rng: np.random.Generator, closes: FloatArray, count: int, *, fee_rate: float, hours_in: float, hours_out: float
) -> FloatArray:
    """Return the daily returns of traders who buy and sell by chance, of shape (count, days).

    Closes are hourly, of shape (24 * days + 1, markets); capital is split evenly over the markets, fees are paid on
    each side. A trader stays in and out of each market for so many hours on average.
    """
    hourly = closes[1:] / closes[:-1] - 1.0
    is_in = np.zeros((count, closes.shape[1]), dtype=bool)
    daily = np.empty((count, len(hourly) // 24))
    leave, enter = np.float32(1.0 / hours_in), np.float32(1.0 / hours_out)
    for day in range(daily.shape[1]):
        worth = np.zeros(count)
        for moves in hourly[24 * day : 24 * day + 24]:
            turns = rng.random(is_in.shape, dtype=np.float32) < np.where(is_in, leave, enter)
            is_in ^= turns
            worth += (is_in @ moves - fee_rate * turns.sum(axis=1)) / closes.shape[1]
        daily[:, day] = worth
    return daily


def _noise(rng: np.random.Generator, shape: tuple[int, ...], dof: float | None) -> FloatArray:
    """Return noise of mean 0 and sd 1."""
    if dof is None:
        return rng.standard_normal(shape)
    return rng.standard_t(dof, shape) * sqrt((dof - 2.0) / dof)
