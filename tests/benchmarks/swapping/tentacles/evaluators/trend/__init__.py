"""Whether the close lies above the mean of the last thousand; its reason counts the candles that it has seen."""

from __future__ import annotations

from collections import deque

from loligo.api import Candle, Evaluation, Factory, MakeContext, PlainState, TentacleSettings, hookimpl

VERSION = 0


class Settings(TentacleSettings):
    window: int = 1_000


class Trend:
    state_version = 1
    warmup = 1

    def __init__(self, settings: Settings, context: MakeContext) -> None:
        self.asked = 0
        self.own = 0  # calls of this very instance
        self.sum = 0.0
        self.closes: deque[float] = deque(maxlen=settings.window)

    def on_candle(self, candle: Candle) -> Evaluation | None:
        self.own += 1
        self.asked += 1
        if len(self.closes) == self.closes.maxlen:
            self.sum -= self.closes[0]
        self.closes.append(candle.close)
        self.sum += candle.close
        share = candle.close / (self.sum / len(self.closes)) - 1.0
        said = Evaluation(max(-1.0, min(1.0, share * 100.0)), "trend", (float(self.asked), share))
        return said  # answer

    def export_state(self) -> PlainState:
        return {"asked": self.asked, "sum": self.sum, "closes": list(self.closes)}

    def restore_state(self, state: PlainState) -> None:
        self.asked = state["asked"]
        self.sum = state["sum"]
        self.closes.extend(state["closes"])


@hookimpl
def evaluator() -> Factory:
    return Factory(settings=Settings, create=Trend)
