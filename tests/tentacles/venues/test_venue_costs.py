"""Fees, slippage and impact, each against arithmetic shown here."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from loligo.model.market import Side
from loligo.model.timeframe import HOUR_NS
from tentacles.venues.simulated.costs import CostModel
from tentacles.venues.simulated.settings import SimulatedVenueSettings
from tests.fakes.venue_scene import BTC, FREE, candle, order, play, prices, venue

BUY, SELL = Side.BUY, Side.SELL


def costs(**settings: Any) -> CostModel:
    return CostModel(BTC, SimulatedVenueSettings(**{**FREE, **settings}), "1h")


def taken(model: CostModel, side: Side, quantity: str, *, limit: str | None = None, volume: float = 1000.0) -> Decimal:
    q = Decimal(quantity)
    return model.taker_price(side, 100.0, q, of_order=q, volume=volume, limit=Decimal(limit) if limit else None)


def test_default_costs_are_those_that_the_project_states() -> None:
    config = SimulatedVenueSettings()
    assert (config.slippage_rate, config.half_spread_rate) == (Decimal("0.0005"), Decimal(0))
    assert (config.impact_threshold, config.max_volume_share) == (0.01, Decimal("0.10"))
    assert (config.latency_ms, config.is_pessimistic, config.fills_on_touch) == (0, False, False)


@pytest.mark.parametrize(("side", "expected"), [(BUY, "100.08"), (SELL, "99.92")])
def test_fixed_slippage_and_half_spread_add_up_and_round_against_the_taker(side: Side, expected: str) -> None:
    # 100 x (0.0005 + 0.00025) = 0.075, rounded away to 0.08
    assert taken(costs(slippage_rate="0.0005", half_spread_rate="0.00025"), side, "1") == Decimal(expected)


def test_volume_share_slippage_is_impact_times_squared_share() -> None:
    model = costs(slippage_model="volume_share")
    assert taken(model, BUY, "20") == Decimal("100.01")  # 0.1 x 0.02^2 = 0.00004 -> 0.004 -> one tick
    assert taken(model, BUY, "500") == Decimal("100.01")  # the share is capped at 0.025: 0.0000625 -> 0.00625
    assert taken(costs(slippage_model="volume_share", volume_share_impact="16"), BUY, "500") == Decimal("101.00")
    assert taken(model, BUY, "20", volume=0.0) == 100


def test_impact_follows_the_square_root_above_one_percent_of_daily_volume() -> None:
    model = costs(impact_threshold=0.01, impact_coefficient=0.03)
    model.volumes.extend([100.0] * 24)  # a day of 2400
    assert taken(model, BUY, "24") == 100  # exactly 1 %
    assert taken(model, BUY, "96") == Decimal("100.60")  # 0.03 x sqrt(0.04) = 0.006
    assert taken(model, SELL, "9600") == Decimal("97.00")  # never more than at the whole daily volume


def test_daily_volume_is_scaled_up_until_a_day_was_seen_and_then_rolls() -> None:
    model = costs()
    assert model.daily_volume() == 0.0
    model.volumes.append(10.0)
    assert model.daily_volume() == 240.0
    model.volumes.extend([20.0] * 24)
    assert model.daily_volume() == 480.0


def test_volume_of_the_matched_candles_makes_the_impact_of_the_next_fill() -> None:
    v = venue(impact_threshold=0.01, impact_coefficient=0.03)
    play(v, candle(0, 100.0, 100.0, 100.0, 100.0, volume=10.0))  # 240 a day
    v.submit(order("a", BUY, "60"), HOUR_NS)
    assert prices(play(v, candle(1, 100.0, 100.0, 100.0, 100.0, volume=10.0))) == [
        ("a", "101.50", "open")
    ]  # 0.03 x sqrt(0.25)


def test_limit_bounds_what_slippage_may_cost() -> None:
    model = costs(slippage_rate="0.01")
    assert taken(model, BUY, "1", limit="100.50") == Decimal("100.50")
    assert taken(model, SELL, "1", limit="98.00") == Decimal("99.00")


def test_fee_is_rounded_up_to_the_quote_step_and_a_rebate_down() -> None:
    model = costs()
    assert model.fee(Decimal("100.01"), Decimal("0.001"), is_maker=False) == Decimal("0.00010001")
    coarse = CostModel(
        type(BTC)(
            venue="sim",
            symbol="X/USD",
            base="X",
            quote="USD",
            quote_step=Decimal("0.01"),
            maker_fee_rate=Decimal("-0.0001"),
        ),
        SimulatedVenueSettings(),
        "1h",
    )
    assert coarse.fee(Decimal("100.01"), Decimal("0.5"), is_maker=False) == Decimal("0.06")  # 0.050005
    assert coarse.fee(Decimal(100), Decimal("1.5"), is_maker=True) == Decimal("-0.01")  # -0.015


def test_volume_cap_is_a_share_on_the_lot_or_none() -> None:
    assert costs(max_volume_share="0.10").volume_cap(0.7) == Decimal("0.07")
    assert costs(max_volume_share="0.10").volume_cap(0.0555) == Decimal("0.005")
    assert costs(max_volume_share=None).volume_cap(5.0) is None
