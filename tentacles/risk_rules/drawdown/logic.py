"""Account tier: an account `account_limits.max_drawdown` below its highest equity stops until a person resumes.

Reaching the limit is a breach. The highest equity is the engine's and survives a restart. `check` refuses as long as
the drawdown stands.
"""

from __future__ import annotations

from loligo.api import ActionKind, OrderRequest, RiskAction, RiskView, Stateless, Tier, Verdict, passed, refused


class Drawdown(Stateless):
    tier = Tier.ACCOUNT

    def check(self, request: OrderRequest, view: RiskView) -> Verdict:
        peak, equity, limit = view.account_peak_equity, view.account_equity, view.account_limits.max_drawdown
        if not peak > 0.0 or equity != equity:
            return refused("equity_missing")
        verdict = passed if equity > peak * (1.0 - limit) else refused
        return verdict("drawdown", 1.0 - equity / peak, limit)

    def watch(self, view: RiskView) -> RiskAction | None:
        peak, equity, limit = view.account_peak_equity, view.account_equity, view.account_limits.max_drawdown
        if equity > peak * (1.0 - limit) or peak <= 0.0:
            return None
        return RiskAction(ActionKind.PAUSE, "drawdown", (1.0 - equity / peak, limit))
