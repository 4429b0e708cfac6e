"""Position tier: one position is worth at most `limits.max_position_share` of the desk's equity.

What is held counts at the last price, pending entries and this one at this one's price. An entry that is too large is
cut to what fits, and refused when the venue would not take so little.
"""

from __future__ import annotations

from math import inf

from loligo.api import OrderRequest, RiskView, Stateless, Tier, Verdict, passed, quantity_for_share, reduced, refused

_ROUNDING = 1.0 + 1e-9  # float noise is not a breach


class PositionSize(Stateless):
    tier = Tier.POSITION

    def check(self, request: OrderRequest, view: RiskView) -> Verdict:
        price = request.price_at(view.price)
        added = float(request.quantity) * price
        equity = view.equity
        if not (0.0 < added < inf and 0.0 < equity < inf):
            return refused("price_or_equity_missing")
        limit = view.limits.max_position_share
        held = float(view.position) * request.side.sign * view.price + float(view.pending_entries) * price
        share = (held + added) / equity
        if share <= limit * _ROUNDING:
            return passed("position_size", share, limit)
        quantity = quantity_for_share(limit * equity - held, 1.0, price, view.instrument)
        if 0 < quantity < request.quantity:
            return reduced(quantity, "position_size", share, limit)
        return refused("position_size", share, limit)
