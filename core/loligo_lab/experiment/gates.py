"""What must have happened before there may be a verdict. The gates are not for show: without them, arms that seldom
trade are told apart by chance in every fourth test, half of them on the first looks."""

from __future__ import annotations

from collections.abc import Mapping

from loligo_lab.experiment.judgement import Gate
from loligo_lab.experiment.plan import Plan
from loligo_lab.experiment.words import scaled


def gates_of(
    plan: Plan, *, day: int, days_apart: int, trades: Mapping[str, int], risk_scale: float
) -> tuple[Gate, ...]:
    """Return the gates after so many days; trades are those closed by each of the two arms since the start. The
    control's returns count `risk_scale` times."""
    needed = plan.first_day_of_verdict
    differed = f"The arms returned something different on {days_apart} days, {plan.gates.days_apart} are needed"
    return (
        _gate("days", day, needed, day, f"{day} days have passed, {needed} are needed"),
        _gate("days_apart", days_apart, plan.gates.days_apart, day, scaled(differed, plan.control.name, risk_scale)),
        *(
            _gate(
                f"trades:{arm}",
                closed,
                plan.gates.trades,
                day,
                f"{arm} has closed {closed} trades, {plan.gates.trades} are needed",
            )
            for arm, closed in trades.items()
        ),
    )


def days_until(gates: tuple[Gate, ...]) -> int | None:
    """Return how many days it takes until the last gate opens; None where one has not moved at all."""
    waits = [gate.days_left for gate in gates]
    known = [wait for wait in waits if wait is not None]
    return max(known) if len(known) == len(waits) else None


def _gate(name: str, have: int, need: int, day: int, words: str) -> Gate:
    missing = max(need - have, 0)
    left = 0 if not missing else None if not have else -(-missing * day // have)
    return Gate(name=name, have=have, need=need, days_left=left, words=words)
