"""Swaps from the operator's side: who wanted one, why and when, what came of it, and settings that are put back."""

from __future__ import annotations

import getpass
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from loligo.model.command import SwapEnded
from loligo_bot.cli.control_client import ask
from tests.fakes.hanging_tentacles import trade_with_them, write_hanging
from tests.fakes.tentacle_folder import write_tentacle
from tests.scenario.bots import BotFolder, Ended, ended
from tests.scenario.test_swap_running import CLOCK, COUNTER, PER_SECOND, edit_registry, rewrite, swapped

ME = f"cli:{getpass.getuser()}"
CONFIG = Path("config/loligo.yaml")
MODE = Path("tentacles/trading_modes/at_market/__init__.py")
QUICK = {"SHADOW_INPUTS": "5", "SHADOW_S": "60", "PROBATION_INPUTS": "5", "WATCH": "false"}  # not the seconds end it


@pytest.fixture
def bot(template: BotFolder, tmp_path: Path) -> BotFolder:
    """A bot whose files are taken up when somebody says so."""
    bot = template.copy(tmp_path / "bot", **{f"LOLIGO__SWAP__{name}": value for name, value in QUICK.items()})
    write_hanging(bot.home, "evaluator", 0)
    edit_registry(bot, lambda entries: [entry.pop("tree_hash") for entry in entries if entry["source"] == "local"])
    return bot.edit(lambda config: trade_with_them(config, "2017-12-15", "2019-01-01"))


@contextmanager
def running(bot: BotFolder) -> Iterator[subprocess.Popen[str]]:
    with bot.running("run", "--headless", "--speed", PER_SECOND) as process:
        bot.wait_until(lambda status: status["next_seq"] > 100)
        yield process


def stopped(process: subprocess.Popen[str]) -> Ended:
    process.send_signal(signal.SIGTERM)
    done = ended(process)
    assert done.code == 0, done.err
    return done


def told(bot: BotFolder, *arguments: str, code: int = 0) -> dict[str, Any]:
    """Call a verb, see it end with `code`, and return what it says."""
    done = bot.call(*arguments)
    assert done.code == code, done.out + done.err
    return done.data


def history(bot: BotFolder, *name: str) -> list[dict[str, Any]]:
    swaps: list[dict[str, Any]] = told(bot, "tentacle", "history", *name)["swaps"]
    return swaps


def phase_of(bot: BotFolder, name: str) -> dict[str, Any]:
    rows = told(bot, "tentacle", "list")["tentacles"]
    return next(row for row in rows if row["name"] == name)


def test_change_is_applied_with_its_reason_and_the_history_tells_it(bot: BotFolder) -> None:
    told(bot, "tentacle", "history", code=4)
    with running(bot) as process:
        rewrite(bot, COUNTER, '"count"', '"recount"')
        assert phase_of(bot, "counter")["phase"] == "pending"
        done = told(bot, "tentacle", "apply", "--why", "less noise")
        again = told(bot, "tentacle", "apply", code=4)
        row = phase_of(bot, "counter")
        assert history(bot, "counter") == history(bot)  # while it runs
        stopped(process)
    assert (done["swap"]["result"], again["swap"]["result"]) == ("good", "unchanged")
    assert (row["phase"], row["generation"], row["last_good"]) == ("good", 2, row["hash12"])
    (swap,) = history(bot, "evaluator/counter")  # and when it does not
    assert (swap["by"], swap["why"], swap["when"], swap["how"]) == (ME, "less noise", "now", "replace")
    assert (swap["number"], swap["result"], swap["took_ms"] > 0) == (2, "good", True)
    assert history(bot, "by_clock") == []


def test_refused_version_is_told_in_status_and_history_and_the_bot_goes_on(bot: BotFolder) -> None:
    with running(bot) as process:
        good = phase_of(bot, "counter")["hash12"]
        rewrite(bot, COUNTER, "warmup = 1", "warmup = 1 / 0")
        done = told(bot, "tentacle", "apply", code=1)
        status = ask(bot.home, {"do": "status"})["status"]["tentacles"]["evaluator/counter"]
        info = told(bot, "tentacle", "info", "counter")["tentacle"]["standing"]
        stopped(process)
    assert "ZeroDivisionError" in done["swap"]["text"]
    assert (status["phase"], status["hash12"], status["last_good"]) == ("refused", good, good)
    assert "ZeroDivisionError" in status["reason"]
    assert info == status
    (swap,) = history(bot, "counter")
    assert (swap["result"], swap["changed"]) == ("refused", [f"evaluator/counter {good} → not loaded"])
    assert bot.rows() == bot.rebuilt_rows()  # the history is a projection like others


