"""Groups of verbs: each verb is made when it is used, and other packages add theirs by the entry point group
`loligo.commands`.

The name is a verb or group ("backtest"), or, with the group in front, a verb of a group of ours ("tentacle.install");
what it points to is a function or a `typer.Typer`. It is loaded when its verb is used, or listed by `--help`; one that
cannot be loaded says so when it is used, and breaks nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from inspect import isfunction
from types import MappingProxyType
from typing import Any

import typer
from typer.core import TyperGroup

from loligo.errors import LoligoError

ENTRY_POINTS = "loligo.commands"


def group(name: str, told: str) -> typer.Typer:
    """Return a group of verbs, to which other packages may add."""
    return typer.Typer(cls=plugged(name), no_args_is_help=True, help=told, rich_markup_mode=None, add_completion=False)


def plugged(name: str = "", verbs: Mapping[str, Any] = MappingProxyType({})) -> type[TyperGroup]:
    """Return the class of a group ("" is the root) with these verbs, functions or groups, and those of other packages.

    Help is plain: to draw its frames takes longer than all else that `--help` does.
    """

    class Plugged(TyperGroup):
        def __init__(self, *args: Any, **named: Any) -> None:
            super().__init__(*args, **named)
            self.commands: dict[str, Any] = {**verbs, **self.commands}

        def format_commands(self, ctx: Any, formatter: Any) -> None:
            """List verbs by their first sentences; what a verb takes is not read for that."""
            found = {verb: self.commands.get(verb) or self.get_command(ctx, verb) for verb in self.list_commands(ctx)}
            rows = [(verb, _first_sentence(_help(one))) for verb, one in found.items()]
            with formatter.section("Commands"):
                formatter.write_dl(rows)

        def list_commands(self, ctx: Any) -> list[str]:
            own = super().list_commands(ctx)
            return [*own, *(verb for verb in _points().get(name, {}) if verb not in own)]

        def get_command(self, ctx: Any, cmd_name: str) -> Any:
            found = self.commands.get(cmd_name)
            if found is None:
                point = _points().get(name, {}).get(cmd_name)
                return point and _command(point, cmd_name)
            if isinstance(found, typer.Typer) or isfunction(found):
                found = self.commands[cmd_name] = _made(found, cmd_name)
            return found

    return Plugged


def _help(verb: Any) -> str:
    return str(verb.info.help if isinstance(verb, typer.Typer) else getattr(verb, "help", None) or verb.__doc__ or "")


def _first_sentence(text: str) -> str:
    return re.split(r"(?<=\.)\s", " ".join(text.partition("\n\n")[0].split()), maxsplit=1)[0]


@cache
def _points() -> dict[str, dict[str, EntryPoint]]:
    """Return every entry point by group and verb, in the order of their names."""
    found: dict[str, dict[str, EntryPoint]] = {}
    for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda point: point.name):
        group, _, verb = point.name.rpartition(".")
        found.setdefault(group, {})[verb] = point
    return found


def _command(point: EntryPoint, verb: str) -> Any:
    """Return the command behind an entry point; one that only complains when that cannot be loaded."""
    try:
        target = point.load()
    except Exception as exc:  # of a stranger's package: it costs its own verb and is told when that is used
        target = _complaint(point, exc)
    return _made(target, verb)


def _made(target: Any, verb: str) -> Any:
    if isinstance(target, typer.Typer):
        command = typer.main.get_command(target)
    else:
        single = typer.Typer(add_completion=False, rich_markup_mode=None)
        single.command(verb)(target)
        command = typer.main.get_command(single)
    command.name = verb
    return command


def _complaint(point: EntryPoint, error: Exception) -> Callable[[typer.Context], None]:
    package = point.dist.name if point.dist else "its package"
    words = f"{point.name} ({point.value}) cannot be loaded: {type(error).__name__}: {error}; install {package} again"

    def broken(context: typer.Context) -> None:
        raise LoligoError(words)

    broken.__doc__ = f"Broken: {words}"
    return broken
