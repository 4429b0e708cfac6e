"""`doctor` and `tentacle health | retry | grant | bisect` on a bot folder in which nothing runs."""

from __future__ import annotations

import json
import subprocess
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


@pytest.mark.parametrize("verb", ["list", "health"])
def test_a_kind_that_there_is_not_is_refused_rather_than_shown_as_empty(call: Call, bot: Path, verb: str) -> None:
    refused = call("tentacle", verb, "--kind", "evaluators", "--home", bot)
    assert (refused.code, 'did you mean "evaluator"?' in refused.err, refused.out) == (2, True, "")


@pytest.mark.parametrize("words", [("check",), ("dev", "--once")])
def test_a_folder_of_something_else_is_refused_before_it_is_read(
    call: Call, bot: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "nothing")  # reading the tree would stop here
    refused = call("tentacle", *words, tmp_path, "--home", bot)
    assert refused.code == 1
    assert "link" not in refused.err
    assert "no folder of a tentacle" in refused.err or "has no tentacle.toml" in refused.err


def test_missing_permission_is_mended_by_the_command_that_the_doctor_names(call: Call, bot: Path) -> None:
    add(call, bot, "strategy", "reader", manifest={"permissions": '["files"]'})
    assert state(call, bot, "reader") == ("needs_permission", "it wants files")
    command = problems(call, bot, "strategy reader")["permission missing"]
    assert command == "loligo tentacle grant reader files"
    mended(call, bot, command)
    assert problems(call, bot, "strategy reader") == {}
    refused = call("tentacle", "grant", "reader", "keys", "--home", bot)
    assert (refused.code, "strategy reader does not want keys; it wants: files" in refused.err) == (1, True)


def test_a_permission_is_taken_back_and_what_brings_the_tentacle_back_is_said(call: Call, bot: Path) -> None:
    write_tentacle(bot, "strategy", "weighted_vote", manifest={"permissions": '["files", "threads"]'})
    assert call("tentacle", "refresh", "--yes", "--home", bot).code == 0
    refused = call("tentacle", "revoke", "weighted_vote", "keys", "--home", bot)
    assert (refused.code, "weighted_vote does not hold keys; it holds: files, threads" in refused.err) == (1, True)
    said = call("tentacle", "revoke", "weighted_vote", "files", "--home", bot)
    again = "`loligo tentacle grant strategy/weighted_vote files`, then `loligo tentacle on strategy/weighted_vote`"
    assert said.out == (
        f"strategy weighted_vote may no longer: files. It is off now, for it needs files: {again} bring it back.\n"
    )
    assert state(call, bot, "weighted_vote") == ("disabled", "switched off; it wants files")
    command = problems(call, bot, "strategy weighted_vote")["permission missing"]
    assert command == "loligo tentacle grant weighted_vote files"
    assert "It stays off" in call("tentacle", "revoke", "weighted_vote", "--home", bot).out  # all that is left
    assert call("tentacle", "revoke", "weighted_vote", "--home", bot).out.endswith("holds no permissions.\n")
    mended(call, bot, f"{command} threads")
    mended(call, bot, "loligo tentacle on strategy/weighted_vote")
    assert (state(call, bot, "weighted_vote"), problems(call, bot, "strategy weighted_vote")) == (("verified", ""), {})


def test_what_comes_with_loligo_is_not_taken_in_by_another_hash(call: Call, bot: Path) -> None:
    assert call("tentacle", "remove", "grid", "--home", bot).code == 0
    refused = call("tentacle", "install", "grid", "--hash", f"h1:{'0' * 64}", "--home", bot)
    assert (refused.code, "grid that comes with Loligo is h1:" in refused.err) == (1, True)
    assert call("tentacle", "info", "grid", "--home", bot).code == 1
    assert call("tentacle", "install", "grid", "--home", bot).code == 0


def test_granting_takes_nothing_away_that_a_person_gave_beside(call: Call, bot: Path) -> None:
    add(call, bot, "automation", "timer", manifest={"permissions": '["files"]'})
    may = call("tentacle", "grant", "timer", "admin", "--home", bot, "--json").json  # which no manifest asks for
    assert (may["before"]["permissions"], may["after"]["permissions"]) == ([], ["admin"])
    done = call("tentacle", "grant", "timer", "files", "--home", bot, "--json").json
    assert (done["before"]["permissions"], done["after"]["permissions"]) == (["admin"], ["admin", "files"])
    nobody_else = call("tentacle", "grant", "weighted_vote", "admin", "--home", bot)
    assert (nobody_else.code, "strategy weighted_vote does not want admin" in nobody_else.err) == (1, True)


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


def test_a_registry_that_cannot_be_read_is_mended_by_the_command_that_the_doctor_names(call: Call, bot: Path) -> None:
    registry = bot / "tentacle_registry.json"
    assert call("tentacle", "off", "grid", "--home", bot).code == 0
    good = registry.read_bytes()
    assert call("tentacle", "pin", "grid", "--home", bot).code == 0
    for wrong in ("{", '{"tentacles": [{"name": "grid"}]}'):
        registry.write_text(wrong)
        command = problems(call, bot, "")["registry wrong"]
        assert subprocess.run(command, shell=True, check=False).returncode == 0
        assert (problems(call, bot, ""), registry.read_bytes()) == ({}, good)


def test_a_registry_of_which_there_is_no_copy_is_made_anew_and_the_wrong_one_kept(call: Call, bot: Path) -> None:
    registry = bot / "tentacle_registry.json"
    registry.write_text("{")
    aside, init, refresh = problems(call, bot, "")["registry wrong"].split(" && ")
    assert subprocess.run(aside, shell=True, check=False).returncode == 0
    assert call(*init.split()[1:]).code == 0
    mended(call, bot, refresh)
    assert (problems(call, bot, ""), (bot / "tentacle_registry.json.wrong").read_text()) == ({}, "{")
    (bot / ".git").mkdir()
    registry.write_text("{")
    assert problems(call, bot, "")["registry wrong"] == f"git -C {bot} checkout -- tentacle_registry.json"


def test_a_lock_file_that_cannot_be_read_is_a_problem_and_hides_no_tentacle(call: Call, bot: Path) -> None:
    (bot / "tentacles.lock").write_text("{")
    command = problems(call, bot, "")["lock file wrong"]
    assert state(call, bot, "weighted_vote") == ("verified", "")
    assert subprocess.run(command, shell=True, check=False).returncode == 0
    assert problems(call, bot, "") == {}


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
