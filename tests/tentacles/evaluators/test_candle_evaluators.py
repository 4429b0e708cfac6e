"""What rsi, macd and ema_cross say of simple markets: sign, size and reason. Positive is bullish."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from loligo.api import RSI, Evaluation
from tests.fakes.opinions import candles_of, make_evaluator
from tests.tentacles.conftest import load_tentacle

RISING = [100.0 * 1.01**place for place in range(300)]
FALLING = list(reversed(RISING))
# Up and down in turn, so that RSI settles: of 14 candles 7 rise by 3 and 7 fall by 1, U : D = 3 : 1, RSI near 75.
SAWTOOTH_UP = [1000.0 + 2 * (place // 2) + 3 * (place % 2) for place in range(400)]


def last_opinion(name: str, closes: list[float], **settings: Any) -> Evaluation:
    evaluator = make_evaluator(name, **settings)
    found = [evaluator.on_candle(candle) for candle in candles_of(closes)]
    opinion = found[-1]
    assert isinstance(opinion, Evaluation)
    return opinion


@pytest.mark.parametrize(("closes", "value", "code"), [(RISING, -1.0, "overbought"), (FALLING, 1.0, "oversold")])
def test_rsi_is_bullish_on_a_fall_and_bearish_on_a_rise(closes: list[float], value: float, code: str) -> None:
    opinion = last_opinion("rsi", closes)
    assert (opinion.value, opinion.code) == (value, code)


@pytest.mark.parametrize(("closes", "value"), [(RISING, 1.0), (FALLING, -1.0)])
def test_rsi_follows_the_market_in_momentum_mode(closes: list[float], value: float) -> None:
    assert last_opinion("rsi", closes, mode="momentum").value == value


def test_rsi_opinion_grows_in_a_straight_line_from_50_to_the_settings() -> None:
    rsi = RSI(14)
    for close in SAWTOOTH_UP:
        rsi.update(close)
    assert 70.0 < rsi.value < 80.0
    opinion = last_opinion("rsi", SAWTOOTH_UP, overbought=90.0)
    assert opinion.code == "mid_range"
    assert opinion.numbers == pytest.approx((rsi.value, 90.0))
    assert opinion.value == pytest.approx(-(rsi.value - 50.0) / 40.0)


@pytest.mark.parametrize("name", ["rsi", "macd", "ema_cross"])
def test_a_market_that_stands_still_has_no_direction(name: str) -> None:
    assert last_opinion(name, [250.0] * 300).value == 0.0


@pytest.mark.parametrize(
    ("closes", "value", "code"),
    [
        ([100.0] * 150 + [101.0, 103.0, 106.0], 1.0, "above_signal"),
        ([100.0] * 150 + [99.0, 97.0, 94.0], -1.0, "below_signal"),
    ],
)
def test_macd_is_with_a_move_that_gathers_pace(closes: list[float], value: float, code: str) -> None:
    opinion = last_opinion("macd", closes)
    assert (opinion.value, opinion.code) == (value, code)


def test_macd_opinion_is_the_histogram_in_average_moves() -> None:
    opinion = last_opinion("macd", SAWTOOTH_UP, full_histogram=10.0)
    line, signal = opinion.numbers
    # Steps of 3 and 1 in turn: the average move is near 2, nearer the newest by its weight of 2/27, so below 2.1.
    assert opinion.value * 10.0 * 2.0 == pytest.approx(line - signal, rel=0.05)


@pytest.mark.parametrize(("closes", "value"), [(RISING, 1.0), (FALLING, -1.0)])
def test_macd_and_ema_cross_do_not_depend_on_the_price_of_a_coin(closes: list[float], value: float) -> None:
    cheap = [close / 1e6 for close in closes]
    assert last_opinion("ema_cross", cheap).value == last_opinion("ema_cross", closes).value == value
    assert last_opinion("macd", cheap).value == pytest.approx(last_opinion("macd", closes).value, abs=1e-9)


def test_ema_cross_opinion_is_the_gap_as_a_share_of_the_full_one() -> None:
    # On a steady rise by the factor g per candle an EMA of weight w stands at close * w / (1 - (1 - w) / g).
    g, close = 1.0001, 1.0
    fast, slow = (close * w / (1 - (1 - w) / g) for w in (2 / 11, 2 / 31))
    opinion = last_opinion("ema_cross", [g**place for place in range(800)])
    assert opinion.code == "fast_above_slow"
    last = 1.0001**799  # the averages themselves are drawn by charts
    assert opinion.numbers == pytest.approx((fast / slow - 1, fast * last, slow * last), rel=1e-6)
    assert opinion.value == pytest.approx((fast / slow - 1) / 0.002, rel=1e-6)


@pytest.mark.parametrize("name", ["rsi", "macd", "ema_cross"])
def test_nothing_is_said_before_the_state_is_independent_of_its_beginning(name: str) -> None:
    evaluator = make_evaluator(name)
    found = [evaluator.on_candle(candle) for candle in candles_of(RISING[: evaluator.warmup])]
    assert [opinion is None for opinion in found] == [True] * (evaluator.warmup - 1) + [False]


@pytest.mark.parametrize(
    ("name", "settings", "word"),
    [
        ("rsi", {"period": 1}, "period"),
        ("rsi", {"oversold": 60}, "oversold"),
        ("rsi", {"mode": "both"}, "mode"),
        ("macd", {"fast": 26, "slow": 12}, "fast 26 must be less than slow 12"),
        ("ema_cross", {"fast": 10, "slow": 10}, "fast 10 must be less than slow 10"),
        ("ema_cross", {"gap": 1}, "gap"),
    ],
)
def test_settings_out_of_bounds_are_refused_by_name(name: str, settings: dict[str, Any], word: str) -> None:
    with pytest.raises(ValidationError, match=word):
        load_tentacle(f"evaluators/{name}").evaluator().settings(**settings)
