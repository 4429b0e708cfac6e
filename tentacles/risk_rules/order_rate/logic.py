"""Account tier: an account whose orders of the last minute reach `account_limits.max_orders_per_minute` enters nothing.

Every submitted order counts, protective ones and exits too; only entries are refused.
"""

from __future__ import annotations

from loligo.api import OrderRequest, RiskView, Stateless, Tier, Verdict, passed, refused


class OrderRate(Stateless):
    tier = Tier.ACCOUNT

    def check(self, request: OrderRequest, view: RiskView) -> Verdict:
        count, limit = view.orders_last_minute + 1, view.account_limits.max_orders_per_minute
        verdict = passed if count <= limit else refused
        return verdict("order_rate", float(count), float(limit))
