"""Account tier: limit and trigger prices of entries lie within `account_limits.price_collar` of the last price.

It catches fat fingers and broken data, on both sides, as venues' own price bands do. Without a last price nothing can
be judged and everything is refused.
"""

from __future__ import annotations

from math import inf

from loligo.api import OrderRequest, RiskView, Stateless, Tier, Verdict, passed, refused

_NOISE = 1e-9  # float noise is not a breach


class PriceCollar(Stateless):
    tier = Tier.ACCOUNT

    def check(self, request: OrderRequest, view: RiskView) -> Verdict:
        last, limit = view.price, view.account_limits.price_collar
        if not 0.0 < last < inf:
            return refused("price_missing")
        farthest = 0.0
        for price in (request.limit_price, request.trigger_price):
            if price is None:
                continue
            distance = abs(float(price) / last - 1.0)
            if not distance <= limit + _NOISE:
                return refused("price_collar", distance, limit)
            farthest = max(farthest, distance)
        return passed("price_collar", farthest, limit)
