"""Signals when the opinion turns: the reference rule trades on crosses only."""

from __future__ import annotations

from loligo.api import Board, Declined, Direction, Factory, MakeContext, PlainState, Signal, TentacleSettings, hookimpl

_COLD = Declined("not_warm")
_SAME = Declined("no_cross")


class FollowCross:
    state_version = 1

    def __init__(self, settings: TentacleSettings, context: MakeContext) -> None:
        self._last = 0.0

    def decide(self, board: Board) -> Signal | Declined:
        evaluation = board.evaluations[0]
        if evaluation is None:
            return _COLD
        last, self._last = self._last, evaluation.value
        if not last or last == evaluation.value:
            return _SAME
        direction = Direction.LONG if evaluation.value > 0 else Direction.FLAT
        return Signal(direction, 1.0, "cross", evaluation.numbers)

    def export_state(self) -> PlainState:
        return {"last": self._last}

    def restore_state(self, state: PlainState) -> None:
        self._last = state["last"]


@hookimpl
def strategy() -> Factory:
    return Factory(settings=TentacleSettings, create=FollowCross)
