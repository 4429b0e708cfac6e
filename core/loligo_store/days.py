"""Days of desks: what each brought, as an experiment reads it.

A day is one of UTC. A mark of equity at its very end belongs to it, so the last mark of a day is its close.
"""

from __future__ import annotations

from typing import Any

from loligo.model.events import (
    DecisionDeclined,
    EquityMarked,
    OrderReported,
    OrderSubmitted,
    Record,
    SignalRaised,
    TentacleFailed,
    TradeClosed,
)
from loligo.model.order import Rejected
from loligo.model.timeframe import DAY_NS

Row = dict[str, Any]
OF_DAY = (EquityMarked, SignalRaised, DecisionDeclined, OrderSubmitted, OrderReported, TradeClosed, TentacleFailed)


def day_key(event: Any) -> tuple[str, int]:
    """Return whose day it is, and which, in whole days since 1970-01-01."""
    return event.desk, (event.ts - 1) // DAY_NS


def fold_day(row: Row | None, event: Any, _record: Record) -> Row | None:
    """Return the day with one more event. `answers` are those of strategies, acting or not; `rejected` orders are among
    the `orders`. `fall` is the deepest from a higher mark of the day itself, as a share of that. Fees and turnover are
    of closed trades, in the reference currency; None: a rate was not known."""
    if not event.desk:
        return None
    row = row or _new(event)
    row["seq"], row["ts"] = event.seq, event.ts
    match event:
        case SignalRaised() | DecisionDeclined(by="strategy"):
            row["answers"] += 1
        case EquityMarked():
            _mark(row, event)
        case OrderSubmitted():
            row["orders"] += 1
        case OrderReported(report=Rejected(of="order")):
            row["rejected"] += 1
        case TentacleFailed():
            row["failures"] += 1
        case TradeClosed():
            _close(row, event)
    return row


def _new(event: Any) -> Row:
    desk, day = day_key(event)
    counts = dict.fromkeys(("marks", "answers", "orders", "rejected", "trades", "failures"), 0)
    worth = {"exposure": 0.0, "equity": None, "low": None, "high": None, "fall": None, "fees": 0.0, "turnover": 0.0}
    return {"desk": desk, "day": day, **counts, **worth, "first_seq": event.seq}


def _mark(row: Row, event: EquityMarked) -> None:
    equity = event.equity
    if equity != equity:  # NaN: a price or a rate is not known yet
        return
    row["equity"] = equity
    row["low"] = equity if row["low"] is None else min(row["low"], equity)
    row["high"] = high = equity if row["high"] is None else max(row["high"], equity)
    row["fall"] = max(row["fall"] or 0.0, 1.0 - equity / high if high > 0.0 else 0.0)
    row["marks"] += 1
    row["exposure"] = max(row["exposure"], event.exposure)


def _close(row: Row, event: TradeClosed) -> None:
    trade, rate = event.trade, event.trade.quote_rate
    row["trades"] += 1
    added = {"fees": trade.fees, "turnover": (trade.entry_price + trade.exit_price) * trade.quantity}
    for name, amount in added.items():
        is_known = row[name] is not None and rate == rate  # NaN: no rate
        row[name] = row[name] + float(amount) * rate if is_known else None
