"""What the page says of a pair beside its verdict."""

from __future__ import annotations

from typing import Any

import pytest

from loligo_web.experiment_look import now_of


@pytest.mark.parametrize(
    ("risk_scale", "begins"),
    [(1.0, "new is"), (0.5, "At equal risk, with the returns of old counted 0.5 times, new is")],
)
def test_what_is_so_today_says_how_the_control_counts(risk_scale: float, begins: str) -> None:
    effect = {"per_day": -0.0004, "percent_per_month": -1.2, "low_percent_per_month": -2.0}
    pair: dict[str, Any] = {
        **{"control": "old", "challenger": "new", "risk_scale": risk_scale, "verdict": "challenger_better"},
        **{"verdict_day": 40, "day": 90, "effect": {**effect, "high_percent_per_month": -0.5}},
    }
    assert now_of(pair).startswith(f"{begins} 1.20 % a month behind old by now, day 90; anything from")
    assert now_of({**pair, "verdict_day": 90}) == ""
