"""Sudden moves of trades and quotes against the last minute. Defaults: 20 prices, counts from 0.3 %, full at 1 %."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loligo.api import SECOND_NS, Evaluation, Quote, Side, Trade
from tests.fakes.opinions import BTC, make_evaluator


def trade(second: float, price: float, quantity: float = 1.0) -> Trade:
    return Trade(BTC.id, int(second * SECOND_NS), price, quantity, Side.BUY)


def quote(second: float, bid: float, ask: float) -> Quote:
    return Quote(BTC.id, int(second * SECOND_NS), bid, ask, 1.0, 1.0)


def after_calm(evaluator: Any, *trades: Trade) -> list[Evaluation | None]:
    """Return what is said of trades that follow 20 trades at 100 in the seconds 0 to 19."""
    assert [evaluator.on_trade(trade(second, 100.0)) for second in range(20)] == [None] * 20
    return [evaluator.on_trade(item) for item in trades]


@pytest.mark.parametrize(("price", "value"), [(100.5, 0.5), (99.5, -0.5), (103.0, 1.0), (90.0, -1.0)])
def test_a_jump_is_measured_against_the_mean_before_it(price: float, value: float) -> None:
    (opinion,) = after_calm(make_evaluator("instant_fluctuation"), trade(20, price))
    assert opinion is not None
    assert opinion.value == pytest.approx(value)
    assert opinion.code == "move"
    assert opinion.numbers == pytest.approx((price / 100 - 1,))


def test_in_reversal_mode_a_drop_is_bullish() -> None:
    (opinion,) = after_calm(make_evaluator("instant_fluctuation", mode="reversal"), trade(20, 99.5))
    assert opinion is not None
    assert opinion.value == pytest.approx(0.5)


def test_a_large_trade_makes_the_same_move_louder() -> None:
    (opinion,) = after_calm(make_evaluator("instant_fluctuation"), trade(20, 100.5, quantity=5.0))
    assert opinion is not None
    assert opinion.value == pytest.approx(0.75)  # 0.5 % of 1 %, times 1.5
    assert opinion.code == "move_on_volume"
    assert opinion.numbers == pytest.approx((0.005, 5.0))


def test_the_end_of_a_move_is_said_once() -> None:
    said = after_calm(
        make_evaluator("instant_fluctuation"), trade(20, 101.0), trade(21, 100.0), trade(22, 100.0), trade(23, 100.1)
    )
    assert [opinion and opinion.code for opinion in said] == ["move", "calm", None, None]
    assert said[1] is not None
    assert said[1].value == 0.0


def test_prices_older_than_the_window_are_forgotten() -> None:
    evaluator = make_evaluator("instant_fluctuation", window_s=10, min_prices=2)
    for second, price in ((0, 100.0), (1, 100.0), (20, 200.0), (21, 200.0)):
        assert evaluator.on_trade(trade(second, price)) is None  # of 100 nothing is left at second 20
    assert evaluator.on_trade(trade(22, 202.0)).value == pytest.approx(1.0)


def test_the_window_holds_no_more_prices_than_it_may() -> None:
    evaluator = make_evaluator("instant_fluctuation", max_window=20)
    for step in range(1000):
        evaluator.on_trade(trade(step / 1000, 100.0))
    assert len(evaluator.export_state()["trades"]["items"]) == 20


def test_quotes_are_watched_by_their_mid_price_and_apart_from_trades() -> None:
    evaluator = make_evaluator("instant_fluctuation")
    after_calm(evaluator)
    assert [evaluator.on_quote(quote(20, 110.0, 112.0))] == [None]  # the first quote has nothing before it
    for second in range(21, 40):
        evaluator.on_quote(quote(second, 110.0, 112.0))
    assert evaluator.on_quote(quote(40, 110.5, 112.5)).numbers == pytest.approx((0.5 / 111,))


@pytest.mark.parametrize(("bid", "ask"), [(0.0, 100.0), (101.0, 100.0), (float("nan"), 100.0)])
def test_a_quote_without_a_mid_price_changes_nothing(bid: float, ask: float) -> None:
    evaluator = make_evaluator("instant_fluctuation")
    before = evaluator.export_state()
    assert evaluator.on_quote(quote(1, bid, ask)) is None
    assert evaluator.export_state() == before


ticks = st.lists(st.tuples(st.integers(0, 9), st.integers(900, 1100), st.integers(0, 30)), max_size=120)


@given(steps=ticks, taken=st.integers(0, 120))
def test_a_restored_evaluator_goes_on_to_the_bit(steps: list[tuple[int, int, int]], taken: int) -> None:
    first, second = (make_evaluator("instant_fluctuation", window_s=20, min_prices=3, max_window=15) for _ in range(2))
    now, outputs = 0, []
    for place, (pause_s, price, quantity) in enumerate(steps):
        now += pause_s
        if place == taken:
            second.restore_state(json.loads(json.dumps(first.export_state(), allow_nan=False)))
        item = trade(now, price / 10, quantity / 7) if quantity % 3 else quote(now, price / 10, price / 10 + 0.1)
        opinion = first.on_trade(item) if isinstance(item, Trade) else first.on_quote(item)
        assert opinion is None or -1.0 <= opinion.value <= 1.0
        if place >= taken:
            outputs.append((opinion, second.on_trade(item) if isinstance(item, Trade) else second.on_quote(item)))
    assert all(a == b for a, b in outputs)
