"""Guardrails and equal treatment: what ends an experiment or withholds a verdict."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from loligo_lab.experiment import Day, Limits, Verdict, broken_stops, config_hash, judge
from tests.unit.lab.experiment.made_days import NO_LIMITS, days_of, noise, plan_of

MARKET = noise(1, 100, 0.01)
CALM, AHEAD = MARKET + noise(2, 100, 0.002), MARKET + noise(3, 100, 0.002) + 0.002


FAULTS = {"events", "config_hash", "fee_schedule", "down_s", "failed", "by_hand"}


def changed(days: list[Day], number: int, arm: int, **changes: Any) -> list[Day]:
    """Return the days with that arm of day `number`, from 1, changed."""
    day = days[number - 1]
    arms = tuple(replace(one, **changes) if at == arm else one for at, one in enumerate(day.arms))
    return [*days[: number - 1], replace(day, arms=arms), *days[number:]]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"events": 1_426}, "old was given 1,440 events on day 50, new 1,426. Start the test anew."),  # 1 % dropped
        ({"config_hash": "edited"}, "Code or settings of new were changed on day 50. Start the test anew."),
        (
            {"config_hash": "edited", "changed": "fast: 5 → 9 at noon by ann", "events": 9},
            "Code or settings of new were changed on day 50: fast: 5 → 9 at noon by ann. Start the test anew.",
        ),
        ({"fee_schedule": "cheaper"}, "old and new paid by different fee schedules on day 50. Start the test anew."),
        ({"down_s": 61.0}, "old did not work for 0 s on day 50, new 61 s. Start the test anew."),
        (
            {"down_s": 61.0, "down_by": "paused at noon by ann"},
            "old did not work for 0 s on day 50, new 61 s: paused at noon by ann. Start the test anew.",
        ),
        (
            {"failed": "strategy vote in decide at noon: ValueError: no"},
            "Tentacles of new failed on day 50: strategy vote in decide at noon: ValueError: no. Start the test anew.",
        ),
        (
            {"by_hand": "close 7"},
            "An order or a position of new alone was taken back by hand on day 50 (close 7). Start the test anew.",
        ),
        (
            {"by_hand": "resume 9 by ann"},
            "A pause that a limit had put on new alone was ended by hand on day 50 (resume 9 by ann). Start the test "
            "anew.",
        ),
        (
            {"by_hand": "deny 7, consent 9"},
            "An entry of new alone was agreed to or refused by hand on day 50 (deny 7, consent 9). Start the test "
            "anew.",
        ),
    ],
)
def test_arms_that_were_not_treated_alike_make_the_test_invalid_for_good(change: dict[str, Any], words: str) -> None:
    found = judge(plan_of(), changed(days_of(CALM, AHEAD), 50, 1, **change))
    pair = found.pairs[0]
    assert (found.verdict, pair.verdict_day, found.is_final) == (Verdict.INVALID, 50, True)
    assert found.headline == "Invalid: the two arms were not treated alike"
    assert (pair.sentence, pair.luck) == (words, "")
    assert [check.is_met for check in pair.checks].count(False) == len({*change} & FAULTS)


def test_an_outage_of_both_arms_is_no_fault() -> None:
    days = changed(changed(days_of(CALM, CALM), 50, 1, down_s=3600.0, events=900), 50, 0, down_s=3600.0, events=900)
    assert judge(plan_of(), days).verdict is Verdict.PRACTICALLY_THE_SAME


def read_at(days: list[Day], timeframes: tuple[str, str], events: tuple[int, int]) -> list[Day]:
    """Return the days with arms of these timeframes, asked so often on each."""
    for number in range(1, len(days) + 1):
        for arm in (0, 1):
            days = changed(days, number, arm, timeframe=timeframes[arm], events=events[arm])
    return days


def test_arms_of_other_timeframes_are_alike_while_they_are_asked_over_the_same_time() -> None:
    days = read_at(days_of(CALM, CALM), ("1h", "4h"), (24, 6))
    one_short = changed(days, 50, 0, events=21)  # of the last 4 hours an hour was there: the longer candle is open
    for alike in (days, one_short):
        pair = judge(plan_of(), alike).pairs[0]
        assert pair.verdict is Verdict.PRACTICALLY_THE_SAME
    (check,) = (check for check in judge(plan_of(), days).pairs[0].checks if check.name == "events")
    assert check.words.endswith(": old 2,400 times at candles of 1h, new 600 times at 4h")
    pair = judge(plan_of(), changed(days, 50, 1, events=4)).pairs[0]  # 16 hours against 24
    assert (pair.verdict, pair.verdict_day) == (Verdict.INVALID, 50)
    assert pair.sentence == "old was given 24 events on day 50, new 4. Start the test anew."


def test_arms_that_decide_at_new_opinions_are_counted_only_where_the_opinions_are_the_same() -> None:
    same, other = ("opinions a", "opinions a"), ("opinions a", "opinions b")
    for timeframes in (other, ("1h", "opinions a")):
        days = read_at(days_of(CALM, CALM), timeframes, (24, 301))
        pair = judge(plan_of(), days).pairs[0]
        assert pair.verdict is Verdict.PRACTICALLY_THE_SAME
        (check,) = (check for check in pair.checks if check.name == "events")
        assert check.words == "Both arms were asked by the same data: old 2,400 times, new 30,100 times"
        quiet = changed(days, 50, 1, events=0)  # nothing new was said that day
        assert judge(plan_of(), quiet).verdict is Verdict.PRACTICALLY_THE_SAME
    assert judge(plan_of(), read_at(days_of(CALM, CALM), same, (24, 23))).verdict is Verdict.INVALID
    without_candles = changed(read_at(days_of(CALM, CALM), ("1h", "opinions a"), (24, 301)), 50, 0, events=0)
    assert judge(plan_of(), without_candles).verdict is Verdict.INVALID


def test_tentacles_that_fail_alike_in_both_arms_are_no_fault() -> None:
    both = {"failed": "strategy vote in decide at noon: ValueError: no"}
    days = changed(changed(days_of(CALM, CALM), 50, 1, **both), 50, 0, **both)
    assert judge(plan_of(), days).verdict is Verdict.PRACTICALLY_THE_SAME


def test_what_one_command_takes_from_both_arms_is_no_fault() -> None:
    days = changed(changed(days_of(CALM, CALM), 50, 1, by_hand="close 7"), 50, 0, by_hand="close 7")
    assert judge(plan_of(), days).verdict is Verdict.PRACTICALLY_THE_SAME
    apart = changed(changed(days_of(CALM, CALM), 50, 1, by_hand="close 9"), 50, 0, by_hand="close 7")
    assert judge(plan_of(), apart).verdict is Verdict.INVALID  # one after the other: at different prices


def test_a_config_other_than_the_pinned_one_is_a_fault_on_the_first_day() -> None:
    plan = plan_of()
    pinned = replace(plan, arms=(plan.arms[0], replace(plan.arms[1], config_hash="as planned")))
    assert judge(pinned, days_of(CALM, AHEAD)[:1]).pairs[0].verdict_day == 1


def test_the_hash_of_a_config_knows_code_and_settings_and_not_their_order() -> None:
    one = config_hash({"rsi": "h1:a", "macd": "h1:b"}, {"period": 14, "on": True})
    assert one == config_hash({"macd": "h1:b", "rsi": "h1:a"}, {"on": True, "period": 14})
    assert len({one, config_hash({"rsi": "h1:c", "macd": "h1:b"}, {"period": 14, "on": True})}) == 2
    assert len({one, config_hash({"rsi": "h1:a", "macd": "h1:b"}, {"period": 15, "on": True})}) == 2


def test_a_broken_limit_of_either_arm_stops_the_experiment_on_that_day() -> None:
    fall = CALM.copy()
    fall[40] = -0.20
    for arms in ((CALM, fall), (fall, CALM)):
        pair = judge(plan_of(limits=replace(NO_LIMITS, worst_day=0.15)), days_of(*arms)).pairs[0]
        assert (pair.verdict, pair.verdict_day, pair.day) == (Verdict.STOPPED, 41, 41)
    assert pair.sentence == "old lost 20.0 % on its worst day, the limit is 15.0 %."
    assert pair.headline == "Stopped: safety limit"


def test_a_fall_within_the_day_counts_as_drawdown() -> None:
    days = changed(days_of(CALM, CALM), 30, 0, drawdown=0.3)
    pair = judge(plan_of(limits=replace(NO_LIMITS, drawdown=0.25)), days).pairs[0]
    assert (pair.verdict, pair.verdict_day) == (Verdict.STOPPED, 30)
    (rail,) = broken_stops(Limits(), "old", drawdown=0.3, worst_day=0.0)
    assert rail.words == "old fell 30.0 % from its highest equity, the limit is 25.0 %"
    assert broken_stops(Limits(), "old", drawdown=0.25, worst_day=0.15) == ()


@pytest.mark.parametrize(
    ("limits", "change"),
    [
        ({"turnover_per_day": 5.0}, {"turnover": 1e8}),  # 10,000 capitals on one of 60 days
        ({"fees_per_month": 0.05}, {"fees": 2_000.0}),  # 15 % of the capital in two months
        ({"exposure": 1.0}, {"exposure": 1.5}),
        ({"refused_orders": 0.05}, {"orders": 20, "refused_orders": 2}),
        ({"stale_minutes_per_day": 10.0}, {"stale_minutes": 900.0}),  # 15 a day
    ],
)
def test_an_arm_that_breaks_a_guardrail_is_not_called_better(limits: dict[str, Any], change: dict[str, Any]) -> None:
    plan, days = plan_of(limits=replace(NO_LIMITS, **limits)), days_of(CALM, AHEAD)[:60]
    assert judge(plan, days).verdict is Verdict.CHALLENGER_BETTER
    pair = judge(plan, changed(days, 10, 1, **change)).pairs[0]
    assert pair.verdict is Verdict.NO_CLEAR_DIFFERENCE
    assert pair.sentence.startswith("The returns differ by more than luck, but a safety limit speaks against it: ")
    assert len(pair.notes) == 1 and pair.p_value is not None and pair.p_value < 0.05
    loser = judge(plan, changed(days, 10, 0, **change)).pairs[0]
    assert loser.verdict is Verdict.CHALLENGER_BETTER  # it is the other arm's limit


def test_costs_of_which_a_part_is_not_known_withhold_better_and_are_told() -> None:
    plan, days = plan_of(limits=replace(NO_LIMITS, fees_per_month=0.05)), days_of(CALM, AHEAD)[:60]
    pair = judge(plan, changed(days, 10, 1, is_unpriced=True)).pairs[0]
    assert pair.verdict is Verdict.NO_CLEAR_DIFFERENCE
    assert pair.notes == ("Fees on 1 day of new are not known, for want of a rate of exchange.",)
    assert judge(plan, changed(days, 10, 0, is_unpriced=True)).verdict is Verdict.CHALLENGER_BETTER  # the other arm's


def test_a_veto_that_passes_leaves_the_verdict_to_that_day() -> None:
    plan = plan_of(limits=replace(NO_LIMITS, stale_minutes_per_day=10.0))
    days = changed(days_of(CALM, AHEAD), 10, 1, stale_minutes=900.0)  # 10 a day and no more from day 90
    pair = judge(plan, days).pairs[0]
    assert (pair.verdict, pair.verdict_day) == (Verdict.CHALLENGER_BETTER, 90)


def test_a_drawdown_is_held_against_that_of_the_other_arm_and_at_least_2_percent() -> None:
    plan = plan_of(limits=replace(NO_LIMITS, drawdown_ratio=1.5))
    days = days_of(np.full(60, 0.001), np.full(60, 0.003) + noise(3, 60, 0.0005))  # neither falls on its own
    assert judge(plan, changed(days, 5, 1, drawdown=0.030)).verdict is Verdict.CHALLENGER_BETTER  # 1.5 times 2 %
    pair = judge(plan, changed(days, 5, 1, drawdown=0.032)).pairs[0]
    assert pair.verdict is Verdict.NO_CLEAR_DIFFERENCE
    assert pair.notes == ("new fell 1.6 times as deep as the other arm, the limit is 1.5 times.",)
    both = changed(changed(days, 5, 1, drawdown=0.032), 5, 0, drawdown=0.022)  # 1.45 times
    assert judge(plan, both).verdict is Verdict.CHALLENGER_BETTER


def test_unlike_arms_and_rare_large_moves_are_told() -> None:
    wild = noise(7, 100, 0.01)
    wild[50] = 0.2
    pair = judge(plan_of(limits=replace(NO_LIMITS, correlation=0.5, skew=2.0)), days_of(CALM, wild)).pairs[0]
    assert pair.correlation == pytest.approx(float(np.corrcoef(CALM, wild)[0, 1]))
    assert pair.notes[0].startswith("Rare large moves") and "take long to tell apart" in pair.notes[1]


def test_what_is_not_known_yet_breaks_nothing() -> None:
    pair = judge(plan_of(limits=Limits()), days_of(CALM, AHEAD)[:1]).pairs[0]
    assert not any(rail.is_broken for rail in pair.rails)
    assert {rail.words for rail in pair.rails if rail.value is None} == {"Not known yet"}


def test_an_arm_that_its_limits_kept_from_entering_for_long_is_told_of() -> None:
    days = days_of(CALM, AHEAD)
    halted = [
        replace(day, arms=(replace(day.arms[0], halted_s=86_400.0, halted_by="drawdown: 16 % > 15 %"), day.arms[1]))
        for day in days
    ]
    (pair,) = judge(plan_of(), [*days[:80], *halted[80:]]).pairs
    assert pair.notes[-1] == (
        "For 20 of 100 days old could enter nothing, because limits had paused it, last drawdown: 16 % > 15 %."
    )
    (pair,) = judge(plan_of(), [*days[:95], *halted[95:]]).pairs
    assert not any("could enter nothing" in note for note in pair.notes)
