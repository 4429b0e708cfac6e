"""Rehearsal: what is to come works through the newest inputs beside what runs, in an engine of its own.

A desk that trades candles of an hour would wait for hours until its shadow has seen anything; the newest inputs are
there at once. The session keeps a state from which a second engine takes up what came since: the first half of it in
shadow, the rest after the flip. Whatever it finds, and even if it never returns, the bot that trades is not touched.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import msgspec

from loligo.engine.engine import Engine
from loligo.engine.plan import EnginePlan
from loligo.model.command import GenerationActivated, ProbationEnded, ShadowStarted, ShadowStopped, WarmUp
from loligo.model.events import Record, SwapStep, SwapStepped
from loligo_bot.apart import apart

SPARE = 4  # times as many inputs are kept at most
RENEWED_S = 2.0  # to export a state costs the engine up to a millisecond
LIMIT_S = 5.0

_LEFT_OUT = (GenerationActivated, ShadowStarted, ShadowStopped, ProbationEnded, WarmUp)


@dataclass(frozen=True, slots=True)
class Past:
    """A state of the engine, and what it has processed since."""

    state: bytes
    records: list[Record]


@dataclass(slots=True)
class Memory:
    """The newest past of a session, of at least so many inputs where there were as many, kept on the engine's thread.
    A replay at full speed outruns it: then there is nothing to rehearse, and the shadow sees as much in no time."""

    inputs: int = 0
    _pasts: list[Past] = field(default_factory=list)  # at most two, the older one first
    _renewed: float = float("-inf")

    def keep(self, engine: Engine, records: Sequence[Record]) -> None:
        """Take note of records that the engine has processed; what it held before a new generation is forgotten."""
        if not self.inputs:
            return
        if any(type(record.input) is GenerationActivated for record in records):
            self._pasts = []
        for past in self._pasts:
            past.records.extend(records)
        self._pasts = [past for past in self._pasts if len(past.records) <= SPARE * self.inputs]
        if self._pasts and len(self._pasts[-1].records) < self.inputs:
            return
        now = time.monotonic()
        if not engine.is_swapping and now - self._renewed >= RENEWED_S:
            self._renewed = now
            self._pasts = [*self._pasts[-1:], Past(msgspec.msgpack.encode(engine.export_state()), [])]

    def recall(self) -> Past | None:
        """Return the longest past there is."""
        pasts = self._pasts
        return Past(pasts[0].state, pasts[0].records[:]) if pasts else None


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """How it went: so many inputs were processed, so many answers compared, and this happened."""

    inputs: int = 0
    compared: int = 0
    steps: tuple[SwapStepped, ...] = ()

    def first(self, *steps: SwapStep) -> SwapStepped | None:
        """Return the first of these steps, None if there was none."""
        return next((step for step in self.steps if step.step in steps), None)


def rehearse(before: EnginePlan, after: EnginePlan, past: Past) -> Rehearsed:
    """Let one plan follow another in this past. It blocks for as long as the tentacles take."""
    engine = Engine(before)
    engine.takes_late = True  # as the journal did
    engine.restore_state(msgspec.msgpack.decode(past.state))
    engine.prepare(after)
    events = list(engine.process(ShadowStarted(engine.now_ns, 0, after.slots)).events)
    inputs = [record for record in past.records if engine.is_swapping and not isinstance(record.input, _LEFT_OUT)]
    for place, record in enumerate(inputs):
        if place == len(inputs) // 2:
            events += engine.process(GenerationActivated(engine.now_ns, 0, after.slots)).events
        events += engine.process(record.input, record.feed).events
    swap = engine.exchange.swap
    steps = [event for event in events if isinstance(event, SwapStepped)]
    flip = next((place for place, step in enumerate(steps) if step.step is SwapStep.ACTIVATED), len(steps))
    # What fails after the flip without being taken back is what runs now; that does not speak against what comes.
    kept = [step for place, step in enumerate(steps) if place < flip or step.step is not SwapStep.FAILED]
    return Rehearsed(len(inputs), swap.compared if swap is not None else 0, tuple(kept))


async def rehearse_in_time(before: EnginePlan, after: EnginePlan, past: Past, limit_s: float = LIMIT_S) -> Rehearsed:
    """Rehearse apart. TimeoutError when it does not come to an end."""
    return await apart(partial(rehearse, before, after, past), limit_s, "rehearsal")
