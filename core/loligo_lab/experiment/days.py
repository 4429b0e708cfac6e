"""What an experiment is judged by: closed days, one after the other, with what each arm did in them.

A day is a closed UTC day, or a session where a stock exchange has them. What must hold: the days come in order, each
with every arm of the plan in the plan's order; a missing day is missing for all arms.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import isfinite

from loligo.api import DAY_NS, DataError
from loligo_lab.experiment.plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmDay:
    """What one arm did in one day. Sums are of that day alone, unless said otherwise; money is in the account's
    currency."""

    daily_return: float  # of marked-to-market capital, all costs included, 0.01 is 1 %
    equity: float  # at the close
    drawdown: float = 0.0  # from the highest equity since the start, the deepest that day, 0..1
    worst_loss: float = 0.0  # at any mark, of the equity with which the day began
    closed_trades: int = 0  # since the start
    turnover: float = 0.0  # bought and sold for
    fees: float = 0.0
    is_unpriced: bool = False  # a rate of exchange was not known that day: turnover and fees lack what it had
    exposure: float = 0.0  # the highest share of equity at work
    orders: int = 0  # that were sent
    refused_orders: int = 0  # of these, rejected or failed
    stale_minutes: float = 0.0  # without fresh data, on average of its instruments
    events: int = 0  # how often it was asked for a decision
    timeframe: str = ""  # of the candles by which it is asked; "opinions ..." by which; "" where all arms have the same
    instruments: int = 1  # for each of which it is asked
    down_s: float = 0.0  # that the arm did not work: off, quarantined, hung
    down_by: str = ""  # who paused it, and when
    by_hand: str = ""  # orders and positions that people took from it; one command has one name in all arms it reached
    failed: str = ""  # what its tentacles raised, how often, and when first; the same text where both arms failed alike
    halted_s: float = 0.0  # in which limits of its own, or of its account, let it enter nothing
    halted_by: str = ""  # which, and since when
    fee_schedule: str = ""  # hash of fees and slippage
    config_hash: str = ""  # over tree hashes and settings
    changed: str = ""  # on a day with another hash than before: what was changed, when, and who wanted it


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One closed day."""

    opened_at_ns: int
    arms: tuple[ArmDay, ...]  # in the order of the plan, the control first


_MS_NS = 1_000_000


def growth_curve(returns: Iterable[tuple[int, float]]) -> list[tuple[int, float]]:
    """Return growth since the start at the close of each day, in ms since 1970 UTC, 0.01 for 1 %; given when each day
    was opened, in ns, and its return."""
    worth, found = 1.0, []
    for opened_at_ns, gain in returns:
        worth *= 1.0 + gain
        found.append(((opened_at_ns + DAY_NS) // _MS_NS, worth - 1.0))
    return found


def check_day(plan: Plan, day: Day, *, number: int, after_ns: int | None) -> None:
    """Raise DataError for a day, `number` from 1, that does not follow, lacks an arm, or holds what is no number."""
    where = f"experiment {plan.name}, day {number}"
    if len(day.arms) != len(plan.arms):
        raise DataError(f"{where}: {len(day.arms)} arms, expected {len(plan.arms)} as planned")
    if after_ns is not None and day.opened_at_ns <= after_ns:
        raise DataError(f"{where}: opened at {day.opened_at_ns}, expected a time after {after_ns}, the day before")
    for arm, one in zip(plan.arms, day.arms, strict=True):
        if not isfinite(one.daily_return) or not isfinite(one.equity):
            raise DataError(
                f"{where}, arm {arm.name}: return {one.daily_return}, equity {one.equity}; expected finite numbers"
            )
