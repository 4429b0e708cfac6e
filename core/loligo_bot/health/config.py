"""Settings of health: when a tentacle has failed too often or costs too much, and when a start is to be a safe one."""

from __future__ import annotations

from typing import Literal
from zoneinfo import available_timezones

from pydantic import BaseModel, ConfigDict, Field, field_validator


class HealthConfig(BaseModel):
    """Budgets of tentacles, back-off of the quarantine, safe mode. Times are seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    failures: int = Field(default=10, ge=1, description="a tentacle that fails more often is quarantined")
    window_s: float = Field(default=60.0, gt=0, description="within this time of the data")
    window_candles: int = Field(
        default=20, ge=0, description="or so many candles of its timeframe, whichever is longer; 0: only the time"
    )
    interruption_weight: int = Field(default=4, ge=1, description="a call that hung counts as so many failures")
    backoff_s: float = Field(default=60.0, gt=0, description="first quarantine, in the time of the data; then doubled")
    backoff_max_s: float = Field(default=3600.0, gt=0, description="longest quarantine")
    recovers_after_s: float = Field(
        default=3600.0, gt=0, description="time of the data without a relapse after which the back-off begins anew"
    )
    cpu_share: float = Field(
        default=0.5, gt=0, le=1, description="largest share of the engine's time for one tentacle, at real-time pace"
    )
    cpu_window_s: float = Field(default=30.0, gt=0, description="one measurement, in real time")
    cpu_windows: int = Field(default=3, ge=1, description="so many in a row over a budget are a problem")
    cpu_far: float = Field(default=4.0, ge=1, description="this many times a budget is far over it")
    on_cpu: Literal["report", "quarantine"] = Field(
        default="report", description="a tentacle far over its budget: report it, or quarantine it too"
    )
    feed_silent_s: float | None = Field(
        default=None, gt=0, description="a live feed is silent that brings nothing for so long; null: three candles"
    )
    crashed_starts: int = Field(default=3, ge=1, description="after so many in a row the next start is a safe one")
    summary_at: str = Field(
        default="00:00", pattern=r"^([01]\d|2[0-3]):[0-5]\d$", description="hour of the daily summary, time of the data"
    )
    summary_zone: str = Field(default="UTC", description='time zone of that hour, such as "Europe/Berlin"')
    started_after_s: float = Field(
        default=30.0, gt=0, description="a start has succeeded once data were processed for so long, in real time"
    )

    @field_validator("summary_zone")
    @classmethod
    def _is_a_zone(cls, name: str) -> str:
        if name not in available_timezones():
            raise ValueError('expected a time zone as IANA names it, such as "Europe/Berlin" or "UTC"')
        return name
