"""Which days of a test count: those that lie whole between its start and its end."""

from __future__ import annotations

from typing import Any

import pytest

from loligo.model.timeframe import DAY_NS
from loligo_bot.experiment_config import ExperimentConfig
from loligo_bot.experiments.standing import Led, standing_of
from loligo_bot.recipe import Recipe
from loligo_lab.experiment import Verdict

ONE = ExperimentConfig(control="old", challengers=("new",))
DAYS = 40


class Rows:
    """The read models of two desks that gain and lose a little, day by day, at midnight."""

    def rows(self, projection: str, *, desk: str = "", below: dict[str, int] | None = None, **_: Any) -> list[Any]:
        if projection != "desk_days":
            return []
        counts = {"answers": 24, "orders": 1, "rejected": 0, "trades": 1, "fees": 0.0, "turnover": 0.0, "exposure": 0.0}
        worth = [1_000.0 + (desk == "new") * day % 3 for day in range(DAYS)]
        known = min(DAYS, below["day"]) if below else DAYS
        return [{"day": day, "equity": worth[day], "low": None, "high": None, **counts} for day in range(1, known)]


def led(number: int, since_ns: int, *, ended: bool = False, capital: int = 1_000, fast: int = 5) -> Led:
    desk = {
        "account": "paper",
        "venue": "coinbase",
        "instruments": ["BTC/USD"],
        "timeframe": "1h",
        "capital": capital,
        "strategy": {"tentacle": "vote", "settings": {"fast": fast}},
        "mode": {"tentacle": "spot"},
        "evaluators": [],
        "risk_rules": [],
    }
    section = ONE.model_copy(update={"ended": ended}).model_dump(mode="json")
    config = {
        "desks": {"old": desk, "new": desk},
        "accounts": {"paper": {"limits": {}}},
        "venues": {"coinbase": {}},
        "experiments": {"test": section},
    }
    return Led(number=number, since_ns=since_ns, recipe=Recipe(config, {"tentacles": []}), slots=[])


@pytest.mark.parametrize(
    ("end_ns", "days"),
    [(30 * DAY_NS + 1, 29), (30 * DAY_NS + DAY_NS // 2, 29), (31 * DAY_NS, 29), (31 * DAY_NS + 1, 30)],
    ids=["just after midnight", "noon", "midnight", "just after the next"],
)
def test_a_promotion_is_no_change_of_the_last_day_that_counts(end_ns: int, days: int) -> None:
    """It began with day 1; what comes at midnight belongs to the day that ends then, which then does not count."""
    found = standing_of("test", ONE, [led(1, DAY_NS), led(2, end_ns, ended=True, fast=9)], Rows(), 35)  # type: ignore[arg-type]
    assert found is not None
    assert (found.until_ns, len(found.days)) == (end_ns, days)
    assert found.judgement.verdict is not Verdict.INVALID


def test_an_end_that_was_taken_back_is_none() -> None:
    known = [led(1, DAY_NS), led(2, 10 * DAY_NS + 5, ended=True), led(1, 10 * DAY_NS + 6)]
    found = standing_of("test", ONE, known, Rows(), 35)  # type: ignore[arg-type]
    assert found is not None
    assert (found.until_ns, len(found.days)) == (0, 34)
