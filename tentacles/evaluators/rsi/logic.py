"""Relative strength index (Wilder 1978) as an opinion.

The opinion is 0 at RSI 50 and grows in a straight line to full strength at the two settings: in `reversal` mode +1 at
`oversold` and below, -1 at `overbought` and above; in `momentum` mode with opposite sign.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from loligo.api import (
    RSI,
    Candle,
    CandleArrays,
    Evaluation,
    FloatArray,
    MakeContext,
    PlainState,
    TentacleSettings,
    rsi_series,
)


class RsiSettings(TentacleSettings):
    period: int = Field(default=14, ge=2, le=500, description="Candles of Wilder's average.")
    oversold: float = Field(default=30.0, gt=0.0, lt=50.0, description="RSI, 0..100, of the full opinion below 50.")
    overbought: float = Field(default=70.0, gt=50.0, lt=100.0, description="RSI, 0..100, of the full opinion above 50.")
    mode: Literal["reversal", "momentum"] = Field(
        default="reversal", description="reversal: oversold is bullish; momentum: overbought is bullish."
    )


class Rsi:
    __slots__ = (
        "_above_scale",
        "_below_scale",
        "_close",
        "_closes",
        "_is_warm",
        "_net",
        "_overbought",
        "_oversold",
        "_period",
        "_total",
        "_weight",
        "warmup",
    )
    state_version = 1

    def __init__(self, settings: RsiSettings, context: MakeContext) -> None:
        self._period = settings.period
        # A Wilder average has forgotten all but exp(-6) of its beginning after 6 periods.
        self.warmup = 6 * settings.period + 1
        self._weight = 1.0 / settings.period
        self._oversold, self._overbought = settings.oversold, settings.overbought
        sign = -1.0 if settings.mode == "reversal" else 1.0
        self._above_scale = sign / (settings.overbought - 50.0)
        self._below_scale = sign / (50.0 - settings.oversold)
        self._closes: list[float] = []  # of the warm-up
        self._is_warm = False
        self._close = self._net = self._total = 0.0

    def on_candle(self, candle: Candle) -> Evaluation | None:
        if not self._is_warm:
            return self._warm_up(candle)
        # Wilder's averages, written out: this runs once per candle of every instrument. Kept are U - D and U + D, the
        # averages of change and |change|, for RSI = 100 U / (U + D) = 50 + 50 (U - D) / (U + D).
        close = candle.close
        change = close - self._close
        self._close = close
        weight = self._weight
        self._net = net = self._net + weight * (change - self._net)
        self._total = total = self._total + weight * ((change if change > 0.0 else -change) - self._total)
        distance = 50.0 * net / total if total else 0.0  # RSI - 50
        rsi = 50.0 + distance
        if distance > 0.0:
            value, code, full_at = distance * self._above_scale, "overbought", self._overbought
        else:
            value, code, full_at = distance * self._below_scale, "oversold", self._oversold
        if -1.0 < value < 1.0:
            return Evaluation(value, "mid_range", (rsi, full_at))
        return Evaluation(1.0 if value > 0.0 else -1.0, code, (rsi, full_at))

    def _warm_up(self, candle: Candle) -> Evaluation | None:
        closes = self._closes
        if len(closes) < self.warmup - 1:
            closes.append(candle.close)
            return None
        rsi = RSI(self._period)
        for close in closes:
            rsi.update(close)
        up, down = rsi.average_up, rsi.average_down
        self._close, self._net, self._total = closes[-1], up - down, up + down
        self._closes, self._is_warm = [], True
        return self.on_candle(candle)

    def evaluate_series(self, candles: CandleArrays) -> FloatArray:
        """Return the opinion at each candle, NaN before it is warm; equal to `on_candle` of a fresh instance."""
        values = rsi_series(candles.close, self._period)
        values -= 50.0
        values *= np.where(values > 0.0, self._above_scale, self._below_scale)
        np.clip(values, -1.0, 1.0, out=values)
        values[: self.warmup - 1] = np.nan
        return values

    def export_state(self) -> PlainState:
        return {
            "is_warm": self._is_warm,
            "closes": list(self._closes),
            "close": self._close,
            "total": self._total,
            "net": self._net,
        }

    def restore_state(self, state: PlainState) -> None:
        self._is_warm, self._closes = state["is_warm"], list(state["closes"])
        self._close, self._net, self._total = state["close"], state["net"], state["total"]
