"""`loligo ab run` and `loligo ab check`: an A/B test over recorded data, in seconds; a verdict computed once more from
its file. Neither needs a bot that runs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from loligo_bot.cli import ab_tables
from loligo_bot.cli.ab_arms import arms, versions
from loligo_bot.cli.outcome import ExitCode
from loligo_bot.cli.output import Shell

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from loligo_bot.historic_request import Asked

CHECK = "End with 8 while there is no verdict, with 1 when the test is invalid or was stopped."


def run(
    context: typer.Context,
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="An experiment of the configuration.", show_default=False)
    ] = None,
    control: Annotated[str | None, typer.Option(help="Instead: a desk that is there, called A.")] = None,
    challenger: Annotated[list[str] | None, typer.Option(help="A desk against it; may be given several times.")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Or B is A but for this, such as timeframe=4h."),
    ] = None,
    version: Annotated[
        list[str] | None, typer.Option(metavar="KIND/NAME=HASH|DIR", help="B runs another version of a tentacle.")
    ] = None,
    arm: Annotated[
        list[str] | None,
        typer.Option(metavar='"[NAME:] KEY=VALUE ..."', help="Another arm like --set, once for each: B, C, D and on."),
    ] = None,
    since: Annotated[str | None, typer.Option("--from", help="Begin after this time of the data, ISO 8601.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Stop at this time of the data, ISO 8601.")] = None,
    bundled: Annotated[bool, typer.Option("--bundled", help="Over the candles that came with Loligo.")] = False,
    config: Annotated[
        Path | None, typer.Option("--config", help="Instead of HOME/config/loligo.yaml, with its desks and feeds.")
    ] = None,
    capital: Annotated[str | None, typer.Option(help="Of each arm, in its account's currency.")] = None,
    mode: Annotated[Literal["open_ended", "fixed_end"] | None, typer.Option(help="As of `loligo ab start`.")] = None,
    days: Annotated[int | None, typer.Option(help="Planned days; 180 unless said.")] = None,
    margin: Annotated[float | None, typer.Option(help="As of `loligo ab start`; 0.05 unless said.")] = None,
    risk_scale: Annotated[
        list[str] | None, typer.Option(metavar="ARM=NUMBER", help="A's returns count so many times against ARM.")
    ] = None,
    limit: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="A guardrail other than usual; null: off.")
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(help="Also write it to FILE.html, FILE.json, FILE.csv or FILE-trades.csv.", show_default=False),
    ] = None,
    whole: Annotated[
        bool, typer.Option("--cross-check/--no-cross-check", help="Three arms and more: compare all, in seconds.")
    ] = True,
    check: Annotated[bool, typer.Option("--check", help=CHECK)] = False,
) -> None:
    """Try an A/B test over the recorded data of the feeds: the same arms, engine and rule of decision, in seconds.

    What did better on data that were known tells little about data to come: a test of a running bot decides that.
    """
    from loligo_bot.experiments.draft import Variant, Wanted
    from loligo_bot.historic import run_historic
    from loligo_bot.historic_papers import historic_document, told_of
    from loligo_bot.historic_request import HISTORIC, Asked
    from loligo_lab.commands import pairs
    from loligo_lab.experiment_files import kind_of, written

    shell: Shell = context.obj
    if (name is None) == (control is None):
        raise typer.BadParameter("expected the NAME of an experiment, or --control with --challenger, --set or --arm")
    if report is not None and not kind_of(report.name):
        said = "expected a name that ends with .html, .json, .csv or -trades.csv"
        raise typer.BadParameter(f'--report "{report}": {said}')
    check_place(report, "--report")
    variants = [Variant(changes=pairs(set_ or (), "--set"), versions=versions(shell.home, version or ()))]
    variants = [one for one in variants if one.changes or one.versions]
    variants += [Variant(**one) for one in arms(shell.home, arm or ())]
    told_rule = {"mode": mode, "days": days, "margin_per_year": margin, "limits": pairs(limit or (), "--limit") or None}
    rule = {field: value for field, value in told_rule.items() if value is not None}
    wanted = Wanted(
        name=name or HISTORIC,
        control=control or "",
        challengers=challenger or (),
        variants=variants,
        scales=_scales(risk_scale or ()),
        rule=rule,
    )
    if name is not None and (challenger or variants or rule or wanted.scales):
        raise typer.BadParameter(f"{name} has its arms and its rule in the configuration; give it alone, or --control")
    asked = Asked(
        wanted=wanted,
        is_named=name is not None,
        since=shell.instant(since, "--from"),
        until=shell.instant(until, "--to"),
        data="bundled" if bundled else "configured",
        capital=_money(capital),
        file=config,
    )
    with watched(shell, asked) as on_progress:
        found = run_historic(shell.home, asked, on_progress)
    document = historic_document(found, is_cross_checked=whole and len(found.standing.config.arms) > 2)
    told = told_of(document, found)
    if report is not None:
        report.write_text(written(document, kind_of(report.name)), encoding="utf-8")
        told["report"] = str(report)
    shell.result({"ok": True, **told}, lambda console: _show(console, told))
    if check:
        raise typer.Exit(exit_code_of_verdict(told["verdict"]))


def check(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="What `loligo ab export --format json` or `ab run --report` wrote.")],
) -> None:
    """Compute a verdict and its figures once more from its exported file alone. Ends with 1 when they are others."""
    from loligo.errors import DataError
    from loligo_lab.experiment_files import is_confirmed, recomputed

    shell: Shell = context.obj
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as exc:
        raise DataError(f"{file}: not JSON: {exc}") from exc
    try:
        judgement, is_same = recomputed(document), is_confirmed(document)
    except DataError as exc:
        raise DataError(f"{file}: {exc}") from exc
    told = {"ok": is_same, "name": judgement.name, "verdict": judgement.verdict.value, "sentence": judgement.sentence}
    told_then = (document.get("judgement") or {}).get("headline", "nothing")
    said = "confirmed to the last digit" if is_same else f'the file says "{told_then}", and its figures may be others'
    days, trades = len(document["days"]), len(document["trades"])
    source = f"From its {days:,} days and {trades:,} closed trades: {said}."
    lines = [f"{judgement.name}: {judgement.headline}", judgement.sentence, source]
    shell.lines({**told, "days": days, "trades": trades}, lines)
    if not is_same:
        raise typer.Exit(ExitCode.FAILURE)


@contextmanager
def watched(shell: Shell, asked: Asked) -> Iterator[Callable[[float], object]]:
    """Say how far it is, to a person who watches."""
    from loligo.log import configure
    from loligo_bot.interpreter import tuned_interpreter

    configure(level="error")
    with tuned_interpreter():
        if not shell.is_live:
            yield lambda share: None
            return
        from rich.progress import Progress

        with Progress(console=shell.console(stderr=True), transient=True) as progress:
            task = progress.add_task(f"A/B test {asked.wanted.name}", total=1.0)
            yield lambda share: progress.update(task, completed=share)


def _show(console: Console, told: Mapping[str, Any]) -> None:
    ab_tables.show_one(console, told)
    from loligo_bot.historic_papers import last_lines

    for line in last_lines(told):
        ab_tables.say(console, line, style="dim")
    if "report" in told:
        ab_tables.say(console, f"The report is {told['report']}.", style="dim")


def exit_code_of_verdict(verdict: str) -> ExitCode:
    """Return how a check of a test ends: what was spoilt or stopped is no verdict, and no more days will bring one."""
    if verdict in ("too_early", "no_clear_difference"):
        return ExitCode.UNDECIDED
    return ExitCode.FAILURE if verdict in ("invalid", "stopped") else ExitCode.OK


def check_place(file: Path | None, option: str) -> None:
    """BadParameter for a file that nobody can write there: told before a test is run or asked for."""
    if file is not None and (file.is_dir() or not file.parent.is_dir()):
        why = "is a folder" if file.is_dir() else f"there is no folder {file.parent}"
        raise typer.BadParameter(f'{option} "{file}": {why}; expected a file in a folder that is there')


def _scales(words: Sequence[str]) -> dict[str, float]:
    """Return the risk scales by arm; they are numbers here: `loligo ab plan` tells that of equal risk."""
    from loligo_lab.commands import pairs

    found = {}
    for arm, value in pairs(words, "--risk-scale").items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            said = f"--risk-scale {arm}={value}: expected a number; `loligo ab plan` tells that of equal risk"
            raise typer.BadParameter(said)
        found[arm] = float(value)
    return found


def _money(text: str | None) -> Any:
    from decimal import Decimal, InvalidOperation

    try:
        return None if text is None else Decimal(text)
    except InvalidOperation:
        raise typer.BadParameter(f'--capital "{text}": expected a number') from None
