"""Conditions and actions of a rule as rows of a form: what comes back is what was set, whatever it was."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from loligo_web.rule_form import (
    ACTIONS,
    CHOICES,
    CONDITIONS,
    MOST_ROWS,
    Row,
    placed,
    rows_in,
    rows_of,
    settings_in,
    with_another,
)
from tests.tentacles.conftest import load_tentacle

BTC = "coinbase:BTC/USD"
SETTINGS: list[tuple[str, dict[str, Any]]] = [
    (CONDITIONS, {"kind": "hours"}),
    (CONDITIONS, {"kind": "hours", "begins": "22:30", "ends": "06:00", "zone": "Europe/Berlin"}),
    (CONDITIONS, {"kind": "desk", "desk": "trend"}),
    (CONDITIONS, {"kind": "desk", "desk": "trend", "state": "paused"}),
    (CONDITIONS, {"kind": "position"}),
    (CONDITIONS, {"kind": "position", "desk": "trend", "instrument": BTC, "is_held": False}),
    (CONDITIONS, {"kind": "value", "instrument": BTC, "level": 9000.5}),
    (CONDITIONS, {"kind": "value", "value": "equity", "desk": "trend", "relation": "below", "level": -3}),
    (CONDITIONS, {"kind": "value", "value": "profit", "desk": "gone", "level": 1e-7}),
    (CONDITIONS, {"kind": "value", "value": "drawdown", "desk": "account:paper", "level": 12}),
    (ACTIONS, {"do": "notify"}),
    (ACTIONS, {"do": "notify", "level": "problem", "text": "{why}: look"}),
    (ACTIONS, {"do": "pause", "desk": "trend"}),
    (ACTIONS, {"do": "resume"}),
    (ACTIONS, {"do": "cancel_orders", "desk": "account:paper"}),
    (ACTIONS, {"do": "flatten", "desk": "trend", "instrument": BTC}),
    (ACTIONS, {"do": "switch", "tentacle": "evaluator/rsi"}),
    (ACTIONS, {"do": "switch", "tentacle": "evaluator/rsi", "on": True}),
    (ACTIONS, {"do": "report", "arguments": {"period": "week"}}),
    (ACTIONS, {"do": "backtest", "arguments": {"since": "2018-01-01"}}),
    (ACTIONS, {"do": "retry"}),
]


def parts() -> Any:
    return load_tentacle("automations/rule").settings


def form_of(section: str, rows: list[Row]) -> dict[str, str]:
    """Return what a browser sends of rows: every field that is drawn."""
    form = {}
    for row in rows:
        form[f"{section}.{row.number}.is"] = row.chosen
        for one in CHOICES[section][row.chosen].inputs if row.chosen else ():
            form[f"{section}.{row.number}.{one.name}"] = row.values.get(one.name, one.usual)
    return form


@pytest.mark.parametrize(("section", "given"), SETTINGS, ids=[str(one) for _, one in SETTINGS])
def test_what_is_set_comes_back_as_it_was(section: str, given: dict[str, Any]) -> None:
    model = {CONDITIONS: parts().Condition, ACTIONS: parts().Action}[section]
    rows = rows_in(section, form_of(section, rows_of(section, [given])))
    found, faults = settings_in(section, rows, ["evaluator/rsi"])
    assert faults == {}
    assert [model.model_validate(one) for one in found] == [model.model_validate(given)]


def test_every_kind_of_condition_and_action_can_be_chosen() -> None:
    for section, model, name in ((CONDITIONS, parts().Condition, "kind"), (ACTIONS, parts().Action, "do")):
        known = set(get_args(model.model_fields[name].annotation))
        assert {choice.fixed[name] for choice in CHOICES[section].values()} == known


def test_rows_keep_their_numbers_and_what_is_wrong_stands_at_its_field() -> None:
    form = {
        "conditions.0.is": "",
        "conditions.2.is": "price_above",
        "conditions.2.level": "many",
        "conditions.5.is": "running",
        "conditions.x.is": "running",
        "conditions.7.is": "nonsense",
    }
    rows = rows_in(CONDITIONS, form)
    assert [(one.number, one.chosen) for one in rows] == [(0, ""), (2, "price_above"), (5, "running"), (7, "")]
    _, faults = settings_in(CONDITIONS, rows, [])
    assert faults == {"conditions.2.level": "'many': expected a number, such as 9000"}
    said = {"conditions.1.desk": "a", "conditions.1": "b", "conditions.9.level": "c", "level": "d", "actions": "e"}
    assert placed(said, conditions=rows) == {
        "conditions.5.desk": "a", "conditions.5.is": "b", "conditions": "c", "level": "d", "actions": "e",
    }  # fmt: skip
    assert [one.number for one in with_another(rows)] == [0, 2, 5, 7, 8]
    assert len(with_another([Row(number) for number in range(MOST_ROWS)])) == MOST_ROWS


@pytest.mark.parametrize(
    ("row", "field"),
    [
        (Row(0, "switch", {"tentacle": "evaluator/nonsense"}), "tentacle"),
        (Row(0, "backtest", {"arguments": "{"}), "arguments"),
        (Row(0, "backtest", {"arguments": "[" * 99_999}), "arguments"),
    ],
)
def test_what_no_choice_or_no_json_is_told(row: Row, field: str) -> None:
    assert list(settings_in(ACTIONS, [row], ["evaluator/rsi"])[1]) == [f"actions.0.{field}"]
