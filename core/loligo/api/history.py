"""The last candles of one place as arrays, for tentacles whose formula needs a window of history."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np

from loligo.model.market import Candle
from loligo.ports.tentacles import CandleArrays, PlainState

_PRICES = ("open", "high", "low", "close", "volume")


class CandleHistory:
    """The newest `length` candles. `arrays()` costs one copy; appending costs no more as the window moves on."""

    __slots__ = ("_end", "_opened_at_ns", "_prices", "length")

    def __init__(self, length: int) -> None:
        if length < 1:
            raise ValueError(f"history length {length}: expected at least 1 candle")
        self.length = length
        self._end = 0
        # Twice the room: the window slides along it, and is moved to the front only once per `length` candles.
        self._opened_at_ns = np.zeros(2 * length, dtype=np.int64)
        self._prices = np.zeros((len(_PRICES), 2 * length))

    def __len__(self) -> int:
        return min(self._end, self.length)

    @property
    def is_full(self) -> bool:
        return self._end >= self.length

    def append(self, candle: Candle) -> None:
        if self._end == 2 * self.length:
            self._opened_at_ns[: self.length] = self._opened_at_ns[self.length :]
            self._prices[:, : self.length] = self._prices[:, self.length :]
            self._end = self.length
        self._opened_at_ns[self._end] = candle.opened_at_ns
        self._prices[:, self._end] = (candle.open, candle.high, candle.low, candle.close, candle.volume)
        self._end += 1

    def arrays(self) -> CandleArrays:
        """Return a copy of the window, oldest first; shorter than `length` until full."""
        window = slice(self._end - len(self), self._end)
        prices = dict(zip(_PRICES, self._prices[:, window].copy(), strict=True))
        return CandleArrays(opened_at_ns=self._opened_at_ns[window].copy(), **prices)

    def export_state(self) -> PlainState:
        return {name: column.tolist() for name, column in asdict(self.arrays()).items()}

    def restore_state(self, state: PlainState) -> None:
        """Take back what `export_state` of a history of the same length returned."""
        self._end = len(state["close"])
        self._opened_at_ns[: self._end] = state["opened_at_ns"]
        self._prices[:, : self._end] = [state[name] for name in _PRICES]
