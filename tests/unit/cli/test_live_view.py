"""The live view counts what desks do and shows the latest events."""

from __future__ import annotations

import io
from decimal import Decimal

from rich.console import Console

from loligo.model.events import Consequence, EquityMarked, Record, Refused, TradeClosed
from loligo.model.market import Candle, Side
from loligo.model.portfolio import ClosedTrade
from loligo.model.risk import Tier
from loligo.model.timeframe import ns_from_iso
from loligo_bot.cli.live_view import LiveView

TS = ns_from_iso("2019-07-01T12:00:00Z")


def trade(net: str, exit_role: str) -> ClosedTrade:
    return ClosedTrade(
        desk="trend",
        account="paper",
        instrument="x:BTC/USD",
        side=Side.BUY,
        quantity=Decimal(1),
        entry_price=Decimal(100),
        exit_price=Decimal(105),
        opened_at_ns=TS,
        closed_at_ns=TS,
        gross=Decimal(net),
        fees=Decimal(0),
        funding=Decimal(0),
        net=Decimal(net),
        exit_role=exit_role,
        entry_order_id="o1",
    )


def test_view_shows_time_equity_refusals_trades_and_exits_of_each_desk() -> None:
    view = LiveView({"trend": 50_000.0, "dips": 50_000.0})
    candle = Candle("x:BTC/USD", "1h", TS, TS, 1.0, 1.0, 1.0, 1.0, 1.0)
    events: list[Consequence] = [
        EquityMarked(2, TS, 1, "trend", "paper", 50_010.5, 0.0, 0.1),
        Refused(3, TS, 1, "trend", "x:BTC/USD", "exposure", Tier.ACCOUNT, "exposure", (0.9, 0.8)),
        TradeClosed(4, TS, 1, "trend", trade("5.25", "target")),
        TradeClosed(5, TS, 1, "trend", trade("-2.00", "stop")),
    ]
    view.observe([Record(1, candle, events)])
    console = Console(file=io.StringIO(), width=120)
    console.print(view)
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "2019-07-01T12:00:00Z   1 candles, 1 records" in shown
    [row] = [line.split() for line in shown.splitlines() if line.startswith("trend ")]
    assert row == ["trend", "50,010.50", "0", "1", "2", "3.25", "stop", "1,", "target", "1"]
    assert "closed by target" in shown


def test_notice_such_as_that_of_safe_mode_stands_above_all_else() -> None:
    view = LiveView({"trend": 50_000.0})
    view.notice = "SAFE MODE: the last 3 starts crashed"
    console = Console(file=io.StringIO(), width=120)
    console.print(view)
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert shown.splitlines()[0].strip() == "SAFE MODE: the last 3 starts crashed"
