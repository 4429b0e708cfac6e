"""Dips bought while the trend holds. Defaults: dip at 0.7, trend from 0, recovered at -0.3, stop 2 %, target 5 %."""

from __future__ import annotations

from typing import Any

import pytest

from loligo.api import SECOND_NS, ConfigError, Declined, Direction, Signal
from tests.fakes.opinions import HOUR_NS, FakeInput, board, make_strategy

RSI, TREND = FakeInput(name="rsi"), FakeInput(name="ema_cross", timeframe="4h")
DROP = FakeInput(name="instant_fluctuation", timeframe="")


def test_a_deep_dip_in_a_sound_trend_is_bought_with_its_own_stop_and_target() -> None:
    signal = make_strategy("dip_buyer", RSI, TREND).decide(board(0.9, 0.1, price=200.0))
    assert isinstance(signal, Signal)
    assert (signal.direction, signal.strength, signal.code) == (Direction.LONG, 0.9, "dip")
    assert signal.numbers == (0.9, 0.7)  # the dip, and the threshold that it is held against
    assert signal.stop_price == pytest.approx(196.0)  # -2 %
    assert signal.target_price == pytest.approx(210.0)  # +5 %


def test_a_dip_against_the_trend_is_declined() -> None:
    assert make_strategy("dip_buyer", RSI, TREND).decide(board(0.9, -0.1)) == Declined("trend_bearish", (-0.1, 0.0))


@pytest.mark.parametrize("value", [0.69, 0.0, -0.29])
def test_between_dip_and_recovery_nothing_is_done(value: float) -> None:
    assert make_strategy("dip_buyer", RSI, TREND).decide(board(value, 1.0)) == Declined("no_dip", (value, 0.7))


@pytest.mark.parametrize("trend", [1.0, -1.0])
def test_a_fall_made_good_is_left_whatever_the_trend(trend: float) -> None:
    signal = make_strategy("dip_buyer", RSI, TREND).decide(board(-0.3, trend))
    assert signal == Signal(Direction.FLAT, 0.3, "recovered", (-0.3, -0.3))


def test_the_strongest_of_several_dip_opinions_decides() -> None:
    strategy = make_strategy("dip_buyer", RSI, DROP, TREND, dip=("rsi", "instant_fluctuation"))
    assert strategy.decide(board(0.1, 0.8, 0.5)).code == "dip"
    assert strategy.decide(board(-0.9, 0.8, 0.5)).code == "dip"
    assert strategy.decide(board(-0.9, -0.1, 0.5)).code == "no_dip"


def test_every_trend_evaluator_has_a_veto_and_without_any_there_is_none() -> None:
    both = make_strategy("dip_buyer", RSI, TREND, FakeInput(name="macd"), trend=("ema_cross", "macd@1h"))
    assert both.decide(board(1.0, 0.5, -0.1)).code == "trend_bearish"
    assert make_strategy("dip_buyer", RSI, trend=()).decide(board(1.0)).code == "dip"


@pytest.mark.parametrize(
    ("values", "ages_ns", "outcome"),
    [
        ((None, 1.0), (0, 0), Declined("not_warm", (1.0,))),
        ((1.0, None), (0, 0), Declined("not_warm", (1.0,))),
        ((1.0, 1.0), (2 * HOUR_NS + SECOND_NS, 0), Declined("stale", (7201.0,))),
        ((1.0, 1.0), (0, 9 * HOUR_NS), Declined("stale", (32_400.0,))),  # of candles of 4 h, two are 8 h
    ],
)
def test_a_missing_or_old_opinion_is_declined(values: Any, ages_ns: Any, outcome: Declined) -> None:
    assert make_strategy("dip_buyer", RSI, TREND).decide(board(*values, ages_ns=ages_ns)) == outcome


def test_a_dip_evaluator_that_is_silent_does_not_stop_the_others() -> None:
    strategy = make_strategy("dip_buyer", RSI, DROP, TREND, dip=("rsi", "instant_fluctuation"))
    assert strategy.decide(board(0.9, None, 0.5)).code == "dip"
    assert strategy.decide(board(0.9, -1.0, 0.5, ages_ns=[0, 301 * SECOND_NS, 0])).code == "dip"


@pytest.mark.parametrize(("setting", "name"), [("dip", "rsi@4h"), ("trend", "ema")])
def test_an_evaluator_that_is_not_there_is_refused_with_those_that_are(setting: str, name: str) -> None:
    with pytest.raises(ConfigError, match=f'{setting} names "{name}", but the evaluators of this desk are rsi@1h'):
        make_strategy("dip_buyer", RSI, TREND, **{setting: (name,)})
