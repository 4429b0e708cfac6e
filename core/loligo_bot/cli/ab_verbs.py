"""`loligo ab`: A/B tests, from the plan to the verdict. What changes the bot is asked of the one that runs here."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from loligo_bot.cli import ab_tables
from loligo_bot.cli.ab_arms import arms, versions
from loligo_bot.cli.ab_differences import differences
from loligo_bot.cli.ab_history import CHECK, check, check_place, exit_code_of_verdict, run
from loligo_bot.cli.ab_plan import look, plan
from loligo_bot.cli.ask_verb import ANSWER_LIMIT_S
from loligo_bot.cli.entry_points import group
from loligo_bot.cli.outcome import ExitCode
from loligo_bot.cli.output import Shell

EXPORTED = Literal["html", "json", "csv", "trades"]

ab = group("ab", "A/B tests of strategies: which is better, and is that more than luck?")

Name = Annotated[str, typer.Argument(metavar="NAME", help="Of the experiment; `loligo ab list` shows all.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask back.")]
Why = Annotated[str, typer.Option(help="Your reason; it stays in the history.")]
Key = Annotated[str, typer.Option(help="With the same key it is done once, however often it is asked.")]


@ab.command()
def start(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the experiment is to be called.")],
    control: Annotated[str, typer.Option(help="The desk that is there, called A; it stays as it is.")],
    challenger: Annotated[
        list[str] | None, typer.Option(help="A desk that is there, too; may be given several times.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Instead: B is A but for this, such as mode.tentacle=grid."),
    ] = None,
    version: Annotated[
        list[str] | None,
        typer.Option(metavar="KIND/NAME=HASH|DIR", help="B runs another version: one that ran here, or of a folder."),
    ] = None,
    arm: Annotated[
        list[str] | None,
        typer.Option(
            metavar='"[NAME:] KEY=VALUE ..."',
            help='Another arm like --set, once for each, such as "fast: mode=grid evaluators=rsi,macd".',
        ),
    ] = None,
    account: Annotated[
        Literal["own", "shared"] | None,
        typer.Option(help="shared: arms take their capital out of what is free on A's account; own unless said."),
    ] = None,
    mode: Annotated[
        Literal["open_ended", "fixed_end"] | None,
        typer.Option(help="fixed_end is sooner sure, and is never extended; open_ended unless said."),
    ] = None,
    days: Annotated[int | None, typer.Option(help="Planned days; `loligo ab plan` helps. 180 unless said.")] = None,
    margin: Annotated[
        float | None,
        typer.Option(help="Arms no further apart, as a share a year, are practically the same; 0.05 unless said."),
    ] = None,
    risk_scale: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ARM=NUMBER|equal",
            help="A's returns count so many times against ARM; equal: as they varied. `loligo ab plan` tells it.",
        ),
    ] = None,
    limit: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="A guardrail other than usual, such as drawdown=0.1; null: off."),
    ] = None,
    on_win: Annotated[
        Literal["tell", "promote"] | None, typer.Option(help="promote: a winner takes over by itself.")
    ] = None,
    why: Why = "",
    key: Key = "",
) -> None:
    """Begin an A/B test in the running bot: a desk against others, or against itself with changes."""
    from loligo_lab.commands import pairs

    shell: Shell = context.obj
    asked = {
        "challengers": challenger,
        "changes": pairs(set_ or (), "--set"),
        "versions": versions(shell.home, version or ()),
        "variants": arms(shell.home, arm or ()),
        "account": account,
        "mode": mode,
        "days": days,
        "margin_per_year": margin,
        "risk_scale": pairs(risk_scale or (), "--risk-scale"),
        "limits": pairs(limit or (), "--limit"),
        "on_win": on_win,
        "why": why,
    }
    said = {field: value for field, value in asked.items() if value or value == 0.0}
    _change(shell, "experiment.start", {"name": name, "control": control, **said}, key)


@ab.command("list")
def list_(context: typer.Context) -> None:
    """List the A/B tests of the running bot and what each says so far, those that ended, too."""
    look(context.obj, "experiments", {}, ab_tables.show_list)


@ab.command()
def show(
    context: typer.Context, name: Name, check: Annotated[bool, typer.Option("--check", help=CHECK)] = False
) -> None:
    """Show one A/B test: the verdict, the arms, how sure it is and what it waits for."""
    answer = look(context.obj, "experiment", {"name": name, "holding": 1}, ab_tables.show_one)
    if check:
        raise typer.Exit(exit_code_of_verdict(answer["verdict"]))


@ab.command()
def stop(context: typer.Context, name: Name, why: Why = "", key: Key = "", yes: Yes = False) -> None:
    """End an A/B test: its verdict stays, its challengers take no new positions."""
    shell: Shell = context.obj
    _confirm(shell, "End this A/B test?", yes)
    _change(shell, "experiment.stop", {"name": name, **({"why": why} if why else {})}, key)


@ab.command()
def promote(
    context: typer.Context,
    name: Name,
    challenger: Annotated[str | None, typer.Option(help="Who takes over; the winner unless said.")] = None,
    override: Annotated[
        bool, typer.Option("--override", help="Although there is no winner yet; it stays in the history.")
    ] = False,
    why: Why = "",
    key: Key = "",
    yes: Yes = False,
) -> None:
    """Let the control run what a challenger runs, by a hot swap that keeps its positions, and end the test."""
    shell: Shell = context.obj
    _confirm(shell, "Let the challenger's strategy take over this desk?", yes)
    asked = {"challenger": challenger, "override": override, "why": why}
    given = {"name": name, **{field: value for field, value in asked.items() if value}}
    _change(shell, "experiment.promote", given, key)


@ab.command()
def tidy(context: typer.Context, name: Name, why: Why = "", key: Key = "", yes: Yes = False) -> None:
    """Take the desks that were made for an ended A/B test out of the files, with their accounts and versions."""
    shell: Shell = context.obj
    _confirm(shell, "Take the desks that were made for this test out of the files?", yes)
    _change(shell, "experiment.tidy", {"name": name, **({"why": why} if why else {})}, key)


@ab.command("cross-check")
def cross_check(context: typer.Context, name: Name, key: Key = "") -> None:
    """Compare all arms of a test that has ended, once more; the bot does so by itself. `loligo ab show` tells of it."""
    _change(context.obj, "experiment.cross_check", {"name": name}, key)


@ab.command()
def export(
    context: typer.Context,
    name: Name,
    kind: Annotated[
        EXPORTED,
        typer.Option("--format", help="html to read, json to compute it again, csv with the days, trades: csv."),
    ] = "html",
    output: Annotated[
        Path | None, typer.Option(help="The file; experiment-NAME.FORMAT or -trades.csv unless said.")
    ] = None,
) -> None:
    """Write an A/B test of the running bot into a file, with all that its verdict comes from."""
    from loligo_bot.cli.control_client import ask_verb

    shell: Shell = context.obj
    check_place(output, "--output")
    answer = ask_verb(shell.home, "experiment.export", {"name": name, "format": kind}, timeout_s=ANSWER_LIMIT_S)
    told = answer["answer"]
    file = output or Path(told["name"])
    file.write_text(told["content"], encoding="utf-8")
    size = len(told["content"].encode())
    shell.lines({"ok": True, "file": str(file), "bytes": size}, [f"{file}: {size:,} bytes"])


for verb in (differences, plan, run, check):
    ab.command(verb.__name__)(verb)


def _confirm(shell: Shell, question: str, is_sure: bool) -> None:
    if not is_sure and sys.stdin.isatty() and not shell.is_json:
        typer.confirm(question, abort=True, err=True)


def _change(shell: Shell, verb: str, given: Mapping[str, Any], key: str) -> None:
    """Ask a changing verb; what was not done ends with 1."""
    from loligo_bot.cli.control_client import ask_verb

    answer = ask_verb(shell.home, verb, given, key=key, timeout_s=ANSWER_LIMIT_S)
    shell.lines({"ok": answer["ok"], **answer["answer"]}, [*answer["lines"], *answer["answer"].get("changed", ())])
    if not answer["ok"]:
        raise typer.Exit(ExitCode.FAILURE)
