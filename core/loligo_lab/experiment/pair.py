"""A challenger against the control, day by day: from conduct, treatment and evidence to a verdict.

What must hold: stopped and invalid end it; better stays until one of those. Nothing but returns behind the gates makes
an arm better.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from loligo_lab.experiment import words
from loligo_lab.experiment.days import Day
from loligo_lab.experiment.evidence import Evidence
from loligo_lab.experiment.gates import days_until, gates_of
from loligo_lab.experiment.guardrails import Conduct, broken_stops, rails_of, shared_rails
from loligo_lab.experiment.integrity import Treatment
from loligo_lab.experiment.judgement import Action, Gate, PairJudgement, Rail, Verdict
from loligo_lab.experiment.plan import Mode, Plan

_BETTER = (Verdict.CHALLENGER_BETTER, Verdict.CONTROL_BETTER)
_ENDED = (Verdict.STOPPED, Verdict.INVALID)


class Pair:
    """The running verdict of arm `number` of the plan against the first."""

    def __init__(self, plan: Plan, number: int) -> None:
        control, challenger = plan.control, plan.arms[number]
        self._plan, self._number = plan, number
        self._names = (control.name, challenger.name)
        self._risk_scale = challenger.risk_scale
        self._evidence = Evidence(plan, risk_scale=challenger.risk_scale)
        self._treatment = Treatment(control, challenger, downtime_tolerance_s=plan.downtime_tolerance_s)
        self._conduct = (Conduct(), Conduct())
        self._trades = (0, 0)
        self._verdict, self._sentence = Verdict.TOO_EARLY, words.too_early(None)
        self._since: int | None = None

    def add(self, day: Day) -> None:
        """Take a closed day in; after the end none counts."""
        if self._verdict in _ENDED or self._evidence.is_over:
            return
        arms = (day.arms[0], day.arms[self._number])
        standing = self._evidence.add(
            day.opened_at_ns, control_return=arms[0].daily_return, challenger_return=arms[1].daily_return
        )
        for conduct, arm in zip(self._conduct, arms, strict=True):
            conduct.add(arm)
        self._trades = (arms[0].closed_trades, arms[1].closed_trades)
        self._treatment.add(standing.day, *arms)
        gates = self._gates()
        if all(gate.is_passed for gate in gates):
            self._evidence.weigh()
        self._decide(standing.day, gates)

    def _decide(self, day: int, gates: tuple[Gate, ...]) -> None:
        fault, stops = self._treatment.fault, self._broken_stops()
        if fault is not None:
            self._rule(Verdict.INVALID, day, f"{fault.words}. Start the test anew.")
        elif stops:
            self._rule(Verdict.STOPPED, day, f"{stops[0].words}.")
        elif self._verdict not in _BETTER:
            self._decide_by_returns(day, gates)

    def _decide_by_returns(self, day: int, gates: tuple[Gate, ...]) -> None:
        effect, crossing = self._evidence.effect, self._evidence.crossing
        if effect is None:
            return
        is_open = all(gate.is_passed for gate in gates)
        if crossing is not None and not self._vetoes():
            side = int(crossing.effect.per_day > 0)
            winner, loser = self._names[side], self._names[1 - side]
            is_scaled = self._risk_scale != 1.0
            said = words.better(winner, loser, crossing.effect, day=crossing.day, is_scaled=is_scaled)
            self._rule(_BETTER[1 - side], day, self._scaled(said))
        elif self._is_same(day, is_open=is_open):
            shown = effect if is_open else None
            said = words.same(shown, margin_per_year=self._plan.margin_per_year, day=day)
            self._rule(Verdict.PRACTICALLY_THE_SAME, day, self._scaled(said))
        elif not is_open:
            self._rule(Verdict.TOO_EARLY, None, self._too_early(gates))
        else:
            self._rule(Verdict.NO_CLEAR_DIFFERENCE, None, "")

    def _rule(self, verdict: Verdict, day: int | None, sentence: str) -> None:
        if verdict is not self._verdict:
            self._since = day
        self._verdict, self._sentence = verdict, sentence

    def _scaled(self, sentence: str) -> str:
        return words.scaled(sentence, self._names[0], self._risk_scale)

    def _is_same(self, day: int, *, is_open: bool) -> bool:
        standing = self._evidence.standing
        if standing is not None and standing.days_apart == 0:
            enough = self._plan.gates
            return day >= enough.days and min(self._trades) >= enough.trades
        may = self._evidence.rule.mode is Mode.OPEN_ENDED or self._evidence.is_over
        return is_open and may and self._evidence.is_within_margin

    def _gates(self) -> tuple[Gate, ...]:
        standing = self._evidence.standing
        return gates_of(
            self._plan,
            day=standing.day if standing else 0,
            days_apart=standing.days_apart if standing else 0,
            trades=dict(zip(self._names, self._trades, strict=True)),
            risk_scale=self._risk_scale,
        )

    def _days_more(self, gates: tuple[Gate, ...]) -> int | None:
        """Return the wait for a verdict; that of arms which did the very same so far needs no day apart."""
        standing = self._evidence.standing
        if standing is None or standing.days_apart:
            return days_until(gates)
        wait = days_until(tuple(gate for gate in gates if gate.name.startswith("trades:")))
        return None if wait is None else max(wait, self._plan.gates.days - standing.day)

    def _too_early(self, gates: tuple[Gate, ...]) -> str:
        if self._evidence.is_over:
            return words.too_little(next(gate.words for gate in gates if not gate.is_passed))
        return words.too_early(self._days_more(gates))

    def _broken_stops(self) -> tuple[Rail, ...]:
        return tuple(
            rail
            for name, did in zip(self._names, self._conduct, strict=True)
            for rail in broken_stops(self._plan.limits, name, drawdown=did.drawdown, worst_day=did.worst_day)
        )

    def _rails(self) -> tuple[Rail, ...]:
        limits, month = self._plan.limits, self._plan.days_per_year / 12.0
        (first, second), (one, two) = self._names, self._conduct
        standing = self._evidence.standing
        skew = standing.skew if standing else None
        return (
            *rails_of(limits, first, one, two, month_days=month),
            *rails_of(limits, second, two, one, month_days=month),
            *shared_rails(limits, correlation=self._evidence.correlation, skew=skew),
        )

    def _vetoes(self) -> tuple[Rail, ...]:
        """Return the broken guardrails of the arm that would be better."""
        crossing = self._evidence.crossing
        if crossing is None:
            return ()
        winner = self._names[int(crossing.effect.per_day > 0)]
        return tuple(
            rail for rail in self._rails() if rail.is_broken and rail.arm == winner and rail.action is Action.VETO
        )

    def judgement(self) -> PairJudgement:
        """Return what is known now."""
        evidence, gates = self._evidence, self._gates()
        standing, (control, challenger) = evidence.standing, self._names
        left = evidence.rule.days_left(standing) if standing and not evidence.crossing else None
        p_value = evidence.p_value
        return PairJudgement(
            control=control,
            challenger=challenger,
            risk_scale=self._risk_scale,
            verdict=self._verdict,
            headline=words.headline(self._verdict, control=control, challenger=challenger, risk_scale=self._risk_scale),
            sentence=self._sentence or self._unclear(left),
            luck=""
            if p_value is None or self._verdict in _ENDED
            else words.luck(control, challenger, p_value, alpha=self._plan.alpha, risk_scale=self._risk_scale),
            notes=self._notes(),
            day=standing.day if standing else 0,
            verdict_day=self._since,
            mode=evidence.rule.mode,
            is_final=self._verdict in _ENDED + _BETTER or evidence.is_over,
            effect=evidence.effect,
            score=evidence.score,
            boundary=evidence.rule.boundary(standing.day) if standing else None,
            p_value=p_value,
            days_more=self._days_more(gates) if self._verdict is Verdict.TOO_EARLY and not evidence.is_over else 0,
            days_left=left if self._verdict is Verdict.NO_CLEAR_DIFFERENCE else None,
            correlation=evidence.correlation,
            skew=standing.skew if standing else None,
            gates=gates,
            rails=self._rails(),
            checks=self._treatment.checks(),
            band=tuple(evidence.band),
        )

    def _unclear(self, days_left: int | None) -> str:
        standing, effect = self._evidence.standing, self._evidence.effect
        if standing is None or effect is None:
            return words.too_early(None)
        vetoes = self._vetoes()
        if vetoes:
            limit = vetoes[0].words
            return self._scaled(f"The returns differ by more than luck, but a safety limit speaks against it: {limit}.")
        is_over = self._evidence.is_over
        return self._scaled(words.unclear(*self._names, effect, day=standing.day, days_left=days_left, is_over=is_over))

    def _notes(self) -> tuple[str, ...]:
        broken = [rail for rail in self._rails() if rail.is_broken and rail.action is not Action.STOP]
        told = [f"{rail.words}." for rail in broken if rail.name != "tail"]
        halted = (
            words.halted(name, did.halted_s, days=did.days, by=did.halted_by)
            for name, did in zip(self._names, self._conduct, strict=True)
        )
        return (*self._tails(broken), *told, *filter(None, halted))

    def _tails(self, broken: Sequence[Rail]) -> Iterator[str]:
        """Yield the warning of rare large moves. Before the gate of days they have not changed the rule yet."""
        is_open, plan = self._evidence.is_open_by_tails, self._plan
        standing = self._evidence.standing
        if standing is None or not (is_open or any(rail.name == "tail" for rail in broken)):
            return
        first = plan.first_day_of_verdict
        may_open = plan.mode is Mode.FIXED_END and self._verdict not in _ENDED and standing.day < first <= plan.days
        yield words.tails(is_open=is_open, may_open_on=first if may_open else None)
