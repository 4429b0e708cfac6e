"""Which desks may be arms of one test."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any

import pytest
from pydantic import ValidationError

from loligo.config import LoligoConfig
from loligo.errors import ConfigError
from loligo_bot.experiment_config import ExperimentConfig, check_experiments
from loligo_lab.experiment import Limits


def config(kind: str, accounts: tuple[str, str], challenger: str = "b", **other: Any) -> LoligoConfig:
    """Return two desks and a test of them; `other` is what the challenger has otherwise."""
    symbol = "BTC/USD:USD" if kind == "perpetual" else "BTC/USD"
    parts: dict[str, Any] = {"strategy": {"tentacle": "weighted_vote"}, "mode": {"tentacle": "signal_spot"}}
    desk = {"venue": "paper", "instruments": [symbol], "capital": 100, **parts}
    return LoligoConfig.model_validate(
        {
            "venues": {"paper": {"kind": "simulated", "instruments": {symbol: {"kind": kind}, "ETH/USD": {}}}},
            "accounts": {name: {"deposits": {"USD": 1_000}} for name in accounts},
            "desks": {"a": {**desk, "account": accounts[0]}, challenger: {**desk, "account": accounts[1], **other}},
            "experiments": {"test": {"control": "a", "challengers": [challenger]}},
        }
    )


@pytest.mark.parametrize(("kind", "second"), [("spot", "main"), ("spot", "other"), ("perpetual", "other")])
def test_arms_share_a_spot_account_or_have_one_each(kind: str, second: str) -> None:
    check_experiments(config(kind, ("main", second)))


def test_a_perpetual_on_a_shared_account_is_refused_because_the_venue_would_net_the_arms() -> None:
    with pytest.raises(
        ConfigError, match=r'experiments.test: arm "a" trades BTC/USD:USD, a perpetual, on account "main"'
    ):
        check_experiments(config("perpetual", ("main", "main")))


def test_every_guardrail_can_be_set_or_switched_off() -> None:
    limits: dict[str, float | None] = dict.fromkeys((one.name for one in fields(Limits)), None)
    plan = ExperimentConfig(control="a", challengers=("b",), limits=limits).plan("t", {"a": "", "b": ""})
    assert all(value is None for value in asdict(plan.limits).values())
    with pytest.raises(ValidationError, match="stale_minutes is no limit; expected some of"):
        ExperimentConfig(control="a", challengers=("b",), limits={"stale_minutes": 30.0})


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"capital": 90}, "the arms differ in capital: a has 100 USD; b has 90 USD; expected the same for all"),
        ({"balances": {"BTC": "0.50"}}, "differ in capital: a has 100 USD; b has 0.5 BTC, 100 USD; expected the same"),
        ({"instruments": ["ETH/USD"]}, "differ in instruments: a has BTC/USD; b has ETH/USD; expected the same"),
    ],
)
def test_declared_desks_that_cannot_be_compared_are_refused_with_what_each_has(
    other: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigError, match=f"experiments.test: .*{words}"):
        check_experiments(config("spot", ("main", "other"), **other))


def test_accounts_with_other_limits_are_refused_for_a_promotion_would_not_take_them_over() -> None:
    unlike = config("spot", ("main", "other")).model_dump(mode="json")
    unlike["accounts"]["other"]["limits"]["max_daily_loss"] = 0.01
    words = "differ in limits of their accounts: a has those by default; b has max_daily_loss 0.01; expected the same"
    with pytest.raises(ConfigError, match=words):
        check_experiments(LoligoConfig.model_validate(unlike))


def test_other_timeframes_may_be_compared_and_so_may_equal_capital_in_other_digits() -> None:
    check_experiments(config("spot", ("main", "other"), timeframe="4h", capital="100.00"))


def test_a_desk_that_was_made_for_a_test_began_with_what_the_control_was_worth_then() -> None:
    check_experiments(config("spot", ("main", "other"), challenger="test_b", capital="113.20"))
