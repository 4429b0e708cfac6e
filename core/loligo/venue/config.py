"""Settings of the simulated venue: what a fill costs, how much of the market an order may be, which data it meets.

Rates and shares are fractions (0.0005 is 0.05 %). The sources of the models stand in `venue/costs.py`, `path.py` and
`matching.py`, so that a report can name them.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Rate = Annotated[Decimal, Field(ge=0, lt=1)]
Share = Annotated[Decimal, Field(gt=0, le=1)]


class MatchOn(StrEnum):
    """Which market data an instrument's orders are matched on."""

    CANDLES = "candles"
    TRADES = "trades"
    QUOTES = "quotes"
    BOOK = "book"


class SlippageModel(StrEnum):
    """What a taker loses beyond the spread; `venue/costs.py` has the formulas."""

    FIXED = "fixed"
    VOLUME_SHARE = "volume_share"


class MatchingConfig(BaseModel):
    """How one instrument is matched."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    match_on: MatchOn = MatchOn.CANDLES
    """data that orders meet: candles, trades, quotes or book"""
    match_timeframe: str | None = None
    """timeframe whose candles match, such as "1m"; the finest one seen when empty"""


class SimulatedVenueConfig(MatchingConfig):
    """Settings of one simulated venue; its own matching is that of instruments which say nothing."""

    instruments: dict[str, MatchingConfig] = Field(default_factory=dict)
    """matching of single instruments, by instrument id"""
    half_spread_rate: Rate = Decimal(0)
    """taker's cost of crossing to the other side, fraction of the price"""
    slippage_model: SlippageModel = SlippageModel.FIXED
    """fixed or volume_share"""
    slippage_rate: Rate = Decimal("0.0005")
    """fixed model: taker's slippage, fraction of the price"""
    volume_share_impact: Annotated[Decimal, Field(ge=0, le=16)] = Decimal("0.1")
    """volume_share model: slippage is this times the squared share of the candle's volume"""
    volume_share_limit: Share = Decimal("0.025")
    """volume_share model: the share that is squared is at most this"""
    impact_threshold: Annotated[float, Field(ge=0)] = 0.01
    """market impact is added for orders above this share of the daily volume"""
    impact_coefficient: Annotated[float, Field(ge=0, lt=1)] = 0.03
    """market impact of an order as large as the daily volume, fraction of the price"""
    max_volume_share: Share | None = Decimal("0.10")
    """largest share of a candle's volume that one desk's orders fill; empty for no limit"""
    latency_ms: Annotated[int, Field(ge=0)] = 0
    """milliseconds until a new or amended order reaches the market"""
    is_pessimistic: bool = False
    """the path in a candle goes against the desk's position first: stop before target"""
    fills_on_touch: bool = False
    """a resting limit fills when its price is reached, not only when traded through by one tick"""

    def matching(self, instrument_id: str) -> MatchingConfig:
        """Return how an instrument is matched."""
        return self.instruments.get(instrument_id, self)
