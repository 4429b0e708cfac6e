"""`loligo config`: check it, ask for a value and its place, get its schema for an editor, see what ran before."""

from __future__ import annotations

from typing import Annotated

import typer

from loligo_bot.cli import settings_history
from loligo_bot.cli.entry_points import group
from loligo_bot.cli.output import Shell, show_table

config = group("config", "The configuration: check it, ask where a value comes from, undo it.")
for verb in settings_history.VERBS:
    config.command(verb.__name__)(verb)


@config.command()
def check(context: typer.Context) -> None:
    """Find everything that is wrong with the configuration and its tentacles' settings."""
    from loligo_bot.assembly import assemble
    from loligo_bot.edge_plan import edge_plans
    from loligo_bot.folder_config import read_config

    shell: Shell = context.obj
    read = read_config(shell.home)
    bot = assemble(shell.home, read)
    edge_plans(read, bot.host, str(shell.home))  # as `run` plans them, and nothing is made
    desks = ", ".join(read.desks)
    data = {"ok": True, "desks": list(read.desks), "tentacles": len(bot.loaded)}
    shell.result(data, lambda console: console.print(f"the configuration is valid; desks: {desks}", markup=False))


@config.command()
def get(
    context: typer.Context,
    key: Annotated[str, typer.Argument(help="A key such as desks.trend.limits, empty for everything.")] = "",
) -> None:
    """Show what a key is set to and where: file and line, profile, environment, or the defaults."""
    from loligo_bot.past import settings_at

    shell: Shell = context.obj
    rows = settings_at(shell.home, key)
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
