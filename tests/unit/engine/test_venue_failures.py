"""A venue that raises: the failure is an event, entries are refused, and what closes or cancels is asked for again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from loligo.engine.engine import Engine
from loligo.engine.plan import VenuePlan
from loligo.model.command import CommandKind, TimeAdvanced
from loligo.model.events import (
    AmendRequested,
    CancelRequested,
    OrderReported,
    OrderSubmitted,
    TentacleFailed,
    TimerFired,
)
from loligo.model.market import BookUpdate, FundingRate, InstrumentStatus, Quote, Side, Trade
from loligo.model.order import Canceled, OrderRole, OrderState, Rejected
from loligo.model.timeframe import HOUR_NS
from loligo_bot.guarded_venue import GuardedVenue
from tests.fakes.desks import BTC, Bot, Wishes, buy, desk, free_venue, of, plan, seat, sell


class Breaks:
    """The real venue, which raises at the calls named in `at`, before it does anything, or after."""

    def __init__(self, *at: str, is_after: bool = False) -> None:
        self.real = free_venue()
        self.at = set(at)
        self.is_after = is_after
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        real = getattr(self.real, name)
        if name not in CALLS:
            return real

        def call(*given: Any) -> Any:
            self.calls.append(name)
            if name in self.at and not self.is_after:
                raise ConnectionError(f"{name} is broken")
            said = real(*given)
            if name in self.at:
                raise ConnectionError(f"{name} is broken")
            return said

        return call


DATA = ("on_candle", "on_trade", "on_quote", "on_book", "on_funding", "on_status", "advance_to", "settle")
CALLS = {"submit", "cancel", "amend", *DATA}


def broken(mode: Wishes, venue: Breaks) -> Bot:
    bot = Bot(plan(desk(seat(lambda: mode)), venue=GuardedVenue("simulated", venue)))
    bot.candle(0, 100)
    return bot


def failures(bot: Bot) -> list[tuple[str, str, str]]:
    return [(event.tentacle, event.call, event.error) for event in bot.events(TentacleFailed)]


@pytest.mark.parametrize(
    ("call", "item"),
    [
        ("on_candle", None),
        ("on_trade", Trade(BTC.id, 3 * HOUR_NS, 100.0, 1.0, Side.BUY)),
        ("on_quote", Quote(BTC.id, 3 * HOUR_NS, 100.0, 101.0, 1.0, 1.0)),
        ("on_book", BookUpdate(BTC.id, 3 * HOUR_NS, ((100.0, 1.0),), ((101.0, 1.0),), True)),
        ("on_funding", FundingRate(BTC.id, 3 * HOUR_NS, 0.0001)),
        ("on_status", InstrumentStatus(BTC.id, 3 * HOUR_NS, True)),
        ("advance_to", TimeAdvanced(3 * HOUR_NS)),
    ],
)
def test_market_data_that_breaks_a_venue_is_an_event_and_goes_to_everyone_else(call: str, item: Any) -> None:
    mode, venue = Wishes(), Breaks()
    bot = broken(mode, venue)
    venue.at = {call}
    record = bot.candle(1, 100) if item is None else bot.feed(item)
    (failure,) = of(record, TentacleFailed)
    assert (failure.tentacle, failure.call, failure.cause, failure.count) == ("simulated", call, record.seq, 1)
    assert failure.error == f"ConnectionError: {call} is broken"
    venue.at = set()
    mode.calls.clear()
    bot.candle(3, 100)
    assert mode.calls == ["candle"]


def test_fills_that_settling_withheld_come_with_the_next_candle() -> None:
    mode, venue = Wishes(), Breaks("settle")
    bot = broken(mode, venue)
    mode.wishes = [buy("1", take_profit_price="110")]
    bot.candle(1, 100)
    bot.candle(2, 100, high=120)  # bought at the open; the target lies on the rest of the path
    assert failures(bot)[0][:2] == ("simulated", "settle") and bot.position() == 1
    venue.at = set()
    bot.candle(3, 120)
    assert bot.position() == 0


def test_an_entry_that_the_venue_failed_at_is_rejected_and_cancelled_there() -> None:
    mode, venue = Wishes(), Breaks("submit")
    bot = broken(mode, venue)
    mode.wishes = [buy("1")]
    record = bot.candle(1, 100)
    (submitted,) = of(record, OrderSubmitted)
    (failure,) = of(record, TentacleFailed)
    (rejected,) = of(record, OrderReported)
    assert failure.cause == submitted.seq
    assert isinstance(rejected.report, Rejected) and rejected.report.code == "venue_failed"
    assert bot.open_orders() == [] and "end" in mode.calls
    bot.candle(2, 100)
    assert venue.calls.count("submit") == 1 and venue.calls.count("cancel") == 1
    assert bot.position() == 0


def test_an_entry_that_the_venue_took_before_it_raised_never_fills() -> None:
    """The cancel comes before the next candle does."""
    mode, venue = Wishes(), Breaks("submit", is_after=True)
    bot = broken(mode, venue)
    mode.wishes = [buy("1")]
    bot.candle(1, 100)
    bot.candle(2, 100)
    assert bot.position() == 0
    assert any(isinstance(event.report, Canceled) for event in bot.events(OrderReported))


def bought(mode: Wishes, venue: Breaks, **terms: Any) -> Bot:
    bot = broken(mode, venue)
    mode.wishes = [buy("1", **terms)]
    bot.candle(1, 100)
    return bot


def test_a_stop_is_sent_again_until_the_venue_takes_it() -> None:
    mode, venue = Wishes(), Breaks()
    bot = bought(mode, venue)
    venue.at = {"submit"}
    bot.candle(2, 100)
    (stop,) = bot.open_orders()
    assert (stop.role, stop.state) == (OrderRole.STOP, OrderState.SUBMITTED)
    second = bot.candle(3, 100)
    assert [event.tentacle for event in of(second, TentacleFailed)] == ["simulated"] and of(
        second, OrderSubmitted
    ) == []
    venue.at = set()
    third = bot.candle(4, 100)
    (fired,) = of(third, TimerFired)
    assert (fired.desk, fired.name, fired.ts) == ("", "venue_failed", second.input.ts + 1)
    (stop,) = bot.open_orders()
    assert stop.state is OrderState.ACCEPTED
    bot.candle(5, 89)
    assert bot.position() == 0


def test_a_cancel_is_asked_for_again_and_answers_the_first_request() -> None:
    mode, venue = Wishes(), Breaks()
    bot = bought(mode, venue, limit_price="90", stop="80")
    (order,) = bot.open_orders()
    venue.at = {"cancel"}
    bot.command(CommandKind.CANCEL, order.id)
    (asked,) = bot.events(CancelRequested)
    assert [o.id for o in bot.open_orders()] == [order.id]
    venue.at = set()
    bot.candle(2, 100)
    assert bot.open_orders() == []
    (cancelled,) = (event for event in bot.events(OrderReported) if isinstance(event.report, Canceled))
    assert cancelled.cause == asked.seq


def test_an_exit_is_sent_again_and_closes_the_position() -> None:
    mode, venue = Wishes(), Breaks()
    bot = bought(mode, venue)
    bot.candle(2, 100)
    venue.at = {"submit"}
    mode.wishes = [sell("1")]
    bot.candle(3, 100)
    venue.at = set()
    bot.candle(4, 100)
    assert bot.position() == 0 and bot.open_orders() == []


def test_an_amendment_is_asked_for_again_unless_a_newer_one_came_through() -> None:
    mode, venue = Wishes(), Breaks()
    bot = bought(mode, venue, is_whole_position_stop=True)
    bot.candle(2, 100)
    venue.at = {"amend"}
    mode.wishes = [buy("1", is_whole_position_stop=True)]
    bot.candle(3, 100)
    bot.candle(4, 100)
    assert bot.roles() == [("stop", "1")] and failures(bot)[-1][1] == "amend"
    venue.at = set()
    bot.candle(5, 100)
    assert bot.roles() == [("stop", "2")]
    assert len(bot.events(AmendRequested)) == 1


def test_a_stop_that_never_reached_its_venue_can_be_cancelled() -> None:
    """The position is closed by another order while the stop still waits to be sent."""
    mode, venue = Wishes(), Breaks()
    bot = bought(mode, venue)
    venue.at = {"submit"}
    bot.candle(2, 100)
    venue.at = set()
    mode.wishes = [sell("1")]
    bot.candle(3, 100)
    venue.at = {"submit"}  # from now on nothing may be sent
    bot.candle(4, 100)
    bot.candle(5, 100)
    assert bot.position() == 0 and bot.open_orders() == []


def test_another_venue_is_not_touched() -> None:
    mode, other = Wishes(), Wishes()
    market = msgspec.structs.replace(BTC, venue="other")
    fine = free_venue(market)
    made = plan(
        desk(seat(lambda: mode)),
        desk(seat(lambda: other, instrument=market), name="beta"),
        venue=GuardedVenue("simulated", Breaks("on_candle", "submit", "cancel", "advance_to")),
    )
    bot = Bot(
        replace(
            made, venues={**made.venues, "other": VenuePlan(name="other", make=lambda: GuardedVenue("other", fine))}
        )
    )
    mode.wishes, other.wishes = [buy("1")], [buy("1", instrument=market.id)]
    for hour in range(3):
        bot.candle(hour, 100)
        bot.candle(hour, 100, instrument=market.id)
    bot.feed(TimeAdvanced(4 * HOUR_NS))
    assert bot.position("beta", market.id) == 1 and bot.roles("beta", market.id) == [("stop", "1")]
    assert {event.tentacle for event in bot.events(TentacleFailed)} == {"simulated"}


def test_a_replay_and_a_restart_ask_again_at_the_same_moment() -> None:
    def lived(cut: Callable[[Bot, Breaks], Bot]) -> list[Any]:
        mode, venue = Wishes(), Breaks()
        bot = bought(mode, venue)
        venue.at = {"submit"}
        bot.candle(2, 100)
        venue.at = set()
        bot = cut(bot, venue)
        bot.candle(3, 100)
        return bot.records[-1].events

    def restarted(bot: Bot, venue: Breaks) -> Bot:
        fresh = Bot(bot.plan)
        fresh.engine = Engine(bot.plan)
        fresh.engine.restore_state(msgspec.msgpack.decode(msgspec.msgpack.encode(bot.engine.export_state())))
        return fresh

    whole = lived(lambda bot, venue: bot)
    assert whole == lived(lambda bot, venue: bot) == lived(restarted)
    assert any(isinstance(event, TimerFired) for event in whole)
