"""From a plan and closed days to a verdict. Pure: the same days give the same judgement, whoever asks and when.

In this order, each day: (1) arms not treated alike make the pair invalid, (2) a broken safety limit stops it, (3) once
an arm is better, it stays so, (4) behind the gates the boundary decides, unless a guardrail vetoes, (5) an interval
inside the margin means practically the same, with a fixed end only on the last day. Arms that returned the very same
on every day are the same without a test. With a fixed end, days after it do not count, unless tails have made the
experiment open-ended.
"""

from __future__ import annotations

from collections.abc import Sequence

from loligo_lab.experiment.days import Day, check_day
from loligo_lab.experiment.judgement import Judgement, PairJudgement, Verdict
from loligo_lab.experiment.pair import Pair
from loligo_lab.experiment.plan import Plan


class Judge:
    """An experiment under way; takes one closed day at a time. DataError for a day that does not follow."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._count = 0
        self._last_ns: int | None = None
        self._pairs = [Pair(plan, number) for number in range(1, len(plan.arms))]

    def add(self, day: Day) -> None:
        """Take a closed day in."""
        check_day(self._plan, day, number=self._count + 1, after_ns=self._last_ns)
        self._count, self._last_ns = self._count + 1, day.opened_at_ns
        for pair in self._pairs:
            pair.add(day)

    def judgement(self) -> Judgement:
        """Return what is known now."""
        return _whole(self._plan, tuple(pair.judgement() for pair in self._pairs))


def judge(plan: Plan, days: Sequence[Day]) -> Judgement:
    """Return the judgement of all closed days since the start, oldest first.

    DataError for days that are out of order, lack an arm or hold what is no number.
    """
    judging = Judge(plan)
    for day in days:
        judging.add(day)
    return judging.judgement()


def still_compared(plan: Plan, days: Sequence[Day]) -> list[int]:
    """Return the places of the control and of the challengers whose tests were neither stopped nor spoilt."""
    out = {pair.challenger for pair in judge(plan, days).pairs if pair.verdict in (Verdict.STOPPED, Verdict.INVALID)}
    return [at for at, arm in enumerate(plan.arms) if arm.name not in out]


def _whole(plan: Plan, pairs: tuple[PairJudgement, ...]) -> Judgement:
    """Return the experiment: what is most worth knowing of its pairs."""
    verdict = next(word for word in _TELLING if any(pair.verdict is word for pair in pairs))
    telling = [pair for pair in pairs if pair.verdict is verdict]
    shown = max(telling, key=_lead)
    return Judgement(
        name=plan.name,
        verdict=verdict,
        headline=shown.headline,
        sentence=shown.sentence,
        winner=shown.challenger if verdict is Verdict.CHALLENGER_BETTER else None,
        is_final=all(pair.is_final for pair in pairs),
        pairs=pairs,
    )


# A better challenger is news whatever the others do; what is still open comes before what is over.
_TELLING = (
    Verdict.CHALLENGER_BETTER,
    Verdict.NO_CLEAR_DIFFERENCE,
    Verdict.TOO_EARLY,
    Verdict.STOPPED,
    Verdict.INVALID,
    Verdict.PRACTICALLY_THE_SAME,
    Verdict.CONTROL_BETTER,
)


def _lead(pair: PairJudgement) -> float:
    """Return how far the challenger is ahead at the control's own risk. A lead over k times the control is k times as
    large with the same skill, so leads at different k compare only over k; where k is 1 nothing changes."""
    return pair.effect.per_day / pair.risk_scale if pair.effect is not None else 0.0
