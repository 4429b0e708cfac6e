"""`loligo ask`: every verb of a running bot's door; what there is, `loligo ask help` says."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from loligo_bot.cli.output import Shell

ANSWER_LIMIT_S = 660.0  # a change may be told to wait for ten minutes


def ask(
    context: typer.Context,
    verb: Annotated[str, typer.Argument(help="Such as positions, orders or tentacle.switch; help lists all.")],
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME=VALUE]...",
            help="Such as desk=trend limit=5 on=false; JSON, or text as it is.",
            show_default=False,
        ),
    ] = None,
    key: Annotated[str, typer.Option(help="A change with the same key is made once, however often it is asked.")] = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask back.")] = False,
) -> None:
    """Ask the running bot, or have it do something: everything that the page and the chats can do."""
    from loligo_bot.cli.control_client import ask_verb

    shell: Shell = context.obj
    given = _given(arguments or ())
    if not yes and sys.stdin.isatty() and not shell.is_json:
        for told in ask_verb(shell.home, "help", {"verb": verb})["answer"]["verbs"]:
            if told["name"] == verb and told["confirm"]:
                typer.confirm(told["confirm"], abort=True, err=True)
    answer = ask_verb(shell.home, verb, given, key=key, timeout_s=ANSWER_LIMIT_S)
    shell.lines({"ok": answer["ok"], **answer["answer"]}, answer["lines"])
    if not answer["ok"]:
        raise typer.Exit(1)


def _given(pairs: Sequence[str]) -> Mapping[str, Any]:
    given = {}
    for pair in pairs:
        name, sign, text = pair.partition("=")
        if not (name and sign):
            raise typer.BadParameter(f'"{pair}": expected NAME=VALUE, such as limit=5')
        given[name] = _value(text)
    return given


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


VERBS = (ask,)
