"""Verbs on what the bot owns: balance, portfolio, positions, fees, equity.

Quantities and bookings are exact, from the journal; values are at the newest marks of the engine, float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import groupby
from typing import Any

from pydantic import Field

from loligo.model.money import ZERO, exact
from loligo.model.portfolio import MARKET_BOOK
from loligo.model.timeframe import iso
from loligo.ports.door import Answer
from loligo_bot.door.inside import Inside
from loligo_bot.door.offer import Arguments, Offer, reading
from loligo_bot.door.pages import Desk, Part, Span, brief, known_number, plain, shaped


class Balance(Part):
    """What a book holds of one asset."""

    account: str
    book: str = Field(description='a desk, or "house": what no desk has')
    asset: str
    amount: Decimal


class AccountEquity(Part):
    """What an account is worth, at the newest marks."""

    account: str
    currency: str
    equity: float | None = Field(description="null: a rate is not known")
    peak: float | None = Field(description="the highest ever")
    day_start: float | None = Field(description="at 00:00 UTC")


class Balances(Answer):
    """Every balance, by account and book, and what the accounts are worth."""

    time: str
    accounts: list[AccountEquity]
    balances: list[Balance]

    def lines(self) -> Sequence[str]:
        worth = [f"{one.account}: {_money(one.equity, one.currency)}" for one in self.accounts]
        return [*worth, *(f"  {one.book}: {plain(one.amount)} {one.asset}" for one in self.balances)]


def _money(amount: float | None, currency: str) -> str:
    return "unknown" if amount is None else f"{amount:,.2f} {currency}"


def balance(inside: Inside, _given: Arguments) -> Balances:
    portfolio, found = inside.engine.portfolio, []
    for (account, book, asset), amount in sorted(portfolio.balances().items()):
        if book != MARKET_BOOK and amount:
            found.append(Balance(account=account, book=book, asset=asset, amount=amount))
    return Balances(time=iso(inside.engine.now_ns), accounts=_accounts(inside), balances=found)


def _accounts(inside: Inside) -> list[AccountEquity]:
    return [
        AccountEquity(
            account=name,
            currency=book.reference,
            equity=known_number(book.equity),
            peak=known_number(book.peak_equity),
            day_start=known_number(book.day_start_equity),
        )
        for name, book in inside.engine.portfolio.accounts.items()
    ]


class OpenPosition(Part):
    """What a desk holds of an instrument. Money is in the instrument's quote currency."""

    desk: str
    account: str
    instrument: str
    quantity: Decimal = Field(description="signed, base units")
    average_entry: Decimal
    mark: float | None = Field(description="the newest price")
    value: float | None = Field(description="quantity at the mark")
    open_result: float | None = Field(description="against the average entry, fees apart")
    realised: Decimal = Field(description="since it was last flat")
    fees: Decimal
    funding: Decimal
    opened_at: str
    time: str = Field(description="of its last change")


class Positions(Answer):
    """Every open position."""

    time: str
    positions: list[OpenPosition]

    def lines(self) -> Sequence[str]:
        return [_position_line(one) for one in self.positions] or ["no open position"]


def _position_line(one: OpenPosition) -> str:
    result = "" if one.open_result is None else f", {one.open_result:+,.2f} open"
    return f"{one.desk}: {plain(one.quantity)} {one.instrument} at {plain(one.average_entry)}{result}"


class OfDesk(Arguments):
    """Of all desks, or of one."""

    desk: Desk = None


def positions(inside: Inside, given: OfDesk) -> Positions:
    rows = [row for row in inside.rows.rows("positions", desk=given.desk) if row["quantity"]]
    found = [_position(inside, row) for row in rows]
    return Positions(time=iso(inside.engine.now_ns), positions=found)


def _position(inside: Inside, row: dict[str, Any]) -> OpenPosition:
    mark = inside.engine.portfolio.marks.get(row["instrument"])
    quantity, entry = float(row["quantity"]), float(row["average_entry"])
    value = None if mark is None else quantity * mark
    return shaped(
        OpenPosition, row, mark=mark, value=value, open_result=None if value is None else value - quantity * entry
    )


class DeskWorth(Part):
    """What a desk is worth and what it made of its capital."""

    desk: str
    account: str
    currency: str
    capital: Decimal
    equity: float | None
    result: float | None = Field(description="equity less capital")
    share: float | None = Field(description="result over capital, a fraction")
    positions: list[OpenPosition]


class Portfolio(Answer):
    """What everything is worth: accounts, desks and their positions."""

    time: str
    accounts: list[AccountEquity]
    desks: list[DeskWorth]

    def lines(self) -> Sequence[str]:
        lines = [f"{one.account}: {_money(one.equity, one.currency)}" for one in self.accounts]
        for desk in self.desks:
            share = "" if desk.share is None else f" ({desk.share:+.2%})"
            lines += [f"{desk.desk}: {_money(desk.equity, desk.currency)}{share}"]
            lines += [f"  {_position_line(one)}" for one in desk.positions]
        return lines


