"""What the returns of two arms prove so far: the statistic on its way, the boundary, p-value, interval and band.

What must hold: the p-value and the crossing look only at days behind the gates; a crossing stays. Heavy skewness of the
differences makes a fixed end open-ended for good.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from loligo_lab.experiment.differences import Differences, Standing
from loligo_lab.experiment.judgement import BandPoint, Effect
from loligo_lab.experiment.plan import Mode, Plan
from loligo_lab.experiment.rule import Rule
from loligo_lab.experiment.scores import normal_score


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """The first day behind the gates on which the score was beyond the boundary."""

    day: int
    effect: Effect


class Evidence:
    """The fold over the daily returns of a challenger and the control."""

    def __init__(self, plan: Plan, *, risk_scale: float) -> None:
        self._plan = plan
        self._risk_scale = risk_scale
        self._differences = Differences()
        self._returns: list[tuple[float, float]] = []
        self.rule = Rule.of(plan, plan.mode)
        self.standing: Standing | None = None
        self.score: float | None = None
        self.p_value: float | None = None
        self.crossing: Crossing | None = None
        self.band: list[BandPoint] = []

    @property
    def is_over(self) -> bool:
        """Return whether the declared end is reached: no further day counts."""
        return self.rule.mode is Mode.FIXED_END and len(self._returns) >= self._plan.days

    @property
    def is_open_by_tails(self) -> bool:
        """Return whether a fixed end was given up for the tails."""
        return self.rule.mode is not self._plan.mode

    def add(self, opened_at_ns: int, *, control_return: float, challenger_return: float) -> Standing:
        """Take a closed day in."""
        self._returns.append((control_return, challenger_return))
        standing = self._differences.add(challenger_return - self._risk_scale * control_return)
        self.standing = standing
        limit = self._plan.limits.skew
        if limit is not None and self._is_told and abs(standing.skew or 0.0) > limit:
            self.rule = Rule.of(self._plan, Mode.OPEN_ENDED)
        self.score = None if standing.statistic is None else normal_score(standing.statistic, standing.nu)
        self.band.append(self._point(opened_at_ns, standing))
        return standing

    def weigh(self) -> None:
        """Count this day as a look behind the gates."""
        if self.score is None or self.standing is None or self.effect is None:
            return
        here = self.rule.p_value(self.standing.day, self.score)
        adjusted = min(1.0, here * len(self._plan.challengers))
        self.p_value = adjusted if self.p_value is None else min(self.p_value, adjusted)
        if self.crossing is None and abs(self.score) > self.rule.boundary(self.standing.day):
            self.crossing = Crossing(day=self.standing.day, effect=self.effect)

    @property
    def effect(self) -> Effect | None:
        """Return how far the challenger is ahead; without an interval before the gate of days or without spread."""
        if self.standing is None:
            return None
        month = self._plan.days_per_year / 12.0 * 100.0
        mean, half = self.standing.mean, self._half_width(self.standing)
        return Effect(
            per_day=mean,
            percent_per_month=mean * month,
            low_percent_per_month=None if half is None else (mean - half) * month,
            high_percent_per_month=None if half is None else (mean + half) * month,
        )

    @property
    def is_within_margin(self) -> bool:
        """Return whether the whole interval lies within what was agreed not to matter."""
        half = None if self.standing is None else self._half_width(self.standing)
        if self.standing is None or half is None:
            return False
        return (abs(self.standing.mean) + half) * self._plan.days_per_year <= self._plan.margin_per_year

    @property
    def correlation(self) -> float | None:
        """Return that of the arms' daily returns; None where one of them does not vary."""
        if len(self._returns) < 3:
            return None
        pairs = np.array(self._returns)
        if not np.all(np.ptp(pairs, axis=0) > 0.0):
            return None
        return float(np.corrcoef(pairs, rowvar=False)[0, 1])

    @property
    def _is_told(self) -> bool:
        return len(self._returns) >= self._plan.first_day_of_verdict

    def _half_width(self, standing: Standing) -> float | None:
        if not self._is_told or standing.statistic is None:
            return None
        return self.rule.half_width(standing)

    def _point(self, opened_at_ns: int, standing: Standing) -> BandPoint:
        half = self._half_width(standing)
        return BandPoint(
            day=standing.day,
            opened_at_ns=opened_at_ns,
            difference=standing.mean * standing.day,
            low=None if half is None else (standing.mean - half) * standing.day,
            high=None if half is None else (standing.mean + half) * standing.day,
        )
