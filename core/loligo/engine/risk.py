"""Risk: the one gate between what a trading mode wants and what a venue gets. Nothing else makes `Approved`.

In: a request with its seat. Out: `Approved` (perhaps smaller) or None; every rule's check and the verdict are events.
Rules are tentacles; what the kernel holds itself is the gate, the pauses and the kill switch. It fails closed: a rule
that raises, a missing tier, a pause or the kill switch refuse entries. Exits and reduce-only orders always pass, cut to
the position they reduce. Counters and pauses are state: a restart lifts nothing.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from loligo.engine.consent import Consent
from loligo.engine.plan import AccountPlan, DeskPlan, RulePlan
from loligo.engine.recorder import Recorder
from loligo.engine.seat import Seat
from loligo.engine.soundness import check_sound, is_plain_reason
from loligo.engine.swap import Holder, exported, restore
from loligo.errors import TENTACLE_FAULTS, DataError
from loligo.model.events import Approved, KillSwitchSet, OrderRequested, Refused, Resumed, RiskActed, RiskChecked
from loligo.model.money import DOWN, ZERO
from loligo.model.order import OrderRequest, OrderRole
from loligo.model.portfolio import ClosedTrade
from loligo.model.risk import ActionKind, DeskLimits, KillLevel, Outcome, RiskAction, Tier, Verdict, refused
from loligo.model.timeframe import DAY_NS, SECOND_NS
from loligo.ports.tentacles import PlainState

# An enum's members are slow to look up.
_PASSED, _REDUCED, _REFUSED = Outcome.PASSED, Outcome.REDUCED, Outcome.REFUSED
_POSITION, _STRATEGY, _ACCOUNT = Tier.POSITION, Tier.STRATEGY, Tier.ACCOUNT
_ENTRY, _EXIT = OrderRole.ENTRY, OrderRole.EXIT
KERNEL = "kernel"  # the rule name of what the gate itself holds
_STOPS = frozenset({OrderRole.STOP.value, OrderRole.TRAIL.value, OrderRole.LIQUIDATION.value})


class Rule(Holder):
    """One risk rule at work."""

    def __init__(self, recorder: Recorder, plan: RulePlan) -> None:
        super().__init__(recorder, plan.name, None, plan.name, plan.key, plan.make)
        self.tier = Tier(self.instance.tier)


class Scope:
    """A desk or an account as risk sees it: its rules, its pause and, for a desk, its counters."""

    def __init__(self, recorder: Recorder, name: str, plans: tuple[RulePlan, ...], memory_ns: int = 0) -> None:
        self.name = name
        self.memory_ns = memory_ns  # how long closed trades are kept for the windows of the rules
        self.rules = [Rule(recorder, plan) for plan in plans]
        self.tiers = {rule.tier for rule in self.rules}
        self.pauses: dict[str, int] = {}  # rule -> until when, 0 for until a person resumes
        self.trades_today = 0
        self.consecutive_losses = 0
        self.left_at_ns: dict[str, int] = {}
        self.closed: deque[tuple[int, str, str, float]] = deque()  # (closed_at_ns, instrument, exit role, net)
        self.stopped_at_ns: list[int] = []  # of those that `stops_since` counts, in order of time

    def stops_since(self, ts_ns: int) -> int:
        """Return how many trades a stop, a trail or a liquidation closed at or after `ts_ns`."""
        return len(self.stopped_at_ns) - bisect_left(self.stopped_at_ns, ts_ns)

    def net_since(self, instrument: str, ts_ns: int) -> float:
        """Return the net result of the instrument's trades closed at or after `ts_ns`, quote units."""
        return sum([net for at, where, _, net in self.closed if at >= ts_ns and where == instrument])

    def export_state(self) -> PlainState:
        return {
            "pauses": dict(sorted(self.pauses.items())),
            "trades_today": self.trades_today,
            "consecutive_losses": self.consecutive_losses,
            "left_at_ns": dict(sorted(self.left_at_ns.items())),
            "closed": [list(item) for item in self.closed],
            "rules": {rule.name: kept for rule in self.rules if (kept := exported(rule.instance))["state"] is not None},
        }

    def restore_state(self, state: PlainState) -> None:
        self.pauses = dict(state["pauses"])
        self.trades_today = state["trades_today"]
        self.consecutive_losses = state["consecutive_losses"]
        self.left_at_ns = dict(state["left_at_ns"])
        self.closed = deque((at, instrument, role, net) for at, instrument, role, net in state["closed"])
        self.stopped_at_ns = sorted(at for at, _, role, _ in self.closed if role in _STOPS)
        for rule in self.rules:
            if rule.name in state["rules"]:
                restore(rule.instance, state["rules"][rule.name], rule.name)


