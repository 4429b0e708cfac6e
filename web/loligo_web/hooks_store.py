"""Webhooks that may say something to the bot, links that show it to somebody, and what came by them: an SQLite file.

What must hold: no token or secret can be read from the file. Of a TradingView token there is a hash; the secret of a
signed hook is made of a key in a file of its own and a number here. Only the bot's user can read these files. What came
is known only once the bot was told; until then it is claimed by one page, and taken over by the next one with its key.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .private_file import PrivateFile

KEPT_CALLS = 1_000
_TOLD, _NOBODY = "", "-"  # holders of claims that are no page
_TABLES = """
CREATE TABLE IF NOT EXISTS hooks (
  id INTEGER PRIMARY KEY, kind TEXT NOT NULL, name TEXT UNIQUE NOT NULL, hash TEXT UNIQUE NOT NULL, secret_hash TEXT,
  source TEXT NOT NULL, instruments TEXT NOT NULL, ttl_s REAL, person TEXT NOT NULL, made_s REAL NOT NULL, used_s REAL);
CREATE TABLE IF NOT EXISTS claims (
  hook INTEGER NOT NULL REFERENCES hooks ON DELETE CASCADE, ident TEXT NOT NULL, until_s REAL NOT NULL,
  key TEXT NOT NULL, holder TEXT NOT NULL, PRIMARY KEY (hook, ident));
CREATE TABLE IF NOT EXISTS calls (
  id INTEGER PRIMARY KEY, ts_s REAL NOT NULL, hook TEXT NOT NULL, address TEXT NOT NULL, status INTEGER NOT NULL,
  said TEXT NOT NULL, seq INTEGER);
CREATE TABLE IF NOT EXISTS shares (
  id INTEGER PRIMARY KEY, hash TEXT UNIQUE NOT NULL, name TEXT UNIQUE NOT NULL, person TEXT NOT NULL,
  shows TEXT NOT NULL, made_s REAL NOT NULL, until_s REAL NOT NULL, used_s REAL);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """One webhook; `kind` is tradingview or signed."""

    id: int
    kind: str
    name: str
    hash: str  # of its token; of a signed one the number that its secret is made of
    secret_hash: str | None  # of what the body must hold besides
    source: str
    instruments: Sequence[str]
    ttl_s: float | None
    person: str
    made_s: float
    used_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request to a hook that exists."""

    ts_s: float
    hook: str
    address: str
    status: int
    said: str
    seq: int | None  # of what was published


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One link that shows results; `shows` names what it shows besides percentages."""

    id: int
    name: str
    person: str
    shows: frozenset[str]
    made_s: float
    until_s: float
    used_s: float | None


