"""The window of the last candles."""

from __future__ import annotations

import json

import pytest

from loligo.api import CandleHistory
from tests.fakes.opinions import HOUR_NS, candles_of


@pytest.mark.parametrize("count", [0, 2, 3, 4, 6, 7, 20])
def test_history_holds_the_newest_candles_oldest_first(count: int) -> None:
    history = CandleHistory(3)
    candles = candles_of(float(place) for place in range(1, count + 1))
    for candle in candles:
        history.append(candle)
    arrays = history.arrays()
    assert len(history) == min(count, 3)
    assert history.is_full is (count >= 3)
    assert arrays.close.tolist() == [candle.close for candle in candles][-3:]
    assert arrays.low.tolist() == [candle.low for candle in candles][-3:]
    assert arrays.opened_at_ns.tolist() == [candle.opened_at_ns for candle in candles][-3:]


def test_arrays_stay_as_they_were_when_the_window_moves_on() -> None:
    history = CandleHistory(2)
    first, second, third = candles_of([1.0, 2.0, 3.0])
    history.append(first)
    history.append(second)
    arrays = history.arrays()
    history.append(third)
    assert arrays.close.tolist() == [1.0, 2.0]


def test_state_taken_through_json_gives_the_same_window_and_goes_on_from_there() -> None:
    history, restored = CandleHistory(3), CandleHistory(3)
    *candles, last = candles_of([1.0, 2.0, 3.0, 4.0, 5.0])
    for candle in candles:
        history.append(candle)
    restored.restore_state(json.loads(json.dumps(history.export_state())))
    restored.append(last)
    assert restored.arrays().close.tolist() == [3.0, 4.0, 5.0]
    assert restored.arrays().opened_at_ns.tolist() == [2 * HOUR_NS, 3 * HOUR_NS, 4 * HOUR_NS]


def test_an_empty_history_is_refused() -> None:
    with pytest.raises(ValueError, match="history length 0: expected at least 1 candle"):
        CandleHistory(0)
