"""Verdicts of many experiments at once, for measuring how often the rule is wrong and how often it finds something.

What must hold: the same day and side as `judge` gives from the same returns, as far as returns decide: no guardrail,
no check of treatment, and enough trades.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from loligo_lab.experiment.differences import Paths
from loligo_lab.experiment.plan import Mode, Plan
from loligo_lab.experiment.rule import Rule
from loligo_lab.experiment.scores import FloatArray, t_value


def verdict_days(plan: Plan, paths: Paths) -> npt.NDArray[np.int64]:
    """Return for each experiment the day of the verdict, counted from 1: above 0 where the challenger is better, below
    0 where the control is, 0 where there is none. Paths may be longer than a fixed end."""
    count, days = paths.statistic.shape
    first = plan.first_day_of_verdict
    bounds = np.broadcast_to(thresholds(Rule.of(plan, plan.mode), paths.nu), (count, days)).copy()
    if plan.mode is Mode.FIXED_END:
        bounds[:, plan.days :] = np.inf
        tails = _has_tails(paths, plan.limits.skew, first, plan.days)
        bounds = np.where(tails, thresholds(Rule.of(plan, Mode.OPEN_ENDED), paths.nu), bounds)
    return first_beyond(plan, paths, bounds)


def first_beyond(plan: Plan, paths: Paths, bounds: FloatArray) -> npt.NDArray[np.int64]:
    """Return the first day behind the gates of the plan on which |statistic| is above its bound, signed as above."""
    with np.errstate(invalid="ignore"):
        is_beyond = np.abs(paths.statistic) > bounds
    is_beyond &= paths.days_apart >= plan.gates.days_apart
    is_beyond[:, : plan.first_day_of_verdict - 1] = False
    at = np.argmax(is_beyond, axis=1)
    rows = np.arange(len(at))
    found = np.where(is_beyond[rows, at], at + 1, 0)
    return np.where(paths.mean[rows, at] > 0.0, found, -found)


def thresholds(rule: Rule, nu: FloatArray) -> FloatArray:
    """Return what |statistic| has to pass on each day: the boundary, read back from normal to Student's t."""
    return np.array([t_value(rule.boundary(day), float(dof)) for day, dof in enumerate(nu, start=1)])


def _has_tails(paths: Paths, limit: float | None, first: int, last: int) -> npt.NDArray[np.bool_]:
    """Return on which days a fixed end has been given up: from the first day behind the gate with such a skewness,
    unless that came after the end."""
    if limit is None:
        return np.zeros(paths.skew.shape, dtype=np.bool_)
    with np.errstate(invalid="ignore"):
        has = np.abs(paths.skew) > limit
    has[:, : first - 1] = False
    has[:, last:] = False
    return np.logical_or.accumulate(has, axis=1)
