"""`loligo ab`: an A/B test over recorded data, and one of a running bot from its start to its promotion."""

from __future__ import annotations

import json
import re
import signal
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from tests.scenario.bots import BotFolder, done_job, ended
from tests.scenario.test_experiments import EAGER, FAST, experiment, judged, two_arms

SPAN = ("--from", "2018-01-01", "--to", "2018-06-01")
BOLD = "--set", "strategy.settings.entry_threshold=0.9"


def test_a_historic_test_prints_verdict_figures_time_and_what_an_arm_costs(template: BotFolder, tmp_path: Path) -> None:
    file = tmp_path / "test.json"
    done = template.call("ab", "run", "--control", "trend", *BOLD, *SPAN, "--report", str(file), "--check")
    told = done.data
    assert done.code == (8 if told["verdict"] in ("too_early", "no_clear_difference") else 0)
    assert [one["name"] for one in told["arms"]] == ["trend", "historic_b"]
    assert told["arms"][0]["trades"] > told["arms"][1]["trades"] > 0  # who is harder to convince trades less
    assert told["unlike"] == ["historic_b: strategy.settings.entry_threshold is 0.9, with trend 0.7 (default)"]
    assert told["day"] == 150  # 151 of January to May; at the close of the first one all start
    shown = {(arm["name"], one["name"]): one for arm in told["arms"] for one in arm["figures"]}
    won = shown["trend", "win_rate"]
    assert 0 < won["low"] < won["value"] < won["high"] < 1 and shown["historic_b", "profit_factor"]["value"] > 0
    assert any("Fills are paper fills" in line for line in told["assumptions"])
    assert told["took_s"] > 0 and told["cost"]["control_cpu_s"] > 0 and told["cost"]["extra_arm_percent"] is not None
    assert not template.home.joinpath("state", "journal.sqlite").exists()
    assert template.call("ab", "check", str(file)).data["sentence"] == told["sentence"]
    document = json.loads(file.read_text())
    document["days"][40]["arms"][0]["daily_return"] += 0.01
    file.write_text(json.dumps(document))
    assert template.call("ab", "check", str(file)).code == 1
    file.write_text(json.dumps(document | {"format": 1}))
    old = template.call("ab", "check", str(file))
    assert old.code == 1 and "it was exported in format 1 by Loligo" in old.data["error"]["message"]


def test_arms_that_are_the_same_differ_by_exactly_nothing(template: BotFolder) -> None:
    at_opinions = " ".join(f"evaluators.{name}.timeframe=1h" for name in ("rsi", "ema_cross", "macd"))
    arms = ["--arm", "timeframe=1h", "--arm", "timeframe=1h evaluators.rsi.settings.period=28"]
    arms += ["--arm", f"timeframe=none {at_opinions}"]  # asked at each new opinion: when an hour has closed, too
    told = template.call("ab", "run", "--control", "trend", *arms, *SPAN).data
    assert [one["verdict"] for one in told["pairs"]] == ["practically_the_same"] * 3
    assert [one["effect"]["per_day"] for one in told["pairs"]] == [0.0] * 3
    assert "historic_d: timeframe is none, with trend 1h" in told["unlike"]
    (events,) = (check for check in told["pairs"][2]["checks"] if check["name"] == "events")
    assert events["is_met"] and events["words"].startswith("Both arms were asked by the same data: trend ")
    assert told["arms"][2]["letter"] == "C"
    assert told["cross_check"]["words"] == "All arms returned the very same."


def test_arms_that_their_own_limits_have_paused_for_long_are_told_of(template: BotFolder, tmp_path: Path) -> None:
    bot = template.copy(tmp_path / "bot").edit(
        lambda config: config["accounts"]["paper"].update(limits={"max_drawdown": 0.004})
    )
    told = bot.call("ab", "run", "--control", "trend", *BOLD, *SPAN).data
    (pair,) = told["pairs"]
    said = r"For (\d+) of 150 days {} could enter nothing, because limits had paused it, last drawdown: .+ > 0.4 %"
    notes = [re.match(said.format(arm), one) for one in pair["notes"] for arm in ("trend", "historic_b")]
    days = [int(found[1]) for found in notes if found]
    assert len(days) == 2 and 15 < days[0] < days[1]  # who is harder to convince entered less before


