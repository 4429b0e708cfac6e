"""What is remembered of one automation: how far it has heard, its state, what it did; `state/automations/NAME.json`.

What must hold: the file is replaced as a whole, so after a crash it is as of some moment, and what it says of a firing
under way was written before anything of it was done. Versions of one automation share a book while one replaces the
other; who has the `turn` is at work.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import msgspec

from loligo.log import get_logger

FOLDER = Path("state/automations")
KEPT = 20  # firings that people can look up
_log = get_logger("automations")


class Done(msgspec.Struct, frozen=True):
    """What came of one act."""

    verb: str
    is_done: bool
    text: str
    seq: int = 0  # of the event that says so


class Happened(msgspec.Struct):
    """One firing. Times are ns UTC; `acts` are verb and arguments, of which `done` tells how far it is."""

    key: str
    why: str
    at_ns: int
    seq: int  # of the record that fired it, 0 for the wall clock and for a person
    acts: list[tuple[str, dict[str, Any]]]
    by: str = ""  # who ran it, where a person did
    is_trial: bool = False
    done: list[Done] = []


class Page(msgspec.Struct):
    """All that lies on disk. `seq` is how far it has heard; -1: nothing yet."""

    tentacle: str
    seq: int = -1
    world: dict[str, Any] = {}
    state: dict[str, Any] = {}
    fired_ns: list[int] = []  # of the last day
    held_back: int = 0  # firings that its limits did not let through
    pending: Happened | None = None
    happened: list[Happened] = []  # oldest first


class Book:
    """The book of one name in one bot folder."""

    def __init__(self, home: Path, name: str) -> None:
        self.turn = asyncio.Lock()
        self.page: Page | None = None
        self._file = home / FOLDER / f"{name}.json"

    def read(self, tentacle: str) -> Page:
        """Return what is known; a page of another tentacle, or one that cannot be read, is begun anew."""
        if self.page is None:
            try:
                self.page = msgspec.json.decode(self._file.read_bytes(), type=Page)
            except FileNotFoundError:
                pass
            except (msgspec.DecodeError, OSError) as exc:
                _log.error(
                    "what an automation knew cannot be read; it begins anew", file=str(self._file), error=str(exc)
                )
        if self.page is None or self.page.tentacle != tentacle:
            self.page = Page(tentacle)
        return self.page

    def write(self) -> None:
        """Put it on disk, durably; blocks."""
        if self.page is None:
            return
        self._file.parent.mkdir(parents=True, exist_ok=True)
        trial = self._file.with_suffix(".tmp")
        with trial.open("wb") as file:
            file.write(msgspec.json.encode(self.page))
            file.flush()
            os.fsync(file.fileno())
        trial.replace(self._file)

    def forget(self) -> None:
        """Let go of it: the automation is removed."""
        self.page = None
        self._file.unlink(missing_ok=True)


_books: WeakValueDictionary[tuple[str, str], Book] = WeakValueDictionary()


def book_of(home: str, name: str) -> Book:
    """Return the one book of this name in this folder."""
    book = _books.get((home, name))
    if book is None:
        book = _books[home, name] = Book(Path(home), name)
    return book
