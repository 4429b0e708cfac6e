"""The verbs that research adds to the command line, by the entry point group `loligo.commands`.

The shell of the command line comes with the context: it knows the bot folder, prints results, and hands over the
runner, so that this package needs nothing but `loligo.api`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

backtest = typer.Typer(invoke_without_command=True, no_args_is_help=False, rich_markup_mode=None)


@backtest.callback()
def run(
    context: typer.Context,
    config: Annotated[Path | None, typer.Option("--config", help="Instead of HOME/config/loligo.yaml.")] = None,
    since: Annotated[str | None, typer.Option(help="Begin after this time of the data, ISO 8601.")] = None,
    until: Annotated[str | None, typer.Option(help="Stop at this time of the data, ISO 8601.")] = None,
    desk: Annotated[list[str] | None, typer.Option(help="Only this desk; may be given several times.")] = None,
    instrument: Annotated[list[str] | None, typer.Option(help="Only this instrument; likewise.")] = None,
    capital: Annotated[str | None, typer.Option(help="Of each desk, in its account's currency.")] = None,
    maker_fee_rate: Annotated[str | None, typer.Option(help="Of the value: 0.001 is 0.1 %.")] = None,
    taker_fee_rate: Annotated[str | None, typer.Option(help="Of the value: 0.001 is 0.1 %.")] = None,
    slippage_rate: Annotated[str | None, typer.Option(help="Of the price: 0.0005 is 0.05 %.")] = None,
    bundled: Annotated[bool, typer.Option("--bundled", help="Over the candles that came with Loligo.")] = False,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Another setting: desks.trend.evaluators.rsi.settings.period=10."
        ),
    ] = None,
    version: Annotated[
        list[str] | None, typer.Option(metavar="KIND/NAME=HASH", help="Another version of a tentacle that ran here.")
    ] = None,
    journal: Annotated[Path | None, typer.Option(help="Also write the journal to this SQLite file.")] = None,
) -> None:
    """Run the desks over the recorded data of their feed, without clock and network, and report what came of it."""
    from loligo_lab.report import report
    from loligo_lab.tally import Tally

    shell = context.obj
    asked = {
        "desks": desk,
        "instruments": instrument,
        "since": shell.instant(since, "--since"),
        "until": shell.instant(until, "--until"),
        "data": "bundled" if bundled else None,
        "capital": capital,
        "maker_fee_rate": maker_fee_rate,
        "taker_fee_rate": taker_fee_rate,
        "slippage_rate": slippage_rate,
        "overrides": pairs(set_ or (), "--set"),
        "versions": pairs(version or (), "--version"),
    }
    request = {name: value for name, value in asked.items() if value}
    tally = Tally()
    finished = shell.runner()(shell.home, file=config, request=request, journal=journal, on_record=tally.add)
    data = report(finished, tally)
    shell.result({"ok": True, **data}, lambda console: _show(console, data))


def pairs(words: Sequence[str], option: str) -> dict[str, Any]:
    """Return KEY=VALUE words as a mapping; a value is JSON, or text as it is."""
    found: dict[str, Any] = {}
    for word in words:
        key, sign, text = word.partition("=")
        if not (key and sign):
            raise typer.BadParameter(f'{option} "{word}": expected KEY=VALUE')
        try:
            found[key] = json.loads(text)
        except ValueError:
            found[key] = text
    return found


def _show(console: Any, data: dict[str, Any]) -> None:
    from rich import box
    from rich.table import Table

    from loligo_lab.words import verdict_of, warnings_of

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("desk")
    columns = ("start_equity", "end_equity", "return", "max_drawdown", "sharpe", "trades", "win_rate", "fees")
    for name in columns:
        table.add_column(name.replace("_", " "), justify="right")
    table.add_column("holding", justify="right")
    table.add_column("exits")
    for desk, metrics in data["metrics"]["desks"].items():
        exits = ", ".join(f"{role} {count}" for role, count in metrics["exits"].items())
        holding = _figure("return", metrics["holding"]["return"]) if metrics["holding"] else "-"
        table.add_row(desk, *(_figure(name, metrics[name]) for name in columns), holding, exits)
    console.print(table)
    console.print("  ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in data["counts"].items()))
    for line in (verdict_of(data), *warnings_of(data)):
        console.print(line, markup=False, soft_wrap=True)


def _figure(name: str, value: float | None) -> str:
    if value is None:
        return "-"
    if name in ("return", "max_drawdown", "win_rate"):
        return f"{value:.1%}"
    return f"{value:,.2f}" if isinstance(value, float) else f"{value:,}"
