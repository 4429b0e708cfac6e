"""`loligo why`, `loligo export` and `loligo journal`: what the journal says. Safe beside a running bot."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from loligo_bot.cli.entry_points import group
from loligo_bot.cli.outcome import NothingToDo
from loligo_bot.cli.output import Shell, show_table

if TYPE_CHECKING:
    from rich.console import Console
    from sqlalchemy import Engine

journal = group("journal", "The journal: what happened, in tables and event by event.")
LONGEST_TEXT = 200  # characters of an event in a table; --json has all of it
COLUMNS = {  # of the tables that are too wide for a terminal
    "orders": "seq ts desk instrument side kind role quantity limit_price trigger_price state filled reason id",
    "fills": "seq ts desk order_id price quantity fee is_maker code",
    "trades": "seq opened_at_ns closed_at_ns desk instrument side quantity entry_price exit_price net fees exit_role",
    "positions": "ts desk instrument quantity average_entry realised fees funding opened_at_ns",
}


def why(
    context: typer.Context,
    ident: Annotated[str, typer.Argument(metavar="ID", help="An order, a fill, a command, or the seq of any event.")],
) -> None:
    """Say why something happened: from the candle over evaluations, decision and risk to orders and fills."""
    from loligo_bot.explain import explain
    from loligo_bot.past import past_of
    from loligo_store.projector import Projector
    from loligo_store.reader import JournalReader

    shell: Shell = context.obj
    with open_journal(shell.home) as engine:
        rows = caught_up(Projector(engine))
        story = explain(ident, JournalReader(engine), rows, past_of(shell.home, rows))
    columns = ("seq", "time", "step", "")
    told = [(str(step["seq"]), step["at"][:19], step["step"], step["text"][:LONGEST_TEXT]) for step in story["steps"]]
    shell.result(story, lambda console: show_table(console, columns, told))


def export(
    context: typer.Context,
    table: Annotated[str, typer.Argument(help="trades (closed round trips), fills (with fees) or orders.")] = "trades",
    output: Annotated[Path | None, typer.Option(help="The file; TABLE.csv unless said.")] = None,
    since: Annotated[str | None, typer.Option(help="Not before this time, such as 2019-01-01.")] = None,
    until: Annotated[str | None, typer.Option(help="Before this time.")] = None,
    desk: Annotated[str | None, typer.Option(help="Only this desk.")] = None,
) -> None:
    """Write what was traded into a CSV file, all of it, for a spreadsheet or a tax return."""
    from loligo.errors import BadArguments
    from loligo_bot.door.exporting import TradedAsked, traded_csv
    from loligo_bot.door.problems import checked
    from loligo_store.projector import Projector

    shell: Shell = context.obj
    given = {"table": table, "since": since, "until": until, "desk": desk}
    try:
        asked = checked(TradedAsked, given, "export")
    except BadArguments as exc:
        raise typer.BadParameter(str(exc)) from exc
    with open_journal(shell.home) as engine:
        reader = caught_up(Projector(engine))
        _check_desk(shell.home, reader, desk)
        content = traded_csv(reader, asked)
    file, rows = output or Path(f"{table}.csv"), content.count("\n") - 1
    file.write_text(content, encoding="utf-8")
    shell.lines({"ok": True, "file": str(file), "rows": rows}, [f"{file}: {rows:,} {table}"])


@journal.command()
def show(
    context: typer.Context,
    projection: Annotated[
        str, typer.Argument(help="trades, orders, fills, positions, refusals, checks, declined, ...")
    ],
    desk: Annotated[str | None, typer.Option(help="Only this desk.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="The newest so many rows.")] = 20,
) -> None:
    """Show the newest rows of a table made of the journal."""
    from loligo_store.projections import PROJECTIONS
    from loligo_store.projector import Projector

    shell: Shell = context.obj
    if projection not in PROJECTIONS:
        raise typer.BadParameter(f'there is no table "{projection}": expected one of {", ".join(PROJECTIONS)}')
    with open_journal(shell.home) as engine:
        reader = caught_up(Projector(engine))
        _check_desk(shell.home, reader, desk)
        rows = reader.rows(projection, desk=desk, limit=limit)
    shell.result({"ok": True, "rows": rows}, lambda console: _show_rows(console, projection, rows))


@journal.command()
def events(
    context: typer.Context,
    since: Annotated[int, typer.Option(min=0, help="The first seq; 0: where the journal begins.")] = 0,
    limit: Annotated[int, typer.Option(min=1, help="So many records.")] = 20,
) -> None:
    """Show records as they are: each input with all its consequences."""
    from itertools import islice

    import msgspec

    from loligo.model.timeframe import iso
    from loligo_bot.explain import described
    from loligo_store.reader import JournalReader

    shell: Shell = context.obj
    with open_journal(shell.home) as engine:
        records = list(islice(JournalReader(engine).records(since), limit))
    rows = [
        (str(record.seq + place), iso(event.ts)[:19], *(text[:LONGEST_TEXT] for text in described(event)))
        for record in records
        for place, event in enumerate((record.input, *record.events))
    ]
    data = {"ok": True, "records": msgspec.to_builtins(records)}
    shell.result(data, lambda console: show_table(console, ("seq", "time", "event", ""), rows))


@journal.command()
def check(context: typer.Context) -> None:
    """Read the whole journal, prove every checksum, and print its digest."""
    from loligo_store.reader import JournalReader

    shell: Shell = context.obj
    with open_journal(shell.home) as engine:
        reader = JournalReader(engine)
        count = sum(1 for _record in reader.records())
        seqs = {"first_seq": reader.first_seq, "last_seq": reader.last_seq}
        data = {"ok": True, "records": count, **seqs, "digest": reader.digest()}
    cut = f"; retention has cut what was before seq {seqs['first_seq']:,}" if seqs["first_seq"] > 1 else ""
    text = f"{count:,} records, whole{cut}; last seq {seqs['last_seq']:,}, digest {data['digest']}"
    shell.result(data, lambda console: console.print(text))


@journal.command()
def rebuild(context: typer.Context) -> None:
    """Drop all tables that are made of the journal and make them again. Refused once retention has cut a part of it."""
    from loligo_store.projector import Projector

    shell: Shell = context.obj
    with open_journal(shell.home) as engine:
        count = Projector(engine).rebuild()
    shell.result({"ok": True, "records": count}, lambda console: console.print(f"rebuilt from {count:,} records"))


@contextmanager
def open_journal(home: Path) -> Iterator[Engine]:
    """Open the bot's journal. NothingToDo while there is none."""
    from loligo_bot.folder_config import read_config
    from loligo_bot.replay.sessions import journal_address
    from loligo_store.database import open_engine

    address = journal_address(home, read_config(home).journal.get("url"))
    if isinstance(address, Path) and not address.exists():
        raise NothingToDo(f"{address}: no journal yet; `loligo run --home {home}` writes one")
    engine = open_engine(address)
    try:
        yield engine
    finally:
        engine.dispose()


