"""The newest signal from outside as an opinion that fades until its time is over, 24 h where it does not say."""

from __future__ import annotations

import json
from typing import Any

import pytest

from loligo.api import Candle, ExternalSignal
from tests.fakes.opinions import BTC, HOUR_NS, make_evaluator


def said(score: float | None = 1.0, *, hour: float = 0.0, **fields: Any) -> ExternalSignal:
    values = {"source": "tradingview", "topic": "buy", "instrument": BTC.id, **fields}
    return ExternalSignal(ts=int((1000 + hour) * HOUR_NS), score=score, **values)


def candle(hour: int) -> Candle:
    closed = (1000 + hour) * HOUR_NS
    return Candle(BTC.id, "1h", closed - HOUR_NS, closed, 100.0, 101.0, 99.0, 100.0, 1.0)


def test_a_signal_is_an_opinion_at_once_and_fades_to_nothing_by_its_end() -> None:
    evaluator = make_evaluator("external_signal")
    now = evaluator.on_external(said(-0.8, ttl_s=4 * 3600.0))
    assert (now.value, now.code, now.numbers) == (-0.8, "signal", (-0.8, 0.0))
    after = [evaluator.on_candle(candle(hour)) for hour in (1, 2, 3)]
    assert [one.value for one in after] == pytest.approx([-0.6, -0.4, -0.2])  # -0.8 * (1 - age / 4 h)
    end = evaluator.on_candle(candle(4))
    assert (end.value, end.code, end.numbers) == (0.0, "expired", (-0.8, 4 * 3600.0))
    assert evaluator.on_candle(candle(5)) is None


def test_without_fading_it_holds_to_the_end_of_the_time_in_the_settings() -> None:
    evaluator = make_evaluator("external_signal", fade="none", ttl_s=2 * 3600.0)
    evaluator.on_external(said(0.5))
    assert [one.value for one in (evaluator.on_candle(candle(1)), evaluator.on_candle(candle(2)))] == [0.5, 0.0]


def test_the_newest_signal_counts_alone() -> None:
    evaluator = make_evaluator("external_signal")
    evaluator.on_external(said(1.0))
    assert evaluator.on_external(said(-1.0, hour=12)).value == -1.0
    assert evaluator.on_candle(candle(24)).value == pytest.approx(-0.5)  # 12 h of 24 after the second


@pytest.mark.parametrize(
    "signal",
    [
        said(None, text="buy it"),
        said(float("nan")),
        said(instrument="test:ETH/USD"),
        said(source="rumours"),
        said(instrument=""),
    ],
)
def test_what_is_not_for_it_leaves_no_trace(signal: ExternalSignal) -> None:
    evaluator = make_evaluator("external_signal", sources=("tradingview",), whole_market=False)
    before = evaluator.export_state()
    assert evaluator.on_external(signal) is None
    assert evaluator.export_state() == before


def test_signals_of_the_whole_market_count_and_scores_stay_within_bounds() -> None:
    assert make_evaluator("external_signal").on_external(said(7.0, instrument="")).value == 1.0


def test_a_restored_evaluator_goes_on_with_what_was_said() -> None:
    first, second = make_evaluator("external_signal"), make_evaluator("external_signal")
    first.on_external(said(0.9, ttl_s=3 * 3600.0))
    second.restore_state(json.loads(json.dumps(first.export_state(), allow_nan=False)))
    for hour in (1, 2, 3, 4):
        assert second.on_candle(candle(hour)) == first.on_candle(candle(hour))
