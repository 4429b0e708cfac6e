"""Verdicts in words: a headline of a few and one plain sentence each, with the arms by their names.

What must hold: where the control's returns count k times and k is not 1, whatever compares the arms says so.
"""

from __future__ import annotations

from loligo_lab.experiment.judgement import Effect, Verdict

HALTED_FROM = 0.1  # share of the days in which limits paused an arm: from there on it is told
DAY_S = 86_400.0


def headline(verdict: Verdict, *, control: str, challenger: str, risk_scale: float) -> str:
    """Return the verdict in a few words."""
    said = {
        Verdict.TOO_EARLY: "Too early",
        Verdict.NO_CLEAR_DIFFERENCE: "No clear difference yet",
        Verdict.CHALLENGER_BETTER: f"{challenger} is better",
        Verdict.CONTROL_BETTER: f"{control} is better",
        Verdict.PRACTICALLY_THE_SAME: "Practically the same",
        Verdict.STOPPED: "Stopped: safety limit",
        Verdict.INVALID: "Invalid: the two arms were not treated alike",
    }[verdict]
    return f"{said} at equal risk" if risk_scale != 1.0 and verdict in _COMPARING else said


_COMPARING = (
    Verdict.NO_CLEAR_DIFFERENCE,
    Verdict.CHALLENGER_BETTER,
    Verdict.CONTROL_BETTER,
    Verdict.PRACTICALLY_THE_SAME,
)


def scaled(sentence: str, control: str, risk_scale: float) -> str:
    """Return a sentence on both arms, which does not begin with a name, with how the control counts before it."""
    if risk_scale == 1.0:
        return sentence
    said = f"At equal risk, with the returns of {control} counted {risk_scale:g} times"
    return f"{said}, {sentence[0].lower()}{sentence[1:]}"


def too_early(days_more: int | None) -> str:
    """Return the sentence before the gates are passed."""
    if days_more is None:
        return "Nothing can be said yet, nor how long it takes: an arm has not traded, or both always did the same."
    return f"Nothing can be said yet: about {days_of(days_more)} more, at the pace so far."


def too_little(gate: str) -> str:
    """Return the sentence of a declared end that came before the gates were passed."""
    return f"The planned end is reached, and too little has happened for a verdict: {gate}."


def better(winner: str, loser: str, effect: Effect, *, day: int, is_scaled: bool) -> str:
    """Return the sentence of a difference that is no luck; the effect is of the day of the verdict. Who is ahead while
    one of them counts k times need not have earned more."""
    sign = 1.0 if effect.per_day > 0 else -1.0
    low, high = sorted((sign * (effect.low_percent_per_month or 0.0), sign * (effect.high_percent_per_month or 0.0)))
    by = f"{abs(effect.percent_per_month):.2f} % a month"
    said = f"is {by} ahead of {loser}" if is_scaled else f"has earned {by} more than {loser}"
    return f"After {days_of(day)} {winner} {said}; the interval is {low:.2f} % to {high:.2f} %."


def unclear(control: str, challenger: str, effect: Effect, *, day: int, days_left: int | None, is_over: bool) -> str:
    """Return the sentence of a difference that may be luck."""
    ahead = "ahead of" if effect.per_day >= 0 else "behind"
    said = f"After {days_of(day)} {challenger} is {abs(effect.percent_per_month):.2f} % a month {ahead} {control}"
    if effect.low_percent_per_month is not None and effect.high_percent_per_month is not None:
        said += (
            f", and anything from {effect.low_percent_per_month:.2f} % to {effect.high_percent_per_month:.2f} % fits"
        )
    if is_over:
        return f"{said}: the planned end is reached and it may all be luck."
    if days_left is None:
        return f"{said}; if it stays like that, there will be no verdict in time."
    return f"{said}; if it stays like that, a verdict comes in about {days_of(days_left)}."


def halted(arm: str, held_s: float, *, days: int, by: str) -> str:
    """Return the sentence of an arm that limits kept from entering for long, "" for others."""
    held = round(held_s / DAY_S)
    if held < max(1.0, HALTED_FROM * days):
        return ""
    return f"For {held} of {days_of(days)} {arm} could enter nothing, because limits had paused it, last {by}."


def same(effect: Effect | None, *, margin_per_year: float, day: int) -> str:
    """Return the sentence of arms that need not be told apart; no effect where they returned the very same."""
    if effect is None or effect.low_percent_per_month is None or effect.high_percent_per_month is None:
        return f"Both arms returned the very same on each of {days_of(day)}."
    return (
        f"The difference lies between {effect.low_percent_per_month:.2f} % and {effect.high_percent_per_month:.2f} % "
        f"a month, within the {margin_per_year * 100:g} % a year that were agreed not to matter."
    )


def tails(*, is_open: bool, may_open_on: int | None) -> str:
    """Return the warning of rare large moves: that a fixed end was given up for them, or may be from a day on."""
    said = "Rare large moves decide here: the result is weaker than it looks"
    if is_open:
        return f"{said}, and is judged without a fixed end."
    if may_open_on is None:
        return f"{said}."
    return f"{said}. If they still do on day {may_open_on} or later, it will be judged without a fixed end."


def luck(control: str, challenger: str, p_value: float, *, alpha: float, risk_scale: float) -> str:
    """Return how often a gap like this would show up between equal arms."""
    if p_value < alpha:
        rare = f"in fewer than 1 in {round(1.0 / alpha)} tests"
    else:
        times = int(1.0 / p_value)
        rare = f"in about 1 in {times} tests" if times > 1 else "in most tests"
    arms = f"{control} and {challenger}" if risk_scale == 1.0 else f"{challenger} and {risk_scale:g} times {control}"
    return f"If {arms} were equal, a gap this big would show up {rare}."


def days_of(count: int) -> str:
    """Return a number of days with its noun."""
    return "1 day" if count == 1 else f"{count:,} days"
