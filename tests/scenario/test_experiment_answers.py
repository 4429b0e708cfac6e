"""What the verbs of A/B tests answer while a test runs: as their schemas say, page by page; nothing half written."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path
from typing import Any

import pytest

from loligo.model.timeframe import DAY_NS, iso
from loligo_bot.door.front_door import FrontDoor
from tests.scenario.bots import BotFolder, ended
from tests.scenario.test_door import check_answer
from tests.scenario.test_experiments import FAST, experiment, two_arms

OTHER = {
    "strategy": {"tentacle": "weighted_vote", "settings": {"entry_threshold": 0.5}},
    "limits": {"min_confidence": 0.5},
}
MARKETS = ["BTC/USD", "ETH/USD", "LTC/USD"]
START = {"name": "more", "control": "trend"}


def three_markets(config: dict[str, Any]) -> None:
    """Let the control trade one market with prices, one whose first price comes within the test, and one without."""
    later = {"file": "bitstamp/ETH_USD-1d.parquet", "instrument": "coinbase:ETH/USD", "timeframe": "1d"}
    config["venues"]["coinbase"]["instruments"] |= {"ETH/USD": {}, "LTC/USD": {}}
    config["feeds"][0]["settings"]["sources"].append({**later, "kind": "candles"})
    config["feeds"][0]["settings"]["since"] = "2017-10-20"
    config["desks"]["trend"]["instruments"] = MARKETS


def test_the_verbs_of_a_running_test_answer_as_their_schemas_say(template: BotFolder, tmp_path: Path) -> None:
    bot = template.copy(tmp_path / "bot").edit(three_markets).edit(two_arms(OTHER))
    verbs = FrontDoor().verbs
    with bot.running("run", "--headless", "--speed", FAST) as process:
        bot.wait_until(lambda status: status["next_seq"] > 200)
        shown = experiment(bot, lambda one: one["day"] > 30 and bool(one["verdicts"]))
        detail = bot.asked("experiment", name="tuned", holding=5)
        for told, name in (
            (bot.asked("experiments"), "experiments"),
            (detail, "experiment"),
            (bot.asked("experiment.differences", name="tuned", ordered=True), "experiment.differences"),
            (bot.asked("experiment.start", **START, changes={"evaluators.rsi.settings.period": 9}), "experiment.start"),
            (bot.asked("experiment.stop", name="more"), "experiment.stop"),
        ):
            check_answer(told, verbs[name])
        file, rows = tmp_path / "test.json", tmp_path / "test-trades.csv"
        for kind, place in (("trades", rows), ("json", file)):
            assert bot.call("ab", "export", "tuned", "--format", kind, "--output", str(place)).code == 0
        said = bot.asked("experiment", name="tuned", holding=1)["lines"]
        process.send_signal(signal.SIGTERM)
        assert ended(process).code == 0
    assert {one["key"]: (one["control"], one["challenger"]) for one in shown["settings"]} == {
        "limits.min_confidence": ("0.7", "0.5"),
        "strategy.settings.entry_threshold": ("0.7 (default)", "0.5"),
    }
    held, (arm, _) = detail["answer"]["holding"], detail["answer"]["arms"]
    markets = ", ".join(f"coinbase:{one}" for one in MARKETS)
    assert f"the start capital of trend in equal parts in all that it trades ({markets}), bought" in held["rule"]
    assert held["missing"] == [
        "No price of coinbase:LTC/USD is known: it is left out.",
        "No price of coinbase:ETH/USD is known before 2017-11-10: its part waits as money until then.",
    ]
    assert 1 < len(held["curve"]) <= 5
    assert any(re.match(r"Holding came to [+-]\d+\.\d\d%\. Holding: the start capital", line) for line in said)
    assert held["curve"][-1][0] == arm["curve"][-1][0]  # the close of the last day
    assert arm["worst_day"] < 0 < arm["exposure"]
    assert {one["name"] for one in arm["figures"]} >= {"sharpe", "sortino", "calmar"}
    check_export(bot, file, detail["answer"])
    assert 5 < len(rows.read_text().splitlines()) <= 1 + len(json.loads(file.read_text())["trades"])


def check_export(bot: BotFolder, file: Path, shown: dict[str, Any]) -> None:
    """Check that trades and holding of an export are what was shown, and what a test over the same data comes to."""
    told, again = json.loads(file.read_text()), file.with_name("again.json")
    assert bot.call("ab", "check", str(file)).data["trades"] == len(told["trades"])
    for place, arm in enumerate(shown["arms"]):
        own = [one for one in told["trades"] if one["arm"] == arm["name"]]
        assert len(own) == told["days"][-1]["arms"][place]["closed_trades"]
        first = own[: arm["trades"]]  # what was shown came before the export
        won = sum(float(one["net"]) * one["quote_rate"] > 0 for one in first) / len(first)
        assert won == pytest.approx(next(one["value"] for one in arm["figures"] if one["name"] == "win_rate"))
    growth = dict(map(tuple, told["holding"]["curve"]))
    for at_ms, value in shown["holding"]["curve"]:
        assert growth[at_ms] == value  # however many days are asked for
    until = iso(told["days"][-1]["opened_at_ns"] + 2 * DAY_NS)
    assert bot.call("ab", "run", "tuned", "--to", until, "--report", str(again)).code == 0
    past = json.loads(again.read_text())
    assert past["trades"] and [one for one in past["trades"] if one in told["trades"]] == told["trades"]
    assert past["holding"]["curve"][: len(growth)] == told["holding"]["curve"]
    for name, prices in told["holding"]["prices"].items():
        assert past["holding"]["prices"][name][: len(prices)] == prices
    assert all(past["holding"][name] == told["holding"][name] for name in ("rule", "missing"))


def test_pages_of_differences_give_each_once_and_in_order(template: BotFolder, tmp_path: Path) -> None:
    bot = template.copy(tmp_path / "bot").edit(two_arms(OTHER))
    with bot.running("run", "--headless", "--speed", FAST) as process:
        bot.wait_until(lambda status: status["next_seq"] > 200)
        experiment(bot, lambda one: one["day"] > 30)
        asked: dict[str, Any] = {"name": "tuned", "ordered": True}
        newest = bot.asked("experiment.differences", **asked, limit=1)["answer"]["differences"][0]
        asked["until"] = newest["time"]  # what comes while we read stays out
        whole = bot.asked("experiment.differences", **asked, limit=200)["answer"]["differences"]
        page = bot.asked("experiment.differences", **asked, limit=3)["answer"]
        found = list(page["differences"])
        while page["next_before"]:
            page = bot.asked("experiment.differences", **asked, limit=3, before=page["next_before"])["answer"]
            found += page["differences"]
        process.send_signal(signal.SIGTERM)
        assert ended(process).code == 0
    assert len(whole) > 6
    assert found == whole
    assert all(one["control"]["words"] != one["challenger"]["words"] for one in whole)
    assert all(one["control"]["order"] or one["challenger"]["order"] for one in whole)


def test_settings_that_would_be_refused_never_reach_the_files(template: BotFolder, tmp_path: Path) -> None:
    bot = template.copy(tmp_path / "bot")
    config = bot.home / "config" / "loligo.yaml"
    before = config.read_text()
    wrong = {"evaluators.rsi.settings.perod": 9, "limits.stop_loss": "deep"}
    with bot.running("run", "--headless", "--speed", FAST) as process:
        bot.wait_until(lambda status: status["next_seq"] > 300)
        told = bot.asked("experiment.start", **START, changes=wrong)
        process.send_signal(signal.SIGTERM)
        assert ended(process).code == 0
    assert set(told["problems"]) == {"changes.evaluators.rsi.settings.perod", "changes.limits.stop_loss"}
    assert 'did you mean "period"?' in told["problems"]["changes.evaluators.rsi.settings.perod"]
    assert config.read_text() == before