def test_three_arms_of_a_historic_test_are_cross_checked_in_its_output_and_its_report(
    template: BotFolder, tmp_path: Path
) -> None:
    file = tmp_path / "test.html"
    arms = [
        word for threshold in ("0.8", "0.9") for word in ("--arm", f"strategy.settings.entry_threshold={threshold}")
    ]
    span = "--from", "2018-01-01", "--to", "2018-03-10"  # 68 days; it needs 60
    told = template.call("ab", "run", "--control", "trend", *arms, *span, "--report", str(file)).data
    whole = told["cross_check"]
    assert 0.0 < whole["spa_p_value"] <= 1.0
    assert set(whole["in_the_running"]) <= {one["name"] for one in told["arms"]}
    assert whole["words"] in unescape(file.read_text(encoding="utf-8"))
    without = template.call("ab", "run", "--control", "trend", *arms, *span, "--no-cross-check").data
    assert without["cross_check"] is None and without["arms"] == told["arms"]


def test_a_historic_test_comes_to_what_the_test_of_a_paper_run_came_to(template: BotFolder, tmp_path: Path) -> None:
    changes = {"strategy": {"tentacle": "weighted_vote", "settings": {"entry_threshold": 0.9}}}
    bot = template.copy(tmp_path / "bot").edit(two_arms(changes, days=60))
    file = tmp_path / "test.json"
    told = bot.call("ab", "run", "tuned", "--report", str(file)).data
    assert bot.call("run", "--headless").code == 0
    paper = judged(bot)
    document = json.loads(file.read_text())
    ours = [[one["daily_return"] for one in day["arms"]] for day in document["days"]]
    assert ours == [[one.daily_return for one in day.arms] for day in paper.days][: len(ours)]
    assert len(ours) > 300 and abs(len(ours) - len(paper.days)) <= 1  # the last day may be open in one of them
    assert told["pairs"][0]["verdict_day"] == paper.judgement.pairs[0].verdict_day
    hashes = [arm["config_hash"] for arm in document["plan"]["arms"]]
    assert hashes == [arm.config_hash for arm in paper.plan.arms]
    named = {(one["arm"], one["name"]) for one in document["figures"]}
    assert named >= {(one["name"], figure) for one in told["arms"] for figure in ("win_rate", "profit_factor")}


def test_a_rule_that_is_asked_for_is_that_of_the_test(template: BotFolder) -> None:
    rule = ("--margin", "0.02", "--risk-scale", "b=1.5", "--limit", "drawdown=0.001", "--limit", "worst_day=null")
    told = template.call("ab", "run", "--control", "trend", *BOLD, *SPAN, *rule).data
    assert "For equal risk the returns of trend count 1.5 times against historic_b." in told["rule"]
    assert "no further apart than 2 % a year" in told["rule"]
    assert told["verdict"] == "stopped" and "the limit is 0.1 %" in told["sentence"]
    assert not [rail for rail in told["pairs"][0]["rails"] if rail["name"] == "worst_day"]


