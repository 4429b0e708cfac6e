"""When a live feed is silent: it runs, and nothing comes. By the wall clock, for a feed that is silent has no other."""

from __future__ import annotations

from typing import Any

from loligo.config import LoligoConfig
from loligo.model.timeframe import SECOND_NS, timeframe_ns
from loligo_bot.health.config import HealthConfig

CANDLES = 3  # of the shortest timeframe that desks look at
SILENT = "silent"


def silent_after_s(config: LoligoConfig) -> float:
    """Return after how many seconds without any input a live feed of this configuration is silent."""
    wanted = HealthConfig.model_validate(config.health).feed_silent_s
    if wanted is not None:
        return wanted
    desks = config.desks.values()
    looked_at = [one for desk in desks for one in (desk.timeframe, *(each.timeframe for each in desk.evaluators))]
    return CANDLES * min((timeframe_ns(one) for one in looked_at if one), default=timeframe_ns("1h")) / SECOND_NS


def with_silence(told: dict[str, Any], limit_s: float) -> dict[str, Any]:
    """Return how a live feed is, and when it is silent: where it runs and has brought nothing for so long."""
    silence_s = told.get("silence_s")
    if silence_s is None:
        return told
    told = {**told, "silent_after_s": limit_s}
    if told["state"] != "running" or silence_s <= limit_s:
        return told
    return {**told, "state": SILENT, "error": f"nothing came for {words(silence_s)}; silent after {words(limit_s)}"}


def words(seconds: float) -> str:
    """Return a length of time as people say it: 90 s, 45 min, 3.0 h."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7_200 else f"{seconds / 3600:.1f} h"
