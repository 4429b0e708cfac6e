"""Risk: the one gate between what a trading mode wants and what a venue gets. Nothing else makes `Approved`.

In: a request with its seat. Out: `Approved` (perhaps smaller) or None; every rule's check and the verdict are events.
Rules are tentacles; what the kernel holds itself is the gate, the pauses and the kill switch. It fails closed: a rule
that raises, a missing tier, a pause or the kill switch refuse entries. Exits and reduce-only orders always pass, cut to
the position they reduce. Counters and pauses are state: a restart lifts nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from loligo.engine.plan import AccountPlan, DeskPlan, RulePlan
from loligo.engine.recorder import Recorder
from loligo.engine.seat import Seat
from loligo.engine.soundness import check_sound
from loligo.errors import DataError
from loligo.model.events import Approved, KillSwitchSet, OrderRequested, Refused, Resumed, RiskActed, RiskChecked
from loligo.model.money import DOWN, ZERO
from loligo.model.order import OrderRequest, OrderRole
from loligo.model.portfolio import ClosedTrade
from loligo.model.risk import ActionKind, DeskLimits, KillLevel, Outcome, RiskAction, Tier, Verdict, refused
from loligo.model.timeframe import DAY_NS, SECOND_NS
from loligo.ports.tentacles import PlainState, RiskRule, TradeClosedRule, WatchingRule

KERNEL = "kernel"  # the rule name of what the gate itself holds
_STOPS = frozenset({OrderRole.STOP.value, OrderRole.TRAIL.value, OrderRole.LIQUIDATION.value})


class _Rule:
    def __init__(self, plan: RulePlan) -> None:
        self.name = plan.name
        self.instance: RiskRule = plan.make()
        self.tier = Tier(self.instance.tier)


class Scope:
    """A desk or an account as risk sees it: its rules, its pause and, for a desk, its counters."""

    def __init__(self, name: str, plans: tuple[RulePlan, ...], memory_ns: int = 0) -> None:
        self.name = name
        self.memory_ns = memory_ns  # how long closed trades are kept for the windows of the rules
        self.rules = [_Rule(plan) for plan in plans]
        self.tiers = {rule.tier for rule in self.rules}
        self.pauses: dict[str, int] = {}  # rule -> until when, 0 for until a person resumes
        self.trades_today = 0
        self.consecutive_losses = 0
        self.left_at_ns: dict[str, int] = {}
        self.closed: deque[tuple[int, str, str, float]] = deque()  # (closed_at_ns, instrument, exit role, net)

    def stops_since(self, ts_ns: int) -> int:
        """Return how many trades a stop, a trail or a liquidation closed at or after `ts_ns`."""
        return sum(1 for at, _, role, _ in self.closed if at >= ts_ns and role in _STOPS)

    def net_since(self, instrument: str, ts_ns: int) -> float:
        """Return the net result of the instrument's trades closed at or after `ts_ns`, quote units."""
        return sum(net for at, where, _, net in self.closed if at >= ts_ns and where == instrument)

    def export_state(self) -> PlainState:
        return {
            "pauses": dict(sorted(self.pauses.items())),
            "trades_today": self.trades_today,
            "consecutive_losses": self.consecutive_losses,
            "left_at_ns": dict(sorted(self.left_at_ns.items())),
            "closed": [list(item) for item in self.closed],
            "rules": {rule.name: rule.instance.export_state() for rule in self.rules},
        }

    def restore_state(self, state: PlainState) -> None:
        self.pauses = dict(state["pauses"])
        self.trades_today = state["trades_today"]
        self.consecutive_losses = state["consecutive_losses"]
        self.left_at_ns = dict(state["left_at_ns"])
        self.closed = deque((at, instrument, role, net) for at, instrument, role, net in state["closed"])
        for rule in self.rules:
            if rule.name in state["rules"]:
                rule.instance.restore_state(state["rules"][rule.name])


Actions = list[tuple[Scope, RiskAction]]
Asked = tuple[Scope, _Rule, Callable[..., RiskAction | None]]


