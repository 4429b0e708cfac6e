"""A window of a recorded session: the records in it, and the engine as it stood before the first of them.

The engine is brought there by running again what was recorded before, which must come out the same; where the window
begins with the session there is nothing before it. A window never begins while a swap is at work.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from loligo.errors import DataError, JournalError
from loligo.model.command import GenerationActivated, SlotVersion, VenueReports
from loligo.model.events import Record, TentacleFailed
from loligo_bot.recipe import Recipe
from loligo_bot.replay.rerun import Rerun
from loligo_store.reader import JournalReader

END_NS = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What the engine was before the window: its state, and what ran."""

    state: bytes
    generation: GenerationActivated


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Records from `first_seq` up to `until_ns`, and what is found in them at once."""

    journal: JournalReader
    first_seq: int
    since_ns: int  # of the first record
    until_ns: int  # of the last one
    start: Start | None  # None: it begins with the session
    slots: tuple[tuple[SlotVersion, ...], ...]  # of every generation that runs in it, the first one first
    slots_at_ns: tuple[int, ...]  # when each of them came first
    interrupted: int  # seq of the first call that hung, 0: none
    reported: frozenset[str]  # venues outside that answered

    def records(self) -> Iterator[Record]:
        for record in self.journal.records(self.first_seq):
            if record.input.ts > self.until_ns:
                return
            if record.seq >= self.first_seq:
                yield record


def window_of(home: Path, journal: JournalReader, now: Recipe, from_ns: int, to_ns: int) -> Window:
    """Return the window of a session. JournalError where what was before it cannot be run again, DataError where
    nothing was recorded in it."""
    rerun = Rerun(home, journal, now)
    first_seq = journal.first_seq
    begun = next(journal.records(), None)
    if begun is None:
        raise DataError("the journal is empty: there is nothing to compare")
    start = None
    if first_seq > 1 or begun.input.ts < from_ns:
        first_seq, start = _start(rerun, from_ns)
    slots: dict[tuple[SlotVersion, ...], int] = {start.generation.slots: start.generation.ts} if start else {}
    records, interrupted, reported = 0, 0, set()
    since_ns = last_ns = 0
    for record in journal.records(first_seq):
        if record.seq < first_seq:
            continue
        if record.input.ts > to_ns:
            break
        since_ns, last_ns, records = since_ns or record.input.ts, record.input.ts, records + 1
        if isinstance(record.input, GenerationActivated):
            slots.setdefault(record.input.slots, record.input.ts)
        elif isinstance(record.input, VenueReports):
            reported.add(record.input.venue)
        hung = (event.seq for event in record.events if type(event) is TentacleFailed and event.is_interrupted)
        interrupted = interrupted or next(hung, 0)
    if not records:
        raise DataError("nothing was recorded between --from and --to: choose another window")
    return Window(
        journal=journal,
        first_seq=first_seq,
        since_ns=since_ns,
        until_ns=last_ns,
        start=start,
        slots=tuple(slots),
        slots_at_ns=tuple(slots.values()),
        interrupted=interrupted,
        reported=frozenset(reported),
    )


def _start(rerun: Rerun, from_ns: int) -> tuple[int, Start]:
    for step in rerun.steps(from_ns):
        if step.difference is not None:
            raise JournalError(
                f"seq {step.difference.seq}, before the window, comes out differently than it was recorded: `loligo "
                "journal replay --verify` tells how"
            )
    engine, generation = rerun.engine, rerun.generation
    if engine is None or generation is None:
        raise JournalError("the journal does not say what ran before the window")
    return engine.next_seq, Start(state=msgspec.msgpack.encode(engine.export_state()), generation=generation)
