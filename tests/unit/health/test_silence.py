"""When a live feed counts as silent."""

from __future__ import annotations

from typing import Any

import pytest

from loligo.config import LoligoConfig
from loligo_bot.health.silence import silent_after_s, with_silence

MINUTE_S, HOUR_S = 60.0, 3_600.0


def config(*timeframes: str, evaluator: str | None = None, **health: Any) -> LoligoConfig:
    evaluators = [{"tentacle": "rsi", "timeframe": evaluator}] if evaluator else []
    desk = {
        "venue": "sim",
        "account": "main",
        "instruments": ["BTC/USD"],
        "capital": 1000,
        "evaluators": evaluators,
        "strategy": {"tentacle": "weighted_vote"},
        "mode": {"tentacle": "signal_spot"},
    }
    return LoligoConfig.model_validate(
        {
            "venues": {"sim": {"kind": "simulated", "instruments": {"BTC/USD": {}}}},
            "accounts": {"main": {"deposits": {"USD": 10_000}}},
            "desks": {f"desk{n}": {**desk, "timeframe": one} for n, one in enumerate(timeframes)},
            "health": health,
        }
    )


@pytest.mark.parametrize(
    ("made", "expected_s"),
    [
        (config("1h"), 3 * HOUR_S),
        (config("1d", "5m"), 15 * MINUTE_S),  # the shortest of all desks
        (config("1h", evaluator="1m"), 3 * MINUTE_S),
        (config("1h", feed_silent_s=20), 20.0),
    ],
)
def test_a_feed_is_silent_after_three_of_the_shortest_candles_or_as_set(made: LoligoConfig, expected_s: float) -> None:
    assert silent_after_s(made) == expected_s


@pytest.mark.parametrize(
    ("told", "state"),
    [
        ({"state": "running", "error": "", "silence_s": 179.0}, "running"),
        ({"state": "running", "error": "", "silence_s": 181.0}, "silent"),
        ({"state": "failing", "error": "refused", "silence_s": 999.0}, "failing"),  # that says more
        ({"state": "running", "error": ""}, "running"),  # a replay
    ],
)
def test_only_what_runs_and_brings_nothing_is_silent(told: dict[str, Any], state: str) -> None:
    assert with_silence(told, 180.0)["state"] == state


def test_how_long_it_is_silent_is_said() -> None:
    told = with_silence({"state": "running", "error": "", "silence_s": 5_400.0}, 180.0)
    assert told["error"] == "nothing came for 90 min; silent after 3 min"
