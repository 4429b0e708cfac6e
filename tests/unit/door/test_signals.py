"""Instruments as others write them, and signals that say nothing."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from pydantic import ValidationError

from loligo.errors import BadArguments
from loligo_bot.door.inside import Inside
from loligo_bot.door.signals import Publication, known_instrument
from tests.fakes.inside import inside

MARKETS = {"coinbase": ("BTC/USD", "ETH/USD"), "bitstamp": ("ETH/USD", "BTC/EUR")}


@pytest.fixture
def behind() -> Inside:
    venues = {name: SimpleNamespace(instruments=dict.fromkeys(symbols)) for name, symbols in MARKETS.items()}
    running = SimpleNamespace(config=SimpleNamespace(venues=venues))
    return inside(reconciler=SimpleNamespace(running=running))


NAMES = {
    "coinbase:BTC/USD": "coinbase:BTC/USD",
    "COINBASE:BTCUSD": "coinbase:BTC/USD",
    "COINBASE_DLY:BTCUSD": "coinbase:BTC/USD",  # as TradingView marks delayed data
    "BITSTAMP_DL:BTCEUR": "bitstamp:BTC/EUR",
    "btcusd": "coinbase:BTC/USD",
    "BTC-EUR": "bitstamp:BTC/EUR",
    "bitstamp:eth_usd": "bitstamp:ETH/USD",
}


@pytest.mark.parametrize(("text", "expected"), NAMES.items())
def test_an_instrument_is_known_as_others_write_it(behind: Inside, text: str, expected: str) -> None:
    assert known_instrument(behind, text) == expected


@pytest.mark.parametrize("text", ["ETHUSD", "eth", "btc", "KRAKEN:BTCUSD", "coinbase:", "DOGEUSD", "::", "/"])
def test_what_is_not_known_or_may_be_several_is_refused_with_what_there_is(behind: Inside, text: str) -> None:
    with pytest.raises(BadArguments, match=r"coinbase:|bitstamp:") as caught:
        known_instrument(behind, text)
    assert list(caught.value.problems) == ["instrument"]


def test_a_signal_says_something() -> None:
    for said in ({"value": 0}, {"text": "up"}, {"kind": "Buy"}):
        assert Publication.model_validate({"source": "x", **said})
    for nothing in ({}, {"kind": "news"}, {"text": " \n\t"}):
        with pytest.raises(ValidationError, match="says nothing"):
            Publication.model_validate({"source": "x", **nothing})


def test_a_text_is_one_line_that_can_be_shown() -> None:
    assert Publication(source="x", text="a\nb\x1b[31mc\x00").text == "a b [31mc"
