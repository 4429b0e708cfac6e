"""Days of desks, as experiments read them: one event after the other, by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from loligo.model.evaluation import Declined
from loligo.model.events import DecisionDeclined, EquityMarked, OrderReported, TradeClosed
from loligo.model.market import Side
from loligo.model.order import Rejected
from loligo.model.portfolio import ClosedTrade
from loligo.model.timeframe import DAY_NS
from loligo_store.days import day_key, fold_day

RECORD: Any = None  # a day is made of events alone
HOUR_NS = DAY_NS // 24


def folded(*events: Any) -> dict[str, Any]:
    row = None
    for event in events:
        row = fold_day(row, event, RECORD)
    assert row is not None
    return row


def mark(ts: int, equity: float, exposure: float = 0.0, desk: str = "trend") -> EquityMarked:
    return EquityMarked(7, ts, 1, desk, "paper", equity, 0.0, exposure)


def trade(fees: str, rate: float) -> TradeClosed:
    closed = ClosedTrade(
        desk="trend", account="paper", instrument="sim:BTC/USD", side=Side.BUY, quantity=Decimal(2),
        entry_price=Decimal(100), exit_price=Decimal(110), opened_at_ns=1, closed_at_ns=2, gross=Decimal(20),
        fees=Decimal(fees), funding=Decimal(0), net=Decimal(20) - Decimal(fees), exit_role="target",
        entry_order_id="o1", quote_rate=rate,
    )  # fmt: skip
    return TradeClosed(9, HOUR_NS, 1, "trend", closed)


def test_a_mark_at_midnight_closes_the_day_before_it() -> None:
    assert day_key(mark(3 * DAY_NS, 1.0)) == ("trend", 2)
    assert day_key(mark(3 * DAY_NS + 1, 1.0)) == ("trend", 3)


def test_the_last_lowest_and_highest_mark_of_a_day_are_kept() -> None:
    row = folded(mark(1, 100.0, 0.1), mark(2, 90.0, 0.4), mark(3, 120.0, 0.2), mark(4, 110.0))
    assert (row["equity"], row["low"], row["high"], row["exposure"], row["marks"]) == (110.0, 90.0, 120.0, 0.4, 4)


def test_how_deep_it_fell_is_from_the_highest_mark_before_and_not_after() -> None:
    assert folded(mark(1, 80.0), mark(2, 110.0))["fall"] == 0.0
    assert folded(mark(1, 110.0), mark(2, 80.0), mark(3, 120.0), mark(4, 100.0))["fall"] == 1 - 80 / 110


def test_equity_that_is_not_known_is_no_mark() -> None:
    row = folded(mark(1, 100.0), mark(2, float("nan")))
    assert (row["equity"], row["marks"]) == (100.0, 1)


def test_only_the_strategys_answers_count_as_such() -> None:
    declined = [DecisionDeclined(5, 1, 1, "trend", "sim:BTC/USD", by, Declined("no")) for by in ("strategy", "mode")]
    assert folded(*declined)["answers"] == 1


def test_fees_and_turnover_are_in_the_reference_currency_and_unknown_with_a_rate() -> None:
    row = folded(trade("1.5", 2.0), trade("0.5", 1.0))
    assert (row["trades"], row["fees"]) == (2, 1.5 * 2 + 0.5)
    assert row["turnover"] == (100 + 110) * 2 * 2.0 + (100 + 110) * 2 * 1.0
    unknown = folded(trade("1.5", float("nan")), trade("0.5", 1.0))
    assert (unknown["trades"], unknown["fees"], unknown["turnover"]) == (2, None, None)


def test_rejections_of_orders_count_and_those_of_cancels_do_not() -> None:
    said = [OrderReported(5, 1, 1, "trend", Rejected("o1", 1, "funds", (), of)) for of in ("order", "cancel")]
    assert folded(*said)["rejected"] == 1


def test_accounts_have_no_days_of_desks() -> None:
    assert fold_day(None, mark(1, 100.0, desk=""), RECORD) is None