def portfolio(inside: Inside, _given: Arguments) -> Portfolio:
    held = positions(inside, OfDesk()).positions
    stage, desks = inside.engine.portfolio, []
    for name, desk in inside.config.desks.items():
        book = stage.books[name]
        equity, capital = known_number(book.equity), float(desk.capital)
        result = None if equity is None else equity - capital
        desks.append(
            DeskWorth(
                desk=name,
                account=desk.account,
                currency=book.account.reference,
                capital=desk.capital,
                equity=equity,
                result=result,
                share=None if result is None or not capital else result / capital,
                positions=[one for one in held if one.desk == name],
            )
        )
    return Portfolio(time=iso(inside.engine.now_ns), accounts=_accounts(inside), desks=desks)


class FeesOf(Part):
    """What one desk paid on one instrument, in one asset."""

    desk: str
    instrument: str
    asset: str
    fees: Decimal
    fills: int


class Fees(Answer):
    """What was paid to venues."""

    fees: list[FeesOf]
    totals: dict[str, Decimal] = Field(description="by asset")

    def lines(self) -> Sequence[str]:
        total = [f"total: {plain(amount)} {asset}" for asset, amount in self.totals.items()] or ["no fees yet"]
        return [*total, *(f"{one.desk} {one.instrument}: {plain(one.fees)} {one.asset}" for one in self.fees)]


class FeesAsked(Span):
    """Which fees are added up."""

    desk: Desk = None


def fees(inside: Inside, given: FeesAsked) -> Fees:
    above, below = given.bounds()
    paid = inside.rows.rows("fills", desk=given.desk, above=above, below=below)
    found, totals = [], dict[str, Decimal]()
    for (desk, instrument, asset), group in groupby(sorted(paid, key=_fee_key), _fee_key):
        amounts = [row["fee"] for row in group]
        with exact():
            amount = sum(amounts, ZERO)
            totals[asset] = totals.get(asset, ZERO) + amount
        found.append(FeesOf(desk=desk, instrument=instrument, asset=asset, fees=amount, fills=len(amounts)))
    return Fees(fees=found, totals=totals)


def _fee_key(row: dict[str, Any]) -> tuple[str, str, str]:
    return row["desk"], row["instrument"] or "", row["fee_asset"]


class EquityAsked(Span):
    """Of what, when and how finely."""

    desk: Desk = None
    account: str | None = Field(
        default=None, description="an account as a whole; without desk and account: the first one"
    )
    limit: int = Field(
        default=500, ge=2, le=5_000, description="points at most, evenly chosen; the newest is among them"
    )


class EquityPoint(Part):
    """What it was worth at one moment, in the reference currency of the account."""

    at_ms: int = Field(description="ms since 1970 UTC")
    seq: int
    equity: float | None
    drawdown: float | None = Field(description="a fraction of the highest equity so far")
    exposure: float | None = Field(description="value of open positions, a fraction of equity")


class Equity(Answer):
    """A series, oldest first."""

    desk: str
    account: str
    currency: str
    points: list[EquityPoint]

    def lines(self) -> Sequence[str]:
        of = self.desk or self.account
        if not self.points or self.points[-1].equity is None:
            return [f"{of}: equity is not known yet"]
        newest, first = self.points[-1], next((one.equity for one in self.points if one.equity), None)
        grown = f", {(newest.equity or 0.0) / first - 1:+.2%}" if first else ""
        grown += f" since {brief(iso(self.points[0].at_ms * 1_000_000))}"
        return [f"{of}: {_money(newest.equity, self.currency)}{grown}, drawdown {newest.drawdown or 0:.2%}"]


def equity(inside: Inside, given: EquityAsked) -> Equity:
    books = inside.engine.portfolio
    account = given.account or (books.books[given.desk].account.name if given.desk in books.books else "")
    account = account or next(iter(books.accounts))
    above, below = given.bounds()
    where = {} if given.desk else {"account": account}
    rows = inside.rows.rows("equity", desk=given.desk or "", where=where, above=above, below=below)
    step = -(-len(rows) // given.limit) or 1
    chosen = rows[::-1][::step][::-1]
    points = [
        EquityPoint(
            at_ms=row["ts"] // 1_000_000, **{name: row[name] for name in ("seq", "equity", "drawdown", "exposure")}
        )
        for row in chosen
    ]
    currency = books.accounts[account].reference if account in books.accounts else ""
    return Equity(desk=given.desk or "", account=account, currency=currency, points=points)


OFFERS: tuple[Offer, ...] = (
    reading("balance", "every balance by account and book", Arguments, Balances, balance),
    reading("portfolio", "what accounts, desks and their positions are worth", Arguments, Portfolio, portfolio),
    reading("positions", "every open position with its result so far", OfDesk, Positions, positions),
    reading("fees", "what was paid to venues, by desk and instrument", FeesAsked, Fees, fees),
    reading("equity", "equity, drawdown and exposure over time", EquityAsked, Equity, equity),
)
