"""A call that was ended from outside: a failure, a fresh instance, and in a replay the same without the call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from loligo.engine.engine import Engine
from loligo.engine.plan import EnginePlan
from loligo.errors import TentacleInterrupted
from loligo.model.events import Evaluated, OrderSubmitted, Refused, RiskActed, TentacleFailed
from loligo.model.order import OrderRole
from loligo.model.risk import Tier, passed
from loligo.model.timeframe import HOUR_NS
from tests.fakes.desks import (
    LETS_ACCOUNT,
    LETS_POSITION,
    LETS_STRATEGY,
    Bot,
    CandleSays,
    Counts,
    Decides,
    Lets,
    Watches,
    Wishes,
    account,
    buy,
    desk,
    evaluator,
    long_signal,
    of,
    opinion,
    plan,
    quiet,
    rule,
    seat,
    sell,
)

HANGS_AT_NS = 4 * HOUR_NS  # the close of candle 3
TEXT = "interrupted after 5 s in logic.py, line 7"
Hang = Callable[[int, str], None]  # is told when and for which desk a tentacle is called


def live(ts: int, desk_name: str) -> None:
    if ts == HANGS_AT_NS and desk_name == "beta":
        raise TentacleInterrupted(TEXT)


def in_replay(ts: int, desk_name: str) -> None:
    """Fail in another way, were the call made: the records would differ."""
    assert ts != HANGS_AT_NS or desk_name != "beta", "called again"


def counting(hang: Hang, when: Callable[..., tuple[int, str]], answer: Callable[[int], Any]) -> Callable[..., Any]:
    """Return a call that hangs, and answers with a function of how often this instance was asked."""
    asked = 0

    def call(*given: Any) -> Any:
        nonlocal asked
        hang(*when(*given))
        asked += 1
        return answer(asked)

    return call


def of_candle(candle: Any) -> tuple[int, str]:
    return candle.ts, "beta"


def of_board(board: Any) -> tuple[int, str]:
    return board.ts, "beta"


def of_view(*given: Any) -> tuple[int, str]:
    return given[-1].ts, given[-1].desk


def buyer() -> Wishes:
    """Buys at candle 1 and sells at candle 3, and in between wants more."""
    return Wishes(candle=lambda candle, view: [sell() if candle.ts == HANGS_AT_NS else buy("0.1")])


def two_desks(
    make_seat: Callable[[], Any], *, desk_rules: Any = (), account_rules: Any = (LETS_ACCOUNT,)
) -> EnginePlan:
    """Return desks that do the same, of which only "beta" meets the hang."""
    rules = (LETS_POSITION, LETS_STRATEGY, *desk_rules)
    return plan(
        *(desk(make_seat(), name=name, rules=rules) for name in ("alpha", "beta")),
        accounts=[account(rules=account_rules)],
    )


def hanging_evaluator(hang: Hang) -> EnginePlan:
    says = evaluator(lambda: CandleSays(counting(hang, of_candle, lambda asked: opinion(asked / 100))))
    return two_desks(lambda: seat(buyer, evaluators=[says]))


def hanging_strategy(hang: Hang) -> EnginePlan:
    def make() -> Decides:
        return Decides(counting(hang, of_board, lambda asked: long_signal(asked / 100)))

    calm = desk(seat(buyer, decide=quiet), name="alpha")
    return plan(calm, desk(replace(seat(buyer), make_strategy=make), name="beta"))


def hanging_mode(hang: Hang) -> EnginePlan:
    def make() -> Wishes:
        return Wishes(candle=counting(hang, of_view, lambda asked: [buy(f"0.{asked}")] if asked > 1 else []))

    return two_desks(lambda: seat(make))


def hanging_check(hang: Hang) -> EnginePlan:
    limit = rule(lambda: Lets(Tier.POSITION, counting(hang, of_view, lambda asked: passed("fine", asked))), "limit")
    return two_desks(lambda: seat(lambda: Wishes(candle=lambda candle, view: [buy("0.1")])), desk_rules=(limit,))


def hanging_watch(hang: Hang) -> EnginePlan:
    """An account's rule, asked for each desk that holds something: the same instance, twice with nothing between."""
    guard = rule(lambda: Watches(Tier.ACCOUNT, counting(hang, of_view, lambda asked: None)), "guard")
    return two_desks(lambda: seat(buyer), account_rules=(LETS_ACCOUNT, guard))


def hanging_count(hang: Hang) -> EnginePlan:
    """Asked at the fill that closes the trade, which belongs to the candle after the order."""

    def when(trade: Any, view: Any) -> tuple[int, str]:
        return HANGS_AT_NS, view.desk

    tally = rule(lambda: Counts(Tier.STRATEGY, counting(hang, when, lambda asked: None)), "tally")
    return two_desks(lambda: seat(buyer), desk_rules=(tally,))


PLANS = [hanging_evaluator, hanging_strategy, hanging_mode, hanging_check, hanging_watch, hanging_count]


@pytest.mark.parametrize("make_plan", PLANS)
def test_an_interrupted_call_is_one_failure_and_a_replay_comes_to_the_same_bytes_without_making_it(
    make_plan: Callable[[Hang], EnginePlan],
) -> None:
    bot = Bot(make_plan(live))
    for hour in range(8):
        bot.candle(hour, 100)
    assert [(event.error, event.is_interrupted) for event in bot.events(TentacleFailed)] == [(TEXT, True)]
    again = Engine(make_plan(in_replay))
    for record in bot.records:
        assert msgspec.msgpack.encode(again.replay(record)) == msgspec.msgpack.encode(record)
    assert msgspec.msgpack.encode(again.export_state()) == msgspec.msgpack.encode(bot.engine.export_state())


def test_a_fresh_instance_takes_the_place_of_the_interrupted_one() -> None:
    bot = Bot(hanging_evaluator(live))
    values = [[event.evaluation.value for event in of(bot.candle(hour, 100), Evaluated)] for hour in range(6)]
    assert values == [[0.01], [0.02], [0.03], [], [0.01], [0.02]]  # it counts the candles that it saw


def test_a_hung_rule_denies_the_entry_and_lets_the_exit_through() -> None:
    """At candle 3 the desk enters, which its rule does not answer, and then leaves, which no rule is asked about."""

    def wishes(candle: Any, view: Any) -> list[Any]:
        return [buy("0.1"), sell("0.1")] if candle.ts == HANGS_AT_NS else [buy("0.1")] if not view.position else []

    limit = rule(lambda: Lets(Tier.POSITION, counting(live, of_view, lambda asked: passed("fine"))), "limit")
    bot = Bot(plan(desk(seat(lambda: Wishes(candle=wishes)), name="beta", rules=(limit, LETS_STRATEGY))))
    for hour in range(3):
        bot.candle(hour, 100)
    record = bot.candle(3, 100)
    assert [(event.tentacle, event.call) for event in of(record, TentacleFailed)] == [("limit", "check")]
    assert [(event.rule, event.code) for event in of(record, Refused)] == [("limit", "rule_failed")]
    assert [event.order.role for event in of(record, OrderSubmitted)] == [OrderRole.EXIT]
    bot.candle(4, 100)
    assert bot.position("beta") == 0


def test_a_hung_watch_pauses_its_scope() -> None:
    bot = Bot(hanging_watch(live))
    for hour in range(4):
        bot.candle(hour, 100)
    (acted,) = bot.events(RiskActed)
    assert (acted.scope, acted.rule, acted.action.code) == ("account:paper", "guard", "rule_failed")
