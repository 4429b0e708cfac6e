"""What of a run over recorded data counts as the start of its arms."""

from __future__ import annotations

from typing import Any

from loligo_bot.arm_cost import Cost
from loligo_bot.historic import starts_of


def test_arms_start_with_what_they_were_worth_when_the_first_whole_day_began() -> None:
    rows: dict[str, list[dict[str, Any]]] = {
        "a": [{"day": 9, "equity": 99.0}, {"day": 10, "equity": 101.0}],
        "b": [{"day": 9, "equity": None}, {"day": 10, "equity": 98.0}],  # it was not marked: it has its capital
    }
    assert starts_of(rows, 10) == {"a": 99.0}


def test_an_extra_arm_costs_its_part_of_what_all_cost_beyond_the_first() -> None:
    cost = Cost(inputs=10, control_s=2.0, all_s=3.5, arms=4)  # (3.5 - 2.0) / 3 arms / 2.0
    assert cost.extra_arm_share == 0.25
    assert Cost(inputs=10, control_s=0.0, all_s=3.5, arms=4).extra_arm_share is None
