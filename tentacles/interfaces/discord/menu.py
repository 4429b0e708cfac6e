"""Slash commands, as Discord wants to be told of them, from the verbs of the bot.

"tentacle.switch" is the command /tentacle switch. Discord takes 100 commands, 25 in a group, 25 arguments each.
Source: https://discord.com/developers/docs/interactions/application-commands
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic.fields import FieldInfo

from loligo.api import Verb
from loligo.api.chat import choices_of, kind_of, order_of, type_name

_SUBCOMMAND, _STRING, _INTEGER, _BOOLEAN, _NUMBER = 1, 3, 4, 5, 10
_TYPES: Mapping[type, int] = {bool: _BOOLEAN, int: _INTEGER, float: _NUMBER}
_COMMANDS, _IN_GROUP, _ARGUMENTS, _CHOICES = 100, 25, 25, 25
_HELP = {
    "name": "help",
    "type": 1,
    "description": "what can be asked",
    "options": [{"type": _STRING, "name": "command", "description": "one command in full", "required": False}],
}


def menu(verbs: Iterable[Verb], aliases: Mapping[str, Verb]) -> list[dict[str, Any]]:
    """Return the payload of the commands; other names of verbs come last."""
    listed = list(verbs)
    alone = {verb.name for verb in listed if "." not in verb.name}  # a command of this name can be no group
    made: dict[str, dict[str, Any]] = {}
    for verb in listed:
        head, _, rest = verb.name.partition(".")
        if not rest or head in alone:
            name = verb.name.replace(".", "_")
            made[name] = {"name": name, "type": 1, **_described(verb)}
            continue
        group = made.setdefault(head, {"name": head, "type": 1, "description": f"{head} commands", "options": []})
        if len(group["options"]) < _IN_GROUP:
            group["options"].append({"type": _SUBCOMMAND, "name": rest.replace(".", "_"), **_described(verb)})
    for name, verb in aliases.items():
        made.setdefault(name, {"name": name, "type": 1, **_described(verb)})
    return [_HELP, *list(made.values())[: _COMMANDS - 1]]


def _described(verb: Verb) -> dict[str, Any]:
    fields = verb.arguments.model_fields
    options = [_option(name, fields[name]) for name in order_of(verb)[:_ARGUMENTS]]
    return {"description": verb.summary[:100] or verb.name, "options": options}


def _option(name: str, field: FieldInfo) -> dict[str, Any]:
    option: dict[str, Any] = {
        "type": _TYPES.get(kind_of(field), _STRING),
        "name": name,
        "description": (field.description or type_name(field))[:100],
        "required": field.is_required(),
    }
    if 0 < len(choices := choices_of(field)) <= _CHOICES:
        option["choices"] = [{"name": choice, "value": choice} for choice in choices]
    return option


def asked(data: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the verb's name and the arguments of a command that somebody chose."""
    name, options = str(data["name"]), data.get("options", [])
    for option in options:
        if option["type"] == _SUBCOMMAND:
            return f"{name}.{option['name']}", dict(_given(option.get("options", [])))
    return name, dict(_given(options))


def _given(options: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, Any]]:
    for option in options:
        yield option["name"], option["value"]
