"""Verbs that other packages add to the command line, by the entry point group `loligo.commands`.

The name is a verb or group ("backtest"), or, with the group in front, a verb of a group of ours ("tentacle.install");
what it points to is a function or a `typer.Typer`. It is loaded when its verb is used, or listed by `--help`; one that
cannot be loaded says so when it is used, and breaks nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import typer
from typer.core import TyperGroup

from loligo.errors import LoligoError

ENTRY_POINTS = "loligo.commands"


def plugged(group: str = "") -> type[TyperGroup]:
    """Return the class of a group of ours ("" is the root) that also has the verbs of other packages."""

    class Plugged(TyperGroup):
        def list_commands(self, ctx: Any) -> list[str]:
            own = super().list_commands(ctx)
            return [*own, *(name for name in _points().get(group, {}) if name not in own)]

        def get_command(self, ctx: Any, cmd_name: str) -> Any:
            point = _points().get(group, {}).get(cmd_name)
            return super().get_command(ctx, cmd_name) or (point and _command(point, cmd_name))

    return Plugged


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
    if isinstance(target, typer.Typer):
        command = typer.main.get_command(target)
    else:
        single = typer.Typer(add_completion=False)
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
