"""Buys what has fallen too fast, as long as the longer trend holds, and leaves when the fall is made good.

A dip is the strongest opinion among the `dip` evaluators (rsi in reversal mode, instant_fluctuation in reversal mode)
at or above `dip_threshold`; it is bought unless a `trend` evaluator is below `trend_floor`. Every entry carries a stop
and a target of its own, shares of the price.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from loligo.api import (
    SECOND_NS,
    Board,
    BoardInput,
    ConfigError,
    Declined,
    Direction,
    MakeContext,
    Signal,
    Stateless,
    TentacleSettings,
    timeframe_ns,
)

Names = Annotated[tuple[str, ...], Field(max_length=20)]


class DipBuyerSettings(TentacleSettings):
    dip: Names = Field(
        default=("rsi",), min_length=1, description='Evaluators that are bullish after a fall: "rsi" or "rsi@1h".'
    )
    trend: Names = Field(
        default=("ema_cross",), description='Evaluators of the longer trend, "ema_cross@4h"; empty: no filter.'
    )
    dip_threshold: float = Field(default=0.7, gt=0.0, le=1.0, description="Dip opinion at or above which to buy.")
    trend_floor: float = Field(default=0.0, ge=-1.0, le=1.0, description="Every trend opinion must be at least this.")
    recovery_threshold: float = Field(
        default=0.3, ge=-1.0, le=1.0, description="The fall is made good when every dip opinion is at or below -this."
    )
    stop_share: float = Field(default=0.02, gt=0.0, lt=1.0, description="Stop below the price, as a share of it.")
    target_share: float = Field(default=0.05, gt=0.0, le=10.0, description="Target above the price, as a share of it.")
    max_age_candles: float = Field(
        default=2.0, ge=1.0, le=1000.0, description="An opinion older than this many of its own candles is stale."
    )
    max_age_s: float = Field(
        default=300.0, gt=0.0, le=31_536_000.0, description="The same in seconds, for opinions on trades and quotes."
    )


class DipBuyer(Stateless):
    def __init__(self, settings: DipBuyerSettings, context: MakeContext) -> None:
        self._settings = settings
        self._dips = _places("dip", settings.dip, context.inputs)
        self._trends = _places("trend", settings.trend, context.inputs)
        self._max_ages_ns = tuple(_max_age_ns(settings, place) for place in context.inputs)

    def decide(self, board: Board) -> Signal | Declined:
        settings = self._settings
        dips, trends = self._fresh(board, self._dips), self._fresh(board, self._trends)
        if not dips or len(trends) < len(self._trends):
            return self._incomplete(board)
        dip = max(dips)
        if dip <= -settings.recovery_threshold:
            return Signal(Direction.FLAT, min(abs(dip), 1.0), "recovered", (dip, -settings.recovery_threshold))
        if dip < settings.dip_threshold:
            return Declined("no_dip", (dip, settings.dip_threshold))
        trend = min(trends, default=0.0)
        if trends and trend < settings.trend_floor:
            return Declined("trend_bearish", (trend, settings.trend_floor))
        return Signal(
            Direction.LONG,
            dip,
            "dip",
            (dip, settings.dip_threshold),
            stop_price=board.price * (1.0 - settings.stop_share),
            target_price=board.price * (1.0 + settings.target_share),
        )

    def _fresh(self, board: Board, places: tuple[int, ...]) -> list[float]:
        values = []
        for place in places:
            evaluation = board.evaluations[place]
            if evaluation is not None and board.ts - board.evaluated_at_ns[place] <= self._max_ages_ns[place]:
                values.append(evaluation.value)
        return values

    def _incomplete(self, board: Board) -> Declined:
        # A dip evaluator of trades may be silent for long: only where none speaks is the board not ready.
        missing = [place for place in self._dips + self._trends if board.evaluations[place] is None]
        ages_ns = [board.ts - at for at in board.evaluated_at_ns if at]
        if missing or not ages_ns:
            return Declined("not_warm", (float(len(missing)),))
        return Declined("stale", (max(ages_ns) / SECOND_NS,))


def _places(setting: str, names: tuple[str, ...], inputs: tuple[BoardInput, ...]) -> tuple[int, ...]:
    """Return the places on the board that `names` mean. ConfigError for a name that no input has."""
    known = [(place.name, f"{place.name}@{place.timeframe}") for place in inputs]
    for name in names:
        if not any(name in pair for pair in known):
            have = ", ".join(exact for _, exact in known) or "none"
            raise ConfigError(f'dip_buyer: {setting} names "{name}", but the evaluators of this desk are {have}')
    return tuple(place for place, pair in enumerate(known) if any(name in pair for name in names))


def _max_age_ns(settings: DipBuyerSettings, place: BoardInput) -> int:
    if place.timeframe:
        return int(settings.max_age_candles * timeframe_ns(place.timeframe))
    return int(settings.max_age_s * SECOND_NS)
