"""The change of the close over some candles, as an opinion: +1 at `full_at` and above, -1 at its negative and below."""

from __future__ import annotations

from pydantic import Field

from loligo.api import Candle, Evaluation, MakeContext, PlainState, TentacleSettings


class Settings(TentacleSettings):
    period: int = Field(default=10, ge=1, le=1000, description="Candles over which the close is compared.")
    full_at: float = Field(default=0.05, gt=0.0, le=1.0, description="Change that is a full opinion, as a fraction.")


class Sample:
    state_version = 1

    def __init__(self, settings: Settings, context: MakeContext) -> None:
        self._period = settings.period
        self._full_at = settings.full_at
        self.warmup = settings.period + 1  # candles until it no longer matters where it began
        self._closes: list[float] = []  # the newest last

    def on_candle(self, candle: Candle) -> Evaluation | None:
        self._closes = [*self._closes[-self._period :], candle.close]
        if len(self._closes) <= self._period:
            return None
        change = candle.close / self._closes[0] - 1.0
        return Evaluation(max(-1.0, min(1.0, change / self._full_at)), "change", (change,))

    def export_state(self) -> PlainState:
        return {"closes": list(self._closes)}

    def restore_state(self, state: PlainState) -> None:
        self._closes = list(state["closes"])
