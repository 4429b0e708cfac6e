"""Verbs on what was traded: orders, fills, trades, profit by period, performance by instrument or desk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Literal

from pydantic import Field

from loligo.model.order import OPEN_STATES
from loligo.model.timeframe import SECOND_NS
from loligo.ports.door import Answer
from loligo_bot.door.inside import Inside
from loligo_bot.door.offer import Offer, reading
from loligo_bot.door.pages import Desk, Listing, OfInstrument, Paged, Part, Span, brief, page, plain, shaped
from loligo_bot.explain import reason_text
from loligo_store.projections import Row

MOST_PERIODS = 400
_OPEN = tuple(sorted(OPEN_STATES))


class OrderRow(Part):
    """An order as its venue last described it. Prices are quote units, quantities base units."""

    id: str
    desk: str
    account: str
    instrument: str
    side: str
    kind: str
    role: str
    quantity: Decimal
    limit_price: Decimal | None
    trigger_price: Decimal | None
    state: str
    filled: Decimal
    reason: str = Field(description="why it was rejected or cancelled")
    code: str = Field(description="why it was wanted")
    parent_id: str = Field(description="of a stop or a target: the entry that it protects")
    created_at: str
    first_seq: int
    seq: int
    time: str = Field(description="of its last change")


class OrdersAsked(Listing):
    """Which orders."""

    is_open: bool = Field(default=False, description="only those that a venue still works on")


class Orders(Paged):
    """Orders, newest first."""

    orders: list[OrderRow]

    def lines(self) -> Sequence[str]:
        return [_order_line(one) for one in self.orders] or ["no orders"]


def _order_line(one: OrderRow) -> str:
    price = one.limit_price or one.trigger_price
    at = f" at {plain(price)}" if price is not None else ""
    what = f"{one.role} {one.side} {plain(one.quantity)} {one.instrument} {one.kind}{at}"
    return f"{one.desk}: {what}, {one.state}; {one.id}"


def orders(inside: Inside, given: OrdersAsked) -> Orders:
    rows, next_before = page(inside, "orders", given, state=_OPEN if given.is_open else None)
    return Orders(orders=[shaped(OrderRow, row) for row in rows], next_before=next_before)


class FillRow(Part):
    """A fill of an order."""

    seq: int
    time: str
    desk: str
    instrument: str | None = Field(description="null: of an order that the bot did not place")
    side: str | None
    role: str | None
    order_id: str
    fill_id: str
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_asset: str
    is_maker: bool


class Fills(Paged):
    """Fills, newest first."""

    fills: list[FillRow]

    def lines(self) -> Sequence[str]:
        return [
            f"{brief(one.time)} {one.desk}: {one.side} {plain(one.quantity)} {one.instrument} at {plain(one.price)}, "
            f"fee {plain(one.fee)} {one.fee_asset}"
            for one in self.fills
        ] or ["no fills"]


def fills(inside: Inside, given: Listing) -> Fills:
    rows, next_before = page(inside, "fills", given)
    return Fills(fills=[shaped(FillRow, row) for row in rows], next_before=next_before)


class TradeRow(Part):
    """A round trip, from flat to flat. Money is in the instrument's quote currency."""

    seq: int
    time: str
    desk: str
    instrument: str
    side: str
    quantity: Decimal
    entry_price: Decimal
    exit_price: Decimal
    opened_at: str
    closed_at: str
    gross: Decimal
    fees: Decimal
    funding: Decimal
    net: Decimal
    exit_role: str = Field(description="what closed it: stop, target, trail, exit, flatten, liquidation")
    entry_order_id: str


class ToldTrade(TradeRow):
    """A round trip and what it began for."""

    why: str = Field(description='of its entry: the reason of the strategy or of the mode; "" where it has none')


class Trades(Paged):
    """Closed trades, newest first."""

    trades: list[ToldTrade]

    def lines(self) -> Sequence[str]:
        return [_trade_line(one) for one in self.trades] or ["no trades yet"]


def _trade_line(one: TradeRow) -> str:
    prices = f"{plain(one.entry_price)} to {plain(one.exit_price)}"
    return f"{brief(one.closed_at)} {one.desk}: {one.instrument} {prices} by {one.exit_role}, net {one.net:+,.2f}"


def trades(inside: Inside, given: Listing) -> Trades:
    rows, next_before = page(inside, "trades", given)
    why = _why(inside, rows)
    told = [shaped(ToldTrade, row, why=why.get(row["entry_order_id"], "")) for row in rows]
    return Trades(trades=told, next_before=next_before)


def _why(inside: Inside, trades: Sequence[Row]) -> dict[str, str]:
    """Return the reasons of entries by order id; `why` has the numbers behind them."""
    ids = tuple(row["entry_order_id"] for row in trades)
    return {row["id"]: reason_text(row["code"]) for row in inside.rows.rows("orders", where={"id": ids})}


