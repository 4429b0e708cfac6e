"""News to one opinion. Defaults: half-life 6 h, two fresh items of one mind for a full opinion, market news half."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loligo.api import ExternalSignal
from tests.fakes.opinions import BTC, HOUR_NS, make_evaluator


def news(text: str = "", score: float | None = None, *, hour: float = 0.0, **fields: Any) -> ExternalSignal:
    values = {"source": "wire", "topic": "news", "instrument": BTC.id, **fields}
    return ExternalSignal(ts=int((1000 + hour) * HOUR_NS), text=text, score=score, **values)


def test_the_score_of_the_source_goes_before_the_words() -> None:
    opinion = make_evaluator("news_sentiment").on_external(news("Exchange hacked", 0.8))
    assert opinion.value == pytest.approx(0.4)  # one item of two that a full opinion needs
    assert (opinion.code, opinion.numbers) == ("news", (0.8, 1.0))


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ("Bitcoin SURGES after ETF approval", 1.0),
        ("Exchange hacked, coins stolen", -1.0),
        ("Coin rallies despite lawsuit", 1.0),  # "despite" turns "lawsuit"
        ("Regulator denies ban", 1.0),
        ("Rally fades as miners fear losses", -1 / 3),  # rally; fear, losses
        ("Token gains, then drops", 0.0),
    ],
)
def test_headlines_without_a_score_are_read_word_by_word(text: str, score: float) -> None:
    opinion = make_evaluator("news_sentiment", full_items=1).on_external(news(text))
    assert opinion.value == pytest.approx(score)


@pytest.mark.parametrize("item", [news("Weekly newsletter"), news(), news("", float("nan"))])
def test_what_has_neither_score_nor_known_words_is_no_opinion(item: ExternalSignal) -> None:
    assert make_evaluator("news_sentiment").on_external(item) is None


def test_older_news_fade_by_half_in_every_half_life() -> None:
    evaluator = make_evaluator("news_sentiment", half_life_h=6, full_items=1)
    evaluator.on_external(news(score=1.0, hour=0))
    opinion = evaluator.on_external(news(score=-1.0, hour=12))
    assert opinion.value == pytest.approx((0.25 - 1.0) / 1.25)  # two half-lives later the first weighs a quarter


def test_an_item_that_arrives_late_does_not_turn_time_back() -> None:
    evaluator = make_evaluator("news_sentiment", full_items=1)
    evaluator.on_external(news(score=1.0, hour=6))
    evaluator.on_external(news(score=1.0, hour=0))
    opinion = evaluator.on_external(news(score=-1.0, hour=12))
    assert opinion.value == pytest.approx((1.0 - 1.0) / 2.0)  # both weigh a half at hour 12


@pytest.mark.parametrize("name", [BTC.id, BTC.symbol, BTC.base])
def test_news_of_the_instrument_count_whole_and_those_of_the_market_half(name: str) -> None:
    own, market = make_evaluator("news_sentiment"), make_evaluator("news_sentiment")
    assert own.on_external(news(score=1.0, instrument=name)).value == 0.5
    assert market.on_external(news(score=1.0, instrument="")).value == 0.25


def test_news_of_other_instruments_and_of_unwanted_sources_leave_no_trace() -> None:
    evaluator = make_evaluator("news_sentiment", sources=("wire",))
    before = evaluator.export_state()
    assert evaluator.on_external(news(score=1.0, instrument="test:ETH/USD")) is None
    assert evaluator.on_external(news(score=1.0, source="rumours")) is None
    assert evaluator.export_state() == before


items = st.lists(
    st.tuples(st.floats(-3.0, 40.0), st.floats(-5.0, 5.0), st.sampled_from([BTC.id, "", "x"])), max_size=30
)


@given(items=items, taken=st.integers(0, 30))
def test_opinions_stay_within_bounds_and_a_restored_evaluator_goes_on_to_the_bit(
    items: list[tuple[float, float, str]], taken: int
) -> None:
    first, second, hour = make_evaluator("news_sentiment"), make_evaluator("news_sentiment"), 0.0
    for place, (pause_h, score, instrument) in enumerate(items):
        hour += pause_h
        if place == taken:
            second.restore_state(json.loads(json.dumps(first.export_state(), allow_nan=False)))
        item = news(score=score, hour=hour, instrument=instrument)
        opinion = first.on_external(item)
        assert opinion is None or -1.0 <= opinion.value <= 1.0
        if place >= taken:
            assert second.on_external(item) == opinion
