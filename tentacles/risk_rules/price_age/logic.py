"""Account tier: what an entry follows from came at most `account_limits.price_age_s` late.

A feed that was cut off brings what it missed when it is back. Evaluators hear all of it, and positions are left by it;
nobody enters at prices of then.
"""

from __future__ import annotations

from loligo.api import SECOND_NS, OrderRequest, RiskView, Stateless, Tier, Verdict, passed, refused


class PriceAge(Stateless):
    tier = Tier.ACCOUNT

    def check(self, request: OrderRequest, view: RiskView) -> Verdict:
        late_s, limit = view.late_ns / SECOND_NS, view.account_limits.price_age_s
        return passed("price_age", late_s, limit) if late_s <= limit else refused("price_age", late_s, limit)
