"""From a request to its reply, for people with and without a role."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import structlog
from structlog.testing import capture_logs

from loligo.api import LoligoError
from loligo_chat import ChatSettings, Offers, Person, Place, Pressed, Reply, Responder
from loligo_testing.clock import ReplayClock
from tests.fakes.chat_doors import ChatDoor

ADMIN, TRADER, VIEWER, STRANGER = (Person(id=str(number)) for number in (1, 2, 3, 4))
HOME = Place(chat="10")


class Room:
    """A responder with its door and clock."""

    def __init__(self, **settings: Any) -> None:
        self.door, self.clock = ChatDoor(), ReplayClock()
        allowed = {"1": "admin", "2": "trade", "3": "view"}
        given = ChatSettings.model_validate({"allowed": allowed, **settings})
        log = structlog.get_logger()
        self.responder = Responder(self.door, "test", given, Offers(self.clock), self.clock, log)

    def say(self, person: Person, text: str, key: str = "") -> Reply | None:
        return asyncio.run(self.responder.heard(person, HOME, text, key))

    def call(self, person: Person, name: str, arguments: Mapping[str, Any]) -> Reply | None:
        return asyncio.run(self.responder.called(person, HOME, name, arguments, "k"))

    def press(self, person: Person, token: str) -> Pressed | None:
        return asyncio.run(self.responder.pressed(person, HOME, token))


def labels(reply: Reply | None) -> list[list[str]]:
    assert reply is not None
    return [[button.label for button in row] for row in reply.buttons]


def test_a_read_is_answered_in_the_bots_words() -> None:
    room = Room()
    assert room.say(VIEWER, "/status") == Reply(title="Status", lines=["status done"], buttons=[])
    assert room.door.asked == [("test:3", "status", {})]


def test_a_stranger_gets_no_answer_of_any_kind_and_one_line_in_the_log() -> None:
    room = Room()
    with capture_logs() as lines:
        assert [room.say(STRANGER, text) for text in ("/status", "/nonsense", "/help")] == [None] * 3
        assert room.press(STRANGER, "anything") is None
        assert room.call(STRANGER, "status", {}) is None
    assert [(line["person"], line["log_level"]) for line in lines] == [("4", "warning")]
    assert room.door.asked == []


def test_a_role_that_does_not_suffice_is_told_so_before_any_question() -> None:
    room = Room()
    reply = room.say(VIEWER, "/flatten btc")
    assert reply is not None and reply.title == "⛔ /flatten is for the role trade, yours is view."
    assert not reply.buttons and room.door.asked == []


def test_a_change_asked_twice_under_one_key_is_done_once() -> None:
    room = Room()
    assert room.say(TRADER, "/pause btc", "m7") == room.say(TRADER, "/pause btc", "m7")
    assert len(room.door.changes) == 1
    room.say(TRADER, "/pause btc", "m8")
    assert len(room.door.changes) == 2


def test_what_wants_a_yes_is_done_only_after_it() -> None:
    room = Room()
    asked = room.say(TRADER, "/flatten btc,eth")
    assert asked is not None and labels(asked) == [["Yes, do it", "No"]]
    assert (asked.title, room.door.asked) == ("Really close all?", [])
    done = room.press(TRADER, asked.buttons[0][0].token)
    assert room.door.changes == [("test:2", "flatten", {"desks": ["btc", "eth"]})]
    assert done is not None and done.edit is not None and done.reply is not None
    assert done.edit.title == "Confirmed: /flatten desks=['btc', 'eth']" and done.reply.title == "Flatten"


def test_a_no_and_a_late_yes_change_nothing() -> None:
    room = Room()
    asked = room.say(TRADER, "/flatten btc")
    assert asked is not None
    refused = room.press(TRADER, asked.buttons[0][1].token)
    assert refused is not None and refused.edit is not None and refused.edit.title.startswith("Not done")
    again = room.say(TRADER, "/flatten btc")
    assert again is not None
    room.clock.advance(61)
    late = room.press(TRADER, again.buttons[0][0].token)
    assert late is not None and late.notice.startswith("Too late: asked 61 s ago")
    assert room.door.asked == []


def test_a_question_is_not_answered_by_another_even_with_a_higher_role() -> None:
    room = Room()
    asked = room.say(TRADER, "/panic")
    assert asked is not None
    pressed = room.press(ADMIN, asked.buttons[0][0].token)
    assert pressed == Pressed(notice="Only whoever asked can answer.")


def test_arguments_are_checked_before_the_question() -> None:
    room = Room()
    reply = room.say(TRADER, "/panic everthing")
    assert reply is not None and reply.title == "⛔ expected /panic [level]"
    assert reply.lines == ["level: Input should be 'entries', 'orders' or 'everything' (given: everthing)"]


def test_what_the_bot_refuses_is_told_in_its_words() -> None:
    room = Room()
    room.door.failure = LoligoError("desk btc is not there; desks: eth")
    reply = room.say(TRADER, "/pause btc")
    assert reply is not None and reply.title == "⛔ desk btc is not there; desks: eth"


def test_a_fault_inside_is_told_and_logged_and_not_shown() -> None:
    room = Room()
    room.door.failure = ZeroDivisionError("a fault")
    with capture_logs() as lines:
        reply = room.say(VIEWER, "/logs")
    assert reply is not None and reply.title == "⛔ This has failed inside the bot; its log says how."
    assert [line["log_level"] for line in lines] == ["error"]


def test_tentacles_are_a_list_with_switches_for_who_may_switch() -> None:
    room = Room()
    listed = room.say(ADMIN, "/tentacles")
    assert labels(listed) == [["● on  rsi", "○ off  macd"]]
    assert labels(room.say(VIEWER, "/tentacles")) == []
    assert listed is not None
    pressed = room.press(ADMIN, listed.buttons[0][0].token)
    assert room.door.tentacles == {"rsi": False, "macd": False}
    assert pressed is not None and labels(pressed.edit) == [["○ off  rsi", "○ off  macd"]]
    assert pressed.notice == "rsi is off now"


def test_a_list_that_was_asked_for_in_part_stays_that_part_when_its_button_is_pressed() -> None:
    room = Room()
    listed = room.say(ADMIN, "/tentacles kind=evaluator")
    assert listed is not None
    again = room.press(ADMIN, listed.buttons[0][0].token)
    assert again is not None and again.edit is not None
    room.press(ADMIN, again.edit.buttons[0][0].token)
    assert [given for _, verb, given in room.door.asked if verb == "tentacle.list"] == [{"kind": "evaluator"}] * 3


def test_a_switch_offers_its_undo() -> None:
    room = Room()
    switched = room.say(ADMIN, "/toggle rsi off")
    assert switched is not None and labels(switched) == [["Undo"]]
    room.press(ADMIN, switched.buttons[0][0].token)
    assert room.door.tentacles == {"rsi": True, "macd": False}


def test_what_is_told_of_a_tentacle_has_a_button_that_rolls_it_back() -> None:
    room = Room()
    told = room.say(ADMIN, "/tentacle info rsi")
    assert told is not None and labels(told) == [["Roll back rsi"]]
    assert labels(room.say(VIEWER, "/tentacle info rsi")) == []
    done = room.press(ADMIN, told.buttons[0][0].token)
    assert done is not None and done.reply is not None
    assert room.door.changes == [("test:1", "tentacle.rollback", {"name": "rsi"})]


def test_who_presses_too_often_is_told_when_to_press_again() -> None:
    room = Room(requests_per_minute=1)
    listed = room.say(ADMIN, "/tentacles")
    assert listed is not None
    pressed = room.press(ADMIN, listed.buttons[0][0].token)
    assert pressed == Pressed(notice="Too many requests: try again in 60 s.")
    assert room.door.tentacles["rsi"]


def test_somebody_else_presses_a_switch_only_with_the_role_for_it() -> None:
    room = Room()
    listed = room.say(ADMIN, "/tentacles")
    assert listed is not None
    pressed = room.press(VIEWER, listed.buttons[0][0].token)
    assert pressed is not None and pressed.reply is not None
    assert "is for the role admin" in pressed.reply.title and room.door.tentacles["rsi"]


def test_who_asks_too_often_is_told_once_and_then_not_answered() -> None:
    room = Room(requests_per_minute=2)
    room.say(VIEWER, "/status")
    room.say(VIEWER, "/status")
    told = room.say(VIEWER, "/status")
    assert told is not None and told.title == "⛔ Too many requests: try again in 60 s."
    assert room.say(VIEWER, "/status") is None
    room.clock.advance(60)
    assert room.say(VIEWER, "/status") is not None


def test_help_speaks_of_what_the_person_may() -> None:
    room = Room()
    reply = room.say(VIEWER, "/help")
    assert reply is not None and "/status: what status does" in reply.lines
    assert not any("/pause" in line for line in reply.lines)


def test_a_command_from_a_menu_may_bring_values_of_any_kind() -> None:
    room = Room()
    room.call(ADMIN, "tentacle_switch", {"name": "rsi", "on": False})
    room.call(TRADER, "pause", {"desk": "the btc desk", "reason": 'a "wild" day'})
    assert [given for _, _, given in room.door.changes] == [
        {"why": "", "name": "rsi", "on": False},
        {"desk": "the btc desk", "reason": 'a "wild" day'},
    ]
    room.call(ADMIN, "tentacle_settings", {"name": "rsi", "values": "period=7 high=80"})
    assert room.door.changes[-1][2] == {"name": "rsi", "values": {"period": "7", "high": "80"}}
    question = room.call(TRADER, "flatten", {"desks": "btc, eth"})
    assert question is not None
    assert question.lines[0].startswith("/flatten desks=['btc', 'eth']")
