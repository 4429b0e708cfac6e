"""Brings a database to the schema of this code. Older ones are migrated, newer ones refused; at the head it costs one
query, without loading alembic."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect

from loligo.errors import JournalError
from loligo_store.database import writing
from loligo_store.schema import SCHEMA_VERSION

MIGRATIONS = Path(__file__).with_name("migrations")
_LOCK = 0x4C6F6C69  # "Loli": two bots that open one PostgreSQL database migrate it one after the other


def migrate(engine: Engine) -> None:
    """Make the schema current, in one transaction. JournalError if the database is newer than this code."""
    with engine.connect() as connection:
        if _version(connection) == SCHEMA_VERSION:
            return
    with writing(engine) as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        _upgrade(connection)


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as exc:  # alembic does not know the revision
        raise JournalError(
            f"the database has schema {_version(connection)} and this Loligo knows up to {SCHEMA_VERSION}: it was"
            " written by a newer version. Update Loligo, or use another database"
        ) from exc
