"""Every hook: a sentence, an entry in tentacles/README.md, and a test here that fails when its call is dropped."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from types import ModuleType

import pytest

from loligo.api import MakeContext
from loligo.host import HookFailure, Host, LoadedTentacle, Relay
from loligo.model.command import TimeAdvanced
from loligo.model.events import Record
from loligo.ports import hooks
from tests.fakes.tentacle_folder import write_registry, write_tentacle

README = Path(__file__).resolve().parents[2] / "tentacles" / "README.md"
HOOKS = sorted(name for name, value in vars(hooks).items() if hasattr(value, f"{hooks.PROJECT}_spec"))
OBSERVER = """
heard = []

@hookimpl
def {hook}({argument}) -> None:
    heard.append({argument})
"""


def load(root: Path, kind: str, body: str = "") -> LoadedTentacle:
    write_tentacle(root, kind, f"a_{kind}", body=body)
    write_registry(root)
    return Host(root, root).load_all()[0]


def handed_over(root: Path, kind: str) -> object:
    """Return what an instance made by the factory of this kind's hook is: here its name and a default setting."""
    loaded = load(root, kind)
    return loaded.create(loaded.make_settings({}), MakeContext())


def observer(root: Path, hook: str, argument: str) -> tuple[Relay, ModuleType]:
    loaded = load(root, "notifier", OBSERVER.format(hook=hook, argument=argument))
    failures: list[HookFailure] = []
    return Relay((loaded,), failures.append), loaded.module


def test_evaluator_hook_hands_over_the_factory_of_an_evaluator(tmp_path: Path) -> None:
    assert handed_over(tmp_path, "evaluator") == ("a_evaluator", 14)


def test_strategy_hook_hands_over_the_factory_of_a_strategy(tmp_path: Path) -> None:
    assert handed_over(tmp_path, "strategy") == ("a_strategy", 14)


def test_trading_mode_hook_hands_over_the_factory_of_a_trading_mode(tmp_path: Path) -> None:
    assert handed_over(tmp_path, "trading_mode") == ("a_trading_mode", 14)


def test_risk_rule_hook_hands_over_the_factory_of_a_risk_rule(tmp_path: Path) -> None:
    assert handed_over(tmp_path, "risk_rule") == ("a_risk_rule", 14)


def test_feed_hook_hands_over_the_factory_of_a_feed(tmp_path: Path) -> None:
    assert handed_over(tmp_path, "feed") == ("a_feed", 14)


def test_venue_hook_hands_over_the_factory_of_a_venue(tmp_path: Path) -> None:
    assert handed_over(tmp_path, "venue") == ("a_venue", 14)


def test_interface_hook_hands_over_the_factory_of_an_interface(tmp_path: Path) -> None:
    assert handed_over(tmp_path, "interface") == ("a_interface", 14)


def test_notifier_hook_hands_over_the_factory_of_a_notifier(tmp_path: Path) -> None:
    assert handed_over(tmp_path, "notifier") == ("a_notifier", 14)


def test_automation_hook_hands_over_the_factory_of_an_automation(tmp_path: Path) -> None:
    assert handed_over(tmp_path, "automation") == ("a_automation", 14)


def test_bot_started_hook_hears_the_names_of_the_desks(tmp_path: Path) -> None:
    relay, module = observer(tmp_path, "bot_started", "desks")
    relay.bot_started(("btc", "eth"))
    assert module.heard == [("btc", "eth")]


def test_bot_stopping_hook_hears_the_reason(tmp_path: Path) -> None:
    relay, module = observer(tmp_path, "bot_stopping", "reason")
    relay.bot_stopping("asked to")
    assert module.heard == ["asked to"]


def test_records_committed_hook_hears_the_records(tmp_path: Path) -> None:
    relay, module = observer(tmp_path, "records_committed", "records")
    records = [Record(seq=1, input=TimeAdvanced(ts=1), events=[])]
    relay.records_committed(records)
    assert module.heard == [records]


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_has_one_sentence_an_entry_in_the_readme_and_a_test(hook: str) -> None:
    sentence = inspect.getdoc(getattr(hooks, hook)) or ""
    assert re.fullmatch(r"[A-Z][^.\n]*\.", sentence), f"{hook}: expected one sentence, found {sentence!r}"
    assert re.search(rf"^#+ `{hook}\(", README.read_text(), re.MULTILINE), f"{hook} has no entry in {README.name}"
    assert any(name.startswith(f"test_{hook}_hook_") for name in globals()), f"{hook} has no test in this file"


def test_what_the_relay_calls_are_exactly_the_hooks_that_hand_over_nothing() -> None:
    calls = {name: value for name, value in vars(Relay).items() if not name.startswith("_")}
    assert sorted(calls) == sorted(set(HOOKS) - set(hooks.KINDS))
    for name, call in calls.items():
        asked = [parameter for parameter in inspect.signature(call).parameters if parameter != "self"]
        assert asked == list(inspect.signature(getattr(hooks, name)).parameters)
