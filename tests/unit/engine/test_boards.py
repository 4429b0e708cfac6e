"""Boards: desks with the same evaluators read one, and each reads what it would on a board of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from loligo.engine.engine import Engine
from loligo.engine.plan import DeskPlan, EvaluatorPlan
from loligo.model.evaluation import Declined
from tests.fakes.desks import Bot, CandleSays, desk, evaluator, opinion, plan, seat

Seen = list[tuple[float, float | None, float | None]]  # price of the board, then what stands in its places


def notes(seen: Seen) -> Callable[[Any], Declined]:
    def decide(board: Any) -> Declined:
        first, second = (said.value if said is not None else None for said in board.evaluations)
        seen.append((board.price, first, second))
        return Declined("noted")

    return decide


def evaluators() -> tuple[EvaluatorPlan, EvaluatorPlan]:
    hourly = evaluator(lambda: CandleSays(lambda candle: opinion(candle.close / 1000)), "hourly")
    return hourly, evaluator(lambda: CandleSays(lambda candle: opinion(-0.5)), "slow", timeframe="4h")


def reader(name: str, seen: Seen, read: Sequence[EvaluatorPlan]) -> DeskPlan:
    return desk(seat(evaluators=read, decide=notes(seen)), name=name)


def test_each_desk_reads_the_evaluators_in_its_own_order() -> None:
    seen: dict[str, Seen] = {"alpha": [], "beta": [], "gamma": []}
    hourly, slow = evaluators()
    orders = {"alpha": (hourly, slow), "beta": (slow, hourly), "gamma": (hourly, slow)}
    bot = Bot(plan(*(reader(name, seen[name], read) for name, read in orders.items())))
    bot.candle(0, 100)
    bot.candle(0, 400, timeframe="4h")
    bot.candle(4, 200)
    expected = [(100.0, 0.1, None), (200.0, 0.2, -0.5)]
    assert seen["alpha"] == seen["gamma"] == expected
    assert seen["beta"] == [(price, slow_said, hourly_said) for price, hourly_said, slow_said in expected]


def test_desk_that_joins_at_a_restart_begins_with_an_empty_board() -> None:
    old: Seen = []
    new: Seen = []
    read = evaluators()
    before = Bot(plan(reader("alpha", [], read), reader("beta", [], read)))
    before.candle(0, 400, timeframe="4h")
    after = Engine(plan(reader("alpha", old, read), reader("beta", [], read), reader("newcomer", new, read)))
    after.restore_state(before.engine.export_state())
    restarted = Bot.__new__(Bot)
    restarted.engine, restarted.records = after, []
    restarted.candle(4, 200)
    assert old == [(200.0, 0.2, -0.5)]
    assert new == [(200.0, 0.2, None)]  # the slow one has not spoken since it came
    restarted.candle(4, 300, timeframe="4h")
    restarted.candle(8, 300)
    assert old[-1] == new[-1] == (300.0, 0.3, -0.5)
