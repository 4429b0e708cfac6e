"""What was made for a test goes once it has ended: by the command line, out of the files, with the next start."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from loligo.model.command import SwapEnded
from tests.scenario.bots import LIMIT_S, BotFolder, ended
from tests.scenario.canary import BRISK, VOTE, at_every_whim, own_strategy, still_with_a_position, tape
from tests.scenario.test_experiments import experiment
from tests.scenario.test_swap_running import rewrite

FAST = 1_500_000.0


def files(bot: BotFolder) -> tuple[str, set[str]]:
    """Return the configuration, and the names in the registry."""
    registry = json.loads((bot.home / "tentacle_registry.json").read_text())["tentacles"]
    return (bot.home / "config" / "loligo.yaml").read_text(), {one["name"] for one in registry}


@pytest.fixture
def bot(template: BotFolder, tmp_path: Path) -> BotFolder:
    """A desk that trades at every whim, by a strategy that somebody works on."""
    bot = template.copy(tmp_path / "bot", **BRISK).edit(at_every_whim)
    own_strategy(bot)
    return bot.edit(lambda config: config["feeds"][0]["settings"].update(speed=FAST))


def test_the_desk_that_was_made_goes_with_account_and_version_once_it_holds_nothing(bot: BotFolder) -> None:
    _, registry = files(bot)
    with bot.running("run", "--headless") as process:
        bot.wait_until(lambda status: status["next_seq"] > 1_000)
        rewrite(bot, VOTE / "logic.py", "# an enum's members", "# the members of an enum")
        began = bot.call("tentacle", "apply", "--as", "experiment")
        assert began.code == 0, began.out
        name = bot.asked("experiments")["answer"]["experiments"][0]["name"]
        desk = f"{name}_b"
        early = bot.call("ab", "tidy", name)
        still_with_a_position(bot, desk)
        bot.asked("experiment.stop", name=name)
        bot.asked("tentacle.apply")
        refused = bot.call("ab", "tidy", name)
        bot.asked("pause", target=desk)  # or it enters again as soon as it holds nothing
        bot.asked("flatten", target=desk)
        tape(bot, FAST)
        rests(bot, desk)
        shown = experiment(bot, lambda one: one["is_ended"], name)
        done = bot.call("ab", "tidy", name)
        again = bot.call("ab", "tidy", name)
        later = bot.asked("tentacle.apply")["answer"]
        process.send_signal(signal.SIGTERM)
        assert ended(process).code == 0
    assert "goes on; stop it or promote an arm first" in early.out
    assert f"cannot go yet: {desk} has a position in coinbase:BTC/USD" in refused.out, refused.out
    assert done.code == 0, done.out
    pinned = next(line for line in done.data["removed"] if line.startswith("version"))
    assert done.data["removed"] == [f"desk {desk}", f"account {desk}", pinned]
    assert "goes with the next start" in done.data["message"]
    assert "has left no desk in the files" in again.out
    assert later["result"] == "refused" and "go with the next start" in later["message"]
    left, names = files(bot)
    assert desk not in names and not [one for one in names if "@" in one] and names == registry
    assert left.count(desk) == 1  # in the test, which stays
    starts_without(bot, name, desk, shown["headline"])


def rests(bot: BotFolder, desk: str) -> None:
    """Wait until a desk holds nothing and has no order."""
    until = time.monotonic() + LIMIT_S
    while time.monotonic() < until:
        held = bot.asked("positions", desk=desk)["answer"]["positions"]
        if not held and not bot.asked("orders", desk=desk, is_open=True)["answer"]["orders"]:
            return
        time.sleep(0.1)
    raise AssertionError(f"{desk} still holds {held}")


def starts_without(bot: BotFolder, name: str, desk: str, headline: str) -> None:
    """The next start takes the desk's money back; what the test found is still told."""
    bot.edit(lambda config: config["feeds"][0]["settings"].update(speed=60.0))
    with bot.running("run", "--headless") as process:
        desks: list[dict[str, Any]] = []
        bot.wait_until(lambda status: status["next_seq"] > 1_000)
        desks = bot.asked("desks")["answer"]["desks"]
        said = bot.asked("experiment", name=name)
        assert said["ok"], said
        told = said["answer"]
        process.send_signal(signal.SIGTERM)
        assert ended(process).code == 0
    assert desk not in {one["name"] for one in desks}
    assert (told["headline"], told["is_ended"], told["leftovers"]) == (headline, True, [])
    assert len(told["arms"]) == 2
    assert [record.input for record in bot.records() if isinstance(record.input, SwapEnded)]
    assert bot.call("journal", "rebuild").code == 0
