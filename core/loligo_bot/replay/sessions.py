"""The recorded sessions of a bot folder: the journal at work, and those that `loligo run --fresh` put aside.

A session is one journal from its first record, however often the bot was started on it. Its number is that of the file
it was put aside as; the journal at work has the number that it will get then, so a number stays what it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from loligo.errors import NotFound
from loligo.model.timeframe import iso
from loligo_store.database import open_engine
from loligo_store.reader import JournalReader

if TYPE_CHECKING:
    from sqlalchemy import Engine as Database

LAST = "last"
JOURNAL_FILE = Path("state/journal.sqlite")


def journal_address(home: Path, url: str | None) -> str | Path:
    """Return where the journal lies: a database address, or a file in the bot's folder."""
    return url or home / JOURNAL_FILE


def journal_file(home: Path, url: str | None) -> Path | None:
    """Return the file of the journal; None where it lies in a database of its own."""
    address = journal_address(home, url)
    return address if isinstance(address, Path) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One recorded session."""

    number: int
    address: str | Path
    is_newest: bool

    @property
    def name(self) -> str:
        """Return what people know it by; never an address with a password."""
        return self.address.name if isinstance(self.address, Path) else "database"

    @contextmanager
    def opened(self) -> Iterator[Database]:
        """Open its journal."""
        database = open_engine(self.address)
        try:
            yield database
        finally:
            database.dispose()

    def told(self) -> dict[str, object]:
        """Return how long it is, as plain data."""
        with self.opened() as database:
            reader = JournalReader(database)
            first_seq, last_seq = reader.first_seq, reader.last_seq
            first = next(reader.records(), None)
            last = reader.find(last_seq)[0] if last_seq else None
        times = {"since": iso(first.input.ts) if first else "", "until": iso(last.input.ts) if last else ""}
        about = {"number": self.number, "file": self.name, "is_newest": self.is_newest}
        return {**about, "first_seq": first_seq, "last_seq": last_seq, **times}


def sessions(address: str | Path) -> list[Session]:
    """Return the sessions of a folder whose journal lies there, oldest first."""
    if not isinstance(address, Path):
        return [Session(number=1, address=address, is_newest=True)]
    aside = {
        int(path.suffix[1:]): path
        for path in address.parent.glob(f"{address.name}.*")
        if path.suffix[1:].isdecimal() and not path.name.endswith(("-wal", "-shm"))
    }
    found = [Session(number=number, address=path, is_newest=False) for number, path in sorted(aside.items())]
    if address.exists():
        free = next(number for number in range(1, len(aside) + 2) if number not in aside)
        found.append(Session(number=free, address=address, is_newest=True))
    return found


def session_of(address: str | Path, name: str) -> Session:
    """Return a session by its number, or the newest by "last". NotFound names those that there are."""
    known = sessions(address)
    if not known:
        raise NotFound("nothing was recorded yet: there is no journal; `loligo run` writes one")
    if name == LAST:
        return known[-1]
    chosen = [one for one in known if str(one.number) == name]
    if not chosen:
        numbers = ", ".join(str(one.number) for one in known)
        raise NotFound(f'there is no recorded session "{name[:40]}"; expected {LAST} or one of {numbers}')
    return chosen[0]
