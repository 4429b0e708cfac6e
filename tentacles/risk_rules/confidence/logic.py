"""Strategy tier: the signal behind an entry is at least `limits.min_confidence` strong.

Confidence is the signal's `strength`, 0..1. Modes that trade without signals (grid, DCA) pass 1.0.
"""

from __future__ import annotations

from loligo.api import OrderRequest, RiskView, Stateless, Tier, Verdict, passed, refused


class Confidence(Stateless):
    tier = Tier.STRATEGY

    def check(self, request: OrderRequest, view: RiskView) -> Verdict:
        strength, limit = request.strength, view.limits.min_confidence
        if strength != strength:
            return refused("confidence_missing")
        if strength < limit:
            return refused("confidence", strength, limit)
        return passed("confidence", strength, limit)
