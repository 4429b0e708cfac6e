"""Accounts with several currencies, measured in the reference currency of each: what the kernel's portfolio stage and
seat view are where one is enough.

The ledger stays as it is, exact and per asset. Equity, exposure, peak and day start are derived, through the newest
marks of the instruments that lead from a currency to the reference (`rates.py`). What is not known is NaN, never 1 and
never 0: the gate refuses entries, no rule is asked to judge it, and it is told as unknown. A deposit counts from the
moment its rate is known, as neither profit nor recovery. Money that a desk holds as a position is not there to be spent
on another market.
"""

from __future__ import annotations

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
from loligo.ports.tentacles import PlainState
from loligo_bot.rates import Route


class CurrencyPortfolio(PortfolioStage):
    """The portfolio stage for plans in which an account has `rates`. Other accounts beside it cost a little more."""

    def __init__(self, recorder: Recorder, accounts: Iterable[AccountPlan], desks: Iterable[DeskPlan]) -> None:
        plans, seated = tuple(accounts), tuple(desks)
        self._rates: dict[str, Mapping[str, tuple[Route, ...]]] = {
            plan.name: cast("Mapping[str, tuple[Route, ...]]", plan.rates) for plan in plans
        }
        self._unvalued: dict[tuple[str, str], Decimal] = {}  # deposits by account and asset that wait for their rate
        super().__init__(recorder, plans, seated)
        for desk in seated:
            if self._rates[desk.account]:
                ways = (way for ways in self._rates[desk.account].values() for way in ways)
                used = [*(seat.instrument for seat in desk.seats), *(step[0] for way in ways for step in way)]
                for instrument in dict.fromkeys(used):
                    self.converted.setdefault(instrument, []).append(self.books[desk.name])

    def rate(self, account: AccountBook, asset: str) -> float:
        """Return what a unit of an asset is worth in the account's reference currency, NaN while that is unknown."""
        rates = self._rates[account.name]
        if asset == account.reference or not rates:
            return 1.0
        for way in rates.get(asset, ()):
            rate = 1.0
            for instrument, is_inverse in way:
                mark = self.marks.get(instrument.id) or nan
                rate *= 1.0 / mark if is_inverse else mark
            if rate == rate:
                return rate
        return nan

    def unknown(self, account: str) -> list[str]:
        """Return the currencies of an account whose rate is not known yet."""
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
        return replace(trade, quote_rate=self.rate(book.account, holding.instrument.quote))

    def anchor(self, account: str) -> None:
        if self.accounts[account].equity == self.accounts[account].equity:
            super().anchor(account)

    def export_state(self) -> PlainState:
        unvalued = [[*key, str(amount)] for key, amount in sorted(self._unvalued.items())]
        return {**super().export_state(), "unvalued": unvalued}

    def restore_state(self, state: PlainState) -> None:
        # A state from when there was one currency has none: what was deposited of others counts from now on.
        self._unvalued = {(a, asset): Decimal(amount) for a, asset, amount in state.get("unvalued", ())}
        super().restore_state(state)


def _in_quote(shown: Any) -> Any:
    return property(lambda view: shown.fget(view) / view.quote_rate)


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
    def available(self) -> Decimal:
        """What can be spent: `SeatView.available` without what the desk holds of it as positions."""
        book = self._plan.account, self._plan.name, self.instrument.quote
        return super().available - self._portfolio.balance(*book) + self._portfolio.cash(*book)

    @property
    def account_exposure(self) -> float:
        """Gross value of the account's positions and of its open entry orders."""
        account, portfolio, pending = self._account_book, self._portfolio, 0.0
        quotes = {known.id: known.quote for known in portfolio.converted}
        for order in self._execution.open_entries():
            if order.account == account.name:
                price = float(order.limit_price) if order.limit_price else self._marks.get(order.instrument, 0.0)
                rate = portfolio.rate(account, quotes.get(order.instrument, account.reference))
                pending += float(order.remaining) * price * rate
        return (portfolio.exposure(account.books) + pending) / self.quote_rate
