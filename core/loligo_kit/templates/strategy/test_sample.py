"""The sample strategy: on boards filled by hand, and at work on a desk."""

from __future__ import annotations

from loligo.api import Candle, Declined, Direction, Evaluation, MakeContext, Signal, Stateless
from loligo_testing import FilledBoard, SimulatedDesk, tape

from .logic import Sample, Settings


def decide(*values: float | None) -> Signal | Declined:
    opinions = [None if value is None else Evaluation(value, "test") for value in values]
    board = FilledBoard(evaluations=opinions)
    return Sample(Settings(enter_at=0.5, leave_at=0.2), MakeContext()).decide(board)


def test_it_is_long_when_the_mean_of_those_that_have_an_opinion_is_high() -> None:
    assert decide(0.4, None, 0.8) == Signal(Direction.LONG, 0.6000000000000001, "mean_high", (0.6000000000000001,))


def test_it_leaves_when_the_mean_turns() -> None:
    assert decide(-0.5, 0.0) == Signal(Direction.FLAT, 0.25, "mean_low", (-0.25,))


def test_it_says_why_it_does_nothing() -> None:
    assert decide(None) == Declined("no_opinion")
    assert decide(0.25) == Declined("mean_between", (0.25,))


class ByColour(Stateless):
    """Fully bullish on a candle that rose, fully bearish on one that fell."""

    warmup = 0

    def on_candle(self, candle: Candle) -> Evaluation:
        return Evaluation(1.0 if candle.close > candle.open else -1.0, "colour")


def test_on_a_desk_it_buys_on_the_first_rise_and_sells_on_the_first_fall() -> None:
    desk = SimulatedDesk(
        evaluators={"colour": lambda context: ByColour()}, strategy=lambda context: Sample(Settings(), context)
    )
    run = desk.run(tape.closes([100.0, 101.0, 102.0, 101.5, 101.5], first=99.0))
    assert not run.failures
    assert [signal.direction for signal in run.signals] == [Direction.LONG] * 3 + [Direction.FLAT] * 2
    assert len(run.trades) == 1
