"""Experiments: which of several arms on the same events is better, told so that looking every day does no harm.

What goes in are a `Plan`, fixed before the start, and closed `Day`s; what comes out is a `Judgement`. Pure: no I/O, no
clock, no randomness but from a seed in the call.
"""

from loligo_lab.experiment.capital import allocation
from loligo_lab.experiment.days import ArmDay, Day, growth_curve
from loligo_lab.experiment.figures import Figure, figures_of, figures_of_trades
from loligo_lab.experiment.guardrails import broken_stops
from loligo_lab.experiment.integrity import config_hash
from loligo_lab.experiment.judgement import (
    Action,
    BandPoint,
    Check,
    Effect,
    Gate,
    Judgement,
    PairJudgement,
    Rail,
    Verdict,
)
from loligo_lab.experiment.judging import Judge, judge
from loligo_lab.experiment.plan import Arm, Gates, Limits, Mode, Plan
from loligo_lab.experiment.planner import (
    Outlook,
    Ratio,
    days_for_power,
    equal_risk,
    outlook,
    ratio_from_returns,
    ratio_from_sharpes,
)
from loligo_lab.experiment.whole_field import CrossCheck, cross_check

__all__ = [
    "Action",
    "Arm",
    "ArmDay",
    "BandPoint",
    "Check",
    "CrossCheck",
    "Day",
    "Effect",
    "Figure",
    "Gate",
    "Gates",
    "Judge",
    "Judgement",
    "Limits",
    "Mode",
    "Outlook",
    "PairJudgement",
    "Plan",
    "Rail",
    "Ratio",
    "Verdict",
    "allocation",
    "broken_stops",
    "config_hash",
    "cross_check",
    "days_for_power",
    "equal_risk",
    "figures_of",
    "figures_of_trades",
    "growth_curve",
    "judge",
    "outlook",
    "ratio_from_returns",
    "ratio_from_sharpes",
]
