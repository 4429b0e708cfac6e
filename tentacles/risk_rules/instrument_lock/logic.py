"""Strategy tier: an instrument whose recent trades lost too much is locked for a while; the desk's others trade on.

When a trade closes and the desk's net result in that instrument over `limits.lock_window_s`, as a share of its equity,
is at or below `limits.lock_below_profit`, entries into it are refused for `limits.lock_pause_s`. The locks are state
and survive a restart. The rule is freqtrade's LowProfitPairs.
"""

from __future__ import annotations

from loligo.api import (
    SECOND_NS,
    ClosedTrade,
    OrderRequest,
    PlainState,
    RiskAction,
    RiskView,
    Tier,
    Verdict,
    passed,
    refused,
)


class InstrumentLock:
    tier = Tier.STRATEGY
    state_version = 1

    def __init__(self) -> None:
        self._locked: dict[str, tuple[int, float]] = {}  # instrument -> (until ns, the share that locked it)

    def check(self, request: OrderRequest, view: RiskView) -> Verdict:
        locked = self._locked.get(request.instrument)
        limit = view.limits.lock_below_profit
        if locked is None or view.ts >= locked[0]:
            return passed("instrument_lock")
        return refused("instrument_lock", locked[1], limit)

    def on_trade_closed(self, trade: ClosedTrade, view: RiskView) -> RiskAction | None:
        """Lock the instrument if need be; the desk as a whole is left alone."""
        limits, closed_at_ns = view.limits, trade.closed_at_ns
        net = view.net_since(closed_at_ns - limits.lock_window_s * SECOND_NS)
        share = net / view.equity if view.equity > 0.0 else -1.0  # a desk without equity has lost it all
        if not share > limits.lock_below_profit:
            self._locked[trade.instrument] = (closed_at_ns + limits.lock_pause_s * SECOND_NS, share)
        return None

    def export_state(self) -> PlainState:
        return {"locked": {name: list(lock) for name, lock in sorted(self._locked.items())}}

    def restore_state(self, state: PlainState) -> None:
        self._locked = {name: (until_ns, share) for name, (until_ns, share) in state["locked"].items()}
