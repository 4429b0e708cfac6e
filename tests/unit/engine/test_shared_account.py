"""Two desks on one account: what would trade with an order of the same account waits, or makes way; the test is the
venue."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from loligo.model.command import CommandKind, TimeAdvanced, VenueReports
from loligo.model.events import AmendRequested, CancelRequested, OrderHeld, OrderReported, OrderSubmitted
from loligo.model.order import Accepted, Amended, Canceled, Expired, Filled, Rejected, TimeInForce
from loligo.model.timeframe import HOUR_NS, SECOND_NS
from loligo.ports.tentacles import AmendIntent, CancelIntent
from loligo_bot.shared_account import PATIENCE_NS, SharedExecution
from tests.fakes.desks import Bot, Wishes, buy, desk, of, plan, seat, sell


class Two:
    """A desk that buys, and one that is asked before it and has bought 1 at 100, with a stop at 90."""

    def __init__(self, shared: Collection[str] = ("paper",)) -> None:
        self.buyer, self.holder = Wishes(), Wishes()
        desks = desk(seat(lambda: self.holder), name="alpha"), desk(seat(lambda: self.buyer), name="beta")
        made = replace(plan(*desks, is_live=True), execution=partial(SharedExecution, shared=shared))
        self.bot = Bot(made)
        self.hour = 0
        self.holder.wishes = [buy()]
        entry = self.submitted(self.candle())[0]
        self.say(Accepted(entry, self.now), self.fill(entry, "1", "100"))

    @property
    def now(self) -> int:
        return self.bot.engine.now_ns

    def candle(self, price: float = 100) -> Any:
        self.hour += 1
        return self.bot.candle(self.hour - 1, price)

    def say(self, *reports: Any) -> Any:
        return self.bot.feed(VenueReports("sim", self.now, reports))

    def fill(self, order_id: str, quantity: str, price: str) -> Filled:
        number = len(self.bot.records)
        return Filled(
            order_id, self.now, f"{order_id}.{number}", Decimal(price), Decimal(quantity), Decimal(0), "USD", False
        )

    def asks(self, mode: Wishes, *wishes: Any, price: float = 100) -> Any:
        mode.wishes = list(wishes)
        return self.candle(price)

    @staticmethod
    def submitted(record: Any) -> list[str]:
        return [event.order.id for event in of(record, OrderSubmitted)]


def limit(price: str, **terms: Any) -> Any:
    return buy(limit_price=price, **terms)


def reports(record: Any, kind: type) -> list[Any]:
    return [event.report for event in of(record, OrderReported) if isinstance(event.report, kind)]


def test_an_entry_waits_for_an_order_it_would_meet_and_goes_when_that_is_gone() -> None:
    two = Two()
    (ask,) = two.submitted(two.asks(two.holder, sell(limit_price="101")))
    held = of(two.asks(two.buyer, limit("101")), OrderHeld)
    assert [event.other for event in held] == [ask] and two.submitted(two.bot.records[-1]) == []
    order = held[0].order.id
    assert two.submitted(two.say(Accepted(ask, two.now))) == []
    gone = two.say(two.fill(ask, "1", "101"))
    assert order in two.submitted(gone)


def test_an_entry_that_meets_nobody_goes_at_once_and_so_does_one_on_an_account_of_its_own() -> None:
    apart, below = Two(shared=()), Two()
    for two, price in ((apart, "101"), (below, "100.99")):
        two.asks(two.holder, sell(limit_price="101"))
        assert len(two.submitted(two.asks(two.buyer, limit(price)))) == 1


@pytest.mark.parametrize(("target", "waits"), [("100.20", True), ("100.21", False)], ids=["within reach", "beyond"])
def test_a_market_order_takes_what_stands_up_to_two_thousandths_from_the_mark(target: str, waits: bool) -> None:
    two = Two()
    two.asks(two.holder, sell(limit_price=target))
    assert bool(of(two.asks(two.buyer, buy()), OrderHeld)) is waits


@pytest.mark.parametrize(("price", "waits"), [("90.00", True), ("89.82", True), ("89.81", False), ("90.01", False)])
def test_a_stop_takes_what_stands_from_its_trigger_to_two_thousandths_beyond(price: str, waits: bool) -> None:
    """The stop of the holder stands at 90: 90 x 0.998 = 89.82. What stands above is gone before the stop is reached."""
    two = Two()
    assert bool(of(two.asks(two.buyer, limit(price, stop="80")), OrderHeld)) is waits


def test_an_exit_has_the_entry_in_its_way_cancelled_and_goes_once_that_is_gone() -> None:
    two = Two()
    (bid,) = two.submitted(two.asks(two.buyer, limit("99.9")))
    record = two.asks(two.holder, sell())
    assert [(event.order_id, event.code) for event in of(record, CancelRequested)] == [(bid, "makes_way")]
    (held,) = of(record, OrderHeld)
    assert two.submitted(two.say(Canceled(bid, two.now, "makes_way"))) == [held.order.id]


def test_an_exit_goes_after_five_seconds_though_the_venue_does_not_cancel() -> None:
    two = Two()
    two.asks(two.buyer, limit("99.9"))
    (held,) = of(two.asks(two.holder, sell()), OrderHeld)
    assert two.submitted(two.bot.feed(TimeAdvanced(two.now + PATIENCE_NS - 1))) == []
    assert two.submitted(two.bot.feed(TimeAdvanced(two.now + 1))) == [held.order.id]


def test_no_entry_goes_before_an_exit_that_waits() -> None:
    two = Two()
    (bid,) = two.submitted(two.asks(two.buyer, limit("99.9")))
    two.buyer.wishes = [limit("99.9")]
    exit_, second = of(two.asks(two.holder, sell()), OrderHeld)
    assert (exit_.other, second.other) == (bid, exit_.order.id)
    assert two.submitted(two.say(Canceled(bid, two.now, "makes_way"))) == [exit_.order.id]
    assert second.order.id in two.submitted(two.say(two.fill(exit_.order.id, "1", "100")))


def test_an_entry_that_waits_ends_with_its_time() -> None:
    two = Two()
    two.asks(two.holder, sell(limit_price="101"))
    until = two.now + HOUR_NS + 60 * SECOND_NS
    two.asks(two.buyer, limit("101", time_in_force=TimeInForce.GTD, expires_at_ns=until))
    record = two.bot.feed(TimeAdvanced(until))
    assert [report.ts for report in reports(record, Expired)] == [until] and not two.bot.open_orders("beta")


def test_what_waits_can_be_cancelled_and_changed_and_the_venue_hears_of_neither() -> None:
    two = Two()
    (ask,) = two.submitted(two.asks(two.holder, sell(limit_price="101")))
    (held,) = of(two.asks(two.buyer, limit("101")), OrderHeld)
    changed = two.asks(two.buyer, AmendIntent(held.order.id, Decimal("0.5")))
    assert [report.quantity for report in reports(changed, Amended)] == [Decimal("0.5")]
    ended = two.asks(two.buyer, CancelIntent(held.order.id))
    assert [report.order_id for report in reports(ended, Canceled)] == [held.order.id]
    assert two.submitted(two.say(Canceled(ask, two.now, "mode"))) == []


def test_a_change_that_would_meet_an_own_order_is_refused_and_the_terms_stay() -> None:
    """The holder's stop stands at 90."""
    two = Two()
    (bid,) = two.submitted(two.asks(two.buyer, limit("99", stop="80")))
    record = two.asks(two.buyer, AmendIntent(bid, Decimal(1), limit_price=Decimal("90")))
    assert [(report.code, report.of) for report in reports(record, Rejected)] == [("own_order", "amend")]
    assert [order.limit_price for order in two.bot.open_orders("beta")] == [Decimal("99")]


