"""Evaluation: market data and news to opinions.

In: an input and the evaluators that listen to it. Out: `Evaluated` events, and the newest opinion on every board that
reads the evaluator. An evaluator that raises or leaves [-1, +1] loses its place on the boards until its next sound
opinion, so that nothing is decided on it. Who decides, and whether, is not this module's business.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from loligo.engine.plan import EvaluatorPlan
from loligo.engine.recorder import Recorder
from loligo.engine.seat import SeatBoard
from loligo.model.command import WarmUp
from loligo.model.evaluation import Evaluation
from loligo.model.events import Evaluated
from loligo.ports.tentacles import (
    BookEvaluator,
    CandleEvaluator,
    Evaluator,
    ExternalEvaluator,
    PlainState,
    QuoteEvaluator,
    TradeEvaluator,
)

_CALLS = {
    "candle": (CandleEvaluator, "on_candle"),
    "trade": (TradeEvaluator, "on_trade"),
    "quote": (QuoteEvaluator, "on_quote"),
    "book": (BookEvaluator, "on_book"),
    "external": (ExternalEvaluator, "on_external"),
}


class EvaluatorSlot:
    """One shared evaluator instance with the boards that read it."""

    def __init__(self, plan: EvaluatorPlan) -> None:
        self.name = plan.name
        self.label = plan.label
        self.timeframe = plan.timeframe
        self.instance: Evaluator = plan.make()
        self.calls: dict[str, Callable[[Any], Evaluation | None]] = {
            kind: getattr(self.instance, call)
            for kind, (protocol, call) in _CALLS.items()
            if isinstance(self.instance, protocol)
        }
        self.boards: list[tuple[list[Evaluation | None], list[int], list[int], int]] = []  # of a board, and the place

    def write_to(self, board: SeatBoard, place: int) -> None:
        """Let the newest opinion stand at a place of a board, too."""
        self.boards.append((board.evaluations, board.evaluated_at_ns, board.seqs, place))


Call = Callable[[Any], Evaluation | None]
Route = list[tuple[Call, EvaluatorSlot]]


class EvaluationStage:
    """All evaluators, one instance per key."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._slots: dict[str, EvaluatorSlot] = {}

    def add(self, plan: EvaluatorPlan, board: SeatBoard, place: int) -> EvaluatorSlot:
        """Seat an evaluator at a place of a board; equal keys meet in one instance."""
        slot = self._slots.get(plan.key)
        if slot is None:
            slot = self._slots[plan.key] = EvaluatorSlot(plan)
        slot.write_to(board, place)
        return slot

    def run(self, route: Sequence[tuple[Call, EvaluatorSlot]], item: Any, cause: int) -> None:
        """Ask every evaluator of the route, in order."""
        recorder = self._recorder
        events, first_seq, ts = recorder.events, recorder.first_seq, item.ts
        for call, slot in route:
            try:
                evaluation = call(item)
                if evaluation is None:
                    continue
                if not -1.0 <= evaluation.value <= 1.0:
                    self._fail(slot, ts, cause, f"value {evaluation.value} is outside [-1, +1]")
                    continue
            except Exception as exc:  # a tentacle: its failure is an event and the others go on
                self._fail(slot, ts, cause, exc)
                continue
            seq = first_seq + len(events)
            events.append(Evaluated(seq, ts, cause, "", slot.label, evaluation))
            for evaluations, evaluated_at_ns, seqs, place in slot.boards:
                evaluations[place] = evaluation
                evaluated_at_ns[place] = ts
                seqs[place] = seq

    def _fail(self, slot: EvaluatorSlot, ts: int, cause: int, error: Exception | str) -> None:
        self._recorder.failed(ts, cause, "", slot.label, "evaluate", error)
        for evaluations, evaluated_at_ns, seqs, place in slot.boards:
            evaluations[place] = None
            evaluated_at_ns[place] = seqs[place] = 0

    def warm_up(self, route: Route, warm_up: WarmUp, cause: int) -> None:
        """Build state from history: no evaluation is kept and no board is touched."""
        for call, slot in route:
            try:
                for candle in warm_up.candles:
                    call(candle)
            except Exception as exc:  # a tentacle, as above
                self._fail(slot, warm_up.ts, cause, exc)

    def export_state(self) -> PlainState:
        return {
            key: {"version": slot.instance.state_version, "state": slot.instance.export_state()}
            for key, slot in sorted(self._slots.items())
        }

    def restore_state(self, state: PlainState) -> None:
        """Give each evaluator its state back; one that is new since starts cold."""
        for key, slot in self._slots.items():
            if key in state:
                slot.instance.restore_state(state[key]["state"])
