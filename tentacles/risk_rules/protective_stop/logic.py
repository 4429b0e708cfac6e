"""Position tier: every entry carries a stop, and the stop bounds what can be lost.

An ordinary stop may lie at most `limits.stop_loss` from the entry, one tick of rounding allowed. A whole-position stop
(grid, DCA) may lie farther, as long as the whole position, with this entry and all pending ones, loses at the stop no
more than a share of the desk's equity. By default that share is stop_loss x max_position_share: what the largest
ordinary position loses at the farthest ordinary stop. Gaps and slippage are not in it.
"""

from __future__ import annotations

from math import inf

from pydantic import Field

from loligo.api import (
    OrderRequest,
    RiskView,
    Stateless,
    TentacleSettings,
    Tier,
    Verdict,
    passed,
    quantity_for_share,
    reduced,
    refused,
)

_ROUNDING = 1.0 + 1e-9  # float noise is not a breach


class ProtectiveStopSettings(TentacleSettings):
    whole_position_loss: float | None = Field(
        default=None,
        gt=0.0,
        le=0.2,
        description="Share of equity that a whole-position stop may lose; none: stop_loss x max_position_share",
    )


class ProtectiveStop(Stateless):
    tier = Tier.POSITION

    def __init__(self, settings: ProtectiveStopSettings) -> None:
        self._whole_position_loss = settings.whole_position_loss

    def check(self, request: OrderRequest, view: RiskView) -> Verdict:
        if request.stop_loss_price is None:
            return refused("no_stop")
        stop = float(request.stop_loss_price)
        entry = request.price_at(view.price)
        if not (0.0 < stop < inf and 0.0 < entry < inf):
            return refused("price_missing")
        sign = request.side.sign
        # A stop between the last price and a limit beyond it would trigger the moment it is placed.
        nearest = min(entry, view.price) if sign > 0 else max(entry, view.price)
        if (nearest - stop) * sign <= 0.0:
            return refused("stop_on_wrong_side", stop, nearest)
        if request.is_whole_position_stop:
            return self._check_whole_position(request, view, stop, entry)
        distance = (entry - stop) * sign / entry
        limit = view.limits.stop_loss
        if not distance <= (limit + float(view.instrument.price_step) / entry) * _ROUNDING:
            return refused("stop_too_far", distance, limit)
        return passed("stop", distance, limit)

    def _check_whole_position(self, request: OrderRequest, view: RiskView, stop: float, entry: float) -> Verdict:
        limits, equity = view.limits, view.equity
        share = self._whole_position_loss or limits.stop_loss * limits.max_position_share
        budget = share * equity
        if not 0.0 < budget < inf:
            return refused("equity_missing")
        if not 0.0 <= view.average_entry < inf:  # max() below would take NaN for 0
            return refused("price_missing")
        sign = request.side.sign
        # The price of each pending entry is not known here; none rests on the far side of the market, so this is
        # an upper bound.
        worst = max(entry, view.price) if sign > 0 else min(entry, view.price)
        held = max(0.0, float(view.position) * sign) * max(0.0, (view.average_entry - stop) * sign)
        committed = held + float(view.pending_entries) * (worst - stop) * sign
        distance = (entry - stop) * sign
        loss = committed + float(request.quantity) * distance
        if loss <= budget * _ROUNDING:
            return passed("whole_position_stop", loss / equity, share)
        quantity = quantity_for_share((budget - committed) / distance, entry, entry, view.instrument)
        if 0 < quantity < request.quantity:
            return reduced(quantity, "whole_position_loss", loss / equity, share)
        return refused("whole_position_loss", loss / equity, share)
