"""A seat is a desk's place on one instrument: its board, its strategy and its trading mode, and what they may see."""

from __future__ import annotations

from typing import Any

import msgspec

from loligo.engine.plan import DeskPlan, SeatPlan, paired
from loligo.engine.recorder import Recorder
from loligo.engine.swap import Holder, exported, restore
from loligo.model.evaluation import Declined, Evaluation
from loligo.model.instrument import Instrument
from loligo.model.market import Candle
from loligo.ports.tentacles import PlainState


class SeatBoard:
    """The newest opinions that one strategy reads (`loligo.ports.views.Board`)."""

    __slots__ = ("candle", "evaluated_at_ns", "evaluations", "price", "seqs", "ts")

    def __init__(self, places: int) -> None:
        self.ts = 0
        self.price = 0.0
        self.candle: Candle | None = None
        self.evaluations: list[Evaluation | None] = [None] * places
        self.evaluated_at_ns: list[int] = [0] * places
        self.seqs: list[int] = [0] * places


class Seat:
    """One strategy and one trading mode on one instrument of one desk, with the calls that the engine makes bound."""

    def __init__(self, recorder: Recorder, desk: DeskPlan, plan: SeatPlan) -> None:
        self.desk = desk
        self.desk_name = desk.name
        self.plan = plan
        self.instrument: Instrument = plan.instrument
        self.instrument_id = plan.instrument.id
        self.key = (desk.name, plan.instrument.id)
        self.board = SeatBoard(len(plan.evaluators))
        strategy, mode = plan.strategy_name, plan.mode_name
        self.strategy = Holder(recorder, strategy, desk.name, strategy, plan.strategy_key, plan.make_strategy)
        self.mode = Holder(recorder, mode, desk.name, mode, plan.mode_key, plan.make_mode)
        self.calls = 0  # of the mode, within the input
        self.calls_of = 0  # of this seq
        self.view: Any = None  # a SeatView, set by the engine, which knows the stages it reads from
        self.bind()

    def bind(self) -> None:
        """Bind the calls to the instances that work here now."""
        self.strategy_name, self.mode_name = self.strategy.name, self.mode.name
        self.decide = self.strategy.call("decide") or (lambda _: Declined("strategy_off"))
        self.mode_on_signal = self.mode.call("on_signal") or (lambda *_: (Declined("mode_off"),))
        self.mode_on_candle = self.mode.call("on_candle")
        self.mode_on_fill = self.mode.call("on_fill")
        self.mode_on_order_end = self.mode.call("on_order_end")
        self.mode_on_timer = self.mode.call("on_timer")

    @property
    def is_orphan(self) -> bool:
        """Whether the strategy or the mode is off."""
        return self.strategy.instance is None or self.mode.instance is None

    def reseat(self, desk: DeskPlan, plan: SeatPlan, keeps_board: bool) -> None:
        """Take a new plan. Another board has the newest opinions of evaluators that stay, or go on by other keys."""
        before, self.desk, self.plan = self.plan, desk, plan
        if keeps_board:
            return  # and so does whoever reads it or writes to it
        old, self.board = self.board, SeatBoard(len(plan.evaluators))
        self.board.ts, self.board.price, self.board.candle = old.ts, old.price, old.candle
        for place, was in enumerate(paired(before.evaluators, plan.evaluators)):
            if was is not None and plan.evaluators[place].make is not None:
                self.board.evaluations[place] = old.evaluations[was]
                self.board.evaluated_at_ns[place] = old.evaluated_at_ns[was]
                self.board.seqs[place] = old.seqs[was]

    def share_board(self, boards: dict[tuple[str, ...], SeatBoard]) -> None:
        """Read the board of an earlier seat with the same evaluators from now on, where both say the same. `boards` are
        those of earlier seats, by the keys of who writes to them."""
        board = boards.setdefault(tuple(plan.key for plan in self.plan.evaluators), self.board)
        if all(getattr(board, name) == getattr(self.board, name) for name in SeatBoard.__slots__):
            self.board = board

    def export_state(self) -> PlainState:
        """Return the state of both tentacles and the board."""
        board = self.board
        stand = zip(self.plan.evaluators, board.evaluations, board.evaluated_at_ns, board.seqs, strict=True)
        return {
            "strategy": _exported(self.strategy),
            "mode": _exported(self.mode),
            "board": {plan.key: [msgspec.to_builtins(said), at_ns, seq] for plan, said, at_ns, seq in stand},
        }

    def restore_state(self, state: PlainState) -> None:
        """Take back what belongs to the same tentacles: what a person put in place of others begins anew."""
        _restore(self.strategy, state["strategy"])
        _restore(self.mode, state["mode"])
        board = self.board = SeatBoard(len(self.plan.evaluators))
        for place, plan in enumerate(self.plan.evaluators):
            if plan.key in state["board"]:
                evaluation, board.evaluated_at_ns[place], board.seqs[place] = state["board"][plan.key]
                board.evaluations[place] = msgspec.convert(evaluation, Evaluation | None)


def _exported(holder: Holder) -> PlainState | None:
    return None if holder.instance is None else {"name": holder.name, **exported(holder.instance)}


def _restore(holder: Holder, state: PlainState | None) -> None:
    if state is not None and holder.instance is not None and state["name"] == holder.name:
        restore(holder.instance, state, holder.name)
