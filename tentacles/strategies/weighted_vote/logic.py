"""All opinions of the board as one score: the weighted mean of those that are there and fresh.

The score is sum(weight * opinion) / sum(weight). A desk that trades only long enters at `entry_threshold` and leaves at
-`exit_threshold`; with `allow_short` the mirror image holds too. It does not know the position: it says where the
position should be, at every trigger.
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from loligo.api import (
    SECOND_NS,
    Board,
    BoardInput,
    ConfigError,
    Declined,
    Direction,
    MakeContext,
    PlainState,
    Signal,
    TentacleSettings,
    timeframe_ns,
)

_LONG, _SHORT, _FLAT = Direction.LONG, Direction.SHORT, Direction.FLAT  # an enum's members are slow to look up

Weight = Annotated[float, Field(ge=0.0, le=1000.0)]


class WeightedVoteSettings(TentacleSettings):
    weights: dict[str, Weight] = Field(
        default_factory=dict,
        description='Weight by evaluator, "rsi" or "rsi@4h" (which goes before "rsi"); others have default_weight.',
    )
    default_weight: Weight = Field(default=1.0, description="Weight of evaluators not named in weights.")
    entry_threshold: float = Field(
        default=0.7, gt=0.0, le=1.0, description="Score at or above which to enter long (below its negative: short)."
    )
    exit_threshold: float = Field(
        default=0.2, gt=0.0, le=1.0, description="Score against the position at or above which to leave it."
    )
    allow_short: bool = Field(default=False, description="Also enter short; for perpetuals.")
    quorum: float = Field(
        default=0.5, gt=0.0, le=1.0, description="Share of all weight that must be there and fresh to decide at all."
    )
    max_age_candles: float = Field(
        default=2.0, ge=1.0, le=1000.0, description="An opinion older than this many of its own candles is stale."
    )
    max_age_s: float = Field(
        default=3600.0, gt=0.0, le=31_536_000.0, description="The same in seconds, for opinions on trades and news."
    )

    @model_validator(mode="after")
    def _exit_below_entry(self) -> Self:
        if self.exit_threshold > self.entry_threshold:
            raise ValueError(f"exit_threshold {self.exit_threshold} must be <= entry_threshold {self.entry_threshold}")
        return self


class WeightedVote:
    __slots__ = (
        "_allow_short",
        "_entry",
        "_exit",
        "_inputs",
        "_is_plain_mean",
        "_is_short",
        "_quorum",
        "_total_weight",
    )
    state_version = 1

    def __init__(self, settings: WeightedVoteSettings, context: MakeContext) -> None:
        weights = weights_of(settings, context.inputs)
        ages_ns = (_max_age_ns(settings, place) for place in context.inputs)
        self._inputs = tuple(zip(range(len(weights)), weights, ages_ns, strict=True))
        self._total_weight = sum(weights)
        self._is_plain_mean = all(weight == 1.0 for weight in weights)  # as they are by default
        self._quorum = settings.quorum * self._total_weight
        self._entry, self._exit = settings.entry_threshold, settings.exit_threshold
        self._allow_short = settings.allow_short
        self._is_short = False  # the last entry signalled

    def decide(self, board: Board) -> Signal | Declined:
        now, evaluations, times = board.ts, board.evaluations, board.evaluated_at_ns
        score = 0.0
        if now and times.count(now) == len(times):  # mostly all have just spoken, and none is missing
            if self._is_plain_mean:
                for evaluation in evaluations:
                    score += evaluation.value  # type: ignore[union-attr]
            else:
                for place, weight, _ in self._inputs:
                    score += weight * evaluations[place].value  # type: ignore[union-attr]
            score /= self._total_weight
        else:
            present = 0.0
            for place, weight, max_age_ns in self._inputs:
                evaluation = evaluations[place]
                if evaluation is not None and now - times[place] <= max_age_ns:
                    present += weight
                    score += weight * evaluation.value
            if present < self._quorum:
                return self._no_quorum(board, present)
            score /= present
        if -self._exit < score < self._entry and not self._is_short:
            return Declined("below_threshold", (score, self._entry))
        return self._signal(score)

    def _signal(self, score: float) -> Signal | Declined:
        strength = min(abs(score), 1.0)  # a mean of numbers in [-1, 1] may leave it by the last digit
        if score >= self._entry:
            self._is_short = False
            return Signal(_LONG, strength, "score_above_entry", (score, self._entry))
        if score <= -self._entry and self._allow_short:
            self._is_short = True
            return Signal(_SHORT, strength, "score_below_entry", (score, -self._entry))
        against = score if self._is_short else -score
        if against >= self._exit:
            self._is_short = False
            return Signal(_FLAT, strength, "score_against_position", (score, self._exit))
        return Declined("below_threshold", (score, self._entry))

    def _no_quorum(self, board: Board, present: float) -> Declined:
        is_missing = any(board.evaluations[place] is None and weight > 0.0 for place, weight, _ in self._inputs)
        numbers = (present / self._total_weight, self._quorum / self._total_weight)
        return Declined("not_warm" if is_missing else "stale", numbers)

    def export_state(self) -> PlainState:
        return {"is_short": self._is_short}

    def restore_state(self, state: PlainState) -> None:
        self._is_short = state["is_short"]


def weights_of(settings: WeightedVoteSettings, inputs: tuple[BoardInput, ...]) -> tuple[float, ...]:
    """Return the weight of each input. ConfigError for a weight that no input has, and when all are 0."""
    names = [(f"{place.name}@{place.timeframe}", place.name) for place in inputs]
    known = [name for pair in names for name in pair]
    for name in settings.weights:
        if name not in known:
            have = ", ".join(exact for exact, _ in names) or "none"
            raise ConfigError(f'weighted_vote: weights name "{name}", but the evaluators of this desk are {have}')
    weights = tuple(
        settings.weights.get(exact, settings.weights.get(name, settings.default_weight)) for exact, name in names
    )
    if not sum(weights) > 0.0:
        raise ConfigError(
            f"weighted_vote: the weights of all {len(weights)} evaluators are 0, so there is no score; "
            "give the desk evaluators and at least one of them a weight above 0"
        )
    return weights


def _max_age_ns(settings: WeightedVoteSettings, place: BoardInput) -> int:
    if place.timeframe:
        return int(settings.max_age_candles * timeframe_ns(place.timeframe))
    return int(settings.max_age_s * SECOND_NS)
