"""What a run over history amounts to: trades, equity, metrics and counts, tallied record by record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from math import sqrt
from typing import Any

import msgspec

from loligo.api import (
    DAY_NS,
    Candle,
    ClosedTrade,
    DecisionDeclined,
    EquityMarked,
    Filled,
    FinishedRun,
    OrderReported,
    OrderSubmitted,
    Record,
    Refused,
    TentacleFailed,
    TradeClosed,
    iso,
)

YEAR_DAYS = 365.25


@dataclass(slots=True)
class Tally:
    """Counts of a run."""

    candles: int = 0
    orders: int = 0
    fills: int = 0
    refusals: int = 0
    declined: int = 0
    failures: int = 0
    trades: list[ClosedTrade] = field(default_factory=list)
    equity: list[tuple[int, str, float]] = field(default_factory=list)  # (ts, desk or "account:NAME", equity)

    def add(self, record: Record) -> None:
        """Count one record."""
        self.candles += type(record.input) is Candle
        for event in record.events:
            kind = type(event)
            if kind is DecisionDeclined:
                self.declined += 1
            elif kind is OrderSubmitted:
                self.orders += 1
            elif kind is Refused:
                self.refusals += 1
            elif kind is TentacleFailed:
                self.failures += 1
            elif isinstance(event, OrderReported):
                self.fills += type(event.report) is Filled
            elif isinstance(event, TradeClosed):
                self.trades.append(event.trade)
            elif isinstance(event, EquityMarked):
                self.equity.append((event.ts, event.desk or f"account:{event.account}", event.equity))


def report(run: FinishedRun, tally: Tally) -> dict[str, Any]:
    """Return the report as plain data: trades, equity, metrics, counts, versions."""
    code = {name: version for name, version in run.versions.items() if name != "loligo"}
    return {
        "trades": [_plain_trade(trade) for trade in tally.trades],
        "equity": [{"ts": iso(ts), "scope": scope, "equity": _known(equity)} for ts, scope, equity in tally.equity],
        "metrics": {
            "desks": {desk: desk_metrics(run, desk, tally) for desk in run.capital},
            "accounts": {name: {"equity": _known(equity)} for name, equity in run.account_equity.items()},
        },
        "counts": {
            **run.venue_counts,
            "candles": tally.candles,
            "orders": tally.orders,
            "fills": tally.fills,
            "trades": len(tally.trades),
            "refusals": tally.refusals,
            "declined": tally.declined,
            "failures": tally.failures,
        },
        "versions": {"loligo": run.versions["loligo"], "tentacles": code},
    }


def desk_metrics(run: FinishedRun, desk: str, tally: Tally) -> dict[str, Any]:
    """Return one desk's figures; rates are fractions, money is in the reference currency, None while it has no rate.

    A desk with several currencies starts with the first equity that was known.
    """
    curve = [(ts, equity) for ts, scope, equity in tally.equity if scope == desk and equity == equity]
    start, end = run.capital[desk], run.desk_equity[desk]
    if start != start and curve:
        start = curve[0][1]
    trades = [trade for trade in tally.trades if trade.desk == desk]
    won = sum(_in_reference(trade.net, trade) for trade in trades if trade.net > 0)
    lost = -sum(_in_reference(trade.net, trade) for trade in trades if trade.net < 0)
    roles = [trade.exit_role for trade in trades]
    return {
        "start_equity": _known(start),
        "end_equity": _known(end),
        "return": _known(end / start - 1.0),
        "max_drawdown": max_drawdown(
            [value for value in (start, *(equity for _, equity in curve), end) if value == value]
        ),
        "sharpe": sharpe(curve),
        "trades": len(trades),
        "win_rate": sum(trade.net > 0 for trade in trades) / len(trades) if trades else 0.0,
        "profit_factor": won / lost if lost else 0.0,
        "fees": sum(_in_reference(trade.fees, trade) for trade in trades),
        "exits": {role: roles.count(role) for role in sorted(set(roles))},
    }


def _known(value: float) -> float | None:
    """JSON has no NaN."""
    return value if value == value else None


def _in_reference(amount: Decimal, trade: ClosedTrade) -> float:
    return float(amount) * trade.quote_rate


def max_drawdown(equity: Sequence[float]) -> float:
    """Return the deepest fall from a peak, as a fraction of the peak."""
    peak, deepest = equity[0] if equity else 0.0, 0.0
    for value in equity:
        peak = max(peak, value)
        deepest = max(deepest, 1.0 - value / peak if peak > 0 else 0.0)
    return deepest


def sharpe(curve: Sequence[tuple[int, float]]) -> float:
    """Return the Sharpe ratio of daily returns, annualised, interest 0 (Sharpe 1994); the last mark of a UTC day
    counts, a day without a mark repeats the one before. 0 for fewer than three days."""
    by_day = {ts // DAY_NS: equity for ts, equity in curve}
    if len(by_day) < 3:
        return 0.0
    days = sorted(by_day)
    daily: list[float] = []
    for day, following in zip(days, [*days[1:], days[-1] + 1], strict=True):
        daily += [by_day[day]] * (following - day)
    returns = [after / before - 1.0 for before, after in pairwise(daily)]
    mean = sum(returns) / len(returns)
    variance = sum((value - mean) ** 2 for value in returns) / (len(returns) - 1)
    return mean / sqrt(variance) * sqrt(YEAR_DAYS) if variance > 0 else 0.0


def _plain_trade(trade: ClosedTrade) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(trade)
    return {**plain, "opened_at": iso(trade.opened_at_ns), "closed_at": iso(trade.closed_at_ns)}
