"""Boundaries under daily looks, against published levels and arithmetic."""

from __future__ import annotations

from math import log, sqrt

import numpy as np
import pytest

from loligo_lab.experiment import Mode
from loligo_lab.experiment.boundaries import (
    fixed_end_boundary,
    fixed_end_level,
    open_ended_boundary,
    open_ended_p_value,
    sup_level,
    sup_tail,
)
from loligo_lab.experiment.differences import Differences
from loligo_lab.experiment.rule import Rule
from loligo_lab.experiment.scores import normal_score


@pytest.mark.parametrize(("level", "c"), [(0.05, 2.2414), (0.04, 2.3263), (0.03, 2.4324)])
def test_levels_of_the_supremum_of_brownian_motion(level: float, c: float) -> None:
    assert sup_level(level) == pytest.approx(c, abs=5e-5)  # about 4 (1 - Phi(c)) = level


def test_both_series_of_the_supremum_meet() -> None:
    assert sup_tail(1.0 - 1e-12) == pytest.approx(sup_tail(1.0), abs=1e-11)
    assert sup_tail(1e-3) == pytest.approx(1.0) and sup_tail(0.0) == 1.0
    assert 0.0 < sup_tail(30.0) < 1e-190  # no cancellation far out


def test_the_open_ended_boundary_is_that_of_the_paper() -> None:
    # a = .05, t* = 90 of 180 days: r = (2 * 2.9957 + log(1 + 2 * 2.9957)) / 90 = (5.9915 + 1.9447) / 90 = 0.088180
    known = 100 * (-2 * log(0.05) + log(1 - 2 * log(0.05))) / 90
    assert known == pytest.approx(8.8180, abs=1e-4)
    expected = sqrt(2 * (known + 1) / known * log(sqrt(known + 1) / 0.05))
    assert open_ended_boundary(100, planned_days=180, alpha=0.05) == pytest.approx(expected, rel=1e-14)


def test_a_fixed_end_is_held_to_less_than_it_promises_and_short_ones_to_less_still() -> None:
    assert fixed_end_level(91, 0.05) == pytest.approx(0.04)
    assert fixed_end_level(90, 0.05) == pytest.approx(0.03)
    assert fixed_end_boundary(180, planned_days=180, alpha=0.05) == pytest.approx(2.3263, abs=5e-5)
    assert fixed_end_boundary(45, planned_days=180, alpha=0.05) == pytest.approx(2 * 2.3263, abs=1e-4)  # sqrt(180/45)


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("alpha", [0.05, 0.05 / 7])
def test_the_p_value_falls_below_alpha_exactly_where_the_boundary_is_passed(mode: Mode, alpha: float) -> None:
    rule = Rule(mode=mode, planned_days=200, alpha=alpha)
    for day in (30, 77, 200):
        boundary = rule.boundary(day)
        assert rule.p_value(day, boundary * (1 + 1e-9)) < alpha < rule.p_value(day, boundary * (1 - 1e-9))
        assert rule.p_value(day, -boundary) == pytest.approx(alpha, rel=1e-6)


def test_no_evidence_is_a_p_value_of_one() -> None:
    assert open_ended_p_value(50, 0.0, planned_days=180, alpha=0.05) == 1.0


@pytest.mark.parametrize("mode", list(Mode))
def test_the_interval_excludes_zero_exactly_where_the_score_is_beyond_the_boundary(mode: Mode) -> None:
    rule, fold, seen = Rule(mode=mode, planned_days=100, alpha=0.05), Differences(), set()
    for one in np.random.default_rng(3).standard_normal(100) * 0.01 + 0.004:  # some days are early, some late enough
        standing = fold.add(float(one))
        if standing.statistic is not None:
            is_beyond = abs(normal_score(standing.statistic, standing.nu)) > rule.boundary(standing.day)
            assert (abs(standing.mean) > rule.half_width(standing)) == is_beyond
            seen.add(is_beyond)
    assert seen == {True, False}
