"""Account tier: gross positions and open entries over all desks are at most `max_exposure` of the account's equity.

An entry that would go beyond is cut to what fits, and refused when the venue would not take so little.
"""

from __future__ import annotations

from math import inf

from loligo.api import OrderRequest, RiskView, Stateless, Tier, Verdict, passed, quantity_for_share, reduced, refused

_ROUNDING = 1.0 + 1e-9  # float noise is not a breach


class Exposure(Stateless):
    tier = Tier.ACCOUNT

    def check(self, request: OrderRequest, view: RiskView) -> Verdict:
        price = request.price_at(view.price)
        added = float(request.quantity) * price
        equity, open_value = view.account_equity, view.account_exposure
        if not (0.0 < added < inf and 0.0 < equity < inf and 0.0 <= open_value < inf):
            return refused("price_or_equity_missing")
        limit = view.account_limits.max_exposure
        share = (open_value + added) / equity
        if share <= limit * _ROUNDING:
            return passed("exposure", share, limit)
        quantity = quantity_for_share(limit * equity - open_value, 1.0, price, view.instrument)
        if 0 < quantity < request.quantity:
            return reduced(quantity, "exposure", share, limit)
        return refused("exposure", share, limit)
