"""A recorded session run once more: a fresh engine, the versions and settings that the journal names, the inputs that
it holds, and every record compared with what is stored, byte by byte.

    journal: first record, or oldest snapshot ─► engine ─► each input again ─► the same record?

What must hold: nothing is guessed. Code and settings come from the content store, by hash, and are compared with it;
what is missing there, or has been changed, ends the replay with a sentence. What the engine once observed and cannot
compute (a call that was interrupted) comes from the record. The journal is only read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from loligo.engine.engine import Engine
from loligo.engine.plan import EnginePlan
from loligo.errors import JournalCorrupt, JournalError, LoligoError
from loligo.model.command import GenerationActivated, ShadowStarted, SlotVersion
from loligo.model.events import Record
from loligo.registry.tree import hash12
from loligo_bot.generation import earlier_plan
from loligo_bot.recipe import RECIPE, Recipe
from loligo_store.codec import encode
from loligo_store.reader import JournalReader
from loligo_store.snapshots import oldest_snapshot

Slots = tuple[SlotVersion, ...]
ENGINE_GONE = "the state before it is in no snapshot"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The first record that comes out differently. `place` is that of the event among its consequences; an event is
    None where there is none on that side, `error` says why the input could not be processed at all."""

    record: Record
    place: int
    recorded: Any = None
    now: Any = None
    error: str = ""

    @property
    def seq(self) -> int:
        return self.record.seq + 1 + self.place


@dataclass(frozen=True, slots=True)
class Step:
    """One record of the journal, run again."""

    record: Record
    difference: Difference | None


class Rerun:
    """One journal, from its beginning. `now` has the secrets of today, which no recipe keeps."""

    def __init__(self, home: Path, journal: JournalReader, now: Recipe | None) -> None:
        self._home, self._journal, self._now = home, journal, now
        self._plans: dict[Slots, EnginePlan] = {}
        self.engine: Engine | None = None
        self.generation: GenerationActivated | None = None
        self.from_snapshot = 0  # the seq before which it stands; 0: none was needed

    def steps(self, before_ns: int | None = None) -> Iterator[Step]:
        """Yield each record as it is run again, until the end or the first difference; or up to the first record
        that is not before an instant, and before which no swap is at work.

        JournalError when the journal does not name what ran, or that is not to be had.
        """
        self._begin()
        for record in self._journal.records(self.from_snapshot):
            if self.engine is not None and record.seq < self.engine.next_seq:
                continue  # a block may begin before the snapshot
            if before_ns is not None and record.input.ts >= before_ns and self.engine and not self.engine.is_swapping:
                return
            if isinstance(record.input, GenerationActivated | ShadowStarted):
                self._prepare(record.input.slots)
            if self.engine is None:
                raise JournalError(
                    f"seq {record.seq} is {type(record.input).__name__} where the first generation was expected: this "
                    "journal does not say what ran"
                )
            difference = _again(self.engine, record)
            if isinstance(record.input, GenerationActivated):
                self.generation = record.input
            yield Step(record, difference)
            if difference is not None:
                return

    def _begin(self) -> None:
        first_seq = self._journal.first_seq
        if first_seq == 1:
            return
        found = oldest_snapshot(self._journal.engine, first_seq)
        if found is None:
            raise JournalError(f"the journal begins at seq {first_seq}, and {ENGINE_GONE}: it cannot be run again")
        state = msgspec.msgpack.decode(found[1])
        if state["generation"] is None:
            raise JournalError(f"snapshot {found[0]} does not say what ran: it cannot be run on from there")
        self.generation = msgspec.convert(state["generation"], GenerationActivated)
        self._prepare(self.generation.slots)
        assert self.engine is not None
        try:
            self.engine.restore_state(state["engine"])
        except (KeyError, TypeError, ValueError, LoligoError) as exc:
            raise JournalCorrupt(
                f"the state in snapshot {found[0]} cannot be taken up by the versions that ran: {exc}"
            ) from exc
        self.from_snapshot = found[0]

    def _prepare(self, slots: Slots) -> None:
        """Let the engine know the plan of these versions; the first one makes the engine."""
        plan = self._plans.get(slots)
        if plan is None:
            plan = self._plans[slots] = self.plan_of(slots)
        if self.engine is None:
            self.engine = Engine(plan)
            self.engine.takes_late = True  # as the journal did
        elif self.engine.prepared(slots) is None:
            self.engine.prepare(plan)

    def plan_of(self, slots: Slots) -> EnginePlan:
        """Return the plan of a generation, made of what the content store holds. JournalError says what is missing."""
        try:
            plan = earlier_plan(self._home, slots, self._now)
        except JournalError as exc:
            raise JournalError(f"what ran cannot be had: {exc.__cause__ or exc}") from exc
        if plan is None:
            code = ", ".join(f"{slot.tentacle} {hash12(slot.tree_hash)}" for slot in slots if slot.tree_hash)
            raise JournalError(f"the journal names no settings ({RECIPE}) beside {code[:200]}: what ran cannot be had")
        return plan


def _again(engine: Engine, record: Record) -> Difference | None:
    try:
        again = engine.replay(record)
    except LoligoError as exc:  # what the engine took then it refuses now
        return Difference(record=record, place=0, recorded=_at(record, 0), error=f"{type(exc).__name__}: {exc}")
    if encode(record) == encode(again):
        return None
    place, longest = 0, max(len(record.events), len(again.events))
    while place < longest and encode(_at(record, place)) == encode(_at(again, place)):
        place += 1
    return Difference(record=record, place=place, recorded=_at(record, place), now=_at(again, place))


def _at(record: Record, place: int) -> Any:
    return record.events[place] if place < len(record.events) else None
