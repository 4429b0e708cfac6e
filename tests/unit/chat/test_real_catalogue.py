"""The bot's own catalogue, as chats show it: what Telegram and Discord take of it, and what people type."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any

import pytest

from loligo.api import Role
from loligo_bot.door.front_door import FrontDoor
from loligo_chat import Commands, command_name, menu_of
from loligo_chat.commands import arguments_of, help_lines, usage
from tests.tentacles.conftest import load_tentacle

VERBS = FrontDoor().verbs


def discord_menu() -> list[dict[str, Any]]:
    package: ModuleType = load_tentacle("interfaces/discord")
    menu: Callable[..., list[dict[str, Any]]] = importlib.import_module(f"{package.__name__}.menu").menu
    commands = Commands(VERBS)
    return menu(commands.listed, commands.aliases)


def options(command: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for option in command.get("options", []):
        yield option
        yield from options(option)


@pytest.mark.parametrize("name", [name for name in VERBS if name != "help"])
def test_every_verb_is_found_by_the_name_that_a_chat_shows(name: str) -> None:
    commands = Commands(VERBS)
    assert commands.find(command_name(VERBS[name])) is VERBS[name]
    assert commands.find(name.replace(".", " ")) is VERBS[name]
    assert re.fullmatch(r"[a-z0-9_]{1,32}", command_name(VERBS[name]))  # Telegram: BotCommand
    assert help_lines(commands, Role.VIEW, name)[0] == usage(VERBS[name])


def test_what_people_say_finds_a_verb_and_is_in_the_menu_of_discord() -> None:
    names = {command["name"] for command in discord_menu()}
    for alias, verb in (
        ("ab", "experiments"),
        ("tentacles", "tentacle.list"),
        ("swap", "tentacle.apply"),
        ("stop_entries", "pause"),
    ):
        assert Commands(VERBS).find(alias) is VERBS[verb] and alias in names
    for text in ("/stop entries", "/stop_entries", "/stop.entries"):
        stop = Commands(VERBS).parse(text)
        assert stop is not None and (stop.verb, stop.arguments) == (VERBS["pause"], {})  # of everything


def test_a_menu_of_a_hundred_commands_has_what_is_asked_most() -> None:
    shown = [name for name, _ in menu_of(Commands(VERBS), Role.ADMIN)]
    assert len(shown) == len(VERBS) > 100
    assert {"help", "status", "trades", "why", "positions", "experiments", "panic"} <= set(shown[:100])
    assert "panic" not in [name for name, _ in menu_of(Commands(VERBS), Role.VIEW)]


def test_no_two_verbs_have_one_name_in_a_chat() -> None:
    names = [command_name(verb) for verb in VERBS.values()]
    assert len(set(names)) == len(names)


def test_discord_takes_the_menu() -> None:
    made = discord_menu()
    names = [command["name"] for command in made]
    assert len(set(names)) == len(names) <= 100
    for command in made:
        for each in (command, *options(command)):
            assert re.fullmatch(r"[-_a-z0-9]{1,32}", each["name"]), each
            assert 0 < len(each["description"]) <= 100, each
            assert len(each.get("options", [])) <= 25 and len(each.get("choices", [])) <= 25, each
            given = [option.get("required", False) for option in each.get("options", [])]
            assert given == sorted(given, reverse=True), each  # what must be given comes first
    told = {command["name"]: {option["name"] for option in command.get("options", [])} for command in made}
    for name in VERBS:
        head, _, rest = name.partition(".")
        assert not rest or rest.replace(".", "_") in told[head] or name.replace(".", "_") in told


@pytest.mark.parametrize(
    ("name", "words", "arguments"),
    [
        ("pause", ["trend"], {"target": "trend"}),
        ("panic", ["no-entries"], {"level": "no-entries"}),
        ("close", ["trend", "coinbase:BTC/USD"], {"desk": "trend", "instrument": "coinbase:BTC/USD"}),
        ("tentacle.switch", ["rsi", "off", "too", "noisy"], {"name": "rsi", "on": "off", "why": "too noisy"}),
        ("tentacle.switch", ["rsi", "off", "force"], {"name": "rsi", "on": "off", "force": True}),
        ("tentacle.settings", ["rsi", "period=7"], {"name": "rsi", "values": {"period": "7"}}),
        ("config.undo", ["3", "it was better"], {"number": "3", "why": "it was better"}),
        ("profit", ["week"], {"by": "week"}),
        ("trades", ["trend"], {"desk": "trend"}),
        ("tentacle.history", ["rsi"], {"name": "rsi"}),
        ("orders", ["limit=5", "is_open=yes"], {"limit": "5", "is_open": "yes"}),
    ],
)
def test_people_type_little(name: str, words: list[str], arguments: dict[str, Any]) -> None:
    assert arguments_of(VERBS[name], words) == arguments
    VERBS[name].arguments.model_validate(arguments)
