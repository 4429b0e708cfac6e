"""Portfolio: fills, funding and deposits to postings, positions, closed trades, equity and drawdown.

The ledger is exact: each booking's postings sum to zero per asset, and a balance is the sum of its postings. Desks hold
virtual books of their account; with the house book they add up to it. Positions are FIFO lots. Marks and equity are
float64 and derived from the books, never the other way round. This stage counts one currency, the account's reference;
where a plan has several it brings its own (`EnginePlan.portfolio`), whose equity is NaN while a rate is unknown.

A spot fill moves both assets. A perpetual fill moves only its realised result, its fee and its funding, in the quote
asset; its open result is marked to the last price (mark-to-market of linear contracts). A fee in the base asset comes
out of the position; what is left of one below a lot is dust and goes to the house.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal

import msgspec

from loligo.engine.plan import AccountPlan, DeskPlan
from loligo.engine.recorder import Recorder
from loligo.errors import LedgerError
from loligo.model.events import EquityMarked, LedgerPosted, PositionChanged, TradeClosed
from loligo.model.instrument import Instrument
from loligo.model.market import Side
from loligo.model.money import DOWN, ZERO, exact, ratio, round_to_step
from loligo.model.order import Filled, Order
from loligo.model.portfolio import HOUSE_BOOK, MARKET_BOOK, ClosedTrade, Position, Posting, PostingKind
from loligo.ports.tentacles import PlainState

Line = tuple[str, str, Decimal]  # book, asset, amount
# An enum's members are slow to look up.
_BUY, _SELL, _FILL, _FEE = Side.BUY, Side.SELL, PostingKind.FILL, PostingKind.FEE


class Holding(msgspec.Struct):
    """One desk's lots of one instrument since it was last flat. `lots` are (signed quantity, price), oldest first."""

    instrument: Instrument
    side: Side
    opened_at_ns: int
    entry_order_id: str
    leverage: Decimal
    is_perpetual: bool
    lots: list[tuple[Decimal, Decimal]] = []
    quantity: Decimal = ZERO
    quantity_float: float = 0.0
    average_entry: float = 0.0
    entry_quantity: Decimal = ZERO
    entry_cost: Decimal = ZERO
    exit_quantity: Decimal = ZERO
    exit_proceeds: Decimal = ZERO
    gross: Decimal = ZERO
    fees: Decimal = ZERO
    funding: Decimal = ZERO

    def value_at(self, mark: float) -> float:
        """Return what the holding adds to equity: its worth, or the open result of a perpetual."""
        return self.quantity_float * (mark - self.average_entry if self.is_perpetual else mark)

    def apply(self, side: Side, quantity: Decimal, price: Decimal) -> Decimal:
        """Add or match lots first in, first out; return the realised gross result in quote units."""
        realised = ZERO
        left = quantity
        while left and self.lots and (self.lots[0][0] > 0) is (side is _SELL):
            lot_quantity, lot_price = self.lots[0]
            matched = min(left, abs(lot_quantity))
            realised += matched * (price - lot_price) * (1 if lot_quantity > 0 else -1)
            self.exit_quantity += matched
            self.exit_proceeds += matched * price
            left -= matched
            rest = abs(lot_quantity) - matched
            if rest:
                self.lots[0] = (rest if lot_quantity > 0 else -rest, lot_price)
            else:
                del self.lots[0]
        if left:
            self.lots.append((left * side.sign, price))
            self.entry_quantity += left
            self.entry_cost += left * price
        self.gross += realised
        self.quantity += quantity * side.sign
        self.quantity_float = float(self.quantity)
        cost = sum((quantity * price for quantity, price in self.lots), ZERO)
        self.average_entry = float(cost) / self.quantity_float if self.quantity else 0.0
        return realised

    def give(self, quantity: Decimal, price: Decimal) -> None:
        """Let go of what no order sold, counted at `price`: a fee in the base asset, dust."""
        exits = self.exit_quantity, self.exit_proceeds
        self.apply(_SELL if quantity > 0 else _BUY, abs(quantity), price)
        if exits[0] or self.quantity:
            self.exit_quantity, self.exit_proceeds = exits


