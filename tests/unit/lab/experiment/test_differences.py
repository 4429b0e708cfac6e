"""The statistic of daily differences: day by day, at once, and by its definition."""

from __future__ import annotations

from math import floor, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loligo_lab.experiment.differences import Differences, Standing, lags, paths_of

returns = st.lists(st.floats(-0.2, 0.2), min_size=1, max_size=120)


def folded(differences: list[float]) -> list[Standing]:
    fold = Differences()
    return [fold.add(one) for one in differences]


def test_the_statistic_is_the_one_of_its_definition() -> None:
    d = np.random.default_rng(1).standard_normal(200) * 0.01 + 0.002
    apart, most = d - d.mean(), floor(1.3 * sqrt(200))  # 18 lags
    covariance = [apart[lag:] @ apart[: 200 - lag] / 200 for lag in range(most + 1)]
    long_run = covariance[0] + 2 * sum((1 - lag / (most + 1)) * covariance[lag] for lag in range(1, most + 1))
    found = folded(d.tolist())[-1]
    assert found.long_run_variance == pytest.approx(max(long_run, 0.2 * covariance[0]), rel=1e-11)
    assert found.statistic == pytest.approx(d.mean() / sqrt(found.long_run_variance / 200), rel=1e-11)
    assert found.nu == pytest.approx(1.5 * 200 / 19)
    assert found.skew == pytest.approx(np.mean(apart**3) / np.mean(apart**2) ** 1.5, rel=1e-9)


def test_the_long_run_variance_has_a_floor() -> None:
    found = folded([0.01 * (-1) ** day for day in range(100)])[-1]  # every day takes back the one before
    assert found.long_run_variance == pytest.approx(0.2 * 0.01**2, rel=1e-9)


@given(returns, st.floats(-0.01, 0.01))
@settings(max_examples=100, deadline=None)
def test_day_by_day_and_at_once_are_equal_to_1e_12_on_the_whole_way(differences: list[float], shift: float) -> None:
    noisy = [
        one + shift + 1e-4 * ((31 * at) % 17) for at, one in enumerate(differences)
    ]  # nothing vanishes by rounding
    one_by_one, paths = folded(noisy), paths_of(np.array([noisy]))
    for at, standing in enumerate(one_by_one):
        statistic = paths.statistic[0, at]
        assert (standing.statistic is None) == bool(np.isnan(statistic))
        if standing.statistic is not None:
            assert standing.statistic == pytest.approx(statistic, rel=1e-12, abs=1e-12)
        assert standing.days_apart == paths.days_apart[0, at]
        assert standing.nu == paths.nu[at]


def test_a_year_of_returns_is_equal_to_1e_12_in_both_forms() -> None:
    d = np.random.default_rng(2).standard_t(3, (5, 365)) * 0.01
    paths = paths_of(d)
    for row in range(5):
        path = [one.statistic for one in folded(d[row].tolist())]
        assert path[0] is None
        np.testing.assert_allclose(np.array(path[1:], dtype=float), paths.statistic[row, 1:], rtol=0, atol=1e-12)


def test_differences_that_do_not_vary_have_no_statistic_and_divide_nothing_by_zero() -> None:
    for constant in (0.0, 0.001, 0.1 + 0.2):
        found = folded([constant] * 50)[-1]
        assert found.statistic is None and found.skew is None and found.mean == constant
        assert np.isnan(paths_of(np.full((1, 50), constant)).statistic).all()


def test_lags_are_the_whole_part_of_1_3_roots() -> None:
    assert [lags(day) for day in (1, 4, 9, 100, 365)] == [1, 2, 3, 13, 24]  # 1.3, 2.6, 3.9, 13.0, 24.8
