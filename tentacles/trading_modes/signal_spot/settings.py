"""What a person may choose about the signal_spot mode. Limits (position share, stop, target) are the desk's own."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from pydantic import Field

from loligo.api import TentacleSettings


class OrderStyle(StrEnum):
    LIMIT = "limit"
    MARKET = "market"


class Sizing(StrEnum):
    FIXED = "fixed"
    EQUITY_SHARE = "equity_share"
    ATR = "atr"


class Settings(TentacleSettings):
    entry_kind: OrderStyle = Field(default=OrderStyle.LIMIT, description="How entries are sent")
    exit_kind: OrderStyle = Field(default=OrderStyle.MARKET, description="How exits on a signal are sent")
    limit_offset: float = Field(
        default=0.001,
        ge=-0.05,
        le=0.05,
        description="How far beyond the last price a limit is, share of the price; negative rests passively",
    )
    limit_lifetime_s: int = Field(
        default=60, ge=1, le=604_800, description="A limit is cancelled after so many seconds"
    )
    sizing: Sizing = Field(default=Sizing.EQUITY_SHARE, description="How large an entry is")
    amount_quote: Decimal = Field(
        default=Decimal(100), gt=0, description="Value of an entry under fixed sizing, quote units"
    )
    equity_share: float | None = Field(
        default=None, gt=0.0, le=10.0, description="Share of equity per entry; none: the desk's max_position_share"
    )
    risk_share: float = Field(
        default=0.002, gt=0.0, le=0.1, description="Share of equity that an adverse move loses under ATR sizing"
    )
    atr_period: int = Field(default=14, ge=2, le=1000, description="Candles of the average true range")
    atr_multiple: float = Field(default=2.0, gt=0.0, le=50.0, description="The adverse move, in ATRs")
    allow_short: bool = Field(default=False, description="Open short positions on perpetuals")
    leverage: Decimal = Field(
        default=Decimal(1), ge=1, le=125, description="Leverage on perpetuals, within the desk's max_leverage"
    )
