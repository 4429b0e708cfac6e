"""Accounts with several currencies, measured in the reference currency of each: what the kernel's portfolio stage and
seat view are where one is enough.

The ledger stays as it is, exact and per asset. Equity, exposure, peak and day start are derived, through the newest
marks of the instruments that lead from a currency to the reference (`rates.py`), unless these are older than the
account allows, by the engine's time. What is not known is NaN, never 1 and never 0: the gate refuses entries, no rule
is asked to judge it, and it is told as unknown. A deposit counts from the moment its rate is known, as neither profit
nor recovery. Money that a desk holds as a position is not there to be spent on another market.

Equity is kept, not worked out at each look, and a mark grows old without an event. So before equity is shown to modes
and rules or written down it is brought up to date (`refresh`), which is one comparison until a mark is too old.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from math import nan
from typing import Any, cast

from msgspec.structs import replace

from loligo.engine.plan import AccountPlan, DeskPlan
from loligo.engine.portfolio import AccountBook, Book, Holding, PortfolioStage
from loligo.engine.recorder import Recorder
from loligo.engine.views import SeatView
from loligo.model.instrument import Instrument
from loligo.model.money import ZERO, exact
from loligo.model.order import Order
from loligo.model.portfolio import HOUSE_BOOK, ClosedTrade
from loligo.model.risk import AccountLimits
from loligo.ports.tentacles import PlainState
from loligo_bot.rates import Ways

_NEVER = 2**63 - 1


class CurrencyPortfolio(PortfolioStage):
    """The portfolio stage for plans in which an account has `rates`. Other accounts beside it cost a little more."""

    def __init__(self, recorder: Recorder, accounts: Iterable[AccountPlan], desks: Iterable[DeskPlan]) -> None:
        plans, seated = tuple(accounts), tuple(desks)
        self._rates = {plan.name: cast("Mapping[str, Ways]", plan.rates) for plan in plans}
        self._marked_ns: dict[str, int] = {}  # when the marks of `converted` came
        self._known_until_ns = _NEVER  # when the first rate in use is too old
        self._unvalued: dict[tuple[str, str], Decimal] = {}  # deposits by account and asset that wait for their rate
        super().__init__(recorder, plans, seated)
        for desk in seated:
            if self._rates[desk.account]:
                routes = (route for ways in self._rates[desk.account].values() for route in ways.routes)
                used = [*(seat.instrument for seat in desk.seats), *(step[0] for route in routes for step in route)]
                for instrument in dict.fromkeys(used):
                    self.converted.setdefault(instrument, []).append(self.books[desk.name])
        self._quotes = {instrument.id: instrument.quote for instrument in self.converted}

    def rate(self, account: AccountBook, asset: str) -> float:
        """Return what a unit of an asset is worth in the account's reference currency, NaN while that is unknown."""
        return self._rate_until(account, asset, self._recorder.now.ts)[0]

    def quote_rate(self, account: str, instrument: str) -> float:
        """Return what a quote unit of an instrument is worth in an account's reference currency, NaN if unknown."""
        book = self.accounts[account]
        return self.rate(book, self._quotes.get(instrument, book.reference))

    def _rate_until(self, account: AccountBook, asset: str, now_ns: int) -> tuple[float, int]:
        """Return a rate as of an instant, and the last one at which it counts."""
        rates = self._rates[account.name]
        if asset == account.reference or not rates:
            return 1.0, _NEVER
        if asset not in rates:
            return nan, _NEVER
        ways = rates[asset]
        for route in ways.routes:
            rate, oldest_ns = 1.0, _NEVER
            for instrument, is_inverse in route:
                mark = self.marks.get(instrument.id) or nan
                rate *= 1.0 / mark if is_inverse else mark
                oldest_ns = min(oldest_ns, self._marked_ns.get(instrument.id, 0))
            if rate == rate and now_ns <= oldest_ns + ways.age_ns:
                return rate, oldest_ns + ways.age_ns
        return nan, _NEVER

    def unknown(self, account: str) -> list[str]:
        """Return the currencies of an account whose rate is not known: no mark has come yet, or none of late."""
        book = self.accounts[account]
        return [asset for asset in self._rates[account] if self.rate(book, asset) != self.rate(book, asset)]

    def cash(self, account: str, book: str, asset: str) -> Decimal:
        """Return a book's balance without what it holds of the asset as positions."""
        held = self.books[book].holdings.values() if book in self.books else ()
        with exact():
            positions = (lot.quantity for lot in held if lot.instrument.base == asset and not lot.is_perpetual)
            return self.balance(account, book, asset) - sum(positions, ZERO)

    def watchers(self, instrument: Instrument) -> tuple[list[Book], Callable[[float], list[Book]]]:
        """A mark by which others are converted moves the equity of whole accounts."""
        books = self.converted.get(instrument)
        if books is None:
            return super().watchers(instrument)
        holders = self.holders(instrument.id)

        def convert(price: float) -> list[Book]:
            self.marks[instrument.id] = price
            self._marked_ns[instrument.id] = self._recorder.now.ts
            self.revalue()
            moved = sorted(dict.fromkeys((*books, *holders)), key=lambda book: book.name)
            return [book for book in moved if book.account.equity == book.account.equity]  # NaN: no rule can judge it

        return books, convert

    def deposit(self, ts: int, cause: int, account: str, asset: str, amount: Decimal) -> None:
        if asset in self._rates[account]:
            self._unvalued[account, asset] = self._unvalued.get((account, asset), ZERO) + amount
        super().deposit(ts, cause, account, asset, amount)

    def revalue(self) -> None:
        """Bring every book up to date, and the anchors of accounts whose deposits or day came before their rate."""
        now_ns, used = self._recorder.now.ts, ((name, asset) for name, rates in self._rates.items() for asset in rates)
        untils_ns = (self._rate_until(self.accounts[name], asset, now_ns)[1] for name, asset in used)
        self._known_until_ns = min(untils_ns, default=_NEVER)
        for (name, asset), amount in tuple(self._unvalued.items()):
            account = self.accounts[name]
            value = float(amount) * self.rate(account, asset)
            if value == value:
                del self._unvalued[name, asset]
                account.day_start_equity += value
                account.peak_equity += value
        for account in self.accounts.values():
            account.house_cash = self._worth(account, HOUSE_BOOK)
            for book in account.books:
                self._value(book)
            self._sum(account)
            if account.day_start_equity != account.day_start_equity:
                account.day_start_equity = account.equity

    def refresh(self) -> None:
        """Let equity be unknown where a rate has become too old since it was worked out."""
        if self._recorder.now.ts > self._known_until_ns:
            self.revalue()

    def begin_day(self) -> None:
        self.refresh()
        super().begin_day()

    def tell_equity(self, ts: int, cause: int) -> None:
        self.refresh()
        super().tell_equity(ts, cause)

    def _value(self, book: Book) -> None:
        super()._value(book)
        if self._rates[book.account.name]:
            book.cash = self._worth(book.account, book.name)
            for name, holding in book.holdings.items():
                book.values[name] *= self.rate(book.account, holding.instrument.quote)
            self._add_up(book)

    def _worth(self, account: AccountBook, book: str) -> float:
        """Return a book's cash in all currencies, in the reference currency."""
        used = (account.reference, *self._rates[account.name])
        amounts = ((asset, self.cash(account.name, book, asset)) for asset in used)
        return sum((float(amount) * self.rate(account, asset) for asset, amount in amounts if amount), 0.0)

    def exposure(self, books: Iterable[Book]) -> float:
        """Return the gross value of the books' holdings at the last marks, reference currency."""
        held = ((book.account, holding) for book in books for holding in book.holdings.values())
        return sum((self._gross(account, holding) for account, holding in held), 0.0)

    def _gross(self, account: AccountBook, holding: Holding) -> float:
        instrument = holding.instrument
        mark = self.marks.get(instrument.id, holding.average_entry)
        return abs(holding.quantity_float) * mark * self.rate(account, instrument.quote)

    def _close(self, book: Book, holding: Holding, order: Order, ts: int) -> ClosedTrade:
        trade = super()._close(book, holding, order, ts)
        # However old it is: nothing is decided by it, and without it no sum over the desk's trades would ever be known.
        newest, _ = self._rate_until(book.account, holding.instrument.quote, 0)
        return replace(trade, quote_rate=newest)

    def anchor(self, account: str) -> None:
        self.refresh()
        if self.accounts[account].equity == self.accounts[account].equity:
            super().anchor(account)

    def export_state(self) -> PlainState:
        unvalued = [[*key, str(amount)] for key, amount in sorted(self._unvalued.items())]
        return {**super().export_state(), "unvalued": unvalued, "marked_ns": dict(sorted(self._marked_ns.items()))}

    def restore_state(self, state: PlainState) -> None:
        # A state from when there was one currency has neither: deposits of others count from now on, and so does the
        # age of marks.
        self._unvalued = {(a, asset): Decimal(amount) for a, asset, amount in state.get("unvalued", ())}
        self._marked_ns = dict(state.get("marked_ns", dict.fromkeys(state["marks"], self._recorder.now.ts)))
        super().restore_state(state)


