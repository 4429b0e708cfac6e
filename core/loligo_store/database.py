"""Opens the database and hands out transactions: SQLite by default, PostgreSQL by URL.

What must hold: a transaction is whole or absent after any crash, and durable once committed (SQLite: WAL with
synchronous=FULL). A writing transaction on SQLite takes the write lock at its start, so it never fails half-way because
another process wrote in between. Errors of the database leave this package as `JournalError` only.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, ExceptionContext, Table, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from loligo.errors import ConfigError, JournalError

BUSY_TIMEOUT_MS = 10_000
LOG_PAGES = 4_000  # 16 MB; SQLite's own 1,000 would let a commit wait for a checkpoint every few seconds
_EXPECTED = "expected a file path, sqlite:///PATH or postgresql://USER@HOST/NAME"


def open_engine(database: str | Path) -> Engine:
    """Return the engine of a file path or a database URL. ConfigError if the URL is not one that Loligo can use."""
    url = _url(database)
    match url.get_backend_name():
        case "sqlite":
            Path(url.database or "").parent.mkdir(parents=True, exist_ok=True)
            # SQLite lets a second writer ask again after ever longer sleeps; threads of one process wait in line.
            engine = create_engine(url, hide_parameters=True, execution_options={"loligo_turn": threading.Lock()})
            event.listen(engine, "connect", _prepare_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
        case "postgresql":
            try:
                driver = url.set(drivername="postgresql+psycopg")
                engine = create_engine(driver, hide_parameters=True, paramstyle="format")
                event.listen(engine, "begin", _begin_postgresql)
            except ModuleNotFoundError as exc:
                raise ConfigError(f'{url!r} needs the driver psycopg: run pip install "loligo[postgresql]"') from exc
        case _:
            raise ConfigError(f"database {url!r} is not supported: {_EXPECTED}")
    event.listen(engine, "handle_error", _translate)
    return engine


@contextmanager
def writing(engine: Engine, *, is_remade: bool = False) -> Iterator[Connection]:
    """Open a transaction that is committed at the end of the block, and rolled back by any exception.

    One of rows that can be made again (`is_remade`) does not wait for the disk: a power cut may take it back, whole,
    together with all that came after it.
    """
    with (
        engine.get_execution_options().get("loligo_turn") or nullcontext(),
        engine.execution_options(loligo_writes="lazily" if is_remade else "durably").begin() as connection,
    ):
        yield connection


def checkpoint(engine: Engine) -> None:
    """Bring what is in SQLite's log into its file, so that no commit has to: most of it while others write, the rest
    while they wait for a moment, without which the log would never begin anew. Nothing to do for PostgreSQL."""
    if (turn := engine.get_execution_options().get("loligo_turn")) is None:
        return
    for in_turn in (nullcontext(), turn):
        connection = engine.raw_connection()
        try:
            with in_turn:
                connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)")
        finally:
            connection.close()


def insert_sql(engine: Engine, table: Table) -> str:
    """Return an INSERT of whole rows for `exec_driver_sql`, in the driver's own placeholders."""
    return str(table.insert().compile(engine))


def _url(database: str | Path) -> URL:
    if isinstance(database, Path) or "://" not in database:
        return URL.create("sqlite", database=str(database))
    try:
        return make_url(database)
    except ArgumentError as exc:
        raise ConfigError(f"database address cannot be read: {_EXPECTED}") from exc  # it may hold a password


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver's own BEGIN would leave DDL and reads outside of transactions
    log = ("journal_mode=WAL", f"wal_autocheckpoint={LOG_PAGES}")
    for pragma in (f"busy_timeout={BUSY_TIMEOUT_MS}", *log, "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    how = connection.get_execution_options().get("loligo_writes")
    if how is not None:
        connection.exec_driver_sql(f"PRAGMA synchronous={'NORMAL' if how == 'lazily' else 'FULL'}")
    connection.exec_driver_sql("BEGIN" if how is None else "BEGIN IMMEDIATE")


def _begin_postgresql(connection: Connection) -> None:
    if connection.get_execution_options().get("loligo_writes") == "lazily":
        connection.exec_driver_sql("SET LOCAL synchronous_commit TO OFF")


def _translate(context: ExceptionContext) -> None:
    if context.sqlalchemy_exception is not None:
        raise JournalError(
            f"database {context.engine and context.engine.url!r}: {str(context.original_exception).strip()}. Check that"
            " it is reachable, has free space, may be written by this user, and that no other bot writes to it"
        ) from context.original_exception
