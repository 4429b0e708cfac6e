"""What is known of an experiment after some days: plain values, fit to be written down and shown.

Rates are fractions per day unless the name says otherwise. What is None cannot be told yet.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from loligo_lab.experiment.plan import Mode


class Verdict(StrEnum):
    """The words of a verdict."""

    TOO_EARLY = "too_early"
    NO_CLEAR_DIFFERENCE = "no_clear_difference"
    CHALLENGER_BETTER = "challenger_better"
    CONTROL_BETTER = "control_better"
    PRACTICALLY_THE_SAME = "practically_the_same"
    STOPPED = "stopped"
    INVALID = "invalid"


class Action(StrEnum):
    """What a guardrail does when its limit is broken."""

    STOP = "stop"  # the experiment ends, as soon as a mark of equity shows it
    VETO = "veto"  # the arm cannot be called better for as long as it holds
    TELL = "tell"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One condition of any verdict."""

    name: str  # days, days_apart, trades:ARM
    have: int
    need: int
    days_left: int | None  # at the pace so far; 0 when passed, None where nothing happened yet
    words: str

    @property
    def is_passed(self) -> bool:
        return self.have >= self.need


@dataclass(frozen=True, slots=True, kw_only=True)
class Rail:
    """One guardrail and how near an arm is to it."""

    name: str  # drawdown, worst_day, drawdown_ratio, turnover, fees, exposure, refused_orders, stale, correlation, tail
    arm: str  # "" where it concerns both
    value: float | None
    limit: float
    action: Action
    is_broken: bool
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One question of whether the arms were treated alike."""

    name: str  # events, fee_schedule, config, downtime, failures, by_hand
    is_met: bool
    day: int | None  # the first one that broke it, from 1
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """How far the challenger is ahead (below 0: behind), with the interval that holds at every look at once."""

    per_day: float
    percent_per_month: float
    low_percent_per_month: float | None
    high_percent_per_month: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BandPoint:
    """One day of the chart: the summed difference since the start as a fraction of capital, and its interval, which
    holds on all days at once. Low and high are None before the gate of days."""

    day: int  # from 1
    opened_at_ns: int
    difference: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PairJudgement:
    """A challenger against the control."""

    control: str
    challenger: str
    risk_scale: float  # how many times the control's returns count in all that follows: not 1 at equal risk
    verdict: Verdict
    headline: str  # the verdict in a few words
    sentence: str  # what it means, in one plain sentence
    luck: str  # how often equal arms would look like this; "" where nothing was tested, or a test was spoilt
    notes: tuple[str, ...]  # what else has to be said: vetoes, tails, a limit that is near
    day: int  # the last one that counts, from 1
    verdict_day: int | None  # since when the verdict holds; None while it is open
    mode: Mode  # in force: tails can make a fixed end open
    is_final: bool  # more days will not change the verdict
    effect: Effect | None
    score: float | None  # the statistic as a normal score
    boundary: float | None  # that the score has to pass on this day
    p_value: float | None  # valid at every look; below alpha exactly when the boundary was passed
    days_more: int | None  # until a verdict is possible, at the pace so far; 0 when it is
    days_left: int | None  # until the boundary would be passed, if the difference stays what it is
    correlation: float | None  # of the arms' daily returns
    skew: float | None  # of the daily differences
    gates: tuple[Gate, ...]
    rails: tuple[Rail, ...]
    checks: tuple[Check, ...]
    band: tuple[BandPoint, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """An experiment as a whole. With one challenger it is that pair's verdict."""

    name: str
    verdict: Verdict
    headline: str
    sentence: str
    winner: str | None  # arm to promote: a challenger that is better, of those the furthest ahead at the control's risk
    is_final: bool  # more days will not change the verdict
    pairs: tuple[PairJudgement, ...]  # one for each challenger, in the plan's order

    @property
    def telling(self) -> PairJudgement:
        """The pair of which headline and sentence speak."""
        return next(pair for pair in self.pairs if pair.sentence == self.sentence)
