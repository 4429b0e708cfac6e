"""The two simple averages of the reference rule, as an evaluator: +1 when the fast one is above, else -1."""

from __future__ import annotations

from collections import deque

from loligo.api import Candle, Evaluation, Factory, MakeContext, PlainState, TentacleSettings, hookimpl


class Settings(TentacleSettings):
    fast: int = 10
    slow: int = 50


class SmaCross:
    state_version = 1

    def __init__(self, settings: Settings, context: MakeContext) -> None:
        self.warmup = settings.slow
        self._fast, self._slow = settings.fast, settings.slow
        self._closes: deque[float] = deque(maxlen=settings.slow)
        self._fast_sum = self._slow_sum = 0.0

    def on_candle(self, candle: Candle) -> Evaluation | None:
        closes = self._closes
        count = len(closes)
        if count >= self._fast:
            self._fast_sum -= closes[count - self._fast]
        if count == self._slow:
            self._slow_sum -= closes[0]
        close = candle.close
        closes.append(close)
        self._fast_sum += close
        self._slow_sum += close
        if len(closes) < self._slow:
            return None
        fast, slow = self._fast_sum / self._fast, self._slow_sum / self._slow
        return Evaluation(1.0 if fast > slow else -1.0, "cross", (fast, slow))

    def export_state(self) -> PlainState:
        return {"closes": list(self._closes), "sums": [self._fast_sum, self._slow_sum]}

    def restore_state(self, state: PlainState) -> None:
        self._closes = deque(state["closes"], maxlen=self._slow)
        self._fast_sum, self._slow_sum = state["sums"]


@hookimpl
def evaluator() -> Factory:
    return Factory(settings=Settings, create=SmaCross)
