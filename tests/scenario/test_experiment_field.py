"""Tests of more than two arms, at their end: all arms compared at once by a process of its own, and how money would be
split; on the page of verbs, the command line and in the exported file."""

from __future__ import annotations

import copy
import json
import os
import signal
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from loligo_bot.door.front_door import FrontDoor
from loligo_lab.experiment.whole_field import WITHOUT_ARCH
from tests.scenario.bots import BotFolder, ended
from tests.scenario.canary import at_every_whim
from tests.scenario.test_door import check_answer
from tests.scenario.test_experiments import FAST, experiment


def three_arms(config: dict[str, Any]) -> None:
    """The desk that trades at every whim, one that waits for a clear vote, and one that nearly always waits."""
    config["feeds"][0]["settings"] |= {"since": "2018-01-01", "until": "2019-12-01"}
    at_every_whim(config)
    desk = config["desks"].pop("trend")
    for name, threshold in (("hasty", 0.02), ("calm", 0.6), ("calmer", 0.8)):
        config["accounts"][name] = {"deposits": {"USD": 50_000}}
        one = config["desks"][name] = {**copy.deepcopy(desk), "account": name}
        one["strategy"]["settings"]["entry_threshold"] = threshold
    config["experiments"] = {"field": {"control": "hasty", "challengers": ["calm", "calmer"]}}


def hide_arch(bot: BotFolder, folder: Path) -> None:
    """Let the package arch be one that cannot be imported, as it is where nobody has installed it."""
    (folder / "arch").mkdir(parents=True)
    (folder / "arch" / "__init__.py").write_text('raise ImportError("it is not installed")\n')
    bot.environment["PYTHONPATH"] = os.pathsep.join((str(folder), bot.environment["PYTHONPATH"]))


def test_all_arms_are_compared_once_at_the_end(template: BotFolder, tmp_path: Path) -> None:
    pytest.importorskip("arch")
    bot = template.copy(tmp_path / "bot", LOLIGO__JOURNAL__COMMIT_EVERY_S="0.05").edit(three_arms)
    with bot.running("run", "--headless", "--speed", FAST) as process:
        bot.wait_until(lambda status: status["next_seq"] > 200)
        going = experiment(bot, lambda one: one["day"] > 60, "field")
        refused = bot.asked("experiment.cross_check", name="field")
        bot.asked("experiment.stop", "k1", name="field")
        whole = experiment(bot, lambda one: one["cross_check"]["state"] == "done", "field")
        check_answer(bot.asked("experiment", name="field"), FrontDoor().verbs["experiment"])
        text = bot.call("ab", "export", "field", "--format", "json", "--output", str(tmp_path / "field.json"))
        page = bot.call("ab", "export", "field", "--output", str(tmp_path / "field.html"))
        shown = bot.call("ab", "show", "field")
        again = bot.call("ab", "cross-check", "field")
        jobs = bot.asked("jobs", kind="cross_check")["answer"]["jobs"]
        process.send_signal(signal.SIGTERM)
        assert ended(process).code == 0
    assert "has not ended" in str(refused)
    assert going["cross_check"]["state"] == "" and "once, at the end" in going["cross_check"]["words"]
    assert sum(round(100 * arm["split"]) for arm in going["arms"]) == 100
    assert (text.code, page.code, shown.code, again.code) == (0, 0, 0, 0)
    assert len(jobs) == 2  # the bot's own, and the one that was asked for
    found = whole["cross_check"]
    assert json.loads((tmp_path / "field.json").read_text())["about"]["cross_check"] == found
    assert found["words"] in unescape((tmp_path / "field.html").read_text())
    assert shown.data["cross_check"] == found
    assert found["spa_p_value"] < 0.05  # fees of 0.4 % a side tell
    assert "hasty" not in found["in_the_running"] and found["in_the_running"]
    assert whole["verdict"] == "challenger_better"
    where_it_is_not_installed(bot, tmp_path)


def where_it_is_not_installed(bot: BotFolder, tmp_path: Path) -> None:
    """The package that compares them is an extra: a bot without it says so, and tells no figure."""
    hide_arch(bot, tmp_path / "hidden")
    with bot.running("run", "--headless", "--speed", FAST) as process:
        bot.wait_until(lambda status: status["next_seq"] > 200)
        assert bot.call("ab", "cross-check", "field").code == 0
        whole = experiment(bot, lambda one: one["cross_check"]["words"] == WITHOUT_ARCH, "field")
        page = bot.call("ab", "export", "field", "--output", str(tmp_path / "field.html"))
        process.send_signal(signal.SIGTERM)
        assert ended(process).code == 0
    assert page.code == 0 and WITHOUT_ARCH in unescape((tmp_path / "field.html").read_text())
    assert whole["cross_check"]["spa_p_value"] is None
    assert whole["verdict"] == "challenger_better"
