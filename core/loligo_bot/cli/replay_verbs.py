"""`loligo journal sessions`, `loligo journal replay` and `loligo reality`: what was recorded, run once more. The
journal is only read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from loligo_bot.cli.journal_verbs import journal
from loligo_bot.cli.outcome import ExitCode
from loligo_bot.cli.output import Shell, show_table

if TYPE_CHECKING:
    from rich.console import Console

    from loligo_bot.replay.sessions import Session
    from loligo_store.reader import JournalReader

LAST = "last"
WIDEST = 220  # characters of one line for people; --json has all of it


@journal.command()
def sessions(context: typer.Context) -> None:
    """List the recorded sessions: the journal at work, and those that `loligo run --fresh` put aside."""
    shell: Shell = context.obj
    rows = [one.told() for one in _known(shell)]
    columns = ("number", "file", "first_seq", "last_seq", "since", "until")

    def show(console: Console) -> None:
        if not rows:
            console.print("no journal yet; `loligo run` writes one")
        else:
            names = ("session", *columns[1:])
            show_table(console, names, [[str(row[name])[:40] for name in columns] for row in rows])

    shell.result({"ok": True, "sessions": rows}, show)


@journal.command()
def replay(
    context: typer.Context,
    run: Annotated[str, typer.Argument(metavar="RUN", help="Its number in `loligo journal sessions`, or last.")] = LAST,
    verify: Annotated[bool, typer.Option("--verify", help="End with 1 when a record comes out differently.")] = False,
) -> None:
    """Run a recorded session once more, with the very versions and settings that ran, and compare every record with
    what the journal holds: all are identical, or here is the first that differs, and why.

    Safe beside a running bot. Ends with 1 when what ran cannot be had.
    """
    from loligo_bot.past import recipe_now
    from loligo_bot.replay.verify import lines_of
    from loligo_bot.replay.verify import verify as verified

    shell: Shell = context.obj
    with _opened(shell, run) as (session, reader):
        data = verified(shell.home, reader, recipe_now(shell.home))
    is_good = data["is_identical"] or not verify
    data = {"ok": is_good, "session": session.number, "file": session.name, **data}
    shell.lines(data, [line[:WIDEST] for line in lines_of(data)])
    if not is_good:
        raise typer.Exit(ExitCode.FAILURE)


def reality(
    context: typer.Context,
    desk: Annotated[str, typer.Option(help="Whose trades are checked.")],
    since: Annotated[
        str, typer.Option("--from", help="From this time of the data, ISO 8601; else from where the desk began.")
    ] = "",
    until: Annotated[str, typer.Option("--to", help="Up to this time of the data; else to the end.")] = "",
    run: Annotated[str, typer.Option("--session", help="A number of `loligo journal sessions`, or last.")] = LAST,
) -> None:
    """Hold the trades that a desk made against those of the backtester, over the same candles: first with the versions
    and settings that ran, then with those of today, and name the cause of every difference: fee, slippage, signal time,
    missing candle, version or settings.

    Safe beside a running bot, for which `loligo ask reality.start desk=NAME` does the same as a job.
    """
    from loligo_bot.past import recipe_now
    from loligo_bot.replay.reality import Asked, reality

    shell: Shell = context.obj
    asked = Asked(desk=desk, since=shell.instant(since, "--from") or "", until=shell.instant(until, "--to") or "")
    with _opened(shell, run) as (session, reader):
        data = reality(shell.home, reader, asked, recipe_now(shell.home))
    data = {"ok": True, "session": session.number, "file": session.name, **data}
    shell.result(data, lambda console: _show_reality(console, data))


def _show_reality(console: Console, data: dict[str, Any]) -> None:
    from loligo_lab.reality_words import table

    columns, rows = table(data)
    if rows:
        show_table(console, columns, rows)
    for line in (*data["summary"], *data["notes"]):
        console.print(line, markup=False, soft_wrap=True)


def _known(shell: Shell) -> list[Session]:
    from loligo_bot.replay.sessions import sessions as known

    return known(_address(shell))


def _address(shell: Shell) -> Any:
    from loligo_bot.folder_config import read_config
    from loligo_bot.replay.sessions import journal_address

    return journal_address(shell.home, read_config(shell.home).journal.get("url"))


@contextmanager
def _opened(shell: Shell, name: str) -> Iterator[tuple[Session, JournalReader]]:
    """Open the journal of a session, for work that takes a while. NotFound when there is none."""
    from loligo.log import configure
    from loligo_bot.interpreter import tuned_interpreter
    from loligo_bot.replay.sessions import session_of
    from loligo_store.reader import JournalReader

    configure(level="error")
    session = session_of(_address(shell), name)
    with tuned_interpreter(), session.opened() as database:
        yield session, JournalReader(database)


VERBS = (reality,)
