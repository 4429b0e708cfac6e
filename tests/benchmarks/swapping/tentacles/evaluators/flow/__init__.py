"""Who takes more, buyers or sellers; every fourth trade gives an opinion, which counts the trades that it has seen."""

from __future__ import annotations

from loligo.api import Evaluation, Factory, MakeContext, PlainState, Side, TentacleSettings, Trade, hookimpl

VERSION = 0


class Settings(TentacleSettings):
    decay: float = 0.99


class Flow:
    state_version = 1
    warmup = 1

    def __init__(self, settings: Settings, context: MakeContext) -> None:
        self.asked = 0
        self.own = 0  # calls of this very instance
        self.decay = settings.decay
        self.flow = 0.0

    def on_trade(self, trade: Trade) -> Evaluation | None:
        self.own += 1
        self.asked += 1
        signed = trade.quantity if trade.side is Side.BUY else -trade.quantity
        self.flow = self.decay * self.flow + (1.0 - self.decay) * signed
        value = max(-1.0, min(1.0, self.flow))
        said = Evaluation(value, "flow", (float(self.asked), self.flow)) if self.asked % 4 == 0 else None
        return said  # answer

    def export_state(self) -> PlainState:
        return {"asked": self.asked, "flow": self.flow}

    def restore_state(self, state: PlainState) -> None:
        self.asked = state["asked"]
        self.flow = state["flow"]


@hookimpl
def evaluator() -> Factory:
    return Factory(settings=Settings, create=Flow)
