"""How long an experiment would take: from numbers, and from days that two desks have."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from loligo.errors import DataError
from loligo_bot.experiments.planning import (
    plans_assumed,
    plans_expected,
    plans_of_desks,
    plans_of_numbers,
    plans_of_returns,
    risk_scale_of,
)
from loligo_lab.experiment import Arm, Mode, Plan
from loligo_lab.experiment.differences import paths_of
from loligo_lab.experiment.many_at_once import verdict_days


def days(*equities: float | None, first: int = 100) -> list[dict[str, Any]]:
    return [{"day": first + place, "equity": equity} for place, equity in enumerate(equities)]


def test_days_follow_from_correlation_and_difference() -> None:
    plans = plans_of_numbers(0.5, 2.0)  # ratio 2 / sqrt(2 * (1 - 0.5)) = 2 a year; 5000 / 4 + 17 and 3300 / 4 + 13
    assert plans.ratio.value == pytest.approx(2.0)
    assert [one.days for one in plans.outlooks] == [1_267, 838]


def test_returns_are_those_between_closes_that_both_have() -> None:
    up_and_down = [100.0 * (1.01 if place % 2 else 1.0) for place in range(30)]
    control = days(*up_and_down)
    challenger = [row for row in days(*(2 * one for one in up_and_down)) if row["day"] != 110]  # one close is missing
    challenger[20]["equity"] = 210.0
    plans = plans_of_desks("a", "b", (control, challenger))
    assert plans.days == 28  # 29 common closes
    assert plans.correlation is not None and 0 < plans.correlation < 1
    assert plans.risk_scale is not None and plans.risk_scale > 1  # B moved more


def test_a_desk_that_was_not_marked_is_worth_what_it_was() -> None:
    moved = [100.0 * (1.01 if place % 2 else 1.0) for place in range(40)]
    still = [row | {"equity": None if row["day"] > 105 else row["equity"]} for row in days(*moved)]
    plans = plans_of_desks("a", "b", (days(*moved), still))
    assert plans.days == 39
    assert plans.risk_scale is not None and plans.risk_scale < 0.5  # B rested from day 106 on


def test_too_few_days_are_said_to_be() -> None:
    with pytest.raises(DataError, match="a and b have 4 days in common; expected 21 or more"):
        plans_of_desks("a", "b", (days(*range(100, 110)), days(*range(100, 105), first=105)))


def test_at_equal_risk_what_only_volatility_made_is_gone() -> None:
    control, challenger = [100.0], [100.0]
    for place in range(60):
        one = 0.01 * (-1) ** place + 0.001
        control.append(control[-1] * (1 + one))
        challenger.append(
            challenger[-1] * (1 + 3 * one - 0.001 * (1 + place // 2 % 2))
        )  # for three times the risk, too little
    rows = days(*control), days(*challenger)
    plain, scaled = (plans_of_desks("a", "b", rows, is_scaled=is_scaled) for is_scaled in (False, True))
    assert plain.risk_scale == pytest.approx(3.0, rel=0.01) and plain.correlation == pytest.approx(1.0, rel=0.01)
    assert scaled.ratio.value < 0 < plain.ratio.value


def zigzag(*moves: float, days_of: int = 40) -> list[float]:
    """Return closes that go up and down by turns as told."""
    closes = [100.0]
    for place in range(days_of - 1):
        closes.append(closes[-1] * (1.0 + moves[place % len(moves)]))
    return closes


def test_a_correlation_of_the_days_is_used_where_there_are_enough_and_is_assumed_and_said_so_otherwise() -> None:
    first, second = days(*zigzag(0.01, -0.01)), days(*zigzag(0.01, -0.01, 0.02, 0.01))
    measured = plans_expected(("a", "b"), (first, second), 1.0, is_unlike=False)
    expected = np.corrcoef([0.01, -0.01] * 20, [0.01, -0.01, 0.02, 0.01] * 10)[0, 1]
    assert measured.correlation is not None
    assert measured.correlation == pytest.approx(expected, abs=0.02)  # of 39 of these days
    assert measured.ratio.value == pytest.approx(1.0 / (2.0 * (1.0 - measured.correlation)) ** 0.5)
    assert "the correlation of 39 days of a and b" in measured.basis
    like, unlike = (plans_expected(("a", "b"), (first[:9], second), 1.0, is_unlike=is_so) for is_so in (False, True))
    assert (like.correlation, unlike.correlation) == (0.9, 0.5)
    assert "0.9 assumed, as of variants of one strategy (8 days of a and b tell too little)" in like.basis
    still = plans_expected(("a", "b"), (first, days(*[100.0] * 40)), 1.0, is_unlike=False)
    assert still.basis.endswith("assumed, as of variants of one strategy (b returned the same on each of 39 days)")


@pytest.mark.parametrize(("is_unlike", "assumed"), [(False, 0.9), (True, 0.5)])
def test_the_correlation_of_an_arm_that_never_trades_is_assumed_and_not_told_as_seen(
    is_unlike: bool, assumed: float
) -> None:
    moves, none = [0.01, -0.01] * 15, [0.0] * 30
    for arms, still in (((moves, none), "b"), ((none, moves), "a"), ((none, none), "a and b")):
        plans = plans_of_returns(("a", "b"), *arms, sharpe_difference=1.0, is_unlike=is_unlike)
        assert (plans.correlation, plans.days, plans.risk_scale) == (assumed, 0, None)
        assert f"a correlation of {assumed:g} assumed" in plans.basis
        assert plans.basis.endswith(f"({still} returned the same on each of 30 days)")
    plans = plans_of_returns(("a", "b"), moves, none)  # the difference of these days is known
    assert (plans.correlation, plans.risk_scale, plans.basis) == (None, None, "30 days of a and b")


def test_arms_that_did_the_same_so_far_are_planned_as_if_they_were_to_part() -> None:
    rows = days(*zigzag(0.01, -0.01))
    plans = plans_expected(("a", "b"), (rows, rows), 1.0, is_unlike=False)
    assert plans.correlation == pytest.approx(1.0)
    assert plans.ratio.value == pytest.approx(1.0 / (2.0 * 0.01) ** 0.5)  # as of 0.99


def test_planned_days_tell_which_differences_they_find() -> None:
    plans = plans_of_numbers(0.5, 1.0)  # 5000 + 17 days open ended, 3300 + 13 with a fixed end, at a ratio of 1
    assert plans.finds(Mode.OPEN_ENDED, 5_017) == pytest.approx(1.0)
    assert plans.finds(Mode.FIXED_END, 838) == pytest.approx(2.0)  # a quarter of the days
    assert plans_assumed(1.0, is_unlike=True).finds(Mode.OPEN_ENDED, 5_017) == pytest.approx(1.0)  # 0.5, too


def test_several_challengers_take_longer_and_only_without_an_end() -> None:
    one, two = (plans_of_numbers(0.9, 2.0, challengers=count).outlooks for count in (1, 2))
    assert [outlook.mode for outlook in two] == [Mode.OPEN_ENDED]  # a fixed end compares two
    assert (one[0].days, two[0].days) == (267, 316)  # 250 + 17, and 250 times 1.195 + 17
    assert plans_of_numbers(0.9, 2.0, challengers=8).finds(Mode.OPEN_ENDED, 417) == pytest.approx(
        2.0 * (250 * 1.585 / 400) ** 0.5, rel=0.01
    )


@pytest.mark.parametrize("challengers", [1, 2, 4])
def test_the_days_planned_find_8_of_10_however_many_share_the_level(challengers: int) -> None:
    """400 tests with differences of a ratio of 3 a year; the standard error is 2 points."""
    planned = plans_of_numbers(0.5, 3.0, challengers=challengers).outlooks[0].days
    assert planned is not None
    found = np.random.default_rng(7).normal(3.0 / 365.25**0.5, 1.0, (400, planned))
    arms = tuple(Arm(name=name) for name in "abcde"[: challengers + 1])
    verdicts = verdict_days(Plan(name="x", arms=arms, days=planned), paths_of(found))
    assert float((verdicts > 0).mean()) == pytest.approx(0.78, abs=0.05)


def test_equal_risk_comes_from_the_days_of_both_or_is_refused() -> None:
    rows = days(*zigzag(0.01, -0.01)), days(*zigzag(0.02, -0.02))
    assert risk_scale_of(("a", "b"), rows) == pytest.approx(2.0)
    with pytest.raises(DataError, match="a and b have 3 days in common, and equal risk needs 21: give a number"):
        risk_scale_of(("a", "b"), (rows[0], rows[1][:4]))
