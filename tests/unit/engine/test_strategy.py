"""Strategy: what becomes of an answer, and what a strategy can know."""

from __future__ import annotations

from typing import Any

import pytest

from loligo.model.evaluation import Declined, Direction, Signal
from loligo.model.events import DecisionDeclined, OrderSubmitted, SignalRaised, TentacleFailed
from loligo.model.timeframe import HOUR_NS
from tests.fakes.desks import Bot, CandleSays, Wishes, buy, desk, evaluator, long_signal, of, opinion, plan, seat


def test_a_signal_is_caused_by_the_newest_opinion_and_names_its_board() -> None:
    slow = evaluator(lambda: CandleSays(lambda _: opinion(0.5)), "slow", timeframe="4h")
    fast = evaluator(lambda: CandleSays(lambda _: opinion(0.5)), "fast")
    bot = Bot(plan(desk(seat(evaluators=[slow, fast], decide=lambda board: long_signal()))))
    first = of(bot.candle(3, 100), SignalRaised)[0]
    assert first.board[0] == 0 and first.cause == first.board[1]
    bot.candle(0, 100, timeframe="4h")
    later = of(bot.candle(4, 100), SignalRaised)[0]
    assert 0 < later.board[0] < later.board[1] == later.cause


def test_without_evaluators_the_input_is_the_cause() -> None:
    record = Bot(plan(desk(seat(decide=lambda board: long_signal())))).candle(0, 100)
    assert of(record, SignalRaised)[0].cause == record.seq


def test_a_declined_decision_is_told_with_its_reason() -> None:
    record = Bot(plan(desk(seat(decide=lambda board: Declined("too_quiet", (0.1, 0.7)))))).candle(0, 100)
    (event,) = of(record, DecisionDeclined)
    assert (event.by, event.declined, event.cause, event.desk) == (
        "strategy",
        Declined("too_quiet", (0.1, 0.7)),
        record.seq,
        "alpha",
    )


@pytest.mark.parametrize(
    "answer",
    [
        None,
        "long",
        Signal(Direction.LONG, 1.01, "loud"),
        Signal(Direction.LONG, float("nan"), "loud"),
        Signal(Direction.LONG, "much", "loud"),  # type: ignore[arg-type]
        Signal("up", 1.0, "loud"),  # type: ignore[arg-type]
    ],
)
def test_an_unsound_signal_is_a_failure_and_reaches_no_mode(answer: Any) -> None:
    mode = Wishes()
    record = Bot(plan(desk(seat(lambda: mode, decide=lambda board: answer)))).candle(0, 100)
    assert [(event.tentacle, event.call) for event in of(record, TentacleFailed)] == [("strategy", "decide")]
    assert mode.calls == ["candle"]


def test_a_strategy_that_raises_does_not_stop_the_other_desk() -> None:
    def broken(board: Any) -> Any:
        raise ZeroDivisionError("broken")

    loud = seat(lambda: Wishes(signal=lambda signal, view: [buy()]), decide=lambda board: long_signal())
    record = Bot(plan(desk(seat(decide=broken), name="alpha"), desk(loud, name="beta"))).candle(0, 100)
    assert [event.desk for event in of(record, TentacleFailed)] == ["alpha"]
    assert [event.desk for event in of(record, OrderSubmitted)] == ["beta"]


def test_a_desk_decides_once_per_instant_and_on_its_trigger_timeframe_only() -> None:
    bot = Bot(plan(desk(seat(), timeframe="4h")))
    asked = [len(of(bot.candle(hour, 100), DecisionDeclined)) for hour in range(4)]
    assert asked == [0, 0, 0, 0]
    assert len(of(bot.candle(0, 100, timeframe="4h"), DecisionDeclined)) == 1


def test_a_longer_candle_is_seen_only_at_its_close() -> None:
    """Fed as the replay feed does: at one instant the longer timeframe first."""
    seen: list[tuple[int, list[int], float]] = []

    def decide(board: Any) -> Any:
        seen.append((board.ts, list(board.evaluated_at_ns), board.candle.close))
        return Declined("quiet")

    slow = evaluator(lambda: CandleSays(lambda c: opinion(0.5)), "slow", timeframe="2h")
    bot = Bot(plan(desk(seat(evaluators=[slow], decide=decide))))
    for hour in range(4):
        if hour % 2:
            bot.candle(hour - 1, 100, timeframe="2h")
        bot.candle(hour, 100 + hour)
    hours = [(ts // HOUR_NS, [at // HOUR_NS for at in ats], close) for ts, ats, close in seen]
    assert hours == [(1, [0], 100.0), (2, [2], 101.0), (3, [2], 102.0), (4, [4], 103.0)]
