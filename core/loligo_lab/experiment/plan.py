"""What is fixed before an experiment starts: arms, rule of decision, planned days, gates, limits.

What must hold: nothing here changes while the experiment runs; a plan that cannot be judged is refused when it is made.
The first arm is the control, which is called A; the others are its challengers, B and so on. A difference is always
challenger minus control, so what is positive speaks for the challenger.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from loligo.api import ConfigError

YEAR_DAYS = 365.25


class Mode(StrEnum):
    """When a verdict may be given. Looking every day costs nothing in either."""

    OPEN_ENDED = "open_ended"  # for as long as one likes; may be stopped or extended on any whim
    FIXED_END = "fixed_end"  # the end is declared at the start; sooner sure, and never extended


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One side of the experiment."""

    name: str  # of the desk
    config_hash: str = ""  # over tree hashes and settings, as pinned at the start; "" takes that of the first day
    risk_scale: float = 1.0  # k of a challenger: the control's returns count k times ("at equal risk", `equal_risk`)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gates:
    """What must have happened before there may be a verdict."""

    days: int = 21
    share_of_plan: float = 0.15  # of the planned days; the later of the two counts
    days_apart: int = 20  # days on which the arms did not return the same
    trades: int = 20  # closed, in each arm


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What an arm may do. Rates are fractions; None switches a limit off. The first two stop the experiment as soon as
    a mark of equity shows it, the next six veto "is better" of the arm that breaks them, the last two are only told."""

    drawdown: float | None = 0.25  # stop: from the arm's highest equity
    worst_day: float | None = 0.15  # stop: the loss of one day
    drawdown_ratio: float | None = 1.5  # veto: times the other arm's drawdown
    turnover_per_day: float | None = 20.0  # veto: bought and sold for, in capitals a day, on average
    fees_per_month: float | None = 0.05  # veto: of the capital
    exposure: float | None = 1.0  # veto: highest share of equity that was at work on a day
    refused_orders: float | None = 0.05  # veto: rejected and failed ones, of all
    stale_minutes_per_day: float | None = 30.0  # veto: without fresh data, on average
    correlation: float | None = 0.5  # told below it: unlike arms take long to tell apart
    skew: float | None = 2.0  # told above it, of the differences; makes the experiment open-ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The rule of decision. ConfigError when it cannot be judged by."""

    name: str
    arms: tuple[Arm, ...]  # the control first
    mode: Mode = Mode.OPEN_ENDED
    days: int = 180  # planned; with a fixed end the last one that counts
    alpha: float = 0.05  # wrong verdicts between equal arms, at most
    margin_per_year: float = 0.05  # arms no further apart than this are practically the same
    days_per_year: float = YEAR_DAYS  # 252 where a day is a session of the stock exchange
    gates: Gates = field(default_factory=Gates)
    limits: Limits = field(default_factory=Limits)
    downtime_tolerance_s: float = 60.0  # in one arm more than in another, per day

    def __post_init__(self) -> None:
        names = [arm.name for arm in self.arms]
        if len(names) < 2 or len(set(names)) < len(names):
            raise ConfigError(f"experiment {self.name}: arms are {names}; expected two or more of different names")
        if self.mode is Mode.FIXED_END and len(names) > 2:
            raise ConfigError(
                f"experiment {self.name}: mode fixed_end compares two arms, not {len(names)}; choose open_ended"
            )
        if self.days < self.gates.days:
            raise ConfigError(
                f"experiment {self.name}: days is {self.days}; expected {self.gates.days} or more, "
                "since there is no verdict before"
            )
        if not 0.0 < self.alpha < 0.5 or self.margin_per_year < 0.0 or self.days_per_year <= 0.0:
            raise ConfigError(
                f"experiment {self.name}: alpha is {self.alpha}, margin_per_year {self.margin_per_year}, days_per_year "
                f"{self.days_per_year}; expected 0 < alpha < 0.5, a margin of 0 or more and a year of some days"
            )
        if any(not 0.0 < arm.risk_scale < 1e3 for arm in self.arms):
            raise ConfigError(f"experiment {self.name}: risk_scale must be above 0 and below 1000 in each arm")

    @property
    def control(self) -> Arm:
        return self.arms[0]

    @property
    def challengers(self) -> tuple[Arm, ...]:
        return self.arms[1:]

    @property
    def alpha_per_pair(self) -> float:
        """Return the share of alpha for each challenger (Bonferroni)."""
        return self.alpha / len(self.challengers)

    @property
    def first_day_of_verdict(self) -> int:
        """Return the number of the first day that the gate of days lets through, from 1."""
        share = self.gates.share_of_plan * self.days
        return max(self.gates.days, int(share) + (share > int(share)))
