"""What tentacles are shown: read-only views of the engine's state at the current input. Never keep one across calls."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Protocol

from loligo.model.evaluation import Evaluation
from loligo.model.instrument import Instrument
from loligo.model.market import Candle
from loligo.model.order import Order
from loligo.model.risk import AccountLimits, DeskLimits


class BoardInput(Protocol):
    """One place on a strategy's board: which evaluator on which timeframe writes there."""

    @property
    def name(self) -> str: ...  # tentacle name, such as "rsi"
    @property
    def timeframe(self) -> str: ...  # "" for evaluators of trades, quotes or news
    @property
    def label(self) -> str: ...  # as in events


class Board(Protocol):
    """The newest evaluation of each evaluator of one desk on one instrument, in the order of the desk's inputs."""

    @property
    def ts(self) -> int: ...  # integer ns UTC, now
    @property
    def price(self) -> float: ...  # last known price, quote units
    @property
    def candle(self) -> Candle | None: ...  # that triggered the decision, None when something else did
    @property
    def evaluations(self) -> Sequence[Evaluation | None]: ...  # None until the evaluator is warm
    @property
    def evaluated_at_ns(self) -> Sequence[int]: ...  # 0 until the evaluator is warm


class DeskView(Protocol):
    """A desk's own book on one instrument, as a trading mode sees it. Money is in the instrument's quote currency; NaN
    while the rate to it is unknown, and then no entry is let through."""

    @property
    def ts(self) -> int: ...
    @property
    def desk(self) -> str: ...
    @property
    def instrument(self) -> Instrument: ...
    @property
    def limits(self) -> DeskLimits: ...
    @property
    def price(self) -> float: ...  # last known price, 0.0 before the first
    @property
    def equity(self) -> float: ...  # of the desk
    @property
    def available(self) -> Decimal: ...  # quote units not held by open entry orders
    @property
    def position(self) -> Decimal: ...  # signed base units
    @property
    def average_entry(self) -> float: ...  # 0.0 when flat
    @property
    def open_orders(self) -> Sequence[Order]: ...  # of this desk and instrument, protective ones included


class RiskView(Protocol):
    """What risk rules see: the desk and instrument of a request, and the account behind them. Money in float64, in the
    instrument's quote currency; NaN while the rate to it is unknown, and then no entry is let through."""

    @property
    def ts(self) -> int: ...
    @property
    def late_ns(self) -> int: ...  # by how much the input at hand came late, as after an outage
    @property
    def desk(self) -> str: ...
    @property
    def account(self) -> str: ...
    @property
    def instrument(self) -> Instrument: ...
    @property
    def limits(self) -> DeskLimits: ...
    @property
    def account_limits(self) -> AccountLimits: ...
    @property
    def price(self) -> float: ...
    @property
    def equity(self) -> float: ...  # of the desk
    @property
    def position(self) -> Decimal: ...  # of the desk in the instrument, signed
    @property
    def average_entry(self) -> float: ...  # of that position, 0.0 when flat
    @property
    def pending_entries(self) -> Decimal: ...  # base units of open entry orders of the desk in the instrument
    @property
    def available(self) -> Decimal: ...  # quote units of the desk not held by open entry orders
    @property
    def open_positions(self) -> int: ...  # instruments in which the desk has a position or an open entry order
    @property
    def trades_today(self) -> int: ...  # entries approved for the desk since 00:00 UTC
    @property
    def consecutive_losses(self) -> int: ...
    @property
    def left_instrument_at_ns(self) -> int: ...  # when the desk last went flat in the instrument, 0 if never
    @property
    def account_equity(self) -> float: ...
    @property
    def account_day_start_equity(self) -> float: ...
    @property
    def account_peak_equity(self) -> float: ...
    @property
    def account_exposure(self) -> float: ...  # gross value of positions and open entries
    @property
    def orders_last_minute(self) -> int: ...  # submitted over the account
    def stops_since(self, ts_ns: int) -> int:
        """Return how many trades of the desk were closed by a stop at or after `ts_ns`."""
        ...

    def net_since(self, ts_ns: int) -> float:
        """Return the net result, quote units, of the desk's trades in the instrument closed at or after `ts_ns`."""
        ...
