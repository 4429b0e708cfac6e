"""Settings of jobs: how many run at once, how long they may, how many ended ones are kept."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class JobsConfig(BaseModel):
    """Bounds of what runs beside the trading. Times are seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at_once: int = Field(default=1, ge=1, le=16, description="so many at a time; others wait for their turn")
    keep: int = Field(default=50, ge=1, le=10_000, description="ended jobs kept; the oldest go first")
    nice: int = Field(default=10, ge=0, le=19, description="how far their processes give way to the bot's")
    watch: dict[str, list[str]] = Field(
        default={}, description="markets that a desk looks at in a scan, without trading: {trend: [ETH/USD]}"
    )
    limit_s: float = Field(default=21_600.0, gt=0, description="longest time of one job, in real time")
