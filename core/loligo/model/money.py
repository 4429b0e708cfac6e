"""Exact money: one decimal context, rounding to an instrument's steps, and the one crossing from floats.

Balances, quantities, order prices, fees and fills are `Decimal`; marks, candles and indicators are float64.
`exact()` traps Inexact: an operation that would lose a digit raises instead of rounding in silence. Rounding is
always asked for by name: `round_to_step`.
"""

from __future__ import annotations

import decimal
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_UP, Decimal
from functools import lru_cache
from math import isfinite

from loligo.errors import OrderError

ZERO = Decimal(0)
ONE = Decimal(1)

_STRICT = decimal.Context(
    prec=50,
    rounding=ROUND_HALF_EVEN,
    traps=[decimal.Inexact, decimal.InvalidOperation, decimal.DivisionByZero, decimal.Overflow],
)
_ROUNDING = decimal.Context(
    prec=50, rounding=ROUND_HALF_EVEN, traps=[decimal.InvalidOperation, decimal.DivisionByZero, decimal.Overflow]
)

# By value, because 0.10 and 0.1 are equal and only the second has the exponent that `quantize` rounds to.
_POWERS_OF_TEN = {power: power for power in (Decimal(1).scaleb(exponent) for exponent in range(-18, 1))}

DOWN = ROUND_DOWN  # towards zero: quantities, so that nothing is sold or spent that is not there
UP = ROUND_UP  # away from zero: fees, so that a cost is never understated
NEAREST = ROUND_HALF_EVEN  # prices


class exact:  # used as a function: `with exact():`
    """A context manager in which decimal arithmetic is exact to 50 digits or raises `decimal.Inexact`."""

    __slots__ = ("_outer",)

    def __enter__(self) -> None:
        self._outer = decimal.getcontext()
        decimal.setcontext(_STRICT)

    def __exit__(self, *_: object) -> None:
        decimal.setcontext(self._outer)


def round_to_step(value: Decimal, step: Decimal, rounding: str = NEAREST) -> Decimal:
    """Return the multiple of `step` next to `value` in the direction of `rounding`. OrderError if step <= 0."""
    power = _POWERS_OF_TEN.get(step)
    if power is not None:  # nearly every instrument's step: one operation instead of three
        return value.quantize(power, rounding, _ROUNDING)
    if step <= 0:
        raise OrderError(f"step {step} must be greater than 0")
    steps = _ROUNDING.divide(value, step).to_integral_value(rounding=rounding, context=_ROUNDING)
    return _ROUNDING.multiply(steps, step)


def money_from_float(value: float, step: Decimal, rounding: str = NEAREST) -> Decimal:
    """Cross from float64 to exact money: the shortest decimal that reads back as `value`, rounded to `step`.

    The only way from marks and candles into orders and the ledger. OrderError if `value` is not finite.
    """
    if not isfinite(value):
        raise OrderError(f"{value} is not a finite number and cannot become money")
    # Of the two zeros, which are equal, only one may be remembered.
    return round_to_step(_shortest(value) if value else Decimal(repr(float(value))), step, rounding)


@lru_cache(maxsize=64)  # desks on one market ask the same prices, one after the other
def _shortest(value: float) -> Decimal:
    return Decimal(repr(float(value)))


_STEPS = tuple(ONE.scaleb(-digits) for digits in range(19))


def ratio(numerator: Decimal, denominator: Decimal, digits: int = 12) -> Decimal:
    """Return numerator / denominator rounded to `digits` decimals, without trailing zeros: for display and averages,
    never for balances."""
    rounded = _ROUNDING.divide(numerator, denominator).quantize(_STEPS[digits], context=_ROUNDING)
    short = rounded.normalize(_ROUNDING)
    # Without a fraction it may have become 1E+2, which is 100.
    return short if _ROUNDING.remainder(short, ONE) else short.quantize(ONE, context=_ROUNDING)
