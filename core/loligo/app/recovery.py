"""From a journal to a running engine: newest snapshot, then the records after it, processed again and compared.

What the engine makes of a journalled input must be what the journal holds, to the byte; a difference means that code or
settings changed under a run that did not end cleanly, and stops the start instead of trading on a guess.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from loligo.engine.engine import Engine
from loligo.errors import JournalError
from loligo.model.command import GenerationActivated, OperatorCommand, TimeAdvanced, VenueReports, WarmUp
from loligo.model.events import Input, Record
from loligo.ports.journal import Journal
from loligo_store.codec import encode

_NOT_FROM_A_FEED = (OperatorCommand, TimeAdvanced, VenueReports, GenerationActivated, WarmUp)


@dataclass(slots=True)
class FeedCursor:
    """How far the feeds were read: the newest `ts`, and how many inputs of that instant were taken."""

    ts: int = 0
    count: int = 0

    def take(self, item: Input) -> None:
        """Count one input."""
        if isinstance(item, _NOT_FROM_A_FEED):
            return
        if item.ts == self.ts:
            self.count += 1
        else:
            self.ts = item.ts
            self.count = 1


@dataclass(slots=True)
class Recovered:
    """Where a run continues."""

    cursor: FeedCursor
    generation: GenerationActivated | None
    records: int = 0  # processed again after the snapshot


def snapshot_bytes(engine: Engine, cursor: FeedCursor, generation: GenerationActivated | None) -> bytes:
    """Return the state of a run as bytes for the journal."""
    state = {
        "engine": engine.export_state(),
        "cursor": [cursor.ts, cursor.count],
        "generation": msgspec.to_builtins(generation),
    }
    return msgspec.msgpack.encode(state)


def recover(engine: Engine, journal: Journal) -> Recovered:
    """Bring a new engine to where the journal ends. JournalError when it does not come to the same decisions."""
    recovered = Recovered(FeedCursor(), None)
    snapshot = journal.newest_snapshot()
    if snapshot is not None:
        state: dict[str, Any] = msgspec.msgpack.decode(snapshot[1])
        engine.restore_state(state["engine"])
        recovered.cursor = FeedCursor(*state["cursor"])
        if state["generation"] is not None:
            recovered.generation = msgspec.convert(state["generation"], GenerationActivated)
    for record in journal.records(engine.next_seq):
        if record.seq < engine.next_seq:
            continue  # a block may begin before the snapshot
        again = engine.process(record.input)
        _compare(record, again)
        recovered.cursor.take(record.input)
        recovered.records += 1
        if isinstance(record.input, GenerationActivated):
            recovered.generation = record.input
    return recovered


def _compare(stored: Record, again: Record) -> None:
    if encode(stored) == encode(again):
        return
    difference = next(
        (f"{a!r} was stored, {b!r} came now" for a, b in zip(stored.events, again.events, strict=False) if a != b),
        f"{len(stored.events)} events were stored, {len(again.events)} came now",
    )
    raise JournalError(
        f"record {stored.seq} comes out differently than it was journalled: {difference[:600]}. Code or settings "
        "changed since the last run, which did not end cleanly. Start once with the earlier code and settings and stop "
        "it with `loligo stop`, or move state/ away to begin a new run."
    )
