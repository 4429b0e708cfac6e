"""One world of a reality check: a window run with other inputs or other parts than those that were recorded.

What must hold: the first world, in which all is as it ran, is the session's replay. In the others recorded swaps are
still made, each generation with the parts of that world; a step of a swap that no longer fits (the code that failed
then does not fail now) is left out, and the generation that follows is taken up as by a restart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import get_args

import msgspec

from loligo.engine.engine import Engine
from loligo.engine.plan import EnginePlan
from loligo.errors import DataError
from loligo.model.command import GenerationActivated, ShadowStarted, SlotVersion, Swapping, VenueReports
from loligo.model.events import Record
from loligo.model.market import Candle
from loligo_bot.replay.gaps import Sent
from loligo_bot.replay.window import Start
from loligo_bot.warm_up import warm_start
from loligo_store.candles import candles_before
from loligo_store.reader import JournalReader

Slots = tuple[SlotVersion, ...]
PlanOf = Callable[[Slots], EnginePlan]
_SWAPPING = get_args(Swapping)
WORLD = "world"  # the slot by which a changed plan is told from the recorded one at the start of a window


@dataclass(frozen=True, slots=True)
class Recorded:
    """The journal's own candles, as a feed that can look back."""

    journal: JournalReader

    def history(self, instrument: str, timeframe: str, until_ns: int, count: int) -> Sequence[Candle]:
        found = candles_before(self.journal.engine, instrument, timeframe, before_ns=until_ns, limit=count)
        return [candle for candle in found if candle.ts <= until_ns]


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How a world is run: `then` are the plans as recorded, `plan_of` those of this world."""

    journal: JournalReader
    start: Start | None
    then: PlanOf
    plan_of: PlanOf
    is_as_it_ran: bool
    hear: Callable[[Record], object]

    def run(self, inputs: Iterable[Sent]) -> None:
        engine = None if self.start is None else self._begun(self.start)
        for sent in inputs:
            item = sent.item
            if isinstance(item, VenueReports):
                continue  # here the simulated venue answers
            if isinstance(item, GenerationActivated | ShadowStarted):
                if engine is None:
                    engine = self._engine(item.slots, self.plan_of)
                elif engine.prepared(item.slots) is None:
                    engine.prepare(self.plan_of(item.slots))
            if engine is None:
                raise DataError(f"the session begins with {type(item).__name__}, which does not say what runs")
            record = self._taken(engine, sent)
            if record is not None:
                self.hear(record)

    def _taken(self, engine: Engine, sent: Sent) -> Record | None:
        if self.is_as_it_ran and sent.record is not None and sent.record.seq == engine.next_seq:
            return engine.replay(sent.record)
        if not isinstance(sent.item, _SWAPPING):
            return engine.process(sent.item, sent.feed)
        try:
            return engine.process(sent.item, sent.feed)
        except DataError:  # a step of a swap that does not fit here; nothing has changed by it
            return None

    def _engine(self, slots: Slots, plan_of: PlanOf) -> Engine:
        engine = Engine(plan_of(slots))
        engine.takes_late = True  # as the journal did
        return engine

    def _begun(self, start: Start) -> Engine:
        """Return the engine at the beginning of the window, with the parts of this world from there on."""
        slots = start.generation.slots
        engine = self._engine(slots, self.then)
        engine.restore_state(msgspec.msgpack.decode(start.state))
        if self.is_as_it_ran:
            return engine
        changed = (*slots, SlotVersion(WORLD, "", ""))
        engine.prepare(self.plan_of(changed))
        engine.process(GenerationActivated(engine.now_ns, start.generation.number, changed))
        for warm_up in warm_start(engine, {"journal": Recorded(self.journal)}, {})[0]:
            engine.process(warm_up)
        engine.prepare(self.plan_of(slots))  # a swap that is undone in the window comes back to it
        return engine
