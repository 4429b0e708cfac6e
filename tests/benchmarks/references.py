"""The reference runs: what the same trading rule costs without an engine around it.

Rule everywhere: SMA 10/50 cross, long only, a fixed quantity, market orders filled at the next open, 0.1 % fee.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

FEE_RATE = 0.001

Trade = tuple[int, int, float, float]  # index of entry and exit candle, entry and exit price


def plain_loop(opens: Sequence[float], closes: Sequence[float], quantity: float) -> list[Trade]:
    """The rule by hand: one loop over arrays, running sums, no objects."""
    trades: list[Trade] = []
    fast = slow = cash = 0.0
    entry_index, entry_price = -1, 0.0
    was_above: bool | None = None
    order = 0
    for index in range(len(closes)):
        if order == 1:
            entry_index, entry_price = index, opens[index]
            cash -= quantity * entry_price * (1 + FEE_RATE)
        elif order == -1:
            price = opens[index]
            cash += quantity * price * (1 - FEE_RATE)
            trades.append((entry_index, index, entry_price, price))
            entry_index = -1
        order = 0
        close = closes[index]
        fast += close
        slow += close
        if index >= 10:
            fast -= closes[index - 10]
        if index >= 50:
            slow -= closes[index - 50]
        if index >= 49:
            is_above = fast / 10 > slow / 50
            if was_above is not None and is_above != was_above:
                if is_above and entry_index < 0:
                    order = 1
                elif not is_above and entry_index >= 0:
                    order = -1
            was_above = is_above
    return trades


class Bar:
    """A candle of the event host."""

    def __init__(self, index: int, open_: float, high: float, low: float, close: float, volume: float) -> None:
        self.index, self.open, self.high, self.low, self.close, self.volume = index, open_, high, low, close, volume


class EventHost:
    """The least event host that works: a dictionary of topics, each a list of handlers."""

    def __init__(self) -> None:
        self.handlers: dict[str, list[Callable[[Any], None]]] = {}

    def on(self, topic: str, handler: Callable[[Any], None]) -> None:
        self.handlers.setdefault(topic, []).append(handler)

    def publish(self, topic: str, event: Any) -> None:
        for handler in self.handlers.get(topic, ()):
            handler(event)


class MovingAverage:
    """A running mean over a window of closes."""

    def __init__(self, length: int) -> None:
        self.window: deque[float] = deque(maxlen=length)
        self.length, self.total, self.value = length, 0.0, None

    value: float | None

    def on_bar(self, bar: Bar) -> None:
        if len(self.window) == self.length:
            self.total -= self.window[0]
        self.window.append(bar.close)
        self.total += bar.close
        if len(self.window) == self.length:
            self.value = self.total / self.length


class CrossStrategy:
    """Publishes an order when the averages cross."""

    def __init__(self, host: EventHost, fast: MovingAverage, slow: MovingAverage) -> None:
        self.host, self.fast, self.slow = host, fast, slow
        self.was_above: bool | None = None

    def on_bar(self, bar: Bar) -> None:
        if self.fast.value is None or self.slow.value is None:
            return
        is_above = self.fast.value > self.slow.value
        if self.was_above is not None and is_above != self.was_above:
            self.host.publish("order", {"side": 1 if is_above else -1, "index": bar.index})
        self.was_above = is_above


class Broker:
    """Fills orders at the next open and keeps cash, position and equity."""

    def __init__(self, host: EventHost, quantity: float) -> None:
        self.host, self.quantity = host, quantity
        self.cash, self.position, self.equity = 100_000.0, 0.0, 100_000.0
        self.pending: list[dict[str, Any]] = []
        self.trades: list[Trade] = []
        self.entry: tuple[int, float] = (-1, 0.0)

    def on_order(self, order: dict[str, Any]) -> None:
        self.pending.append(order)

    def on_bar(self, bar: Bar) -> None:
        for order in self.pending:
            self.fill(order, bar)
        self.pending.clear()
        self.equity = self.cash + self.position * bar.close

    def fill(self, order: dict[str, Any], bar: Bar) -> None:
        if order["side"] > 0 and not self.position:
            self.entry = (bar.index, bar.open)
            self.position = self.quantity
        elif order["side"] < 0 and self.position:
            self.trades.append((self.entry[0], bar.index, self.entry[1], bar.open))
            self.position = 0.0
        else:
            return
        self.cash -= order["side"] * self.quantity * bar.open + self.quantity * bar.open * FEE_RATE
        self.host.publish("fill", {"side": order["side"], "price": bar.open})


def event_host(rows: Sequence[tuple[float, float, float, float, float]], quantity: float) -> list[Trade]:
    """The rule on the event host; `rows` are (open, high, low, close, volume)."""
    host = EventHost()
    fast, slow = MovingAverage(10), MovingAverage(50)
    broker = Broker(host, quantity)
    strategy = CrossStrategy(host, fast, slow)
    for handler in (broker.on_bar, fast.on_bar, slow.on_bar, strategy.on_bar):
        host.on("bar", handler)
    host.on("order", broker.on_order)
    for index, (open_, high, low, close, volume) in enumerate(rows):
        host.publish("bar", Bar(index, open_, high, low, close, volume))
    return broker.trades
