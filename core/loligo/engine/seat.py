"""A seat is a desk's place on one instrument: its board, its strategy and its trading mode, and what they may see."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from loligo.engine.plan import DeskPlan, SeatPlan
from loligo.model.evaluation import Declined, Evaluation, Signal
from loligo.model.instrument import Instrument
from loligo.model.market import Candle
from loligo.ports.tentacles import CandleMode, FillMode, OrderEndMode, PlainState, Strategy, TimerMode, TradingMode


@dataclass(frozen=True, slots=True)
class SeatInput:
    """One place on a board (`loligo.ports.views.BoardInput`)."""

    name: str
    timeframe: str
    label: str


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
            "strategy": {"version": self.strategy.state_version, "state": self.strategy.export_state()},
            "mode": {"version": self.mode.state_version, "state": self.mode.export_state()},
            "board": {
                "evaluations": msgspec.to_builtins(board.evaluations),
                "evaluated_at_ns": list(board.evaluated_at_ns),
                "seqs": list(board.seqs),
            },
        }

    def restore_state(self, state: PlainState) -> None:
        self.strategy.restore_state(state["strategy"]["state"])
        self.mode.restore_state(state["mode"]["state"])
        board, plain = self.board, state["board"]
        board.evaluations[:] = msgspec.convert(plain["evaluations"], list[Evaluation | None])
        board.evaluated_at_ns[:] = plain["evaluated_at_ns"]
        board.seqs[:] = plain["seqs"]


def inputs_of(plans: Sequence[Any]) -> tuple[SeatInput, ...]:
    """Return the board places of evaluator plans, in order."""
    return tuple(SeatInput(plan.name, plan.timeframe, plan.label) for plan in plans)
