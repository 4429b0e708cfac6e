"""Long while trend and flow are not both against it; the reason counts the decisions."""

from __future__ import annotations

from loligo.api import Board, Declined, Direction, Factory, MakeContext, PlainState, Signal, TentacleSettings, hookimpl

VERSION = 0


class Settings(TentacleSettings):
    threshold: float = 0.05


class Turn:
    state_version = 1

    def __init__(self, settings: Settings, context: MakeContext) -> None:
        self.asked = 0
        self.own = 0  # calls of this very instance
        self.threshold = settings.threshold

    def decide(self, board: Board) -> Signal | Declined:
        self.own += 1
        self.asked += 1
        said: Signal | Declined = Declined("no_opinion", (float(self.asked),))
        trend, flow = board.evaluations
        if trend is not None and flow is not None:
            is_long = trend.value > -self.threshold or flow.value > 0.0
            said = Signal(Direction.LONG if is_long else Direction.FLAT, 1.0, "turn", (float(self.asked), trend.value))
        return said  # answer

    def export_state(self) -> PlainState:
        return {"asked": self.asked}

    def restore_state(self, state: PlainState) -> None:
        self.asked = state["asked"]


@hookimpl
def strategy() -> Factory:
    return Factory(settings=Settings, create=Turn)
