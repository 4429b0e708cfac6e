"""Tests that are planned and begun: several arms at once, equal risk, a margin; what is wrong is told by its field."""

from __future__ import annotations

import copy
import re
import signal
import time
from pathlib import Path
from typing import Any

from loligo.registry.content import CONTENT_FOLDER, ContentStore
from loligo.registry.tree import read_tree
from loligo_bot.door.front_door import FrontDoor
from loligo_bot.folder_config import read_config
from tests.scenario.bots import LIMIT_S, ROOT, BotFolder, ended
from tests.scenario.test_door import check_answer
from tests.scenario.test_experiment_answers import OTHER
from tests.scenario.test_experiments import FAST, experiment, two_arms

WRONG = {
    "variants": [
        {"name": "one", "changes": {"evaluators.rsi.settings.perod": 9}},
        {"changes": {"mode": "gird", "limits.stop_loss": 0.01}},
        {"changes": {"strategy": "dip_buyer", "strategy.settings.floor": 0.1}},
    ]
}
FIELDS = {
    "variants.0.changes.evaluators.rsi.settings.perod": 'did you mean "period"?',
    "variants.1.changes.mode": "gird",
    "variants.2.changes.strategy.settings.floor": "is not known",
}
RULE: tuple[tuple[dict[str, Any], str, str], ...] = (
    ({"margin_per_year": -1}, "margin_per_year", "greater than or equal to 0"),
    ({"risk_scale": {"one": "much"}}, "risk_scale.one", 'expected a number or "equal"'),
    ({"risk_scale": {"nobody": 2}}, "risk_scale.nobody", "there is no challenger"),
    ({"risk_scale": {"b": "equal"}}, "risk_scale.b", "have 0 days in common"),
    ({"variants": [{"name": "No"}]}, "variants.0.name", "pattern"),
    ({"mode": "fixed_end", "changes": {"timeframe": "4h"}}, "mode", "compares two desks"),
)


def with_spare(config: dict[str, Any]) -> None:
    """Add a desk like trend that puts twice as much at stake."""
    config["accounts"]["spare"] = {"deposits": {"USD": 50_000}}
    trend = config["desks"]["trend"]
    limits = {**(trend["limits"] or {}), "max_position_share": 0.2}
    config["desks"]["spare"] = {**copy.deepcopy(trend), "account": "spare", "limits": limits}


def numbers(bot: BotFolder) -> dict[str, list[dict[str, Any]]]:
    """Return the samples of every metric once the bot has looked at its test behind the gate of days."""
    until = time.monotonic() + LIMIT_S
    while time.monotonic() < until:
        found = {one["name"]: one["samples"] for one in bot.asked("metrics")["answer"]["families"]}
        if found["loligo_ab_effect_low"]:
            return found
        time.sleep(0.2)
    raise AssertionError(f"no interval of a test among {found['loligo_ab_effect']}")


def test_several_arms_begin_at_once_with_equal_risk_and_a_margin_after_a_plan(
    template: BotFolder, tmp_path: Path
) -> None:
    bot, verbs = template.copy(tmp_path / "bot", LOLIGO__JOURNAL__COMMIT_EVERY_S="0.05"), FrontDoor().verbs
    bot.edit(two_arms(OTHER)).edit(with_spare)
    config = bot.home / "config" / "loligo.yaml"
    start: dict[str, Any] = {"name": "more", "control": "trend"}
    named = {**start, "variants": [{"name": "one", "changes": {"evaluators.rsi.settings.period": 9}}]}
    with bot.running("run", "--headless", "--speed", FAST) as process:
        bot.wait_until(lambda status: status["next_seq"] > 200)
        before = config.read_text()
        told = bot.asked("experiment.start", **start, **WRONG)
        refused = [(bot.asked("experiment.start", **{**named, **rule}), field, said) for rule, field, said in RULE]
        assert config.read_text() == before  # nothing of it
        assumed = bot.asked("experiment.plan", sharpe_difference=1.0, unlike=True, challengers=2, days=180)
        experiment(bot, lambda one: one["day"] > 30)
        measured = bot.asked(
            "experiment.plan", control="trend", challenger="tuned_b", sharpe_difference=1.0, mode="fixed_end", days=90
        )
        families = numbers(bot)
        began = bot.asked(
            "experiment.start",
            "k1",
            **start,
            variants=[
                {"name": "fast", "changes": {"evaluators": "rsi", "evaluators.rsi.settings.period": 9}},
                {"changes": {"mode": "dca", "timeframe": "4h"}},
            ],
            risk_scale={"fast": 1.5},
            margin_per_year=0.02,
        )
        taken = bot.asked("experiment.start", **start | {"name": "again"}, challengers=["tuned_b"])
        equal = bot.asked(
            "experiment.start", **start | {"name": "alike"}, challengers=["spare"], risk_scale={"spare": "equal"}
        )
        assert equal["ok"], equal
        told_rule = bot.asked("experiment", name="alike")["answer"]["rule"]
        typed = bot.call("ab", "start", "typed", "--control", "trend", "--arm", "slow: timeframe=4h", "--margin", "0")
        listed = {one["name"]: one for one in bot.asked("experiments")["answer"]["experiments"]}
        keys = bot.asked("config.show", key="experiments.more")["answer"]["settings"]
        mode = bot.asked("config.show", key="desks.more_c.mode")["answer"]["settings"]
        process.send_signal(signal.SIGTERM)
        assert ended(process).code == 0
    assert set(told["problems"]) == set(FIELDS)
    assert all(said in told["problems"][field] for field, said in FIELDS.items()), told["problems"]
    for answer, field, said in refused:
        assert list(answer["problems"]) == [field], answer
        assert said in answer["problems"][field]
    for answer, name in ((assumed, "experiment.plan"), (measured, "experiment.plan"), (began, "experiment.start")):
        check_answer(answer, verbs[name])
    assert (assumed["answer"]["correlation"], assumed["answer"]["finds"] > 1) == (0.5, True)
    assert "correlation of 0.5 assumed" in assumed["answer"]["basis"]
    assert measured["answer"]["days"] >= 21 and "assumed" not in measured["answer"]["basis"]
    assert -1 < measured["answer"]["correlation"] <= 1
    assert any("90 days find 8 of 10 differences of" in line for line in measured["lines"])
    assert began["answer"]["is_done"], began
    assert began["answer"]["plan"]["challengers"] == 2
    assert any("open ended: Plan " in line for line in began["lines"])
    assert listed["more"]["challengers"] == ["more_fast", "more_c"]
    rule = {one["key"].removeprefix("experiments.more."): one["value"] for one in keys}
    assert (rule["risk_scale.more_fast"], rule["margin_per_year"]) == (1.5, 0.02)
    assert {one["key"]: one["value"] for one in mode}["desks.more_c.mode.tentacle"] == "dca"
    assert "is a challenger of tuned already" in taken["problems"]["challengers"]
    assert equal["answer"]["is_done"], equal
    scale = re.search(r"the returns of trend count ([0-9.]+) times against spare", told_rule)
    assert scale and 1.0 < float(scale[1]) < 50.0  # spare puts twice as much at stake
    assert (typed.code, typed.data["plan"]["days_planned"]) == (0, 180), typed
    pair = {"experiment": "tuned", "challenger": "tuned_b"}
    (effect,), (low,), (high,) = (families[f"loligo_ab_effect{end}"] for end in ("", "_low", "_high"))
    assert effect["labels"] == pair
    assert low["value"] < effect["value"] < high["value"]
    assert [one["labels"] | {"verdict": ""} for one in families["loligo_ab_verdict"]] == [{**pair, "verdict": ""}]
    assert families["loligo_ab_days"][0]["value"] >= 21


