"""Which desks may be arms of one test."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from loligo.config import LoligoConfig
from loligo.errors import ConfigError
from loligo_bot.experiment_config import ExperimentConfig, check_experiments


def config(kind: str, accounts: tuple[str, str]) -> LoligoConfig:
    symbol = "BTC/USD:USD" if kind == "perpetual" else "BTC/USD"
    parts: dict[str, Any] = {"strategy": {"tentacle": "weighted_vote"}, "mode": {"tentacle": "signal_spot"}}
    desk = {"venue": "paper", "instruments": [symbol], "capital": 100, **parts}
    return LoligoConfig.model_validate(
        {
            "venues": {"paper": {"kind": "simulated", "instruments": {symbol: {"kind": kind}}}},
            "accounts": {name: {"deposits": {"USD": 1_000}} for name in accounts},
            "desks": {name: {**desk, "account": account} for name, account in zip("ab", accounts, strict=True)},
            "experiments": {"test": {"control": "a", "challengers": ["b"]}},
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


def test_a_guardrail_that_no_bot_measures_is_neither_shown_nor_settable() -> None:
    with pytest.raises(ValidationError, match="stale_minutes_per_day"):
        ExperimentConfig(control="a", challengers=("b",), limits={"stale_minutes_per_day": 30.0})
    assert (
        ExperimentConfig(control="a", challengers=("b",)).plan("t", {"a": "", "b": ""}).limits.stale_minutes_per_day
        is None
    )
