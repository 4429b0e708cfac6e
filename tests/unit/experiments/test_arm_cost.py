"""What an extra arm costs: both sides see the same inputs, by turns."""

from __future__ import annotations

from loligo.model.command import TimeAdvanced
from loligo.model.events import Record
from loligo_bot.arm_cost import TURN, Side, run_beside


def tape(count: int) -> list[Record]:
    return [Record(at, TimeAdvanced(at), [], "tape") for at in range(1, count + 1)]


def test_the_control_alone_sees_the_inputs_of_all_arms_up_to_the_sample_and_no_more() -> None:
    count, seen = 5 * TURN + 7, (list[int](), list[int]())
    whole, alone = (
        Side(iter(tape(count)), lambda one, own=own: own.append(one.seq))  # type: ignore[misc]
        for own in seen
    )
    cost = run_beside(whole, alone, arms=3, sample=2 * TURN)
    assert seen[0] == list(range(1, count + 1))
    assert seen[1] == list(range(1, 3 * TURN + 1))  # the first turn, which is not counted, and two that are
    assert (cost.inputs, cost.arms) == (2 * TURN, 3)


def test_a_run_of_one_turn_is_too_short_to_say_what_an_arm_costs() -> None:
    whole, alone = (Side(iter(tape(TURN - 1)), lambda one: None) for _ in range(2))
    assert run_beside(whole, alone, arms=2, sample=TURN).inputs == 0
