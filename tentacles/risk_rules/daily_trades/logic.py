"""Strategy tier: at most `limits.max_trades_per_day` entries are approved for a desk in one UTC day.

The engine counts approvals, not fills: a limit order that expires unfilled has used up one.
"""

from __future__ import annotations

from loligo.api import OrderRequest, RiskView, Stateless, Tier, Verdict, passed, refused


class DailyTrades(Stateless):
    tier = Tier.STRATEGY

    def check(self, request: OrderRequest, view: RiskView) -> Verdict:
        count, limit = view.trades_today + 1, view.limits.max_trades_per_day
        verdict = passed if count <= limit else refused
        return verdict("daily_trades", float(count), float(limit))
