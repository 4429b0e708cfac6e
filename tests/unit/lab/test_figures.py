"""Figures of a run over history, against arithmetic by hand."""

from __future__ import annotations

from math import sqrt

import pytest

from loligo.api import DAY_NS
from loligo_lab.figures import cagr, daily_returns, max_drawdown, sharpe, sortino, thinned, time_in_market
from loligo_lab.holding import basket, held, rule_of

DAYS = [(0, 100.0), (DAY_NS, 110.0), (2 * DAY_NS, 99.0), (3 * DAY_NS, 108.9)]  # +10 %, -10 %, +10 %


def test_daily_returns_take_the_last_mark_of_a_day_and_repeat_a_day_without_one() -> None:
    marks = [(0, 50.0), (5, 100.0), (DAY_NS, 110.0), (3 * DAY_NS, 99.0)]
    assert daily_returns(marks) == pytest.approx([0.10, 0.0, -0.10])
    assert daily_returns(marks[:2]) == []


def test_sharpe_and_sortino_are_those_of_the_textbooks() -> None:
    mean = 0.1 / 3
    spread = sqrt(((0.1 - mean) ** 2 * 2 + (-0.1 - mean) ** 2) / 2)
    assert sharpe(DAYS) == pytest.approx(mean / spread * sqrt(365.25))
    assert sortino(DAYS) == pytest.approx(mean / sqrt(0.1**2 / 3) * sqrt(365.25))  # one of three days lost 10 %
    assert sortino(DAYS[:2]) == sharpe(DAYS[:2]) == 0.0


def test_the_deepest_fall_is_from_the_highest_before_it() -> None:
    assert max_drawdown([100.0, 120.0, 90.0, 130.0, 117.0]) == pytest.approx(0.25)  # 120 to 90
    assert max_drawdown([]) == 0.0


def test_the_yearly_rate_of_doubling_in_two_years_is_the_root_of_two() -> None:
    assert cagr(100.0, 200.0, int(2 * 365.25 * DAY_NS)) == pytest.approx(sqrt(2) - 1)
    assert cagr(100.0, 101.0, 7 * DAY_NS) is None  # a week is no year
    assert cagr(100.0, 0.0, 400 * DAY_NS) is None


def test_time_in_the_market_counts_what_overlaps_once() -> None:
    assert time_in_market([(10, 30), (20, 40), (90, 200)], 0, 100) == pytest.approx(0.4)  # 10 to 40 and 90 to 100
    assert time_in_market([], 0, 100) == 0.0


def test_a_thinned_curve_keeps_its_ends_its_lowest_and_its_highest() -> None:
    curve = [(at, 100.0 + at % 7) for at in range(10_000)]
    curve[4_321] = (4_321, 1.0)
    curve[8_765] = (8_765, 999.0)
    few = thinned(curve, 200)
    assert len(few) <= 200
    assert {curve[0], curve[-1], curve[4_321], curve[8_765]} <= set(few)
    assert few == sorted(few)


def test_holding_spreads_the_capital_and_waits_for_the_first_price() -> None:
    up, late = [(0, 10.0), (2, 20.0)], [(1, 5.0), (2, 4.0)]
    assert held(100.0, [up, late]) == [(0, 100.0), (1, 100.0), (2, 50 * 2 + 50 * 0.8)]
    assert held(100.0, [[]]) == []


def test_a_basket_is_bought_where_a_price_is_first_known_and_says_what_is_missing() -> None:
    instants = [number * DAY_NS for number in range(4)]
    prices = {"x:A": [(-5, 4.0), (2 * DAY_NS, 8.0)], "x:B": [(DAY_NS + 1, 10.0), (3 * DAY_NS, 5.0)], "x:C": []}
    found = basket("trend", prices, instants)
    # A doubles on the second day. B is bought at its close and halves on the third: (1 + 1) / 2, (2 + 1) / 2, 2.5 / 2
    assert [growth for _, growth in found.curve] == [0.0, 0.5, 0.25]
    assert found.missing == (
        "No price of x:C is known: it is left out.",
        "No price of x:B is known before 1970-01-03: its part waits as money until then.",
    )
    assert found.prices.keys() == {"x:A", "x:B"}
    assert basket("trend", {"x:C": []}, instants).curve == []
    assert rule_of("trend", ["x:C"]).startswith("Holding: the start capital of trend in x:C, which it trades, bought")
