"""From what a person types to a verb with arguments: "/tentacle switch rsi off", "/pause desk=btc", "/why_42".

Commands are made from the door's catalogue: the parts of a verb's name with spaces, dots or underscores between them.
Arguments stand in the order of the verb's model or as name=value; quotes hold words together. Whatever is wrong is a
BadArguments whose sentence says what was expected.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from loligo.api import BadArguments, NotFound, Role, Verb

HELP = "help"
_ALIASES = {  # what people say: the verb, where the catalogue has no verb of that name
    "ab": "experiments",
    "tentacles": "tentacle.list",
    "toggle": "tentacle.switch",
    "swap": "tentacle.apply",
    "rollback": "tentacle.rollback",
    "stop_entries": "pause",  # or "/stop entries" would be taken for an end of the bot
}
_GREETING, _GREETED = "start", "status"  # what a Telegram client sends first
_REASONS = ("why", "reason")  # arguments that hold whatever else is said
_PAGING = ("since", "until", "limit", "before")
_RARE = ("patience_s",)
_WORD = re.compile(r"""(?:[^\s"']|"[^"]*"|'[^']*'|["'])+""")
_DOUBLE, _SINGLE = "\u201c\u201d\u201e\u00ab\u00bb", "\u2018\u2019"  # what phones make of quotes
_QUOTES = str.maketrans({**dict.fromkeys(_DOUBLE, '"'), **dict.fromkeys(_SINGLE, "'")})


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What was asked: a verb of the catalogue, or help about `topic`."""

    verb: Verb | None
    arguments: Mapping[str, Any]
    topic: str = ""


class Commands:
    """The commands of a catalogue."""

    def __init__(self, verbs: Mapping[str, Verb]) -> None:
        self._verbs = {_plain(name): verb for name, verb in verbs.items() if name != HELP}
        self.aliases = {
            alias: verbs[name] for alias, name in _ALIASES.items() if name in verbs and alias not in self._verbs
        }
        self._verbs |= self.aliases
        if _GREETED in verbs:
            self._verbs.setdefault(_GREETING, verbs[_GREETED])
        self.listed = [verbs[name] for name in sorted(verbs) if name != HELP]

    def parse(self, text: str) -> Command | None:
        """Return the command of a text, None for one that is no command. NotFound or BadArguments says why not."""
        if not text.startswith(("/", "!")):
            return None
        words = [match.group() for match in _WORD.finditer(text[1:].translate(_QUOTES))]
        if not words:
            return None
        words[0] = words[0].partition("@")[0]  # "/status@my_bot" in groups
        verb, rest = self._match(words)
        if verb is None:
            return Command(verb=None, arguments={}, topic=" ".join(rest))
        return Command(verb=verb, arguments=arguments_of(verb, rest))

    def find(self, name: str) -> Verb:
        """Return the verb of that name or alias, however it is written. NotFound with what was probably meant."""
        verb = self._verbs.get(_plain(name))
        if verb is None:
            raise NotFound(f'there is no command "/{_shown(name)}"{self._hint(name)}; see /help')
        return verb

    def _match(self, words: Sequence[str]) -> tuple[Verb | None, list[str]]:
        """Return the verb whose name is the longest beginning of the words, and what is left; None is help."""
        parts = _plain(words[0]).split("_")
        heads = [*parts, *words[1:]]  # "why_42" is "why 42"
        for length in range(min(len(heads), 6), 0, -1):
            name = _plain("_".join(heads[:length]))
            if name in self._verbs:
                return self._verbs[name], list(heads[length:])
            if name == HELP:
                return None, list(heads[length:])
        return self.find(words[0]), []  # raises

    def _hint(self, name: str) -> str:
        plain = _plain(name)
        near = get_close_matches(plain, [*self._verbs, HELP], n=1, cutoff=0.6)
        near = near or [each for each in self._verbs if each.startswith(f"{plain}_")][:3]
        return f", did you mean {' or '.join(f'/{each}' for each in near)}?" if near else ""


