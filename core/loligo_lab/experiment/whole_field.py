"""More than two arms at the end: is any challenger better than the control, and which arms cannot be told apart?

A cross-check beside the verdicts of the pairs, by the test for superior predictive ability (Hansen 2005) and the model
confidence set (Hansen, Lunde and Nason 2011) of `arch`, an optional extra (decision 0029). It never makes a verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from loligo_lab.experiment.days import Day
from loligo_lab.experiment.judging import still_compared
from loligo_lab.experiment.plan import Plan

FloatArray = npt.NDArray[np.float64]
BLOCK_DAYS = 10
LEAST_DAYS = 60
SET_LEVEL = 0.10
SEED = 20_261
WITHOUT_ARCH = "The cross-check of several arms needs the package arch: pip install 'loligo[experiments]'."


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossCheck:
    """What the whole field says."""

    spa_p_value: float | None  # of "no challenger is better than the control"
    in_the_running: tuple[str, ...] | None  # arms that may be the best (at 10 %); None where that is not known
    words: str


def cross_check(plan: Plan, days: Sequence[Day], *, samples: int = 1000, seed: int = SEED) -> CrossCheck:
    """Return the cross-check; one without figures, and with the reason, where it cannot be made."""
    if len(days) < LEAST_DAYS:
        return _unknown(f"The cross-check of several arms needs {LEAST_DAYS} days; there are {len(days)}.")
    left = still_compared(plan, days)
    if len(left) == 1:
        return _unknown("Every challenger was stopped, or was not treated as the control was.")
    # At equal risk the control counts k times; a challenger's return over k ranks the same against the control itself.
    scales = [plan.arms[at].risk_scale for at in left]
    losses = -np.array([[day.arms[at].daily_return for at in left] for day in days]) / scales
    kinds = _kinds(losses)
    apart = sorted(set(kinds))
    if len(apart) == 1:
        return _unknown(_very_same(scales))
    try:
        from arch.bootstrap import MCS, SPA
    except ImportError:
        return _unknown(WITHOUT_ARCH)
    others = [at for at in apart if at != kinds[0]]
    test = SPA(losses[:, 0], losses[:, others], block_size=BLOCK_DAYS, reps=samples, seed=seed)
    test.compute()
    chosen = MCS(losses[:, apart], size=SET_LEVEL, reps=samples, block_size=BLOCK_DAYS, seed=seed)
    chosen.compute()
    running = {apart[int(str(at))] for at in chosen.included}
    names = tuple(plan.arms[at].name for at, kind in zip(left, kinds, strict=True) if kind in running)
    p_value = float(test.pvalues["consistent"])
    out = [arm.name for at, arm in enumerate(plan.arms) if at not in left]
    return CrossCheck(spa_p_value=p_value, in_the_running=names, words=_words(plan, p_value, names, out))


def _kinds(losses: FloatArray) -> list[int]:
    """Return for each arm the first one that returned the very same: copies have no difference to test."""
    columns = range(losses.shape[1])
    return [next(at for at in columns if np.array_equal(losses[:, at], losses[:, arm])) for arm in columns]


def _very_same(scales: Sequence[float]) -> str:
    """Return that nothing is to be compared; `scales` say how many times the control counts against each arm."""
    if all(scale == 1.0 for scale in scales):
        return "All arms returned the very same."
    return "At equal risk, with the control's returns counted as often as was agreed, all arms returned the very same."


def _words(plan: Plan, p_value: float, running: tuple[str, ...], out: Sequence[str]) -> str:
    some = "Some challenger is better" if p_value < plan.alpha else "No challenger is shown to be better"
    luck = f"p {p_value:.3f}" if p_value >= 0.001 else "p below 0.001"
    without = f" Left out, for their tests were stopped or spoilt: {', '.join(out)}." if out else ""
    return f"{some} than {plan.control.name} (SPA, {luck}); may be the best: {', '.join(running)}.{without}"


def _unknown(words: str) -> CrossCheck:
    return CrossCheck(spa_p_value=None, in_the_running=None, words=words)
