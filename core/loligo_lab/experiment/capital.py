"""How capital may be shared among the arms while the experiment runs: by the chance of each to be the best.

Probability matching (Thompson 1933) on the arms' own returns, once a week from day 21 on, no arm below a tenth. An
option, and no part of a verdict: verdicts take the returns of each arm on its own capital, whatever its share.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from loligo_lab.experiment.days import Day
from loligo_lab.experiment.differences import lags
from loligo_lab.experiment.judging import still_compared
from loligo_lab.experiment.plan import Plan

FloatArray = npt.NDArray[np.float64]
FIRST_DAY, EVERY_DAYS = 21, 7
LEAST_SHARE = 0.10
DRAWS = 20_000
SEED = 20_261


def allocation(plan: Plan, days: Sequence[Day], *, seed: int = SEED) -> tuple[float, ...]:
    """Return the share of each arm in the plan's order, in whole percent and 1 in all; equal shares before day 21, and
    none for an arm whose test was stopped or spoilt.

    More than ten arms share what their tenths leave no room for: at least half of an equal share each.
    """
    arms = len(plan.arms)
    seen = FIRST_DAY + (len(days) - FIRST_DAY) // EVERY_DAYS * EVERY_DAYS
    if len(days) < FIRST_DAY:
        return (1.0 / arms,) * arms
    left = still_compared(plan, days)
    if len(left) == 1:
        return (1.0, *(0.0,) * (arms - 1))
    returns = np.array([[day.arms[at].daily_return for at in left] for day in days[:seen]])
    chances = _chances_of_best(np.random.default_rng(seed), returns)
    shares = dict(zip(left, _in_percent(_clamped(chances, min(LEAST_SHARE, 0.5 / len(left)))), strict=True))
    return tuple(shares.get(at, 0.0) for at in range(arms))


def _chances_of_best(rng: np.random.Generator, returns: FloatArray) -> FloatArray:
    """Return how often each arm has the highest mean, drawn from a normal about the means found."""
    days, arms = returns.shape
    apart = returns - returns.mean(axis=0)
    long_run = apart.T @ apart / days
    most = lags(days)
    for lag in range(1, most + 1):
        product = apart[lag:].T @ apart[:-lag] / days
        long_run += (1.0 - lag / (most + 1.0)) * (product + product.T)
    scale = float(np.sqrt(max(np.trace(long_run) / arms, 1e-30) / days))
    drawn = rng.multivariate_normal(
        returns.mean(axis=0), long_run / days, size=DRAWS, method="eigh", check_valid="ignore"
    )
    drawn += rng.standard_normal(drawn.shape) * 1e-6 * scale  # arms that did the very same have the same chance
    best: FloatArray = np.bincount(drawn.argmax(axis=1), minlength=arms) / DRAWS
    return best


def _clamped(shares: FloatArray, least: float) -> FloatArray:
    """Return the shares with none below the least; the others give in proportion."""
    is_low = shares < least
    while True:
        room = 1.0 - least * is_low.sum()
        clamped = np.where(is_low, least, shares * room / shares[~is_low].sum())
        lower = is_low | (clamped < least)
        if (lower == is_low).all():
            return clamped
        is_low = lower


def _in_percent(shares: FloatArray) -> tuple[float, ...]:
    """Return shares in whole percent that add up to 1, by largest remainder."""
    floors = np.floor(shares * 100.0 + 1e-9)
    missing = 100 - int(floors.sum())
    floors[np.argsort(floors - shares * 100.0, kind="stable")[:missing]] += 1
    return tuple(float(one) / 100.0 for one in floors)