def test_a_running_bot_tries_one_beside_the_trading_and_comes_to_the_same(template: BotFolder, tmp_path: Path) -> None:
    bot, file = template.copy(tmp_path / "bot"), tmp_path / "test.json"
    asked = {"control": "trend", "variants": [{"changes": {"strategy.settings.entry_threshold": 0.9}}]}
    span = {"since": "2018-01-01", "until": "2018-06-01"}
    with bot.running("run", "--headless", "--speed", "3600") as process:
        bot.wait_until(lambda status: status["next_seq"] > 0)
        unknown = bot.asked("historic.start", experiment="eager")
        both = bot.asked("historic.start", experiment="eager", control="trend")
        wrong = bot.asked("historic.start", control="trend", changes={"strategy.settings.entry_threshold": 7})
        told = done_job(bot, "historic", **asked, **span)
        file.write_text(bot.asked("historic.export", number=told["number"], format="json")["answer"]["content"])
        desks = bot.asked("desks")["answer"]["desks"]
        process.send_signal(signal.SIGINT)
        assert ended(process).code == 130
    assert "there is no experiment" in str(unknown) and "expected an experiment of the configuration" in str(both)
    assert wrong["ok"] is False and "entry_threshold" in str(wrong), wrong
    assert (told["state"], told["title"]) == ("done", "trend against historic_b, 2018-01-01 to 2018-06-01")
    alone = template.call("ab", "run", "--control", "trend", *BOLD, *SPAN).data
    same = {name: alone[name] for name in ("arms", "pairs", "verdict", "sentence", "unlike", "assumptions", "data")}
    assert {name: told["result"][name] for name in same} == same
    assert told["summary"][:2] == [f"historic: {alone['headline']}", alone["sentence"]]
    assert template.call("ab", "check", str(file)).data["sentence"] == alone["sentence"]
    assert "historic" not in (bot.home / "config" / "loligo.yaml").read_text() + str(desks)  # nothing else has changed


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nothing",), 'there is no experiment "nothing"; there are none'),
        (("--control", "trends", *BOLD), 'control: there is no desk "trends"; expected some of trend, dips'),
        (("--control", "trend", "--set", "strategy.settings.entry_threshold=9"), "entry_threshold"),
        (("--control", "trend", *BOLD, "--limit", "drawdwn=0.1"), "drawdwn is no limit; expected some of correlation"),
        (("--control", "trend", *BOLD, "--risk-scale", "z=2"), 'there is no challenger "z"'),
        (("--control", "trend", *BOLD, "--from", "2031-01-01"), "no data between the two times"),
    ],
)
def test_what_cannot_be_run_is_told(template: BotFolder, arguments: tuple[str, ...], words: str) -> None:
    done = template.call("ab", "run", *arguments)
    assert done.code in (1, 3, 4)
    assert words in done.data["error"]["message"]


def until_judged(bot: BotFolder) -> dict[str, Any]:
    experiment(bot, lambda one: one["verdict"] != "too_early")
    return bot.call("ab", "show", "tuned").data


def test_a_test_is_begun_looked_at_exported_promoted_and_over_by_commands_alone(
    template: BotFolder, tmp_path: Path
) -> None:
    bot = template.copy(tmp_path / "bot", LOLIGO__JOURNAL__COMMIT_EVERY_S="0.05")
    sets = [word for key, value in EAGER.items() for word in ("--set", f"{key}={value}")]
    file = tmp_path / "tuned.json"
    with bot.running("run", "--headless", "--speed", FAST) as process:
        bot.wait_until(lambda status: status["next_seq"] > 3_000)
        began = bot.call("ab", "start", "tuned", "--control", "trend", *sets, "--days", "60")
        until_judged(bot)
        (row,) = bot.call("ab", "list").data["experiments"]
        planned = bot.call("ab", "plan", "--control", "trend", "--challenger", "tuned_b").data
        exported = bot.call("ab", "export", "tuned", "--format", "json", "--output", str(file))
        early = bot.call("ab", "promote", "tuned")
        promoted = bot.call("ab", "promote", "tuned", "--override", "--why", "for the test")
        again = bot.call("ab", "stop", "tuned")
        process.send_signal(signal.SIGTERM)
        assert ended(process).code == 0
    assert began.code == 0, began.out
    assert (row["name"], row["challengers"], row["days_planned"]) == ("tuned", ["tuned_b"], 60)
    assert planned["days"] >= 21 and 0 < planned["correlation"] <= 1
    assert exported.code == 0 and bot.call("ab", "check", str(file)).code == 0
    assert json.loads(file.read_text())["about"]["settings"]["desks"].keys() == {"trend", "tuned_b"}
    figures = {(one["arm"], one["name"]) for one in json.loads(file.read_text())["figures"]}
    assert figures >= {("trend", "sharpe"), ("tuned_b", "sharpe_difference"), ("tuned_b", "win_rate")}
    assert early.code == 8 and "no challenger has won" in early.data["error"]["message"]
    assert promoted.code == 0 and "an override" in promoted.data["message"], promoted.out
    assert again.code == 1 and "has ended already" in again.data["error"]["message"]
