"""Position tier: an entry's leverage is at most the desk's `limits.max_leverage` and at most the instrument's own.

Leverage cannot be lowered by a smaller quantity, so what is too high is refused.
"""

from __future__ import annotations

from loligo.api import OrderRequest, RiskView, Stateless, Tier, Verdict, passed, refused


class Leverage(Stateless):
    tier = Tier.POSITION

    def check(self, request: OrderRequest, view: RiskView) -> Verdict:
        leverage = float(request.leverage)
        limit = min(view.limits.max_leverage, float(view.instrument.maximum_leverage))
        if not 0.0 < leverage <= limit:
            return refused("leverage", leverage, limit)
        return passed("leverage", leverage, limit)
