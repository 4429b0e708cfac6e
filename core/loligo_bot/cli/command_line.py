"""The entry of the command line: global options, verbs, and how errors become a sentence and an exit code.

Verbs import what they need when they run, so that `loligo --help` answers at once. Other packages add theirs by
`loligo_bot.cli.entry_points`.
"""

from __future__ import annotations

import json
import os
import sys
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.main import get_command

from loligo import __version__
from loligo_bot.cli import (
    ab_verbs,
    ask_verb,
    backup_verbs,
    config_verbs,
    folder_verbs,
    health_verbs,
    journal_verbs,
    operator_verbs,
    replay_verbs,
    run_verbs,
    tentacle_verbs,
    vault_verbs,
)
from loligo_bot.cli.entry_points import plugged
from loligo_bot.cli.outcome import ExitCode, exit_code_of
from loligo_bot.cli.output import Shell

_PARTS = (
    folder_verbs, run_verbs, operator_verbs, ask_verb, journal_verbs, replay_verbs, backup_verbs, health_verbs
)  # fmt: skip
_HELP = "Loligo: a self-hosted trading bot in which everything is a hot-swappable plugin."
_FLAGS = ("--json", "--quiet", "-q", "--no-color")
_EPILOG = (
    "Global options may also stand after the verb. Exit codes: 0 ok, 1 failure, 2 usage, 3 configuration invalid, "
    "4 not running or nothing to do, 5 exchange or network, 6 permission refused, 7 risk limit or kill switch in "
    "force, 8 no verdict yet (of an A/B test), 70 a tentacle hung where it cannot be interrupted, 130 "
    "interrupted (by Ctrl-C; SIGTERM ends a run with 0)."
)


def build() -> typer.Typer:
    """Return the command line with all verbs, those of other packages included."""
    verbs = {verb.__name__: verb for part in _PARTS for verb in part.VERBS}
    groups = {
        "journal": journal_verbs.journal,
        "tentacle": tentacle_verbs.tentacle,
        "config": config_verbs.config,
        "vault": vault_verbs.vault,
        "ab": ab_verbs.ab,
    }
    app = typer.Typer(
        name="loligo",
        cls=plugged("", {**verbs, **groups}),
        no_args_is_help=True,
        epilog=_EPILOG,
        pretty_exceptions_enable=False,
        help=_HELP,
        rich_markup_mode=None,
    )
    app.callback()(_options)
    return app


@cache
def command() -> Any:
    """Return all of it as one command."""
    return get_command(build())


def main(arguments: list[str] | None = None) -> None:
    """Run one command and end the process with its exit code."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code."""
    arguments = hoisted(arguments)
    try:
        result = command()(arguments, prog_name="loligo", standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        return _failed(KeyboardInterrupt("interrupted"), arguments, ExitCode.INTERRUPTED)
    except Exception as error:  # top of the process: told and turned into an exit code, or raised as it is
        code = ExitCode.USAGE if hasattr(error, "format_message") else exit_code_of(error)
        if code is None:
            raise
        return _failed(error, arguments, code)
    return result if isinstance(result, int) else ExitCode.OK


def hoisted(arguments: list[str]) -> list[str]:
    """Return the arguments with the global options in front, wherever they stood before `--`."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    front: list[str] = []
    rest: list[str] = []
    waiting = iter(arguments[:end])
    for argument in waiting:
        if argument in _FLAGS or argument.startswith("--home="):
            front.append(argument)
        elif argument == "--home":
            front += [argument, *[value for value in [next(waiting, None)] if value is not None]]
        else:
            rest.append(argument)
    return [*front, *rest, *arguments[end:]]


def _options(
    context: typer.Context,
    home: Annotated[
        Path | None, typer.Option("--home", envvar="LOLIGO_HOME", help="The bot folder; the current one by default.")
    ] = None,
    is_json: Annotated[bool, typer.Option("--json", help="Print exactly one JSON object.")] = False,
    is_quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing for people but problems.")] = False,
    is_plain: Annotated[bool, typer.Option("--no-color", help="No colours; NO_COLOR does the same.")] = False,
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and end.", is_eager=True, callback=lambda on: _version(on)),
    ] = False,
) -> None:
    folder = Path(os.path.abspath(home)) if home is not None else Path.cwd()
    context.obj = Shell(home=folder, is_json=is_json, is_quiet=is_quiet, is_plain=is_plain)


def _version(is_asked: bool) -> None:
    if is_asked:
        print(f"loligo {__version__}")
        raise typer.Exit


def _failed(error: BaseException, arguments: list[str], code: ExitCode) -> int:
    """Tell what went wrong: a line for people on stderr, with --json an object on stdout."""
    words = getattr(error, "format_message", lambda: str(error))()
    if "--json" in arguments:
        failure = {"kind": type(error).__name__, "message": words, "exit_code": int(code)}
        print(json.dumps({"ok": False, "error": failure}, ensure_ascii=False))
    else:
        print(f"loligo: {words}", file=sys.stderr)
        if code is ExitCode.USAGE:
            print("Try `loligo --help`.", file=sys.stderr)
    return code
