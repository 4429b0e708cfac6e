"""Account tier: after an entry and its fee, `account_limits.minimum_balance` of the account stays free.

Free is what the account has outside of positions and open entries, over all desks and the house. A perpetual position
counts there with its whole value though it binds only margin; where that makes little of it, what the desk itself has
free counts, which the account has, too. An entry that is too large is cut to what fits, and refused when the venue
would not take so little.
"""

from __future__ import annotations

from math import inf

from loligo.api import OrderRequest, RiskView, Stateless, Tier, Verdict, passed, quantity_for_share, reduced, refused

_ROUNDING = 1e-9  # float noise is not a breach


class MinimumBalance(Stateless):
    tier = Tier.ACCOUNT

    def check(self, request: OrderRequest, view: RiskView) -> Verdict:
        minimum = view.account_limits.minimum_balance
        if minimum <= 0.0:
            return passed("minimum_balance")
        price = request.price_at(view.price)
        leverage = float(request.leverage) if view.instrument.is_perpetual else 1.0
        cost_rate = 1.0 / leverage + float(view.instrument.taker_fee_rate) if leverage > 0.0 else inf
        cost, of_account = float(request.quantity) * price * cost_rate, view.account_equity - view.account_exposure
        if not (0.0 < cost < inf and -inf < of_account < inf and minimum < inf):
            return refused("price_or_balance_missing")
        free = max(of_account, float(view.available))
        left = free - cost
        if left >= minimum - _ROUNDING * free:
            return passed("minimum_balance", left, minimum)
        quantity = quantity_for_share((free - minimum) / cost_rate, 1.0, price, view.instrument)
        if 0 < quantity < request.quantity:
            return reduced(quantity, "minimum_balance", left, minimum)
        return refused("minimum_balance", left, minimum)
