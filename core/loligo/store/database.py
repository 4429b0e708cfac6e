"""Opens the database and hands out transactions: SQLite by default, PostgreSQL by URL.

What must hold: a transaction is whole or absent after any crash, and durable once committed (SQLite: WAL with
synchronous=FULL). A writing transaction on SQLite takes the write lock at its start, so it never fails half-way because
another process wrote in between. Errors of the database leave this package as `JournalError` only.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from loligo.errors import ConfigError, JournalError

BUSY_TIMEOUT_MS = 10_000
_EXPECTED = "expected a file path, sqlite:///PATH or postgresql://USER@HOST/NAME"


def open_engine(database: str | Path) -> Engine:
    """Return the engine of a file path or a database URL. ConfigError if the URL is not one that Loligo can use."""
    url = _url(database)
    backend = url.get_backend_name()
    if backend == "sqlite":
        if url.database:
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(url, hide_parameters=True)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    if backend == "postgresql":
        try:
            return create_engine(url.set(drivername="postgresql+psycopg"), hide_parameters=True)
        except ModuleNotFoundError as exc:
            raise ConfigError(f'{url!r} needs the driver psycopg: run pip install "loligo[postgresql]"') from exc
    raise ConfigError(f"database {url!r} is not supported: {_EXPECTED}")


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that is committed at the end of the block, and rolled back by any exception."""
    with _translated(engine), engine.connect() as connection:
        connection.execution_options(loligo_writes=True)
        with connection.begin():
            yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that reads."""
    with _translated(engine), engine.connect() as connection:
        yield connection


def insert_sql(engine: Engine, table: Table) -> str:
    """Return an INSERT of whole rows for `exec_driver_sql`, in the driver's own placeholders."""
    quote = engine.dialect.identifier_preparer.quote
    mark = "?" if engine.dialect.name == "sqlite" else "%s"
    names = ", ".join(quote(column.name) for column in table.c)
    return f"INSERT INTO {quote(table.name)} ({names}) VALUES ({', '.join([mark] * len(table.c))})"


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


@contextmanager
def _translated(engine: Engine) -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as exc:
        reason = str(getattr(exc, "orig", None) or exc).strip()
        raise JournalError(
            f"database {engine.url!r}: {reason}. Check that it is reachable, has free space, may be written by this"
            " user, and that no other bot writes to it"
        ) from exc
