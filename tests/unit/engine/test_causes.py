"""Every cancel and amendment descends from who asked for it, and every answer from what it answers."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from loligo.model.command import CommandKind, VenueReports
from loligo.model.events import (
    AmendRequested,
    CancelRequested,
    OrderReported,
    OrderRequested,
    RiskActed,
    SignalRaised,
    TimerFired,
)
from loligo.model.order import Accepted, Amended, Canceled, Rejected
from loligo.model.risk import ActionKind, RiskAction, Tier
from loligo.model.timeframe import HOUR_NS
from loligo.ports.tentacles import AmendIntent, CancelIntent, TimerIntent
from tests.fakes.desks import (
    LETS_POSITION,
    Bot,
    CandleSays,
    Watches,
    Wishes,
    buy,
    desk,
    evaluator,
    long_signal,
    of,
    opinion,
    plan,
    rule,
    seat,
    sell,
)


def entry(**terms: Any) -> Any:
    return buy("2", limit_price="90", stop="80", **terms)


def first_order(bot: Bot) -> str:
    return bot.open_orders()[0].id


@pytest.mark.parametrize("kind", [ActionKind.PAUSE, ActionKind.FLATTEN, ActionKind.TIGHTEN])
def test_what_a_rule_orders_is_caused_by_the_event_that_says_so(kind: ActionKind) -> None:
    """Long 1 with a stop at 90 and an entry at 80 waiting; at 95 the rule acts."""
    mode = Wishes()
    action = RiskAction(kind, "x", price=93.0)
    watch = rule(lambda: Watches(Tier.STRATEGY, lambda view: action if view.price == 95 else None))
    bot = Bot(plan(desk(seat(lambda: mode), rules=(LETS_POSITION, watch))))
    mode.wishes = [buy("1"), buy("1", limit_price="80", stop="70")]
    bot.candle(0, 100)
    bot.candle(1, 100)
    record = bot.candle(2, 95)
    (acted,) = of(record, RiskActed)
    by_kind: dict[ActionKind, list[type[Any]]] = {
        ActionKind.PAUSE: [CancelRequested],
        ActionKind.FLATTEN: [CancelRequested, OrderRequested],
        ActionKind.TIGHTEN: [AmendRequested],
    }
    asked = by_kind[kind]
    assert [event.cause for asking in asked for event in of(record, asking)] == [acted.seq] * len(asked)


def test_what_a_mode_changes_is_caused_by_what_it_was_asked_about() -> None:
    """By the signal in the first hour, by the timer in the second."""

    def on_signal(signal: Any, view: Any) -> list[Any]:
        if not view.open_orders:
            return []
        return [AmendIntent(view.open_orders[0].id, Decimal(1)), TimerIntent("later", view.ts + HOUR_NS)]

    mode = Wishes(signal=on_signal, timer=lambda timer, view: [CancelIntent(view.open_orders[0].id)])
    says = evaluator(lambda: CandleSays(lambda candle: opinion(1.0)))
    bot = Bot(plan(desk(seat(lambda: mode, evaluators=(says,), decide=lambda board: long_signal()))))
    mode.wishes = [entry()]
    first = bot.candle(0, 100)
    second = bot.candle(1, 100)
    assert of(first, AmendRequested)[0].cause == of(first, SignalRaised)[0].seq
    assert of(second, CancelRequested)[0].cause == of(second, TimerFired)[0].seq


def test_each_answer_is_caused_by_its_own_request() -> None:
    mode = Wishes()
    bot = Bot(plan(desk(seat(lambda: mode)), is_live=True))
    mode.wishes = [entry()]
    bot.candle(0, 100)
    name = first_order(bot)
    mode.wishes = [AmendIntent(name, Decimal("1.5")), AmendIntent(name, Decimal(1))]
    bot.candle(1, 100)
    bot.command(CommandKind.CANCEL, name)
    refused = Rejected(name, HOUR_NS, "busy", of="cancel")
    amended = [Amended(name, HOUR_NS, Decimal(quantity), Decimal(90), None) for quantity in ("1.5", "1")]
    said = bot.feed(VenueReports("sim", bot.engine.now_ns, (Accepted(name, HOUR_NS), *amended, refused)))
    amends, (cancel,) = bot.events(AmendRequested), bot.events(CancelRequested)
    accepted, *answers = of(said, OrderReported)
    assert [answer.cause for answer in answers] == [amends[0].seq, amends[1].seq, cancel.seq]
    gone = bot.feed(VenueReports("sim", bot.engine.now_ns, (Canceled(name, HOUR_NS, "oco"),)))
    assert of(gone, OrderReported)[0].cause == accepted.seq  # nobody asked for that one


def test_protection_that_a_fill_makes_too_large_is_cut_by_that_fill() -> None:
    mode = Wishes()
    bot = Bot(plan(desk(seat(lambda: mode))))
    mode.wishes = [buy("2")]
    bot.candle(0, 100)
    bot.candle(1, 100)
    mode.wishes = [sell("0.5")]
    bot.candle(2, 100)
    record = bot.candle(3, 100)
    (cut,) = of(record, AmendRequested)
    assert cut.code == "position_shrank"
    assert cut.cause == of(record, OrderReported)[0].seq