Ordered = tuple[Scope, RiskAction, int]  # with the seq of the event that tells of it
Asked = tuple[Scope, Rule, Callable[..., Any]]


def _asking(scopes: Iterable[Scope], name: str) -> tuple[Asked, ...]:
    """Return the rules of the scopes that have an optional call, bound, in the order in which they are asked."""
    calls = ((scope, rule, rule.call(name)) for scope in scopes for rule in scope.rules)
    return tuple((scope, rule, call) for scope, rule, call in calls if call is not None)


def _rule_is_off(*_: Any) -> Verdict:
    """Answer in place of a rule without a check: deny."""
    return refused("rule_off")


def accept_answer(said: Any) -> None:
    """DataError unless this is a sound verdict or action, or none."""
    if said is not None:
        check_sound(said, Verdict, RiskAction)


class RiskStage:
    """The gate, and the counters that its rules read."""

    def __init__(self, recorder: Recorder, accounts: tuple[AccountPlan, ...], desks: tuple[DeskPlan, ...]) -> None:
        self._recorder = recorder
        self.kill_level = KillLevel.OFF
        self.consent = Consent(recorder)
        self.accounts = {plan.name: Scope(recorder, f"account:{plan.name}", plan.rules) for plan in accounts}
        self.desks = {plan.name: Scope(recorder, plan.name, plan.rules, _memory_ns(plan.limits)) for plan in desks}
        self._over = {plan.name: (self.desks[plan.name], self.accounts[plan.account]) for plan in desks}
        self.bind()

    def bind(self) -> None:
        """Bind the calls to the rules that work now."""
        checks = {rule: rule.call("check") or _rule_is_off for scope in self._scopes() for rule in scope.rules}
        self._gates = {
            name: tuple([(rule, rule.name, rule.tier, checks[rule]) for scope in scopes for rule in scope.rules])
            for name, scopes in self._over.items()
        }
        self._watchers = {name: _asking(scopes, "watch") for name, scopes in self._over.items()}
        self._closers = {name: _asking(scopes, "on_trade_closed") for name, scopes in self._over.items()}

    # The gate

    def judge(
        self, seat: Seat, request: OrderRequest, position: Decimal, ts: int, cause: int, is_agreed: bool = False
    ) -> Approved | None:
        """Return the approval of a request, or None after recording the refusal or the question to a person."""
        recorder = self._recorder
        desk = seat.desk_name
        asked = recorder.emit(OrderRequested, ts, cause, desk, request)
        if request.is_reduce_only or request.role is not _ENTRY:
            return self._pass_exit(seat, request, position, ts, asked.seq)
        verdict, rule, tier, quantity = self._check(seat, request, ts, asked.seq)
        if verdict is not None:
            recorder.emit(Refused, ts, asked.seq, desk, seat.instrument_id, rule, tier, verdict.code, verdict.numbers)
            return None
        if seat.desk.consent_ns and not is_agreed:
            self.consent.ask(seat, replace(request, quantity=quantity), ts, asked.seq)
            return None
        self.desks[desk].trades_today += 1
        return self._approve(seat, request, quantity, ts, asked.seq)

    def _approve(self, seat: Seat, request: OrderRequest, quantity: Decimal, ts: int, cause: int) -> Approved:
        if quantity == request.quantity:
            return self._recorder.emit(Approved, ts, cause, seat.desk_name, request, None)
        smaller = replace(request, quantity=quantity)
        return self._recorder.emit(Approved, ts, cause, seat.desk_name, smaller, request.quantity)

    def _pass_exit(self, seat: Seat, request: OrderRequest, position: Decimal, ts: int, cause: int) -> Approved | None:
        """An exit needs only a position on the other side; it is cut to it and to the lot, and made reduce-only."""
        reducible = -position * request.side.sign
        quantity = seat.instrument.quantity(min(request.quantity, reducible), DOWN)
        if quantity <= 0:
            why = (KERNEL, Tier.POSITION, "nothing_to_reduce", (float(request.quantity), float(position)))
            self._recorder.emit(Refused, ts, cause, seat.desk_name, seat.instrument_id, *why)
            return None
        role = _EXIT if request.role is _ENTRY else request.role
        if not request.is_reduce_only or role is not request.role:
            request = replace(request, is_reduce_only=True, role=role)
        return self._approve(seat, request, quantity, ts, cause)

    def _check(
        self, seat: Seat, request: OrderRequest, ts: int, cause: int
    ) -> tuple[Verdict | None, str, Tier, Decimal]:
        """Ask every rule, strictest answer wins: the first refusal in tier order, else the smallest quantity."""
        desk, account = self.desks[seat.desk_name], self.accounts[seat.desk.account]
        held = self._held(seat, desk, account)
        if held is not None:
            return held[0], KERNEL, held[1], ZERO
        quantity = request.quantity
        refusal: tuple[Verdict, str, Tier] | None = None
        events, first_seq, view, name = self._recorder.events, self._recorder.first_seq, seat.view, seat.desk_name
        for rule, rule_name, tier, check in self._gates[name]:
            try:
                verdict = check(request, view)
                outcome, code, numbers = verdict.outcome, verdict.code, verdict.numbers
                # Most rules pass most requests for a plain reason, and that is surely sound.
                is_plain_pass = outcome is _PASSED and verdict.quantity is None and is_plain_reason(code, numbers)
                if not is_plain_pass or type(verdict) is not Verdict:
                    check_sound(verdict, Verdict)
                    if outcome is _REDUCED and verdict.quantity is None:
                        raise DataError(f"{verdict!r} does not say to how much")
            except TENTACLE_FAULTS as exc:  # a tentacle: a failing rule denies
                self._recorder.failed(ts, cause, name, rule_name, "check", exc, rule.renew)
                verdict = refused("rule_failed")
                outcome, code, numbers = verdict.outcome, verdict.code, verdict.numbers
            seq = first_seq + len(events)
            events.append(RiskChecked(seq, ts, cause, name, rule_name, tier, outcome, code, numbers))
            if outcome is _PASSED:
                continue
            if outcome is _REFUSED:
                refusal = refusal or (verdict, rule_name, tier)
            elif verdict.quantity is not None:
                quantity = min(quantity, verdict.quantity)
        if refusal is not None:
            return (*refusal, ZERO)
        quantity = seat.instrument.quantity(quantity, DOWN)
        if quantity <= 0:
            return refused("reduced_to_nothing", float(request.quantity)), KERNEL, Tier.POSITION, ZERO
        return None, "", _POSITION, quantity

    def _held(self, seat: Seat, desk: Scope, account: Scope) -> tuple[Verdict, Tier] | None:
        """What the gate holds itself: the kill switch, an unknown equity, pauses, and tiers without a rule."""
        if self.kill_level:
            return refused("kill_switch", float(self.kill_level)), Tier.ACCOUNT
        if seat.view.account_equity != seat.view.account_equity:  # NaN: the rate of a currency is missing
            return refused("equity_unknown"), Tier.ACCOUNT
        for scope, tier in ((account, _ACCOUNT), (desk, _STRATEGY)):
            for until_ns in scope.pauses.values():
                return refused("paused", until_ns / SECOND_NS), tier
        for tier, tiers in ((_POSITION, desk.tiers), (_STRATEGY, desk.tiers), (_ACCOUNT, account.tiers)):
            if tier not in tiers:
                return refused("no_rule_in_tier"), tier
        return None

    # Watching

    def watch(self, seat: Seat, ts: int, cause: int) -> Sequence[Ordered]:
        """Ask the watching rules of the seat's desk and account; return what they order, after recording it."""
        view = seat.view
        actions: list[Ordered] | None = None
        for scope, rule, ask in self._watchers[seat.desk_name]:
            try:
                action = ask(view)
            except TENTACLE_FAULTS as exc:  # a tentacle, as `_heed` says
                action = exc
            if action is not None:
                actions = [] if actions is None else actions
                self._heed(actions, scope, rule, action, "watch", seat, ts, cause)
        return actions or ()

    def trade_closed(self, seat: Seat, trade: ClosedTrade, cause: int) -> list[Ordered]:
        """Count a closed trade and ask the rules that act on it."""
        scope = self.desks[trade.desk]
        ts = trade.closed_at_ns
        scope.left_at_ns[trade.instrument] = ts
        scope.consecutive_losses = scope.consecutive_losses + 1 if trade.net < 0 else 0
        scope.closed.append((ts, trade.instrument, trade.exit_role, float(trade.net)))
        while scope.closed[0][0] < ts - scope.memory_ns:
            scope.closed.popleft()
        if trade.exit_role in _STOPS:
            insort(scope.stopped_at_ns, ts)
            del scope.stopped_at_ns[: bisect_left(scope.stopped_at_ns, ts - scope.memory_ns)]
        actions: list[Ordered] = []
        for over, rule, ask in self._closers[trade.desk]:
            try:
                action = ask(trade, seat.view)
            except TENTACLE_FAULTS as exc:  # a tentacle, as `_heed` says
                action = exc
            if action is not None:
                self._heed(actions, over, rule, action, "on_trade_closed", seat, ts, cause)
        return actions

    def _heed(
        self, actions: list[Ordered], scope: Scope, rule: Rule, said: Any, call: str, seat: Seat, ts: int, cause: int
    ) -> None:
        """Take what a rule orders; what watches over losses and has failed stops entries."""
        try:
            if isinstance(said, BaseException):
                raise said
            check_sound(said, RiskAction)
        except TENTACLE_FAULTS as exc:  # a tentacle: its failure is an event
            self._recorder.failed(ts, cause, seat.desk_name, rule.name, call, exc, rule.renew)
            said = RiskAction(ActionKind.PAUSE, "rule_failed")
        seq = self._take(scope, rule.name, rule.tier, said, seat, ts, cause)
        if seq:
            actions.append((scope, said, seq))

    def _take(self, scope: Scope, rule: str, tier: Tier, action: RiskAction, seat: Seat, ts: int, cause: int) -> int:
        """Apply what concerns this stage (pauses) and return the seq of its event, 0 when a pause is already in force.

        A flatten is never too much: the pause may be in force while a position is still, or again, open.
        """
        if action.kind is not ActionKind.TIGHTEN:
            known = scope.pauses.get(rule)
            is_longer = known is None or (known != 0 and not 0 < action.until_ns <= known)
            if is_longer:
                scope.pauses[rule] = action.until_ns
            elif action.kind is ActionKind.PAUSE:
                return 0
        return self._recorder.emit(RiskActed, ts, cause, seat.desk_name, scope.name, rule, tier, action).seq

    # Pauses and the kill switch

    def pause(self, scope: Scope, ts: int, cause: int, by: str) -> None:
        """Stop entries on a scope until a person resumes."""
        scope.pauses[f"operator {by}".strip()] = 0
        action = RiskAction(ActionKind.PAUSE, "operator")
        self._recorder.emit(RiskActed, ts, cause, self._desk_of(scope), scope.name, KERNEL, Tier.STRATEGY, action)

    def resume(self, scope: Scope, ts: int, cause: int, by: str) -> bool:
        """Lift every pause of a scope; False when there was none."""
        if not scope.pauses:
            return False
        scope.pauses.clear()
        scope.consecutive_losses = 0
        self._recorder.emit(Resumed, ts, cause, self._desk_of(scope), scope.name, by)
        return True

    def next_pause_end_ns(self) -> int:
        """Return when the next timed pause ends, 0 when none does."""
        ends = [until for scope in self._scopes() for until in scope.pauses.values() if until]
        return min(ends, default=0)

    def end_pauses(self, ts: int, cause: int) -> None:
        """Lift the pauses whose time is over."""
        for scope in self._scopes():
            over = [rule for rule, until in scope.pauses.items() if until and until <= ts]
            for rule in over:
                del scope.pauses[rule]
            if over and not scope.pauses:
                scope.consecutive_losses = 0
                self._recorder.emit(Resumed, ts, cause, self._desk_of(scope), scope.name, "time")

    def set_kill_level(self, level: KillLevel, ts: int, cause: int, by: str) -> None:
        self.kill_level = level
        self._recorder.emit(KillSwitchSet, ts, cause, "", level, by)

    def begin_day(self) -> None:
        """A new UTC day: the day's entries count from zero."""
        for scope in self.desks.values():
            scope.trades_today = 0

    def _scopes(self) -> list[Scope]:
        return [*self.accounts.values(), *self.desks.values()]

    @staticmethod
    def _desk_of(scope: Scope) -> str:
        return "" if scope.name.startswith("account:") else scope.name

    # State

    def export_state(self) -> PlainState:
        return {
            "kill_level": int(self.kill_level),
            "consent": self.consent.export_state(),
            "accounts": {name: scope.export_state() for name, scope in sorted(self.accounts.items())},
            "desks": {name: scope.export_state() for name, scope in sorted(self.desks.items())},
        }

    def restore_state(self, state: PlainState) -> None:
        self.kill_level = KillLevel(state["kill_level"])
        self.consent.restore_state(state.get("consent", []))
        for scopes, plain in ((self.accounts, state["accounts"]), (self.desks, state["desks"])):
            for name, scope in scopes.items():
                if name in plain:
                    scope.restore_state(plain[name])


def _memory_ns(limits: DeskLimits) -> int:
    """Return the longest window of a desk's rules, and a day more."""
    return max(limits.lock_window_s, limits.stop_guard_window_s) * SECOND_NS + DAY_NS
