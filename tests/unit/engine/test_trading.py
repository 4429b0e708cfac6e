"""Trading: intents of modes, sound and unsound, and how far a mode may go."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from loligo.model.evaluation import Declined
from loligo.model.events import (
    AmendRequested,
    CancelRequested,
    DecisionDeclined,
    OrderReported,
    OrderRequested,
    OrderSubmitted,
    TentacleFailed,
    TimerSet,
)
from loligo.model.market import Quote
from loligo.model.order import Filled, OrderRole, OrderState, Rejected
from loligo.model.timeframe import HOUR_NS
from loligo.ports.tentacles import AmendIntent, CancelIntent, TimerIntent
from tentacles.venues.simulated.settings import MatchOn
from tests.fakes.desks import (
    BTC,
    PERP,
    Bot,
    OnlySignals,
    Wishes,
    buy,
    desk,
    free_venue,
    long_signal,
    of,
    plan,
    seat,
    sell,
)

NAN = Decimal("NaN")


def bot_of(mode: Any, **more: Any) -> Bot:
    return Bot(plan(desk(seat(lambda: mode, **more))))


def test_a_declined_intent_is_told_as_the_modes() -> None:
    mode = Wishes()
    mode.wishes = [Declined("too_small", (1.0,))]
    (event,) = of(bot_of(mode).candle(0, 100), DecisionDeclined)[:1]
    assert (event.by, event.declined.code) == ("mode", "too_small")


@pytest.mark.parametrize("call", ["candle", "signal", "fill", "end", "timer"])
def test_a_mode_that_raises_is_told_and_its_position_keeps_its_stop(call: str) -> None:
    def broken(*given: Any) -> Any:
        raise KeyError(call)

    mode = Wishes(**{call: broken})
    bot = bot_of(mode, decide=lambda board: long_signal())
    mode.wishes = [buy(), TimerIntent("t", 1), buy("0.001", None)]  # the last is below the minimum: rejected
    for hour in range(3):
        bot.candle(hour, 100)
    assert {event.tentacle for event in bot.events(TentacleFailed)} == {"mode"}
    assert bot.roles() == ([] if call == "candle" else [("stop", "1")])


@pytest.mark.parametrize("answer", [None, 5, [buy()] * 201])
def test_an_answer_that_is_no_short_list_is_a_failure_and_does_nothing(answer: Any) -> None:
    bot = bot_of(Wishes(signal=lambda *given: answer), decide=lambda board: long_signal())
    record = bot.candle(0, 100)
    assert len(of(record, TentacleFailed)) == 1 and not of(record, OrderRequested)


@pytest.mark.parametrize(
    "intent",
    [
        "buy",
        replace(buy(), quantity=1.5),
        replace(buy(), quantity=NAN),
        replace(buy(), quantity=None),
        replace(buy(), limit_price=100.0),
        replace(buy(), stop_loss_price=NAN),
        replace(buy(), take_profit_price=float("inf")),
        replace(buy(), trailing_stop_rate=0.01),
        replace(buy(), leverage=2),
        replace(buy(), side="up"),
        replace(buy(), kind="iceberg"),
        replace(buy(), expires_at_ns="soon"),
        replace(buy(), instrument=PERP.id),
        replace(buy(), role=OrderRole.STOP),
        replace(buy(), role=OrderRole.FLATTEN),
        TimerIntent("t", "soon"),  # type: ignore[arg-type]
        CancelIntent("nothing"),
        AmendIntent("nothing", Decimal(1)),
    ],
)
def test_an_impossible_intent_is_the_modes_failure_and_the_sound_ones_beside_it_count(intent: Any) -> None:
    mode = Wishes()
    mode.wishes = [intent, buy()]
    bot = bot_of(mode)
    record = bot.candle(0, 100)
    assert [(event.tentacle, event.call) for event in of(record, TentacleFailed)] == [("mode", "on_candle")]
    assert len(of(record, OrderSubmitted)) == 1
    bot.candle(1, 100)
    assert bot.position() == 1


def test_a_mode_hears_of_its_fills_and_of_orders_that_end_without_one() -> None:
    heard: list[Any] = []
    mode = Wishes(
        fill=lambda order, fill, view: heard.append((order.state, fill.quantity, view.position)) or (),
        end=lambda order, view: heard.append(order.state) or (),
    )
    bot = bot_of(mode)
    mode.wishes = [buy(), buy("1", limit_price="100.001")]
    bot.candle(0, 100)
    bot.candle(1, 100)
    assert heard == [OrderState.REJECTED, (OrderState.FILLED, Decimal(1), Decimal(1))]


def test_a_mode_may_be_deaf() -> None:
    bot = bot_of(OnlySignals(), decide=lambda board: long_signal())
    assert not of(bot.candle(0, 100), TentacleFailed)


def test_a_mode_cancels_and_amends_its_own_open_orders() -> None:
    mode = Wishes()
    bot = bot_of(mode)
    mode.wishes = [buy("2", limit_price="90", stop="80"), buy("2", limit_price="91", stop="80")]
    bot.candle(0, 100)
    one, other = bot.open_orders()
    mode.wishes = [CancelIntent(one.id, "turned"), AmendIntent(other.id, Decimal(1), Decimal("90.5"))]
    record = bot.candle(1, 100)
    assert [(event.order_id, event.code) for event in of(record, CancelRequested)] == [(one.id, "turned")]
    assert [event.limit_price for event in of(record, AmendRequested)] == [Decimal("90.5")]
    (left,) = bot.open_orders()
    assert (left.id, left.quantity, left.limit_price) == (other.id, Decimal(1), Decimal("90.5"))


def test_a_mode_cannot_touch_the_orders_of_another_desk() -> None:
    mine, theirs = Wishes(), Wishes()
    bot = Bot(plan(desk(seat(lambda: mine), name="alpha"), desk(seat(lambda: theirs), name="beta")))
    theirs.wishes = [buy("1", limit_price="90", stop="80")]
    bot.candle(0, 100)
    mine.wishes = [CancelIntent(bot.open_orders("beta")[0].id)]
    record = bot.candle(1, 100)
    assert "not an open order of alpha" in of(record, TentacleFailed)[0].error
    assert len(bot.open_orders("beta")) == 1


@pytest.mark.parametrize(
    ("role", "intent"),
    [
        ("stop", lambda o: CancelIntent(o.id)),
        ("stop", lambda o: AmendIntent(o.id, Decimal("0.5"))),
        ("stop", lambda o: AmendIntent(o.id, o.quantity, None, Decimal("89"))),  # away from the market
        ("target", lambda o: CancelIntent(o.id)),
        ("target", lambda o: AmendIntent(o.id, Decimal("0.5"))),
    ],
)
def test_a_mode_cannot_take_away_shrink_or_loosen_protection(role: str, intent: Any) -> None:
    mode = Wishes()
    bot = bot_of(mode)
    mode.wishes = [buy(take_profit_price="120")]
    bot.candle(0, 100)
    bot.candle(1, 100)
    before = bot.open_orders()
    mode.wishes = [intent(next(order for order in before if order.role == role))]
    record = bot.candle(2, 100)
    assert "protects a position" in of(record, TentacleFailed)[0].error
    assert bot.open_orders() == before


def test_a_mode_may_move_a_stop_towards_the_market() -> None:
    mode = Wishes()
    bot = bot_of(mode)
    mode.wishes = [buy()]
    bot.candle(0, 100)
    bot.candle(1, 100)
    stop = bot.open_orders()[0]
    mode.wishes = [AmendIntent(stop.id, stop.quantity, None, Decimal(95))]
    bot.candle(2, 100)
    assert [order.trigger_price for order in bot.open_orders()] == [Decimal(95)]


@pytest.mark.parametrize("terms", [("3", None), ("2", "95"), ("1", "95")])
def test_an_entry_cannot_be_amended_past_the_gate(terms: tuple[str, str | None]) -> None:
    """A larger quantity or a worse limit was never approved."""
    mode = Wishes()
    bot = bot_of(mode)
    mode.wishes = [buy("2", limit_price="90", stop="80")]
    bot.candle(0, 100)
    quantity, limit = terms
    mode.wishes = [AmendIntent(bot.open_orders()[0].id, Decimal(quantity), Decimal(limit) if limit else None)]
    record = bot.candle(1, 100)
    assert "risk gate" in of(record, TentacleFailed)[0].error and not of(record, AmendRequested)


def test_a_timer_intent_is_an_event_with_its_time() -> None:
    mode = Wishes()
    mode.wishes = [TimerIntent("check", 5 * HOUR_NS)]
    (event,) = of(bot_of(mode).candle(0, 100), TimerSet)
    assert (event.instrument, event.name, event.due_ns) == (BTC.id, "check", 5 * HOUR_NS)


def test_a_thousand_inputs_are_not_a_thousand_calls_of_one_input() -> None:
    bot = bot_of(Wishes(), decide=lambda board: long_signal())
    for hour in range(1_100):
        bot.candle(hour, 100)
    assert not bot.events(TentacleFailed)


def test_a_loop_of_fills_and_orders_ends_and_leaves_the_other_desk_its_calls() -> None:
    """On quotes a market order fills at once, so a mode that answers each fill with an order would never end."""
    venue = free_venue(match_on=MatchOn.QUOTES)
    looping = Wishes(fill=lambda order, fill, view: [buy("0.2", None)])
    calm = Wishes()
    bot = Bot(plan(desk(seat(lambda: looping), name="alpha"), desk(seat(lambda: calm), name="beta"), venue=venue))
    bot.feed(Quote(BTC.id, 1, 99.0, 100.0, 1e9, 1e9))
    looping.wishes, calm.wishes = [buy("0.2", None)], [buy("0.2", None)]
    record = bot.candle(0, 100)
    failures = of(record, TentacleFailed)
    assert failures and {event.desk for event in failures} == {"alpha"} and "calls in one input" in failures[0].error
    assert calm.calls.count("fill") == 1
    assert 500 < looping.calls.count("fill") < 5_000


def test_an_exit_off_the_lot_is_rounded_to_it() -> None:
    mode = Wishes()
    bot = bot_of(mode)
    mode.wishes = [buy()]
    bot.candle(0, 100)
    bot.candle(1, 100)
    mode.wishes = [sell("0.50005")]
    bot.candle(2, 100)
    record = bot.candle(3, 100)
    assert not [e for e in bot.events(OrderReported) if isinstance(e.report, Rejected)]
    assert [e.report.quantity for e in of(record, OrderReported) if isinstance(e.report, Filled)] == [Decimal("0.500")]
