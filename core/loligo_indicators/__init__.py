"""Technical indicators, one value at a time and as arrays.

The classes take one value per `update` and give the indicator's new value, NaN until warm; their state is plain data.
The `_series` functions give the same numbers for a whole array (within 1e-9 of the price, NaN at the same places).

Sources: J. Welles Wilder, "New Concepts in Technical Trading Systems" (1978), for RSI, true range, ATR and the average
of weight 1/period behind them; the EMA of weight 2/(period + 1) as in G. Appel, "Technical Analysis" (2005), ch. 7. An
exponential average starts as the simple mean of its first `period` values.
"""

from __future__ import annotations

from functools import lru_cache
from math import nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
PlainState = dict[str, Any]

_CHUNK = 16_384  # values that the array code takes at once: they stay in the processor's cache


class _Indicator:
    """What all share: a period >= 1, the newest `value` (NaN until warm), and state as plain data."""

    __slots__ = ("period", "value")

    def __init__(self, period: int) -> None:
        if period < 1:
            raise ValueError(f"{type(self).__name__} period {period}: expected at least 1")
        self.period = period
        self.value = nan

    @property
    def is_warm(self) -> bool:
        return self.value == self.value

    def export_state(self) -> PlainState:
        """Return all that later values depend on but the period. NaN is given as None, for JSON has no NaN."""
        return {name: _plain(getattr(self, name)) for name in ("value", *self.__slots__)}

    def restore_state(self, state: PlainState) -> None:
        """Take back what `export_state` of an indicator of the same period returned."""
        for name in ("value", *self.__slots__):
            part = getattr(self, name)
            if isinstance(part, _Indicator):
                part.restore_state(state[name])
            else:
                setattr(self, name, _restored(state[name]))


def _plain(part: Any) -> Any:
    if isinstance(part, _Indicator):
        return part.export_state()
    if isinstance(part, list):
        return [_plain(item) for item in part]
    return None if part != part else part


def _restored(saved: Any) -> Any:
    if isinstance(saved, list):
        return [_restored(item) for item in saved]
    return nan if saved is None else saved


class RollingWindow(_Indicator):
    """The last `period` values with their mean and extremes, NaN until it is full; `value` is the newest."""

    __slots__ = ("_next", "_ring", "_sum")

    def __init__(self, period: int) -> None:
        super().__init__(period)
        self._ring = [nan] * period
        self._next = 0  # place of the oldest value
        self._sum = nan

    def update(self, value: float) -> float:
        """Take the newest value and return the one that leaves, NaN while the window fills."""
        place = self._next
        oldest, self._ring[place] = self._ring[place], value
        self._next = place = (place + 1) % self.period
        # Summed afresh once a round, else rounding errors would add up over a long run.
        self._sum = self._sum + (value - oldest) if place else sum(self._ring)
        self.value = value if self._sum == self._sum else nan
        return oldest

    @property
    def values(self) -> list[float]:
        """All values, oldest first; NaN in place of those that are still to come."""
        return self._ring[self._next :] + self._ring[: self._next]

    @property
    def mean(self) -> float:
        return self._sum / self.period

    @property
    def highest(self) -> float:
        return max(self._ring) if self.is_warm else nan

    @property
    def lowest(self) -> float:
        return min(self._ring) if self.is_warm else nan


class SMA(_Indicator):
    """Simple moving average: the mean of the last `period` values."""

    __slots__ = ("_window",)

    def __init__(self, period: int) -> None:
        super().__init__(period)
        self._window = RollingWindow(period)

    def update(self, value: float) -> float:
        self._window.update(value)
        self.value = self._window.mean
        return self.value


class EMA(_Indicator):
    """Exponential moving average of weight 2/(period + 1), or of another, such as 1/period for Wilder's average."""

    __slots__ = ("_count", "_sum", "_weight")

    def __init__(self, period: int, weight: float | None = None) -> None:
        super().__init__(period)
        self._weight = 2.0 / (period + 1.0) if weight is None else weight
        self._count, self._sum = 0, 0.0

    def update(self, value: float) -> float:
        if self._count == self.period:
            self.value += self._weight * (value - self.value)
            return self.value
        self._count += 1
        self._sum += value
        if self._count == self.period:
            self.value = self._sum / self.period
        return self.value


class RSI(_Indicator):
    """Relative strength index of closes, 0..100; warm after period + 1 of them. 50 where no close ever differed."""

    __slots__ = ("_down", "_previous", "_up")

    def __init__(self, period: int = 14) -> None:
        super().__init__(period)
        self._previous = nan
        self._up, self._down = EMA(period, 1.0 / period), EMA(period, 1.0 / period)

    @property
    def average_up(self) -> float:
        """Wilder's average of the rises, price units."""
        return self._up.value

    @property
    def average_down(self) -> float:
        """Wilder's average of the falls, price units, positive."""
        return self._down.value

    def update(self, value: float) -> float:
        change = value - self._previous
        self._previous = value
        if change != change:
            return nan
        up, down = self._up.update(max(change, 0.0)), self._down.update(max(-change, 0.0))
        self.value = 50.0 if up + down == 0.0 else 100.0 * up / (up + down)
        return self.value


