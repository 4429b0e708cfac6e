"""The mean of all opinions that are there: long at `enter_at` and above, flat at -`leave_at` and below."""

from __future__ import annotations

from pydantic import Field

from loligo.api import Board, Declined, Direction, MakeContext, Signal, Stateless, TentacleSettings


class Settings(TentacleSettings):
    enter_at: float = Field(default=0.5, gt=0.0, le=1.0, description="Mean opinion at which to be long.")
    leave_at: float = Field(default=0.2, gt=0.0, le=1.0, description="Mean opinion against it at which to leave.")


class Sample(Stateless):
    def __init__(self, settings: Settings, context: MakeContext) -> None:
        self._settings = settings

    def decide(self, board: Board) -> Signal | Declined:
        values = [each.value for each in board.evaluations if each is not None]
        if not values:
            return Declined("no_opinion")
        mean = sum(values) / len(values)
        if mean >= self._settings.enter_at:
            return Signal(Direction.LONG, min(1.0, mean), "mean_high", (mean,))
        if mean <= -self._settings.leave_at:
            return Signal(Direction.FLAT, min(1.0, -mean), "mean_low", (mean,))
        return Declined("mean_between", (mean,))
