"""News as one opinion: the mean score of recent items, each fading by half every `half_life_h` hours.

The opinion is sum(weight * score) / max(sum(weight), full_items): a single item is believed only as far as
`full_items` says. Time is that of the items, so the opinion is remade when one arrives, not between.
"""

from __future__ import annotations

import re
from math import isfinite

from pydantic import Field

from loligo.api import Evaluation, ExternalSignal, MakeContext, PlainState, TentacleSettings

from .words import BEARISH, BULLISH, NEGATIONS

_HOUR_NS = 3_600_000_000_000
_WORD = re.compile(r"[a-z]+")


class NewsSentimentSettings(TentacleSettings):
    half_life_h: float = Field(default=6.0, gt=0.0, le=8760.0, description="Hours in which an item's weight halves.")
    full_items: float = Field(default=2.0, ge=1.0, le=1000.0, description="Fresh items of one mind for a full opinion.")
    market_weight: float = Field(
        default=0.5,
        ge=0.0,
        le=1.0,
        description="Weight of news of the whole market; that of the instrument's own is 1.",
    )
    sources: tuple[str, ...] = Field(default=(), description="Sources to listen to; empty: all.")


class NewsSentiment:
    state_version = 1
    warmup = 0  # every item fades, so there is no history to wait for

    def __init__(self, settings: NewsSentimentSettings, context: MakeContext) -> None:
        self._settings = settings
        instrument = context.instrument
        # A source knows an instrument by the venue's id, by its symbol or by its base asset.
        self._names = (instrument.id, instrument.symbol, instrument.base) if instrument else ()
        self._ts = 0
        self._weight = self._total = 0.0

    def on_external(self, external: ExternalSignal) -> Evaluation | None:
        weight = self._weight_of(external)
        score = score_of(external) if weight else None
        if score is None:
            return None
        # An item may arrive later than a newer one; time does not run backwards for that.
        faded = 0.5 ** (max(external.ts - self._ts, 0) / (self._settings.half_life_h * _HOUR_NS))
        self._ts = max(external.ts, self._ts)
        self._weight = self._weight * faded + weight
        self._total = self._total * faded + weight * score
        opinion = self._total / max(self._weight, self._settings.full_items)
        return Evaluation(max(-1.0, min(1.0, opinion)), "news", (score, self._weight))

    def _weight_of(self, external: ExternalSignal) -> float:
        if self._settings.sources and external.source not in self._settings.sources:
            return 0.0
        if not external.instrument:
            return self._settings.market_weight
        return 1.0 if external.instrument in self._names else 0.0

    def export_state(self) -> PlainState:
        return {"ts": self._ts, "weight": self._weight, "total": self._total}

    def restore_state(self, state: PlainState) -> None:
        self._ts, self._weight, self._total = state["ts"], state["weight"], state["total"]


def score_of(external: ExternalSignal) -> float | None:
    """Return the source's own score, held within [-1, 1], else that of the words; None when there is neither."""
    if external.score is not None and isfinite(external.score):
        return max(-1.0, min(1.0, external.score))
    return score_of_words(external.text)


def score_of_words(text: str) -> float | None:
    """Return (bullish - bearish) / (bullish + bearish) words; a word after a negation counts for the other side."""
    bullish = bearish = 0
    is_negated = False
    for word in _WORD.findall(text.lower()):
        if word in BULLISH or word in BEARISH:
            is_bullish = (word in BULLISH) != is_negated
            bullish, bearish = bullish + is_bullish, bearish + (not is_bullish)
        is_negated = word in NEGATIONS
    return (bullish - bearish) / (bullish + bearish) if bullish + bearish else None