class ATR(_Indicator):
    """Average true range, price units. The first candle has no close before it; its true range is high - low."""

    __slots__ = ("_average", "_previous")

    def __init__(self, period: int = 14) -> None:
        super().__init__(period)
        self._average = EMA(period, 1.0 / period)
        self._previous = nan

    def update(self, high: float, low: float, close: float) -> float:
        previous = self._previous
        if previous == previous:
            high, low = max(high, previous), min(low, previous)
        self._previous = close
        self.value = self._average.update(high - low)
        return self.value


def sma_series(values: FloatArray, period: int) -> FloatArray:
    """Return the mean of the last `period` values at each place, NaN at the first period - 1. Oldest first."""
    means = np.empty(values.size)
    means[: period - 1] = nan
    for place in range(period - 1, values.size, _CHUNK):
        # Each chunk starts from a fresh sum, so rounding errors do not add up along the series.
        chunk = means[place : place + _CHUNK]
        chunk[0] = values[place - period + 1 : place + 1].sum()
        last = place + chunk.size
        np.subtract(values[place + 1 : last], values[place + 1 - period : last - period], out=chunk[1:])
        np.cumsum(chunk, out=chunk)
        chunk /= period
    return means


def ema_series(values: FloatArray, period: int, out: FloatArray | None = None) -> FloatArray:
    """Return the EMA at each place, oldest first. Leading NaN are skipped; then the first period - 1 are NaN.

    `out` takes the result, as in numpy; it may be `values` itself.
    """
    averages = np.empty(values.size) if out is None else out
    averages[:] = values
    _smooth(averages, period, 2.0 / (period + 1.0))
    return averages


def rsi_series(closes: FloatArray, period: int = 14) -> FloatArray:
    """Return the RSI of each close, 0..100, oldest first; the first `period` are NaN."""
    # U - D and U + D, the averages of change and |change|: 100 U / (U + D) = 50 + 50 (U - D) / (U + D), always finite.
    net = np.diff(closes, prepend=nan)
    total = np.abs(net)
    _smooth(net, period, 1.0 / period)
    _smooth(total, period, 1.0 / period)
    net /= np.maximum(total, np.finfo(np.float64).tiny, out=total)
    np.clip(net, -1.0, 1.0, out=net)
    net *= 50.0
    net += 50.0
    return net


def atr_series(high: FloatArray, low: FloatArray, close: FloatArray, period: int = 14) -> FloatArray:
    """Return the ATR of each candle, price units, oldest first; the first period - 1 are NaN."""
    ranges, lowest = high.copy(), low.copy()
    np.maximum(high[1:], close[:-1], out=ranges[1:])
    np.minimum(low[1:], close[:-1], out=lowest[1:])
    ranges -= lowest
    _smooth(ranges, period, 1.0 / period)
    return ranges


def _smooth(values: FloatArray, period: int, weight: float) -> None:
    """Put in place of each value the exponential average up to it: y += weight * (x - y), as the classes do."""
    start = int(np.argmin(np.isnan(values))) if values.size else 0
    first = start + period - 1  # place of the first average
    if first >= values.size:
        values[:] = nan
        return
    values[first] = values[start : first + 1].mean()
    values[:first] = nan
    for place in range(first + 1, values.size, _CHUNK):
        part = values[place : place + _CHUNK]
        part *= weight
        part[0] += (1.0 - weight) * values[place - 1]
        part[:] = _decaying_sums(part, 1.0 - weight)


_BLOCK = 16  # values in a block: the fastest measured


def _decaying_sums(values: FloatArray, decay: float) -> FloatArray:
    """Return y[i] = decay * y[i - 1] + values[i], beginning with values[0].

    The recursion is linear: a block of values times one triangular matrix is what the block adds by itself, and what
    each block hands on to the next is the same recursion over the blocks, with a stronger decay.
    """
    if values.size <= _BLOCK:
        return values @ _response(decay, values.size)
    blocks = np.zeros((-(-values.size // _BLOCK), _BLOCK))
    blocks.reshape(-1)[: values.size] = values
    left = blocks @ _response(decay, _BLOCK)[:, -1]
    blocks[1:, 0] += decay * _decaying_sums(left[:-1], decay**_BLOCK)
    return (blocks @ _response(decay, _BLOCK)).reshape(-1)[: values.size]


@lru_cache(maxsize=32)
def _response(decay: float, size: int) -> FloatArray:
    """Return the matrix R with R[i, j] = decay ** (j - i): what the value at i leaves at j, nothing before it."""
    steps = np.arange(size)
    powers: FloatArray = np.triu((decay**steps)[np.maximum(steps - steps[:, None], 0)])
    return powers
