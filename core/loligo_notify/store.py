"""The file of the outbox: what waits for whom, how far each destination was told, and what people have seen.

state/notifications.sqlite, for its owner only. What must hold: a page and the place up to which its destination was
told are written in one transaction, so a message is taken once; a page is marked before it is sent, so that the next
run knows whose fate is open. Writes are not synchronous: a power cut may lose the newest, all from one moment on, and
the journal makes it again. Calls are short and block; any thread may make them.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loligo.api import Message
from loligo_files.private import make_private

NOTIFICATIONS_FILE = Path("state/notifications.sqlite")
KEPT = 10_000  # notices for people, the newest
Mark = tuple[int, int]  # seq, and 0 for what is told of all before it, 1 for the event itself

_TABLES = """
CREATE TABLE IF NOT EXISTS destinations (
  name TEXT PRIMARY KEY, seq INTEGER, part INTEGER NOT NULL DEFAULT 0, delivered INTEGER NOT NULL DEFAULT 0,
  dropped INTEGER NOT NULL DEFAULT 0, failing_ns INTEGER NOT NULL DEFAULT 0, error TEXT NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS pages (
  id INTEGER PRIMARY KEY AUTOINCREMENT, destination TEXT NOT NULL, text TEXT NOT NULL, level TEXT NOT NULL,
  nonce TEXT NOT NULL, due_ns INTEGER NOT NULL, bundle TEXT NOT NULL, is_sent INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS pages_of ON pages (destination, id);
CREATE TABLE IF NOT EXISTS notices (
  id INTEGER PRIMARY KEY AUTOINCREMENT, seq INTEGER, part INTEGER, kind TEXT NOT NULL, level TEXT NOT NULL,
  desk TEXT NOT NULL, text TEXT NOT NULL, fields TEXT NOT NULL, UNIQUE (seq, part));
CREATE TABLE IF NOT EXISTS seen (person TEXT PRIMARY KEY, id INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptPage:
    """A page as it lies in the file."""

    id: int
    text: str
    level: str
    nonce: str
    due_ns: int
    bundle: str
    is_sent: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How it goes with a destination."""

    seq: int | None
    part: int
    delivered: int
    dropped: int
    failing_ns: int
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A message as people look it up later."""

    id: int
    seq: int | None
    kind: str
    level: str
    desk: str
    text: str
    fields: dict[str, str]


class Store:
    """The file; None: in memory, for what belongs to no bot folder."""

    def __init__(self, file: Path | None) -> None:
        if file is not None:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            make_private(file)  # sqlite3 would make it for everybody to read
        self._turn = threading.Lock()
        self._connection = sqlite3.connect(
            file or ":memory:", isolation_level=None, timeout=5.0, check_same_thread=False
        )
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.executescript(_TABLES)

    def close(self) -> None:
        with self._turn:
            self._connection.close()

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        with self._turn:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def _rows(self, query: str, *values: object) -> list[sqlite3.Row]:
        with self._turn, closing(self._connection.execute(query, values)) as cursor:
            return cursor.fetchall()

    # Destinations

    def standing(self, name: str) -> Standing:
        """Return how it goes with a destination; one that is new is written down."""
        with self._changing() as change:
            change.execute("INSERT OR IGNORE INTO destinations (name) VALUES (?)", (name,))
        (row,) = self._rows("SELECT * FROM destinations WHERE name = ?", name)
        return Standing(**{key: row[key] for key in row.keys() if key != "name"})  # noqa: SIM118 a row is no dict

    def begin(self, names: Sequence[str], last_seq: int) -> None:
        """Let destinations that were told nothing yet begin at the journal's end; none is ahead of it."""
        with self._changing() as change:
            for name in names:
                change.execute(
                    "UPDATE destinations SET seq = ?, part = 1 WHERE name = ? AND (seq IS NULL OR seq > ?)",
                    (last_seq, name, last_seq),
                )

    def failing(self, name: str, since_ns: int, error: str) -> None:
        """Write down since when a destination takes nothing and why; 0: it does again."""
        with self._changing() as change:
            change.execute("UPDATE destinations SET failing_ns = ?, error = ? WHERE name = ?", (since_ns, error, name))

    # Pages

    def pages(self, name: str) -> list[KeptPage]:
        rows = self._rows("SELECT * FROM pages WHERE destination = ? ORDER BY id", name)
        return [_kept(row) for row in rows]

    def keep(self, name: str, pages: Sequence[dict[str, Any]], mark: Mark | None, most: int) -> list[int] | None:
        """Keep the pages of one message; return their ids, fewer where there is no room, None when it was taken
        before."""
        with self._changing() as change:
            if mark is not None and not _advance(change, name, mark):
                return None
            count = change.execute("SELECT count(*) FROM pages WHERE destination = ?", (name,)).fetchone()[0]
            room = pages if count + len(pages) <= most else ()
            ids = [_insert(change, name, page) for page in room]
            if len(room) < len(pages):
                change.execute("UPDATE destinations SET dropped = dropped + 1 WHERE name = ?", (name,))
            return ids

    def passed(self, name: str, mark: Mark) -> None:
        """Write down that a destination was not to be told of anything up to there."""
        with self._changing() as change:
            _advance(change, name, mark)

    def sending(self, ids: Sequence[int], *, is_sent: bool) -> None:
        """Write down that the fate of pages is open, or that they did not arrive."""
        with self._changing() as change:
            change.executemany("UPDATE pages SET is_sent = ? WHERE id = ?", [(is_sent, id_) for id_ in ids])

    def done(self, name: str, ids: Sequence[int], *, is_delivered: bool) -> None:
        """Forget pages that have arrived, or never will; told twice, they count once."""
        column = "delivered" if is_delivered else "dropped"
        with self._changing() as change:
            gone = change.executemany("DELETE FROM pages WHERE id = ?", [(id_,) for id_ in ids]).rowcount
            change.execute(f"UPDATE destinations SET {column} = {column} + ? WHERE name = ?", (gone, name))

    # Notices and who has seen them

    def note(self, messages: Sequence[tuple[Message, Mark | None]]) -> None:
        """Write messages down for people, each once."""
        rows = [
            (mark and mark[0], mark and mark[1], one.kind, one.level, one.desk, one.text, json.dumps(dict(one.fields)))
            for one, mark in messages
        ]
        with self._changing() as change:
            change.executemany(
                "INSERT OR IGNORE INTO notices (seq, part, kind, level, desk, text, fields)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                rows,
            )
            newest = change.execute("SELECT max(id) FROM notices").fetchone()[0] or 0
            change.execute("DELETE FROM notices WHERE id <= ?", (newest - KEPT,))

    def notices(
        self,
        *,
        limit: int,
        before: int | None = None,
        kinds: Sequence[str] = (),
        levels: Sequence[str] = (),
        desk: str = "",
    ) -> list[Notice]:
        """Return the newest, newest first."""
        where, values = ["id < ?"], [before if before is not None else 2**63 - 1]
        for column, wanted in (("kind", kinds), ("level", levels), ("desk", (desk,) if desk else ())):
            if wanted:
                where.append(f"{column} IN ({', '.join('?' * len(wanted))})")
                values.extend(wanted)  # type: ignore[arg-type]
        query = f"SELECT * FROM notices WHERE {' AND '.join(where)} ORDER BY id DESC LIMIT ?"
        return [_notice(row) for row in self._rows(query, *values, limit)]

    def unread(self, person: str, hidden: Sequence[str]) -> int:
        """Return how many a person has not seen, but for these kinds."""
        query = f"""SELECT count(*) AS count FROM notices WHERE kind NOT IN ({", ".join("?" * len(hidden))})
          AND id > coalesce((SELECT id FROM seen WHERE person = ?), 0)"""
        return int(self._rows(query, *hidden, person)[0]["count"])

    def seen(self, person: str) -> int:
        rows = self._rows("SELECT id FROM seen WHERE person = ?", person)
        return int(rows[0]["id"]) if rows else 0

    def see(self, person: str, up_to: int) -> None:
        with self._changing() as change:
            change.execute(
                "INSERT INTO seen VALUES (?, ?) ON CONFLICT (person) DO UPDATE SET id = max(id, excluded.id)",
                (person, up_to),
            )

    # Facts of the bot

    def fact(self, name: str) -> str:
        rows = self._rows("SELECT value FROM facts WHERE name = ?", name)
        return str(rows[0]["value"]) if rows else ""

    def set_fact(self, name: str, value: str) -> None:
        with self._changing() as change:
            change.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))


def _advance(change: sqlite3.Connection, name: str, mark: Mark) -> bool:
    moved = change.execute(
        "UPDATE destinations SET seq = ?, part = ? WHERE name = ? AND (seq IS NULL OR (seq, part) < (?, ?))",
        (*mark, name, *mark),
    )
    return moved.rowcount == 1


def _insert(change: sqlite3.Connection, name: str, page: dict[str, Any]) -> int:
    columns = ", ".join(page)
    places = ", ".join("?" * len(page))
    query = f"INSERT INTO pages (destination, {columns}) VALUES (?, {places})"
    return int(change.execute(query, (name, *page.values())).lastrowid or 0)


def _kept(row: sqlite3.Row) -> KeptPage:
    names = ("id", "text", "level", "nonce", "due_ns", "bundle")
    return KeptPage(**{name: row[name] for name in names}, is_sent=bool(row["is_sent"]))


def _notice(row: sqlite3.Row) -> Notice:
    names = ("id", "seq", "kind", "level", "desk", "text")
    return Notice(**{name: row[name] for name in names}, fields=json.loads(row["fields"]))
