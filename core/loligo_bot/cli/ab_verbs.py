"""`loligo ab`: A/B tests, from the plan to the verdict. What changes the bot is asked of the one that runs here."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from loligo_bot.cli import ab_tables
from loligo_bot.cli.ab_history import check, run
from loligo_bot.cli.ask_verb import ANSWER_LIMIT_S
from loligo_bot.cli.outcome import ExitCode
from loligo_bot.cli.output import Shell

if TYPE_CHECKING:
    from rich.console import Console

OPEN = ("too_early", "no_clear_difference")
EXPORTED = Literal["html", "json", "csv"]

ab = typer.Typer(no_args_is_help=True, help="A/B tests of strategies: which is better, and is that more than luck?")

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
    account: Annotated[
        Literal["own", "shared"] | None,
        typer.Option(help="shared: B takes its capital out of what is free on A's account; own unless said."),
    ] = None,
    mode: Annotated[
        Literal["open_ended", "fixed_end"] | None,
        typer.Option(help="fixed_end is sooner sure, and is never extended; open_ended unless said."),
    ] = None,
    days: Annotated[int | None, typer.Option(help="Planned days; `loligo ab plan` helps. 180 unless said.")] = None,
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
        "account": account,
        "mode": mode,
        "days": days,
        "limits": pairs(limit or (), "--limit"),
        "on_win": on_win,
        "why": why,
    }
    given = {"name": name, "control": control, **{field: value for field, value in asked.items() if value}}
    _change(shell, "experiment.start", given, key)


@ab.command("list")
def list_(context: typer.Context) -> None:
    """List the A/B tests of the running bot and what each says so far, those that ended, too."""
    _look(context.obj, "experiments", {}, ab_tables.show_list)


@ab.command()
def show(
    context: typer.Context,
    name: Name,
    check: Annotated[bool, typer.Option("--check", help="End with 8 while there is no verdict.")] = False,
) -> None:
    """Show one A/B test: the verdict, the arms, how sure it is and what it waits for."""
    answer = _look(context.obj, "experiment", {"name": name}, ab_tables.show_one)
    if check and answer["verdict"] in OPEN:
        raise typer.Exit(ExitCode.UNDECIDED)


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
def plan(
    context: typer.Context,
    correlation: Annotated[float | None, typer.Option(help="Of the daily returns of both arms, such as 0.9.")] = None,
    sharpe_difference: Annotated[
        float | None, typer.Option(help="That is to be found, in yearly Sharpe ratios, such as 1.0.")
    ] = None,
    control: Annotated[str | None, typer.Option(help="Instead: a desk of the running bot,")] = None,
    challenger: Annotated[str | None, typer.Option(help="and the desk beside it.")] = None,
    equal_risk: Annotated[bool, typer.Option("--equal-risk", help="As if both desks varied alike.")] = False,
) -> None:
    """Say how long an A/B test would take, before it starts: from supposed numbers, or from two desks that traded."""
    from loligo_bot.experiments.planning import plans_of_numbers

    shell: Shell = context.obj
    if correlation is not None and sharpe_difference is not None and control is None and challenger is None:
        from loligo_bot.door.experiment_papers import plan_answer

        answer = plan_answer(plans_of_numbers(correlation, sharpe_difference)).model_dump(mode="json")
        shell.result({"ok": True, **answer}, lambda console: ab_tables.show_plan(console, answer))
        return
    if control is None or challenger is None:
        raise typer.BadParameter("expected --correlation and --sharpe-difference, or --control and --challenger")
    given = {"control": control, "challenger": challenger, "equal_risk": equal_risk}
    numbers = {"correlation": correlation, "sharpe_difference": sharpe_difference}
    given |= {name: value for name, value in numbers.items() if value is not None}
    _look(shell, "experiment.plan", given, ab_tables.show_plan)


@ab.command()
def export(
    context: typer.Context,
    name: Name,
    kind: Annotated[
        EXPORTED, typer.Option("--format", help="html to read, json to compute it again, csv with the days.")
    ] = "html",
    output: Annotated[Path | None, typer.Option(help="The file; experiment-NAME.FORMAT unless said.")] = None,
) -> None:
    """Write an A/B test of the running bot into a file, with all that its verdict comes from."""
    from loligo_bot.cli.control_client import ask_verb

    shell: Shell = context.obj
    answer = ask_verb(shell.home, "experiment.export", {"name": name, "format": kind}, timeout_s=ANSWER_LIMIT_S)
    told = answer["answer"]
    file = output or Path(told["name"])
    file.write_text(told["content"], encoding="utf-8")
    size = len(told["content"].encode())
    shell.lines({"ok": True, "file": str(file), "bytes": size}, [f"{file}: {size:,} bytes"])


for verb in (run, check):
    ab.command(verb.__name__)(verb)


def versions(home: Path, words: Sequence[str]) -> dict[str, str]:
    """Return hashes by kind/name; a folder is taken into the content store of the bot, where it runs from."""
    from loligo.registry.content import CONTENT_FOLDER, ContentStore
    from loligo.registry.tree import read_tree

    found: dict[str, str] = {}
    for word in words:
        name, sign, version = word.partition("=")
        if not (name and sign and version):
            raise typer.BadParameter(f'--version "{word}": expected KIND/NAME=HASH, or a folder in place of the hash')
        if Path(version).is_dir():
            version = ContentStore(home / CONTENT_FOLDER).put(read_tree(Path(version)))
        found[name] = version
    return found


def _confirm(shell: Shell, question: str, is_sure: bool) -> None:
    if not is_sure and sys.stdin.isatty() and not shell.is_json:
        typer.confirm(question, abort=True, err=True)


def _look(shell: Shell, verb: str, given: Mapping[str, Any], show: Any) -> dict[str, Any]:
    """Ask a reading verb, print its answer and return it."""
    from loligo_bot.cli.control_client import ask_verb

    answer: dict[str, Any] = ask_verb(shell.home, verb, given)["answer"]

    def draw(console: Console) -> None:
        show(console, answer)

    shell.result({"ok": True, **answer}, draw)
    return answer


def _change(shell: Shell, verb: str, given: Mapping[str, Any], key: str) -> None:
    """Ask a changing verb; what was not done ends with 1."""
    from loligo_bot.cli.control_client import ask_verb

    answer = ask_verb(shell.home, verb, given, key=key, timeout_s=ANSWER_LIMIT_S)
    shell.lines({"ok": answer["ok"], **answer["answer"]}, [*answer["lines"], *answer["answer"].get("changed", ())])
    if not answer["ok"]:
        raise typer.Exit(ExitCode.FAILURE)
