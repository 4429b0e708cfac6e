"""What a person sees of a running bot in the terminal: one row per desk, and the latest events worth telling.

An observer of committed records. It is called on the engine's thread and only counts; drawing is rich's own thread.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from loligo.model.events import EquityMarked, OrderSubmitted, Record, Refused, TradeClosed
from loligo.model.market import Candle
from loligo.model.timeframe import iso
from loligo_bot.tell import messages_of
from loligo_notify import FREQUENT

NEWEST_MESSAGES = 6


@dataclass(slots=True)
class DeskRow:
    """One desk's figures so far in this run, in the reference currency of its account."""

    equity: float = 0.0
    orders: int = 0
    refusals: int = 0
    trades: int = 0
    net: float = 0.0
    exits: dict[str, int] = field(default_factory=dict)


class LiveView:
    """Counts records and draws itself when rich asks."""

    def __init__(self, equity: dict[str, float]) -> None:
        self.desks = {name: DeskRow(equity=start) for name, start in sorted(equity.items())}
        self.candles = 0
        self.records = 0
        self.ts = 0
        self.notice = ""  # stands above all else
        self.hint = ""  # stands below all else
        self._newest: deque[str] = deque(maxlen=NEWEST_MESSAGES)

    def observe(self, records: Sequence[Record]) -> None:
        """Take in records that are durable now."""
        self.records += len(records)
        for record in records:
            self.ts = record.input.ts
            self.candles += type(record.input) is Candle
            for event in record.events:
                row = self.desks.get(event.desk)
                if row is not None:
                    _count(row, event)
        for record in records[-200:]:  # what scrolls by faster than that nobody can read
            for message in messages_of([record]):
                if message.kind in FREQUENT:
                    continue
                self._newest.append(f"{iso(record.input.ts)[:16]}  {message.text}")

    def __rich__(self) -> Group:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        for name in ("desk", "equity", "orders", "refused", "trades", "net", "exits"):
            table.add_column(name, justify="left" if name in ("desk", "exits") else "right")
        for name, row in self.desks.items():
            exits = ", ".join(f"{role} {count}" for role, count in sorted(row.exits.items()))
            figures = (f"{row.equity:,.2f}", str(row.orders), str(row.refusals), str(row.trades), f"{row.net:,.2f}")
            table.add_row(Text(name), *figures, exits)
        head = f"{iso(self.ts) if self.ts else 'starting'}   {self.candles:,} candles, {self.records:,} records"
        notice = [Text(self.notice, style="bold red")] if self.notice else []
        hint = [Text(self.hint, style="bold")] if self.hint else []
        return Group(*notice, Text(head), table, *(Text(line, style="dim") for line in self._newest), *hint)


def _count(row: DeskRow, event: Any) -> None:
    kind = type(event)
    if kind is OrderSubmitted:
        row.orders += 1
    elif kind is Refused:
        row.refusals += 1
    elif kind is EquityMarked:
        row.equity = event.equity
    elif kind is TradeClosed:
        row.trades += 1
        row.net += float(event.trade.net) * event.trade.quote_rate
        row.exits[event.trade.exit_role] = row.exits.get(event.trade.exit_role, 0) + 1