def _plain(name: str) -> str:
    return re.sub(r"[\s.-]+", "_", name.strip().lower())


def _shown(word: str) -> str:
    return word if len(word) <= 40 else word[:39] + "…"


def command_name(verb: Verb) -> str:
    """Return how a verb is called in a chat: letters, digits and underscores."""
    return _plain(verb.name)


def usage(verb: Verb) -> str:
    """Return how to ask for a verb: "/pause desk [reason]"."""
    fields = verb.arguments.model_fields
    words = [name if fields[name].is_required() else f"[{name}]" for name in places_of(verb)]
    return " ".join([f"/{command_name(verb)}", *words])


def places_of(verb: Verb) -> list[str]:
    """Return the arguments that need no name, in their order: what must be given, what may be, which page, the reason.

    What says yes or no, and what people hardly ever say, has to be named.
    """
    fields = verb.arguments.model_fields
    needed = [name for name, field in fields.items() if field.is_required()]
    rest = [
        name
        for name, field in fields.items()
        if name not in needed and kind_of(field) is not bool and name not in _RARE
    ]
    return [*needed, *sorted(rest, key=lambda name: (name in _REASONS, name in _PAGING))]


def order_of(verb: Verb) -> list[str]:
    """Return all arguments, those that need no name first."""
    places = places_of(verb)
    return [*places, *(name for name in verb.arguments.model_fields if name not in places)]


def menu_of(commands: Commands, role: Role) -> list[tuple[str, str]]:
    """Return name and summary of what somebody with a role can ask, what is asked most first: a menu may be cut."""
    verbs = sorted((verb for verb in commands.listed if verb.role <= role), key=lambda verb: "." in verb.name)
    return [(HELP, "what can be asked"), *((command_name(verb), verb.summary) for verb in verbs)]


def help_lines(commands: Commands, role: Role, topic: str = "") -> list[str]:
    """Return what somebody with a role can ask; with a topic, one command in full. NotFound for an unknown topic."""
    if not topic:
        verbs = [verb for verb in commands.listed if verb.role <= role]
        return [*(f"{usage(verb)}: {verb.summary}" for verb in verbs), "/help command: one of them in full"]
    verb = commands.find(topic.removeprefix("/"))
    lines = [usage(verb), verb.summary, f"for the role: {verb.role.name.lower()}"]
    if verb.confirm:
        lines.append(f"asks before: {verb.confirm}")
    for name in order_of(verb):
        field = verb.arguments.model_fields[name]
        default = "" if field.is_required() else f", else {field.get_default(call_default_factory=True)!r}"
        told = f": {field.description}" if field.description else ""
        lines.append(f"{name} ({type_name(field)}{default}){told}")
    return lines


def arguments_of(verb: Verb, words: Sequence[str]) -> dict[str, Any]:
    """Return the words as arguments of the verb, as text where the model is to judge. BadArguments."""
    fields = verb.arguments.model_fields
    mapping = next((name for name, field in fields.items() if kind_of(field) is dict), "")
    free = [name for name in places_of(verb) if name != mapping]
    found: dict[str, Any] = {}
    last = ""
    for word in words:
        name, is_named, value = word.partition("=")
        key = _plain(name.removeprefix("--")) if name not in fields else name
        if is_named and key in fields:
            found[key] = _value(fields[key], value)
        elif is_named and mapping and re.fullmatch(r"[\w.]+", name):
            found.setdefault(mapping, {})[name.removeprefix(f"{mapping}.")] = _unquoted(value)
        elif is_named and key.isidentifier() and not _takes_text(free, found):
            raise BadArguments(f'"{_shown(name)}" is no argument of {usage(verb)}{_near(key, fields)}')
        elif word in fields and word not in free and kind_of(fields[word]) is bool:
            found[word] = True
        elif left := [each for each in free if each not in found]:
            last = left[0]
            found[last] = _value(fields[last], word)
        elif last and kind_of(fields[last]) is str:
            found[last] = f"{found[last]} {_unquoted(word)}"
        else:
            raise BadArguments(f'"{_shown(word)}" is one word too many; expected {usage(verb)}')
    return found


