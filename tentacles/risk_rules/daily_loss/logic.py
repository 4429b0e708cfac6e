"""Account tier: an account that lost `account_limits.max_daily_loss` of its equity since 00:00 UTC stops entering.

Open positions count at their marks. Reaching the limit is a breach. `watch` pauses the account until the next 00:00 UTC
and `check` refuses as long as the loss stands, so that a resumed account is still held to its limit.
"""

from __future__ import annotations

from loligo.api import DAY_NS, ActionKind, OrderRequest, RiskAction, RiskView, Stateless, Tier, Verdict, passed, refused


class DailyLoss(Stateless):
    tier = Tier.ACCOUNT

    def check(self, request: OrderRequest, view: RiskView) -> Verdict:
        start, equity, limit = view.account_day_start_equity, view.account_equity, view.account_limits.max_daily_loss
        if not start > 0.0 or equity != equity:
            return refused("equity_missing")
        verdict = passed if equity > start * (1.0 - limit) else refused
        return verdict("daily_loss", 1.0 - equity / start, limit)

    def watch(self, view: RiskView) -> RiskAction | None:
        start, equity, limit = view.account_day_start_equity, view.account_equity, view.account_limits.max_daily_loss
        if equity > start * (1.0 - limit) or start <= 0.0:
            return None
        midnight_ns = (view.ts // DAY_NS + 1) * DAY_NS
        return RiskAction(ActionKind.PAUSE, "daily_loss", (1.0 - equity / start, limit), midnight_ns)
