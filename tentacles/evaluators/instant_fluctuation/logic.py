"""Sudden moves: the price against its mean over the last seconds, louder when the trade is unusually large.

Trades and quotes (by their mid price) are watched in a window each. A price that stands `min_move` or more away from
the mean of its window is an opinion, full at `full_move`: +1 for a jump in `momentum` mode, -1 in `reversal` mode. When
the move is over it says 0 once and then nothing, so that a calm market costs no events.
"""

from __future__ import annotations

from collections import deque
from typing import Literal, Self

from pydantic import Field, model_validator

from loligo.api import SECOND_NS, Evaluation, MakeContext, PlainState, Quote, TentacleSettings, Trade


class InstantFluctuationSettings(TentacleSettings):
    window_s: float = Field(default=60.0, gt=0.0, le=86_400.0, description="Length of the window, seconds.")
    max_window: int = Field(
        default=2000, ge=10, le=100_000, description="Most prices the window holds; older go first."
    )
    min_prices: int = Field(default=20, ge=2, le=10_000, description="Prices in the window before there is an opinion.")
    min_move: float = Field(default=0.003, gt=0.0, lt=1.0, description="Move, as a share of the mean, that counts.")
    full_move: float = Field(default=0.01, gt=0.0, lt=1.0, description="Move, as a share of the mean, of full opinion.")
    volume_spike: float = Field(
        default=5.0, ge=1.0, le=10_000.0, description="A trade of this many mean quantities is a spike."
    )
    spike_gain: float = Field(default=1.5, ge=1.0, le=10.0, description="A spike multiplies the opinion by this.")
    mode: Literal["momentum", "reversal"] = Field(
        default="momentum", description="momentum: a jump is bullish; reversal: a drop is."
    )

    @model_validator(mode="after")
    def _bounds_fit(self) -> Self:
        if self.min_move > self.full_move:
            raise ValueError(f"min_move {self.min_move} must be <= full_move {self.full_move}")
        if self.min_prices > self.max_window:
            raise ValueError(f"min_prices {self.min_prices} must be <= max_window {self.max_window}")
        return self


class _Window:
    """Prices and quantities of the last seconds with their sums. `is_moving` until the move is over."""

    __slots__ = ("_length_ns", "_max", "is_moving", "items", "price_sum", "quantity_sum")

    def __init__(self, settings: InstantFluctuationSettings) -> None:
        self._length_ns = int(settings.window_s * SECOND_NS)
        self._max = settings.max_window
        self.items: deque[tuple[int, float, float]] = deque()  # (ts, price, quantity), oldest first
        self.price_sum = self.quantity_sum = 0.0
        self.is_moving = False

    def forget(self, ts: int) -> None:
        """Drop what is older than the window at `ts`, and the oldest when it is full."""
        items, first_ns = self.items, ts - self._length_ns
        while items and (items[0][0] < first_ns or len(items) >= self._max):
            _, price, quantity = items.popleft()
            self.price_sum -= price
            self.quantity_sum -= quantity
        if not items:
            self.price_sum = self.quantity_sum = 0.0  # rounding errors go with the last item

    def add(self, ts: int, price: float, quantity: float) -> None:
        self.items.append((ts, price, quantity))
        self.price_sum += price
        self.quantity_sum += quantity

    def export_state(self) -> PlainState:
        return {
            "items": [list(item) for item in self.items],
            "price_sum": self.price_sum,
            "quantity_sum": self.quantity_sum,
            "is_moving": self.is_moving,
        }

    def restore_state(self, state: PlainState) -> None:
        self.items = deque((ts, price, quantity) for ts, price, quantity in state["items"])
        self.price_sum, self.quantity_sum = state["price_sum"], state["quantity_sum"]
        self.is_moving = state["is_moving"]


class InstantFluctuation:
    state_version = 1

    def __init__(self, settings: InstantFluctuationSettings, context: MakeContext) -> None:
        self._settings = settings
        self._sign = 1.0 if settings.mode == "momentum" else -1.0
        self.warmup = settings.min_prices
        self._trades, self._quotes = _Window(settings), _Window(settings)

    def on_trade(self, trade: Trade) -> Evaluation | None:
        return self._judge(self._trades, trade.ts, trade.price, trade.quantity)

    def on_quote(self, quote: Quote) -> Evaluation | None:
        if not 0.0 < quote.bid <= quote.ask:
            return None  # an empty side, or a book that is just crossing, has no mid price
        return self._judge(self._quotes, quote.ts, (quote.bid + quote.ask) / 2.0, 0.0)

    def _judge(self, window: _Window, ts: int, price: float, quantity: float) -> Evaluation | None:
        """Compare with the window as it was before this price, then take the price in."""
        window.forget(ts)
        count = len(window.items)
        mean, mean_quantity = window.price_sum / max(count, 1), window.quantity_sum / max(count, 1)
        window.add(ts, price, quantity)
        if count < self._settings.min_prices:
            return self._calm(window, 0.0)
        move = price / mean - 1.0
        if abs(move) < self._settings.min_move:
            return self._calm(window, move)
        window.is_moving = True
        value = self._sign * move / self._settings.full_move
        if quantity > 0.0 and quantity >= self._settings.volume_spike * mean_quantity:
            value *= self._settings.spike_gain
            return Evaluation(_bounded(value), "move_on_volume", (move, quantity / mean_quantity))
        return Evaluation(_bounded(value), "move", (move,))

    def _calm(self, window: _Window, move: float) -> Evaluation | None:
        if not window.is_moving:
            return None
        window.is_moving = False
        return Evaluation(0.0, "calm", (move,))

    def export_state(self) -> PlainState:
        return {"trades": self._trades.export_state(), "quotes": self._quotes.export_state()}

    def restore_state(self, state: PlainState) -> None:
        self._trades.restore_state(state["trades"])
        self._quotes.restore_state(state["quotes"])


def _bounded(value: float) -> float:
    return max(-1.0, min(1.0, value))
