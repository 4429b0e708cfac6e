"""Strategy tier: entries only from `first_hour` up to `last_hour`, both included, of the UTC day."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from loligo.api import (
    DAY_NS,
    MakeContext,
    OrderRequest,
    RiskView,
    Stateless,
    TentacleSettings,
    Tier,
    Verdict,
    passed,
    refused,
)


class Settings(TentacleSettings):
    first_hour: int = Field(default=6, ge=0, le=23, description="First hour of the UTC day with entries.")
    last_hour: int = Field(default=21, ge=0, le=23, description="Last hour of the UTC day with entries.")

    @model_validator(mode="after")
    def _first_before_last(self) -> Self:
        if self.first_hour > self.last_hour:
            raise ValueError(f"first_hour {self.first_hour} must be <= last_hour {self.last_hour}")
        return self


class Sample(Stateless):
    tier = Tier.STRATEGY

    def __init__(self, settings: Settings, context: MakeContext) -> None:
        self._first, self._last = settings.first_hour, settings.last_hour

    def check(self, request: OrderRequest, view: RiskView) -> Verdict:
        hour = view.ts % DAY_NS // (DAY_NS // 24)
        verdict = passed if self._first <= hour <= self._last else refused
        return verdict("sample", float(hour), float(self._first), float(self._last))
