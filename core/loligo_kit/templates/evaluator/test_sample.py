"""The sample evaluator against arithmetic."""

from __future__ import annotations

from loligo.api import MakeContext
from loligo_testing import tape

from .logic import Sample, Settings


def opinions(*closes: float) -> list[float | None]:
    evaluator = Sample(Settings(period=2, full_at=0.1), MakeContext())
    said = [evaluator.on_candle(candle) for candle in tape.closes(closes)]
    return [None if each is None else round(each.value, 9) for each in said]


def test_a_rise_of_half_the_full_change_is_half_an_opinion() -> None:
    assert opinions(100.0, 101.0, 105.0) == [None, None, 0.5]  # 105 / 100 - 1 = 5 % of the 10 % that are full


def test_a_long_fall_is_fully_bearish_and_no_more() -> None:
    assert opinions(100.0, 90.0, 50.0) == [None, None, -1.0]


def test_an_instance_with_the_state_of_another_goes_on_like_it() -> None:
    one, other = (Sample(Settings(period=2), MakeContext()) for _ in range(2))
    *before, newest = tape.closes([100.0, 103.0, 101.0])
    for candle in before:
        one.on_candle(candle)
    other.restore_state(one.export_state())
    assert other.on_candle(newest) == one.on_candle(newest)
