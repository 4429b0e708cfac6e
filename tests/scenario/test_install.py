"""A tentacle's life by the command line alone: made, packed, installed elsewhere, updated, taken back, removed, killed.

`LOLIGO_INSTALL_KILLS` is the number of kills (5 by default; 50 for the acceptance).
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from loligo.host import Host
from loligo_kit.bot_folder import BotFolder as Tentacles
from loligo_kit.lock import admission
from loligo_kit.verify import verify
from tests.scenario.bots import ROOT, BotFolder, Ended, ended

KILLS = int(os.environ.get("LOLIGO_INSTALL_KILLS", "5"))
KILLED_COMMAND = Path(__file__).with_name("killed_command.py")


@dataclass(frozen=True, slots=True)
class Workshop:
    """Where an author makes a tentacle."""

    bot: BotFolder
    folder: Path

    def pack(self, version: str, **changes: str) -> Path:
        """Give the tentacle a version, and other changes of its manifest, and return its zip."""
        file = self.folder / "tentacle.toml"
        lines = [line for line in file.read_text().splitlines() if line.partition(" ")[0] not in ("version", *changes)]
        given = {"version": f'"{version}"', **changes}
        # `version` of the table [state] goes, too, and is 1 by default
        file.write_text("\n".join([*(f"{key} = {value}" for key, value in given.items()), *lines]) + "\n")
        packed = self.folder.parent / f"jump-{version}.zip"
        done = self.bot.call("tentacle", "pack", str(self.folder), "--output", str(packed))
        assert done.code == 0, done.out
        return packed


@pytest.fixture(scope="module")
def workshop(template: BotFolder, tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    folder = tmp_path_factory.mktemp("workshop") / "jump"
    done = template.call("tentacle", "new", "evaluator", "jump", "--folder", str(folder))
    assert done.code == 0, done.out
    return Workshop(template, folder)


@pytest.fixture
def bot(template: BotFolder, tmp_path: Path) -> BotFolder:
    return template.copy(tmp_path / "bot")


def tentacle(bot: BotFolder, verb: str, *arguments: object, code: int = 0) -> dict[str, Any]:
    """Call `loligo tentacle VERB`, see it end with `code`, and return what it says."""
    done: Ended = bot.call("tentacle", verb, *map(str, arguments))
    assert done.code == code, done.out + done.err
    return done.data


def listed(bot: BotFolder) -> tuple[str, str] | None:
    """Return version and state of the tentacle in `loligo tentacle list`."""
    rows = tentacle(bot, "list", "--kind", "evaluator")["tentacles"]
    return next(((row["version"], row["state"]) for row in rows if row["name"] == "jump"), None)


def test_a_tentacle_is_made_packed_installed_toggled_updated_taken_back_and_removed(
    workshop: Workshop, bot: BotFolder
) -> None:
    first = workshop.pack("1.0.0")
    described = tentacle(bot, "info", first)["tentacle"]
    assert (described["kind"], described["name"], described["permissions"]) == ("evaluator", "jump", {})
    assert tentacle(bot, "install", first)["after"]["tree_hash"] == described["tree_hash"]
    assert tentacle(bot, "install", first, code=4)["changed"] is False
    assert listed(bot) == ("1.0.0", "loaded")

    tentacle(bot, "off", "jump")
    assert listed(bot) == ("1.0.0", "off")
    tentacle(bot, "on", "jump")

    (workshop.folder / "more.py").write_text("STEP = 2\n")
    tentacle(bot, "update", "jump", workshop.pack("1.1.0"))
    assert listed(bot) == ("1.1.0", "loaded")
    tentacle(bot, "rollback", "jump")
    assert listed(bot) == ("1.0.0", "loaded")
    assert [each["version"] for each in tentacle(bot, "info", "jump")["tentacle"]["versions"]] == ["1.1.0", "1.0.0"]

    tentacle(bot, "pin", "jump")
    assert "is pinned" in tentacle(bot, "update", "jump", first, code=1)["error"]["message"]
    assert tentacle(bot, "verify")["failed"] == 0
    tentacle(bot, "remove", "jump")
    assert listed(bot) is None


def test_an_update_that_wants_a_permission_waits_until_it_is_granted(workshop: Workshop, bot: BotFolder) -> None:
    tentacle(bot, "install", workshop.pack("2.0.0"))
    wanting = workshop.pack("2.1.0", permissions='["net:a.example"]')
    waiting = tentacle(bot, "update", "jump", wanting, code=6)
    assert waiting["waiting"] == {"net:a.example": waiting["waiting"]["net:a.example"]}
    assert listed(bot) == ("2.0.0", "loaded")
    assert "does not want that" in tentacle(bot, "agree", "jump", "--grant", "files", code=1)["error"]["message"]
    assert tentacle(bot, "agree", "jump", "--yes")["after"]["permissions"] == ["net:a.example"]
    assert listed(bot) == ("2.1.0", "loaded")

    tentacle(bot, "remove", "jump")
    refused = tentacle(bot, "install", wanting, code=6)["error"]["message"]
    assert refused == "evaluator jump wants the permission net:a.example; nothing was changed"
    tentacle(bot, "install", wanting, "--grant", "net:a.example")
    workshop.pack("2.2.0", permissions="[]")


def test_content_that_was_tampered_with_is_refused_by_verify_and_at_load(workshop: Workshop, bot: BotFolder) -> None:
    installed = tentacle(bot, "install", workshop.pack("3.0.0"))["after"]["tree_hash"]
    logic = bot.home / "state/content" / installed.removeprefix("h1:") / "logic.py"
    logic.write_text(logic.read_text() + "\nprint('hello')\n")
    checked = tentacle(bot, "verify", code=1)
    (failed,) = [row for row in checked["tentacles"] if row["state"] == "failed"]
    assert failed["slot"] == "evaluator jump" and "was changed" in failed["reason"]
    assert listed(bot) == ("3.0.0", "failed")


def test_a_lock_file_that_does_not_know_the_version_keeps_it_off(workshop: Workshop, bot: BotFolder) -> None:
    tentacle(bot, "install", workshop.pack("3.5.0"))
    (bot.home / "tentacles.lock").unlink()
    assert listed(bot) == ("3.5.0", "failed")
    assert "tentacles.lock does not know evaluator jump" in tentacle(bot, "show", "jump", code=1)["error"]["message"]
    assert tentacle(bot, "verify", code=1)["failed"] == 1


def test_what_the_verifier_refuses_is_not_installed(workshop: Workshop, bot: BotFolder, tmp_path: Path) -> None:
    shutil.copytree(workshop.folder, tmp_path / "bad")
    with (tmp_path / "bad" / "logic.py").open("a") as logic:
        logic.write("\nimport subprocess\n")
    before = (bot.home / "tentacle_registry.json").read_bytes()
    refused = tentacle(bot, "install", tmp_path / "bad", code=1)["error"]["message"]
    assert 'subprocess needs the permission "process"' in refused
    assert (bot.home / "tentacle_registry.json").read_bytes() == before


def kill(bot: BotFolder, count: int, after_s: float, *verb: str) -> bool:
    """Run a verb and kill it: before its COUNTth change of a file, or with 0 after some seconds. True if it came so."""
    with bot.running(str(bot.home), str(count), *verb, script=KILLED_COMMAND) as process:
        if not count:
            try:
                process.wait(after_s)
            except subprocess.TimeoutExpired:
                process.kill()
        return ended(process).code == -9


def moments(seed: str, changes: int, seconds: float) -> Iterator[tuple[int, float]]:
    """Yield moments for `kill` without end: two before a change, none twice before all came, then one at any time."""
    dice = random.Random(seed)
    while True:
        for number, count in enumerate(dice.sample(range(1, changes + 1), changes), 1):
            yield count, 0.0
            if number % 2 == 0:
                yield 0, dice.uniform(0.0, seconds)


def found(bot: BotFolder) -> str:
    """Start what a bot starts with; return the version that is loaded, "" for none. All must be whole."""
    host = Host(bot.home, ROOT, admission(bot.home))
    host.load_all()
    row = next((row for row in host.list() if row.name == "jump"), None)
    assert row is None or row.state == "loaded", row
    assert not [each for each in verify(Tentacles(bot.home, ROOT)) if each.state == "failed"]
    return row.version if row else ""


@pytest.mark.parametrize("verb", ["install", "update"])
def test_after_a_kill_at_any_moment_the_next_start_has_the_old_or_the_new_whole(
    verb: str, workshop: Workshop, bot: BotFolder, tmp_path: Path
) -> None:
    first, second = workshop.pack("4.0.0"), workshop.pack("4.1.0")
    if verb == "update":
        tentacle(bot, "install", first)
    old, new = {"install": ("", "4.0.0"), "update": ("4.0.0", "4.1.0")}[verb]
    command = ("tentacle", "install", str(first)) if verb == "install" else ("tentacle", "update", "jump", str(second))
    trial = bot.copy(tmp_path / "trial")
    with trial.running(str(trial.home), "0", *command, script=KILLED_COMMAND) as process:
        done = ended(process)
    assert done.code == 0, done.out + done.err
    changes = int(done.err)
    assert changes >= 10  # files of the content, lock and registry

    share = (KILLS + (verb == "update")) // 2
    for number, moment in enumerate(islice(moments(verb, changes, done.seconds), share)):
        victim = bot.copy(tmp_path / f"victim-{number}")
        was_killed = kill(victim, *moment, *command)
        version = found(victim)
        assert version in ((old, new) if was_killed else (new,))
        tentacle(victim, *command[1:], code=4 if version == new else 0)
        assert found(victim) == new


def test_what_the_configuration_uses_is_not_removed_and_what_came_with_loligo_is_brought_back(bot: BotFolder) -> None:
    refused = tentacle(bot, "remove", "weighted_vote", code=1)["error"]["message"]
    assert refused.startswith("cannot remove strategy weighted_vote: desks.trend.strategy")
    tentacle(bot, "remove", "grid")  # which no desk uses
    before = (bot.home / "tentacle_registry.json").read_bytes()
    tentacle(bot, "remove", "weighted_vote", "--force")
    assert tentacle(bot, "install", "strategy/weighted_vote")["after"]["source"] == "bundled"
    assert (bot.home / "tentacle_registry.json").read_bytes() == before
    assert "is there already" in tentacle(bot, "install", "weighted_vote", code=1)["error"]["message"]
