"""What is shown beside the verdict and never decides: figures with intervals, the cross-check, shares of capital."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt

import numpy as np
import pytest

from loligo_lab.experiment import Arm, allocation, cross_check, figures_of, figures_of_trades
from loligo_lab.experiment.figures import FIGURES, Figure, resampled, wilson
from loligo_lab.experiment.whole_field import WITHOUT_ARCH
from tests.unit.lab.experiment.made_days import NO_LIMITS, days_of, noise, plan_of

MARKET = noise(1, 250, 0.01)
FOUR = plan_of(arms=tuple(Arm(name=name) for name in "abcd"))


def of(figures: tuple[Figure, ...], arm: str, name: str) -> Figure:
    return next(one for one in figures if (one.arm, one.name) == (arm, name))


def test_figures_are_those_of_the_textbooks() -> None:
    days = days_of([0.1, -0.1, 0.1], [0.0, -0.5, 0.0])
    found = figures_of(plan_of(days_per_year=252.0), days)
    mean, spread = 0.1 / 3, sqrt(((0.1 - 0.1 / 3) ** 2 * 2 + (-0.1 - 0.1 / 3) ** 2) / 2)
    assert of(found, "old", "sharpe").value == pytest.approx(mean / spread * sqrt(252))
    assert of(found, "old", "sortino").value == pytest.approx(mean / sqrt(0.1**2 / 3) * sqrt(252))
    assert of(found, "new", "drawdown").value == pytest.approx(0.5)
    assert of(found, "new", "calmar").value == pytest.approx((0.5 ** (252 / 3) - 1) / 0.5)
    assert of(found, "old", "sharpe").low is None  # three days tell no interval


def test_turnover_is_in_capitals_a_day() -> None:
    days = [
        replace(day, arms=tuple(replace(arm, turnover=arm.equity / 4) for arm in day.arms))
        for day in days_of(MARKET, MARKET)
    ]
    assert of(figures_of(plan_of(), days), "new", "turnover") == Figure(
        arm="new", name="turnover", value=0.25, low=0.25, high=0.25
    )


def test_intervals_hold_the_value_and_come_from_the_seed() -> None:
    days = days_of(MARKET, MARKET + 0.001)
    found = figures_of(plan_of(), days)
    assert found == figures_of(plan_of(), days) != figures_of(plan_of(), days, seed=7)
    for name in ("sharpe", "sortino", "calmar"):
        one = of(found, "old", name)
        assert one.value is not None and one.low is not None and one.high is not None
        assert one.low < one.value < one.high
    apart = of(found, "new", "sharpe_difference")
    assert apart.low is not None and apart.low > 0.0  # the same market a tenth of a percent higher


def test_an_interval_of_the_sharpe_ratio_holds_the_truth_about_as_often_as_it_says() -> None:
    covered = 0
    for seed in range(60):
        one = of(figures_of(plan_of(), days_of(noise(seed, 200), noise(seed, 200)), samples=200), "old", "sharpe")
        assert one.low is not None and one.high is not None
        covered += one.low < 0.0 < one.high
    assert covered >= 48  # 95 % of 60 are 57; blocks cost some: fewer than 48 of 60 at 90 % is 1 in 400


def test_an_interval_of_the_sharpe_difference_holds_the_truth_about_as_often_as_it_says() -> None:
    """Arms of one market, so that unpaired blocks would make it far too wide."""
    covered, widths = 0, []
    for seed in range(60):
        market = noise(seed, 200, 0.01)
        arms = [market + noise(seed + shift, 200, 0.001) for shift in (1_000, 2_000)]
        one = of(figures_of(plan_of(), days_of(*arms), samples=200), "new", "sharpe_difference")
        assert one.low is not None and one.high is not None
        covered += one.low < 0.0 < one.high
        widths.append(one.high - one.low)
    assert covered >= 48  # as above
    # About 2 * 1.96 * sqrt(2) * 0.001 / 0.01 / sqrt(200) * sqrt(365.25) = 0.75; of unpaired arms 7.5.
    assert np.median(widths) == pytest.approx(0.75, rel=0.25)


@pytest.mark.parametrize(
    ("wins", "count", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_interval_of_a_share_is_the_published_one(wins: int, count: int, low: float, high: float) -> None:
    """Newcombe 1998, Two-sided confidence intervals for the single proportion, table I, method 3."""
    assert wilson(wins, count) == pytest.approx((low, high), abs=5e-5)
    assert wilson(count - wins, count) == pytest.approx((1.0 - high, 1.0 - low), abs=5e-5)


def test_figures_of_trades_are_those_of_the_textbooks() -> None:
    won, factor = figures_of_trades("new", [30.0, -10.0, 0.0, 6.0, -5.0])
    assert (won.value, factor.value) == (2 / 5, pytest.approx(36 / 15))
    assert (won.low, won.high) == pytest.approx(wilson(2, 5))
    assert factor.low is None  # five trades tell no interval
    assert figures_of_trades("new", []) == ()
    assert [one.value for one in figures_of_trades("new", [1.0, 2.0])] == [1.0, None]  # nothing was lost
    assert [one.value for one in figures_of_trades("new", [1.0, float("nan"), -1.0])] == [None, None]
    assert {one.name for one in (won, factor)} < FIGURES.keys()


def test_an_interval_of_the_profit_factor_holds_the_truth_about_as_often_as_it_says() -> None:
    covered = 0
    for seed in range(60):
        _, one = figures_of_trades("new", list(noise(seed, 150)), samples=200)
        assert one.low is not None and one.high is not None
        covered += one.low < 1.0 < one.high  # as much is won as lost
    assert covered >= 48


def test_many_trades_are_told_in_a_moment() -> None:
    """By fewer samples: 10,000 trades are drawn 200 times, not 1,000."""
    found = figures_of_trades("new", list(noise(1, 10_000)))
    assert found == figures_of_trades("new", list(noise(1, 10_000)))
    assert found[1].low is not None and found[1].high is not None and found[1].high - found[1].low < 0.15


def test_an_arm_that_does_nothing_has_no_ratios() -> None:
    found = figures_of(plan_of(), days_of(np.zeros(40), MARKET[:40]))
    assert [of(found, "old", name).value for name in ("sharpe", "sortino", "calmar", "drawdown")] == [
        None,
        None,
        None,
        0.0,
    ]
    assert figures_of(plan_of(), []) == ()


def test_days_are_drawn_in_blocks_of_the_mean_length() -> None:
    drawn = resampled(np.random.default_rng(3), 100, 2_000)
    follows = (np.diff(drawn, axis=1) % 100 == 1).mean()
    assert follows == pytest.approx(1 - (1 / 14) * (99 / 100), abs=0.005)  # 13 lags: a block goes on at 13 in 14
    assert drawn.min() == 0 and drawn.max() == 99


def test_the_cross_check_finds_the_winner_and_who_is_out_of_the_running() -> None:
    pytest.importorskip("arch")
    arms = [MARKET + noise(seed, 250, 0.003) for seed in (2, 3, 4)]
    found = cross_check(FOUR, days_of(arms[0], arms[0], arms[1] + 0.003, arms[2] - 0.003), samples=200)
    assert found.spa_p_value is not None and found.spa_p_value < 0.05
    assert found.in_the_running == ("c",)
    assert found.words.startswith("Some challenger is better than a (SPA, p below 0.001)")
    equal = cross_check(FOUR, days_of(*(MARKET + noise(seed, 250, 0.003) for seed in (2, 3, 4, 5))), samples=200)
    assert equal.spa_p_value is not None and equal.spa_p_value > 0.05


def test_who_was_stopped_is_out_of_the_cross_check_and_gets_no_capital() -> None:
    pytest.importorskip("arch")
    loses = MARKET + noise(2, 250, 0.003) - 0.002
    flat = [-0.3, *[0.0] * 249]  # it broke a limit on the first day, and earned nothing and lost nothing since
    plan = plan_of(arms=tuple(Arm(name=name) for name in "abc"), limits=replace(NO_LIMITS, worst_day=0.25))
    days = days_of(loses, flat, MARKET + noise(3, 250, 0.003) - 0.004)
    found = cross_check(plan, days, samples=200)
    assert found.in_the_running == ("a",)
    assert found.words.endswith("may be the best: a. Left out, for their tests were stopped or spoilt: b.")
    assert allocation(plan, days)[1] == 0.0 and sum(allocation(plan, days)) == pytest.approx(1.0)
    both = replace(plan, arms=plan.arms[:2])
    alone = days_of(loses, flat)
    assert cross_check(both, alone).words == "Every challenger was stopped, or was not treated as the control was."
    assert allocation(both, alone) == (1.0, 0.0)


def test_the_cross_check_says_why_it_cannot_be_made() -> None:
    assert cross_check(plan_of(), days_of(MARKET[:59], MARKET[:59])).words.endswith("needs 60 days; there are 59.")
    assert cross_check(plan_of(), days_of(MARKET, MARKET)).words == "All arms returned the very same."
    twice = plan_of(arms=(Arm(name="a"), Arm(name="b", risk_scale=2.0)))
    assert cross_check(twice, days_of(MARKET, 2.0 * np.array(MARKET))).words == (
        "At equal risk, with the control's returns counted as often as was agreed, all arms returned the very same."
    )
    assert "pip install 'loligo[experiments]'" in WITHOUT_ARCH


def test_capital_goes_to_the_likely_best_and_never_all_of_it() -> None:
    days = days_of(MARKET, MARKET + noise(2, 250, 0.002) + 0.001)
    assert allocation(plan_of(), days[:20]) == (0.5, 0.5)
    assert allocation(plan_of(), days) == (0.1, 0.9)
    assert sum(allocation(FOUR, days_of(*(noise(seed, 100) for seed in range(4))))) == pytest.approx(1.0)


def test_shares_of_capital_change_once_a_week() -> None:
    days = days_of(MARKET, noise(9, 250, 0.01))
    shares = [allocation(plan_of(), days[:count]) for count in range(21, 49)]
    assert all(shares[at] == shares[at // 7 * 7] for at in range(28))
    assert len(set(shares)) > 1


def test_arms_that_did_the_same_share_evenly() -> None:
    first, second = allocation(plan_of(), days_of(MARKET, MARKET))
    assert first == pytest.approx(0.5, abs=0.02) and first + second == 1.0


def test_shares_never_touch_the_verdict_of_more_arms_than_tenths() -> None:
    plan = plan_of(arms=tuple(Arm(name=f"arm-{number}") for number in range(13)))
    shares = allocation(plan, days_of(*(MARKET + noise(seed, 250, 0.003) for seed in range(13))))
    assert sum(shares) == pytest.approx(1.0) and min(shares) >= 0.03  # half of a thirteenth, in whole percent
