"""`loligo ab differences`: what one arm of an A/B test did and the other did not, with reasons, newest first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from loligo_bot.cli import ab_tables
from loligo_bot.cli.ab_plan import look

if TYPE_CHECKING:
    from rich.console import Console

NOTHING = {True: "They decided alike so far.", False: "The same orders came of what both decided."}


def differences(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the experiment; `loligo ab list` shows all.")],
    challenger: Annotated[str | None, typer.Option(help="Against the control; the first unless said.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Also where no order followed on either side.")] = False,
    limit: Annotated[int, typer.Option(help="So many at most.", min=1, max=500)] = 10,
    before: Annotated[int | None, typer.Option(help="Older ones than this seq: what the last page says.")] = None,
) -> None:
    """Show where the arms did otherwise on the same data, and why: A bought, B waited."""
    asked = {"challenger": challenger, "before": before}
    given = {"name": name, "limit": limit, "ordered": not every}
    given |= {field: value for field, value in asked.items() if value is not None}
    look(context.obj, "experiment.differences", given, lambda console, told: _show(console, told, every))


def _show(console: Console, told: Mapping[str, Any], every: bool) -> None:
    for one in told["differences"]:
        ab_tables.say(console, f"{one['time'][:16].replace('T', ' ')} {one['instrument']}", style="bold")
        for arm, side in zip(told["arms"], (one["control"], one["challenger"]), strict=True):
            ab_tables.say(console, f"  {arm} {side['words']}")
        if one["saw"]:
            ab_tables.say(console, f"  Both saw {' · '.join(one['saw'])}", style="dim")
    if not told["differences"]:
        ab_tables.say(console, NOTHING[every])
    if told["next_before"] is not None:
        ab_tables.say(console, f"Older ones: --before {told['next_before']}", style="dim")
