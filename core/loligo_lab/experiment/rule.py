"""The rule of decision of one pair: which boundary holds on which day, what the evidence is, and the interval.

What must hold: on each day the interval excludes 0 exactly when the score is beyond the boundary, and the p-value of
that day is then below alpha.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

from loligo_lab.experiment.boundaries import (
    fixed_end_boundary,
    fixed_end_p_value,
    open_ended_boundary,
    open_ended_p_value,
)
from loligo_lab.experiment.differences import Standing, degrees_of_freedom
from loligo_lab.experiment.plan import Mode, Plan
from loligo_lab.experiment.scores import normal_score, t_value

FURTHEST_DAYS = 7305  # 20 years: nobody waits longer


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One pair's share of alpha, and how long it was planned for."""

    mode: Mode
    planned_days: int
    alpha: float

    @classmethod
    def of(cls, plan: Plan, mode: Mode) -> Rule:
        """Return the rule for each pair of a plan."""
        return cls(mode=mode, planned_days=plan.days, alpha=plan.alpha_per_pair)

    def boundary(self, day: int) -> float:
        """Return the normal score that has to be passed on that day, from 1."""
        form = open_ended_boundary if self.mode is Mode.OPEN_ENDED else fixed_end_boundary
        return form(day, planned_days=self.planned_days, alpha=self.alpha)

    def p_value(self, day: int, score: float) -> float:
        """Return what this look says; the smallest over all looks so far holds at any of them."""
        form = open_ended_p_value if self.mode is Mode.OPEN_ENDED else fixed_end_p_value
        return form(day, score, planned_days=self.planned_days, alpha=self.alpha)

    def half_width(self, standing: Standing) -> float:
        """Return how far the interval of the mean daily difference reaches to each side."""
        boundary = t_value(self.boundary(standing.day), standing.nu)
        return boundary * sqrt(standing.long_run_variance / standing.day)

    def days_left(self, standing: Standing) -> int | None:
        """Return how many more days it takes if mean and spread stay; None when not in time."""
        last = self.planned_days if self.mode is Mode.FIXED_END else FURTHEST_DAYS
        if standing.statistic is None or standing.day >= last or not self._is_passed(standing, last):
            return None
        low, high = standing.day, last
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self._is_passed(standing, middle) else (middle, high)
        return high - standing.day

    def _is_passed(self, standing: Standing, day: int) -> bool:
        statistic = abs(standing.mean) / sqrt(standing.long_run_variance / day)
        return normal_score(statistic, degrees_of_freedom(day)) > self.boundary(day)
