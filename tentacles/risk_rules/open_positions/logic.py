"""Strategy tier: a desk is in at most `limits.max_open_positions` instruments at once.

An instrument counts from its first open entry order until it is flat again. Adding to one that counts already opens
nothing new and passes.
"""

from __future__ import annotations

from loligo.api import OrderRequest, RiskView, Stateless, Tier, Verdict, passed, refused


class OpenPositions(Stateless):
    tier = Tier.STRATEGY

    def check(self, request: OrderRequest, view: RiskView) -> Verdict:
        limit = view.limits.max_open_positions
        is_counted = bool(view.position) or bool(view.pending_entries)
        count = view.open_positions if is_counted else view.open_positions + 1
        verdict = passed if is_counted or count <= limit else refused
        return verdict("open_positions", float(count), float(limit))