def arguments_from_menu(verb: Verb, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments that came by name, texts as they are: lists have commas, mappings are name=value words."""
    found: dict[str, Any] = {}
    for name, value in given.items():
        field = verb.arguments.model_fields.get(name)
        if field is None:
            raise BadArguments(f'"{_shown(name)}" is no argument of {usage(verb)}')
        kind = kind_of(field) if isinstance(value, str) else object
        if kind is list:
            found[name] = [each.strip() for each in value.split(",") if each.strip()]
        elif kind is dict:
            found.update(arguments_of(verb, [f"{name}.{word}" for word in _WORD.findall(value)]))
        else:
            found[name] = value
    return found


def check(verb: Verb, arguments: Mapping[str, Any]) -> None:
    """BadArguments unless the verb's model takes them."""
    try:
        verb.arguments.model_validate(dict(arguments))
    except ValidationError as exc:
        problems = {".".join(map(str, each["loc"])): _fault(each) for each in exc.errors()}
        raise BadArguments(f"expected {usage(verb)}", problems) from exc


def _fault(error: Any) -> str:
    value = error["input"]
    given = (
        "" if error["type"] == "missing" or isinstance(value, dict | BaseModel) else f" (given: {_shown(str(value))})"
    )
    return f"{error['msg']}{given}"


def _near(key: str, fields: Mapping[str, FieldInfo]) -> str:
    near = get_close_matches(key, fields, n=1)
    return f", did you mean {near[0]}?" if near else ""


def _takes_text(free: Sequence[str], found: Mapping[str, Any]) -> bool:
    """Say whether the next place is for any text, in which "=" may stand."""
    left = [each for each in free if each not in found]
    return bool(left) and left[0] in _REASONS


def _value(field: FieldInfo, word: str) -> Any:
    text = _unquoted(word)
    return [each.strip() for each in text.split(",") if each.strip()] if kind_of(field) is list else text


def _unquoted(word: str) -> str:
    return re.sub(r"\"([^\"]*)\"|'([^']*)'", lambda match: match.group(1) or match.group(2) or "", word)


def kind_of(field: FieldInfo) -> type:
    """Return dict, list, bool, int, float or str: how a field is written in a chat; str for whatever else."""
    for hint in _hints(field.annotation):
        origin = get_origin(hint) or hint
        if not isinstance(origin, type):
            continue
        if issubclass(origin, Mapping):
            return dict
        if issubclass(origin, Sequence | set | frozenset) and not issubclass(origin, str | bytes):
            return list
        for simple in (bool, int, float):
            if issubclass(origin, simple) and not choices_of(field):
                return simple
    return str


def choices_of(field: FieldInfo) -> list[str]:
    """Return the only values that a field takes, none where it takes others."""
    for hint in _hints(field.annotation):
        if get_origin(hint) is Literal:
            return [str(value) for value in get_args(hint)]
        if isinstance(hint, type) and hasattr(hint, "__members__"):
            return [str(member.value) for member in hint.__members__.values()]
    return []


def type_name(field: FieldInfo) -> str:
    """Return what a field wants, in words."""
    if choices := choices_of(field):
        return " | ".join(choices)
    names = {bool: "on or off", int: "whole number", float: "number", list: "several, with commas", dict: "name=value"}
    return names.get(kind_of(field), "text")


def _hints(annotation: Any) -> Iterator[Any]:
    if get_origin(annotation) in (Union, UnionType):
        for each in get_args(annotation):
            if each is not NoneType:
                yield from _hints(each)
    else:
        yield annotation
