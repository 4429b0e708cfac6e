"""The sample strategy on boards filled by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from loligo.api import Candle, Declined, Direction, Evaluation, MakeContext, Signal

from .logic import Sample, Settings


@dataclass(frozen=True)
class FilledBoard:
    evaluations: Sequence[Evaluation | None]
    ts: int = 0
    price: float = 100.0
    candle: Candle | None = None
    evaluated_at_ns: Sequence[int] = ()


def decide(*values: float | None) -> Signal | Declined:
    opinions = [None if value is None else Evaluation(value, "test") for value in values]
    return Sample(Settings(enter_at=0.5, leave_at=0.2), MakeContext()).decide(FilledBoard(opinions))


def test_it_is_long_when_the_mean_of_those_that_have_an_opinion_is_high() -> None:
    assert decide(0.4, None, 0.8) == Signal(Direction.LONG, 0.6000000000000001, "mean_high", (0.6000000000000001,))


def test_it_leaves_when_the_mean_turns() -> None:
    assert decide(-0.5, 0.0) == Signal(Direction.FLAT, 0.25, "mean_low", (-0.25,))


def test_it_says_why_it_does_nothing() -> None:
    assert decide(None) == Declined("no_opinion")
    assert decide(0.25) == Declined("mean_between", (0.25,))
