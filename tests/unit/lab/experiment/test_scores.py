"""Student's t to normal scores and back, against printed tables and scipy."""

from __future__ import annotations

from math import inf, isinf, log

import numpy as np
import pytest

from loligo_lab.experiment.scores import normal_log_tail, normal_score, normal_scores, t_log_tail, t_value

# Upper points of Student's t (NIST/SEMATECH e-Handbook, 1.3.6.7.2) and of the normal distribution (1.3.6.7.1).
TABLE = [
    (3, 3.182, 1.96),
    (5, 2.571, 1.96),
    (10, 2.228, 1.96),
    (30, 2.042, 1.96),
    (10, 2.764, 2.3263),
    (3, 10.215, 3.0902),
]


@pytest.mark.parametrize(("nu", "t", "score"), TABLE)
def test_a_tabulated_t_has_the_tabulated_normal_score(nu: float, t: float, score: float) -> None:
    assert normal_score(t, nu) == pytest.approx(score, abs=5e-4)  # both are printed to three digits
    assert t_value(score, nu) == pytest.approx(t, abs=3e-3)


def test_with_one_degree_of_freedom_the_tail_is_that_of_cauchy() -> None:
    # P(T > 1) = 1/2 - arctan(1)/pi = 1/4; far out P(T > x) is 1/(pi x)
    assert t_log_tail(1.0, 1.0) == pytest.approx(log(0.25), rel=1e-14)
    assert t_log_tail(1e200, 1.0) == pytest.approx(-log(np.pi) - 200 * log(10), rel=1e-14)


def test_scores_and_tails_agree_with_scipy_where_scipy_can_tell() -> None:
    stats = pytest.importorskip("scipy.stats")
    for nu in (3.0, 3.7, 8.2, 21.4, 38.0):
        for t in (1e-6, 0.1, 1.0, 2.5, 6.0, 40.0, 1e4):
            tail = float(stats.t.logsf(t, nu))
            assert t_log_tail(t, nu) == pytest.approx(tail, rel=1e-11)
            assert normal_score(t, nu) == pytest.approx(-float(stats.norm.ppf(np.exp(tail))), rel=1e-9, abs=1e-12)
    for score in (0.5, 5.0, 36.9, 37.1, 200.0):
        assert normal_log_tail(score) == pytest.approx(float(stats.norm.logsf(score)), rel=1e-11)


@pytest.mark.parametrize("nu", [3.0, 9.3, 37.6])
def test_t_value_undoes_normal_score_far_out_in_both_tails(nu: float) -> None:
    for score in (1e-3, 0.7, 2.3, 6.0, 12.0, 30.0):
        assert normal_score(t_value(score, nu), nu) == pytest.approx(score, rel=1e-10)
        assert t_value(-score, nu) == -t_value(score, nu)


def test_extremes_neither_overflow_nor_divide_by_zero() -> None:
    assert normal_score(0.0, 3.0) == 0.0
    assert normal_score(inf, 3.0) == inf
    assert 60.0 < normal_score(1e300, 3.0) < 70.0  # 3 log(1e300) = 2072 = z²/2 nearly
    assert isinf(t_value(100.0, 3.0))
    assert normal_score(5e-324, 3.0) >= 0.0


def test_scores_of_an_array_keep_its_shape_and_its_gaps() -> None:
    found = normal_scores(np.array([[2.228, np.nan], [-2.228, 0.0]]), np.array([10.0, 10.0]))
    assert found.shape == (2, 2)
    assert found[0, 0] == -found[1, 0] == pytest.approx(1.96, abs=5e-4)
    assert np.isnan(found[0, 1]) and found[1, 1] == 0.0
