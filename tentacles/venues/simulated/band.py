"""The band of prices inside which nothing can happen to a desk's orders and position, and when something next ends.

While the market stays strictly between `lower` and `upper` no order triggers, fills or follows and nothing is
liquidated, so that most data costs two comparisons. A band holds until an order or the position changes; a trailing
stop has its best price as the other edge, so that a new best widens nothing unseen.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import inf

import msgspec

from loligo.api import Instrument

from .margin import NetPosition
from .working import WorkingOrder

NEVER = 2**63 - 1


class Band(msgspec.Struct, gc=False):
    """Prices in quote units, times in ns UTC; `arrives_at_ns` is the first arrival that no price has met yet."""

    lower: float = -inf
    upper: float = inf
    expires_at_ns: int = NEVER
    arrives_at_ns: int = NEVER

    def holds(self, one: float, other: float) -> bool:
        """Return whether prices from one to the other concern nobody; a crossed quote has its ask below its bid."""
        return self.lower < min(one, other) and max(one, other) < self.upper

    def narrow(self, level: float, *, is_above: bool) -> None:
        if is_above:
            self.upper = min(self.upper, level)
        else:
            self.lower = max(self.lower, level)


def band_of(orders: Iterable[WorkingOrder], position: NetPosition, instrument: Instrument) -> Band:
    """Return the band of one desk."""
    band = Band()
    liquidation = position.liquidation_price(instrument)
    if liquidation:
        band.narrow(liquidation, is_above=position.quantity < 0)
    for order in orders:
        expires_at_ns, awaits_trigger, level = order.expires_at_ns, order.awaits_trigger, order.level
        # The next price concerns an order wherever it stands: it has an end, is new, or takes at market.
        if expires_at_ns or (level == 0.0 if awaits_trigger else not order.is_resting):
            band.upper = -inf
        elif order.is_above:
            band.upper = min(band.upper, level)
        else:
            band.lower = max(band.lower, level)
        if order.best and awaits_trigger:
            band.narrow(order.best, is_above=not order.is_above)
        if expires_at_ns:
            band.expires_at_ns = min(band.expires_at_ns, expires_at_ns)
        if not order.is_seen:
            band.arrives_at_ns = min(band.arrives_at_ns, order.arrives_at_ns)
    return band


def merged(bands: Iterable[Band]) -> Band:
    """Return the band of all."""
    bands = list(bands)
    if len(bands) == 1:
        return msgspec.structs.replace(bands[0])
    whole = Band()
    for band in bands:
        whole.narrow(band.lower, is_above=False)
        whole.narrow(band.upper, is_above=True)
        whole.expires_at_ns = min(whole.expires_at_ns, band.expires_at_ns)
        whole.arrives_at_ns = min(whole.arrives_at_ns, band.arrives_at_ns)
    return whole
