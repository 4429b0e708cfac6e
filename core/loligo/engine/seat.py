"""A seat is a desk's place on one instrument: its board, its strategy and its trading mode, and what they may see."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from loligo.engine.plan import DeskPlan, SeatPlan
from loligo.errors import DataError
from loligo.model.evaluation import Declined, Evaluation, Signal
from loligo.model.instrument import Instrument
from loligo.model.market import Candle
from loligo.ports.tentacles import (
    CandleMode,
    FillMode,
    OrderEndMode,
    PlainState,
    Stateful,
    Strategy,
    TimerMode,
    TradingMode,
)


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

    def __init__(self, desk: DeskPlan, plan: SeatPlan) -> None:
        self.desk = desk
        self.desk_name = desk.name
        self.instrument: Instrument = plan.instrument
        self.instrument_id = plan.instrument.id
        self.key = (desk.name, plan.instrument.id)
        self.board = SeatBoard(len(plan.evaluators))
        self._keys = tuple(evaluator.key for evaluator in plan.evaluators)
        self.strategy_name = plan.strategy_name
        self.strategy: Strategy = plan.make_strategy()
        self.decide: Callable[[Any], Signal | Declined] = self.strategy.decide
        self.mode_name = plan.mode_name
        mode = plan.make_mode()
        self.mode: TradingMode = mode
        self.mode_on_candle = mode.on_candle if isinstance(mode, CandleMode) else None
        self.mode_on_fill = mode.on_fill if isinstance(mode, FillMode) else None
        self.mode_on_order_end = mode.on_order_end if isinstance(mode, OrderEndMode) else None
        self.mode_on_timer = mode.on_timer if isinstance(mode, TimerMode) else None
        self.calls = 0  # of the mode, within the input
        self.calls_of = 0  # of this seq
        self.view: Any = None  # a SeatView, set by the engine, which knows the stages it reads from

    def export_state(self) -> PlainState:
        """Return the state of both tentacles and the board."""
        board = self.board
        return {
            "strategy": _exported(self.strategy_name, self.strategy),
            "mode": _exported(self.mode_name, self.mode),
            "board": {
                key: [msgspec.to_builtins(board.evaluations[place]), board.evaluated_at_ns[place], board.seqs[place]]
                for place, key in enumerate(self._keys)
            },
        }

    def restore_state(self, state: PlainState) -> None:
        """Take back what belongs to the same tentacles: what a person put in place of others begins anew."""
        _restore(self.strategy_name, self.strategy, state["strategy"])
        _restore(self.mode_name, self.mode, state["mode"])
        board = self.board
        for place, key in enumerate(self._keys):
            if key in state["board"]:
                evaluation, board.evaluated_at_ns[place], board.seqs[place] = state["board"][key]
                board.evaluations[place] = msgspec.convert(evaluation, Evaluation | None)


def _exported(name: str, tentacle: Stateful) -> PlainState:
    return {"name": name, "version": tentacle.state_version, "state": tentacle.export_state()}


def _restore(name: str, tentacle: Stateful, state: PlainState) -> None:
    if state["name"] != name:
        return
    if state["version"] != tentacle.state_version:
        raise DataError(
            f"{name}: its state has version {state['version']}, and it reads version {tentacle.state_version}; "
            "put the version back that wrote it, or begin a new journal with `loligo run --fresh`"
        )
    tentacle.restore_state(state["state"])
