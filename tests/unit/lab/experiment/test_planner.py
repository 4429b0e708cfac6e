"""How long an experiment takes."""

from __future__ import annotations

from math import ceil, sqrt

import numpy as np
import pytest

from loligo.api import DataError
from loligo_lab.experiment import Mode
from loligo_lab.experiment.differences import paths_of
from loligo_lab.experiment.planner import (
    Ratio,
    days_for_power,
    equal_risk,
    outlook,
    ratio_found,
    ratio_from_returns,
    ratio_from_sharpes,
)
from tests.unit.lab.experiment.made_days import noise


def test_the_ratio_of_arms_that_move_together_is_larger() -> None:
    assert ratio_from_sharpes(1.0, 0.5).value == pytest.approx(1.0)  # 1 / sqrt(2 * .5)
    assert ratio_from_sharpes(1.0, 0.98).value == pytest.approx(5.0)  # 1 / sqrt(2 * .02)
    with pytest.raises(DataError, match=r"correlation is 1\.0"):
        ratio_from_sharpes(1.0, 1.0)


def test_days_fall_with_the_square_of_the_ratio_but_for_some() -> None:
    assert days_for_power(5.0, Mode.FIXED_END) == 145  # 3300 / 25 + 13
    assert days_for_power(-5.0, Mode.OPEN_ENDED) == 217  # 5000 / 25 + 17
    assert days_for_power(100.0, Mode.FIXED_END) == 21  # no verdict before
    assert days_for_power(0.0, Mode.FIXED_END) is None


def test_backtests_give_an_estimate_with_its_interval() -> None:
    market = noise(1, 400, 0.01)
    better = market + noise(2, 400, 0.004) + 0.0008
    found = ratio_from_returns(better.tolist(), market.tolist())
    paths = paths_of((better - market)[None, :])
    spread = sqrt(paths.long_run_variance[0, -1])
    assert found.value == pytest.approx((better - market).mean() / spread * sqrt(365.25))
    assert found.low is not None and found.high is not None
    assert found.high - found.low == pytest.approx(2 * 1.96 * sqrt(365.25 / 400), rel=0.08)  # t with 22 dof is 2.07
    with pytest.raises(DataError, match="do not vary"):
        ratio_from_returns(market.tolist(), market.tolist())
    with pytest.raises(DataError, match="21 or more"):
        ratio_from_returns([0.1] * 20, [0.0] * 20)


def test_the_outlook_says_how_long_and_what_may_be() -> None:
    told = outlook(Ratio(value=4.0, low=2.0, high=5.0), Mode.OPEN_ENDED)
    assert (told.days, told.days_at_best, told.days_at_worst) == (ceil(5000 / 16) + 17, 217, 1267)
    assert told.half_found_by == ceil(0.43 * 330)
    assert told.words.startswith("Plan 330 days: 8 of 10 differences like this are found")
    unsure = outlook(Ratio(value=4.0, low=-1.0, high=9.0), Mode.FIXED_END)
    assert unsure.days_at_worst is None and "arms that are equal, too" in unsure.words
    unlike = outlook(ratio_from_sharpes(1.0, 0.5), Mode.FIXED_END)  # 3313 days
    assert unlike.words.endswith("compare variants of one strategy, or compare at equal risk.")
    assert outlook(Ratio(value=0.0), Mode.FIXED_END).days is None
    assert outlook(Ratio(value=15.0), Mode.OPEN_ENDED).half_found_by == 21  # no verdict before


@pytest.mark.parametrize("mode", Mode)
def test_planned_days_find_the_ratio_that_they_were_planned_for(mode: Mode) -> None:
    for days in (40, 180, 2_000):
        assert days_for_power(ratio_found(days, mode) * 1.0001, mode) == days
    assert ratio_found(21, mode) > 15.0


def test_equal_risk_scales_the_control_to_the_challenger() -> None:
    calm = noise(3, 300, 0.01)
    k = equal_risk((3.0 * calm).tolist(), calm.tolist())
    assert k == pytest.approx(3.0)
    assert np.std(3.0 * calm) == pytest.approx(np.std(k * calm))
    with pytest.raises(DataError, match="do not vary"):
        equal_risk([0.1, 0.2], [0.1, 0.1])
