"""The desk, clock and inbox that authors' tests are made of: real engine, real venue, figures by hand."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from loligo.api import ConfigError, Direction, Evaluation, MakeContext, OrderRole, Side, Signal, Trade
from loligo_testing import BTC, ReplayClock, SimulatedDesk, tape
from loligo_testing.parts import bundled, maker

FREE = {"slippage_rate": 0.0, "max_volume_share": None}
SECOND_NS = 1_000_000_000


def test_a_script_of_signals_becomes_orders_fills_and_a_round_trip() -> None:
    desk = SimulatedDesk(signals={0: Direction.LONG, 2: Direction.FLAT}, fills=FREE)
    run = desk.run(tape.closes([100.0, 100.0, 101.0, 101.0]))
    # A tenth of 10,000 at 100 is 10; bought after candle 0 at 100, sold after candle 2 at 101, 0.1 % of fee each time.
    assert [(order.role, order.quantity) for order in run.orders if order.role is not OrderRole.STOP] == [
        (OrderRole.ENTRY, 10),
        (OrderRole.EXIT, 10),
    ]
    (trade,) = run.trades
    assert (trade.entry_price, trade.exit_price, trade.gross) == (100, 101, 10)
    assert trade.net == Decimal(10) - Decimal("1.00") - Decimal("1.01")
    assert run.equity == pytest.approx(10_000 + 7.99)


def test_the_rules_that_come_with_loligo_refuse_with_their_numbers() -> None:
    weak = {0: Signal(Direction.LONG, 0.3, "weak")}  # the desk's min_confidence is 0.7
    run = SimulatedDesk(signals=weak, rules=["confidence"]).run(tape.closes([100.0, 100.0]))
    (refusal,) = run.refusals
    assert (refusal.rule, refusal.numbers) == ("confidence", (0.3, 0.7))
    assert run.orders == []


def test_an_unknown_rule_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(ConfigError, match='no risk_rule "confidenze" came with Loligo; there are: buying_power, '):
        SimulatedDesk(rules=["confidenze"]).run(tape.closes([100.0]))


def test_a_failure_of_the_tentacle_under_test_is_in_the_run() -> None:
    class Broken:
        state_version, warmup = 1, 0

        def on_candle(self, candle: Any) -> Evaluation:
            raise OSError("no")

    run = SimulatedDesk(evaluators={"broken": lambda context: Broken()}).run(tape.closes([100.0, 100.0]))
    assert [failure.error for failure in run.failures] == ["OSError: no", "OSError: no"]


def test_evaluators_of_trades_work_on_a_desk_that_every_opinion_triggers() -> None:
    evaluator = maker(bundled("evaluator", "instant_fluctuation"), {"min_prices": 2})
    desk = SimulatedDesk(evaluators={"moves": evaluator}, timeframe="", fills={"match_on": "trades"})
    prices = [100.0, 100.0, 100.0, 103.0, 103.0]
    run = desk.run(Trade(BTC.id, n * SECOND_NS, price, 1000.0, Side.BUY) for n, price in enumerate(prices, 1))
    assert run.evaluations[0].code == "move"  # 103 against a mean of 100: 3 %
    assert run.position > 0


def test_a_place_is_told_where_it_is() -> None:
    told: list[MakeContext] = []

    def mode(context: MakeContext) -> Any:
        told.append(context)
        return maker(bundled("trading_mode", "signal_spot"))(context)

    SimulatedDesk(mode=mode, timeframe="4h").run(tape.closes([100.0], timeframe="4h"))
    assert {(context.instrument, context.timeframe, context.desk) for context in told} == {(BTC, "4h", "test")}


def test_two_runs_of_a_desk_are_equal_to_the_last_event() -> None:
    desk, candles = SimulatedDesk(signals={1: Direction.LONG, 30: Direction.FLAT}), tape.walk(60)
    assert desk.run(candles).records == desk.run(candles).records


def test_tapes_go_where_they_say_and_real_candles_are_real() -> None:
    up, down = tape.rising(50), tape.falling(50)
    assert all(after.close > before.close for before, after in pairwise(up))
    assert [each.close + other.close for each, other in zip(up, down, strict=True)] == pytest.approx([200.0] * 50)
    assert all(each.low <= min(each.open, each.close) for each in [*up, *down, *tape.walk(50)])
    newest = tape.real(1)[0]  # 2020-01-16 of the bundled file, see SOURCES.md beside it
    assert (newest.opened_at_ns, newest.close) == (1_579_132_800 * SECOND_NS, 8710.15)


def test_nobody_waits_on_a_replay_clock_but_for_its_being_moved() -> None:
    clock, woken = ReplayClock(5 * SECOND_NS), list[str]()

    async def sleep(name: str, until_s: int) -> None:
        await clock.sleep_until(until_s * SECOND_NS)
        woken.append(name)

    async def scene() -> None:
        async with asyncio.TaskGroup() as group:
            for name, until_s in (("late", 9), ("past", 3), ("soon", 7)):
                group.create_task(sleep(name, until_s))
            while woken != ["past"]:
                await asyncio.sleep(0)
            assert clock.next_due_ns == 7 * SECOND_NS
            clock.advance(2.0)
            while len(woken) < 2:
                await asyncio.sleep(0)
            clock.advance_to(20 * SECOND_NS)

    asyncio.run(scene())
    assert woken == ["past", "soon", "late"]
    with pytest.raises(ValueError, match="cannot go back"):
        clock.advance_to(0)
