"""Every bundled trading mode at work under default risk, on real candles."""

from __future__ import annotations

from loligo.model.events import OrderHeld, OrderReported, OrderSubmitted, PositionChanged, TentacleFailed
from loligo.model.order import Filled
from tests.scenario.bots import BotFolder
from tests.scenario.protection import unprotected

DESKS = {"trend": "signal_spot", "dips": "signal_spot", "monthly": "dca", "ladder": "grid"}


def test_every_mode_sees_fills_and_closes_trades_under_default_risk(season: BotFolder) -> None:
    rows = season.rows()
    for desk in DESKS:
        entries = {row["id"] for row in rows["orders"] if row["desk"] == desk and row["role"] == "entry"}
        filled = [row for row in rows["fills"] if row["order_id"] in entries]
        assert len(filled) >= 5, desk
        assert sum(1 for row in rows["trades"] if row["desk"] == desk) >= 5, desk


def test_no_tentacle_fails_on_real_candles(season: BotFolder) -> None:
    failures = [event for record in season.records() for event in record.events if isinstance(event, TentacleFailed)]
    assert failures == []


def test_stops_cover_every_position_at_the_end_of_every_record(season: BotFolder) -> None:
    records = season.records()
    events = [event for record in records for event in record.events]
    assert {event.desk for event in events if isinstance(event, PositionChanged)} == set(DESKS)
    assert sum(1 for event in events if isinstance(event, OrderReported) and isinstance(event.report, Filled)) > 100
    assert list(unprotected(records)) == []


def test_trades_of_a_desk_sum_to_what_its_books_gained(season: BotFolder) -> None:
    """All desks are flat at the end of these weeks, so equity is the capital and the net result of every trade."""
    rows = season.rows()
    assert all(row["quantity"] == 0 for row in rows["positions"])
    capital = {"trend": 50_000, "dips": 50_000, "monthly": 10_000, "ladder": 10_000}
    for desk in DESKS:
        booked = sum(row["amount"] for row in rows["ledger"] if row["book"] == desk and row["asset"] == "USD")
        assert booked == capital[desk] + sum(row["net"] for row in rows["trades"] if row["desk"] == desk), desk


def test_an_order_that_would_trade_with_one_of_its_own_account_waits_and_why_names_that_one(season: BotFolder) -> None:
    """`monthly` buys and `ladder` sells on one account."""
    events = [event for record in season.records() for event in record.events]
    gone = {event.order.id: event for event in events if isinstance(event, OrderSubmitted)}
    waited = [event for event in events if isinstance(event, OrderHeld) and event.order.id in gone]
    held = next(event for event in waited if (event.desk, gone[event.other].desk) == ("monthly", "ladder"))
    steps = {step["seq"]: step for step in season.call("why", held.order.id).data["steps"]}
    assert steps[held.seq]["step"] == "waits" and steps[gone[held.order.id].seq]["step"] == "order"
    assert f"would trade with {held.other} of its own account: " in steps[held.seq]["text"]
