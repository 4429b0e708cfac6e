"""The verbs that research adds to the command line, by the entry point group `loligo.commands`.

The shell of the command line comes with the context: it knows the bot folder, prints results, and hands over the
runner, so that this package needs nothing but `loligo.api`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

backtest = typer.Typer(invoke_without_command=True, no_args_is_help=False)


@backtest.callback()
def run(
    context: typer.Context,
    config: Annotated[Path | None, typer.Option("--config", help="Instead of HOME/config/loligo.yaml.")] = None,
    until: Annotated[str | None, typer.Option(help="Stop at this time of the data, ISO 8601.")] = None,
    journal: Annotated[Path | None, typer.Option(help="Also write the journal to this SQLite file.")] = None,
) -> None:
    """Run the desks over the recorded data of their feed, without clock and network, and report what came of it."""
    from loligo_lab.report import Tally, report

    shell = context.obj
    tally = Tally()
    finished = shell.runner()(shell.home, file=config, until=until, journal=journal, on_record=tally.add)
    data = report(finished, tally)
    shell.result({"ok": True, **data}, lambda console: _show(console, data))


def _show(console: Any, data: dict[str, Any]) -> None:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("desk")
    columns = ("start_equity", "end_equity", "return", "max_drawdown", "sharpe", "trades", "win_rate", "fees")
    for name in columns:
        table.add_column(name.replace("_", " "), justify="right")
    table.add_column("exits")
    for desk, metrics in data["metrics"]["desks"].items():
        exits = ", ".join(f"{role} {count}" for role, count in metrics["exits"].items())
        table.add_row(desk, *(_figure(name, metrics[name]) for name in columns), exits)
    console.print(table)
    console.print("  ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in data["counts"].items()))


def _figure(name: str, value: float) -> str:
    if name in ("return", "max_drawdown", "win_rate"):
        return f"{value:.1%}"
    return f"{value:,.2f}" if isinstance(value, float) else f"{value:,}"
