"""`doctor` and `tentacle health | retry | grant | bisect` on a bot folder in which nothing runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from loligo_bot.health import store
from loligo_bot.health.quarantine import Case
from loligo_bot.health.store import Fault, Remembered
from tests.fakes.tentacle_folder import write_tentacle

from .conftest import Call


def problems(call: Call, bot: Path, tentacle: str) -> dict[str, str]:
    """Return what is wrong with a tentacle ("" is the bot as a whole), with the commands that mend it."""
    found = call("doctor", "--home", bot, "--json").json["problems"]
    return {one["problem"]: one["command"] for one in found if one["tentacle"] == tentacle}


def add(call: Call, bot: Path, kind: str, name: str, **changes: Any) -> Path:
    folder = write_tentacle(bot, kind, name, **changes)
    assert call("tentacle", "refresh", "--home", bot).code == 0
    return folder


def state(call: Call, bot: Path, name: str) -> tuple[str, str]:
    rows = call("tentacle", "health", "--home", bot, "--json").json["tentacles"]
    return next((row["state"], row["reason"]) for row in rows if row["name"] == name)


def mended(call: Call, bot: Path, command: str) -> None:
    """Run a command as the doctor wrote it."""
    words = command.split()
    assert words[0] == "loligo"
    done = call(*words[1:], "--home", bot)
    assert done.code == 0, done.err


def test_health_shows_every_tentacle_of_a_stopped_bot(call: Call, bot: Path) -> None:
    write_tentacle(bot, "strategy", "found")  # not listed yet
    assert state(call, bot, "weighted_vote") == ("verified", "")
    assert state(call, bot, "found") == ("discovered", "not in the registry")
    rows = call("tentacle", "health", "--kind", "strategy", "--home", bot, "--json").json["tentacles"]
    assert {row["kind"] for row in rows} == {"strategy"}
    assert next(row for row in rows if row["name"] == "weighted_vote")["used_by"] == ["desks.trend.strategy"]


def test_missing_permission_is_mended_by_the_command_that_the_doctor_names(call: Call, bot: Path) -> None:
    add(call, bot, "strategy", "reader", manifest={"permissions": '["files"]'})
    assert state(call, bot, "reader") == ("needs_permission", "it wants files")
    command = problems(call, bot, "strategy reader")["permission missing"]
    assert command == "loligo tentacle grant reader files"
    mended(call, bot, command)
    assert problems(call, bot, "strategy reader") == {}
    refused = call("tentacle", "grant", "reader", "keys", "--home", bot)
    assert (refused.code, "strategy reader does not want keys; it wants: files" in refused.err) == (1, True)


def test_changed_folder_and_faulty_code_are_mended_by_the_commands_that_the_doctor_names(call: Call, bot: Path) -> None:
    folder = add(call, bot, "strategy", "mine")
    (folder / "__init__.py").write_text("half a fi")
    changed = problems(call, bot, "strategy mine")
    assert changed == {"content changed": "loligo tentacle refresh"}
    mended(call, bot, changed["content changed"])
    faulty = problems(call, bot, "strategy mine")
    assert faulty == {"version refused": "loligo tentacle off mine"}
    mended(call, bot, faulty["version refused"])
    assert problems(call, bot, "strategy mine") == {}


def test_tentacle_that_another_needs_is_switched_on_by_the_command_that_the_doctor_names(call: Call, bot: Path) -> None:
    add(call, bot, "evaluator", "basis")
    add(call, bot, "evaluator", "needy", manifest={"requires.tentacles": '{basis = ">=1"}'})
    assert call("tentacle", "off", "basis", "--force", "--home", bot).code == 0
    found = problems(call, bot, "evaluator needy")
    assert found == {"tentacle missing": "loligo tentacle on basis"}
    mended(call, bot, found["tentacle missing"])
    assert problems(call, bot, "evaluator needy") == {}


def test_quarantine_of_a_stopped_bot_ends_by_retry(call: Call, bot: Path) -> None:
    store.save(bot, Remembered(quarantine={"strategy weighted_vote": Case(reason="11 failures", since_ns=1)}))
    assert state(call, bot, "weighted_vote") == ("quarantined", "11 failures")
    command = problems(call, bot, "strategy weighted_vote")["quarantined"]
    mended(call, bot, command)
    assert problems(call, bot, "strategy weighted_vote") == {}
    assert "is not in quarantine" in call("tentacle", "retry", "weighted_vote", "--home", bot).err


def test_version_that_was_rolled_back_stays_a_problem_until_another_is_wanted(call: Call, bot: Path) -> None:
    add(call, bot, "strategy", "mine")
    registry = json.loads((bot / "tentacle_registry.json").read_text())
    newest = next(entry["tree_hash"] for entry in registry["tentacles"] if entry["name"] == "mine")
    store.save(
        bot, Remembered(faults={"strategy mine": Fault(result="rolled_back", text="it raised", tree_hash=newest)})
    )
    assert state(call, bot, "mine") == ("rolled_back", "it raised")
    assert problems(call, bot, "strategy mine") == {"version rolled back": "loligo tentacle off mine"}


def test_crashed_starts_are_told_and_lead_to_safe_mode(call: Call, bot: Path) -> None:
    add(call, bot, "strategy", "mine")
    store.save(bot, Remembered(crashed_starts=3))
    assert problems(call, bot, "") == {"safe mode": "loligo run --no-safe"}
    assert state(call, bot, "mine")[0] == "disabled"
    assert call("run", "--headless", "--no-safe", "--until", "2017-08-01", "--home", bot).code == 0
    assert problems(call, bot, "") == {}


def test_wrong_configuration_is_a_problem_and_no_crash_of_the_doctor(call: Call, bot: Path) -> None:
    (bot / "config" / "loligo.yaml").write_text("desks: {trend: {capitol: 1}}\n")
    assert problems(call, bot, "")["configuration wrong"] == "loligo config check"


@pytest.mark.parametrize(("check", "message"), [("true", "nothing to find"), ("false", "the cause is elsewhere")])
def test_bisection_says_when_no_tentacle_is_to_blame(call: Call, bot: Path, check: str, message: str) -> None:
    add(call, bot, "strategy", "mine")
    done = call("tentacle", "bisect", "--check", check, "--home", bot, "--json")
    assert done.code == 4
    assert message in done.json["message"]
