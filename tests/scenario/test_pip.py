"""Tentacles that came by pip, from real wheels: found, switched on, exchanged under a running bot."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from loligo.model.events import Evaluated
from loligo_bot.cli.control_client import ask
from tests.fakes.hanging_tentacles import trade_with_them, write_hanging
from tests.fakes.tentacle_folder import write_tentacle
from tests.fakes.wheels import build_wheel, make_site, pip_install, write_installed, write_project
from tests.scenario.bots import BotFolder, ended

NAME, POINTS = "acme-opinions", {"counts": "acme_opinions.counter"}


@dataclass(frozen=True, slots=True)
class Shop:
    """Who publishes the distribution, and where pip installs what it publishes."""

    bot: BotFolder
    project: Path
    environment: Path
    site: Path

    def publish(self, version: str, old: str = "", new: str = "", **manifest: str) -> None:
        """Build a version, with a change of its code and its manifest, and install it by pip."""
        package = write_project(self.project, NAME, version, POINTS)
        code, file = package / "counter" / "__init__.py", package / "counter" / "tentacle.toml"
        assert old in code.read_text()
        code.write_text(code.read_text().replace(old, new) if old else code.read_text())
        given = {"version": f'"{version}"', **manifest}
        kept = [line for line in file.read_text().splitlines() if line.partition(" ")[0] not in given]
        file.write_text("\n".join([*kept, *(f"{key} = {value}" for key, value in given.items())]) + "\n")
        pip_install(self.environment, build_wheel(self.project))


@pytest.fixture
def bot(template: BotFolder, tmp_path: Path) -> BotFolder:
    """A bot that trades with an evaluator that it does not have."""
    quick = {"SHADOW_INPUTS": "5", "PROBATION_INPUTS": "5"}
    bot = template.copy(tmp_path / "bot", **{f"LOLIGO__SWAP__{name}": value for name, value in quick.items()})
    write_hanging(bot.home, "strategy", 0)
    return bot.edit(lambda config: trade_with_them(config, "2017-12-15", "2019-01-01"))


@pytest.fixture
def shop(bot: BotFolder, tmp_path: Path) -> Shop:
    shop = Shop(bot, tmp_path / "project", tmp_path / "environment", make_site(tmp_path / "environment"))
    bot.environment["PYTHONPATH"] += os.pathsep + str(shop.site)
    package = write_project(shop.project, NAME, "0", POINTS)
    shutil.move(bot.home / "tentacles" / "evaluators" / "counter", package / "counter")
    file = bot.home / "tentacle_registry.json"
    content = json.loads(file.read_text())
    content["tentacles"] = [entry for entry in content["tentacles"] if entry["name"] != "counter"]
    file.write_text(json.dumps(content))
    return shop


def tentacle(bot: BotFolder, *arguments: str, code: int = 0) -> dict[str, Any]:
    done = bot.call("tentacle", *arguments)
    assert done.code == code, done.out + done.err
    return done.data


def row(bot: BotFolder) -> tuple[str, str, str]:
    """Return version, state and reason of the evaluator."""
    rows = tentacle(bot, "list", "--kind", "evaluator")["tentacles"]
    return next((each["version"], each["state"], each["reason"]) for each in rows if each["name"] == "counter")


def test_what_a_wheel_brings_is_listed_off_and_loaded_privately_once_a_person_wants_it(
    bot: BotFolder, shop: Shop
) -> None:
    shop.publish("1.0.0")
    assert tentacle(bot, "refresh")["added"] == ["evaluator counter"]
    assert row(bot)[:2] == ("1.0.0", "off")
    tentacle(bot, "on", "counter")
    assert row(bot)[:2] == ("1.0.0", "loaded")
    shown = tentacle(bot, "show", "counter")["tentacle"]
    assert shown["folder"] == str(bot.home / "state/content" / shown["tree_hash"].removeprefix("h1:"))
    assert tentacle(bot, "refresh") == {"ok": True, "added": [], "changed": []}
    assert "pip install --upgrade acme-opinions" in tentacle(bot, "update", "counter", code=1)["error"]["message"]

    tentacle(bot, "remove", "counter", "--force")
    assert "counter" not in (bot.home / "tentacles.lock").read_text()
    assert tentacle(bot, "install", "pip:acme-opinions/counts")["after"]["source"] == "pip"
    assert row(bot)[:2] == ("1.0.0", "loaded")

    shutil.rmtree(shop.site)
    assert row(bot)[1:] == (
        "failed",
        "the distribution 'acme-opinions' with the entry point 'counts' is not installed; run `pip install "
        "acme-opinions`, or take out what came from it with `loligo tentacle remove`",
    )


def test_new_version_by_pip_is_refused_until_it_is_taken_up_by_a_swap_and_can_be_taken_back(
    bot: BotFolder, shop: Shop
) -> None:
    shop.publish("1.0.0")
    tentacle(bot, "refresh")
    tentacle(bot, "on", "counter")
    with bot.running("run", "--headless", "--speed", "360000") as process:
        bot.wait_until(lambda status: status["next_seq"] > 100)
        shop.publish("1.1.0", '"count"', '"recount"')
        refused = tentacle(bot, "apply", code=1)["swap"]["text"]
        assert "acme-opinions 1.1.0 was installed since, whose entry point 'counts' holds evaluator counter" in refused
        assert refused.endswith("run `loligo tentacle refresh` to take it up, or `loligo tentacle pin counter` to stay")
        taken = tentacle(bot, "refresh")
        assert (taken["changed"], taken["running_bot"]["swap"]["result"]) == (["evaluator counter"], "good")
        back = tentacle(bot, "rollback", "counter")["after"]
        assert (back["version"], back["source"], back["pin"]) == ("1.0.0", "pip", True)
        ask(bot.home, {"do": "stop"})
        assert ended(process).code == 0
    codes = [e.evaluation.code for r in bot.records() for e in r.events if isinstance(e, Evaluated)]
    assert [code for place, code in enumerate(codes) if codes[place - 1 : place] != [code]] == [
        "count",
        "recount",
        "count",
    ]
    assert row(bot)[:2] == ("1.0.0", "loaded")
    assert tentacle(bot, "refresh")["left"] == [
        "acme-opinions, entry point 'counts': evaluator counter is pinned, and stays"
    ]
    tentacle(bot, "unpin", "counter")
    assert "run `loligo tentacle refresh`" in row(bot)[2]
    assert tentacle(bot, "verify", code=1)["failed"] == 1
    assert tentacle(bot, "refresh")["changed"] == ["evaluator counter"]
    assert row(bot)[:2] == ("1.1.0", "loaded")


def test_version_that_wants_a_permission_waits_until_a_person_agrees(bot: BotFolder, shop: Shop) -> None:
    shop.publish("1.0.0")
    tentacle(bot, "refresh")
    tentacle(bot, "on", "counter")
    shop.publish("1.1.0", permissions='["net:a.example"]')
    tentacle(bot, "refresh")
    assert row(bot) == ("1.1.0", "failed", "its permissions wait for you; run `loligo tentacle agree counter`")
    assert tentacle(bot, "agree", "counter", "--yes")["after"]["permissions"] == ["net:a.example"]
    assert row(bot)[:2] == ("1.1.0", "loaded")


def test_distributions_that_cannot_be_read_are_named_with_what_to_do_and_the_others_are_listed(
    bot: BotFolder, shop: Shop
) -> None:
    shop.publish("1.0.0")
    folder = write_tentacle(bot.home.parent, "evaluator", "counter")
    for package in ("second", "broken"):
        shutil.copytree(folder, shop.site / package)
    (shop.site / "broken" / "tentacle.toml").write_text("name = 1\n")
    write_installed(shop.site, "second", "2.0", {"same": "second"}, "second/tentacle.toml")
    write_installed(shop.site, "broken", "3.0", {"it": "broken"}, "broken/tentacle.toml")
    write_installed(shop.site, "gone", "4.0", {"away": "gone.away", "call": "gone:main"}, "gone/__init__.py")
    elsewhere = write_tentacle(bot.home.parent, "evaluator", "edited")
    bot.environment["PYTHONPATH"] += os.pathsep + str(elsewhere.parents[1])
    write_installed(
        shop.site, "edited", "5.0", {"here": "evaluators.edited"}, direct_url='{"dir_info": {"editable":true}}'
    )
    done = tentacle(bot, "refresh", code=1)
    assert done["added"] == ["evaluator counter", "evaluator edited"]
    broken, gone, call, second = done["refused"]
    assert broken.startswith("broken 3.0, entry point 'it': ") and broken.endswith("; tell its author")
    assert gone == (
        "gone 4.0, entry point 'away': it installed no folder gone/away with a tentacle.toml; install it again, or "
        "tell its author"
    )
    assert call.startswith("gone 4.0, entry point 'call': 'gone:main' is no package; expected one that holds")
    assert second == (
        "second, entry point 'same': acme-opinions brings evaluator counter, too, and comes first; uninstall one of "
        "them"
    )
