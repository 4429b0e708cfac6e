"""CPU-time: shares come from looks, are compared with budgets, and judged only when they say something."""

from __future__ import annotations

import pytest

from loligo.model.timeframe import HOUR_NS, SECOND_NS
from loligo_bot.health.config import HealthConfig
from loligo_bot.health.cpu_time import CpuAccount, Excess

RSI = "evaluator rsi"
CONFIG = HealthConfig(cpu_share=0.25, cpu_window_s=10, cpu_windows=2, cpu_far=2)


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def window(
    account: CpuAccount, clock: Clock, *, seen: int, looks: int = 100, inputs: int = 10, pace: float = 1.0
) -> list[Excess]:
    """Let ten seconds pass in which the tentacle is seen in so many of the looks; return who is over a budget now."""
    if not clock.now_s:
        account.take(0, 0)
    for look in range(looks):
        account.look("evaluator_rsi" if look < seen else "")
    clock.now_s += 10
    return account.take(inputs, int(clock.now_s * pace * SECOND_NS))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def account(clock: Clock) -> CpuAccount:
    return CpuAccount(CONFIG, clock, slots={"evaluator_rsi": RSI})


def test_share_and_cost_per_input_follow_from_the_looks(account: CpuAccount, clock: Clock) -> None:
    """20 of 100 looks are 200 ms per s; in 10 s that is 2 s, over 40 inputs 50 ms each."""
    window(account, clock, seen=20, inputs=40)
    assert account.costs[RSI].ms_per_s == 200
    assert account.costs[RSI].ms_per_input == 50


def test_tentacle_over_its_share_is_reported_after_so_many_windows(account: CpuAccount, clock: Clock) -> None:
    assert window(account, clock, seen=30) == []
    text = "it takes 300 ms per s of the engine's time; its budget is 250"
    assert window(account, clock, seen=30) == [Excess(slot=RSI, text=text, is_far=False)]
    assert window(account, clock, seen=30) == []  # told once


def test_one_window_within_the_budget_begins_the_count_anew(account: CpuAccount, clock: Clock) -> None:
    for seen in (30, 20, 30):
        assert window(account, clock, seen=seen) == []
    assert account.excesses == {}
    assert window(account, clock, seen=30)
    window(account, clock, seen=0)
    assert account.excesses == {}


def test_far_over_the_budget_is_told_apart(account: CpuAccount, clock: Clock) -> None:
    window(account, clock, seen=50)  # 500 ms per s, twice 250
    [excess] = window(account, clock, seen=50)
    assert excess.is_far


def test_share_is_not_judged_while_the_data_run_faster_than_the_clock(account: CpuAccount, clock: Clock) -> None:
    for _ in range(3):
        assert window(account, clock, seen=90, pace=HOUR_NS / SECOND_NS) == []
    assert account.costs[RSI].ms_per_s == 900


def test_budget_of_the_manifest_is_judged_at_any_pace(account: CpuAccount, clock: Clock) -> None:
    """90 of 100 looks in 10 s are 9 s; over 1,000 inputs that is 9 ms each, and 5 are declared."""
    account.budgets = {RSI: 5.0}
    window(account, clock, seen=90, inputs=1000, pace=3600)
    [excess] = window(account, clock, seen=90, inputs=1000, pace=3600)
    assert excess.text == "it takes 9 ms per input, by its manifest; its budget is 5"


def test_few_looks_are_shown_and_not_judged(account: CpuAccount, clock: Clock) -> None:
    for _ in range(3):
        assert window(account, clock, seen=19, looks=20) == []
    assert account.costs[RSI].ms_per_s == 950
