"""Verdicts, from days to words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loligo.api import ConfigError, DataError
from loligo_lab.experiment import Arm, Day, Gates, Judge, Judgement, Limits, Mode, PairJudgement, Plan, Verdict, judge
from loligo_lab.experiment.differences import paths_of
from loligo_lab.experiment.many_at_once import verdict_days
from loligo_lab.experiment.rule import Rule
from loligo_lab.simulated_arms import WORLDS, tail_arms
from tests.unit.lab.experiment.made_days import NO_LIMITS, days_of, noise, plan_of

MARKET = noise(1, 200, 0.01)
CALM, AHEAD = MARKET + noise(2, 200, 0.002), MARKET + noise(3, 200, 0.002) + 0.003


TAILS = "Rare large moves decide here: the result is weaker than it looks"


def pair_of(plan: Plan, days: list[Day]) -> PairJudgement:
    (pair,) = judge(plan, days).pairs
    return pair


@pytest.mark.parametrize("mode", list(Mode))
def test_a_clear_lead_is_a_verdict_as_soon_as_the_gates_are_open(mode: Mode) -> None:
    found = judge(plan_of(mode=mode), days_of(CALM, AHEAD)[:60])
    pair = found.pairs[0]
    assert (found.verdict, found.winner, found.is_final) == (Verdict.CHALLENGER_BETTER, "new", True)
    assert found.headline == "new is better"
    assert pair.verdict_day is not None and 27 <= pair.verdict_day <= 60  # the gate is 15 % of 180 days
    assert pair.p_value is not None and pair.p_value < 0.05
    assert pair.luck == "If old and new were equal, a gap this big would show up in fewer than 1 in 20 tests."
    assert pair.effect is not None and pair.effect.percent_per_month == pytest.approx(9.1, abs=1.5)  # .003 * 30.4 days


def test_the_other_way_round_the_control_is_better() -> None:
    assert judge(plan_of(), days_of(AHEAD, CALM)[:60]).headline == "old is better"
    assert judge(plan_of(), days_of(AHEAD, CALM)[:60]).winner is None


@pytest.mark.parametrize("mode", list(Mode))
def test_a_verdict_of_better_stays_when_the_lead_melts(mode: Mode) -> None:
    days = days_of(CALM, np.concatenate([AHEAD[:60], CALM[60:] - 0.002]))
    early, late = pair_of(plan_of(mode=mode), days[:60]), pair_of(plan_of(mode=mode), days[:150])
    assert late.verdict is early.verdict is Verdict.CHALLENGER_BETTER
    assert (late.verdict_day, late.sentence) == (early.verdict_day, early.sentence)
    assert late.effect is not None and early.effect is not None and late.effect.per_day < early.effect.per_day


def test_identical_arms_are_the_same_after_21_days_and_20_trades_without_a_statistic() -> None:
    for mode in Mode:
        plan = plan_of(mode=mode)
        assert judge(plan, days_of(CALM, CALM)[:20]).verdict is Verdict.TOO_EARLY
        pair = pair_of(plan, days_of(CALM, CALM)[:21])  # a trade a day: 21
        assert (pair.verdict, pair.verdict_day) == (Verdict.PRACTICALLY_THE_SAME, 21)
        assert pair.score is None and pair.p_value is None and pair.luck == ""
        assert pair.effect is not None and pair.effect.per_day == 0.0
        assert all(point.difference == 0.0 for point in pair.band)


def test_identical_arms_without_trades_are_too_early_for_ever() -> None:
    pair = pair_of(plan_of(), days_of(CALM, CALM, trades_per_day=0))
    assert (pair.verdict, pair.days_more) == (Verdict.TOO_EARLY, None)


def test_identical_arms_that_part_later_are_judged_anew() -> None:
    days = days_of(CALM, np.concatenate([CALM[:40], AHEAD[40:]]))
    assert pair_of(plan_of(), days[:40]).verdict is Verdict.PRACTICALLY_THE_SAME
    assert pair_of(plan_of(), days[:45]).verdict is Verdict.TOO_EARLY  # 5 days apart, 20 are needed
    assert pair_of(plan_of(), days[:150]).verdict is Verdict.CHALLENGER_BETTER


def test_an_interval_inside_the_margin_is_the_same_at_once_or_at_the_declared_end() -> None:
    days = days_of(CALM, CALM + noise(4, 200, 1e-5))
    assert pair_of(plan_of(), days[:100]).verdict is Verdict.PRACTICALLY_THE_SAME
    fixed = plan_of(mode=Mode.FIXED_END, days=120)
    assert pair_of(fixed, days[:119]).verdict is Verdict.NO_CLEAR_DIFFERENCE
    assert pair_of(fixed, days[:120]).verdict is Verdict.PRACTICALLY_THE_SAME
    assert "5 % a year" in pair_of(fixed, days[:120]).sentence


def test_nothing_is_said_before_the_gates_however_large_the_lead() -> None:
    pair = pair_of(plan_of(days=200), days_of(CALM, AHEAD + 0.01)[:29])  # 15 % of 200 days are 30
    assert (pair.verdict, pair.days_more, pair.p_value) == (Verdict.TOO_EARLY, 1, None)
    assert pair.effect is not None and pair.effect.low_percent_per_month is None
    assert pair.sentence == "Nothing can be said yet: about 1 day more, at the pace so far."
    assert pair_of(plan_of(days=200), days_of(CALM, AHEAD + 0.01)[:30]).verdict is Verdict.CHALLENGER_BETTER


def test_few_trades_or_few_days_apart_hold_the_verdict_back() -> None:
    seldom = [
        replace(day, arms=tuple(replace(arm, closed_trades=7) for arm in day.arms)) for day in days_of(CALM, AHEAD)
    ]
    pair = pair_of(plan_of(), seldom[:60])
    assert (pair.verdict, pair.days_more) == (Verdict.TOO_EARLY, 112)  # 13 more trades at 7 in 60 days: 111.4
    rare = np.where(np.arange(200) % 10 == 0, AHEAD, CALM)
    assert pair_of(plan_of(), days_of(CALM, rare)[:190]).verdict is Verdict.TOO_EARLY  # 19 days apart


def test_days_after_a_declared_end_do_not_count() -> None:
    plan = plan_of(mode=Mode.FIXED_END, days=60)
    days = days_of(CALM, np.concatenate([CALM[:60] + noise(6, 60), AHEAD[60:] + 0.01]))
    at_end, later = judge(plan, days[:60]), judge(plan, days)
    assert later == at_end and at_end.is_final
    assert at_end.pairs[0].sentence.endswith("the planned end is reached and it may all be luck.")


def test_a_declared_end_before_the_gates_says_what_was_missing() -> None:
    pair = pair_of(plan_of(mode=Mode.FIXED_END, days=30), days_of(CALM, AHEAD, trades_per_day=0)[:30])
    assert (pair.verdict, pair.is_final, pair.days_more) == (Verdict.TOO_EARLY, True, 0)
    assert pair.sentence.endswith("old has closed 0 trades, 20 are needed.")


def test_heavy_tails_make_a_fixed_end_open() -> None:
    crash = CALM.copy()
    crash[25] -= 0.2
    plan = plan_of(mode=Mode.FIXED_END, days=100, limits=replace(NO_LIMITS, skew=2.0))
    pair = pair_of(plan, days_of(CALM, crash + noise(6, 200, 0.001))[:150])
    assert (pair.mode, pair.day) == (Mode.OPEN_ENDED, 150)  # it goes on after the 100 days
    assert pair.notes[0] == f"{TAILS}, and is judged without a fixed end."


def test_a_fixed_end_is_said_to_be_given_up_only_once_it_is() -> None:
    crash = CALM + noise(6, 200, 0.001)
    crash[5] -= 0.2
    days = days_of(CALM, np.where(np.arange(200) == 30, crash + 0.2, crash))  # day 31 makes good for day 6
    limits = replace(NO_LIMITS, skew=2.0)
    fixed = plan_of(mode=Mode.FIXED_END, days=400, limits=limits)  # its gate is 15 %: day 60
    early, later = pair_of(fixed, days[:10]), pair_of(fixed, days)
    assert early.mode is Mode.FIXED_END and abs(early.skew or 0.0) > 2.0
    assert early.notes == (f"{TAILS}. If they still do on day 60 or later, it will be judged without a fixed end.",)
    assert (later.mode, later.notes) == (Mode.FIXED_END, ())
    assert pair_of(plan_of(limits=limits), days[:10]).notes == (f"{TAILS}.",)  # it never had a fixed end
    fallen = replace(days[9], arms=(replace(days[9].arms[0], drawdown=0.3), days[9].arms[1]))
    stopped = pair_of(replace(fixed, limits=replace(limits, drawdown=0.25)), [*days[:9], fallen])
    assert (stopped.verdict, stopped.notes) == (Verdict.STOPPED, (f"{TAILS}.",))  # no day comes after it


def test_how_long_it_takes_is_where_the_projected_score_meets_the_boundary() -> None:
    days = days_of(CALM, CALM + noise(7, 200) + 0.0006)
    pair = pair_of(plan_of(), days[:40])
    assert pair.verdict is Verdict.NO_CLEAR_DIFFERENCE and pair.days_left is not None
    assert f"in about {pair.days_left:,} days" in pair.sentence
    assert pair_of(plan_of(mode=Mode.FIXED_END, days=41), days[:40]).days_left is None  # one day will not do


def test_a_restart_in_the_middle_gives_the_identical_judgement() -> None:
    plan, days = plan_of(), days_of(CALM, CALM + noise(8, 200) + 0.002)
    running = Judge(plan)
    for count, day in enumerate(days, start=1):
        running.add(day)
        if count % 37 == 0:  # what a new process says from the same days
            assert running.judgement() == judge(plan, days[:count])
    assert running.judgement().pairs[0].verdict_day == judge(plan, days).pairs[0].verdict_day is not None


def test_many_at_once_give_the_day_and_side_that_the_judge_gives() -> None:
    rng = np.random.default_rng(9)
    seller, plain = tail_arms(rng, 30, 120)
    heavy = WORLDS["D3 t3 GARCH AR .1"].differences(rng, 30, 120) + 0.4
    differences = 0.001 * np.concatenate([seller - plain, heavy])
    for mode in Mode:
        plan = plan_of(mode=mode, days=100, limits=replace(NO_LIMITS, skew=2.0))
        at_once = verdict_days(plan, paths_of(differences))
        for row, found in zip(differences, at_once, strict=True):
            pair = pair_of(plan, days_of(np.zeros(120), row))
            side = {Verdict.CHALLENGER_BETTER: 1, Verdict.CONTROL_BETTER: -1}.get(pair.verdict, 0)
            assert found == side * (pair.verdict_day or 0)
        assert {-1, 0, 1} >= set(np.sign(at_once).tolist()) >= {0, 1}


def test_each_of_several_challengers_gets_its_share_of_alpha() -> None:
    plan = plan_of(arms=tuple(Arm(name=name) for name in ("old", "b", "c", "d")))
    found = judge(plan, days_of(CALM, CALM, AHEAD, CALM + noise(3, 200, 0.002) - 0.002)[:80])
    assert [pair.headline for pair in found.pairs] == ["Practically the same", "c is better", "old is better"]
    assert (found.verdict, found.winner) == (Verdict.CHALLENGER_BETTER, "c")
    alone = pair_of(plan_of(), days_of(CALM, AHEAD)[:80])
    assert found.pairs[1].boundary is not None and alone.boundary is not None
    assert found.pairs[1].boundary > alone.boundary


def test_p_values_of_several_challengers_are_multiplied_by_their_number() -> None:
    plan = plan_of(arms=tuple(Arm(name=name) for name in ("old", "b", "c")))
    pair = judge(plan, days_of(CALM, CALM + noise(4, 200) + 0.002, CALM + noise(5, 200))[:27]).pairs[0]
    assert pair.score is not None and pair.p_value is not None  # day 27 is the first look behind the gates
    alone = Rule(mode=Mode.OPEN_ENDED, planned_days=180, alpha=0.025).p_value(27, pair.score)
    assert pair.p_value == pytest.approx(2 * alone)
    assert 0.0 < 2 * alone < 1.0


MONTH_DAYS = 365.25 / 12


def at_risk(risk_scale: float, **changes: Any) -> Plan:
    return plan_of(arms=(Arm(name="old"), Arm(name="new", risk_scale=risk_scale)), **changes)


def earning(old: float, new: float, *, times: float, noise_sd: float = 1e-6) -> list[Day]:
    """Return days of arms that earn so much percent a month, the second one moving so many times as much."""
    moves, own = MARKET - MARKET.mean(), noise(9, 200, noise_sd)
    return days_of(moves + old / 100 / MONTH_DAYS, times * moves + new / 100 / MONTH_DAYS + own - own.mean())


def test_at_equal_risk_the_control_counts_k_times_and_the_sentence_says_so() -> None:
    pair = pair_of(at_risk(2.0), days_of(CALM, 2.0 * CALM)[:21])
    assert (pair.verdict, pair.risk_scale) == (Verdict.PRACTICALLY_THE_SAME, 2.0)
    assert pair.headline == "Practically the same at equal risk"
    assert pair.sentence == (
        "At equal risk, with the returns of old counted 2 times, both arms returned the very same on each of 21 days."
    )


@pytest.mark.parametrize(
    ("scale", "old", "new", "winner", "says"),
    [
        (0.5, 4.0, 3.0, "new", "new is 1.00 % a month ahead of old; the interval is "),  # 3 - 0.5 * 4
        (2.0, 3.0, 4.0, "old", "old is 2.00 % a month ahead of new; the interval is "),  # 2 * 3 - 4
    ],
)
def test_who_is_better_at_equal_risk_is_not_said_to_have_earned_more(
    scale: float, old: float, new: float, winner: str, says: str
) -> None:
    pair = pair_of(at_risk(scale), earning(old, new, times=scale))
    assert pair.headline == f"{winner} is better at equal risk"
    begins = f"At equal risk, with the returns of old counted {scale:g} times, after 27 days "
    assert pair.sentence.startswith(begins + says) and "earned" not in pair.sentence
    assert pair.luck.startswith(f"If new and {scale:g} times old were equal, ")


def test_what_is_open_the_same_or_withheld_at_equal_risk_says_so_too() -> None:
    begins = "At equal risk, with the returns of old counted 0.5 times, "
    unclear = pair_of(at_risk(0.5), earning(4.0, 2.1, times=0.5, noise_sd=0.01)[:40])
    assert unclear.headline == "No clear difference yet at equal risk"
    assert unclear.sentence.startswith(f"{begins}after 40 days new is ")
    same = pair_of(at_risk(0.5), earning(4.0, 2.0, times=0.5, noise_sd=1e-5)[:100])
    assert same.headline == "Practically the same at equal risk"
    assert same.sentence.startswith(f"{begins}the difference lies between ")
    limits = replace(NO_LIMITS, exposure=1.0)
    lever = [replace(day, arms=(day.arms[0], replace(day.arms[1], exposure=2.0))) for day in earning(4, 3, times=0.5)]
    vetoed = pair_of(at_risk(0.5, limits=limits), lever)
    assert vetoed.sentence.startswith(f"{begins}the returns differ by more than luck, but a safety limit ")
    early = pair_of(at_risk(0.5), earning(4.0, 3.0, times=0.5)[:5])
    assert early.headline == "Too early"
    assert [gate.words for gate in early.gates if gate.name == "days_apart"] == [
        f"{begins}the arms returned something different on 5 days, 20 are needed"
    ]


def test_leads_of_several_challengers_are_compared_at_the_risk_of_the_control() -> None:
    """B takes four times the risk and is 0.4 % a day ahead of 4 A: 0.1 % at the risk of A, where C has 0.3 %."""
    bold, calm = 4.0 * CALM + 0.004 + noise(4, 200, 0.0005), CALM + 0.003 + noise(5, 200, 0.0005)
    plan = plan_of(arms=(Arm(name="old"), Arm(name="b", risk_scale=4.0), Arm(name="c")))
    found = judge(plan, days_of(CALM, bold, calm)[:60])
    b, c = found.pairs
    assert b.verdict is c.verdict is Verdict.CHALLENGER_BETTER
    assert b.effect is not None and c.effect is not None and b.effect.per_day > c.effect.per_day
    assert (found.winner, found.sentence, found.headline) == ("c", c.sentence, "c is better")


wild = st.lists(st.tuples(*[st.sampled_from([0.0, 0.01, -0.01, 0.0100000001, -0.999, 5.0])] * 2), max_size=60)


@given(wild, st.sampled_from(list(Mode)), st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_no_returns_however_strange_break_the_judge(
    returns: list[tuple[float, float]], mode: Mode, trades_per_day: int
) -> None:
    days = days_of([one for one, _ in returns], [two for _, two in returns], trades_per_day=trades_per_day)
    pair = pair_of(plan_of(mode=mode, days=40, limits=Limits(drawdown=None, worst_day=None)), days)
    assert pair.sentence and pair.headline and "nan" not in pair.sentence
    assert pair.p_value is None or 0.0 <= pair.p_value <= 1.0
    assert pair.days_left is None or pair.days_left > 0
    assert (pair.verdict is Verdict.TOO_EARLY) or pair.verdict_day or pair.verdict is Verdict.NO_CLEAR_DIFFERENCE


def test_a_judgement_is_plain_data() -> None:
    plan, days = plan_of(), days_of(CALM, AHEAD)[:60]
    found = judge(plan, days)
    assert msgspec.json.decode(msgspec.json.encode(found), type=Judgement) == found
    same_plan = msgspec.json.decode(msgspec.json.encode(plan), type=Plan)
    same_days = msgspec.json.decode(msgspec.json.encode(days), type=list[Day])
    assert judge(same_plan, same_days) == found  # what was written down is enough to judge again


def test_a_plan_that_cannot_be_judged_is_refused() -> None:
    for wrong in (
        {"arms": (Arm(name="old"),)},
        {"arms": (Arm(name="old"), Arm(name="old"))},
        {"arms": tuple(Arm(name=name) for name in "abc"), "mode": Mode.FIXED_END},
        {"days": 20},
        {"alpha": 0.0},
        {"arms": (Arm(name="old"), Arm(name="new", risk_scale=0.0))},
    ):
        with pytest.raises(ConfigError, match="experiment test: "):
            plan_of(**wrong)
    assert plan_of(days=30, gates=Gates(days=30)).first_day_of_verdict == 30


def test_days_that_do_not_follow_or_hold_no_number_are_refused() -> None:
    days = days_of(CALM, AHEAD)
    with pytest.raises(DataError, match="day 3: opened at"):
        judge(plan_of(), [days[0], days[2], days[1]])
    with pytest.raises(DataError, match="day 1: 1 arms, expected 2"):
        judge(plan_of(), [replace(days[0], arms=days[0].arms[:1])])
    broken = replace(days[1], arms=(days[1].arms[0], replace(days[1].arms[1], daily_return=float("nan"))))
    with pytest.raises(DataError, match="day 2, arm new: return nan"):
        judge(plan_of(), [days[0], broken])


def test_no_days_are_too_early_and_nothing_more() -> None:
    found = judge(plan_of(limits=Limits()), [])
    assert (found.verdict, found.pairs[0].day, found.pairs[0].boundary) == (Verdict.TOO_EARLY, 0, None)
