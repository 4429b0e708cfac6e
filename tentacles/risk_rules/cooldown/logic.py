"""Strategy tier: no entry into an instrument for `limits.cooldown_s` after the desk went flat in it (0: no wait)."""

from __future__ import annotations

from loligo.api import SECOND_NS, OrderRequest, RiskView, Stateless, Tier, Verdict, passed, refused


class Cooldown(Stateless):
    tier = Tier.STRATEGY

    def check(self, request: OrderRequest, view: RiskView) -> Verdict:
        cooldown_s, left_at_ns = view.limits.cooldown_s, view.left_instrument_at_ns
        if not cooldown_s or not left_at_ns:
            return passed("cooldown")
        elapsed_ns = view.ts - left_at_ns
        verdict = passed if elapsed_ns >= cooldown_s * SECOND_NS else refused
        return verdict("cooldown", elapsed_ns / SECOND_NS, float(cooldown_s))
