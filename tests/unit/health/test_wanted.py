"""What is wanted less what is kept off: rules that a person switched off are refused, those of safe mode deny."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from loligo.config import LoligoConfig
from loligo.engine.swap import exported, restore
from loligo.errors import TentacleOff
from loligo.registry.registry_file import REGISTRY_FILE, editing
from loligo_bot.health.wanted import KeptOff, load_running, load_wanted
from loligo_bot.plan import RuleOff
from tests.fakes.tentacle_folder import write_registry, write_tentacle

DESK = {
    "venue": "v",
    "account": "a",
    "instruments": ["BTC/USD"],
    "capital": 1,
    "strategy": {"tentacle": "s"},
    "mode": {"tentacle": "m"},
    "risk_rules": ["limit"],
}
CONFIG = LoligoConfig.model_validate({"desks": {"trend": DESK}})


@pytest.fixture
def home(tmp_path: Path) -> Path:
    write_tentacle(tmp_path, "evaluator", "basis")
    write_tentacle(tmp_path, "evaluator", "needy", manifest={"requires.tentacles": '{basis = ">=1"}'})
    write_tentacle(tmp_path, "risk_rule", "limit")
    write_registry(tmp_path)
    return tmp_path


def loaded(home: Path, off: KeptOff) -> set[str]:
    return set(load_wanted(home, CONFIG, off, keeps=False)[1].hashes)


def test_quarantined_one_is_off_with_what_needs_it_and_the_registry_stays(home: Path) -> None:
    before = (home / REGISTRY_FILE).read_bytes()
    _, wanted = load_wanted(home, CONFIG, KeptOff(quarantined={"evaluator basis": "it fails"}), keeps=False)
    assert set(wanted.hashes) == {"risk_rule limit"}
    assert wanted.dependents == {"evaluator needy": "it needs evaluator basis, which is off: it fails"}
    assert (home / REGISTRY_FILE).read_bytes() == before
    assert loaded(home, KeptOff(quarantined={})) == {"evaluator basis", "evaluator needy", "risk_rule limit"}


def test_version_that_runs_is_loaded_again_while_somebody_edits_its_folder(home: Path) -> None:
    _, taken = load_wanted(home, CONFIG, KeptOff(quarantined={}), keeps=True)
    running = dict(taken.hashes)
    (home / "tentacles" / "risk_rules" / "limit" / "__init__.py").write_text("half a fi")
    _, again = load_running(home, taken, KeptOff(quarantined={"evaluator needy": "it fails"}), running)
    del running["evaluator needy"]
    assert again.hashes == running
    assert again.registry == taken.registry


def test_another_version_than_the_one_that_failed_may_come(home: Path) -> None:
    failed = load_wanted(home, CONFIG, KeptOff(quarantined={}), keeps=False)[1].hashes["evaluator needy"]
    off = KeptOff(quarantined={"evaluator needy": "it fails"}, versions={"evaluator needy": failed})
    assert "evaluator needy" not in loaded(home, off)
    with (home / "tentacles" / "evaluators" / "needy" / "__init__.py").open("a") as file:
        file.write("# mended\n")
    with editing(home / REGISTRY_FILE) as entries:
        entries["evaluator needy"] = entries["evaluator needy"].model_copy(update={"tree_hash": None})
    assert "evaluator needy" in loaded(home, off)
    assert "evaluator needy" not in loaded(home, replace(off, versions={}))


def test_safe_mode_leaves_out_rules_too(home: Path) -> None:
    assert loaded(home, KeptOff(quarantined={}, safe_mode="it was asked for")) == set()


def test_rule_that_a_person_switched_off_is_refused_while_a_desk_names_it(home: Path) -> None:
    with editing(home / REGISTRY_FILE) as entries:
        entries["risk_rule limit"] = entries["risk_rule limit"].model_copy(update={"enabled": False})
    with pytest.raises(TentacleOff, match=r"desks\.trend\.risk_rules: risk_rule limit is off: .* or take it out"):
        loaded(home, KeptOff(quarantined={}))


def test_stand_in_of_a_rule_has_no_answer_and_keeps_the_state_of_the_rule() -> None:
    rule = RuleOff()
    assert rule.export_state() is None
    restore(rule, {"version": 7, "state": {"asked": 3}})
    assert exported(rule) == {"version": 7, "state": {"asked": 3}}
    assert not hasattr(rule, "check")