@dataclass(slots=True, eq=False)
class Book:
    """What one desk owns: its share of the ledger, its open holdings, and its equity at the last marks."""

    name: str
    account: AccountBook
    holdings: dict[str, Holding] = field(default_factory=dict)
    values: dict[str, float] = field(default_factory=dict)  # what the holdings add to equity, in their order
    cash: float = 0.0
    equity: float = 0.0
    peak_equity: float = 0.0


@dataclass(slots=True, eq=False)
class AccountBook:
    """One account over all its desks and the house; `told_equity` is what was last emitted."""

    name: str
    reference: str
    books: list[Book] = field(default_factory=list)
    house_cash: float = 0.0
    equity: float = 0.0
    peak_equity: float = 0.0
    day_start_equity: float = 0.0
    told_equity: float = 0.0


class PortfolioStage:
    """The ledger of all accounts and what follows from it."""

    def __init__(self, recorder: Recorder, accounts: Iterable[AccountPlan], desks: Iterable[DeskPlan]) -> None:
        self._recorder = recorder
        self.accounts = {plan.name: AccountBook(plan.name, plan.reference) for plan in accounts}
        self.books: dict[str, Book] = {}
        self.marks: dict[str, float] = {}
        self._balances: dict[tuple[str, str, str], Decimal] = {}  # (account, book, asset)
        self._holders: dict[str, list[Book]] = {}  # by instrument; the lists are never replaced
        self.converted: dict[Instrument, list[Book]] = {}  # whose equity hangs on a mark though they may not hold it
        for plan in desks:
            book = self.books[plan.name] = Book(plan.name, self.accounts[plan.account])
            book.account.books.append(book)

    def balance(self, account: str, book: str, asset: str) -> Decimal:
        """Return what the postings to this book and asset sum to."""
        return self._balances.get((account, book, asset), ZERO)

    def balances(self) -> dict[tuple[str, str, str], Decimal]:
        """Return every balance by (account, book, asset), the market's side included: per asset they sum to zero."""
        return dict(self._balances)

    def position(self, desk: str, instrument: str) -> Decimal:
        """Return the signed position in base units."""
        holding = self.books[desk].holdings.get(instrument)
        return holding.quantity if holding is not None else ZERO

    def holders(self, instrument: str) -> list[Book]:
        """Return the books that hold an instrument, by name: a list that lives as long as the stage."""
        return self._holders.setdefault(instrument, [])

    def watchers(self, instrument: Instrument) -> tuple[list[Book], Callable[[float], list[Book]]]:
        """Return the books that a mark of the instrument concerns, as `holders` does, and what takes the newest price
        and returns the books whose equity it moved.

        It runs once per candle in a position. Only the value of the marked holding is new; all are added up each time,
        in one order, so that equity after a restart is the same to the last bit.
        """
        name, marks, holders = instrument.id, self.marks, self.holders(instrument.id)

        def mark(price: float) -> list[Book]:
            marks[name] = price
            for book in holders:  # as `value_at`, `_add_up` and `_sum` have it, without their calls
                holding, values = book.holdings[name], book.values
                values[name] = holding.quantity_float * (
                    price - holding.average_entry if holding.is_perpetual else price
                )
                equity = book.cash
                for value in values.values():
                    equity += value
                book.equity = equity
                if equity > book.peak_equity:
                    book.peak_equity = equity
            for book in holders:  # once all are marked: an account's peak must not be one of half-marked books
                account = book.account
                equity = account.house_cash
                for one in account.books:
                    equity += one.equity
                account.equity = equity
                if equity > account.peak_equity:
                    account.peak_equity = equity
            return holders

        return holders, mark

    # Booking

    def deposit(self, ts: int, cause: int, account: str, asset: str, amount: Decimal) -> None:
        """Book money that came from outside into the house book: it is neither profit nor recovery."""
        with exact():
            self._post(ts, cause, "", PostingKind.DEPOSIT, "opening", account, [(HOUSE_BOOK, asset, amount)])
        book = self.accounts[account]
        if asset == book.reference:
            book.day_start_equity += float(amount)
            book.peak_equity += float(amount)
        self.revalue()

    def allocate(self, ts: int, cause: int, desk: str, asset: str, amount: Decimal) -> None:
        """Give a desk its capital in one asset out of the house book. LedgerError if the house does not have it."""
        account = self.books[desk].account
        available = self.balance(account.name, HOUSE_BOOK, asset)
        if amount > available:
            key = "capital" if asset == account.reference else "balances"
            raise LedgerError(
                f"desk {desk}: capital {amount} {asset} is more than the {available} that account {account.name} has "
                f"left; lower desks.{desk}.{key} or raise accounts.{account.name}.deposits"
            )
        self._allot(ts, cause, account.name, desk, asset, amount)

    def release(self, ts: int, cause: int) -> set[str]:
        """Give the house what desks have that are no longer planned on an account; return their names."""
        planned = {(book.account.name, book.name) for book in self.books.values()}
        of_desks = [key for key in sorted(self._balances) if key[1] not in (HOUSE_BOOK, MARKET_BOOK)]
        gone = [key for key in of_desks if key[:2] not in planned]
        for account, desk, asset in gone:
            self._allot(ts, cause, account, desk, asset, -self.balance(account, desk, asset))
            del self._balances[account, desk, asset]
        return {desk for _, desk, _ in gone}

    def _allot(self, ts: int, cause: int, account: str, desk: str, asset: str, amount: Decimal) -> None:
        lines = [(HOUSE_BOOK, asset, -amount), (desk, asset, amount)]
        with exact():
            self._post(ts, cause, desk, PostingKind.ALLOCATION, desk, account, lines)
        self.revalue()

    def _post(
        self, ts: int, cause: int, desk: str, kind: PostingKind, ref: str, account: str, lines: list[Line]
    ) -> int:
        """Book lines (book, asset, amount), inside `exact()`; the market's lines, the other side of what is left over,
        are added to them."""
        rest: dict[str, Decimal] = {}
        for _, asset, amount in lines:
            rest[asset] = rest.get(asset, ZERO) + amount
        lines += [(MARKET_BOOK, asset, -amount) for asset, amount in rest.items() if amount]
        balances, postings = self._balances, []
        for book, asset, amount in lines:
            key = (account, book, asset)
            balances[key] = balances.get(key, ZERO) + amount
            if amount:
                postings.append(Posting(account, book, asset, amount))
        return self._recorder.emit(LedgerPosted, ts, cause, desk, kind, ref, tuple(postings)).seq

    def apply_fill(self, instrument: Instrument, order: Order, fill: Filled, cause: int) -> ClosedTrade | None:
        """Book a fill with its fee; return the round trip it closed, if it did."""
        book = self.books[order.desk]
        holding = book.holdings.get(instrument.id)
        ts, desk, account, side = fill.ts, order.desk, book.account.name, order.side
        if holding is None:
            holding = self._open(book, instrument, order, ts)
        with exact():
            # A fill that crosses zero ends one round trip and begins the next with what is left of it.
            opening, in_base = ZERO, fill.fee if fill.fee_asset == instrument.base else ZERO
            if holding.side is not side:
                opening = max(fill.quantity - in_base - abs(holding.quantity), ZERO)
            realised = holding.apply(side, fill.quantity - opening, fill.price)
            holding.fees += in_base * fill.price if in_base else fill.fee
            lines = self._fill_lines(instrument, order, fill, realised)
            seq = self._post(ts, cause, desk, _FILL, fill.fill_id, account, lines)
            if fill.fee:
                lines = [(desk, fill.fee_asset, -fill.fee)]
                self._post(ts, cause, desk, _FEE, fill.fill_id, account, lines)
            if in_base:
                holding.give(in_base, fill.price)
            if holding.side is not side and 0 < abs(holding.quantity) < instrument.quantity_step:
                lines = [(desk, instrument.base, -holding.quantity), (HOUSE_BOOK, instrument.base, holding.quantity)]
                self._post(ts, seq, desk, PostingKind.DUST, fill.fill_id, account, lines)
                holding.give(holding.quantity, ZERO)
        trade = None
        if not holding.quantity:
            trade = self._close(book, holding, order, ts)
            if opening:
                holding = self._open(book, instrument, order, ts)
                with exact():
                    holding.apply(side, opening, fill.price)
        self._tell_position(book, holding, ts, seq)
        if trade is not None:
            self._recorder.emit(TradeClosed, ts, seq, desk, trade)
        self._value(book)
        self._sum(book.account)
        return trade

    def _open(self, book: Book, instrument: Instrument, order: Order, ts: int) -> Holding:
        holding = Holding(instrument, order.side, ts, order.id, order.leverage, instrument.is_perpetual)
        self._hold(book, holding)
        return holding

    def _hold(self, book: Book, holding: Holding) -> None:
        book.holdings[holding.instrument.id] = holding
        # By name: the order in which books are served must not depend on which of them opened first.
        insort(self.holders(holding.instrument.id), book, key=lambda holder: holder.name)

    @staticmethod
    def _fill_lines(instrument: Instrument, order: Order, fill: Filled, realised: Decimal) -> list[Line]:
        if instrument.is_perpetual:
            return [(order.desk, instrument.quote, realised)]
        signed = fill.quantity * order.side.sign
        return [(order.desk, instrument.base, signed), (order.desk, instrument.quote, -signed * fill.price)]

    def _close(self, book: Book, holding: Holding, order: Order, ts: int) -> ClosedTrade:
        instrument = holding.instrument
        del book.holdings[instrument.id]
        self._holders[instrument.id].remove(book)
        with exact():
            net = holding.gross - holding.fees - holding.funding
        return ClosedTrade(
            desk=book.name,
            account=book.account.name,
            instrument=instrument.id,
            side=holding.side,
            quantity=holding.exit_quantity,
            entry_price=ratio(holding.entry_cost, holding.entry_quantity),
            exit_price=ratio(holding.exit_proceeds, holding.exit_quantity),
            opened_at_ns=holding.opened_at_ns,
            closed_at_ns=ts,
            gross=holding.gross,
            fees=holding.fees,
            funding=holding.funding,
            net=net,
            exit_role=order.role.value,
            entry_order_id=holding.entry_order_id,
        )

    def _tell_position(self, book: Book, holding: Holding, ts: int, cause: int) -> None:
        cost = sum((abs(quantity) * price for quantity, price in holding.lots), ZERO)
        position = Position(
            desk=book.name,
            account=book.account.name,
            instrument=holding.instrument.id,
            quantity=holding.quantity,
            average_entry=ratio(cost, abs(holding.quantity)) if holding.quantity else ZERO,
            realised=holding.gross,
            fees=holding.fees,
            funding=holding.funding,
            opened_at_ns=holding.opened_at_ns,
        )
        self._recorder.emit(PositionChanged, ts, cause, book.name, position)

    def settle_funding(self, instrument: Instrument, ts: int, rate: Decimal, cause: int) -> list[Book]:
        """Book a funding payment on every holding: longs pay `rate` of notional at the mark, shorts receive it.

        Rounded towards zero to the quote step. Source: the funding rules of the large linear perpetual venues
        (funding = position value at mark x rate, longs pay shorts when positive).
        """
        mark = self.marks.get(instrument.id)
        if mark is None:
            return []
        price = instrument.price(mark)
        holders = list(self._holders.get(instrument.id, ()))
        for book in holders:
            holding = book.holdings[instrument.id]
            with exact():
                paid = round_to_step(holding.quantity * price * rate, instrument.quote_step, DOWN)
                holding.funding += paid
            if paid:
                line = [(book.name, instrument.quote, -paid)]
                with exact():
                    seq = self._post(ts, cause, book.name, PostingKind.FUNDING, instrument.id, book.account.name, line)
                self._tell_position(book, holding, ts, seq)
        self.revalue()
        return holders

    # Marks and equity

    def revalue(self) -> None:
        """Bring every book's cash and equity up to date after a booking."""
        for account in self.accounts.values():
            account.house_cash = float(self.balance(account.name, HOUSE_BOOK, account.reference))
            for book in account.books:
                self._value(book)
            self._sum(account)

    def _value(self, book: Book) -> None:
        """Bring a book's cash and the values of its holdings up to date; the account's equity is for the caller."""
        marks, account = self.marks, book.account
        book.cash = float(self.balance(account.name, book.name, account.reference))
        book.values = {
            name: holding.value_at(marks.get(name, holding.average_entry)) for name, holding in book.holdings.items()
        }
        self._add_up(book)

    def _add_up(self, book: Book) -> None:
        equity = book.cash
        for value in book.values.values():
            equity += value
        book.equity = equity
        if equity > book.peak_equity:
            book.peak_equity = equity

    def _sum(self, account: AccountBook) -> None:
        equity = account.house_cash
        for book in account.books:
            equity += book.equity
        account.equity = equity
        if equity > account.peak_equity:
            account.peak_equity = equity

    def exposure(self, books: Iterable[Book]) -> float:
        """Return the gross value of the books' holdings at the last marks, quote units."""
        value, marks = 0.0, self.marks
        for book in books:
            for instrument_id, holding in book.holdings.items():
                value += abs(holding.quantity_float) * marks.get(instrument_id, holding.average_entry)
        return value

    def anchor(self, account: str) -> None:
        """Measure drawdown and daily loss from the equity of now on: a person accepted what was lost."""
        book = self.accounts[account]
        book.peak_equity = book.day_start_equity = book.equity

    def begin_day(self) -> None:
        """Take the equity of now as the day's start, for the daily loss limit."""
        for account in self.accounts.values():
            account.day_start_equity = account.equity

    def tell_equity(self, ts: int, cause: int) -> None:
        """Emit the equity of every desk and account that moved since it was last told."""
        for account in self.accounts.values():
            if account.equity == account.told_equity:
                continue
            account.told_equity = account.equity
            exposure = self.exposure(account.books)
            for book in account.books:
                own = exposure if len(account.books) == 1 else self.exposure([book])
                self._tell_equity(ts, cause, book.name, account.name, book, own)
            self._tell_equity(ts, cause, "", account.name, account, exposure)

    def _tell_equity(
        self, ts: int, cause: int, desk: str, account: str, owner: Book | AccountBook, exposure: float
    ) -> None:
        equity, peak = owner.equity, owner.peak_equity
        drawdown = 1.0 - equity / peak if peak > 0 else 0.0
        share = 0.0 if equity <= 0 else exposure / equity
        self._recorder.emit(EquityMarked, ts, cause, desk, account, equity, drawdown, share)

    # State

    def export_state(self) -> PlainState:
        return {
            "marks": dict(sorted(self.marks.items())),
            "balances": [[*key, str(amount)] for key, amount in sorted(self._balances.items())],
            "books": {
                name: [book.peak_equity, [msgspec.to_builtins(holding) for holding in book.holdings.values()]]
                for name, book in sorted(self.books.items())
            },
            "accounts": {
                name: [account.peak_equity, account.day_start_equity, account.told_equity]
                for name, account in sorted(self.accounts.items())
            },
        }

    def restore_state(self, state: PlainState) -> None:
        """Take back the books; a desk that is no longer planned keeps its balances until they are released."""
        self.marks.clear()
        self.marks.update(state["marks"])
        self._balances = {(a, b, asset): Decimal(amount) for a, b, asset, amount in state["balances"]}
        for name, book in self.books.items():
            book.peak_equity, holdings = state["books"].get(name, (0.0, ()))
            for holding in msgspec.convert(holdings, list[Holding]):
                self._hold(book, holding)
        for name, account in self.accounts.items():
            if name in state["accounts"]:
                account.peak_equity, account.day_start_equity, account.told_equity = state["accounts"][name]
        self.revalue()
