"""How much to trade: quantities on the instrument's lot, from floats in the quote currency.

Rounded down always, and 0 where the venue would refuse so small an order. To leave room for fees is the caller's part.
"""

from __future__ import annotations

from decimal import Decimal
from math import isfinite

from loligo.errors import OrderError
from loligo.model.instrument import Instrument
from loligo.model.money import ZERO


def quantity_for_risk(
    equity: float, risk_share: float, entry_price: float, stop_price: float, instrument: Instrument
) -> Decimal:
    """Return the base quantity that loses `risk_share` (0..1) of equity between entry and stop.

    Fixed fractional sizing (R. Vince, "Portfolio Management Formulas", 1990), capped at what equity buys at the
    instrument's maximum leverage. OrderError if the stop is at the entry or a number cannot be traded on.
    """
    _require_positive("stop price", stop_price, instrument)
    distance = abs(entry_price - stop_price)
    if distance == 0.0:
        raise OrderError(f"{instrument.id}: stop {stop_price} is at the entry, so no quantity risks anything; move it")
    affordable = equity * float(instrument.maximum_leverage) / _require_positive("price", entry_price, instrument)
    return _on_lot(min(equity * risk_share / distance, affordable), entry_price, instrument)


def quantity_for_share(equity: float, share: float, price: float, instrument: Instrument) -> Decimal:
    """Return the base quantity worth `share` (0..1, more with leverage) of equity. OrderError if price is not > 0."""
    return _on_lot(equity * share / _require_positive("price", price, instrument), price, instrument)


def _require_positive(name: str, price: float, instrument: Instrument) -> float:
    if not (isfinite(price) and price > 0.0):
        raise OrderError(f"{instrument.id}: {name} {price}: expected a finite number greater than 0")
    return price


def _on_lot(quantity: float, price: float, instrument: Instrument) -> Decimal:
    if not quantity > 0.0:
        return ZERO
    lots = instrument.quantity(quantity)
    is_tradable = lots >= instrument.minimum_quantity and lots * Decimal(repr(price)) >= instrument.minimum_notional
    return lots if is_tradable else ZERO
