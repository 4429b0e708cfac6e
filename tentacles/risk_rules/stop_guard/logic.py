"""Strategy tier: `limits.stop_guard_count` stops within `limits.stop_guard_window_s` pause the desk.

The pause lasts `limits.stop_guard_pause_s` from the close of the last of them. Only a trade that ended in a stop, a
trailing stop or a liquidation can start it. The engine holds the pause, so `check` only reports the count. The rule is
freqtrade's StoplossGuard.
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

_STOPS = frozenset({"stop", "trail", "liquidation"})


class StopGuard(Stateless):
    tier = Tier.STRATEGY

    def check(self, request: OrderRequest, view: RiskView) -> Verdict:
        limits = view.limits
        count = view.stops_since(view.ts - limits.stop_guard_window_s * SECOND_NS)
        return passed("stop_guard", float(count), float(limits.stop_guard_count))

    def on_trade_closed(self, trade: ClosedTrade, view: RiskView) -> RiskAction | None:
        if trade.exit_role not in _STOPS:
            return None
        limits, closed_at_ns = view.limits, trade.closed_at_ns
        count = view.stops_since(closed_at_ns - limits.stop_guard_window_s * SECOND_NS)
        if count < limits.stop_guard_count:
            return None
        until_ns = closed_at_ns + limits.stop_guard_pause_s * SECOND_NS
        return RiskAction(ActionKind.PAUSE, "stop_guard", (float(count), float(limits.stop_guard_count)), until_ns)
