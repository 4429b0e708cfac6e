"""What `loligo tentacle dev` does to the registry while others change it, too."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from loligo.errors import NotRunning
from loligo.registry.registry_file import REGISTRY_FILE, editing, load_registry
from loligo_kit.bot_folder import BotFolder
from loligo_kit.discovery import refresh
from loligo_kit.installer import Installer
from loligo_kit.scaffold import scaffold
from loligo_testing.dev import Bench


class Shell:
    """The command line in a folder where no bot runs; `meanwhile` happens while a save is judged."""

    def __init__(self, home: Path) -> None:
        self.home, self.bundled = home, home / "bundled"
        self.meanwhile: Callable[[], object] = lambda: None

    def judge(self, *version: Any, **more: Any) -> None:
        self.meanwhile()

    def ask(self, request: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        raise NotRunning("no bot runs here")


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.fixture
def folder(shell: Shell) -> Path:
    """A tentacle in the registry, which was saved since."""
    found, _ = scaffold(shell.home, "evaluator", "mine")
    refresh(shell.home / REGISTRY_FILE)
    logic = found / "logic.py"
    logic.write_text(logic.read_text().replace('"change", (change,)', '"gain", (change,)'))
    return found


def test_a_tentacle_that_is_switched_off_while_its_save_is_checked_stays_off(shell: Shell, folder: Path) -> None:
    bot = BotFolder(shell.home, shell.bundled)
    before = bot.find("mine")
    shell.meanwhile = lambda: Installer(bot, shell.judge).switch("mine", is_on=False)
    steps = {step.name: step.text for step in Bench(shell, folder).take()}
    after = bot.find("mine")
    assert not after.enabled and after.tree_hash != before.tree_hash
    assert steps["live"] == "not: evaluator mine is off; `loligo tentacle on mine`"


def test_a_tentacle_that_is_removed_while_its_save_is_checked_does_not_come_back(shell: Shell, folder: Path) -> None:
    bot = BotFolder(shell.home, shell.bundled)
    shell.meanwhile = lambda: Installer(bot, shell.judge).remove("mine")
    last = list(Bench(shell, folder).take())[-1]
    assert load_registry(bot.registry).tentacles == []
    assert last.is_done and "does not list it" in last.text


def test_a_folder_that_was_gone_back_from_says_how_it_leads_again(shell: Shell, folder: Path) -> None:
    bot = BotFolder(shell.home, shell.bundled)
    with editing(bot.registry) as entries:
        entry = entries["evaluator mine"]
        entries[entry.slot] = entry.model_copy(update={"path": None, "source": "installed"})
    last = list(Bench(shell, folder).take())[-1]
    assert last.text.endswith(f"not this folder; `loligo tentacle update evaluator/mine {folder}` lets it lead")


def test_a_registry_that_is_broken_while_a_save_is_checked_ends_it_with_a_sentence(shell: Shell, folder: Path) -> None:
    shell.meanwhile = lambda: (shell.home / REGISTRY_FILE).write_text("{")
    last = list(Bench(shell, folder).take())[-1]
    assert (last.is_done, last.name) == (False, "registry")
    assert "not valid JSON" in last.text
