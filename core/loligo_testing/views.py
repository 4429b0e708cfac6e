"""What tentacles are shown, filled by hand: for tests that look at one call of a strategy, a trading mode or a rule.

Each stands for the protocol of the same name in `loligo.api`; fields that a test does not care for have defaults.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any, Self

from loligo.api import AccountLimits, Candle, DeskLimits, Evaluation, Instrument, Order
from loligo_testing.tape import BTC, START_NS

LIMITS, ACCOUNT_LIMITS = DeskLimits(), AccountLimits()


@dataclass(frozen=True, slots=True, kw_only=True)
class FilledInput:
    """A place on a board (`loligo.api.BoardInput`)."""

    name: str
    timeframe: str = "1h"

    @property
    def label(self) -> str:
        return f"{self.name} {BTC.id} {self.timeframe}".strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class FilledBoard:
    """A strategy's board (`loligo.api.Board`). Opinions without a time of their own are of now."""

    evaluations: Sequence[Evaluation | None]
    ts: int = START_NS
    price: float = 100.0
    candle: Candle | None = None
    evaluated_at_ns: Sequence[int] = ()

    def __post_init__(self) -> None:
        if not self.evaluated_at_ns:
            times = [0 if each is None else self.ts for each in self.evaluations]
            object.__setattr__(self, "evaluated_at_ns", times)


@dataclass(frozen=True, slots=True, kw_only=True)
class FilledDeskView:
    """A trading mode's view of its desk (`loligo.api.DeskView`)."""

    ts: int = START_NS
    desk: str = "test"
    instrument: Instrument = BTC
    limits: DeskLimits = LIMITS
    price: float = 100.0
    equity: float = 10_000.0
    available: Decimal = Decimal(10_000)
    position: Decimal = Decimal(0)
    average_entry: float = 0.0
    open_orders: Sequence[Order] = ()

    @classmethod
    def of(cls, view: Any) -> Self:
        """Return what a view shows now."""
        return cls(**{each.name: getattr(view, each.name) for each in fields(cls)})


@dataclass(frozen=True, slots=True, kw_only=True)
class FilledRiskView:
    """A risk rule's view (`loligo.api.RiskView`); `stops` and `net` are what its two questions are answered with."""

    ts: int = START_NS
    late_ns: int = 0
    desk: str = "test"
    account: str = "paper"
    instrument: Instrument = BTC
    limits: DeskLimits = LIMITS
    account_limits: AccountLimits = ACCOUNT_LIMITS
    price: float = 100.0
    equity: float = 10_000.0
    position: Decimal = Decimal(0)
    average_entry: float = 0.0
    pending_entries: Decimal = Decimal(0)
    available: Decimal = Decimal(10_000)
    open_positions: int = 0
    trades_today: int = 0
    consecutive_losses: int = 0
    left_instrument_at_ns: int = 0
    account_equity: float = 100_000.0
    account_day_start_equity: float = 100_000.0
    account_peak_equity: float = 100_000.0
    account_exposure: float = 0.0
    orders_last_minute: int = 0
    stops: int = 0
    net: float = 0.0

    def stops_since(self, ts_ns: int) -> int:
        return self.stops

    def net_since(self, ts_ns: int) -> float:
        return self.net
