"""How the answer of a verb is laid out as rows, facts or points of a tentacle's view."""

from __future__ import annotations

from typing import Any

import pytest

from loligo.errors import LoligoError
from loligo_bot.door.view_parts import LONGEST, MOST_ROWS, columns_of, laid_out
from loligo_kit.views import Part

SAID = {
    "time": "2018-01-01T00:00:00Z",
    "rows": [
        {"at_ms": 2000, "instrument": "x:A/B", "said": [{"who": "rsi", "value": 0.5}, {"who": "macd", "value": None}]},
        {"at_ms": 1000, "instrument": "x:C/D", "said": [{"who": "rsi", "value": -0.25}]},
    ],
}


def part(**changes: Any) -> Part:
    given = {"title": "Said", "verb": "evaluations", "rows": "rows.said", "fields": {"who": "Who"}} | changes
    return Part.model_validate(given)


def test_rows_of_inner_lists_have_what_they_lie_in() -> None:
    fields = {"instrument": "Market", "who": "Who", "value": "Opinion", "time": "When"}
    assert laid_out(SAID, part(fields=fields))["rows"] == [
        ["x:A/B", "rsi", 0.5, SAID["time"]],
        ["x:A/B", "macd", None, SAID["time"]],
        ["x:C/D", "rsi", -0.25, SAID["time"]],
    ]


def test_only_rows_with_what_is_asked_for_are_shown() -> None:
    assert laid_out(SAID, part(where={"who": "rsi"}, fields={"value": "Opinion"}))["rows"] == [[0.5], [-0.25]]


def test_points_are_in_order_of_time_and_leave_out_what_is_unknown() -> None:
    series = part(show="series", fields={"value": "Opinion"})
    assert laid_out(SAID, series) == {"points": [(1000, -0.25), (2000, 0.5)]}


def test_a_time_in_words_is_drawn_at_its_instant() -> None:
    answer = {"rows": [{"time": "1970-01-01T00:00:02Z", "value": 7}]}
    series = part(show="series", rows="rows", at="time", fields={"value": "Opinion"})
    assert laid_out(answer, series) == {"points": [(2000, 7.0)]}


def test_what_lies_under_names_has_them_as_its_key() -> None:
    answer = {"desks": {"trend": {"equity": 5.0}, "dips": {"equity": None}}}
    fields = {"key": "Desk", "equity": {"title": "Equity", "as": "amount"}}
    assert laid_out(answer, part(rows="desks", fields=fields))["rows"] == [["trend", 5.0], ["dips", None]]


def test_facts_are_of_the_first_row_or_of_the_answer_itself() -> None:
    facts = part(show="facts", rows=None, fields={"time": "When"})
    assert laid_out(SAID, facts)["rows"] == [[SAID["time"]]]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"fields": {"whom": "Who"}}, 'the answer of evaluations has no "whom" (did you mean "who"?)'),
        ({"rows": "rows.sayd"}, 'has no "sayd" (did you mean "said"?)'),
        ({"rows": "time"}, '"time" in the answer of evaluations is no list'),
        ({"where": {"name": "rsi"}}, 'has no "name"'),
    ],
)
def test_a_field_that_is_not_there_is_said_by_name(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(LoligoError) as caught:
        laid_out(SAID, part(**changes))
    assert said in str(caught.value)


def test_however_large_an_answer_is_what_is_made_of_it_is_bounded() -> None:
    answer = {"rows": [{"at_ms": n, "who": "x" * 1000, "value": 1.0} for n in range(MOST_ROWS + 500)]}
    assert laid_out(answer, part(rows="rows", limit=3))["rows"] == [["x" * LONGEST]] * 3
    points = laid_out(answer, part(rows="rows", show="series", fields={"value": "Value"}))["points"]
    assert len(points) == MOST_ROWS


def test_what_is_no_number_is_not_known_where_one_is_wanted() -> None:
    answer = {"rows": [{"value": text} for text in ("12.50", "many", None, float("nan"))]}
    shown = laid_out(answer, part(rows="rows", fields={"value": {"title": "Value", "as": "amount"}}))
    assert shown["rows"] == [["12.50"], [None], [None], [None]]


def test_how_a_value_is_written_is_seen_from_its_name_where_nobody_says() -> None:
    names = ("time", "closed_at", "instrument", "evaluator", "code")
    looks = [one.look for one in columns_of(part(fields=dict.fromkeys(names, "X")))]
    assert looks == ["time", "time", "market", "evaluator", "text"]
