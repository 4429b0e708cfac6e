"""What a person types becomes a verb with arguments, or a sentence that helps."""

from __future__ import annotations

from typing import Any

import pytest

from loligo.api import BadArguments, NotFound, Role
from loligo_chat.commands import Commands, check, help_lines
from tests.fakes.chat_doors import ChatDoor

COMMANDS = Commands(ChatDoor().verbs)


@pytest.mark.parametrize(
    ("text", "verb", "arguments"),
    [
        ("/status", "status", {}),
        ("!status", "status", {}),
        ("/STATUS@loligo_bot", "status", {}),
        ("/start", "status", {}),
        ("/tentacle switch rsi off", "tentacle.switch", {"name": "rsi", "on": "off"}),
        ("/tentacle_switch rsi off", "tentacle.switch", {"name": "rsi", "on": "off"}),
        ("/tentacle.switch on=off name=rsi", "tentacle.switch", {"name": "rsi", "on": "off"}),
        ("/toggle rsi on", "tentacle.switch", {"name": "rsi", "on": "on"}),
        ("/toggle rsi on for a test", "tentacle.switch", {"name": "rsi", "on": "on", "why": "for a test"}),
        ("/tentacles", "tentacle.list", {}),
        ("/why 42", "why", {"seq": "42"}),
        ("/why_42", "why", {"seq": "42"}),
        ("/why_nothing", "why_nothing", {}),
        ("/pause btc", "pause", {"desk": "btc"}),
        ("/pause btc too wild today", "pause", {"desk": "btc", "reason": "too wild today"}),
        ('/pause reason="it\'s late" btc', "pause", {"reason": "it's late", "desk": "btc"}),
        ("/pause btc \u201ctoo wild\u201d", "pause", {"desk": "btc", "reason": "too wild"}),
        ("/pause btc p=0.1 is low", "pause", {"desk": "btc", "reason": "p=0.1 is low"}),
        ("/flatten btc,eth", "flatten", {"desks": ["btc", "eth"]}),
        ("/tentacle settings rsi period=7", "tentacle.settings", {"name": "rsi", "values": {"period": "7"}}),
    ],
)
def test_a_text_is_a_verb_with_arguments(text: str, verb: str, arguments: dict[str, Any]) -> None:
    command = COMMANDS.parse(text)
    assert command is not None and command.verb is not None
    assert (command.verb.name, command.arguments) == (verb, arguments)
    check(command.verb, command.arguments)


@pytest.mark.parametrize("text", ["hello", "", "/", "  /status", "50/50"])
def test_what_is_no_command_is_none(text: str) -> None:
    assert COMMANDS.parse(text) is None


def test_an_unknown_command_is_told_what_was_probably_meant() -> None:
    with pytest.raises(NotFound, match=r'no command "/statsu", did you mean /status\?; see /help'):
        COMMANDS.parse("/statsu")
    with pytest.raises(NotFound, match="did you mean /tentacle_switch"):
        COMMANDS.parse("/tentacle_swich rsi off")
    with pytest.raises(NotFound, match=r'no command "/qqqq"; see /help'):
        COMMANDS.parse("/qqqq")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("/status now", r'"now" is one word too many; expected /status$'),
        (
            "/tentacle switch nmae=rsi",
            r'"nmae" is no argument of /tentacle_switch name on \[why\], did you mean name\?',
        ),
    ],
)
def test_words_that_do_not_fit_are_named(text: str, told: str) -> None:
    with pytest.raises(BadArguments, match=told):
        COMMANDS.parse(text)


def test_values_that_the_model_refuses_are_named_with_their_argument() -> None:
    command = COMMANDS.parse("/why never")
    assert command is not None and command.verb is not None
    with pytest.raises(BadArguments) as caught:
        check(command.verb, command.arguments)
    assert list(caught.value.problems) == ["seq"]
    assert "valid integer" in caught.value.problems["seq"] and "given: never" in caught.value.problems["seq"]


def test_help_is_made_of_the_catalogue_and_shows_what_the_role_may() -> None:
    lines = help_lines(COMMANDS, Role.VIEW)
    assert "/why seq: what why does" in lines
    assert not any(line.startswith("/pause") for line in lines)
    assert "/pause [desk] [reason]: what pause does" in help_lines(COMMANDS, Role.TRADE)


def test_help_about_one_command_tells_its_arguments_and_its_question() -> None:
    assert help_lines(COMMANDS, Role.VIEW, "panic") == [
        "/panic [level]",
        "what panic does",
        "for the role: trade",
        "asks before: Really stop?",
        "level (entries | orders | everything, else 'entries')",
    ]
    assert "desk (text, else ''): this desk; all without it" in help_lines(COMMANDS, Role.VIEW, "/pause")
    with pytest.raises(NotFound, match="did you mean /pause"):
        help_lines(COMMANDS, Role.VIEW, "pausse")
