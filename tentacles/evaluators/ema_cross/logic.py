"""Two exponential averages of the close: their gap as an opinion, +1 when the fast one leads by `full_gap`."""

from __future__ import annotations

from typing import Self

import numpy as np
from pydantic import Field, model_validator

from loligo.api import (
    EMA,
    Candle,
    CandleArrays,
    Evaluation,
    FloatArray,
    MakeContext,
    PlainState,
    TentacleSettings,
    ema_series,
)


class EmaCrossSettings(TentacleSettings):
    fast: int = Field(default=10, ge=1, le=1000, description="Candles of the fast average.")
    slow: int = Field(default=30, ge=2, le=2000, description="Candles of the slow average; more than fast.")
    full_gap: float = Field(
        default=0.002, gt=0.0, le=1.0, description="Gap, as a share of the slow average, at which the opinion is full."
    )

    @model_validator(mode="after")
    def _fast_is_faster(self) -> Self:
        if self.fast >= self.slow:
            raise ValueError(f"fast {self.fast} must be less than slow {self.slow}")
        return self


class EmaCross:
    __slots__ = (
        "_closes",
        "_fast",
        "_fast_period",
        "_fast_weight",
        "_full_gap",
        "_is_warm",
        "_slow",
        "_slow_period",
        "_slow_weight",
        "warmup",
    )
    state_version = 1

    def __init__(self, settings: EmaCrossSettings, context: MakeContext) -> None:
        self._fast_period, self._slow_period = settings.fast, settings.slow
        # After 3 more periods the weight of the first mean has fallen to exp(-6).
        self.warmup = 4 * settings.slow
        self._fast_weight = 2.0 / (settings.fast + 1.0)
        self._slow_weight = 2.0 / (settings.slow + 1.0)
        self._full_gap = settings.full_gap
        self._closes: list[float] = []  # of the warm-up
        self._is_warm = False
        self._fast = self._slow = 0.0

    def on_candle(self, candle: Candle) -> Evaluation | None:
        if not self._is_warm:
            return self._warm_up(candle)
        # Both averages, written out: this runs once per candle of every instrument.
        close = candle.close
        fast, slow = self._fast, self._slow
        self._fast = fast = fast + self._fast_weight * (close - fast)
        self._slow = slow = slow + self._slow_weight * (close - slow)
        gap = fast / slow - 1.0
        value = gap / self._full_gap
        if value > 1.0:
            return Evaluation(1.0, "fast_above_slow", (gap, fast, slow))
        if value < -1.0:
            return Evaluation(-1.0, "fast_below_slow", (gap, fast, slow))
        return Evaluation(value, "fast_above_slow" if gap > 0.0 else "fast_below_slow", (gap, fast, slow))

    def _warm_up(self, candle: Candle) -> Evaluation | None:
        closes = self._closes
        if len(closes) < self.warmup - 1:
            closes.append(candle.close)
            return None
        fast, slow = EMA(self._fast_period), EMA(self._slow_period)
        for close in closes:
            fast.update(close)
            slow.update(close)
        self._fast, self._slow = fast.value, slow.value
        self._closes, self._is_warm = [], True
        return self.on_candle(candle)

    def evaluate_series(self, candles: CandleArrays) -> FloatArray:
        """Return the opinion at each candle, NaN before it is warm; equal to `on_candle` of a fresh instance."""
        values = ema_series(candles.close, self._fast_period)
        values /= ema_series(candles.close, self._slow_period)
        values -= 1.0
        values /= self._full_gap
        np.clip(values, -1.0, 1.0, out=values)
        values[: self.warmup - 1] = np.nan
        return values

    def export_state(self) -> PlainState:
        return {"is_warm": self._is_warm, "closes": list(self._closes), "fast": self._fast, "slow": self._slow}

    def restore_state(self, state: PlainState) -> None:
        self._is_warm, self._closes = state["is_warm"], list(state["closes"])
        self._fast, self._slow = state["fast"], state["slow"]
