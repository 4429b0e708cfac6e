"""A database file that its owner alone can read, for what the page keeps beside the bot's journal."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path


class PrivateFile:
    """The file. Every call is one short transaction; who waits for another process waits `timeout_s` at most."""

    def __init__(self, file: Path, tables: str, timeout_s: float) -> None:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # For its owner alone, as sqlite3 would not make it; to open one that is there would end the locks on it.
        with suppress(FileExistsError):
            os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        self._connection = sqlite3.connect(file, isolation_level=None, timeout=timeout_s)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA foreign_keys = ON")
        self._connection.executescript(tables)

    def close(self) -> None:
        self._connection.close()

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield self._connection
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def _rows(self, query: str, *values: object) -> list[sqlite3.Row]:
        with closing(self._connection.execute(query, values)) as cursor:
            return cursor.fetchall()
