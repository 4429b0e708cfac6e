"""How long an experiment takes, before it starts.

What counts is the information ratio of the differences: their mean over their long-run standard deviation, per year
(for days that do not depend on one another the plain one). The constants are measured (`make verify-stats`): a test
planned for 3300 / ratio² days with a fixed end, or 5000 / ratio² open-ended, and some more, finds 8 of 10 such
differences. The days more are for the degrees of freedom that a short test lacks: without them 5 to 7 of 10 were found
in plans of a month, 7 of 10 in plans of five months of normal returns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt

import numpy as np

from loligo.api import DataError
from loligo_lab.experiment.differences import paths_of
from loligo_lab.experiment.plan import YEAR_DAYS, Gates, Mode
from loligo_lab.experiment.scores import t_value

DAYS_OF_UNIT_RATIO = {Mode.FIXED_END: 3300.0, Mode.OPEN_ENDED: 5000.0}
MORE_DAYS = {Mode.FIXED_END: 13.0, Mode.OPEN_ENDED: 17.0}
HALF_FOUND_BY = {Mode.FIXED_END: 0.66, Mode.OPEN_ENDED: 0.43}  # of the days, of those that are found
LONG_DAYS = 730
MOST_DAYS = 36_525  # a century; beyond it a number says no more than "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """The information ratio of differences per year, with a 95 % interval where it was estimated."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """How long it takes."""

    mode: Mode
    ratio: Ratio
    days: int | None  # to plan, for 80 % power; None where it takes more than a century
    half_found_by: int | None  # the day by which half of the differences that are found have been found
    days_at_best: int | None  # at the far end of the ratio's interval
    days_at_worst: int | None  # at its near end; None where that holds 0: it may take for ever
    words: str


def days_for_power(ratio: float, mode: Mode) -> int | None:
    """Return the days to plan so that 8 of 10 differences of that size are found; None for more than a century."""
    days = DAYS_OF_UNIT_RATIO[mode] / (ratio * ratio) if abs(ratio) > 1e-6 else float("inf")
    return None if days > MOST_DAYS else max(ceil(days + MORE_DAYS[mode]), Gates().days)


def ratio_found(days: int, mode: Mode) -> float:
    """Return the smallest ratio of which 8 of 10 differences are found in so many planned days, 21 or more."""
    return sqrt(DAYS_OF_UNIT_RATIO[mode] / (days - MORE_DAYS[mode]))


def ratio_from_sharpes(sharpe_difference: float, correlation: float) -> Ratio:
    """Return the ratio for two arms of the same volatility, from yearly Sharpe ratios. DataError for a correlation that
    is none, or 1: then the difference has no spread."""
    if not -1.0 <= correlation < 1.0:
        raise DataError(f"correlation is {correlation}; expected -1 or more and less than 1")
    return Ratio(value=sharpe_difference / sqrt(2.0 * (1.0 - correlation)))


def ratio_from_returns(
    challenger: Sequence[float], control: Sequence[float], *, risk_scale: float = 1.0, days_per_year: float = YEAR_DAYS
) -> Ratio:
    """Return the ratio from daily returns of two backtests over the same days, oldest first.

    DataError for fewer than 21 days, unequal lengths or differences that do not vary. The interval is that of the mean
    (as in `differences`) in units of the spread found; a backtest that chose its settings by hindsight promises more.
    """
    first, second = np.asarray(challenger, dtype=np.float64), np.asarray(control, dtype=np.float64)
    if first.shape != second.shape or first.ndim != 1 or len(first) < Gates().days:
        raise DataError(f"returns of {first.shape} and {second.shape} days; expected {Gates().days} or more of each")
    paths = paths_of((first - risk_scale * second)[None, :])
    statistic, days = float(paths.statistic[0, -1]), len(first)
    if statistic != statistic:
        raise DataError(f"the differences of {days} days do not vary: the arms returned the same")
    scale, reach = sqrt(days_per_year / days), t_value(1.959963984540054, float(paths.nu[-1]))
    return Ratio(value=statistic * scale, low=(statistic - reach) * scale, high=(statistic + reach) * scale)


def equal_risk(challenger: Sequence[float], control: Sequence[float]) -> float:
    """Return k, by which the control's returns are multiplied to vary as much as the challenger's: `Arm.risk_scale` of
    the challenger. From backtests before the start; DataError where the control does not vary."""
    spread = float(np.std(np.asarray(control, dtype=np.float64)))
    if spread <= 0.0:
        raise DataError("the control's returns do not vary: nothing can be scaled to equal risk")
    return float(np.std(np.asarray(challenger, dtype=np.float64))) / spread


def outlook(ratio: Ratio, mode: Mode) -> Outlook:
    """Return how long it takes to find a difference of that ratio, and say so."""
    days = days_for_power(ratio.value, mode)
    ends = [abs(end) for end in (ratio.low, ratio.high) if end is not None]
    has_zero = ratio.low is not None and ratio.high is not None and ratio.low <= 0.0 <= ratio.high
    best = days_for_power(max(ends), mode) if ends else days
    worst = None if has_zero else days_for_power(min(ends), mode) if ends else days
    half = None if days is None else max(ceil(HALF_FOUND_BY[mode] * days), Gates().days)
    return Outlook(
        mode=mode,
        ratio=ratio,
        days=days,
        half_found_by=half,
        days_at_best=best,
        days_at_worst=worst,
        words=_words(days, half, worst, is_estimate=bool(ends)),
    )


def _words(days: int | None, half: int | None, worst: int | None, *, is_estimate: bool) -> str:
    if days is None or half is None:
        return "A difference like this cannot be told from luck in a lifetime."
    said = f"Plan {days:,} days: 8 of 10 differences like this are found in that time, half of those within {half:,}."
    if is_estimate and worst is None:
        said += " The backtests fit arms that are equal, too: then nothing will be found."
    if days > LONG_DAYS:
        said += (
            " Arms this unlike take years to tell apart: compare variants of one strategy, or compare at equal risk."
        )
    return said
