"""The configuration classes hold the model's own fields and defaults, and refuse what cannot be."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest
from pydantic import ValidationError

from loligo.config.schema import AccountConfig, DeskConfig, InstrumentConfig, LoligoConfig
from loligo.model.instrument import Instrument
from loligo.model.risk import AccountLimits, DeskLimits

DESK = {
    "venue": "coinbase",
    "account": "paper",
    "instruments": ["BTC/USD"],
    "capital": 1,
    "strategy": {"tentacle": "s"},
    "mode": {"tentacle": "m"},
}


def test_instrument_section_has_every_term_of_an_instrument_with_its_default() -> None:
    terms = {field.name: field.default for field in msgspec.structs.fields(Instrument)}
    for given_by_the_place in ("venue", "symbol", "base", "quote"):
        del terms[given_by_the_place]
    assert {name: info.default for name, info in InstrumentConfig.model_fields.items()} == terms


def test_base_and_quote_come_from_the_symbol() -> None:
    instrument = InstrumentConfig(price_step=Decimal("0.1")).instrument("binance", "BTC/USDT:USDT")
    assert (instrument.id, instrument.base, instrument.quote) == ("binance:BTC/USDT:USDT", "BTC", "USDT")
    assert instrument.price_step == Decimal("0.1")


def test_limits_that_are_not_set_are_those_of_the_model() -> None:
    assert DeskConfig.model_validate(DESK).limits == DeskLimits()
    assert DeskConfig.model_validate({**DESK, "limits": {"stop_loss": 0.03}}).limits == DeskLimits(stop_loss=0.03)
    account = AccountConfig.model_validate({"deposits": {"USD": 1}, "limits": {"max_drawdown": 0.2}})
    assert account.limits == AccountLimits(max_drawdown=0.2)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("stop_loss", 0),
        ("stop_loss", 1),
        ("stop_loss", 2.0),
        ("max_position_share", 0),
        ("max_leverage", 0.5),
        ("lock_below_profit", 0.05),
        ("min_confidence", 1.1),
        ("max_trades_per_day", -1),
        ("max_trades_per_day", 2.5),
        ("stop_los", 0.02),
    ],
)
def test_limit_out_of_its_bounds_is_refused(name: str, value: float) -> None:
    with pytest.raises(ValidationError, match=name):
        DeskConfig.model_validate({**DESK, "limits": {name: value}})


def test_money_keeps_the_digits_that_were_written() -> None:
    assert DeskConfig.model_validate({**DESK, "capital": 0.1}).capital == Decimal("0.1")


@pytest.mark.parametrize("name", ["house", "market", "BTC", "a:b", "1st"])
def test_desk_name_that_would_be_mistaken_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        LoligoConfig.model_validate({"desks": {name: DESK}})


def test_timeframe_that_does_not_exist_is_refused_with_an_example() -> None:
    with pytest.raises(ValidationError, match='such as "5m" or "1d"'):
        DeskConfig.model_validate({**DESK, "timeframe": "1x"})


@pytest.mark.parametrize(("given", "tick_s"), [(None, None), (True, 1.0), (0.25, 0.25)])
def test_tick_is_a_second_where_no_other_time_is_named(given: object, tick_s: float | None) -> None:
    assert DeskConfig.model_validate({**DESK, "tick_s": given}).tick_s == tick_s


@pytest.mark.parametrize("given", [False, 0, -1, "often"])
def test_tick_that_is_no_time_is_refused(given: object) -> None:
    with pytest.raises(ValidationError, match="tick_s"):
        DeskConfig.model_validate({**DESK, "tick_s": given})


def test_section_with_nothing_in_it_is_its_default() -> None:
    assert LoligoConfig.model_validate({"log": None, "journal": None}) == LoligoConfig()
