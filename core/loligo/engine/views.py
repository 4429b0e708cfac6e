"""What trading modes and risk rules may see of the engine: one live, read-only window per seat.

`SeatView` satisfies both `DeskView` and `RiskView` of `loligo.ports.views`; each reads the stages when asked, so that
a view costs nothing while nobody looks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from operator import attrgetter
from typing import Any

from loligo.engine.execution import ExecutionStage
from loligo.engine.plan import AccountPlan, DeskPlan
from loligo.engine.portfolio import AccountBook, Book, PortfolioStage
from loligo.engine.recorder import Now
from loligo.engine.risk import RiskStage, Scope
from loligo.model.instrument import Instrument
from loligo.model.money import ONE, ZERO, exact, ratio
from loligo.model.order import Order
from loligo.model.risk import AccountLimits, DeskLimits


def _read(path: str) -> Any:
    """Return a property that reads straight through."""
    return property(attrgetter(path))


class SeatView:
    """One desk on one instrument, and the account behind it."""

    ts: int = _read("_now.ts")
    late_ns: int = _read("_now.late_ns")
    equity: float = _read("_book.equity")
    trades_today: int = _read("_scope.trades_today")
    consecutive_losses: int = _read("_scope.consecutive_losses")
    stops_since: Callable[[int], int] = _read("_scope.stops_since")
    account_equity: float = _read("_account_book.equity")
    account_day_start_equity: float = _read("_account_book.day_start_equity")
    account_peak_equity: float = _read("_account_book.peak_equity")

    def __init__(
        self,
        now: Now,
        instrument: Instrument,
        desk: DeskPlan,
        account: AccountPlan,
        portfolio: PortfolioStage,
        execution: ExecutionStage,
        risk: RiskStage,
    ) -> None:
        self._now = now
        self._portfolio = portfolio
        self._execution = execution
        self._scope: Scope = risk.desks[desk.name]
        self._book: Book = portfolio.books[desk.name]
        self._account_book: AccountBook = portfolio.accounts[account.name]
        self.desk = desk.name
        self.account = desk.account
        self.instrument = instrument
        self._key = (desk.name, instrument.id)
        self._instrument_id = instrument.id
        self._marks = portfolio.marks
        self.adopt(desk, account)

    def adopt(self, desk: DeskPlan, account: AccountPlan) -> None:
        """Take the limits of a new plan."""
        self._plan = desk
        traded = [seat.instrument for seat in desk.seats if seat.instrument.quote == self.instrument.quote]
        self._same_quote = {instrument.id: instrument for instrument in traded}
        self._perpetuals = [instrument for instrument in traded if instrument.is_perpetual]
        self.limits: DeskLimits = desk.limits
        self.account_limits: AccountLimits = account.limits

    @property
    def price(self) -> float:
        return self._marks.get(self._instrument_id, 0.0)

    @property
    def position(self) -> Decimal:
        holding = self._book.holdings.get(self._instrument_id)
        return holding.quantity if holding is not None else ZERO

    @property
    def average_entry(self) -> float:
        holding = self._book.holdings.get(self._instrument_id)
        return holding.average_entry if holding is not None else 0.0

    @property
    def open_orders(self) -> Sequence[Order]:
        return self._execution.open_orders(self._key)

    @property
    def pending_entries(self) -> Decimal:
        return sum([order.remaining for order in self._execution.entries(self._key)], ZERO)

    @property
    def available(self) -> Decimal:
        """Quote units of the desk that neither open entries nor the margin of perpetuals hold."""
        free = self._portfolio.balance(self._plan.account, self._plan.name, self.instrument.quote)
        entries = self._execution.desk_entries(self.desk)
        if entries or self._perpetuals:
            with exact():
                free -= self._held(entries)
        return free

    def _held(self, entries: Iterable[Order]) -> Decimal:
        marks, held = self._marks, ZERO
        for order in entries:
            instrument = self._same_quote.get(order.instrument)
            if instrument is not None:
                notional = order.remaining * (order.limit_price or instrument.price(marks.get(instrument.id, 0.0)))
                margin = ratio(notional, order.leverage) if instrument.is_perpetual else notional
                held += margin + notional * instrument.taker_fee_rate
        for instrument in self._perpetuals:
            holding = self._book.holdings.get(instrument.id)
            if holding is not None:
                mark = instrument.price(marks.get(instrument.id, 0.0))
                held += ratio(abs(holding.quantity) * mark, max(holding.leverage, ONE))
        return held

    @property
    def open_positions(self) -> int:
        entered = {order.instrument for order in self._execution.desk_entries(self.desk)}
        return len(entered | self._book.holdings.keys())

    @property
    def left_instrument_at_ns(self) -> int:
        return self._scope.left_at_ns.get(self._instrument_id, 0)

    @property
    def account_exposure(self) -> float:
        """Gross value of the account's positions and of its open entry orders, quote units."""
        pending = self._execution.pending_value(self._plan.account)
        return self._portfolio.exposure(self._account_book.books) + pending

    @property
    def orders_last_minute(self) -> int:
        return self._execution.orders_last_minute(self._plan.account, self._now.ts)

    def net_since(self, ts_ns: int) -> float:
        return self._scope.net_since(self._instrument_id, ts_ns)
