"""`loligo tentacle apply` and `history`, and what a verb that changed files says of the bot that runs there."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from loligo_bot.cli.outcome import exit_code_of_swap
from loligo_bot.cli.output import Shell, check_one_of, show_table

PATIENCE_S = 60.0  # how long a verb waits for a swap to end; probation takes some seconds
LONGEST_WAIT_S = 86_400.0
ANSWER_LIMIT_S = 10.0  # for the bot to answer, beyond that


def apply(
    context: typer.Context,
    why: Annotated[str, typer.Option(help="Your reason; it stays in the history.")] = "",
    when: Annotated[
        str | None, typer.Option(help="now, candle (after the next one) or flat (when nothing is held).")
    ] = None,
    how: Annotated[
        str | None,
        typer.Option("--as", help="replace, shadow (compare with what runs, then let it go), or experiment."),
    ] = None,
    inputs: Annotated[int | None, typer.Option(min=1, help="Compare over so many inputs.", show_default=False)] = None,
    desk: Annotated[str | None, typer.Option(help="The control of an experiment, where several desks use it.")] = None,
    patience_s: Annotated[
        float,
        typer.Option(
            "--wait", min=0.1, max=LONGEST_WAIT_S, help="Seconds to wait for the result; the swap goes on without you."
        ),
    ] = PATIENCE_S,
) -> int:
    """Let the running bot take up what registry and configuration say now. Exit code 4 when it runs already."""
    from loligo_bot.wish import How, When, how_far

    check_one_of("--when", when, When)
    check_one_of("--as", how, How)
    shell: Shell = context.obj
    terms = {"why": why, "when": when, "as": how, "inputs": inputs, "desk": desk}
    if desk is not None and how != "experiment":
        raise typer.BadParameter("--desk names the control of an experiment; it goes with --as experiment")
    answer = _applied(shell.home, {key: value for key, value in terms.items() if value}, patience_s)
    if "at_work" in answer:
        shell.lines(answer, [how_far(answer["at_work"])])
        return 0
    if "answer" in answer:  # an experiment began, or was refused
        shell.lines(answer, answer["lines"])
        return 0 if answer["ok"] else 1
    shell.lines(answer, _lines(answer["swap"]))
    return int(exit_code_of_swap(answer["swap"]))


def history(
    context: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(
            help="Only what changed this or its settings: NAME, KIND/NAME, or desk/NAME.", show_default=False
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 20,
) -> None:
    """Show every exchange of tentacles and settings: when, who, why, what changed, how long, and what came of it."""
    from loligo.model.timeframe import iso
    from loligo_bot.cli.journal_verbs import caught_up, open_journal
    from loligo_bot.recipe import is_named
    from loligo_store.projector import Projector

    shell: Shell = context.obj
    with open_journal(shell.home) as engine:
        rows = caught_up(Projector(engine)).rows("swaps")
    named = [row for row in rows if name is None or is_named(row["changed"], name)]
    told = [{**row, "time": iso(row["ts"])} for row in named[-limit:]]
    columns = ("number", "time", "by", "why", "result", "seconds", "what")
    shown = [
        (str(row["number"]), row["time"][:19], row["by"], row["why"], row["result"], row["took_ms"] / 1000, _what(row))
        for row in told
    ]
    shell.result({"ok": True, "swaps": told}, lambda console: show_table(console, columns, shown))


def followed(home: Path, why: str, ago_s: float) -> dict[str, Any] | None:
    """Return what the bot that runs in `home` made of a change of its files just now, None when none runs."""
    from loligo.errors import LoligoError, NotRunning
    from loligo.registry.registry_file import REGISTRY_FILE
    from loligo_bot.wish import file_hash, how_far

    left = {"registry": file_hash(home / REGISTRY_FILE)}  # whole: verbs replace it
    try:
        answer = _applied(home, {"why": why, "follows": True, "ago_s": ago_s, **left}, PATIENCE_S)
    except NotRunning:
        return None
    except (LoligoError, PermissionError) as exc:  # the files are written all the same
        return {"ok": False, "lines": [f"the running bot: {exc}"]}
    if "swap" not in answer:
        said = str(answer.get("message") or how_far(answer.get("at_work", {})))
        return {**answer, "lines": [f"the running bot: {said}"]}
    return {"ok": bool(answer["ok"]), "swap": answer["swap"], "lines": ["the running bot:", *_lines(answer["swap"])]}


def _applied(home: Path, terms: Mapping[str, Any], patience_s: float) -> dict[str, Any]:
    """Return the bot's answer: how the swap ended, or how far it is. LoligoError when it was not even begun."""
    from loligo.errors import ConfigError, LoligoError
    from loligo_bot.cli.control_client import ask

    request = {"do": "apply", "by": f"cli:{getpass.getuser()}", "patience_s": patience_s, **terms}
    answer = ask(home, request, patience_s + ANSWER_LIMIT_S)
    if "swap" not in answer and not answer.get("ok"):
        kind = ConfigError if answer.get("kind") == "ConfigError" else LoligoError
        raise kind(str(answer.get("error") or answer))
    return answer


def _lines(report: Mapping[str, Any]) -> list[str]:
    """Return the steps and the end of a swap for a person."""
    took = f" in {report['duration_ms'] / 1000:.1f} s" if report["duration_ms"] else ""
    return [*(f"  {step}" for step in report["steps"]), f"{report['result'].replace('_', ' ')}{took}: {report['text']}"]


def _what(row: Mapping[str, Any]) -> str:
    changed = ", ".join(row["changed"])
    return changed if row["result"] == "good" and changed else f"{changed}: {row['text']}" if changed else row["text"]


VERBS = (apply, history)
