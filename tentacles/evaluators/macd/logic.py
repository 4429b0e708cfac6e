"""MACD (Appel) as an opinion: the histogram, measured in average moves of the market.

The histogram is MACD line less signal line; the average move is the exponential mean of |close - previous close| over
the slow period. So the opinion means the same on every timeframe and at every price: +1 when the histogram is
`full_histogram` average moves above zero.
"""

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

# Average moves below this share of the price count as this much: a market that stands still has no opinion.
_STILL = 1e-5


class MacdSettings(TentacleSettings):
    fast: int = Field(default=12, ge=1, le=1000, description="Candles of the fast average.")
    slow: int = Field(default=26, ge=2, le=2000, description="Candles of the slow average; more than fast.")
    signal: int = Field(default=9, ge=1, le=1000, description="Candles of the signal line.")
    full_histogram: float = Field(
        default=0.5, gt=0.0, le=100.0, description="Histogram, in average moves of one candle, of the full opinion."
    )

    @model_validator(mode="after")
    def _fast_is_faster(self) -> Self:
        if self.fast >= self.slow:
            raise ValueError(f"fast {self.fast} must be less than slow {self.slow}")
        return self


class Macd:
    __slots__ = (
        "_close",
        "_closes",
        "_fast",
        "_fast_weight",
        "_full",
        "_is_warm",
        "_move",
        "_periods",
        "_scale",
        "_signal",
        "_signal_weight",
        "_slow",
        "_slow_weight",
        "warmup",
    )
    state_version = 1

    def __init__(self, settings: MacdSettings, context: MakeContext) -> None:
        self._periods = (settings.fast, settings.slow, settings.signal)
        # 3 slow periods after both lines have begun, the weight of their first means has fallen to exp(-6).
        self.warmup = 4 * settings.slow + settings.signal
        self._fast_weight, self._slow_weight, self._signal_weight = (2.0 / (n + 1.0) for n in self._periods)
        # The histogram is what is left of the gap after the signal line has come nearer by its weight.
        self._scale = (1.0 - self._signal_weight) / settings.full_histogram
        self._full = settings.full_histogram
        self._closes: list[float] = []  # of the warm-up
        self._is_warm = False
        self._close = self._fast = self._slow = self._signal = self._move = 0.0

    def on_candle(self, candle: Candle) -> Evaluation | None:
        if not self._is_warm:
            return self._warm_up(candle)
        # The four averages, written out: this runs once per candle of every instrument.
        close = candle.close
        slow_weight = self._slow_weight
        move, fast, slow = self._move, self._fast, self._slow
        change = close - self._close
        self._close = close
        self._move = move = move + slow_weight * ((change if change > 0.0 else -change) - move)
        self._fast = fast = fast + self._fast_weight * (close - fast)
        self._slow = slow = slow + slow_weight * (close - slow)
        line, signal = fast - slow, self._signal
        gap = line - signal
        self._signal = signal = signal + self._signal_weight * gap
        still = _STILL * close
        value = self._scale * gap / (move if move > still else still)
        if value > 1.0:
            return Evaluation(1.0, "above_signal", (line, signal))
        if value < -1.0:
            return Evaluation(-1.0, "below_signal", (line, signal))
        return Evaluation(value, "above_signal" if gap > 0.0 else "below_signal", (line, signal))

    def _warm_up(self, candle: Candle) -> Evaluation | None:
        closes = self._closes
        if len(closes) < self.warmup - 1:
            closes.append(candle.close)
            return None
        fast, slow, signal = (EMA(period) for period in self._periods)
        move = EMA(self._periods[1])
        for place, close in enumerate(closes):
            fast.update(close)
            slow.update(close)
            if slow.is_warm:
                signal.update(fast.value - slow.value)
            if place:
                move.update(abs(close - closes[place - 1]))
        self._fast, self._slow, self._signal, self._move = fast.value, slow.value, signal.value, move.value
        self._close, self._closes, self._is_warm = closes[-1], [], True
        return self.on_candle(candle)

    def evaluate_series(self, candles: CandleArrays) -> FloatArray:
        """Return the opinion at each candle, NaN before it is warm; equal to `on_candle` of a fresh instance."""
        close = candles.close
        fast, slow, signal = self._periods
        values = ema_series(close, fast)
        other = ema_series(close, slow)
        values -= other
        values -= ema_series(values, signal, out=other)
        moves = other[1:]
        np.subtract(close[1:], close[:-1], out=moves)
        ema_series(np.abs(moves, out=moves), slow, out=moves)
        moves /= close[1:]
        np.maximum(moves, _STILL, out=moves)
        moves *= close[1:]
        moves *= self._full
        values[: self.warmup - 1] = np.nan
        values[1:] /= moves
        return np.clip(values, -1.0, 1.0, out=values)

    def export_state(self) -> PlainState:
        return {
            "is_warm": self._is_warm,
            "closes": list(self._closes),
            "close": self._close,
            "fast": self._fast,
            "slow": self._slow,
            "signal": self._signal,
            "move": self._move,
        }

    def restore_state(self, state: PlainState) -> None:
        self._is_warm, self._closes, self._close = state["is_warm"], list(state["closes"]), state["close"]
        self._fast, self._slow = state["fast"], state["slow"]
        self._signal, self._move = state["signal"], state["move"]
