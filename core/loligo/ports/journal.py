"""The journal as the engine's driver sees it, and what projections give to readers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from loligo.model.events import Record


class Journal(Protocol):
    """Append-only store of records. The engine's thread appends and seals; another one may write."""

    def append(self, record: Record) -> None:
        """Take a record into the open group; it is durable after the next commit."""
        ...

    def commit(self) -> None:
        """Make everything appended so far durable: `seal` and `write`."""
        ...

    def seal(self) -> None:
        """Let the open group be one that `write` makes durable."""
        ...

    def write(self) -> None:
        """Make the groups that are sealed durable, in order. JournalError if the store fails."""
        ...

    def records(self, first_seq: int = 0) -> Iterator[Record]:
        """Yield committed records from the one that contains `first_seq`. JournalCorrupt if a block is damaged."""
        ...

    @property
    def last_seq(self) -> int:
        """Return the highest seq that is durable, 0 for an empty journal."""
        ...

    def save_snapshot(self, next_seq: int, state: bytes) -> None: ...
    def newest_snapshot(self) -> tuple[int, bytes] | None: ...
    def close(self) -> None: ...


class ReadModels(Protocol):
    """The read side: rows of projections as plain dictionaries, newest last."""

    def rows(self, projection: str, *, desk: str | None = None, limit: int | None = None) -> list[dict[str, Any]]: ...
