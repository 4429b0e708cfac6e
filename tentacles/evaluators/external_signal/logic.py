"""What somebody outside said last, such as a TradingView alert, as an opinion that ends when its time is over.

The newest signal counts alone. With `fade` linear the opinion is score * (1 - age / ttl), remade at each candle; at the
end of its time it is 0 once, with the reason `expired`, and after that there is none. Text without a score is not read.
"""

from __future__ import annotations

from math import isfinite
from typing import Literal

from pydantic import Field

from loligo.api import SECOND_NS, Candle, Evaluation, ExternalSignal, MakeContext, PlainState, TentacleSettings


class OutsideSettings(TentacleSettings):
    sources: tuple[str, ...] = Field(default=(), description="Sources to listen to; empty: all.")
    ttl_s: float = Field(
        default=86_400.0,
        gt=0.0,
        le=31_536_000.0,
        description="Seconds for which a signal is good that does not say it itself.",
    )
    fade: Literal["linear", "none"] = Field(
        default="linear", description="How it loses weight until then: linear, or none, then it holds to the end."
    )
    whole_market: bool = Field(default=True, description="Whether signals that name no instrument count.")


class Outside:
    state_version = 1
    warmup = 0  # nothing was said before it listens

    def __init__(self, settings: OutsideSettings, context: MakeContext) -> None:
        self._settings = settings
        self._instrument = context.instrument.id if context.instrument else ""
        self._score: float | None = None  # of the newest signal while it is good
        self._ts = 0
        self._ttl_s = 0.0

    def on_external(self, external: ExternalSignal) -> Evaluation | None:
        if not self._is_wanted(external) or external.score is None or not isfinite(external.score):
            return None
        self._score = max(-1.0, min(1.0, external.score))
        self._ts, self._ttl_s = external.ts, external.ttl_s or self._settings.ttl_s
        return Evaluation(self._score, "signal", (self._score, 0.0))

    def _is_wanted(self, external: ExternalSignal) -> bool:
        if self._settings.sources and external.source not in self._settings.sources:
            return False
        return external.instrument == self._instrument or (self._settings.whole_market and not external.instrument)

    def on_candle(self, candle: Candle) -> Evaluation | None:
        score = self._score
        if score is None:
            return None
        age_s = (candle.ts - self._ts) / SECOND_NS
        if age_s >= self._ttl_s:
            self._score = None
            return Evaluation(0.0, "expired", (score, age_s))
        left = 1.0 - age_s / self._ttl_s if self._settings.fade == "linear" else 1.0
        return Evaluation(score * left, "signal", (score, age_s))

    def export_state(self) -> PlainState:
        return {"score": self._score, "ts": self._ts, "ttl_s": self._ttl_s}

    def restore_state(self, state: PlainState) -> None:
        self._score, self._ts, self._ttl_s = state["score"], state["ts"], state["ttl_s"]
