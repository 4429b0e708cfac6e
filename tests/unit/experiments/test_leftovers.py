"""What a test leaves in the files, and what of it others still need."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from loligo_bot.experiment_config import ExperimentConfig
from loligo_bot.experiments.leftovers import leftovers_of, without


def desk(account: str, strategy: str = "vote") -> dict[str, Any]:
    return {
        "account": account,
        "strategy": {"tentacle": strategy},
        "mode": {"tentacle": "spot"},
        "evaluators": [],
        "risk_rules": [],
    }


CONFIG: dict[str, Any] = {
    "desks": {"trend": desk("paper"), "tuned_b": desk("tuned_b", "vote@1a2b"), "other": desk("paper")},
    "accounts": {"paper": {}, "tuned_b": {}},
}


def test_a_desk_that_was_made_goes_with_its_account_and_the_version_that_it_alone_runs() -> None:
    gone = leftovers_of("tuned", ExperimentConfig(control="trend", challengers=("tuned_b",)), CONFIG)
    assert gone.told() == ["desk tuned_b", "account tuned_b", "version strategy/vote@1a2b"]
    left = without(CONFIG, gone)
    assert (set(left["desks"]), set(left["accounts"])) == ({"trend", "other"}, {"paper"})
    assert "tuned_b" in CONFIG["desks"]


def test_a_desk_that_was_made_under_a_name_goes_too() -> None:
    config = {**CONFIG, "desks": {**CONFIG["desks"], "tuned_fast": desk("paper")}}
    gone = leftovers_of("tuned", ExperimentConfig(control="trend", challengers=("tuned_fast", "other")), config)
    assert gone.desks == ("tuned_fast",)


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        ("tuned", {"other": desk("paper", "vote@1a2b")}, ["desk tuned_b", "account tuned_b"]),
        ("tuned", {"other": desk("tuned_b")}, ["desk tuned_b", "version strategy/vote@1a2b"]),
        ("tuned", {"tuned_b": desk("paper")}, ["desk tuned_b"]),  # it had a share of the control's account
        ("else", {}, []),  # its challenger was there before
    ],
    ids=["version of another", "account of another", "shared account", "a desk that was there"],
)
def test_what_others_use_and_what_was_there_before_stays(name: str, change: dict[str, Any], told: list[str]) -> None:
    config = copy.deepcopy(CONFIG)
    config["desks"] |= change
    one = ExperimentConfig(control="trend", challengers=("tuned_b",))
    assert leftovers_of(name, one, config).told() == told
