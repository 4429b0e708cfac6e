"""What is traded: an instrument of a venue with its steps, fees and margin rules."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import Literal

import msgspec

from loligo.model.money import DOWN, NEAREST, money_from_float, round_to_step


class InstrumentKind(StrEnum):
    """Spot changes assets hand to hand; a linear perpetual is margined and settled in the quote asset."""

    SPOT = "spot"
    PERPETUAL = "perpetual"


class Instrument(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """One tradable market of one venue. Rates are fractions (0.001 is 0.1 %)."""

    venue: str
    symbol: str  # "BTC/USD", as ccxt writes it
    base: str
    quote: str
    kind: InstrumentKind = InstrumentKind.SPOT
    price_step: Decimal = Decimal("0.01")  # tick size, quote units
    quantity_step: Decimal = Decimal("0.00000001")  # lot size, base units
    minimum_quantity: Decimal = Decimal("0.00000001")  # base units
    minimum_notional: Decimal = Decimal("10")  # quote units
    maker_fee_rate: Decimal = Decimal("0.001")
    taker_fee_rate: Decimal = Decimal("0.001")
    fee_in: Literal["quote", "base"] = "quote"  # of spot buys; base: out of what was bought, so less arrives
    quote_step: Decimal = Decimal("0.00000001")  # smallest amount of the quote asset that is booked
    base_step: Decimal = Decimal("0.00000001")  # smallest amount of the base asset that is booked
    maximum_leverage: Decimal = Decimal("1")
    maintenance_margin_rate: Decimal = Decimal("0.005")  # of notional; perpetuals only
    liquidation_fee_rate: Decimal = Decimal("0.005")  # of notional; perpetuals only
    funding_interval_s: int = 28_800  # perpetuals only

    @cached_property
    def id(self) -> str:
        """The name by which events refer to it: "coinbase:BTC/USD"."""
        return f"{self.venue}:{self.symbol}"

    @cached_property
    def is_perpetual(self) -> bool:
        return self.kind is InstrumentKind.PERPETUAL

    def price(self, value: float | Decimal, rounding: str = NEAREST) -> Decimal:
        """Return a price on the tick."""
        if isinstance(value, Decimal):
            return round_to_step(value, self.price_step, rounding)
        return money_from_float(value, self.price_step, rounding)

    def quantity(self, value: float | Decimal, rounding: str = DOWN) -> Decimal:
        """Return a quantity on the lot, rounded towards zero."""
        if isinstance(value, Decimal):
            return round_to_step(value, self.quantity_step, rounding)
        return money_from_float(value, self.quantity_step, rounding)
