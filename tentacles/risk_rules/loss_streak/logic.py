"""Strategy tier: after `limits.max_consecutive_losses` losing trades in a row the desk pauses.

The pause lasts `limits.loss_pause_s` from the close of the last of them, or until a person resumes when that is 0. The
engine holds the pause, over restarts too; so `check` only reports the count.
"""

from __future__ import annotations

from loligo.api import (
    SECOND_NS,
    ActionKind,
    ClosedTrade,
    OrderRequest,
    RiskAction,
    RiskView,
    Stateless,
    Tier,
    Verdict,
    passed,
)


class LossStreak(Stateless):
    tier = Tier.STRATEGY

    def check(self, request: OrderRequest, view: RiskView) -> Verdict:
        return passed("loss_streak", float(view.consecutive_losses), float(view.limits.max_consecutive_losses))

    def on_trade_closed(self, trade: ClosedTrade, view: RiskView) -> RiskAction | None:
        losses, limits = view.consecutive_losses, view.limits
        if losses < limits.max_consecutive_losses:
            return None
        until_ns = trade.closed_at_ns + limits.loss_pause_s * SECOND_NS if limits.loss_pause_s else 0
        numbers = (float(losses), float(limits.max_consecutive_losses))
        return RiskAction(ActionKind.PAUSE, "loss_streak", numbers, until_ns)
