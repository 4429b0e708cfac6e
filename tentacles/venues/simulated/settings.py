"""Settings of the simulated venue: what a fill costs, how much of the market an order may be, which data it meets.

Rates and shares are fractions (0.0005 is 0.05 %). The sources of the models stand in `costs.py`, `path.py` and
`matching.py`, and in the README.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from pydantic import Field

from loligo.api import TentacleSettings


class MatchOn(StrEnum):
    """Which market data an instrument's orders are matched on."""

    CANDLES = "candles"
    TRADES = "trades"
    QUOTES = "quotes"
    BOOK = "book"


class SlippageModel(StrEnum):
    """What a taker loses beyond the spread; `costs.py` has the formulas."""

    FIXED = "fixed"
    VOLUME_SHARE = "volume_share"


class MatchingSettings(TentacleSettings):
    """How one instrument is matched."""

    match_on: MatchOn = Field(
        default=MatchOn.CANDLES, description="Data that orders meet: candles, trades, quotes or book."
    )
    match_timeframe: str | None = Field(
        default=None, description='Timeframe whose candles match, such as "1m"; the finest one seen when empty.'
    )


class SimulatedVenueSettings(MatchingSettings):
    """Settings of one simulated venue; its own matching is that of instruments which say nothing."""

    instruments: dict[str, MatchingSettings] = Field(
        default_factory=dict, description="The two above for single instruments, by instrument id."
    )
    half_spread_rate: Decimal = Field(
        default=Decimal(0), ge=0, lt=1, description="Taker's cost of crossing to the other side, of the price."
    )
    slippage_model: SlippageModel = Field(default=SlippageModel.FIXED, description="fixed or volume_share.")
    slippage_rate: Decimal = Field(
        default=Decimal("0.0005"), ge=0, lt=1, description="fixed: taker's slippage, of the price."
    )
    volume_share_impact: Decimal = Field(
        default=Decimal("0.1"),
        ge=0,
        le=16,
        description="volume_share: slippage is this times the squared share of the candle's volume.",
    )
    volume_share_limit: Decimal = Field(
        default=Decimal("0.025"), gt=0, le=1, description="volume_share: the share that is squared is at most this."
    )
    impact_threshold: float = Field(
        default=0.01, ge=0, description="Market impact is added for orders above this share of the daily volume."
    )
    impact_coefficient: float = Field(
        default=0.03, ge=0, lt=1, description="Market impact of an order as large as the daily volume, of the price."
    )
    max_volume_share: Decimal | None = Field(
        default=Decimal("0.10"),
        gt=0,
        le=1,
        description="Largest share of a candle's volume that one desk's orders fill; empty for no limit.",
    )
    latency_ms: int = Field(
        default=0, ge=0, description="Milliseconds until a new or amended order reaches the market."
    )
    is_pessimistic: bool = Field(
        default=False, description="The path in a candle goes against the desk first: stop before target."
    )
    fills_on_touch: bool = Field(
        default=False, description="A resting limit fills when its price is reached, not only when traded through."
    )

    def matching(self, instrument_id: str) -> MatchingSettings:
        """Return how an instrument is matched."""
        return self.instruments.get(instrument_id, self)
