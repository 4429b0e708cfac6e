"""A backtest: the engine that live uses, fed from history as fast as it goes, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import sqrt
from pathlib import Path
from typing import Any

import msgspec

from loligo import __version__
from loligo.app.assembly import Bot, assemble, historical_feed, read_config
from loligo.engine.engine import Engine
from loligo.model.command import GenerationActivated
from loligo.model.events import (
    Consequence,
    DecisionDeclined,
    EquityMarked,
    Input,
    OrderReported,
    OrderSubmitted,
    Refused,
    TentacleFailed,
    TradeClosed,
)
from loligo.model.market import Candle
from loligo.model.order import Filled
from loligo.model.portfolio import ClosedTrade
from loligo.model.timeframe import DAY_NS, iso
from loligo.store.journal import Journal

YEAR_DAYS = 365.25


@dataclass(slots=True)
class Tally:
    """What a run amounts to, counted event by event."""

    candles: int = 0
    orders: int = 0
    fills: int = 0
    refusals: int = 0
    declined: int = 0
    failures: int = 0
    trades: list[ClosedTrade] = field(default_factory=list)
    equity: list[tuple[int, str, float]] = field(default_factory=list)  # (ts, desk or "account:NAME", equity)

    def add(self, item: Input, events: Sequence[Consequence]) -> None:
        """Count one record."""
        if type(item) is Candle:
            self.candles += 1
        for event in events:
            kind = type(event)
            if kind is DecisionDeclined:
                self.declined += 1
            elif kind is OrderSubmitted:
                self.orders += 1
            elif kind is Refused:
                self.refusals += 1
            elif isinstance(event, TradeClosed):
                self.trades.append(event.trade)
            elif isinstance(event, EquityMarked):
                self.equity.append((event.ts, event.desk or f"account:{event.account}", event.equity))
            elif isinstance(event, OrderReported):
                self.fills += type(event.report) is Filled
            elif kind is TentacleFailed:
                self.failures += 1


def run_backtest(
    home: Path, *, file: Path | None = None, until: str | None = None, journal: Path | None = None
) -> dict[str, Any]:
    """Run the configured desks over their historical feed and return trades, equity, metrics, counts, versions.

    `file` replaces the folder's config file; with `journal` every record is also written to that SQLite file.
    """
    bot = assemble(home, read_config(home, file=file))
    feed = historical_feed(bot, {"until": until} if until else None)
    return backtest(bot, feed.read(), journal)


def backtest(bot: Bot, inputs: Iterable[Input], journal_file: Path | None = None) -> dict[str, Any]:
    """Feed `inputs` to the bot's engine and return the report as plain data."""
    journal = Journal(journal_file, bot.journal_config) if journal_file is not None else None
    tally = Tally()
    engine = bot.engine
    is_first = True
    for item in inputs:
        if is_first:
            is_first = False
            _process(engine, GenerationActivated(item.ts, 1, bot.slots), tally, journal)
        _process(engine, item, tally, journal)
    if journal is not None:
        journal.commit()
        journal.close()
    return report(bot, tally)


def _process(engine: Engine, item: Input, tally: Tally, journal: Journal | None) -> None:
    record = engine.process(item)
    tally.add(item, record.events)
    if journal is not None:
        journal.append(record)
        if journal.is_full:
            journal.commit()


def report(bot: Bot, tally: Tally) -> dict[str, Any]:
    """Return what a finished run amounts to."""
    desks = {name: desk_metrics(bot, name, tally) for name in sorted(bot.config.desks)}
    return {
        "trades": [_plain_trade(trade) for trade in tally.trades],
        "equity": [{"ts": iso(ts), "scope": scope, "equity": equity} for ts, scope, equity in tally.equity],
        "metrics": {
            "desks": desks,
            "accounts": {
                name: {"equity": account.equity, "peak_equity": account.peak_equity, "exposure": account.exposure}
                for name, account in sorted(bot.engine.portfolio.accounts.items())
            },
        },
        "counts": {
            "candles": tally.candles,
            "orders": tally.orders,
            "fills": tally.fills,
            "trades": len(tally.trades),
            "refusals": tally.refusals,
            "declined": tally.declined,
            "failures": tally.failures,
            "ambiguous_candles": sum(venue.ambiguous_candles for venue in bot.venues.values()),
        },
        "versions": {
            "loligo": __version__,
            "tentacles": {f"{item.kind}/{item.name}": f"{item.manifest.version} {item.tree_hash[:12]}" for item in bot.loaded},
        },
    }


def desk_metrics(bot: Bot, desk: str, tally: Tally) -> dict[str, Any]:
    """Return one desk's figures; rates are fractions, money in the reference currency.

    The Sharpe ratio is annualised from daily returns (Sharpe 1994), 0 when there are fewer than two days.
    """
    start = float(bot.config.desks[desk].capital)
    curve = [(ts, equity) for ts, scope, equity in tally.equity if scope == desk]
    end = bot.engine.portfolio.books[desk].equity
    trades = [trade for trade in tally.trades if trade.desk == desk]
    wins = [trade for trade in trades if trade.net > 0]
    lost = -float(sum(trade.net for trade in trades if trade.net < 0))
    roles = [trade.exit_role for trade in trades]
    return {
        "start_equity": start,
        "end_equity": end,
        "return": end / start - 1.0,
        "max_drawdown": max_drawdown([start, *(equity for _, equity in curve), end]),
        "sharpe": sharpe(curve),
        "trades": len(trades),
        "win_rate": len(wins) / len(trades) if trades else 0.0,
        "profit_factor": float(sum(trade.net for trade in wins)) / lost if lost else 0.0,
        "fees": float(sum(trade.fees for trade in trades)),
        "exits": {role: roles.count(role) for role in sorted(set(roles))},
    }


def max_drawdown(equity: Sequence[float]) -> float:
    """Return the deepest fall from a peak, as a fraction of the peak."""
    peak, deepest = equity[0], 0.0
    for value in equity:
        peak = max(peak, value)
        deepest = max(deepest, 1.0 - value / peak if peak > 0 else 0.0)
    return deepest


def sharpe(curve: Sequence[tuple[int, float]]) -> float:
    """Return the annualised Sharpe ratio of daily returns, interest 0; the last mark of each UTC day counts."""
    by_day = {ts // DAY_NS: equity for ts, equity in curve}
    if len(by_day) < 3:
        return 0.0
    days = sorted(by_day)
    filled: list[float] = []
    for day, following in zip(days, [*days[1:], days[-1] + 1], strict=True):
        filled += [by_day[day]] * (following - day)  # an unchanged equity is not marked again
    returns = [b / a - 1.0 for a, b in zip(filled, filled[1:], strict=False)]
    mean = sum(returns) / len(returns)
    variance = sum((value - mean) ** 2 for value in returns) / (len(returns) - 1)
    return mean / sqrt(variance) * sqrt(YEAR_DAYS) if variance > 0 else 0.0


def _plain_trade(trade: ClosedTrade) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(trade)
    return {**plain, "opened_at": iso(trade.opened_at_ns), "closed_at": iso(trade.closed_at_ns)}
