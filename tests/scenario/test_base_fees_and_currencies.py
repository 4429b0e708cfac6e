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
from loligo.model.timeframe import HOUR_NS
from loligo_bot.backtest import run_backtest
from tests.scenario.bots import BotFolder, ended
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


def with_ether(config: dict[str, Any]) -> None:
    """Let the account have an ether, too, which is valued by daily candles and counts for an hour after each."""
    every_mode(config)
    config["accounts"]["paper"] |= {"deposits": {"USD": 100_000, "ETH": 1}, "max_rate_age_s": 3600}
    config["feeds"][0]["settings"]["until"] = "2017-12-25"


@pytest.fixture
def with_rate_by_day(template: BotFolder, tmp_path: Path) -> BotFolder:
    return template.copy(tmp_path / "bot").edit(with_ether)


def test_use_of_limits_is_in_the_currency_that_equity_is_in(template: BotFolder, tmp_path: Path) -> None:
    """`monthly` holds bitcoin on an account measured in bitcoin: its share of the desk's equity is what it holds."""
    bot = template.copy(tmp_path / "bot").edit(base_fees)
    assert bot.call("run", "--headless", "--until", "2017-12-18T12:00").code == 0
    with bot.running("run", "--headless", "--speed", "1") as process:
        before, after = {"next_seq": -1}, bot.wait_until(lambda _: True)
        while before["next_seq"] != after["next_seq"]:  # both answers are of one moment
            before = bot.wait_until(lambda _: True)
            uses = {(one["scope"], one["name"]): one["used"] for one in bot.asked("risk")["answer"]["limits"]}
            after = bot.wait_until(lambda _: True)
        status = after["desks"]["monthly"]
        process.terminate()
        assert ended(process).code == 0
    share = float(status["positions"]["coinbase:BTC/USD"]) / status["equity"]
    assert share > 0
    assert uses["monthly", "max_position_share"] == pytest.approx(share, rel=0.001)
    assert 0 < uses["account:savings", "max_exposure"] < 1  # in dollars it would be thousands


def test_a_rate_that_is_too_old_lets_no_entry_through_and_every_exit(with_rate_by_day: BotFolder) -> None:
    """The candle of a day comes at midnight: the rate counts at 00:00 and 01:00."""
    done = with_rate_by_day.call("run", "--headless")
    assert done.code == 0, done.err
    orders = [row for row in with_rate_by_day.rows()["orders"] if row["account"] == "paper"]
    entered = {row["created_at_ns"] // HOUR_NS % 24 for row in orders if row["role"] == "entry"}
    left = {row["created_at_ns"] // HOUR_NS % 24 for row in orders if row["role"] != "entry"}
    assert entered and entered <= {0, 1} and left
    assert any(row["desk"] in ("trend", "dips") for row in with_rate_by_day.rows()["trades"])
    refused = [row for row in with_rate_by_day.rows()["refusals"] if row["code"] == "equity_unknown"]
    assert refused and {row["desk"] for row in refused} <= {"trend", "dips"}
    assert {row["ts"] // HOUR_NS % 24 for row in refused}.isdisjoint({0, 1})


def test_a_rate_that_is_too_old_is_told_by_status_and_health(with_rate_by_day: BotFolder) -> None:
    assert with_rate_by_day.call("run", "--headless", "--until", "2017-12-20T12:00").code == 0
    with with_rate_by_day.running("run", "--headless", "--speed", "1") as process:
        status = with_rate_by_day.wait_until(lambda _: True)
        assert status["unknown_rates"] == {"paper": ["ETH"], "savings": []}
        said = "account paper: no rate for ETH, or none of late; equity is unknown, no entries"
        assert said in with_rate_by_day.asked("status")["lines"]
        (problem,) = with_rate_by_day.asked("health")["answer"]["problems"]
        assert (problem["problem"], problem["reason"]) == ("no rate", said)
        process.terminate()
        assert ended(process).code == 0
