"""Quantities by risk and by share: rounded down to the lot, nothing where the venue would refuse."""

from __future__ import annotations

from decimal import Decimal
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loligo.api import Instrument, OrderError, quantity_for_risk, quantity_for_share

LOT = Decimal("0.001")
BTC = Instrument(venue="test", symbol="BTC/USD", base="BTC", quote="USD", quantity_step=LOT, minimum_quantity=LOT)
PERPETUAL = Instrument(
    venue="test", symbol="BTC/USD:USD", base="BTC", quote="USD", quantity_step=LOT, maximum_leverage=Decimal(3)
)


def test_quantity_for_risk_loses_the_share_of_equity_between_entry_and_stop() -> None:
    # 1 % of 10,000 is 100; from 200 to 190 a unit loses 10
    assert quantity_for_risk(10_000.0, 0.01, 200.0, 190.0, BTC) == Decimal("10.000")


def test_a_short_is_sized_by_the_same_distance() -> None:
    assert quantity_for_risk(10_000.0, 0.01, 200.0, 210.0, BTC) == Decimal("10.000")


def test_a_close_stop_buys_no_more_than_equity_and_leverage_allow() -> None:
    # 1 % over a distance of 0.1 would be 1,000 units; 10,000 buys 50 at 200, three times as many with leverage 3
    assert quantity_for_risk(10_000.0, 0.01, 200.0, 199.9, BTC) == Decimal("50.000")
    assert quantity_for_risk(10_000.0, 0.01, 200.0, 199.9, PERPETUAL) == Decimal("150.000")


def test_quantity_for_share_is_rounded_down_to_the_lot() -> None:
    # 10 % of 1,000 is 100; 100 / 30 = 3.3333...
    assert quantity_for_share(1_000.0, 0.1, 30.0, BTC) == Decimal("3.333")


@pytest.mark.parametrize(
    ("equity", "price", "expected"),
    [
        (99.9, 100.0, "0"),  # 9.99 USD, below the minimum notional of 10
        (100.0, 100.0, "0.100"),  # exactly 10 USD
        (5_000.0, 1_000_000.0, "0"),  # 0.0005, below the lot
        (0.0, 100.0, "0"),
        (-500.0, 100.0, "0"),
        (nan, 100.0, "0"),
    ],
)
def test_what_the_venue_would_refuse_is_no_quantity(equity: float, price: float, expected: str) -> None:
    assert quantity_for_share(equity, 0.1, price, BTC) == Decimal(expected)


@pytest.mark.parametrize("price", [0.0, -1.0, nan, inf])
def test_a_price_that_cannot_be_traded_at_is_an_error_that_names_it(price: float) -> None:
    with pytest.raises(OrderError, match=f"test:BTC/USD: price {price}"):
        quantity_for_share(1_000.0, 0.1, price, BTC)
    with pytest.raises(OrderError, match=f"test:BTC/USD: stop price {price}"):
        quantity_for_risk(1_000.0, 0.1, 100.0, price, BTC)


def test_a_stop_at_the_entry_is_an_error() -> None:
    with pytest.raises(OrderError, match="is at the entry"):
        quantity_for_risk(1_000.0, 0.1, 100.0, 100.0, BTC)


@given(equity=st.floats(1.0, 1e9), share=st.floats(0.0, 1.0), price=st.floats(1e-6, 1e7), distance=st.floats(1e-4, 0.9))
def test_a_quantity_never_risks_or_costs_more_than_asked_for(
    equity: float, share: float, price: float, distance: float
) -> None:
    stop = price * (1.0 - distance)
    quantity = quantity_for_risk(equity, share, price, stop, BTC)
    assert quantity % LOT == 0
    assert float(quantity) * (price - stop) <= equity * share * (1 + 1e-9)
    assert float(quantity) * price <= equity * (1 + 1e-9)
