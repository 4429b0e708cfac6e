"""Bisection: the first suspect with which the check fails is found in as many runs as a halving takes."""

from __future__ import annotations

import json
from math import ceil, log2
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from loligo.registry.registry_file import REGISTRY_FILE, editing
from loligo_bot.health.bisection import TrialFolder, first_bad, good_code, tentacles_of, versions_of
from loligo_kit.bot_folder import BotFolder
from tests.fakes.tentacle_folder import write_registry, write_tentacle


@pytest.mark.parametrize("count", [1, 2, 3, 8, 13])
def test_every_culprit_is_found_in_log2_runs(count: int) -> None:
    def runs(culprit: int) -> int:
        asked: list[int] = []
        assert first_bad(count, lambda n: asked.append(n) or n >= culprit) == culprit
        return len(asked)

    assert max(map(runs, range(1, count + 1))) <= ceil(log2(count))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with three tentacles of its own, of which the first needs the last."""
    home = tmp_path / "bot"
    write_tentacle(home, "evaluator", "alpha", manifest={"requires.tentacles": '{zeta = ">=1"}'})
    write_tentacle(home, "risk_rule", "limit")
    write_tentacle(home, "evaluator", "zeta")
    write_tentacle(home, "venue", "own")
    write_registry(home)
    (home / "config").mkdir(exist_ok=True)
    (home / "state").mkdir()
    (home / "state" / "journal.sqlite").write_text("live")
    desk = {"risk_rules": ["limit", "exposure"]}
    with (home / "config" / "loligo.yaml").open("w") as file:
        YAML().dump({"desks": {"trend": desk}, "feeds": [{"tentacle": "replay"}]}, file)
    return home


def test_suspects_are_what_came_from_others_needed_ones_first(home: Path) -> None:
    assert [one.after.name for one in tentacles_of(home)] == ["zeta", "alpha", "limit"]  # a venue holds the stops


def test_trial_switches_off_the_rest_and_leaves_the_live_folder_alone(home: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    trial = TrialFolder(home, tmp_path / "trial")
    trial.take(tentacles_of(home), 2)
    entries = json.loads((trial.folder / REGISTRY_FILE).read_text())["tentacles"]
    assert {entry["name"] for entry in entries if not entry["enabled"]} == {"limit"}
    config = YAML(typ="safe").load(trial.folder / "config" / "loligo.yaml")
    assert config["desks"]["trend"]["risk_rules"] == ["exposure"]
    assert not (trial.folder / "state" / "journal.sqlite").exists()
    trial.take(tentacles_of(home), 3)
    assert YAML(typ="safe").load(trial.folder / "config" / "loligo.yaml")["desks"]["trend"]["risk_rules"][0] == "limit"
    assert {path: path.read_bytes() for path in home.rglob("*") if path.is_file()} == before


def test_change_since_a_good_generation_is_a_suspect_of_its_own(home: Path, tmp_path: Path) -> None:
    bot = BotFolder(home, home)
    entry = bot.find("zeta")
    old = bot.store.put(bot.content(entry)[1])
    (home / "tentacles/evaluators/zeta/new.py").write_text("x = 1\n")
    with editing(bot.registry) as entries:
        entries[entry.slot] = entry.model_copy(update={"tree_hash": None})
    [suspect] = versions_of(home, {"evaluator/zeta": old, "evaluator/alpha": bot.hash_of(bot.find("alpha"))})
    assert suspect.before is not None
    assert (suspect.after.name, suspect.before.tree_hash, suspect.before.path) == ("zeta", old, None)
    trial = TrialFolder(home, tmp_path / "trial")
    trial.take([suspect], 0)
    assert BotFolder(trial.folder, home).hash_of(BotFolder(trial.folder, home).find("zeta")) == old
    trial.take([suspect], 1)
    assert BotFolder(trial.folder, home).hash_of(BotFolder(trial.folder, home).find("zeta")) != old


def test_good_generation_is_the_newest_that_ran_something_else() -> None:
    def generation(phase: str, tree: str) -> dict[str, object]:
        return {"phase": phase, "slots": [["evaluator/a", tree, ""], ["desk/trend", "", "s"]]}

    rows = [generation("good", "1"), generation("good", "2"), generation("rolled_back", "3"), generation("good", "4")]
    assert good_code(rows, {"evaluator/a": "4"}) == {"evaluator/a": "2"}
    assert good_code(rows[3:], {"evaluator/a": "4"}) == {}
