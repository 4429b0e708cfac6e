"""From a journal to a running engine: newest snapshot, then the records after it, processed again and compared.

What the engine makes of a journalled input must be what the journal holds, to the byte; a difference means that code or
settings changed under a run that did not end cleanly, and stops the start instead of trading on a guess.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from loligo.engine.engine import Engine
from loligo.engine.plan import EnginePlan
from loligo.engine.swap import Phase
from loligo.errors import JournalError
from loligo.model.command import GenerationActivated, ShadowStarted, SlotVersion
from loligo.model.events import Record
from loligo.ports.journal import Journal
from loligo_store.codec import encode

Cursors = dict[str, tuple[int, int]]  # of each feed: the newest `ts`, and how many inputs of that instant were taken


def take(cursors: Cursors, feed: str, ts: int) -> None:
    """Count one input of a feed; "" is none. Records in order are all that cursors are made of; what is older than the
    newest input of its own feed does not move one back."""
    if feed:
        newest, count = cursors.get(feed, (ts, 0))
        if ts >= newest:
            cursors[feed] = (ts, count + 1 if ts == newest else 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftSwap:
    """The swap that the last run left at work, at `ts`."""

    number: int
    phase: Phase
    before: tuple[SlotVersion, ...]
    wanted: tuple[SlotVersion, ...]
    ts: int


@dataclass(slots=True)
class Recovered:
    """Where a run continues."""

    cursors: Cursors = field(default_factory=dict)
    generation: GenerationActivated | None = None
    records: int = 0  # processed again after the snapshot
    left: LeftSwap | None = None
    replaced: tuple[SlotVersion, ...] = ()  # what ran last, where a start brings something else


def snapshot_bytes(engine: Engine, cursors: Cursors, generation: GenerationActivated | None) -> bytes:
    """Return the state of a run as bytes for the journal."""
    state = {"engine": engine.export_state(), "cursors": cursors, "generation": msgspec.to_builtins(generation)}
    return msgspec.msgpack.encode(state)


PlanOf = Callable[[tuple[SlotVersion, ...]], EnginePlan | None]


def recover(engine: Engine, journal: Journal, plan_of: PlanOf = lambda slots: None) -> Recovered:
    """Bring a new engine to where the journal ends, by the plans that ran then: `plan_of` returns that of a generation,
    None where the journal does not name enough. JournalError when it does not come to the same decisions."""
    recovered, wanted = Recovered(), engine.plan
    engine.takes_late = True  # as the journal did
    snapshot = journal.newest_snapshot()
    if snapshot is not None:
        state: dict[str, Any] = msgspec.msgpack.decode(snapshot[1])
        if state["generation"] is not None:
            recovered.generation = msgspec.convert(state["generation"], GenerationActivated)
            _begin_with(engine, recovered.generation.slots, plan_of)
        engine.restore_state(state["engine"])
        recovered.cursors = {feed: (ts, count) for feed, (ts, count) in state["cursors"].items()}
    for record in journal.records(engine.next_seq):
        if record.seq < engine.next_seq:
            continue  # a block may begin before the snapshot
        if isinstance(record.input, GenerationActivated | ShadowStarted):
            _prepare(engine, record.input.slots, plan_of)
            if recovered.generation is None and isinstance(record.input, GenerationActivated):
                _begin_with(engine, record.input.slots, plan_of)
        again = engine.replay(record)
        _compare(record, again)
        take(recovered.cursors, record.feed, record.input.ts)
        recovered.records += 1
        if isinstance(record.input, GenerationActivated):
            recovered.generation = record.input
    engine.prepare(wanted)  # which may have run, and been let go, on the way
    return recovered


def _prepare(engine: Engine, slots: tuple[SlotVersion, ...], plan_of: PlanOf) -> EnginePlan | None:
    plan = engine.prepared(slots)
    if plan is None and (plan := plan_of(slots)) is not None:
        engine.prepare(plan)
    return plan


def _begin_with(engine: Engine, slots: tuple[SlotVersion, ...], plan_of: PlanOf) -> None:
    """Let a new engine work by the plan that the journal begins with."""
    plan = _prepare(engine, slots, plan_of)
    if plan is not None and plan is not engine.plan:
        engine.rebuild(plan)


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
