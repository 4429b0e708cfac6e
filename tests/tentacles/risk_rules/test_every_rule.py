"""What holds for every bundled risk rule: the hook, the tier, the state, plain numbers, a README."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from loligo.api import Outcome, Tier, Verdict

RULES = Path(__file__).resolve().parents[3] / "tentacles" / "risk_rules"
TIERS = {
    Tier.POSITION: {"leverage", "position_size", "protective_stop"},
    Tier.STRATEGY: {
        "confidence",
        "cooldown",
        "daily_trades",
        "instrument_lock",
        "loss_streak",
        "open_positions",
        "stop_guard",
    },
    Tier.ACCOUNT: {
        "buying_power",
        "daily_loss",
        "drawdown",
        "exposure",
        "minimum_balance",
        "order_rate",
        "price_age",
        "price_collar",
    },
}
NAMES = sorted(name for names in TIERS.values() for name in names)


def test_every_bundled_rule_is_tested_here() -> None:
    assert sorted(path.parent.name for path in RULES.glob("*/tentacle.toml")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_rule_stands_in_its_tier_and_passes_a_modest_entry(
    make_rule: Callable[..., Any], view: Any, buy: Callable[..., Any], name: str
) -> None:
    rule = make_rule(name)
    verdict = rule.check(buy("1"), view())
    assert name in TIERS[rule.tier]
    assert isinstance(verdict, Verdict) and verdict.outcome is Outcome.PASSED
    assert all(type(number) is float for number in verdict.numbers)


@pytest.mark.parametrize("name", NAMES)
def test_rule_changes_neither_with_a_state_round_trip_nor_by_being_asked(
    make_rule: Callable[..., Any], view: Any, buy: Callable[..., Any], name: str
) -> None:
    rule, other = make_rule(name), make_rule(name)
    before = rule.export_state()
    rule.check(buy("1000", stop_loss_price=None), view(available=Decimal(1)))
    assert rule.export_state() == before
    other.restore_state(json.loads(json.dumps(before)))
    assert other.export_state() == before


@pytest.mark.parametrize("name", NAMES)
def test_rule_refuses_unknown_settings(make_rule: Callable[..., Any], name: str) -> None:
    with pytest.raises(ValidationError, match="no_such_setting"):
        make_rule(name, no_such_setting=1)


@pytest.mark.parametrize("name", NAMES)
def test_manifest_names_the_folder_and_the_state_version(make_rule: Callable[..., Any], name: str) -> None:
    manifest = tomllib.loads((RULES / name / "tentacle.toml").read_text())
    assert (manifest["name"], manifest["kind"], manifest["hooks"]) == (name, "risk_rule", ["risk_rule"])
    assert manifest["state"]["version"] == make_rule(name).state_version
    assert (RULES / name / "README.md").is_file()