class Result(Part):
    """What a group of trades came to, in the reference currency of their account; null where a rate is not known."""

    of: str
    currency: str
    trades: int
    wins: int
    win_share: float
    gross: float | None
    fees: float | None
    net: float | None
    best: float | None
    worst: float | None
    profit_factor: float | None = Field(description="won over lost; null: nothing was lost, or a rate is not known")
    held_s: float = Field(description="seconds from opening to closing, on average")


class Profit(Answer):
    """Results by period, newest first."""

    by: str
    periods: list[Result]
    totals: list[Result] = Field(description="of all that was asked for, one for each currency")

    def lines(self) -> Sequence[str]:
        return [*(_result_line(one) for one in self.totals), *(_result_line(one) for one in self.periods)] or [
            "no trades yet"
        ]


def _result_line(one: Result) -> str:
    net = "net unknown" if one.net is None else f"{one.net:+,.2f} {one.currency}"
    return f"{one.of}: {net}, {one.trades} trades, {one.win_share:.0%} won"


class ProfitAsked(Span):
    """Which results, by what."""

    by: Literal["day", "week", "month"] = Field(default="day", description="day, week (from Monday) or month, UTC")
    desk: Desk = None
    instrument: OfInstrument = None
    limit: int = Field(default=7, ge=1, le=MOST_PERIODS, description="periods at most, the newest that have trades")


class PerformanceAsked(Span):
    """Which results, by what."""

    by: Literal["instrument", "desk"] = Field(default="instrument", description="instrument or desk")
    desk: Desk = None
    instrument: OfInstrument = None


class Performance(Answer):
    """Results by instrument or desk, the best first."""

    by: str
    results: list[Result]

    def lines(self) -> Sequence[str]:
        return [_result_line(one) for one in self.results] or ["no trades yet"]


def profit(inside: Inside, given: ProfitAsked) -> Profit:
    period = _PERIODS[given.by]
    closed = _closed(inside, given)
    by_period = _grouped(inside, closed, lambda row: period(_day(row["closed_at_ns"])).isoformat())
    newest = sorted(by_period, key=lambda one: one.of, reverse=True)
    return Profit(by=given.by, periods=newest[: given.limit], totals=_grouped(inside, closed, lambda _row: "all"))


def performance(inside: Inside, given: PerformanceAsked) -> Performance:
    found = _grouped(inside, _closed(inside, given), lambda row: str(row[given.by]))
    return Performance(by=given.by, results=sorted(found, key=lambda one: -(one.net or 0.0)))


def _closed(inside: Inside, given: ProfitAsked | PerformanceAsked) -> list[Row]:
    above, below = given.bounds()
    where = {"instrument": given.instrument} if given.instrument else {}
    return inside.rows.rows("trades", desk=given.desk, where=where, above=above, below=below)


def _day(ts_ns: int) -> date:
    return datetime.fromtimestamp(ts_ns // SECOND_NS, UTC).date()


_PERIODS: dict[str, Callable[[date], date]] = {
    "day": lambda day: day,
    "week": lambda day: day - timedelta(days=day.weekday()),
    "month": lambda day: day.replace(day=1),
}


def _grouped(inside: Inside, rows: Iterable[Row], key: Callable[[Row], str]) -> list[Result]:
    """Return a result for each key and currency."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((key(row), _currency(inside, row)), []).append(row)
    return [_result(of, currency, group) for (of, currency), group in groups.items()]


def _currency(inside: Inside, row: Row) -> str:
    account = inside.engine.portfolio.accounts.get(row["account"])
    return account.reference if account is not None else ""


def _result(of: str, currency: str, rows: Sequence[Row]) -> Result:
    count, wins = len(rows), sum(row["net"] > 0 for row in rows)
    nets = _in_reference(rows, "net")
    lost = None if nets is None else -sum(net for net in nets if net < 0)
    won = None if nets is None else sum(net for net in nets if net > 0)
    return Result(
        of=of,
        currency=currency,
        trades=count,
        wins=wins,
        win_share=wins / count,
        gross=_sum(_in_reference(rows, "gross")),
        fees=_sum(_in_reference(rows, "fees")),
        net=_sum(nets),
        best=max(nets) if nets else None,
        worst=min(nets) if nets else None,
        profit_factor=won / lost if won is not None and lost else None,
        held_s=sum(row["closed_at_ns"] - row["opened_at_ns"] for row in rows) / SECOND_NS / count,
    )


def _in_reference(rows: Iterable[Row], name: str) -> list[float] | None:
    amounts: list[float] = []
    for row in rows:
        if row["quote_rate"] is None:
            return None
        amounts.append(float(row[name]) * row["quote_rate"])
    return amounts


def _sum(amounts: list[float] | None) -> float | None:
    return None if amounts is None else sum(amounts)


OFFERS: tuple[Offer, ...] = (
    reading("orders", "orders, newest first", OrdersAsked, Orders, orders),
    reading("fills", "fills, newest first", Listing, Fills, fills),
    reading("trades", "closed trades, newest first", Listing, Trades, trades),
    reading("profit", "what was won and lost by day, week or month", ProfitAsked, Profit, profit),
    reading("performance", "what was won and lost by instrument or desk", PerformanceAsked, Performance, performance),
)