class HookStore(PrivateFile):
    """The file."""

    def __init__(self, file: Path) -> None:
        super().__init__(file, _TABLES, timeout_s=2.0)
        self._key = _key(file.with_suffix(".key"))
        self._holder = secrets.token_hex(8)
        self._take_over_seen()

    def _take_over_seen(self) -> None:
        """Go on with what an earlier version remembered; its table stays, for that may still be running."""
        if self._rows("SELECT 1 FROM sqlite_master WHERE name = 'seen'"):
            with self._changing() as change:
                change.execute("INSERT OR IGNORE INTO claims SELECT hook, ident, until_s, '', ? FROM seen", (_TOLD,))
                change.execute("DELETE FROM seen")

    # Hooks

    def add_hook(
        self,
        kind: str,
        name: str,
        hashed: str,
        *,
        secret_hash: str | None,
        source: str,
        instruments: Sequence[str],
        ttl_s: float | None,
        person: str,
        now_s: float,
    ) -> None:
        """Keep a hook. IntegrityError for a name that another has."""
        values = (kind, name, hashed, secret_hash, source, json.dumps(list(instruments)), ttl_s, person, now_s)
        with self._changing() as change:
            change.execute(
                "INSERT INTO hooks (kind, name, hash, secret_hash, source, instruments, ttl_s, person, made_s)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                values,
            )

    def hooks(self) -> list[Hook]:
        return [_hook(row) for row in self._rows("SELECT * FROM hooks ORDER BY id")]

    def tradingview(self, hashed: str) -> Hook | None:
        rows = self._rows("SELECT * FROM hooks WHERE kind = 'tradingview' AND hash = ?", hashed)
        return _hook(rows[0]) if rows else None

    def signed(self, name: str) -> Hook | None:
        rows = self._rows("SELECT * FROM hooks WHERE kind = 'signed' AND name = ?", name)
        return _hook(rows[0]) if rows else None

    def secret_of(self, number: str) -> bytes:
        """Return the bytes with which a signed hook's requests are signed."""
        return hmac.new(self._key, number.encode(), hashlib.sha256).digest()

    def remove_hook(self, id: int) -> bool:
        with self._changing() as change:
            return change.execute("DELETE FROM hooks WHERE id = ?", (id,)).rowcount == 1

    # What came

    def claim(self, hook: int, ident: str, key: str, now_s: float, until_s: float) -> str | None:
        """Return the key to publish this with, and remember it until then; None: it is published or waits here.

        The key is the given one, or that of an earlier claim which nothing came of or whose page is gone.
        """
        with self._changing() as change:
            change.execute("DELETE FROM claims WHERE until_s <= ?", (now_s,))
            taken = change.execute(
                "UPDATE claims SET holder = ?, until_s = ? WHERE hook = ? AND ident = ? AND holder NOT IN (?, ?)",
                (self._holder, until_s, hook, ident, _TOLD, self._holder),
            )
            new = (hook, ident, until_s, key, self._holder)
            made = change.execute("INSERT OR IGNORE INTO claims VALUES (?, ?, ?, ?, ?)", new)
            if taken.rowcount + made.rowcount == 0:
                return None
            row = change.execute("SELECT key FROM claims WHERE hook = ? AND ident = ?", (hook, ident)).fetchone()
            return str(row["key"])

    def is_told(self, hook: int, ident: str) -> bool:
        rows = self._rows("SELECT 1 FROM claims WHERE hook = ? AND ident = ? AND holder = ?", hook, ident, _TOLD)
        return bool(rows)

    def confirm(self, hook: int, ident: str, key: str) -> None:
        """Note that the bot was told this."""
        with self._changing() as change:
            change.execute(
                "UPDATE claims SET holder = ? WHERE hook = ? AND ident = ? AND key = ?", (_TOLD, hook, ident, key)
            )

    def release(self, hook: int, ident: str, key: str) -> None:
        """Let one be sent again that nothing came of, with the same key; no more when another page has it."""
        with self._changing() as change:
            change.execute(
                "UPDATE claims SET holder = ? WHERE hook = ? AND ident = ? AND key = ? AND holder = ?",
                (_NOBODY, hook, ident, key, self._holder),
            )

    def note(self, hook: Hook, now_s: float, address: str, status: int, said: str, seq: int | None) -> None:
        """Write down a call; the newest ones are kept."""
        with self._changing() as change:
            change.execute("UPDATE hooks SET used_s = ? WHERE id = ?", (now_s, hook.id))
            cursor = change.execute(
                "INSERT INTO calls (ts_s, hook, address, status, said, seq) VALUES (?, ?, ?, ?, ?, ?)",
                (now_s, hook.name, address, status, said[:300], seq),
            )
            change.execute("DELETE FROM calls WHERE id <= ?", ((cursor.lastrowid or 0) - KEPT_CALLS,))

    def calls(self, limit: int) -> list[Call]:
        """Return the newest, newest first."""
        rows = self._rows("SELECT ts_s, hook, address, status, said, seq FROM calls ORDER BY id DESC LIMIT ?", limit)
        return [Call(**dict(row)) for row in rows]

    # Links

    def add_share(
        self, hashed: str, name: str, person: str, shows: Sequence[str], now_s: float, until_s: float
    ) -> None:
        """Keep a link. IntegrityError for a name that another has."""
        with self._changing() as change:
            change.execute("DELETE FROM shares WHERE until_s <= ?", (now_s,))
            change.execute(
                "INSERT INTO shares (hash, name, person, shows, made_s, until_s) VALUES (?, ?, ?, ?, ?, ?)",
                (hashed, name, person, ",".join(sorted(shows)), now_s, until_s),
            )

    def shares(self, now_s: float) -> list[Share]:
        return [_share(row) for row in self._rows("SELECT * FROM shares WHERE until_s > ? ORDER BY id", now_s)]

    def share(self, hashed: str, now_s: float) -> Share | None:
        """Return a link that is still good, and note once a minute that it is used."""
        rows = self._rows("SELECT * FROM shares WHERE hash = ? AND until_s > ?", hashed, now_s)
        if not rows:
            return None
        found = _share(rows[0])
        if found.used_s is None or now_s - found.used_s > 60:
            with self._changing() as change:
                change.execute("UPDATE shares SET used_s = ? WHERE id = ?", (now_s, found.id))
        return found

    def remove_share(self, id: int) -> bool:
        with self._changing() as change:
            return change.execute("DELETE FROM shares WHERE id = ?", (id,)).rowcount == 1


def shown_secret(secret: bytes) -> str:
    """Return a secret as Standard Webhooks writes it."""
    return f"whsec_{base64.b64encode(secret).decode()}"


def _key(file: Path) -> bytes:
    """Return the key of this bot, made at the first time."""
    try:
        with os.fdopen(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as output:
            output.write(secrets.token_bytes(32))
    except FileExistsError:
        pass  # it was made before
    return file.read_bytes()


def _hook(row: sqlite3.Row) -> Hook:
    return Hook(**{**dict(row), "instruments": tuple(json.loads(row["instruments"]))})


def _share(row: sqlite3.Row) -> Share:
    values = {name: row[name] for name in ("id", "name", "person", "made_s", "until_s", "used_s")}
    return Share(**values, shows=frozenset(filter(None, row["shows"].split(","))))
