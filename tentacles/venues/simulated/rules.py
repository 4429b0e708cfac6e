"""What a venue refuses at the door: orders whose terms are incomplete or off the instrument's steps and minimums.

Each refusal is (code, numbers) with the bad value first and the limit second. The rules are the filters that venues
publish (Binance spot API, "Filters": PRICE_FILTER, LOT_SIZE, MIN_NOTIONAL; ccxt's `market.precision`, `market.limits`).
"""

from __future__ import annotations

from decimal import Decimal

from loligo.api import Instrument, Numbers, Order, OrderKind, TimeInForce

Refusal = tuple[str, Numbers]

_TRAILING_STOP, _GTD = OrderKind.TRAILING_STOP, TimeInForce.GTD  # an enum's members are slow to look up
LIMIT_KINDS = frozenset({OrderKind.LIMIT, OrderKind.STOP_LIMIT, OrderKind.TAKE_PROFIT_LIMIT})
TRIGGER_KINDS = frozenset(OrderKind) - {OrderKind.MARKET, OrderKind.LIMIT}


def refusal(order: Order, instrument: Instrument, ts: int, last_price: float) -> Refusal | None:
    """Return why the venue refuses the order at `ts`, None if it takes it. `last_price` is 0.0 when unknown."""
    return (
        _terms_refusal(order, ts)
        or _price_refusal(order, instrument)
        or _quantity_refusal(order, instrument)
        or _notional_refusal(order, instrument, last_price)
    )


def _terms_refusal(order: Order, ts: int) -> Refusal | None:
    """What the kind and the time in force need: prices, a trail between 0 and 1, an expiry that lies ahead."""
    if order.kind in LIMIT_KINDS and order.limit_price is None:
        return "limit_price_missing", ()
    if order.kind is _TRAILING_STOP:
        if order.trail_rate is None or not 0 < order.trail_rate < 1:
            return "trail_rate", (float(order.trail_rate or 0), 1.0)
    elif order.kind in TRIGGER_KINDS and order.trigger_price is None:
        return "trigger_price_missing", ()
    if order.is_post_only and (
        order.kind not in LIMIT_KINDS or order.time_in_force in (TimeInForce.IOC, TimeInForce.FOK)
    ):
        return "post_only_needs_resting_limit", ()
    if order.time_in_force is _GTD and order.expires_at_ns <= ts:
        return "expires_at", (float(order.expires_at_ns), float(ts))
    return None


def _price_refusal(order: Order, instrument: Instrument) -> Refusal | None:
    for price in (order.limit_price, order.trigger_price):
        if price is None:
            continue
        if price <= 0:
            return "price_not_positive", (float(price), 0.0)
        if price % instrument.price_step:
            return "price_step", (float(price), float(instrument.price_step))
    return None


def _quantity_refusal(order: Order, instrument: Instrument) -> Refusal | None:
    """A reduce-only order is free of the minimum, too: a partial fill below it must get its stop, and be closable
    (Binance USD-M futures, `closePosition` orders, which close whatever is left)."""
    is_small = order.quantity < instrument.minimum_quantity and not order.is_reduce_only
    if order.quantity <= 0 or is_small:
        return "minimum_quantity", (float(order.quantity), float(instrument.minimum_quantity))
    if order.quantity % instrument.quantity_step:
        return "quantity_step", (float(order.quantity), float(instrument.quantity_step))
    if instrument.is_perpetual and not 1 <= order.leverage <= instrument.maximum_leverage:
        return "leverage", (float(order.leverage), float(instrument.maximum_leverage))
    return None


def _notional_refusal(order: Order, instrument: Instrument, last_price: float) -> Refusal | None:
    """At its limit, else at its trigger, else at the last price; a reduce-only order is free of it, so that the rest
    of a position can always be closed (Binance USD-M futures, MIN_NOTIONAL)."""
    if order.is_reduce_only:
        return None
    price = order.limit_price or order.trigger_price or Decimal(repr(last_price))
    notional = price * order.quantity
    if price and notional < instrument.minimum_notional:
        return "minimum_notional", (float(notional), float(instrument.minimum_notional))
    return None
