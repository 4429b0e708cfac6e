"""Days of experiments for tests: returns in, closed days out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from loligo.api import DAY_NS
from loligo_lab.experiment import Arm, ArmDay, Day, Limits, Plan

# Limits that no made-up return can break: a test of one of them sets that one.
NO_LIMITS = Limits(
    drawdown=None,
    worst_day=None,
    drawdown_ratio=None,
    turnover_per_day=None,
    fees_per_month=None,
    exposure=None,
    refused_orders=None,
    stale_minutes_per_day=None,
    correlation=None,
    skew=None,
)


def plan_of(**changes: Any) -> Plan:
    """Return a plan of two arms, open-ended over 180 days, without limits."""
    given: dict[str, Any] = {"name": "test", "arms": (Arm(name="old"), Arm(name="new")), "limits": NO_LIMITS}
    return Plan(**(given | changes))


def days_of(*arms: Sequence[float] | npt.NDArray[np.float64], trades_per_day: int = 1) -> list[Day]:
    """Return days on which the arms returned that, the control first, starting with 10,000 each."""
    worth = [10_000.0 * np.cumprod(1.0 + np.asarray(arm)) for arm in arms]
    return [
        Day(
            opened_at_ns=number * DAY_NS,
            arms=tuple(
                ArmDay(
                    daily_return=float(arm[number]),
                    equity=float(equity[number]),
                    closed_trades=(number + 1) * trades_per_day,
                    events=1_440,
                    fee_schedule="f",
                    config_hash=f"c{at}",
                )
                for at, (arm, equity) in enumerate(zip(arms, worth, strict=True))
            ),
        )
        for number in range(len(arms[0]))
    ]


def noise(seed: int, days: int, sd: float = 0.004) -> npt.NDArray[np.float64]:
    """Return normal daily returns of mean 0."""
    return np.random.default_rng(seed).standard_normal(days) * sd
