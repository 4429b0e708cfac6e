"""What the verbs of A/B tests answer while a test runs: as their schemas say, page by page; nothing half written."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

from loligo_bot.door.front_door import FrontDoor
from tests.scenario.bots import BotFolder, ended
from tests.scenario.test_door import check_answer
from tests.scenario.test_experiments import FAST, experiment, two_arms

OTHER = {
    "strategy": {"tentacle": "weighted_vote", "settings": {"entry_threshold": 0.5}},
    "limits": {"min_confidence": 0.5},
}
START = {"name": "more", "control": "trend"}


def test_the_verbs_of_a_running_test_answer_as_their_schemas_say(template: BotFolder, tmp_path: Path) -> None:
    bot, verbs = template.copy(tmp_path / "bot").edit(two_arms(OTHER)), FrontDoor().verbs
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
        process.send_signal(signal.SIGTERM)
        assert ended(process).code == 0
    assert {one["key"]: (one["control"], one["challenger"]) for one in shown["settings"]} == {
        "limits.min_confidence": ("0.7", "0.5"),
        "strategy.settings.entry_threshold": ("0.7 (default)", "0.5"),
    }
    held, (arm, _) = detail["answer"]["holding"], detail["answer"]["arms"]
    assert (held["instrument"], 1 < len(held["curve"]) <= 5) == ("coinbase:BTC/USD", True)
    assert held["curve"][-1][0] == arm["curve"][-1][0]  # the close of the last day
    assert arm["worst_day"] < 0 < arm["exposure"]
    assert {one["name"] for one in arm["figures"]} >= {"sharpe", "sortino", "calmar"}


def test_pages_of_differences_give_each_once_and_in_order(template: BotFolder, tmp_path: Path) -> None:
    bot = template.copy(tmp_path / "bot").edit(two_arms(OTHER))
    with bot.running("run", "--headless", "--speed", FAST) as process:
        bot.wait_until(lambda status: status["next_seq"] > 200)
        experiment(bot, lambda one: one["day"] > 30)
        asked: dict[str, Any] = {"name": "tuned", "ordered": True, "until": "2018-01-20"}
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
