"""Exchange: from the plan that runs to another one, instance by instance, through a swap.

Desks, instruments and accounts stay; what is exchanged has another key in the new plan: evaluators, strategies, trading
modes, risk rules, venues. All new instances are made, and given their state, before any of them is called: one that
cannot be made refuses the whole. What is new or was off until now has nothing to be compared with, and begins with the
flip; an evaluator that is new, or has new settings, is given history before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from loligo.engine.evaluation import EvaluationStage, EvaluatorSlot, accept_evaluation, goes_on
from loligo.engine.interruption import EVALUATE
from loligo.engine.plan import DeskPlan, EnginePlan, EvaluatorPlan, SeatPlan, VenuePlan, paired
from loligo.engine.recorder import Recorder
from loligo.engine.risk import RiskStage, Rule, Scope, accept_answer
from loligo.engine.seat import Seat, SeatBoard
from loligo.engine.strategy import accept_outcome
from loligo.engine.swap import Accept, Holder, Phase, Swap, Twin, handed_over
from loligo.engine.trading import accept_intents
from loligo.engine.venues import Venue, accept_reports
from loligo.errors import TENTACLE_FAULTS, DataError, TentacleInterrupted
from loligo.model.command import WarmUp
from loligo.model.events import SwapStep
from loligo.model.market import Candle

Key = tuple[str, str]


@dataclass(slots=True)
class _Replaced:
    """One place whose instance changes: what works there now and what comes; `undo` puts the first back."""

    holder: Holder
    new: Holder
    accept: Accept | None  # None: the two cannot be compared
    old: tuple[str, str, str, Any, Any] = ("", "", "", None, None)  # label, name, key, make, instance

    def flip(self) -> None:
        holder, new = self.holder, self.new
        self.old = _terms(holder)
        holder.label, holder.name, holder.key, holder.make, holder.instance = _terms(new)

    def undo(self) -> None:
        holder = self.holder
        instance = holder.twin.old if holder.twin is not None else self.old[-1]  # a fresh one after an interruption
        holder.label, holder.name, holder.key, holder.make, holder.instance = (*self.old[:-1], instance)


def _terms(holder: Holder) -> tuple[str, str, str, Any, Any]:
    return holder.label, holder.name, holder.key, holder.make, holder.instance


class Newcomer:
    """An evaluator that cannot go on with another's state. It gathers the candles that come until it is given those
    before them, and then goes along unheeded until the flip."""

    def __init__(self, swap: Swap, slot: EvaluatorSlot) -> None:
        self.slot = slot
        self._swap = swap
        self._gathered: list[Candle] = []
        self._is_warm = self._has_failed = False
        slot.write_to(SeatBoard(1), 0)  # which nobody reads

    def bind(self) -> None:
        """Bind its call anew."""
        self._call = self.slot.calls["candle"]

    def hear(self, candle: Candle) -> None:
        """Take a candle of its series."""
        if not self._is_warm:
            self._gathered.append(candle)
        elif not self._has_failed:
            try:
                accept_evaluation(self._call(candle))
            except TENTACLE_FAULTS as exc:  # a tentacle that does not lead: nothing hangs on its answer
                self._has_failed = True
                if isinstance(exc, TentacleInterrupted):
                    self.slot.holder.interrupted(self.slot.label, EVALUATE, exc)
                self._swap.tell(self.slot.label, SwapStep.FAILED, f"{type(exc).__name__}: {exc}")

    def warm_up(self, history: Sequence[Candle] = ()) -> None:
        """Take the newest of these candles, as many as its warm-up wants, and what came since."""
        if self._is_warm:
            return
        newest_ns = history[-1].ts if history else 0
        self._is_warm = True
        since = [candle for candle in self._gathered if candle.ts > newest_ns]
        for candle in [*history[max(len(history) - self.slot.instance.warmup, 0) :], *since]:
            self.hear(candle)


@dataclass(slots=True)
class _Slotted:
    """An evaluator that comes: the one whose place it takes, and what it does until then if it begins anew."""

    was: EvaluatorSlot | None
    slot: EvaluatorSlot
    newcomer: Newcomer | None

    @property
    def goes_on(self) -> bool:
        return goes_on(self.was, self.slot)


@dataclass(slots=True)
class _Change:
    """Everything that one swap does, found out before the flip, which has no time for it."""

    swap: Swap
    plan: EnginePlan
    before: EnginePlan
    replaced: list[_Replaced] = field(default_factory=list)
    slots: dict[str, _Slotted] = field(default_factory=dict)  # by new key
    renamed: list[tuple[EvaluatorSlot, EvaluatorPlan, EvaluatorPlan]] = field(default_factory=list)  # old, new
    rules: list[tuple[Scope, list[Rule], list[Rule]]] = field(default_factory=list)  # old, new
    # Old, new; whether its board stays.
    seats: list[tuple[Seat, tuple[DeskPlan, SeatPlan], tuple[DeskPlan, SeatPlan], bool]] = field(default_factory=list)
    alone: list[str] = field(default_factory=list)  # what will lead with nothing beside it


class Exchange:
    """At most one swap is at work. The engine asks it at the inputs that `loligo.engine.swap` names."""

    def __init__(
        self,
        recorder: Recorder,
        seats: Mapping[Key, Seat],
        evaluation: EvaluationStage,
        risk: RiskStage,
        venues: Mapping[str, Venue],
    ) -> None:
        self._recorder = recorder
        self._seats = seats
        self._evaluation = evaluation
        self._risk = risk
        self._venues = venues
        self._change: _Change | None = None
        # What the newest swap lets be bound anew (of markets the instrument), and what its flip: calls of twins see for
        # themselves who leads.
        self.touched: set[Holder | Scope | str] = set()
        self.touched_by_flip: set[Holder | Scope | str] = set()

    @property
    def swap(self) -> Swap | None:
        """The swap at work."""
        return self._change.swap if self._change is not None else None

    @property
    def plan(self) -> EnginePlan | None:
        """The plan that the swap at work brings."""
        return self._change.plan if self._change is not None else None

    @property
    def before(self) -> EnginePlan | None:
        """The plan that ran before it."""
        return self._change.before if self._change is not None else None

    def start(self, number: int, before: EnginePlan, plan: EnginePlan) -> bool:
        """Make what is new and call it beside what runs; False, and an event that says why, when that is impossible."""
        change = _Change(Swap(number, self._recorder), plan, before)
        place = ""
        try:
            for seat, (_, seat_plan) in self._seated(plan):
                place = seat.desk_name
                self._prepare_seat(change, seat, seat_plan)
            for scope, rules in self._ruled(plan):
                place = scope.name
                self._prepare_rules(change, scope, rules)
            for place, venue in sorted(plan.venues.items()):
                self._prepare_venue(change, place, venue)
        except Exception as exc:  # a tentacle that cannot be made, or cannot take over: nothing has changed
            change.swap.tell(place, SwapStep.REFUSED, f"{type(exc).__name__}: {exc}")
            return False
        self._keep_places(change)
        self._pair_up(change)
        change.alone = _alone(change)
        self._change = change
        self._note_touched(change)
        change.swap.tell("", SwapStep.SHADOWING, ", ".join(_names(change)))
        return True

    def _keep_places(self, change: _Change) -> None:
        """Let evaluators that simply go on in another version be exchanged where they are, so that nobody who reads
        them has to be bound to others at the flip."""
        kept = _keys(change.plan)
        heirs = Counter(slotted.was.key for slotted in change.slots.values() if slotted.was is not None)
        for key, slotted in list(change.slots.items()):
            was, now = slotted.was, slotted.slot.plan
            if was is None or not slotted.goes_on or was.label != now.label:
                continue
            if heirs[was.key] == 1 and was.key not in kept:
                del change.slots[key]
                change.renamed.append((was, was.plan, now))
                change.replaced.append(_Replaced(was.holder, slotted.slot.holder, accept_evaluation))

    def _note_touched(self, change: _Change) -> None:
        holders, scopes = {item.holder for item in change.replaced}, {scope for scope, *_ in change.rules}
        keys = {before.key: now.key for _, before, now in change.renamed}
        for seat, now in self._seated(change.plan):
            was = seat.desk, seat.plan
            change.seats.append((seat, was, now, was[1].places(keys) == now[1].places(keys)))
        moved = (one[0] for one in change.seats if not one[3] or one[1][0].timeframe != one[2][0].timeframe)
        markets = {seat.instrument_id for seat in moved}
        self.touched_by_flip = {one for one in holders if one.twin is None} | scopes | markets
        self.touched = holders | scopes | markets | {slot.instrument for slot, *_ in change.renamed}

    def _seated(self, plan: EnginePlan) -> list[tuple[Seat, tuple[DeskPlan, SeatPlan]]]:
        planned = {(desk.name, seat.instrument.id): (desk, seat) for desk in plan.desks for seat in desk.seats}
        if planned.keys() != self._seats.keys():
            raise DataError(
                f"desks and instruments stay while a bot runs: {sorted(planned.keys() ^ self._seats.keys())} came or "
                "went; stop the bot and start it again for that"
            )
        return [(self._seats[key], planned[key]) for key in sorted(planned)]

    def _ruled(self, plan: EnginePlan) -> Iterable[tuple[Scope, tuple[Any, ...]]]:
        yield from ((self._risk.desks[desk.name], desk.rules) for desk in plan.desks)
        yield from ((self._risk.accounts[account.name], account.rules) for account in plan.accounts)

    def _prepare_seat(self, change: _Change, seat: Seat, plan: SeatPlan) -> None:
        # Made for a board of another size, neither can read that of the other.
        accept = accept_outcome if len(seat.plan.evaluators) == len(plan.evaluators) else None
        self._replace(change, seat.strategy, plan.strategy_name, plan.strategy_key, plan.make_strategy, accept)
        self._replace(change, seat.mode, plan.mode_name, plan.mode_key, plan.make_mode, accept_intents)
        for was, now in zip(paired(seat.plan.evaluators, plan.evaluators), plan.evaluators, strict=True):
            if self._evaluation.find(now.key) is None and now.key not in change.slots:
                change.slots[now.key] = self._new_slot(change.swap, seat, was, now)

    def _replace(
        self,
        change: _Change,
        holder: Holder,
        name: str,
        key: str,
        make: Callable[[], Any] | None,
        accept: Accept | None,
    ) -> None:
        if (name, key) == (holder.name, holder.key):
            return
        new = Holder(self._recorder, name, holder.desk, name, key, make)
        if new.instance is not None:
            handed_over(holder.instance, new.instance, is_same_tentacle=name == holder.name)
        change.replaced.append(_Replaced(holder, new, accept))

    def _new_slot(self, swap: Swap, seat: Seat, was: int | None, now: EvaluatorPlan) -> _Slotted:
        slot = EvaluatorSlot(self._recorder, now, seat.instrument_id)
        old = self._evaluation.find(seat.plan.evaluators[was].key) if was is not None else None
        newcomer = None
        if old is not None and goes_on(old, slot):
            handed_over(old.instance, slot.instance, is_same_tentacle=True)
        elif slot.instance is not None and "candle" in slot.calls:
            newcomer = Newcomer(swap, slot)
        return _Slotted(old, slot, newcomer)

    def _prepare_rules(self, change: _Change, scope: Scope, plans: tuple[Any, ...]) -> None:
        running = {rule.name: rule for rule in scope.rules}
        rules = []
        for plan in plans:
            rule = running.get(plan.name)
            if rule is None:
                rule = Rule(self._recorder, plan)
            elif rule.key != plan.key:
                self._replace(change, rule, plan.name, plan.key, plan.make, accept_answer)
            rules.append(rule)
        if rules != scope.rules:
            change.rules.append((scope, scope.rules, rules))

    def _prepare_venue(self, change: _Change, place: str, plan: VenuePlan) -> None:
        venue = self._venues.get(place)
        if venue is None or venue.name != plan.name:
            raise DataError("its orders and positions lie with the venue that runs; stop the bot to trade elsewhere")
        self._replace(change, venue, plan.name, plan.key, plan.make, accept_reports)

    def _pair_up(self, change: _Change) -> None:
        """Call the new ones beside the old ones."""
        for item in change.replaced:
            old, new, accept = item.holder.instance, item.new.instance, item.accept
            if old is not None and new is not None and accept is not None and item.holder.name == item.new.name:
                item.holder.twin = Twin(change.swap, item.holder, old, new, accept)
        for slotted in change.slots.values():
            if (was := slotted.was) is not None and slotted.goes_on:
                was.holder.twin = Twin(change.swap, was.holder, was.instance, slotted.slot.instance, accept_evaluation)

    @property
    def newcomers(self) -> list[Newcomer]:
        """The evaluators that wait for their history, or go along with it, in the order of their keys."""
        if self._change is None or not self._change.slots or self._change.swap.phase is not Phase.SHADOW:
            return []
        found = (slotted.newcomer for _, slotted in sorted(self._change.slots.items()))
        return [newcomer for newcomer in found if newcomer is not None]

    def warm_up(self, item: WarmUp) -> None:
        """Give history to the newcomers of its series."""
        for newcomer in self.newcomers:
            if (newcomer.slot.instrument, newcomer.slot.timeframe) == (item.instrument, item.timeframe):
                newcomer.warm_up(item.candles)

    def flip(self) -> EnginePlan:
        """Let the new ones lead; return their plan."""
        change = self._change
        assert change is not None
        for newcomer in self.newcomers:
            newcomer.warm_up()
        change.swap.phase = Phase.PROBATION
        for item in change.replaced:
            item.flip()
        for slot, _, now in change.renamed:
            self._evaluation.rename(slot, now)
        kept = _keys(change.plan) if change.slots else ()
        for slotted in change.slots.values():
            was, slot = slotted.was, slotted.slot
            if was is not None and was.holder.twin is not None:
                twin, was.holder.twin = was.holder.twin, None
                if was.holder.key in kept:  # another desk goes on with it, so the spare is one of its own
                    twin.old = _copy_of(was.holder)
                slot.holder.twin = twin
            self._evaluation.put(slot)
        for scope, _, rules in change.rules:
            scope.rules = rules
        for seat, _, terms, stays in change.seats:
            seat.reseat(*terms, stays)
        change.swap.activated(change.alone)
        return change.plan

    def undo(self, step: SwapStep, text: str) -> EnginePlan:
        """Let the old ones work alone again, with the state of now; return their plan."""
        change = self._change
        assert change is not None
        if change.swap.phase is not Phase.SHADOW:
            for item in change.replaced:
                item.undo()
            for slot, before, _ in change.renamed:
                self._evaluation.rename(slot, before)
            for slotted in change.slots.values():
                if slotted.was is not None:
                    self._evaluation.put(slotted.was)
            for scope, rules, _ in change.rules:
                scope.rules = rules
            for seat, terms, _, stays in change.seats:
                seat.reseat(*terms, stays)
        self._part(change)
        change.swap.tell("", step, text)
        return change.before

    def settle(self) -> None:
        """Let go of the old ones."""
        change = self._change
        assert change is not None
        self._part(change)
        change.swap.tell("", SwapStep.SETTLED, change.swap.counts)

    def _part(self, change: _Change) -> None:
        for item in change.replaced:
            item.holder.twin = None
        for slotted in change.slots.values():
            slotted.slot.holder.twin = None
            if slotted.was is not None:
                slotted.was.holder.twin = None
        self._change = None


def _keys(plan: EnginePlan) -> set[str]:
    return {one.key for desk in plan.desks for seat in desk.seats for one in seat.evaluators}


def _copy_of(holder: Holder) -> Any:
    assert holder.make is not None
    copy = holder.make()
    handed_over(holder.instance, copy, is_same_tentacle=True)
    return copy


def _names(change: _Change) -> list[str]:
    slots = [item.slot.label for item in change.slots.values() if item.goes_on or item.newcomer is not None]
    return slots + [item.holder.label for item in change.replaced if item.holder.twin is not None]


def _alone(change: _Change) -> list[str]:
    """Return what will lead with nothing beside it: its label, and the desk that it works for alone."""
    made = [item for item in change.replaced if item.holder.twin is None and item.new.instance is not None]
    places = [f"{item.new.label} of {item.holder.desk}" if item.holder.desk else item.new.label for item in made]
    slots = [one for one in change.slots.values() if one.slot.instance is not None]
    return places + [one.slot.label for one in slots if one.was is None or one.was.holder.twin is None]
