"""Buttons below answers about A/B tests: what they ask is what the bot's own verbs take."""

from __future__ import annotations

from typing import Any

import pytest

from loligo.api import Role
from loligo_bot.door.experimenting import ExperimentRow, Experiments
from loligo_bot.door.front_door import FrontDoor
from loligo_chat.cards import Wish, wishes_of
from loligo_chat.commands import arguments_of, check

VERBS = FrontDoor().verbs


def row(**changes: Any) -> ExperimentRow:
    told: dict[str, Any] = {"name": "tuned", "control": "trend", "challengers": ["b", "c"], "mode": "open_ended"}
    told |= {"since": "2024-01-01T00:00:00Z", "until": "", "day": 30, "days_planned": 180, "winner": ""}
    told |= {"verdict": "no_clear_difference", "headline": "No clear difference yet", "sentence": "It may be luck."}
    return ExperimentRow(**{**told, "percent_per_month": 0.1, "is_final": False, "is_ended": False, **changes})


def asked(wish: Wish) -> dict[str, Any]:
    """Return what the verb of a button is asked, as its model reads it."""
    verb = VERBS[wish.verb]
    arguments = arguments_of(verb, wish.words)
    check(verb, arguments)
    return verb.arguments.model_validate(arguments).model_dump(exclude_unset=True)


def test_a_list_has_a_button_with_the_verdict_of_each_test_those_that_run_first() -> None:
    rows = [row(name="old", headline="b is better", is_ended=True), row()]
    wishes = wishes_of("experiments", Experiments(experiments=rows))
    assert [one.label for one in wishes] == ["tuned: No clear difference yet", "old: b is better"]
    assert [(one.verb, asked(one)) for one in wishes] == [
        ("experiment", {"name": "tuned"}),
        ("experiment", {"name": "old"}),
    ]


def test_a_verdict_that_no_challenger_won_is_not_called_none() -> None:
    lost = {"verdict": "control_better", "headline": "trend is better", "is_final": True}
    (first, *_) = wishes_of("experiment", row(**lost))
    assert (first.label, asked(first)["override"]) == ("Promote b against the verdict", True)


@pytest.mark.parametrize(
    ("winner", "promotions"),
    [
        ("c", [("Promote c", {"challenger": "c"})]),
        (
            "",
            [
                ("Promote b without a verdict", {"challenger": "b", "override": True}),
                ("Promote c without a verdict", {"challenger": "c", "override": True}),
            ],
        ),
    ],
)
def test_a_card_offers_the_winner_or_an_override_that_says_so(winner: str, promotions: list[Any]) -> None:
    *promoting, stopping = wishes_of("experiment", row(winner=winner))
    assert [(one.label, asked(one)) for one in promoting] == [
        (label, {"name": "tuned", **given}) for label, given in promotions
    ]
    assert (stopping.label, stopping.verb, asked(stopping)) == ("Stop the test", "experiment.stop", {"name": "tuned"})
    for one in (*promoting, stopping):
        assert VERBS[one.verb].role is Role.ADMIN and VERBS[one.verb].confirm  # so a button asks first


def test_what_has_ended_or_is_about_something_else_has_no_buttons() -> None:
    assert wishes_of("experiment", row(is_ended=True)) == []
    assert wishes_of("status", row()) == []