def test_a_start_that_is_refused_when_it_is_taken_up_leaves_the_files_as_they_were(
    template: BotFolder, tmp_path: Path
) -> None:
    """A version that does not load is known to be one only then."""
    bot = template.copy(tmp_path / "bot", LOLIGO__JOURNAL__COMMIT_EVERY_S="0.05")
    broken = {**read_tree(ROOT / "tentacles/evaluators/rsi"), "logic.py": b"raise RuntimeError('no')\n"}
    kept = ContentStore(bot.home / CONTENT_FOLDER).put(broken)
    registry = bot.home / "tentacle_registry.json"
    with bot.running("run", "--headless", "--speed", FAST) as process:
        bot.wait_until(lambda status: status["next_seq"] > 200)
        before = read_config(bot.home), registry.read_text()
        start: dict[str, Any] = {"name": "more", "control": "trend"}
        refused = bot.asked("experiment.start", **start, versions={"evaluator/rsi": kept})
        after = read_config(bot.home), registry.read_text()
        unheard = bot.asked("experiment.start", **start, versions={"evaluator/rsi": kept}, patience_s=0.0)
        assert unheard["answer"]["result"] == "", unheard
        bot.wait_until(lambda status: not status["swapping"] and registry.read_text() == before[1])
        began = bot.asked("experiment.start", **start, changes={"timeframe": "4h"})  # nothing stands in its way
        process.send_signal(signal.SIGTERM)
        assert ended(process).code == 0
    assert refused["answer"]["result"] == "refused", refused
    assert refused["answer"]["plan"] is None
    assert "the files are as they were" in refused["lines"][0]
    assert after == before
    assert began["answer"]["is_done"], began


def test_a_plan_is_made_of_arms_that_are_tried_over_recorded_data(template: BotFolder, tmp_path: Path) -> None:
    bot = template.copy(tmp_path / "bot")
    span = ("--bundled", "--from", "2018-01-01", "--to", "2018-03-01")
    arm = (
        "--arm",
        "fast: evaluators.rsi.settings.period=9 strategy.settings.entry_threshold=0.5 limits.min_confidence=0.5",
    )
    plan = bot.call("ab", "plan", "--control", "trend", *arm, *span, "--sharpe-difference", "1", "--days", "180")
    assert plan.code == 0, plan.err
    assert plan.data["days"] >= 55
    assert plan.data["risk_scale"] > 0 and -1 < plan.data["correlation"] < 1
    assert "days of trend and historic_fast" in plan.data["basis"]
    assert plan.data["finds"] > 0 and plan.data["outlooks"][0]["days"]
    still = ("--arm", "still: limits.max_trades_per_day=0")
    plan = bot.call("ab", "plan", "--control", "trend", *still, *span, "--sharpe-difference", "1", "--days", "180")
    assert (plan.data["correlation"], plan.data["days"], plan.data["risk_scale"]) == (0.9, 0, None)
    assert "assumed, as of variants of one strategy (historic_still returned the same on each of" in plan.data["basis"]
