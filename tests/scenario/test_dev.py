"""`loligo tentacle dev`: each save is verified, checked, and swapped into the bot that runs; what fails says where."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scenario.bots import BotFolder, ended

FOLDER = Path("tentacles/evaluators/mine")
LOGIC = FOLDER / "logic.py"


@pytest.fixture
def bot(template: BotFolder, tmp_path: Path) -> BotFolder:
    """A bot with an evaluator of its own on the desk `trend`."""
    quick = {"SHADOW_INPUTS": "5", "PROBATION_INPUTS": "5"}
    bot = template.copy(tmp_path / "bot", **{f"LOLIGO__SWAP__{name}": value for name, value in quick.items()})
    assert bot.call("tentacle", "new", "evaluator", "mine").code == 0
    assert bot.call("tentacle", "refresh").code == 0
    return bot.edit(lambda config: config["desks"]["trend"]["evaluators"].append({"tentacle": "mine"}))


@pytest.fixture
def running(bot: BotFolder) -> Iterator[BotFolder]:
    with bot.running("run", "--headless", "--speed", "36000"):
        bot.wait_until(lambda status: status["next_seq"] > 20)
        yield bot


def rewrite(bot: BotFolder, old: str, new: str) -> None:
    content = (bot.home / LOGIC).read_text()
    assert old in content
    (bot.home / LOGIC).write_text(content.replace(old, new))


def steps(bot: BotFolder, code: int = 0) -> dict[str, str]:
    """Take the folder once and return what each step said, the one that failed with its name in capitals."""
    done = bot.call("tentacle", "dev", str(FOLDER), "--once")
    assert done.code == code, done.out + done.err
    return {step["step"] if step["ok"] else step["step"].upper(): step["text"] for step in done.data["steps"]}


def test_an_edit_is_live_in_the_running_bot(running: BotFolder) -> None:
    before = running.wait_until(lambda status: True)["generation"]
    rewrite(running, '"change", (change,)', '"gain", (change,)')
    said = steps(running)
    assert list(said) == ["saved", "verified", "checked", "registry", "shadow", "live"]
    assert said["live"].startswith("generation ")
    assert running.wait_until(lambda status: not status["is_swapping"])["generation"] > before


def test_an_edit_that_is_wrong_says_where_and_what_runs_stays(running: BotFolder) -> None:
    before = running.wait_until(lambda status: True)["generation"]
    rewrite(running, '"change", (change,)', '"change", (change,')
    broken = steps(running, code=1)
    assert list(broken) == ["saved", "VERIFIED"]
    assert "logic.py, line 29: SyntaxError" in broken["VERIFIED"]
    rewrite(running, '"change", (change,', '"change", (change,)')
    rewrite(running, "max(-1.0, min(1.0, change / self._full_at))", "-max(-1.0, min(1.0, change / self._full_at))")
    turned = steps(running, code=1)
    assert list(turned) == ["saved", "verified", "CHECKED"]
    assert turned["CHECKED"].startswith("sign: rising tape")
    assert running.wait_until(lambda status: True)["generation"] == before


def test_without_a_bot_it_is_verified_and_checked(bot: BotFolder) -> None:
    assert steps(bot)["live"] == f"no bot runs in {bot.home}: verified and checked only"


def test_what_is_switched_off_is_not_swapped_in(running: BotFolder) -> None:
    assert running.call("tentacle", "off", "mine", "--force").code == 0
    assert steps(running)["live"] == "not: evaluator mine is off; `loligo tentacle on mine`"


def test_a_folder_outside_works_through_a_link_and_says_so_without_one(running: BotFolder, tmp_path: Path) -> None:
    outside = tmp_path / "elsewhere" / "mine"
    outside.parent.mkdir()
    (running.home / FOLDER).rename(outside)
    told = running.call("tentacle", "dev", str(outside), "--once")
    assert told.code == 0, told.out
    assert "it belongs (or a link to it) below" in told.data["steps"][-1]["text"]
    (running.home / FOLDER).symlink_to(outside)
    (outside / "logic.py").write_text((outside / "logic.py").read_text().replace('"change", (', '"gain", ('))
    done = running.call("tentacle", "dev", str(outside), "--once")
    assert done.code == 0, done.out
    assert done.data["steps"][-1]["text"].startswith("generation ")


def test_it_takes_every_save_until_ctrl_c(bot: BotFolder) -> None:
    with bot.running("tentacle", "dev", str(FOLDER)) as process:
        first = rows(process, "live")
        rewrite(bot, '"change", (change,)', '"gain", (change,)')
        second = rows(process, "live")
        process.send_signal(signal.SIGINT)
        done = ended(process)
    assert [row["step"] for row in first] == ["saved", "verified", "checked", "live"]
    assert [row["step"] for row in second] == ["saved", "verified", "checked", "registry", "live"]
    assert (done.code, done.out) == (0, "")


def rows(process: subprocess.Popen[str], last: str) -> list[dict[str, str]]:
    """Return what is printed up to the step of this name."""
    found: list[dict[str, str]] = []
    assert process.stdout is not None
    while not found or found[-1]["step"] != last:
        line = process.stdout.readline()
        assert line, process.stderr.read() if process.stderr else ""
        found.append(json.loads(line))
    return found
