"""What one arm of an A/B test did at a moment, in words: what came of a wish, what came in between, and why."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from loligo.model.evaluation import Declined, Direction, Evaluation, Signal
from loligo.model.events import (
    Approved,
    CancelRequested,
    ConsentAsked,
    DecisionDeclined,
    Evaluated,
    OrderRequested,
    OrderSubmitted,
    Refused,
    RiskChecked,
    SignalRaised,
)
from loligo.model.market import Side
from loligo.model.order import Order, OrderKind, OrderRequest, OrderRole
from loligo.model.risk import Outcome, Tier
from loligo_bot.door.experiment_opinions import opinion_words
from loligo_bot.door.experiment_sides import Done, done_by
from loligo_bot.explain import reason_text
from tests.fakes.records import BTC, START

DESK = "alpha"


def signal(way: Direction = Direction.LONG, desk: str = DESK) -> SignalRaised:
    return SignalRaised(10, START, 1, desk, BTC, Signal(way, 0.75, "score", (0.75, 0.7)), ())


def waits(by: str = "strategy", *reason: Any) -> DecisionDeclined:
    return DecisionDeclined(11, START, 10, DESK, BTC, by, Declined(*reason))


def request(quantity: str, side: Side = Side.BUY) -> OrderRequest:
    return OrderRequest(instrument=BTC, side=side, quantity=Decimal(quantity), code="score")


def order(
    quantity: str, side: Side = Side.BUY, code: str = "score", number: int = 1, instrument: str = BTC
) -> OrderSubmitted:
    names: dict[str, Any] = {"id": f"o{number}", "desk": DESK, "account": "paper", "instrument": instrument}
    terms: dict[str, Any] = {"side": side, "kind": OrderKind.LIMIT, "role": OrderRole.ENTRY, "code": code}
    return OrderSubmitted(20 + number, START, 14, DESK, Order(**names, **terms, quantity=Decimal(quantity)))


def row(quantity: str, filled: str, state: str = "filled") -> dict[str, dict[str, Any]]:
    return {"o1": {"quantity": Decimal(quantity), "filled": Decimal(filled), "state": state, "reason": ""}}


def done(*events: Any, orders: dict[str, dict[str, Any]] | None = None) -> Done:
    return done_by(DESK, BTC, events, orders or {})


@pytest.mark.parametrize(
    ("filled", "state", "words"),
    [
        ("0.50", "filled", "bought 0.5"),
        ("0.2", "canceled", "bought 0.2 of 0.5"),
        ("0", "accepted", "ordered to buy 0.5, not filled yet"),
        ("0", "expired", "ordered to buy 0.5, nothing filled (expired)"),
    ],
)
def test_an_order_is_told_by_what_became_of_it(filled: str, state: str, words: str) -> None:
    told = done(signal(), order("0.50"), orders=row("0.50", filled, state))
    assert (told.did, told.why, told.order, told.quantity) == (words, "score 0.75 against 0.7", "buy", Decimal("0.5"))
    assert (told.seq, told.wish) == (21, "long")


def test_an_entry_that_sells_is_short_and_orders_beside_the_first_are_counted() -> None:
    told = done(order("2", Side.SELL, "grid_sell"), order("2", Side.SELL, number=2), orders=row("2", "2"))
    assert (told.did, told.why, told.wish) == ("sold short 2 and 1 more order", "grid sell", "was not asked")


def test_an_order_that_risk_made_smaller_names_the_rule() -> None:
    checked = RiskChecked(
        13, START, 12, DESK, "position_size", Tier.POSITION, Outcome.REDUCED, "position_size", (0.2, 0.1)
    )
    asked = OrderRequested(12, START, 10, DESK, request("1"))
    approved = Approved(14, START, 12, DESK, request("0.5"), Decimal(1))
    told = done(signal(), asked, checked, approved, order("0.5"), orders=row("0.5", "0.5"))
    assert told.did == "bought 0.5, cut from 1"
    assert told.why == "score 0.75 against 0.7; position size 20 % > 10 %"


def refused(rule: str, code: str, *numbers: float) -> Refused:
    return Refused(15, START, 12, DESK, BTC, rule, Tier.POSITION, code, numbers)


@pytest.mark.parametrize(
    ("between", "did", "why"),
    [
        (refused("confidence", "confidence", 0.75, 0.9), "was refused", "confidence 0.75 against 0.9"),
        (
            refused("protective_stop", "stop_too_far", 3, 2),
            "was refused",
            "protective stop: stop too far 300 % > 200 %",
        ),
        (refused("kernel", "paused", 0.0), "was refused", "paused until a person resumes"),
        (ConsentAsked(15, START, 12, DESK, request("1"), START), "asked a person", "score 0.75 against 0.7"),
        (CancelRequested(15, START, 10, DESK, "o9", "signal"), "cancelled an order", "score 0.75 against 0.7"),
        (waits("mode", "already_positioned"), "did nothing", "already positioned"),
    ],
)  # fmt: skip
def test_a_wish_without_an_order_is_told_by_what_came_in_between(between: Any, did: str, why: str) -> None:
    told = done(signal(), between)
    assert (told.did, told.why, told.order) == (f"wanted to buy and {did}", why, "")


def test_who_waits_says_why_and_others_are_not_meant() -> None:
    told = done(signal(desk="beta"), waits("strategy", "no_dip", (0.69994, 0.7)), order("1", instrument="x:ETH/USD"))
    assert (told.did, told.why, told.order, told.wish) == ("waited", "no dip 0.69994 against 0.7", "", "waits")
    assert (done().did, done().seq) == ("was not asked", 0)
    assert done(signal(Direction.FLAT)).did == "wanted out and did nothing"


def test_a_reason_reads_as_a_sentence() -> None:
    assert reason_text("buying_power", (51_234.5, 50_000.0)) == "buying power 51,234 against 50,000"
    assert reason_text("fast_above_slow", (0.0083123, 9120.4, 9050.0)) == "fast above slow 0.00831, 9,120, 9,050"
    assert reason_text("cooldown") == "cooldown"


@pytest.mark.parametrize(
    ("label", "numbers", "names", "words"),
    [
        ("rsi#403f x 1h", (31.23, 30.0), ("rsi",), "rsi 31.2 against 30 (+0.94)"),
        ("rsi@0f3a#403f x 1h", (31.23, 30.0), ("rsi",), "rsi@0f3a 31.2 against 30 (+0.94)"),  # another version of it
        ("macd x 1h", (12.1, 10.34), ("macd", "signal"), "macd 12.1, signal 10.3 (+0.94)"),
        ("cross x 1h", (0.01, 9120.0), ("gap", "fast"), "cross: gap 0.01, fast 9,120 (+0.94)"),
        ("plain x 1h", (3.0, 2.0), (), "plain: mid range 3 against 2 (+0.94)"),
        ("silent x 1h", (), ("one",), "silent: mid range (+0.94)"),
    ],
)
def test_an_opinion_has_its_numbers_by_their_names(
    label: str, numbers: tuple[float, ...], names: tuple[str, ...], words: str
) -> None:
    name = label.partition(" ")[0].partition("#")[0]
    said = Evaluated(2, START, 1, "", label, Evaluation(0.94, "mid_range", numbers))
    assert opinion_words(said, name, {name: names}) == words