def test_a_stop_that_would_meet_an_own_entry_at_its_new_price_moves_when_that_is_gone() -> None:
    two = Two()
    (stop,) = two.bot.open_orders("alpha")
    (bid,) = two.submitted(two.asks(two.buyer, limit("94.9", stop="80")))
    record = two.asks(two.holder, AmendIntent(stop.id, Decimal(1), trigger_price=Decimal("95")))
    assert [(event.order_id, event.code) for event in of(record, CancelRequested)] == [(bid, "makes_way")]
    assert not of(record, AmendRequested)
    moved = two.say(Canceled(bid, two.now, "makes_way"))
    assert [(event.order_id, event.trigger_price) for event in of(moved, AmendRequested)] == [(stop.id, Decimal("95"))]


def test_a_stop_moves_after_five_seconds_though_the_venue_does_not_cancel_and_only_to_its_newest_price() -> None:
    two = Two()
    (stop,) = two.bot.open_orders("alpha")
    two.asks(two.buyer, limit("94.9", stop="80"))
    wishes = [AmendIntent(stop.id, Decimal(1), trigger_price=Decimal(price)) for price in ("95", "95.05")]
    assert not of(two.asks(two.holder, *wishes), AmendRequested)
    moved = two.bot.feed(TimeAdvanced(two.now + PATIENCE_NS))
    assert [event.trigger_price for event in of(moved, AmendRequested)] == [Decimal("95.05")]


def test_what_must_fill_at_once_ends_at_once() -> None:
    two = Two()
    two.asks(two.holder, sell(limit_price="101"))
    record = two.asks(two.buyer, limit("101", time_in_force=TimeInForce.IOC))
    assert [report.code for report in reports(record, Canceled)] == ["own_order"] and not two.bot.open_orders("beta")


def test_money_of_an_entry_that_waits_is_reserved() -> None:
    two = Two()
    two.asks(two.holder, sell(limit_price="101"))
    two.asks(two.buyer, limit("101"))
    assert two.bot.engine.execution.pending_value("paper") == 101


def test_a_kill_switch_lets_what_waits_go() -> None:
    two = Two()
    two.asks(two.holder, sell(limit_price="101"))
    two.asks(two.buyer, limit("101"))
    two.bot.command(CommandKind.PANIC, level=2)
    assert not two.bot.open_orders("beta")
