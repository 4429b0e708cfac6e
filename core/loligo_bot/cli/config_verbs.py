"""`loligo config`: check it, ask for a value and its place, get its schema for an editor, see what ran before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from loligo_bot.cli import settings_history
from loligo_bot.cli.output import Shell, show_table

if TYPE_CHECKING:
    from loligo.config.layers import Setting

config = typer.Typer(no_args_is_help=True, help="The configuration: check it, ask where a value comes from, undo it.")
for verb in settings_history.VERBS:
    config.command(verb.__name__)(verb)


@config.command()
def check(context: typer.Context) -> None:
    """Find everything that is wrong with the configuration and its tentacles' settings."""
    from loligo_bot.assembly import assemble, read_config

    shell: Shell = context.obj
    read = read_config(shell.home)
    bot = assemble(shell.home, read)
    desks = ", ".join(read.desks)
    data = {"ok": True, "desks": list(read.desks), "tentacles": len(bot.loaded)}
    shell.result(data, lambda console: console.print(f"the configuration is valid; desks: {desks}", markup=False))


@config.command()
def get(
    context: typer.Context,
    key: Annotated[str, typer.Argument(help="A key such as desks.trend.limits, empty for everything.")] = "",
) -> None:
    """Show what a key is set to and where: file and line, profile, environment, or the defaults."""
    from loligo.config import check_settings, read_settings
    from loligo.host import bundled_root

    shell: Shell = context.obj
    settings = read_settings(shell.home, bundled_root=bundled_root())
    values = _values(check_settings(settings), key)
    rows = [(".".join(map(str, path)), _plain(value), _where(settings, path)) for path, value in values]
    data = {"ok": True, "values": [{"key": name, "value": value, "origin": origin} for name, value, origin in rows]}
    columns = ("key", "value", "where it is set")
    shell.result(data, lambda console: show_table(console, columns, [(n, str(v), o) for n, v, o in rows]))


@config.command()
def schema(context: typer.Context) -> None:
    """Print the JSON schema of config/loligo.yaml, for editors."""
    import json

    from loligo.config import LoligoConfig

    shell: Shell = context.obj
    data = LoligoConfig.model_json_schema()
    shell.result(data, lambda console: console.out(json.dumps(data, indent=2)))


def _values(config: Any, key: str) -> list[tuple[tuple[str | int, ...], Any]]:
    """Return the leaves at or below a dotted key. ConfigError if there are none."""
    from loligo.errors import ConfigError

    wanted = tuple(key.split(".")) if key else ()
    leaves = _leaves(config.model_dump(), ())
    found = [leaf for leaf in leaves if tuple(map(str, leaf[0][: len(wanted)])) == wanted]
    if not found:
        raise ConfigError(f'"{key}": no such key; `loligo config get` without one lists all')
    return found


def _leaves(node: Any, path: tuple[str | int, ...]) -> list[tuple[tuple[str | int, ...], Any]]:
    if isinstance(node, dict) and node:
        return [leaf for key, inner in node.items() for leaf in _leaves(inner, (*path, key))]
    if isinstance(node, tuple | list) and any(isinstance(item, dict) for item in node):
        return [leaf for index, inner in enumerate(node) for leaf in _leaves(inner, (*path, index))]
    return [(path, node)]


def _where(settings: Setting, path: tuple[str | int, ...]) -> str:
    """Return where a value was set; one that nobody set has its default."""
    return settings.origin_of(path) if settings.at(path) is not None else "default"


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