def put_package(folder: Path, version: str) -> None:
    """Install a package with code, as pip does: the version before goes."""
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.dist-info"):
        shutil.rmtree(old)
    (folder / "helping.py").write_text(f"VERSION = {version!r}\n")
    (folder / f"helping-{version}.dist-info").mkdir()
    (folder / f"helping-{version}.dist-info" / "METADATA").write_text(f"Name: helping\nVersion: {version}\n")


def test_package_that_was_exchanged_under_the_bot_is_refused_with_both_versions(bot: BotFolder, tmp_path: Path) -> None:
    put_package(site := tmp_path / "site", "1.0")
    bot.environment["PYTHONPATH"] += f":{site}"
    manifest = COUNTER.with_name("tentacle.toml")
    rewrite(bot, COUNTER, "class Settings", "import helping\n\nclass Settings")
    wanted = (bot.home / manifest).read_text() + '\n[requires]\npython = ["helping>=1"]\n'
    (bot.home / manifest).write_text(wanted)
    with running(bot) as process:
        put_package(site, "2.0")
        rewrite(bot, COUNTER, "warmup = 1", "warmup = 2")
        refused = told(bot, "tentacle", "apply", code=1)["swap"]["text"]
        put_package(site, "1.0")
        good = told(bot, "tentacle", "apply")["swap"]["result"]
        stopped(process)
    assert refused.startswith("evaluator/counter needs the package helping>=1: helping 2.0 is installed by now, and ")
    assert "works with 1.0" in refused
    assert good == "good"


def test_version_is_only_compared_and_let_go(bot: BotFolder) -> None:
    with running(bot) as process:
        rewrite(bot, COUNTER, '"count"', '"recount"')
        done = told(bot, "tentacle", "apply", "--as", "shadow", "--inputs", "20")
        told(bot, "tentacle", "apply", "--when", "soon", code=2)
        row = phase_of(bot, "counter")
        stopped(process)
    assert done["swap"]["result"] == "shadowed"
    compared, different = (int(part.split()[0]) for part in done["swap"]["text"].split("; ")[1].split(", "))
    assert compared == different >= 19  # another code each; one may be of the other market
    assert (row["phase"], row["runs"] == row["hash12"]) == ("pending", False)


def test_version_that_promises_the_same_is_refused_for_a_difference_and_may_be_compared(bot: BotFolder) -> None:
    with running(bot) as process:
        manifest = bot.home / COUNTER.parent / "tentacle.toml"
        manifest.write_text('behaviour = "same"\n' + manifest.read_text())
        rewrite(bot, COUNTER, '"count"', '"recount"')
        done = told(bot, "tentacle", "apply", code=1)
        compared = told(bot, "tentacle", "apply", "--as", "shadow")
        stopped(process)
    assert (done["swap"]["result"], compared["swap"]["result"]) == ("refused", "shadowed")
    assert re.search("differs in (rehearsal|shadow): on_candle: ", done["swap"]["text"]), done


def test_change_that_waits_for_flat_is_replaced_by_a_newer_one_and_a_stop_does_not_wait(bot: BotFolder) -> None:
    rewrite(bot, CLOCK, "% 8 < 4", "% 8 < 9")  # always long: never flat again,
    rewrite(bot, MODE, "view.price * 0.9", "view.price * 0.1")  # not even for the candle after a stop
    with running(bot) as process:
        bot.wait_until(lambda status: bool(status["desks"]["trend"]["positions"]))
        rewrite(bot, COUNTER, '"count"', '"recount"')
        waits = told(bot, "tentacle", "apply", "--when", "flat", "--wait", "5")
        assert waits["at_work"]["phase"] == "waiting"
        rewrite(bot, COUNTER, '"recount"', '"third"')
        assert told(bot, "tentacle", "apply", "--why", "better")["swap"]["result"] == "good"
        rewrite(bot, COUNTER, '"third"', '"fourth"')
        told(bot, "tentacle", "apply", "--when", "flat", "--wait", "3")
        assert stopped(process).seconds < 30
    assert [(swap["result"], swap["when"]) for swap in history(bot)] == [
        ("superseded", "flat"),
        ("good", "now"),
        ("stopped", "flat"),
    ]
    assert [record.input.number for record in bot.records() if isinstance(record.input, SwapEnded)] == [2, 3, 4]


