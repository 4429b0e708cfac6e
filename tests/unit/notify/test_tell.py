"""From records to messages: one for each event that matters, with the fields that its kind promises."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from loligo.model.command import CommandKind, Noted, OperatorCommand, SwapEnded, SwapResult, TimeAdvanced
from loligo.model.events import (
    CommandHandled,
    KillSwitchSet,
    OrderReported,
    OrderSubmitted,
    Record,
    Refused,
    Resumed,
    RiskActed,
    TentacleFailed,
    TradeClosed,
)
from loligo.model.market import Side
from loligo.model.order import Filled, Order, OrderKind, OrderRole, VenueFailed
from loligo.model.portfolio import ClosedTrade
from loligo.model.risk import ActionKind, KillLevel, RiskAction, Tier
from loligo.ports.tentacles import Message
from loligo_bot.experiments.keeper import facts_of
from loligo_bot.tell import Orders, messages_of
from loligo_notify import EXAMPLES, Kind, rendered
from tests.fakes.experiments import standing

BTC = "coinbase:BTC/USD"


def order(role: OrderRole = OrderRole.ENTRY, side: Side = Side.BUY) -> Order:
    return Order(
        id=f"trend-{role}",
        desk="trend",
        account="main",
        instrument=BTC,
        side=side,
        kind=OrderKind.MARKET,
        role=role,
        quantity=Decimal("0.012"),
    )


def fill(of: Order) -> Filled:
    return Filled(of.id, 5, "f1", Decimal("43750.5"), Decimal("0.012"), Decimal("0.31"), "USD", False)


def record(*events: Any, input: Any = None) -> Record:
    return Record(1, input or TimeAdvanced(5), list(events))


def one(*events: Any, input: Any = None) -> Message:
    return list(messages_of([record(*events, input=input)]))[-1]


TRADE = ClosedTrade(
    desk="trend",
    account="main",
    instrument=BTC,
    side=Side.BUY,
    quantity=Decimal("0.012"),
    entry_price=Decimal("43750.5"),
    exit_price=Decimal("44835.5"),
    opened_at_ns=1,
    closed_at_ns=5,
    gross=Decimal("13.02"),
    fees=Decimal("0.62"),
    funding=Decimal(0),
    net=Decimal("12.40"),
    exit_role="target",
    entry_order_id="trend-entry",
)
STOP = order(OrderRole.STOP, Side.SELL)
ENTRY = order()
CASES: list[tuple[Kind, str, list[Any], str]] = [
    (Kind.ORDER, "info", [OrderSubmitted(2, 5, 1, "trend", ENTRY)], "trend: buy 0.012 coinbase:BTC/USD, market, entry"),
    (
        Kind.FILL,
        "info",
        [OrderSubmitted(2, 5, 1, "trend", ENTRY), OrderReported(3, 5, 2, "trend", fill(ENTRY))],
        "trend: bought 0.012 coinbase:BTC/USD at 43750.5, entry",
    ),
    (
        Kind.STOP_HIT,
        "warning",
        [OrderSubmitted(2, 5, 1, "trend", STOP), OrderReported(3, 5, 2, "trend", fill(STOP))],
        "trend: stop hit, sold 0.012 coinbase:BTC/USD at 43750.5",
    ),
    (Kind.TRADE_CLOSED, "info", [TradeClosed(2, 5, 1, "trend", TRADE)], EXAMPLES[Kind.TRADE_CLOSED].text),
    (
        Kind.ENTRY_REFUSED,
        "warning",
        [Refused(2, 5, 1, "trend", BTC, "drawdown", Tier.ACCOUNT, "max_drawdown", (0.21, 0.2))],
        EXAMPLES[Kind.ENTRY_REFUSED].text,
    ),
    (
        Kind.ENTRY_REFUSED,
        "warning",
        [Refused(2, 5, 1, "trend", BTC, "consent", Tier.STRATEGY, "consent_lapsed", ())],
        "trend: nobody agreed in time, the entry into coinbase:BTC/USD was not sent",
    ),
    (
        Kind.PROTECTION,
        "problem",
        [
            RiskActed(
                2, 5, 1, "", "account:main", "drawdown", Tier.ACCOUNT, RiskAction(ActionKind.FLATTEN, "max_drawdown")
            )
        ],
        "account:main: drawdown ordered flatten (max_drawdown)",
    ),
    (Kind.PROTECTION, "info", [Resumed(2, 5, 1, "trend", "trend", "web:anna")], "trend: resumed by web:anna"),
    (
        Kind.PROTECTION,
        "problem",
        [KillSwitchSet(2, 5, 1, "", KillLevel.FLATTEN, "web:anna")],
        "kill switch set to 3 by web:anna",
    ),
    (
        Kind.TENTACLE_FAILED,
        "problem",
        [TentacleFailed(2, 5, 1, "", "evaluator rsi", "on_candle", "ZeroDivisionError: division by zero", 1)],
        EXAMPLES[Kind.TENTACLE_FAILED].text,
    ),
    (
        Kind.ERROR,
        "problem",
        [OrderReported(2, 5, 1, "trend", VenueFailed("", 5, "coinbase", "submit", "TimeoutError"))],
        EXAMPLES[Kind.ERROR].text,
    ),
]


@pytest.mark.parametrize(("kind", "level", "events", "text"), CASES)
def test_an_event_is_told_by_its_kind_with_its_numbers(kind: Kind, level: str, events: list[Any], text: str) -> None:
    told = one(*events)
    assert (told.kind, told.level, told.text, told.seq) == (kind, level, text, events[-1].seq)
    assert told.fields.keys() >= EXAMPLES[kind].fields.keys()
    assert rendered(told).startswith(text)


@pytest.mark.parametrize(
    ("result", "kind", "level"),
    [
        (SwapResult.GOOD, Kind.TENTACLE_SWAPPED, "info"),
        (SwapResult.ROLLED_BACK, Kind.TENTACLE_ROLLED_BACK, "problem"),
        (SwapResult.REFUSED, Kind.TENTACLE_REFUSED, "warning"),
    ],
)
def test_an_exchange_is_told_by_how_it_ended(result: SwapResult, kind: Kind, level: str) -> None:
    changed = ("evaluator/rsi 1.0.0 -> 1.1.0",)
    swap = SwapEnded(5, 7, "web:anna", "", "now", "replace", changed, (), result, "because", 12)
    told = one(input=swap)
    assert (told.kind, told.level, told.seq) == (kind, level, 1)
    assert told.fields.keys() == EXAMPLES[kind].fields.keys()
    assert not list(messages_of([record(input=msg_unchanged(swap))]))


def msg_unchanged(swap: SwapEnded) -> SwapEnded:
    return SwapEnded(
        swap.ts, 8, swap.by, "", "now", "replace", (), (), SwapResult.UNCHANGED, "it runs already", swap.took_ms
    )


def test_a_command_is_told_with_who_gave_it_and_whether_it_was_done() -> None:
    command = OperatorCommand("c1", 5, CommandKind.PAUSE, "trend", by="telegram:1")
    told = one(CommandHandled(2, 5, 1, "", "c1", False, "there is no desk trend"), input=command)
    assert (told.kind, told.level, told.text) == (Kind.COMMAND, "warning", "there is no desk trend")
    assert (told.fields["by"], told.fields["done"]) == ("telegram:1", "no")


@pytest.mark.parametrize(
    ("name", "level"),
    [("better", "info"), ("worse", "info"), ("same", "info"), ("stopped", "problem"), ("invalid", "problem")],
)
def test_every_verdict_is_told_and_one_that_needs_a_person_as_a_problem(name: str, level: str) -> None:
    stands = standing(name)
    assert stands is not None
    facts = facts_of(stands)
    told = one(
        input=Noted(5, "verdict", name, "experiment", f"{name}: {facts['headline']}. {facts['sentence']}", facts)
    )
    assert (told.kind, told.level, told.fields["experiment"]) == (Kind.VERDICT, level, name)
    assert told.fields.keys() == EXAMPLES[Kind.VERDICT].fields.keys()
    assert facts["headline"] in rendered(told) and facts["sentence"] in rendered(told)


def test_a_verdict_of_many_is_told_with_the_figures_of_the_arm_that_it_is_about() -> None:
    stands = standing("many")
    assert stands is not None
    judgement, facts = stands.judgement, facts_of(stands)
    about = next(pair for pair in judgement.pairs if pair.challenger == judgement.winner)
    assert about is not judgement.pairs[0] and about.effect is not None
    assert (facts["day"], facts["verdict_day"]) == (str(about.day), str(about.verdict_day))
    assert facts["percent_per_month"] == f"{about.effect.percent_per_month:.3f}"


def test_the_order_of_a_fill_is_looked_up_where_it_is_older_than_the_run() -> None:
    asked: list[str] = []

    def look_up(order_id: str) -> dict[str, Any]:
        asked.append(order_id)
        return {"instrument": BTC, "side": "sell", "role": "trail"}

    orders = Orders(look_up)
    events = [OrderReported(seq, 5, 1, "trend", fill(STOP)) for seq in (2, 3)]
    told = list(messages_of([record(*events)], orders))
    assert [one.kind for one in told] == [Kind.STOP_HIT, Kind.STOP_HIT]
    assert asked == [STOP.id]
