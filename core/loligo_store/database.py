"""Opens the database and hands out transactions: SQLite by default, PostgreSQL by URL.

What must hold: a transaction is whole or absent after any crash, and durable once committed (SQLite: WAL with
synchronous=FULL). A writing transaction on SQLite takes the write lock at its start, so it never fails half-way because
another process wrote in between. Errors of the database leave this package as `JournalError` only.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, ExceptionContext, Table, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from loligo.errors import ConfigError, JournalError

BUSY_TIMEOUT_MS = 10_000
_EXPECTED = "expected a file path, sqlite:///PATH or postgresql://USER@HOST/NAME"


def open_engine(database: str | Path) -> Engine:
    """Return the engine of a file path or a database URL. ConfigError if the URL is not one that Loligo can use."""
    url = _url(database)
    match url.get_backend_name():
        case "sqlite":
            Path(url.database or "").parent.mkdir(parents=True, exist_ok=True)
            engine = create_engine(url, hide_parameters=True)
            event.listen(engine, "connect", _prepare_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
        case "postgresql":
            try:
                driver = url.set(drivername="postgresql+psycopg")
                engine = create_engine(driver, hide_parameters=True, paramstyle="format")
            except ModuleNotFoundError as exc:
                raise ConfigError(f'{url!r} needs the driver psycopg: run pip install "loligo[postgresql]"') from exc
        case _:
            raise ConfigError(f"database {url!r} is not supported: {_EXPECTED}")
    event.listen(engine, "handle_error", _translate)
    return engine


def writing(engine: Engine) -> AbstractContextManager[Connection]:
    """Open a transaction that is committed at the end of the block, and rolled back by any exception."""
    return engine.execution_options(loligo_writes=True).begin()


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
    for pragma in (f"busy_timeout={BUSY_TIMEOUT_MS}", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("loligo_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _translate(context: ExceptionContext) -> None:
    if context.sqlalchemy_exception is not None:
        raise JournalError(
            f"database {context.engine and context.engine.url!r}: {str(context.original_exception).strip()}. Check that"
            " it is reachable, has free space, may be written by this user, and that no other bot writes to it"
        ) from context.original_exception
