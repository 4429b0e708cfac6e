"""People, sessions, tokens, invitations, what people chose, did to access and were answered: an SQLite file for its
owner only.

What must hold: no password, session, token or invitation can be read from the file, only hashes; it is readable by the
user who runs the bot and nobody else. Times are seconds since 1970 of the wall clock, given by the caller.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from loligo.api import Role

from ..private_file import PrivateFile

ID_LENGTH = 12  # of an invitation: hexadecimal digits of its hash
_TABLES = """
CREATE TABLE IF NOT EXISTS people (
  name TEXT PRIMARY KEY, password TEXT NOT NULL, role INTEGER NOT NULL, made_s REAL NOT NULL,
  code_secret TEXT, code_step INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS sessions (
  hash TEXT PRIMARY KEY, person TEXT NOT NULL REFERENCES people ON DELETE CASCADE, csrf TEXT NOT NULL,
  made_s REAL NOT NULL, used_s REAL NOT NULL, agent TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS tokens (
  id INTEGER PRIMARY KEY, hash TEXT UNIQUE NOT NULL, name TEXT UNIQUE NOT NULL, role INTEGER NOT NULL,
  person TEXT NOT NULL REFERENCES people ON DELETE CASCADE, made_s REAL NOT NULL, used_s REAL);
CREATE TABLE IF NOT EXISTS makers (
  token INTEGER PRIMARY KEY REFERENCES tokens ON DELETE CASCADE,
  maker INTEGER NOT NULL REFERENCES tokens ON DELETE CASCADE);
CREATE TABLE IF NOT EXISTS invitations (
  hash TEXT PRIMARY KEY, role INTEGER NOT NULL, until_s REAL NOT NULL, is_first INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS inviters (
  invitation TEXT PRIMARY KEY REFERENCES invitations ON DELETE CASCADE, person TEXT NOT NULL, actor TEXT NOT NULL,
  made_s REAL NOT NULL);
CREATE TABLE IF NOT EXISTS failures (who TEXT PRIMARY KEY, count INTEGER NOT NULL, newest_s REAL NOT NULL);
CREATE TABLE IF NOT EXISTS choices (
  person TEXT NOT NULL REFERENCES people ON DELETE CASCADE, name TEXT NOT NULL, PRIMARY KEY (person, name));
CREATE TABLE IF NOT EXISTS deeds (
  id INTEGER PRIMARY KEY, ts_s REAL NOT NULL, who TEXT NOT NULL, deed TEXT NOT NULL, address TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS answers (
  ident TEXT PRIMARY KEY, asked TEXT NOT NULL, answer TEXT NOT NULL, at_s REAL NOT NULL);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    name: str
    password: str  # its hash
    role: Role
    made_s: float
    code_secret: str | None = None  # of the second factor
    code_step: int = 0  # the newest one used


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """One that is open. None of its maker is known where an earlier version of the page kept it."""

    id: str  # the beginning of its hash
    role: Role
    until_s: float
    made_by: str | None
    made_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    person: str
    role: Role
    csrf: str
    used_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    id: int
    name: str
    role: Role
    person: str
    made_s: float
    used_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    ts_s: float
    who: str
    deed: str
    address: str


class AccessStore(PrivateFile):
    """The file."""

    def __init__(self, file: Path) -> None:
        super().__init__(file, _TABLES, timeout_s=5.0)

    # People

    def has_people(self) -> bool:
        return bool(self._rows("SELECT 1 FROM people LIMIT 1"))

    def people(self) -> list[Person]:
        return [_person(row) for row in self._rows("SELECT * FROM people ORDER BY name")]

    def person(self, name: str) -> Person | None:
        rows = self._rows("SELECT * FROM people WHERE name = ?", name)
        return _person(rows[0]) if rows else None

    def set_password(self, name: str, password: str) -> None:
        """Change the hash and end every session of the person."""
        with self._changing() as change:
            change.execute("UPDATE people SET password = ? WHERE name = ?", (password, name))
            change.execute("DELETE FROM sessions WHERE person = ?", (name,))

    def choices(self, person: str) -> frozenset[str]:
        """Return what somebody has chosen about how the page looks to them, as names."""
        return frozenset(row["name"] for row in self._rows("SELECT name FROM choices WHERE person = ?", person))

    def choose(self, person: str, chosen: Iterable[str], of: Iterable[str]) -> None:
        """Let these be what somebody has chosen among the names `of`; all others stay as they are."""
        with self._changing() as change:
            change.executemany("DELETE FROM choices WHERE person = ? AND name = ?", [(person, one) for one in of])
            rows = [(person, one) for one in chosen]
            change.executemany("INSERT OR IGNORE INTO choices (person, name) VALUES (?, ?)", rows)

    def set_role(self, name: str, role: Role) -> int:
        """Change it; return how many invitations ended, those of whoever may invite no more."""
        with self._changing() as change:
            change.execute("UPDATE people SET role = ? WHERE name = ?", (int(role), name))
            return _end_invitations(change, name) if role < Role.ADMIN else 0

    def set_code(self, name: str, secret: str | None, step: int = 0) -> None:
        with self._changing() as change:
            change.execute("UPDATE people SET code_secret = ?, code_step = ? WHERE name = ?", (secret, step, name))

    def use_code(self, name: str, step: int) -> bool:
        """Mark a time step as used; False when it, or a later one, was used meanwhile."""
        with self._changing() as change:
            done = change.execute(
                "UPDATE people SET code_step = ? WHERE name = ? AND code_step < ?", (step, name, step)
            )
            return done.rowcount == 1

    def remove_person(self, name: str) -> int:
        """Remove somebody; return how many invitations of theirs ended with it."""
        with self._changing() as change:
            change.execute("DELETE FROM people WHERE name = ?", (name,))
            return _end_invitations(change, name)

    # Invitations: the first one makes the owner

    def invite_first(self, hashed: str, role: Role, until_s: float) -> None:
        """Keep the first invitation, in place of the one before."""
        with self._changing() as change:
            change.execute("DELETE FROM invitations WHERE is_first")
            change.execute("INSERT INTO invitations VALUES (?, ?, ?, 1)", (hashed, int(role), until_s))

    def invite(self, hashed: str, role: Role, until_s: float, *, person: str, actor: str, now_s: float) -> str:
        """Keep an invitation and who made it, as which actor; return its id."""
        with self._changing() as change:
            change.execute("INSERT INTO invitations VALUES (?, ?, ?, 0)", (hashed, int(role), until_s))
            change.execute("INSERT INTO inviters VALUES (?, ?, ?, ?)", (hashed, person, actor, now_s))
        return hashed[:ID_LENGTH]

    def invitations(self, now_s: float) -> list[Invitation]:
        """Return those that are open, the one that ends last first."""
        query = (
            "SELECT hash, role, until_s, actor AS made_by, made_s FROM invitations"
            " LEFT JOIN inviters ON invitation = hash WHERE until_s > ? ORDER BY until_s DESC"
        )
        return [_invitation(row) for row in self._rows(query, now_s)]

    def revoke_invitation(self, id: str, now_s: float) -> Role | None:
        """End an open invitation; return what it was for, None where there is no such one."""
        with self._changing() as change:
            found = change.execute(
                f"DELETE FROM invitations WHERE substr(hash, 1, {ID_LENGTH}) = ? AND until_s > ? RETURNING role",
                (id, now_s),
            ).fetchone()
        return Role(found["role"]) if found else None

    def invitation(self, hashed: str, now_s: float) -> Role | None:
        rows = self._rows("SELECT role FROM invitations WHERE hash = ? AND until_s > ?", hashed, now_s)
        return Role(rows[0]["role"]) if rows else None

    def accept(self, hashed: str, name: str, password: str, now_s: float) -> Role | None:
        """Make the person that was invited, once. None when the invitation is gone; IntegrityError for a name taken."""
        with self._changing() as change:
            found = change.execute(
                "DELETE FROM invitations WHERE hash = ? AND until_s > ? RETURNING role", (hashed, now_s)
            ).fetchone()
            if found is None:
                return None
            change.execute(
                "INSERT INTO people (name, password, role, made_s) VALUES (?, ?, ?, ?)",
                (name, password, found["role"], now_s),
            )
            return Role(found["role"])

    # Sessions

    def begin_session(
        self, hashed: str, person: str, csrf: str, now_s: float, agent: str, *, unused_since_s: float
    ) -> None:
        """Keep a session, and forget those that nobody used since then."""
        with self._changing() as change:
            change.execute("DELETE FROM sessions WHERE used_s <= ?", (unused_since_s,))
            change.execute("DELETE FROM invitations WHERE until_s <= ?", (now_s,))
            change.execute(
                "INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?)", (hashed, person, csrf, now_s, now_s, agent[:200])
            )

    def session(self, hashed: str, unused_since_s: float) -> Session | None:
        rows = self._rows(
            "SELECT person, role, csrf, used_s FROM sessions JOIN people ON name = person"
            " WHERE hash = ? AND used_s > ?",
            hashed,
            unused_since_s,
        )
        return Session(**{**rows[0], "role": Role(rows[0]["role"])}) if rows else None

    def touch_session(self, hashed: str, now_s: float) -> None:
        with self._changing() as change:
            change.execute("UPDATE sessions SET used_s = ? WHERE hash = ?", (now_s, hashed))

    def end_session(self, hashed: str) -> None:
        with self._changing() as change:
            change.execute("DELETE FROM sessions WHERE hash = ?", (hashed,))

    def end_sessions(self, person: str, but: str = "") -> None:
        with self._changing() as change:
            change.execute("DELETE FROM sessions WHERE person = ? AND hash <> ?", (person, but))

    # Tokens

    def add_token(
        self, hashed: str, name: str, role: Role, person: str, now_s: float, *, maker: int | None = None
    ) -> None:
        """Keep a token, and by which it was made. IntegrityError for a name that another has."""
        with self._changing() as change:
            cursor = change.execute(
                "INSERT INTO tokens (hash, name, role, person, made_s) VALUES (?, ?, ?, ?, ?)",
                (hashed, name, int(role), person, now_s),
            )
            if maker is not None:
                change.execute("INSERT INTO makers VALUES (?, ?)", (cursor.lastrowid, maker))

    def tokens(self) -> list[Token]:
        return [_token(row) for row in self._rows("SELECT * FROM tokens ORDER BY id")]

    def token(self, hashed: str, now_s: float) -> Token | None:
        """Return a token, at most with the role of whom it belongs to, and note once a minute that it is used."""
        query = "SELECT t.*, p.role AS most FROM tokens t JOIN people p ON p.name = t.person WHERE hash = ?"
        rows = self._rows(query, hashed)
        if not rows:
            return None
        found = _token(rows[0], most=rows[0]["most"])
        if found.used_s is None or now_s - found.used_s > 60:
            with self._changing() as change:
                change.execute("UPDATE tokens SET used_s = ? WHERE id = ?", (now_s, found.id))
        return found

    def remove_token(self, id: int) -> list[str]:
        """Remove a token and all that were made with it; return their names."""
        made = "WITH RECURSIVE made(id) AS (VALUES (?) UNION SELECT token FROM makers JOIN made ON maker = made.id)"
        with self._changing() as change:
            gone = change.execute(f"{made} DELETE FROM tokens WHERE id IN made RETURNING name", (id,)).fetchall()
        return [row["name"] for row in gone]

    # Answers, for those who ask again

    def answer(self, ident: str, since_s: float) -> tuple[str, str] | None:
        """Return what was asked, as a digest, and what was answered, since then."""
        rows = self._rows("SELECT asked, answer FROM answers WHERE ident = ? AND at_s > ?", ident, since_s)
        return (rows[0]["asked"], rows[0]["answer"]) if rows else None

    def keep_answer(
        self, ident: str, asked: str, answer: str, now_s: float, since_s: float, *, kept: int = 10_000
    ) -> None:
        """Keep an answer; forget those before then, and the oldest."""
        with self._changing() as change:
            change.execute("DELETE FROM answers WHERE at_s <= ?", (since_s,))
            cursor = change.execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?)", (ident, asked, answer, now_s))
            change.execute("DELETE FROM answers WHERE rowid <= ?", ((cursor.lastrowid or 0) - kept,))

    # Failures and deeds

    def failures(self, who: str) -> tuple[int, float]:
        """Return how often in a row, and when last."""
        rows = self._rows("SELECT count, newest_s FROM failures WHERE who = ?", who)
        return (rows[0]["count"], rows[0]["newest_s"]) if rows else (0, 0.0)

    def count_failure(self, who: str, now_s: float) -> None:
        with self._changing() as change:
            change.execute("DELETE FROM failures WHERE newest_s < ?", (now_s - 86_400,))
            change.execute(
                "INSERT INTO failures VALUES (?, 1, ?) ON CONFLICT (who) DO UPDATE SET count = count + 1, newest_s = ?",
                (who, now_s, now_s),
            )

    def forget_failures(self, who: str) -> None:
        with self._changing() as change:
            change.execute("DELETE FROM failures WHERE who = ?", (who,))

    def note(self, now_s: float, who: str, deed: str, address: str, *, kept: int = 10_000) -> None:
        """Write down what somebody did to access; the newest ones are kept."""
        with self._changing() as change:
            cursor = change.execute(
                "INSERT INTO deeds (ts_s, who, deed, address) VALUES (?, ?, ?, ?)", (now_s, who[:200], deed, address)
            )
            change.execute("DELETE FROM deeds WHERE id <= ?", ((cursor.lastrowid or 0) - kept,))

    def deeds(self, limit: int) -> Sequence[Deed]:
        """Return the newest, newest first."""
        rows = self._rows("SELECT ts_s, who, deed, address FROM deeds ORDER BY id DESC LIMIT ?", limit)
        return [Deed(**dict(row)) for row in rows]


def _end_invitations(change: sqlite3.Connection, person: str) -> int:
    """End what somebody made; return how many."""
    made = "SELECT invitation FROM inviters WHERE person = ?"
    return change.execute(f"DELETE FROM invitations WHERE hash IN ({made})", (person,)).rowcount


def _invitation(row: sqlite3.Row) -> Invitation:
    told = dict(row)
    return Invitation(id=told.pop("hash")[:ID_LENGTH], role=Role(told.pop("role")), **told)


def _person(row: sqlite3.Row) -> Person:
    return Person(**{**dict(row), "role": Role(row["role"])})


def _token(row: sqlite3.Row, most: int = Role.ADMIN) -> Token:
    return Token(
        id=row["id"],
        name=row["name"],
        role=Role(min(row["role"], most)),
        person=row["person"],
        made_s=row["made_s"],
        used_s=row["used_s"],
    )
