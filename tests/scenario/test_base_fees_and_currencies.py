"""All bundled modes where the fee of a buy comes out of what is bought, on an account measured in another currency.

The six weeks of the other scenarios, in lots of 0.001 BTC; money is in USD, equity in BTC.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from loligo.model.events import EquityMarked, OrderReported, OrderSubmitted, Record, TentacleFailed
from loligo.model.market import Candle, Side
from loligo.model.order import Filled, Rejected
from loligo_bot.backtest import run_backtest
from tests.scenario.bots import BotFolder
from tests.scenario.conftest import every_mode
from tests.scenario.protection import unprotected

LOT = Decimal("0.001")
CAPITAL = {"trend": 50_000, "dips": 50_000, "monthly": 10_000, "ladder": 10_000}


def base_fees(config: dict[str, Any]) -> None:
    every_mode(config)
    terms = config["venues"]["coinbase"]["instruments"]["BTC/USD"]
    terms |= {"fee_in": "base", "quantity_step": str(LOT), "minimum_quantity": str(LOT)}
    for name in ("paper", "savings"):
        config["accounts"][name] |= {"reference": "BTC", "limits": {"max_daily_loss": 0.99, "max_drawdown": 0.99}}
    for name, capital in CAPITAL.items():
        config["desks"][name] |= {"capital": 0, "balances": {"USD": capital}}


@pytest.fixture(scope="module")
def records(template: BotFolder, tmp_path_factory: pytest.TempPathFactory) -> list[Record]:
    home: Path = template.copy(tmp_path_factory.mktemp("base_fees") / "bot").edit(base_fees).home
    kept: list[Record] = []
    run_backtest(home, on_record=kept.append)
    return kept


def events(records: list[Record], kind: type) -> list[Any]:
    return [event for record in records for event in record.events if isinstance(event, kind)]


def test_every_mode_trades_and_no_venue_or_tentacle_complains(records: list[Record]) -> None:
    orders = {event.order.id: event.order for event in events(records, OrderSubmitted)}
    reports = [event.report for event in events(records, OrderReported)]
    fills = [report for report in reports if isinstance(report, Filled)]
    for desk in CAPITAL:
        assert sum(orders[fill.order_id].desk == desk for fill in fills) >= 10, desk
    assert {fill.fee_asset for fill in fills if orders[fill.order_id].side is Side.BUY} == {"BTC"}
    assert events(records, TentacleFailed) == []
    assert {report.code for report in reports if isinstance(report, Rejected)} <= {"post_only", "unknown_order"}


def test_what_is_not_covered_by_a_stop_is_less_than_a_lot(records: list[Record]) -> None:
    assert all(abs(position) - covered < LOT for _, _, position, covered in unprotected(records))


def test_equity_is_told_in_the_reference_currency(records: list[Record]) -> None:
    """100,000 USD that nobody has touched yet, at the newest price of a bitcoin."""
    price = 0.0
    for record in records:
        told = [e for e in record.events if isinstance(e, EquityMarked) and (e.desk, e.account) == ("", "paper")]
        is_known = [event for event in told if event.equity == event.equity]
        if is_known:
            assert is_known[0].equity == pytest.approx(100_000 / price)
            return
        if isinstance(record.input, Candle):
            price = record.input.close
    raise AssertionError("no equity was ever known")
