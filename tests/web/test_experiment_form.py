"""The form that begins an A/B test: what was filled in as arguments of verbs, and what other pages propose."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from loligo_web.candidates import of_backtest, of_settings
from loligo_web.experiment_form import Fields, Form, form_of, plan_arguments, proposed, start_arguments
from loligo_web.places import Place

TWO: Fields = {
    "name": ["t"],
    "control": ["trend"],
    "arm0.key": ["timeframe", ""],
    "arm0.value": ["4h", "left over"],
    "arm3.name": ["fast"],
    "arm3.strategy": ["dip_buyer"],
    "arm3.evaluators": ["rsi", "macd"],
    "arm3.scale": [" 1.5 "],
    "arm3.key": ["strategy.settings.floor", "limits.stop_loss"],
    "arm3.value": ["0.1", "null"],
    "margin": ["2"],
    "drawdown": ["20"],
}


def test_arms_become_variants_and_those_in_which_nothing_stands_are_left_out() -> None:
    faults: dict[str, str] = {}
    asked = start_arguments(form_of(TWO), faults)
    assert not faults
    assert asked["variants"] == [
        {"changes": {"timeframe": "4h"}},
        {
            "changes": {
                **{"strategy": "dip_buyer", "evaluators": ["rsi", "macd"]},
                **{"strategy.settings.floor": 0.1, "limits.stop_loss": None},
            },
            "name": "fast",
        },
    ]
    assert (asked["risk_scale"], asked["margin_per_year"], asked["limits"]) == ({"fast": 1.5}, 0.02, {"drawdown": 0.2})


def test_another_version_may_be_compared_at_equal_risk() -> None:
    faults: dict[str, str] = {}
    given: Fields = {"way": ["version"], "versions": ["evaluator/rsi = 3f2a9c"], "version_scale": ["1.5"]}
    asked = start_arguments(form_of(given), faults)
    assert (asked["risk_scale"], faults) == ({"b": 1.5}, {})
    assert "risk_scale" not in start_arguments(form_of({**given, "version_scale": [""]}), faults)
    assert form_of(given).with_faults({"risk_scale.b": "too much"}).loose == []  # it stands at its field


def test_a_plan_is_asked_for_as_many_challengers_as_there_are() -> None:
    faults: dict[str, str] = {}
    assert plan_arguments(form_of(TWO), faults) == [{"sharpe_difference": 1.0, "challengers": 2, "unlike": True}]
    desks = {"way": ["desks"], "control": ["a"], "challengers": ["b", "c"], "effect": ["2"], "days": ["90"]}
    both = {"sharpe_difference": 2.0, "days": "90", "challengers": 2}
    assert plan_arguments(form_of(desks), faults) == [
        {**both, "control": "a", "challenger": "b"},
        {**both, "control": "a", "challenger": "c"},
    ]
    known = {**desks, "correlation": ["0.9"]}
    assert plan_arguments(form_of(known), faults)[0] == {**both, "correlation": 0.9}
    assert not faults
    plan_arguments(form_of({"effect": ["much"]}), faults)
    assert faults == {"sharpe_difference": '"much": expected a number'}


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({}, "variants.0.changes", "at least one setting"),
        ({"way": ["desks"]}, "challengers", "at least one"),
        ({"way": ["version"], "versions": ["rsi"]}, "versions", '"rsi": expected KIND/NAME = HASH'),
        ({**TWO, "margin": ["-1"]}, "margin", "expected a percentage of 0 or more, below 1000"),
        ({**TWO, "drawdown": ["0"]}, "drawdown", "expected a percentage above 0, at most 100"),
    ],
)
def test_what_cannot_be_read_is_told_at_its_field(fields: Fields, field: str, words: str) -> None:
    faults: dict[str, str] = {}
    start_arguments(form_of(fields), faults)
    assert words in faults[field]


def test_faults_that_stand_at_no_field_are_told_together() -> None:
    names = ("days", "variants.1.changes.strategy", "variants.1.name", "risk_scale.fast")
    loose = ("", "variants.1.changes.limits.cooldown_s", "account.x")
    form = form_of(TWO).with_faults({name: name or "whole" for name in (*names, *loose)})
    assert form.loose == ["whole", *loose[1:]]


STRATEGY = Place(path="desks.trend.strategy", label="Desk trend", settings={})
EVALUATORS = [Place(path=f"desks.trend.evaluators.{place}", label="Desk trend", settings={}) for place in (0, 2)]
EVERYWHERE = Place(path="", label="Everywhere", settings={})


def filled(address: str) -> Form:
    parts = urlsplit(address)
    assert (parts.path, parts.fragment) == ("/experiments", "start")
    return proposed(parse_qs(parts.query))


def test_settings_that_were_tried_are_a_desks_difference() -> None:
    found = of_settings("vote", STRATEGY, [EVERYWHERE, STRATEGY], {"entry_threshold": "0.5", "is_on": True})
    assert found is not None
    form = filled(found.address)
    assert form.values["control"] == "trend" and form.is_proposed
    assert form.arms[0].arguments["changes"] == {
        "strategy.settings.entry_threshold": 0.5,
        "strategy.settings.is_on": True,
    }
    everywhere = of_settings("rsi", EVERYWHERE, [EVERYWHERE, EVALUATORS[0]], {"period": 9})
    assert everywhere is not None
    assert filled(everywhere.address).arms[0].changes == (("evaluators.rsi.settings.period", "9"),)
    twice = of_settings("rsi", EVALUATORS[1], [EVERYWHERE, *EVALUATORS], {"period": 9})
    assert twice is not None
    assert filled(twice.address).arms[0].changes == (("evaluators.2.settings.period", "9"),)  # it is there twice
    assert of_settings("replay", EVERYWHERE, [EVERYWHERE], {"speed": 1}) is None


def test_each_desk_in_which_a_backtest_differed_is_a_candidate() -> None:
    overrides = {"desks.trend.limits.stop_loss": "0.05", "desks.dips.capital": "9", "engine.inbox_size": "9"}
    (found,) = of_backtest({"overrides": overrides}, ["trend", "dips"])
    assert found.desk == "trend"
    assert filled(found.address).arms[0].arguments == {"changes": {"limits.stop_loss": 0.05}}
    versions = of_backtest({"versions": {"evaluator/rsi": "3f2a9c41"}}, ["trend", "dips"])
    assert [one.desk for one in versions] == ["trend", "dips"]
    form = filled(versions[1].address)
    assert (form.way, form.values["versions"]) == ("version", "evaluator/rsi = 3f2a9c41")
    assert of_backtest({"capital": "9"}, ["trend"]) == []
