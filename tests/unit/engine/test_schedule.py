"""Schedule: what comes due, in which order, and that nothing drifts or is forgotten."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from loligo.engine.engine import Engine
from loligo.engine.schedule import Due, Schedule
from loligo.model.command import GenerationActivated, Noted, TimeAdvanced, VenueReports
from loligo.model.events import EquityMarked, TentacleFailed, TimerFired, TimerSet
from loligo.model.market import Candle, ExternalSignal, Quote
from loligo.model.timeframe import DAY_NS, HOUR_NS, MINUTE_NS, SECOND_NS
from loligo.ports.tentacles import TimerIntent
from tests.fakes.desks import BTC, Bot, OnlySignals, Wishes, buy, candle, desk, of, plan, seat

KEY = ("alpha", BTC.id, "t")
NEVER_NS = 10_000 * DAY_NS


def schedule(start: int = 0) -> Schedule:
    made = Schedule(NEVER_NS)
    made.start(start)
    return made


def due(made: Schedule, ts: int) -> list[tuple[int, str, int]]:
    made.start(ts)
    return [(one.ts, one.kind, one.missed) for one in made.pop_due(ts)]


def test_days_begin_at_midnight_utc_and_missed_ones_are_one() -> None:
    made = schedule(DAY_NS // 2)
    assert due(made, DAY_NS - 1) == [] and due(made, DAY_NS) == [(DAY_NS, "day", 0)]
    assert due(made, 5 * DAY_NS + 7) == [(2 * DAY_NS, "day", 0)]
    assert made.next_ns == 6 * DAY_NS


def test_ticks_lie_on_multiples_of_their_interval_and_count_what_they_missed() -> None:
    made = schedule(10)
    made.set_ticks({KEY: SECOND_NS}, 1)
    assert due(made, SECOND_NS // 3) == []
    assert due(made, SECOND_NS + 5) == [(SECOND_NS, "tick", 0)]
    assert due(made, 5 * SECOND_NS + 900) == [(5 * SECOND_NS, "tick", 3)]
    assert due(made, 6 * SECOND_NS - 1) == [] and due(made, 6 * SECOND_NS) == [(6 * SECOND_NS, "tick", 0)]


def test_ticks_that_are_no_longer_wanted_end_and_the_others_go_on_as_they_were() -> None:
    made, other, new = schedule(10), ("beta", BTC.id, "tick"), ("gamma", BTC.id, "tick")
    made.set_ticks({KEY: 60 * SECOND_NS, other: 60 * SECOND_NS}, 1)
    made.start(10)
    made.set_ticks({other: 60 * SECOND_NS, new: 30 * SECOND_NS, KEY: 0}, 2)
    made.start(20)
    served = [(one.ts // SECOND_NS, one.key[0], one.cause) for one in made.pop_due(60 * SECOND_NS)]
    assert served == [(60, "beta", 1), (60, "gamma", 2)]


def test_a_timer_of_an_equal_name_is_replaced() -> None:
    made = schedule()
    made.set_timer(KEY, 100, 1)
    made.set_timer(KEY, 50, 2)
    assert list(made.pop_due(200)) == [Due(50, "timer", KEY, 2)]


def test_what_is_due_comes_by_time_then_kind_then_key() -> None:
    made = Schedule(DAY_NS)
    made.start(1)
    made.set_ticks({KEY: DAY_NS}, 1)
    made.start(1)
    made.pause_ends(DAY_NS)
    made.set_timer(("beta", BTC.id, "a"), DAY_NS, 2)
    made.set_timer(("alpha", BTC.id, "b"), DAY_NS, 3)
    made.set_timer(("alpha", BTC.id, "early"), 5, 4)
    kinds = [(one.kind, one.cause) for one in made.pop_due(DAY_NS)]
    assert kinds == [("timer", 4), ("day", 0), ("pause", 0), ("equity", 0), ("timer", 3), ("timer", 2), ("tick", 1)]


def test_what_is_served_may_set_more_that_is_due() -> None:
    made, served = schedule(), []
    made.set_timer(KEY, 10, 1)
    for one in made.pop_due(100):
        served.append(one.ts)
        if one.ts < 40:
            made.set_timer(KEY, one.ts + 10, 1)
    assert served == [10, 20, 30, 40]


def test_a_pause_that_never_ends_is_never_due() -> None:
    made = schedule()
    made.pause_ends(50)
    made.pause_ends(0)
    assert due(made, 100) == []


def test_state_survives_as_plain_data() -> None:
    made = schedule(7)
    made.set_timer(KEY, 100, 1)
    made.set_ticks({("beta", BTC.id, "tick"): SECOND_NS}, 2)
    made.pause_ends(60)
    state = msgspec.msgpack.decode(msgspec.msgpack.encode(made.export_state()))
    fresh = Schedule(NEVER_NS)
    fresh.restore_state(state)
    assert fresh.export_state() == made.export_state()
    assert due(fresh, 3 * SECOND_NS) == due(made, 3 * SECOND_NS) != []


def test_an_engine_restored_before_its_first_input_still_keeps_time() -> None:
    plans = [plan(desk(seat()), equity_every_ns=HOUR_NS) for _ in range(2)]
    fresh = Engine(plans[0])
    fresh.restore_state(Engine(plans[1]).export_state())
    fresh.process(GenerationActivated(5, 1, ()))
    assert of(fresh.process(candle(0, 100, 100, 100, 100)), EquityMarked)


# In the engine


def bot_of(mode: Any, **more: Any) -> Bot:
    return Bot(plan(desk(seat(lambda: mode), **more)))


def fired(bot: Bot) -> list[tuple[str, int]]:
    return [(event.name, event.ts) for event in bot.events(TimerFired)]


def test_timers_fire_in_time_order_before_the_input_and_name_what_set_them() -> None:
    mode = Wishes(
        timer=lambda timer, view: [TimerIntent("later", view.ts + 30 * MINUTE_NS)] if timer.name == "b" else ()
    )
    bot = bot_of(mode)
    mode.wishes = [
        TimerIntent("a", 2 * HOUR_NS + 1),
        TimerIntent("b", HOUR_NS + MINUTE_NS),
        TimerIntent("a", 3 * HOUR_NS),
    ]
    bot.candle(0, 100)
    record = bot.candle(5, 100)
    assert fired(bot) == [("b", HOUR_NS + MINUTE_NS), ("later", HOUR_NS + 31 * MINUTE_NS), ("a", 3 * HOUR_NS)]
    kinds = [type(event).__name__ for event in record.events]
    assert kinds == ["TimerFired", "TimerSet", "TimerFired", "TimerFired", "DecisionDeclined"]
    sets = {event.seq: event.name for event in bot.events(TimerSet)}
    assert [sets[event.cause] for event in bot.events(TimerFired)] == ["b", "later", "a"]


def test_a_timer_for_the_past_fires_at_the_next_instant() -> None:
    mode = Wishes()
    bot = bot_of(mode)
    mode.wishes = [TimerIntent("t", 5)]
    bot.candle(0, 100)
    assert fired(bot) == []
    bot.feed(TimeAdvanced(2 * HOUR_NS))
    assert fired(bot) == [("t", HOUR_NS + 1)]


def test_a_desk_may_ask_for_a_tick_that_does_not_drift() -> None:
    bot = Bot(plan(desk(seat(Wishes), tick_ns=SECOND_NS)), start_ns=5)
    for ts in (SECOND_NS - 1, SECOND_NS + 3, 4 * SECOND_NS + 999):
        bot.feed(TimeAdvanced(ts))
    assert [(event.ts, event.missed) for event in bot.events(TimerFired)] == [(SECOND_NS, 0), (4 * SECOND_NS, 2)]
    assert {event.cause for event in bot.events(TimerFired)} == {1}  # the generation that opened the desk


def test_a_tick_fires_for_a_mode_that_does_not_listen() -> None:
    bot = Bot(plan(desk(seat(OnlySignals), tick_ns=SECOND_NS)))
    bot.feed(TimeAdvanced(SECOND_NS))
    assert len(bot.events(TimerFired)) == 1


def instants() -> list[Any]:
    at = 2 * HOUR_NS
    return [
        Candle(BTC.id, "1h", HOUR_NS, at, 100.0, 100.0, 100.0, 100.0, 1e6),
        Quote(BTC.id, at, 100.0, 100.0, 1.0, 1.0),
        TimeAdvanced(at),
        VenueReports("sim", at, ()),
        ExternalSignal("press", at, "topic"),
    ]


@pytest.mark.parametrize("item", instants(), ids=lambda item: type(item).__name__)
def test_a_timer_due_at_the_very_instant_fires_with_any_input(item: Any) -> None:
    mode = Wishes()
    bot = bot_of(mode)
    mode.wishes = [TimerIntent("t", 2 * HOUR_NS)]
    bot.candle(0, 100)
    bot.feed(item)
    assert fired(bot) == [("t", 2 * HOUR_NS)]


def test_at_one_instant_fills_come_before_timers_and_timers_before_candles() -> None:
    order: list[Any] = []
    mode = Wishes(
        fill=lambda o, fill, view: order.append("fill") or (),
        timer=lambda timer, view: order.append(("timer", view.position, view.price)) or (),
        candle=lambda candle, view: order.append(("candle", candle.close)) or (),
    )
    bot = bot_of(mode)
    mode.wishes = [buy(), TimerIntent("t", 2 * HOUR_NS)]
    bot.candle(0, 100)
    order.clear()
    bot.candle(1, 100, close=110)
    assert order == ["fill", ("timer", 1, 100.0), ("candle", 110.0)]


def test_what_is_told_within_an_instant_takes_no_timer_of_it_before_the_fills_that_are_to_come() -> None:
    order: list[Any] = []
    mode = Wishes(
        fill=lambda o, fill, view: order.append("fill") or (), timer=lambda timer, view: order.append("timer") or ()
    )
    bot = bot_of(mode)
    mode.wishes = [buy(), TimerIntent("t", 2 * HOUR_NS)]
    bot.candle(0, 100)
    bot.feed(Candle("x:ETH/USD", "1d", 0, 2 * HOUR_NS, 1.0, 1.0, 1.0, 1.0, 1.0))  # of the same instant, for no desk
    told = bot.feed(Noted(2 * HOUR_NS, "seen", "BTC", "anna", "within the instant", {}))
    assert told.events == []
    bot.candle(1, 100)
    assert order == ["fill", "timer"]


def test_timers_that_set_themselves_end_and_are_told() -> None:
    mode = Wishes(timer=lambda timer, view: [TimerIntent("t", view.ts + 1)])
    bot = bot_of(mode)
    mode.wishes = [TimerIntent("t", 1)]
    bot.candle(0, 100)
    record = bot.candle(1, 100)
    assert "calls in one input" in of(record, TentacleFailed)[0].error


def test_a_timer_a_minute_serves_a_whole_day_between_two_candles() -> None:
    mode = Wishes(timer=lambda timer, view: [TimerIntent("t", view.ts + MINUTE_NS)])
    bot = bot_of(mode, timeframe="1d")
    mode.wishes = [TimerIntent("t", DAY_NS + MINUTE_NS)]
    bot.candle(0, 100, timeframe="1d")
    bot.candle(24, 100, timeframe="1d")
    assert len(bot.events(TimerFired)) == 1_440 and not bot.events(TentacleFailed)
