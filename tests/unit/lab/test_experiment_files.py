"""An experiment as a file: whoever has it comes to the same verdict."""

from __future__ import annotations

import csv
import io
import json
import random
import re
from dataclasses import fields
from typing import Any

import pytest

from loligo.errors import DataError
from loligo.model.timeframe import DAY_NS
from loligo_lab.experiment import Arm, ArmDay, Day, Plan, Verdict, judge
from loligo_lab.experiment_files import arms_of, as_csv, as_html, as_json, document, is_confirmed, recomputed

CODE = {"evaluator/rsi": {"version": "1.0.0", "tree_hash": "h1:abc"}}
ABOUT: dict[str, Any] = {
    "name": "<script>alert(1)</script>",
    "loligo": "1.0",
    "since": "2024-01-01T00:00:00Z",
    "rule": "Planned for 60 days.",
    "unlike": ['b: </style><img src=x onerror="x">'],
    "arms": [{"name": "a", "code": CODE}, {"name": "=b", "code": CODE}],
    "settings": {"desks": {"a": "</pre><script>"}},
}


def exported(count: int, ahead: float) -> dict[str, Any]:
    """Return an experiment in which the second arm is ahead by so much a day."""
    chance, plan = random.Random(7), Plan(name="test", arms=(Arm(name="a"), Arm(name="=b")), days=60)
    days = []
    for number in range(count):
        both = chance.gauss(0, 0.01)
        own = [both + chance.gauss(0, 0.001), both + chance.gauss(0, 0.001) + ahead]
        arms = [ArmDay(daily_return=one, equity=100.0, closed_trades=number + 1, config_hash="c") for one in own]
        days.append(Day(opened_at_ns=(19_723 + number) * DAY_NS, arms=tuple(arms)))
    return document(plan, days, judge(plan, days), ABOUT)


def test_the_verdict_is_computed_again_from_the_json_alone() -> None:
    told = json.loads(as_json(exported(60, 0.004)))
    assert told["judgement"]["verdict"] == Verdict.CHALLENGER_BETTER
    assert recomputed(told).verdict is Verdict.CHALLENGER_BETTER
    assert is_confirmed(told)


def test_a_day_or_a_verdict_that_was_changed_is_found_out() -> None:
    for way, value in ((("days", 3, "arms", 1, "daily_return"), 0.05), (("judgement", "sentence"), "B wins.")):
        told = json.loads(as_json(exported(60, 0.0)))
        node: Any = told
        for key in way[:-1]:
            node = node[key]
        node[way[-1]] = value
        assert not is_confirmed(told)


@pytest.mark.parametrize("told", [{}, {"format": 2}, {"format": 1, "plan": {"name": 1}, "days": []}])
def test_what_is_no_exported_experiment_is_refused(told: dict[str, Any]) -> None:
    with pytest.raises(DataError, match=r"expected an exported experiment of format 1|not an exported experiment"):
        recomputed(told)


def test_the_html_needs_nothing_else_and_lets_nothing_in() -> None:
    for count in (0, 1, 60):
        page = as_html(exported(count, 0.004))
        assert not re.search(r"<script|<img|src=|href=|https?:|url\(|@import", page.replace("src=x", ""))
        assert "&lt;script&gt;" in page
    assert "=b is better" in page


def test_the_csv_has_a_row_for_each_arm_and_day_and_no_formula() -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv(exported(5, 0.0)))))
    assert [(row["day"], row["arm"]) for row in rows[:3]] == [("1", "a"), ("1", "'=b"), ("2", "a")]
    assert len(rows) == 10
    assert {one.name for one in fields(ArmDay)} < rows[0].keys()
    assert rows[0]["opened_at"] == "2024-01-01T00:00:00Z"  # day 19,723 after 1970


def test_figures_of_an_arm_are_those_of_all_days() -> None:
    told = exported(30, 0.004)
    growth = 1.0
    for day in told["days"]:
        growth *= 1 + day["arms"][1]["daily_return"]
    found = arms_of(told)[1]
    assert (found["letter"], found["growth"], found["trades"]) == ("B", pytest.approx(growth - 1), 30)
    sharpe = next(figure for figure in found["figures"] if figure["name"] == "sharpe")
    assert sharpe["low"] < sharpe["value"] < sharpe["high"]