def _in_quote(shown: Any) -> Any:
    def read(view: CurrencyView) -> float:
        view._portfolio.refresh()
        in_reference: float = shown.fget(view)
        return in_reference / view.quote_rate

    return property(read)


class CurrencyView(SeatView):
    """A seat of an account with several currencies: what is kept in the reference is shown in quote units."""

    _portfolio: CurrencyPortfolio
    equity = _in_quote(SeatView.equity)
    account_equity = _in_quote(SeatView.account_equity)
    account_day_start_equity = _in_quote(SeatView.account_day_start_equity)
    account_peak_equity = _in_quote(SeatView.account_peak_equity)

    @property
    def quote_rate(self) -> float:
        """What a quote unit is worth in the account's reference currency, NaN while that is unknown."""
        return self._portfolio.rate(self._account_book, self.instrument.quote)

    @property
    def account_limits(self) -> AccountLimits:
        """The account's limits; money among them is set in the reference currency, too."""
        limits = self._limits
        if not limits.minimum_balance:
            return limits
        return dataclasses.replace(limits, minimum_balance=limits.minimum_balance / self.quote_rate)

    @account_limits.setter
    def account_limits(self, limits: AccountLimits) -> None:
        self._limits = limits

    @property
    def available(self) -> Decimal:
        """What can be spent: `SeatView.available` without what the desk holds of it as positions."""
        book = self._plan.account, self._plan.name, self.instrument.quote
        return super().available - self._portfolio.balance(*book) + self._portfolio.cash(*book)

    @property
    def account_exposure(self) -> float:
        """Gross value of the account's positions and of its open entry orders."""
        account, portfolio, pending = self._account_book, self._portfolio, 0.0
        for order in self._execution.open_entries():
            if order.account == account.name:
                price = float(order.limit_price) if order.limit_price else self._marks.get(order.instrument, 0.0)
                pending += float(order.remaining) * price * portfolio.quote_rate(account.name, order.instrument)
        return (portfolio.exposure(account.books) + pending) / self.quote_rate
