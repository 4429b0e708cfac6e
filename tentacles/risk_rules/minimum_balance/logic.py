"""Account tier: after an entry and its fee, `account_limits.minimum_balance` quote units of the desk stay free.

Each desk keeps the minimum in its own book, so the account as a whole keeps at least as much. An entry that is too
large is cut to what fits, and refused when the venue would not take so little.
"""

from __future__ import annotations

from math import inf

from loligo.api import OrderRequest, RiskView, Stateless, Tier, Verdict, passed, quantity_for_share, reduced, refused


class MinimumBalance(Stateless):
    tier = Tier.ACCOUNT

    def check(self, request: OrderRequest, view: RiskView) -> Verdict:
        minimum = view.account_limits.minimum_balance
        if minimum <= 0.0:
            return passed("minimum_balance")
        price = request.price_at(view.price)
        leverage = float(request.leverage) if view.instrument.is_perpetual else 1.0
        cost_rate = 1.0 / leverage + float(view.instrument.taker_fee_rate) if leverage > 0.0 else inf
        cost, free = float(request.quantity) * price * cost_rate, float(view.available)
        if not (0.0 < cost < inf and -inf < free < inf):
            return refused("price_or_balance_missing")
        left = free - cost
        if left >= minimum:
            return passed("minimum_balance", left, minimum)
        quantity = quantity_for_share((free - minimum) / cost_rate, 1.0, price, view.instrument)
        if 0 < quantity < request.quantity:
            return reduced(quantity, "minimum_balance", left, minimum)
        return refused("minimum_balance", left, minimum)