def _asking(scopes: Iterable[Scope], kind: type, call: str) -> tuple[Asked, ...]:
    """Return the rules of the scopes that have an optional call, bound, in the order in which they are asked."""
    return tuple(
        (scope, rule, getattr(rule.instance, call))
        for scope in scopes
        for rule in scope.rules
        if isinstance(rule.instance, kind)
    )


class RiskStage:
    """The gate, and the counters that its rules read."""

    def __init__(self, recorder: Recorder, accounts: tuple[AccountPlan, ...], desks: tuple[DeskPlan, ...]) -> None:
        self._recorder = recorder
        self.kill_level = KillLevel.OFF
        self.accounts = {plan.name: Scope(f"account:{plan.name}", plan.rules) for plan in accounts}
        self.desks = {plan.name: Scope(plan.name, plan.rules, _memory_ns(plan.limits)) for plan in desks}
        over = {plan.name: (self.desks[plan.name], self.accounts[plan.account]) for plan in desks}
        self._watchers = {name: _asking(scopes, WatchingRule, "watch") for name, scopes in over.items()}
        self._closers = {name: _asking(scopes, TradeClosedRule, "on_trade_closed") for name, scopes in over.items()}

    # The gate

    def judge(self, seat: Seat, request: OrderRequest, position: Decimal, ts: int, cause: int) -> Approved | None:
        """Return the approval of a request, or None after recording the refusal."""
        recorder = self._recorder
        desk = seat.desk_name
        asked = recorder.emit(OrderRequested, ts, cause, desk, request)
        if request.is_reduce_only or request.role is not OrderRole.ENTRY:
            return self._pass_exit(seat, request, position, ts, asked.seq)
        verdict, rule, tier, quantity = self._check(seat, request, ts, asked.seq)
        if verdict is not None:
            recorder.emit(Refused, ts, asked.seq, desk, seat.instrument_id, rule, tier, verdict.code, verdict.numbers)
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
        quantity = min(seat.instrument.quantity(request.quantity, DOWN), reducible)
        if quantity <= 0:
            why = (KERNEL, Tier.POSITION, "nothing_to_reduce", (float(request.quantity), float(position)))
            self._recorder.emit(Refused, ts, cause, seat.desk_name, seat.instrument_id, *why)
            return None
        role = OrderRole.EXIT if request.role is OrderRole.ENTRY else request.role
        if not request.is_reduce_only or role is not request.role:
            request = replace(request, is_reduce_only=True, role=role)
        return self._approve(seat, request, quantity, ts, cause)

    def _check(
        self, seat: Seat, request: OrderRequest, ts: int, cause: int
    ) -> tuple[Verdict | None, str, Tier, Decimal]:
        """Ask every rule, strictest answer wins: the first refusal in tier order, else the smallest quantity."""
        desk, account = self.desks[seat.desk_name], self.accounts[seat.desk.account]
        held = self._held(desk, account)
        if held is not None:
            return held[0], KERNEL, held[1], ZERO
        quantity = request.quantity
        refusal: tuple[Verdict, str, Tier] | None = None
        for rule in (*desk.rules, *account.rules):
            verdict = self._ask(rule, request, seat, ts, cause)
            said = (verdict.outcome, verdict.code, verdict.numbers)
            self._recorder.emit(RiskChecked, ts, cause, seat.desk_name, rule.name, rule.tier, *said)
            if verdict.outcome is Outcome.REFUSED:
                refusal = refusal or (verdict, rule.name, rule.tier)
            elif verdict.quantity is not None and verdict.outcome is Outcome.REDUCED:
                quantity = min(quantity, verdict.quantity)
        if refusal is not None:
            return (*refusal, ZERO)
        quantity = seat.instrument.quantity(quantity, DOWN)
        if quantity <= 0:
            return refused("reduced_to_nothing", float(request.quantity)), KERNEL, Tier.POSITION, ZERO
        return None, "", Tier.POSITION, quantity

    def _held(self, desk: Scope, account: Scope) -> tuple[Verdict, Tier] | None:
        """What the gate holds itself: the kill switch, pauses, and tiers without a rule."""
        if self.kill_level:
            return refused("kill_switch", float(self.kill_level)), Tier.ACCOUNT
        for scope, tier in ((account, Tier.ACCOUNT), (desk, Tier.STRATEGY)):
            for until_ns in scope.pauses.values():
                return refused("paused", until_ns / SECOND_NS), tier
        for tier, tiers in ((Tier.POSITION, desk.tiers), (Tier.STRATEGY, desk.tiers), (Tier.ACCOUNT, account.tiers)):
            if tier not in tiers:
                return refused("no_rule_in_tier"), tier
        return None

    def _ask(self, rule: _Rule, request: OrderRequest, seat: Seat, ts: int, cause: int) -> Verdict:
        try:
            verdict = rule.instance.check(request, seat.view)
            check_sound(verdict, Verdict)
            if verdict.outcome is Outcome.REDUCED and verdict.quantity is None:
                raise DataError(f"{verdict!r} does not say to how much")
        except Exception as exc:  # a tentacle: a failing rule denies
            self._recorder.failed(ts, cause, seat.desk_name, rule.name, "check", exc)
            return refused("rule_failed")
        return verdict

    # Watching

    def watch(self, seat: Seat, ts: int, cause: int) -> Actions:
        """Ask the watching rules of the seat's desk and account; return what they order, after recording it."""
        return self._ordered(self._watchers[seat.desk_name], "watch", (seat.view,), seat, ts, cause)

    def trade_closed(self, seat: Seat, trade: ClosedTrade, cause: int) -> Actions:
        """Count a closed trade and ask the rules that act on it."""
        scope = self.desks[trade.desk]
        ts = trade.closed_at_ns
        scope.left_at_ns[trade.instrument] = ts
        scope.consecutive_losses = scope.consecutive_losses + 1 if trade.net < 0 else 0
        scope.closed.append((ts, trade.instrument, trade.exit_role, float(trade.net)))
        while scope.closed[0][0] < ts - scope.memory_ns:
            scope.closed.popleft()
        return self._ordered(self._closers[trade.desk], "on_trade_closed", (trade, seat.view), seat, ts, cause)

    def _ordered(
        self, asked: Sequence[Asked], call: str, given: tuple[Any, ...], seat: Seat, ts: int, cause: int
    ) -> Actions:
        actions: Actions = []
        for scope, rule, ask in asked:
            try:
                action = ask(*given)
                if action is None:
                    continue
                check_sound(action, RiskAction)
            except Exception as exc:  # a tentacle: what watches over losses has failed, so entries stop
                self._recorder.failed(ts, cause, seat.desk_name, rule.name, call, exc)
                action = RiskAction(ActionKind.PAUSE, "rule_failed")
            if self._take(scope, rule.name, rule.tier, action, seat, ts, cause):
                actions.append((scope, action))
        return actions

    def _take(self, scope: Scope, rule: str, tier: Tier, action: RiskAction, seat: Seat, ts: int, cause: int) -> bool:
        """Apply what concerns this stage (pauses); False when a pause is already in force.

        A flatten is never too much: the pause may be in force while a position is still, or again, open.
        """
        if action.kind is not ActionKind.TIGHTEN:
            known = scope.pauses.get(rule)
            is_longer = known is None or (known != 0 and not 0 < action.until_ns <= known)
            if is_longer:
                scope.pauses[rule] = action.until_ns
            elif action.kind is ActionKind.PAUSE:
                return False
        self._recorder.emit(RiskActed, ts, cause, seat.desk_name, scope.name, rule, tier, action)
        return True

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
            "accounts": {name: scope.export_state() for name, scope in sorted(self.accounts.items())},
            "desks": {name: scope.export_state() for name, scope in sorted(self.desks.items())},
        }

    def restore_state(self, state: PlainState) -> None:
        self.kill_level = KillLevel(state["kill_level"])
        for scopes, plain in ((self.accounts, state["accounts"]), (self.desks, state["desks"])):
            for name, scope in scopes.items():
                if name in plain:
                    scope.restore_state(plain[name])


def _memory_ns(limits: DeskLimits) -> int:
    """Return the longest window of a desk's rules, and a day more."""
    return max(limits.lock_window_s, limits.stop_guard_window_s) * SECOND_NS + DAY_NS
