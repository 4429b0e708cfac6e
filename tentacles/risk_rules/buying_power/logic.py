"""Account tier: an entry is paid for by what the desk has free, taker fee included.

Spot needs its full cost in cash; a perpetual needs its margin, notional / leverage. Orders without a limit price fill
where the market is by then, so their cost has a reserve on top. An entry that is too large is cut to what is free, and
refused when the venue would not take so little. Selling what one does not own is not possible on spot.
"""

from __future__ import annotations

from math import inf

from pydantic import Field

from loligo.api import (
    OrderRequest,
    RiskView,
    Side,
    Stateless,
    TentacleSettings,
    Tier,
    Verdict,
    passed,
    quantity_for_share,
    reduced,
    refused,
)

_ROUNDING = 1.0 + 1e-9  # float noise is not a breach


class BuyingPowerSettings(TentacleSettings):
    price_reserve: float = Field(
        default=0.002,
        ge=0.0,
        le=0.1,
        description="Share of the price kept for slippage of orders without a limit price",
    )


class BuyingPower(Stateless):
    tier = Tier.ACCOUNT

    def __init__(self, settings: BuyingPowerSettings) -> None:
        self._price_reserve = settings.price_reserve

    def check(self, request: OrderRequest, view: RiskView) -> Verdict:
        instrument = view.instrument
        if request.side is Side.SELL and not instrument.is_perpetual:
            return refused("short_on_spot")
        price = request.price_at(view.price)
        cost_rate = self._cost_rate(request, view)
        cost = float(request.quantity) * price * cost_rate
        free = float(view.available)
        if not (0.0 < cost < inf and -inf < free < inf):
            return refused("price_or_balance_missing")
        if cost <= free * _ROUNDING:
            return passed("buying_power", cost, free)
        quantity = quantity_for_share(free / cost_rate, 1.0, price, instrument)
        if 0 < quantity < request.quantity:
            return reduced(quantity, "buying_power", cost, free)
        return refused("buying_power", cost, free)

    def _cost_rate(self, request: OrderRequest, view: RiskView) -> float:
        """Quote units needed per quote unit of notional at the judged price."""
        funded = 1.0
        if view.instrument.is_perpetual:
            leverage = float(request.leverage)
            funded = 1.0 / leverage if leverage > 0.0 else inf
        reserve = self._price_reserve if request.limit_price is None else 0.0
        return (funded + float(view.instrument.taker_fee_rate)) * (1.0 + reserve)
