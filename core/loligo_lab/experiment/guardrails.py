"""Limits on what the arms may do while they are compared: they stop an experiment, or keep an arm from winning it.

What must hold: a limit can only end a test or withhold "is better"; it never makes a verdict. A figure that cannot be
told yet breaks nothing; costs of which a part is not known do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from loligo_lab.experiment.days import ArmDay
from loligo_lab.experiment.judgement import Action, Rail
from loligo_lab.experiment.plan import Limits
from loligo_lab.experiment.words import days_of

LEAST_DRAWDOWN = 0.02  # of the other arm: 1.5 times next to nothing is next to nothing
LEAST_ORDERS = 20  # before a share of them is worth a word


@dataclass(slots=True)
class Conduct:
    """What one arm did since the start."""

    days: int = 0
    drawdown: float = 0.0
    worst_day: float = 0.0  # the largest loss, 0 or more, at any mark of a day
    turnover: float = 0.0  # in capitals
    fees: float = 0.0  # in capitals
    exposure: float = 0.0
    orders: int = 0
    refused_orders: int = 0
    stale_minutes: float = 0.0
    days_unpriced: int = 0
    halted_s: float = 0.0
    halted_by: str = ""  # by what, the last time
    _highest: float = 0.0

    def add(self, day: ArmDay) -> None:
        """Count one day."""
        self.days += 1
        self._highest = max(self._highest, day.equity)
        fall = 1.0 - day.equity / self._highest if self._highest > 0.0 else 0.0
        self.drawdown = max(self.drawdown, day.drawdown, fall)
        self.worst_day = max(self.worst_day, day.worst_loss, -day.daily_return)
        if day.equity > 0.0:
            self.turnover += day.turnover / day.equity
            self.fees += day.fees / day.equity
        self.exposure = max(self.exposure, day.exposure)
        self.orders += day.orders
        self.refused_orders += day.refused_orders
        self.stale_minutes += day.stale_minutes
        self.days_unpriced += day.is_unpriced
        self.halted_s += day.halted_s
        self.halted_by = day.halted_by or self.halted_by


def broken_stops(limits: Limits, arm: str, *, drawdown: float, worst_day: float) -> tuple[Rail, ...]:
    """Return the limits that end the experiment; both figures as fractions, losses above 0. May be asked within a day,
    of a day that is not closed: that is how soon a limit is known to be broken. Both only grow from mark to mark, so
    what is broken then is broken when the day has closed."""
    return tuple(rail for rail in _stops(limits, arm, drawdown, worst_day) if rail.is_broken)


def rails_of(limits: Limits, arm: str, did: Conduct, other: Conduct, *, month_days: float) -> tuple[Rail, ...]:
    """Return the guardrails of one arm beside the other; a month has so many days."""
    days = max(did.days, 1)
    refused = did.refused_orders / did.orders if did.orders >= LEAST_ORDERS else None
    return (
        *_stops(limits, arm, did.drawdown, did.worst_day),
        *_rail(
            "drawdown_ratio",
            arm,
            did.drawdown / max(other.drawdown, LEAST_DRAWDOWN),
            limits.drawdown_ratio,
            Action.VETO,
            "{arm} fell {value:.1f} times as deep as the other arm, the limit is {limit:.1f} times",
        ),
        *_priced(
            did,
            *_rail(
                "turnover",
                arm,
                did.turnover / days,
                limits.turnover_per_day,
                Action.VETO,
                "{arm} turns its capital over {value:.1f} times a day, the limit is {limit:.1f} times",
            ),
            *_rail(
                "fees",
                arm,
                did.fees / days * month_days,
                limits.fees_per_month,
                Action.VETO,
                "Fees take {value:.2%} of the capital of {arm} a month, the limit is {limit:.2%}",
            ),
        ),
        *_rail(
            "exposure",
            arm,
            did.exposure,
            limits.exposure,
            Action.VETO,
            "{arm} had up to {value:.0%} of its equity at work, the limit is {limit:.0%}",
        ),
        *_rail(
            "refused_orders",
            arm,
            refused,
            limits.refused_orders,
            Action.VETO,
            "{arm} had {value:.1%} of its orders rejected or failed, the limit is {limit:.1%}",
        ),
        *_rail(
            "stale",
            arm,
            did.stale_minutes / days,
            limits.stale_minutes_per_day,
            Action.VETO,
            "{arm} was without fresh data for {value:.0f} minutes a day, the limit is {limit:.0f}",
        ),
    )


def _priced(did: Conduct, *rails: Rail) -> Iterator[Rail]:
    """Yield rails on costs. What lacks a rate of exchange is no cost of 0: it breaks the limit, whatever the rest."""
    for rail in rails:
        if did.days_unpriced:
            lack = f"on {days_of(did.days_unpriced)} of {rail.arm} are not known, for want of a rate of exchange"
            rail = replace(rail, value=None, is_broken=True, words=f"{rail.name.capitalize()} {lack}")
        yield rail


def shared_rails(limits: Limits, *, correlation: float | None, skew: float | None) -> tuple[Rail, ...]:
    """Return what is told of both arms together."""
    return (
        *_rail(
            "correlation",
            "",
            correlation,
            limits.correlation,
            Action.TELL,
            "The arms' daily returns correlate by {value:.2f}; below {limit:.2f} they take long to tell apart",
            is_lowest=True,
        ),
        *_rail(
            "tail",
            "",
            None if skew is None else abs(skew),
            limits.skew,
            Action.TELL,
            "The skewness of the daily differences is {value:.1f} in size; above {limit:.1f} rare large moves decide",
        ),
    )


def _stops(limits: Limits, arm: str, drawdown: float, worst_day: float) -> Iterator[Rail]:
    yield from _rail(
        "drawdown",
        arm,
        drawdown,
        limits.drawdown,
        Action.STOP,
        "{arm} fell {value:.1%} from its highest equity, the limit is {limit:.1%}",
    )
    yield from _rail(
        "worst_day",
        arm,
        worst_day,
        limits.worst_day,
        Action.STOP,
        "{arm} lost {value:.1%} on its worst day, the limit is {limit:.1%}",
    )


def _rail(
    name: str,
    arm: str,
    value: float | None,
    limit: float | None,
    action: Action,
    words: str,
    *,
    is_lowest: bool = False,
) -> Iterator[Rail]:
    """Yield the rail; none where the limit is off. A value above the limit breaks it, or below one that is lowest."""
    if limit is None:
        return
    told = "Not known yet" if value is None else words.format(arm=arm, value=value, limit=limit)
    is_broken = value is not None and (value < limit if is_lowest else value > limit)
    yield Rail(
        name=name, arm=arm, value=value, limit=limit, action=action, is_broken=is_broken, words=told.replace("%", " %")
    )
