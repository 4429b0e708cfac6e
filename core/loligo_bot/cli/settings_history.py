"""`loligo config history`, `diff` and `undo`: every configuration that ran, by the number of its generation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from loligo_bot.cli.output import Shell, show_table

if TYPE_CHECKING:
    from loligo_bot.past import Past

NOW = "now"
MOST_LINES = 6  # of one generation in a table; `diff` has all


def history(
    context: typer.Context, limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 20
) -> None:
    """Show which settings ran: generation, when, who, why, and what they changed against those before."""
    shell: Shell = context.obj
    with _past(shell.home) as past:
        told = list(past.told())[-limit:]
    rows = [(str(one["number"]), one["time"][:19], one["by"], one["why"], one["phase"], _brief(one)) for one in told]
    columns = ("generation", "time", "by", "why", "phase", "changed")
    shell.result({"ok": True, "settings": told}, lambda console: show_table(console, columns, rows))


def diff(
    context: typer.Context,
    number: Annotated[
        int, typer.Argument(min=1, metavar="N", help="A generation; `loligo config history` lists them.")
    ],
    other: Annotated[
        int | None, typer.Argument(min=1, metavar="M", help="Another one; what the files say now by default.")
    ] = None,
) -> None:
    """Show what differs between the settings of two generations, the registry included."""
    from loligo_bot.past import recipe_now
    from loligo_bot.recipe import differences

    shell: Shell = context.obj
    with _past(shell.home) as past:
        found = differences(past.recipe(number), past.recipe(other) if other is not None else recipe_now(shell.home))
    lines = [{"key": ".".join(one.way), "before": one.before, "after": one.after} for one in found]
    data = {"ok": True, "from": number, "to": other or NOW, "differences": lines}
    rows = [(line["key"], *one.values.split(" → ", 1)) for line, one in zip(lines, found, strict=True)]
    columns = ("setting", f"generation {number}", f"generation {other}" if other is not None else NOW)
    if not rows:
        shell.result(data, lambda console: console.print("nothing differs"))
        return
    shell.result(data, lambda console: show_table(console, columns, rows))


def undo(
    context: typer.Context,
    number: Annotated[
        int | None,
        typer.Argument(min=1, metavar="N", help="A generation; by default the newest that had other settings."),
    ] = None,
) -> int:
    """Write the settings of an earlier generation into config/loligo.yaml; a running bot takes them up."""
    from loligo_bot.past import go_back

    shell: Shell = context.obj
    with _past(shell.home) as past:
        done = go_back(shell.home, past, number)
    data: dict[str, Any] = {"ok": True, "generation": done.number, "changed": done.changed, "registry": done.registry}
    if done.changed:
        data |= {"previous": done.previous, "comments_lost_at": list(done.comments_lost_at)}
    bot = shell.followed(f"config undo to generation {done.number}") if done.changed else None
    data |= {"running_bot": bot, "ok": bot["ok"]} if bot is not None else {}
    shell.lines(data, [*done.lines, *(bot["lines"] if bot is not None else ())])
    return 0 if data["ok"] and done.changed else 1 if done.changed else 4


@contextmanager
def _past(home: Path) -> Iterator[Past]:
    from loligo_bot.cli.journal_verbs import caught_up, open_journal
    from loligo_bot.past import past_of
    from loligo_store.projector import Projector

    with open_journal(home) as engine:
        yield past_of(home, caught_up(Projector(engine)))


def _brief(entry: Mapping[str, Any]) -> str:
    changed = entry["changed"]
    more = [f"and {len(changed) - MOST_LINES} more"] if len(changed) > MOST_LINES else []
    return entry["lost"] or "\n".join([*changed[:MOST_LINES], *more])


VERBS = (history, diff, undo)
