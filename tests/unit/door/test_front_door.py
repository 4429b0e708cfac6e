"""What is looked at before a verb is served: whether there is one, who asks, with which arguments."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from loligo.errors import BadArguments, Denied, LoligoError, NotFound, NotRunning
from loligo.ports.door import Actor, Role
from loligo_bot.door.front_door import FrontDoor

ANNA = Actor(name="web:anna", role=Role.VIEW)
BOSS = Actor(name="cli:boss", role=Role.ADMIN)


def refused(actor: Actor, verb: str, **arguments: Any) -> LoligoError:
    """Ask at a door behind which no bot runs yet, and return what one hears."""
    with pytest.raises(LoligoError) as caught:
        asyncio.run(FrontDoor().ask(actor, verb, arguments))
    return caught.value


def test_an_unknown_verb_is_not_found_and_a_near_one_is_named() -> None:
    error = refused(BOSS, "tentacle.swich")
    assert isinstance(error, NotFound)
    assert 'there is no verb "tentacle.swich" (did you mean "tentacle.switch"?)' in str(error)


@pytest.mark.parametrize(
    ("role", "verb", "needs"),
    [(Role.VIEW, "pause", "trade"), (Role.VIEW, "tentacle.switch", "admin"), (Role.TRADE, "tentacle.switch", "admin")],
)
def test_who_lacks_the_role_is_denied_before_the_arguments_are_looked_at(role: Role, verb: str, needs: str) -> None:
    error = refused(Actor(name="chat:7", role=role), verb, nonsense=1)
    assert isinstance(error, Denied)
    assert str(error) == f"chat:7 may not use {verb}: it needs the role {needs}, and they have {role.name.lower()}"


@pytest.mark.parametrize(("role", "verb"), [(Role.VIEW, "status"), (Role.TRADE, "status"), (Role.TRADE, "pause")])
def test_a_role_includes_the_lower_ones(role: Role, verb: str) -> None:
    assert isinstance(refused(Actor(name="chat:7", role=role), verb), NotRunning)


def test_every_bad_argument_is_named_with_its_value_and_what_was_expected() -> None:
    error = refused(ANNA, "orders", limit=0, since="tomorrow", insrument="coinbase:BTC/USD")
    assert isinstance(error, BadArguments)
    assert error.problems == {
        "limit": "limit = 0: expected greater than or equal to 1",
        "since": "since = 'tomorrow': time \"tomorrow\": expected ISO 8601, such as 2019-07-01 or 2019-07-01T12:00:00Z",
        "insrument": 'insrument is not known (did you mean "instrument"?)',
    }
    assert all(problem in str(error) for problem in error.problems.values())


def test_a_missing_argument_is_named() -> None:
    error = refused(BOSS, "tentacle.switch", on=True)
    assert isinstance(error, BadArguments)
    assert error.problems == {"name": "name is missing"}


@pytest.mark.parametrize("half", [{"path": "\ud800"}, {"\ud800": 1}])
def test_text_of_half_characters_is_refused(half: dict[str, Any]) -> None:
    error = refused(BOSS, "tentacle.settings", name="macd", values=half)
    assert isinstance(error, BadArguments)


def test_before_the_bot_runs_the_door_says_so() -> None:
    assert "ask again in a moment" in str(refused(ANNA, "status"))
    with pytest.raises(NotRunning):
        FrontDoor().follow()


def test_what_changes_something_needs_a_role_above_view_and_what_does_not_never_does() -> None:
    own = {"notifications.seen"}  # what somebody has read is theirs alone, whoever they are
    for verb in FrontDoor().verbs.values():
        assert (verb.role > Role.VIEW) is (verb.changes and verb.name not in own), verb.name


@pytest.mark.parametrize("verb", ["panic", "close", "flatten", "stop", "config.undo", "tentacle.rollback"])
def test_what_cannot_be_taken_back_lightly_asks_first(verb: str) -> None:
    assert FrontDoor().verbs[verb].confirm.endswith(("?", "."))


def test_models_of_the_same_name_are_the_same_so_that_one_document_can_hold_them_all() -> None:
    known: dict[str, Any] = {}
    for verb in FrontDoor().verbs.values():
        for model, mode in ((verb.arguments, "validation"), (verb.answer, "serialization")):
            schema = model.model_json_schema(mode=mode)  # type: ignore[arg-type]
            for name, part in {**schema.pop("$defs", {}), schema["title"]: schema}.items():
                assert known.setdefault(name, part) == part, (verb.name, name)
