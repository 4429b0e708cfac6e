"""Evaluation: market data and news to opinions.

In: an input and the evaluators that listen to it. Out: `Evaluated` events, and the newest opinion on every board that
reads the evaluator. An evaluator that raises or leaves [-1, +1] loses its place on the boards until its next sound
opinion, so that nothing is decided on it. Who decides, and whether, is not this module's business.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from loligo.engine.interruption import EVALUATE
from loligo.engine.plan import EvaluatorPlan, paired
from loligo.engine.recorder import Recorder
from loligo.engine.seat import SeatBoard
from loligo.engine.swap import Holder, exported, handed_over, restore
from loligo.errors import TENTACLE_FAULTS, DataError
from loligo.model.command import WarmUp
from loligo.model.evaluation import Evaluation
from loligo.model.events import Evaluated
from loligo.ports.tentacles import PlainState

_CALLS = {"candle": "on_candle", "trade": "on_trade", "quote": "on_quote", "book": "on_book", "external": "on_external"}


class EvaluatorSlot:
    """One shared evaluator instance with the boards that read it."""

    def __init__(self, recorder: Recorder, plan: EvaluatorPlan, instrument: str) -> None:
        self.follow(plan)
        self.instrument = instrument
        self.holder = Holder(recorder, plan.label, "", plan.name, plan.key, plan.make)
        self.boards: list[tuple[list[Evaluation | None], list[int], list[int], int]] = []  # of a board, and the place

    def follow(self, plan: EvaluatorPlan) -> None:
        """Be known as a plan says."""
        self.plan = plan
        self.name, self.label, self.timeframe, self.key = plan.name, plan.label, plan.timeframe, plan.key

    @property
    def instance(self) -> Any:
        return self.holder.instance

    @property
    def calls(self) -> dict[str, Callable[[Any], Evaluation | None]]:
        """The calls it has, bound, by kind of data."""
        bound = {kind: self.holder.call(name) for kind, name in _CALLS.items()}
        return {kind: call for kind, call in bound.items() if call is not None}

    def write_to(self, board: SeatBoard, place: int) -> None:
        """Let the newest opinion stand at a place of a board, too; several seats may read it."""
        if not any(known is board.evaluations and there == place for known, _, _, there in self.boards):
            self.boards.append((board.evaluations, board.evaluated_at_ns, board.seqs, place))


def goes_on(was: EvaluatorSlot | None, slot: EvaluatorSlot) -> bool:
    """Return whether one evaluator can go on with the state of another: other settings, other state."""
    if was is None or was.instance is None or slot.instance is None:
        return False
    return (was.name, was.plan.settings) == (slot.name, slot.plan.settings)


def accept_evaluation(said: Any) -> None:
    """DataError unless this is an evaluation within its bounds, or none."""
    if said is not None and not -1.0 <= said.value <= 1.0:
        raise DataError(f"value {said.value} is outside [-1, +1]")


Call = Callable[[Any], Evaluation | None]
Route = list[tuple[Call, EvaluatorSlot]]


class EvaluationStage:
    """All evaluators, one instance per key."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._slots: dict[str, EvaluatorSlot] = {}
        self._cold: set[str] = set()  # keys of those that have seen nothing; the first market data ends it for all

    def make(self, plan: EvaluatorPlan, instrument: str) -> EvaluatorSlot:
        """Return the evaluator of a key, made at its first use."""
        slot = self._slots.get(plan.key)
        if slot is None:
            slot = EvaluatorSlot(self._recorder, plan, instrument)
            self.put(slot, is_cold=True)
        return slot

    def find(self, key: str) -> EvaluatorSlot | None:
        return self._slots.get(key)

    def put(self, slot: EvaluatorSlot, *, is_cold: bool = False) -> None:
        """Take in an evaluator that was made beside; a cold one has seen nothing."""
        self._slots[slot.key] = slot
        if is_cold and slot.instance is not None:
            self._cold.add(slot.key)

    def rename(self, slot: EvaluatorSlot, plan: EvaluatorPlan) -> None:
        """Let an evaluator be known as a plan says, where it is."""
        if slot.key in self._cold:
            self._cold.symmetric_difference_update((slot.key, plan.key))
        del self._slots[slot.key]
        slot.follow(plan)
        self._slots[slot.key] = slot

    def inherit(self, other: EvaluationStage, before: Sequence[EvaluatorPlan], after: Sequence[EvaluatorPlan]) -> None:
        """Let cold evaluators go on with the state of those whose places they take."""
        for was, now in zip(paired(before, after), after, strict=True):
            old = other.find(before[was].key) if was is not None else None
            if old is not None and now.key in self._cold and goes_on(old, slot := self._slots[now.key]):
                handed_over(old.instance, slot.instance, is_same_tentacle=True)
                self._cold.remove(now.key)

    def drop_unread(self) -> None:
        """Let go of the evaluators that no board reads."""
        self._slots = {key: slot for key, slot in self._slots.items() if slot.boards}
        self._cold &= self._slots.keys()

    def bind(self, route: Sequence[tuple[Call, EvaluatorSlot]]) -> Callable[[Any, int], None]:
        """Return what asks every evaluator of a route, in order, about an input, given its seq. Bound once, for speed:
        it is called once per candle, and the first board of each evaluator is mostly its only one."""
        recorder, fail, cold = self._recorder, self._fail, self._cold
        asked = tuple((call, slot, slot.label, *slot.boards[0]) for call, slot in route)
        shared = tuple((*slot.boards[0], slot.boards[1:]) for _, slot in route if len(slot.boards) > 1)

        def run(item: Any, cause: int) -> None:
            if cold:
                cold.clear()
            events, ts = recorder.events, item.ts
            seq = recorder.first_seq + len(events)
            for call, slot, label, evaluations, evaluated_at_ns, seqs, place in asked:
                try:
                    evaluation = call(item)
                    if evaluation is None:
                        continue
                    if not -1.0 <= evaluation.value <= 1.0:
                        fail(slot, ts, cause, f"value {evaluation.value} is outside [-1, +1]")
                        seq += 1
                        continue
                except TENTACLE_FAULTS as exc:  # a tentacle: its failure is an event and the others go on
                    fail(slot, ts, cause, exc)
                    seq += 1
                    continue
                events.append(Evaluated(seq, ts, cause, "", label, evaluation))
                evaluations[place] = evaluation
                evaluated_at_ns[place] = ts
                seqs[place] = seq
                seq += 1
            for evaluations, _, seqs, place, others in shared:
                if seqs[place] > cause:  # it has just spoken
                    for theirs, their_times, their_seqs, there in others:
                        theirs[there], their_times[there], their_seqs[there] = evaluations[place], ts, seqs[place]

        return run

    def _fail(self, slot: EvaluatorSlot, ts: int, cause: int, error: BaseException | str) -> None:
        self._recorder.failed(ts, cause, "", slot.label, EVALUATE, error, slot.holder.renew)
        for evaluations, evaluated_at_ns, seqs, place in slot.boards:
            evaluations[place] = None
            evaluated_at_ns[place] = seqs[place] = 0

    def cold_slots(self) -> list[EvaluatorSlot]:
        """Return the evaluators that a warm-up reaches: those that are new, before the first market data."""
        return [self._slots[key] for key in sorted(self._cold)]

    def warm_up(self, route: Sequence[tuple[Call, EvaluatorSlot]], warm_up: WarmUp, cause: int) -> None:
        """Build the state of cold evaluators from history: no evaluation is kept and no board is touched."""
        for call, slot in route:
            if slot.key not in self._cold:
                continue  # it shares its state with a desk that already runs
            self._cold.remove(slot.key)
            try:
                for candle in warm_up.candles[max(len(warm_up.candles) - slot.instance.warmup, 0) :]:
                    call(candle)
            except TENTACLE_FAULTS as exc:  # a tentacle, as above
                self._fail(slot, warm_up.ts, cause, exc)

    def export_state(self) -> PlainState:
        return {
            key: exported(slot.instance)
            for key, slot in sorted(self._slots.items())
            if slot.instance is not None and key not in self._cold
        }

    def restore_state(self, state: PlainState) -> None:
        """Give each evaluator its state back; one that is new since starts cold."""
        for key, slot in self._slots.items():
            if key in state and slot.instance is not None:
                restore(slot.instance, state[key], slot.label)
                self._cold.discard(key)