def test_verb_that_writes_the_registry_ends_by_what_the_running_bot_made_of_it(bot: BotFolder) -> None:
    bot.environment["LOLIGO__SWAP__WATCH"] = "true"
    told(bot, "tentacle", "pin", "by_clock")
    write_tentacle(bot.home, "evaluator", "spare", manifest={"permissions": '["files"]'})
    assert told(bot, "tentacle", "refresh")["lacks"] == [
        "evaluator spare wants the permission files; nothing was changed"
    ]
    with running(bot) as process:
        granted = told(bot, "tentacle", "grant", "spare", "files")
        done = told(bot, "tentacle", "off", "by_clock", "--force")
        unpinned = told(bot, "tentacle", "unpin", "by_clock")
        stopped(process)
    assert done["running_bot"]["swap"]["result"] == "good"
    assert done["running_bot"]["swap"]["why"] == "tentacle off strategy by_clock"
    assert unpinned["running_bot"]["swap"]["changed"] == ["strategy/by_clock pin: true → false"]
    assert [(swap["by"], swap["result"]) for swap in history(bot, "by_clock")] == [(ME, "good"), (ME, "good")]
    assert granted["running_bot"]["swap"]["result"] == "good"
    assert [(swap["by"], swap["why"]) for swap in history(bot, "spare")] == [(ME, "tentacle grant evaluator spare")]


def test_settings_have_a_history_a_diff_and_an_undo_that_the_running_bot_takes_up(bot: BotFolder) -> None:
    bot.environment["LOLIGO__SWAP__WATCH"] = "true"
    before = (bot.home / CONFIG).read_text()
    with running(bot) as process:
        bot.edit(lambda config: config["desks"]["trend"].update(limits={"min_confidence": 0.9}))
        swapped(bot, "good")
        listed = told(bot, "config", "history")["settings"]
        diff = told(bot, "config", "diff", "1")["differences"]
        undone = told(bot, "config", "undo")
        told(bot, "config", "undo", "1", code=4)
        stopped(process)
    line = "desks.trend.limits.min_confidence: 0.7 → 0.9"
    assert [(one["number"], one["by"], one["changed"]) for one in listed] == [(1, "", []), (2, "files", [line])]
    assert diff == [{"key": "desks.trend.limits.min_confidence", "before": 0.7, "after": 0.9}]
    assert (undone["generation"], undone["running_bot"]["swap"]["result"]) == (1, "good")
    after = (bot.home / CONFIG).read_text()
    assert "min_confidence: 0.7" in after
    assert [text for text in before.splitlines() if text.strip().startswith("#")] == [
        text for text in after.splitlines() if text.strip().startswith("#")
    ]
    assert "min_confidence: 0.9" in Path(undone["previous"]).read_text()


def test_settings_changed_while_the_bot_stood_still_are_in_the_history_of_its_start(bot: BotFolder) -> None:
    with running(bot) as process:
        stopped(process)
    bot.edit(lambda config: config["desks"]["trend"].update(limits={"min_confidence": 0.9}))
    with running(bot) as process:
        stopped(process)
    (swap,) = history(bot, "desk/trend")
    assert (swap["by"], swap["result"], swap["text"]) == ("start", "good", "taken up at the start")
    assert swap["changed"] == ["desk/trend limits.min_confidence: 0.7 → 0.9"]


def test_what_was_switched_on_and_stays_off_is_no_success(bot: BotFolder) -> None:
    """No desk needs a notifier: the bot goes on without one that cannot be loaded."""
    folder = bot.home / "tentacles" / "notifiers" / "lost"
    bot.environment["LOLIGO__SWAP__WATCH"] = "true"
    with running(bot) as process:
        told(bot, "tentacle", "new", "notifier", "lost")
        told(bot, "tentacle", "install", str(folder), "--yes")
        told(bot, "tentacle", "off", "lost")
        code = folder / "__init__.py"
        code.write_text(code.read_text() + "# one line more\n")
        done = told(bot, "tentacle", "on", "lost", code=1)
        told(bot, "tentacle", "off", "lost")
        asked = bot.asked("tentacle.switch", name="lost", on=True)
        pinned = told(bot, "tentacle", "pin", "lost")  # which does not ask for it to run
        stopped(process)
    why = done["running_bot"]["swap"]["off"]["notifier/lost"]
    assert not done["ok"] and why.startswith("the registry wants ")
    assert asked["answer"]["is_done"] is False and f"notifier/lost stays off: {why}" in asked["answer"]["message"]
    assert pinned["running_bot"]["swap"]["off"] == {"notifier/lost": why}
