"""How long an experiment would take: from numbers, and from days that two desks have."""

from __future__ import annotations

from typing import Any

import pytest

from loligo.errors import DataError
from loligo_bot.experiments.planning import plans_of_desks, plans_of_numbers


def days(*equities: float | None, first: int = 100) -> list[dict[str, Any]]:
    return [{"day": first + place, "equity": equity} for place, equity in enumerate(equities)]


def test_days_follow_from_correlation_and_difference() -> None:
    plans = plans_of_numbers(0.5, 2.0)  # ratio 2 / sqrt(2 * (1 - 0.5)) = 2 a year; 5000 / 4 and 3300 / 4 days
    assert plans.ratio.value == pytest.approx(2.0)
    assert [one.days for one in plans.outlooks] == [1_250, 825]


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
