"""Python packages that tentacles bring: by the command line, from wheels that pip finds in a folder."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from loligo.model.events import Evaluated
from loligo_bot.cli.control_client import ask
from loligo_kit.pack import pack_files
from tests.fakes.hanging_tentacles import trade_with_them, write_hanging
from tests.fakes.packages import archive, package
from tests.fakes.pure_wheels import COMPILED, environment_of, write_wheel
from tests.scenario.bots import BotFolder, ended
from tests.scenario.test_install import KILLED_COMMAND

SAYS = """
import wavy.words

class Surf(Mean):
    def on_candle(self, candle):
        super().on_candle(candle)
        return Evaluation(1.0, wavy.words.said(), ())

@hookimpl
def evaluator():
    return Factory(settings=Settings, create=Surf)
"""


@dataclass(frozen=True, slots=True)
class Shop:
    """Where wheels lie, and the zips of a tentacle that needs them."""

    folder: Path
    zips: Path

    def publish(self, version: str, says: str) -> None:
        """Add a version of `wavy`, which reads data of its own, and needs `ripple` and numpy, which is installed."""
        read = "files('wavy').joinpath('data/says.txt').read_text()"
        words = f"import numpy\nfrom importlib.resources import files\nfrom ripple import SIGN\n\nSAYS = {read}\n"
        words += "def said():\n    return SAYS + SIGN\n"
        files = {"wavy/__init__.py": "", "wavy/words.py": words, "wavy/data/says.txt": says}
        write_wheel(self.folder, "wavy", version, files, requires=["ripple", "numpy>=1"])

    def surf(self, version: str, *wanted: str) -> str:
        """Return the zip of a version of the tentacle that needs these packages."""
        files = package(version, name="surf", code=SAYS, requires=f"{{ python = {list(wanted)!r} }}")
        file = self.zips / f"surf-{version}.zip"
        file.write_bytes(pack_files(files))
        return str(file)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    shop = Shop(tmp_path / "shop", tmp_path)
    write_wheel(shop.folder, "ripple", "1.0", {"ripple.py": "SIGN = '~'\n"})
    shop.publish("1.0", "low")
    return shop


@pytest.fixture
def bot(template: BotFolder, shop: Shop, tmp_path: Path) -> BotFolder:
    quick = {"LOLIGO__SWAP__SHADOW_INPUTS": "5", "LOLIGO__SWAP__PROBATION_INPUTS": "5"}
    bot = template.copy(tmp_path / "bot", **quick, **environment_of(shop.folder))
    write_hanging(bot.home, "strategy", 0)
    return bot.edit(lambda config: trade_with_them(config, "2017-12-15", "2019-01-01"))


def tentacle(bot: BotFolder, *arguments: str, code: int = 0) -> dict[str, Any]:
    done = bot.call("tentacle", *arguments)
    assert done.code == code, done.out + done.err
    return done.data


def refusal(bot: BotFolder, *arguments: str, code: int = 1) -> str:
    said: str = tentacle(bot, *arguments, code=code)["error"]["message"]
    return said


def row(bot: BotFolder) -> tuple[str, str, str]:
    rows = tentacle(bot, "list", "--kind", "evaluator")["tentacles"]
    return next((each["version"], each["state"], each["reason"]) for each in rows if each["name"] == "surf")


def locked(bot: BotFolder) -> list[dict[str, Any]]:
    """Return the wheels of the newest version of the tentacle in the lock file."""
    tentacles = json.loads((bot.home / "tentacles.lock").read_text())["tentacles"]
    found = next(each for each in tentacles if each["name"] == "surf")
    wheels: list[dict[str, Any]] = found["versions"][-1]["packages"]["wheels"]
    return wheels


def test_packages_come_change_and_go_under_a_running_bot_and_over_a_restart_and_the_session_replays(
    bot: BotFolder, shop: Shop
) -> None:
    first, second = shop.surf("1.0.0", "wavy<2"), shop.surf("2.0.0", "wavy>=2")
    shop.publish("2.0", "high")
    with bot.running("run", "--headless", "--speed", "360000") as process:
        bot.wait_until(lambda status: status["next_seq"] > 100)
        asked = refusal(bot, "install", first, code=6)
        assert asked == "evaluator surf wants to bring the package ripple==1.0, wavy==1.0; nothing was changed"
        installed = tentacle(bot, "install", first, "--yes")
        assert installed["running_bot"]["swap"]["result"] == "good", installed
        bot.edit(lambda config: config["desks"]["trend"]["evaluators"].append({"tentacle": "surf"}))
        tentacle(bot, "apply")
        other = tentacle(bot, "update", "surf", second, "--grant", "package:wavy==2.0")
        assert other["running_bot"]["swap"]["result"] == "good", other
        assert [each["name"] for each in locked(bot)] == ["ripple", "wavy"]
        assert tentacle(bot, "rollback", "surf")["running_bot"]["swap"]["result"] == "good"
        ask(bot.home, {"do": "stop"})
        assert ended(process).code == 0
    tentacle(bot, "update", "surf", second, "--yes")  # the next start has both versions: it goes on from what ran last
    with bot.running("run", "--headless", "--speed", "360000") as process:
        begun = bot.wait_until(lambda status: status["next_seq"] > 0)["next_seq"]
        bot.wait_until(lambda status: status["next_seq"] > begun + 50)
        bot.edit(lambda config: config["desks"]["trend"]["evaluators"].pop())
        tentacle(bot, "apply")
        assert tentacle(bot, "remove", "surf")["running_bot"]["swap"]["result"] == "good"
        ask(bot.home, {"do": "stop"})
        assert ended(process).code == 0
    found = [e.evaluation.code for r in bot.records() for e in r.events if isinstance(e, Evaluated)]
    codes = [code for code in found if code.endswith("~")]
    assert [code for place, code in enumerate(codes) if codes[place - 1 : place] != [code]] == [
        "low~",
        "high~",
        "low~",
        "high~",
    ]
    replayed = bot.call("journal", "replay", "last", "--verify")
    assert replayed.code == 0, replayed.out


def put_into_a_folder(bot: BotFolder, **manifest: str) -> Path:
    """Put the tentacle into a folder of the bot, as its author does."""
    place = bot.home / "tentacles" / "evaluators" / "surf"
    place.mkdir()
    for path, content in package(name="surf", code=SAYS, requires='{ python = ["wavy>=1"] }', **manifest).items():
        (place / path).write_bytes(content)
    return place


def test_folder_tentacle_gets_packages_by_a_verb_and_again_by_hash_and_tampered_ones_are_refused(
    bot: BotFolder,
) -> None:
    folder = put_into_a_folder(bot)
    listed = tentacle(bot, "refresh")
    assert listed["lacks"] == ["evaluator surf wants to bring the package ripple==1.0, wavy==1.0; nothing was changed"]
    assert row(bot)[2] == "needs the package wavy>=1, which is not there; `loligo tentacle packages surf` brings it"
    assert "wants to bring the package ripple==1.0, wavy==1.0" in refusal(bot, "packages", "surf", code=6)
    tentacle(bot, "packages", "--yes")
    tentacle(bot, "packages", code=4)
    assert row(bot)[1:] == ("loaded", "")
    (folder / "__init__.py").write_text((folder / "__init__.py").read_text() + "# another hash\n")
    tentacle(bot, "refresh")
    assert row(bot)[1] == "loaded"
    checks = bot.call("tentacle", "check", "surf", "--quick").data["checks"]
    said = {each["name"]: each["outcome"] for each in checks}
    assert {said[name] for name in ("loads", "permissions", "import", "sound")} == {"passed"}
    entries = json.loads((bot.home / "tentacle_registry.json").read_text())["tentacles"]
    (wanted,) = [each["packages"] for each in entries if each["name"] == "surf"]
    content = bot.home / "state" / "content" / wanted.removeprefix("h1:")
    shutil.rmtree(content)
    assert row(bot)[1] == "failed"
    assert tentacle(bot, "install")["fetched"] == ["packages of evaluator surf"]
    assert row(bot)[1] == "loaded"
    (content / "ripple.py").write_text("SIGN = '!'\n")
    assert f"{content} was changed" in row(bot)[2]
    assert tentacle(bot, "verify", code=1)["failed"] == 1


def test_what_cannot_be_brought_changes_nothing(bot: BotFolder, shop: Shop) -> None:
    write_wheel(shop.folder, "hard", "1.0", {"hard.py": ""}, tag=COMPILED)
    write_wheel(shop.folder, "sly", "1.0", {"sly.py": "\nimport subprocess\n"})
    before = (bot.home / "tentacle_registry.json").read_bytes()
    hard = refusal(bot, "install", shop.surf("1.0.0", "hard"), "--yes")
    assert hard.startswith(f"needs the package hard==1.0, which is compiled code (hard-1.0-{COMPILED}.whl)")
    sly = refusal(bot, "install", shop.surf("1.1.0", "wavy", "sly"), "--yes")
    assert sly.startswith('the package sly 1.0, sly.py, line 2: subprocess needs the permission "process"')
    both = refusal(bot, "install", shop.surf("1.2.0", "wavy", "numpy<1"), "--yes")
    assert both.startswith("needs the package numpy<1, numpy ") and both.endswith(" is installed")
    assert (bot.home / "tentacle_registry.json").read_bytes() == before


def test_update_with_another_package_waits_for_a_yes_beside_who_excludes_it(bot: BotFolder, shop: Shop) -> None:
    shop.publish("2.0", "high")
    tentacle(bot, "install", shop.surf("1.0.0", "wavy<2"), "--yes")
    (shop.zips / "swell.zip").write_bytes(archive(name="swell", code=SAYS, requires='{ python = ["wavy<2"] }'))
    tentacle(bot, "install", str(shop.zips / "swell.zip"), "--yes")
    waiting = tentacle(bot, "update", "surf", shop.surf("2.0.0", "wavy>=2"), code=6)["waiting"]
    assert list(waiting) == ["package:wavy==2.0"]
    assert row(bot)[:2] == ("1.0.0", "loaded")
    shutil.rmtree(shop.folder)  # what was shown is what comes
    tentacle(bot, "agree", "surf", "--yes")
    rows = tentacle(bot, "list", "--kind", "evaluator")["tentacles"]
    found = {each["name"]: (each["version"], each["state"]) for each in rows}
    assert (found["surf"], found["swell"]) == (("2.0.0", "loaded"), ("1.0.0", "loaded"))


def test_after_a_kill_the_next_start_has_the_old_or_the_new_whole(bot: BotFolder, shop: Shop, tmp_path: Path) -> None:
    command = ("tentacle", "install", shop.surf("1.0.0", "wavy"), "--yes")
    trial = bot.copy(tmp_path / "trial")
    with trial.running(str(trial.home), "0", *command, script=KILLED_COMMAND) as process:
        changes = int(ended(process).err)
    with bot.running(str(bot.home), str(changes - 3), *command, script=KILLED_COMMAND) as process:
        assert ended(process).code == -9
    rows = tentacle(bot, "list", "--kind", "evaluator")["tentacles"]
    assert [each["state"] for each in rows if each["name"] == "surf"] in ([], ["loaded"])
    tentacle(bot, *command[1:])
    assert row(bot)[:2] == ("1.0.0", "loaded")


def test_folder_tentacle_gets_what_it_lacks_from_the_running_bot_or_when_a_change_is_listed(
    bot: BotFolder, shop: Shop
) -> None:
    folder = put_into_a_folder(bot, permissions='["threads"]')
    with bot.running("run", "--headless", "--speed", "360000") as process:
        bot.wait_until(lambda status: status["next_seq"] > 100)
        assert tentacle(bot, "refresh")["running_bot"]["swap"]["changed"] == ["evaluator/surf not listed → 1.0.0"]
        lacks = bot.asked("tentacle.grant.look", name="surf")["answer"]
        assert lacks["to_grant"] == ["threads", "package:ripple==1.0", "package:wavy==1.0"]
        assert lacks["against"] == []
        agreed = {"name": "surf", "permissions": lacks["to_grant"]}
        other = bot.asked("tentacle.grant", **agreed, packages_hash="h1:" + 64 * "0")
        assert "look at it again" in other["error"]
        done = bot.asked("tentacle.grant", **agreed, packages_hash=lacks["packages_hash"])["answer"]
        assert done["result"] == "good" and done["changed"][0].startswith("evaluator/surf off → "), done
        again = bot.asked("tentacle.grant", **agreed, packages_hash=lacks["packages_hash"])["answer"]
        assert again["result"] == "unchanged"
        taken = tentacle(bot, "revoke", "surf", "threads", "--why", "I doubt it")
        assert taken["result"] == "good" and taken["changed"][0].endswith(" → off")
        assert "may no longer: threads. It is off now, for it needs threads: `loligo tentacle grant" in taken["message"]
        told = [(one["what"], one["is_done"], one["text"]) for one in bot.asked("audit", limit=5)["answer"]["rows"]]
        assert any(one[:2] == ("swap", True) and "tentacle revoke evaluator surf: I doubt it" in one[2] for one in told)
        tentacle(bot, "grant", "surf", "threads")
        tentacle(bot, "on", "surf")
        bot.wait_until(lambda status: status["tentacles"].get("evaluator/surf", {}).get("hash12", "") != "")
        ask(bot.home, {"do": "stop"})
        assert ended(process).code == 0
    write_wheel(shop.folder, "swash", "1.0", {"swash.py": ""})
    manifest = folder / "tentacle.toml"
    manifest.write_text(manifest.read_text().replace('"wavy>=1"', '"wavy>=1", "swash"'))
    assert tentacle(bot, "refresh", "--yes")["given"] == ["evaluator surf: package:swash==1.0"]
    assert row(bot)[1:] == ("loaded", "")