def caught_up(projector: Any) -> Any:
    """Return the projector, up with the journal."""
    projector.catch_up()
    return projector


def _check_desk(home: Path, reader: Any, desk: str | None) -> None:
    """NotFound for a desk that neither the configuration nor the journal knows, so that no table is silently empty."""
    from loligo.errors import NotFound
    from loligo_bot.folder_config import read_config

    known = read_config(home).desks
    if desk is not None and desk not in known and not reader.rows("equity", desk=desk, limit=1):
        raise NotFound(f'there is no desk "{desk}", and the journal has none of that name: expected {", ".join(known)}')


def _show_rows(console: Console, projection: str, rows: list[dict[str, Any]]) -> None:
    if not rows:
        console.print("nothing yet")
        return
    columns = COLUMNS.get(projection, " ".join(rows[0])).split()
    shown = [[_cell(name, row[name]) for name in columns] for row in rows]
    show_table(console, [name.removesuffix("_ns") for name in columns], shown)


def _cell(name: str, value: Any) -> Any:
    """Return times to the second, money without the zeros at its end, and seqs as names, not numbers."""
    from decimal import Decimal

    from loligo.model.timeframe import iso

    if name == "ts" or name.endswith("_at_ns"):
        return iso(value)[:19] if value else ""
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return str(value) if name in ("seq", "cause") else value


VERBS = (why, export)
