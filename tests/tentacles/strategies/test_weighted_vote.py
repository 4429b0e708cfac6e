"""The weighted mean of the board against its thresholds. Defaults: enter at 0.7, leave at -0.2, half must be there."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from loligo.api import SECOND_NS, ConfigError, Declined, Direction, Signal
from tests.fakes.opinions import HOUR_NS, FakeBoard, FakeInput, board, candles_of, make_evaluator, make_strategy
from tests.tentacles.conftest import load_tentacle

RSI, MACD, CROSS = FakeInput(name="rsi"), FakeInput(name="macd"), FakeInput(name="ema_cross")


def test_a_score_at_the_entry_threshold_is_a_long_signal_of_that_strength() -> None:
    strategy = make_strategy("weighted_vote", RSI, MACD, weights={"rsi": 3.0})
    signal = strategy.decide(board(1.0, -0.2))  # (3 * 1 - 0.2) / 4 = 0.7
    assert signal == Signal(Direction.LONG, 0.7, "score_above_entry", (0.7, 0.7))


@pytest.mark.parametrize("value", [0.69, 0.0, -0.19])
def test_a_score_between_the_thresholds_is_declined_with_its_numbers(value: float) -> None:
    declined = make_strategy("weighted_vote", RSI).decide(board(value))
    assert declined == Declined("below_threshold", (value, 0.7))


@pytest.mark.parametrize("value", [-0.2, -0.9])
def test_a_score_against_a_long_position_leaves_it_and_never_goes_short_unasked(value: float) -> None:
    signal = make_strategy("weighted_vote", RSI).decide(board(value))
    assert signal == Signal(Direction.FLAT, -value, "score_against_position", (value, 0.2))


def test_with_shorts_allowed_the_mirror_image_holds() -> None:
    strategy = make_strategy("weighted_vote", RSI, allow_short=True)
    said = [strategy.decide(board(value)) for value in (-0.8, -0.1, 0.1, 0.3, 0.3, 0.8, -0.3)]
    codes = [outcome.direction if isinstance(outcome, Signal) else outcome.code for outcome in said]
    # A short is left at +0.2; once it is left, +0.3 is nothing; a long is left at -0.2.
    assert codes == ["short", "below_threshold", "below_threshold", "flat", "below_threshold", "long", "flat"]


def test_a_restored_strategy_remembers_that_it_is_short() -> None:
    first, second = (make_strategy("weighted_vote", RSI, allow_short=True) for _ in range(2))
    first.decide(board(-0.8))
    second.restore_state(first.export_state())
    assert second.decide(board(0.3)).direction is Direction.FLAT


def test_the_weight_of_a_timeframe_goes_before_that_of_the_name() -> None:
    inputs = (RSI, FakeInput(name="rsi", timeframe="4h"), MACD)
    strategy = make_strategy("weighted_vote", *inputs, weights={"rsi": 2.0, "rsi@4h": 5.0}, default_weight=1.0)
    assert strategy.decide(board(0.5, 0.2, -0.5)).numbers[0] == pytest.approx((2 * 0.5 + 5 * 0.2 - 0.5) / 8)


def test_evaluators_without_an_opinion_are_left_out_of_the_mean() -> None:
    assert make_strategy("weighted_vote", RSI, MACD, CROSS).decide(board(0.9, None, 0.7)).strength == pytest.approx(0.8)


def test_too_few_opinions_are_declined_as_not_warm() -> None:
    declined = make_strategy("weighted_vote", RSI, MACD, CROSS).decide(board(1.0, None, None))
    assert declined == Declined("not_warm", (1 / 3, 0.5))


@pytest.mark.parametrize(("age_ns", "code"), [(2 * HOUR_NS, "score_above_entry"), (2 * HOUR_NS + 1, "stale")])
def test_an_opinion_older_than_two_of_its_candles_does_not_count(age_ns: int, code: str) -> None:
    assert make_strategy("weighted_vote", RSI).decide(board(1.0, ages_ns=[age_ns])).code == code


@pytest.mark.parametrize(("age_ns", "code"), [(60 * SECOND_NS, "score_above_entry"), (61 * SECOND_NS, "stale")])
def test_opinions_on_news_age_in_seconds(age_ns: int, code: str) -> None:
    strategy = make_strategy("weighted_vote", FakeInput(name="news_sentiment", timeframe=""), max_age_s=60)
    assert strategy.decide(board(1.0, ages_ns=[age_ns])).code == code


def test_a_weight_for_an_evaluator_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(ConfigError, match=r'weights name "rsy", but the evaluators of this desk are rsi@1h, macd@1h'):
        make_strategy("weighted_vote", RSI, MACD, weights={"rsy": 1.0})


@pytest.mark.parametrize("inputs", [(), (RSI,)])
def test_a_vote_without_any_weight_is_refused(inputs: tuple[FakeInput, ...]) -> None:
    with pytest.raises(ConfigError, match="there is no score"):
        make_strategy("weighted_vote", *inputs, default_weight=0.0)


@pytest.mark.parametrize("settings", [{"entry_threshold": 1.1}, {"exit_threshold": 0.8}, {"weights": {"rsi": -1.0}}])
def test_settings_out_of_bounds_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        load_tentacle("strategies/weighted_vote").strategy().settings(**settings)


values = st.lists(st.one_of(st.none(), st.floats(-1.0, 1.0)), min_size=3, max_size=3)


@given(values=values, weights=st.lists(st.floats(0.01, 100.0), min_size=3, max_size=3))
def test_the_score_is_within_the_opinions_and_the_strength_within_0_and_1(
    values: list[float | None], weights: list[float]
) -> None:
    names = ("rsi", "macd", "ema_cross")
    strategy = make_strategy(
        "weighted_vote", RSI, MACD, CROSS, weights=dict(zip(names, weights, strict=True)), quorum=1e-9
    )
    outcome = strategy.decide(board(*values))
    present = [value for value in values if value is not None]
    if not present:
        assert outcome.code == "not_warm"
        return
    assert min(present) - 1e-12 <= outcome.numbers[0] <= max(present) + 1e-12
    assert not isinstance(outcome, Signal) or 0.0 <= outcome.strength <= 1.0


def test_trend_following_defaults_enter_and_leave_regularly_on_real_hours() -> None:
    default = Path(__file__).resolve().parents[4] / "shared" / "data"
    path = Path(os.environ.get("LOLIGO_MARKET_DATA", default)) / "coinbase" / "BTC_USD-1h.parquet"
    if not path.is_file():
        pytest.skip(f"no market data at {path}: set LOLIGO_MARKET_DATA to its folder")
    candles = candles_of(pq.read_table(path, columns=["close"])["close"].to_pylist()[:20_000])
    evaluators = [make_evaluator("rsi", mode="momentum"), make_evaluator("macd"), make_evaluator("ema_cross")]
    strategy = make_strategy("weighted_vote", RSI, MACD, CROSS)
    moves: Counter[Direction] = Counter()
    position = Direction.FLAT
    for candle in candles:
        opinions = [evaluator.on_candle(candle) for evaluator in evaluators]
        outcome = strategy.decide(FakeBoard(ts=candle.ts, price=candle.close, candle=candle, evaluations=opinions))
        if isinstance(outcome, Signal) and outcome.direction is not position:
            position = outcome.direction
            moves[position] += 1
    assert moves[Direction.LONG] >= 100 * len(candles) / 20_000
    assert abs(moves[Direction.LONG] - moves[Direction.FLAT]) <= 1
