"""Quarantine: counts failures in the time of the data, and says who is to be off, until when, and who may try again.

    failures within the window ─► quarantined until ... ─► on trial ─► recovered: forgotten
                                        ▲                     │
                                        └── doubled back-off ─┘ fails again

What must hold: a tentacle's quarantine depends on the journal's events and the settings alone; nothing here knows a
clock. Risk rules are never taken off: without them entries would pass, and a failing rule denies them. They are
reported. Who carries it out is the composition root, by an ordinary swap.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import msgspec

from loligo.engine.plan import EnginePlan
from loligo.errors import TentacleError
from loligo.model.events import TentacleFailed
from loligo.model.timeframe import SECOND_NS, timeframe_ns
from loligo.registry.faults import did_you_mean
from loligo_bot.health.config import HealthConfig

_RULE_CALLS = frozenset({"check", "watch", "on_trade_closed"})
BESIDE = " (new)"  # of the label of a version in shadow: its failures are the swap's affair


class Case(msgspec.Struct, kw_only=True):
    """What is known of one tentacle that was quarantined and has not recovered yet."""

    reason: str
    times: int = 1  # quarantined in a row
    is_off: bool = True  # else it is on trial
    since_ns: int = 0  # when it was taken off, or on again, in the time of the data; 0: that is still to come
    tree_hash: str = ""  # of the version that failed, "" where it is not known


def slot_of(failure: TentacleFailed) -> str:
    """Return "kind name" of the tentacle that failed, "" for a version that only ran beside another.

    Evaluators are labelled with instrument and timeframe; the calls of the others tell their kind.
    """
    label = failure.tentacle
    if label.endswith(BESIDE):
        return ""
    name, _, place = label.partition(" ")
    if place:
        return f"evaluator {name.partition('#')[0]}"
    if failure.call == "decide":
        return f"strategy {name}"
    return f"risk_rule {name}" if failure.call in _RULE_CALLS else f"trading_mode {name}"


def timeframes_of(plan: EnginePlan) -> dict[str, int]:
    """Return the longest timeframe, in ns, in which each tentacle of a plan is called, by slot."""
    found: dict[str, int] = {}

    def note(slot: str, timeframe: str) -> None:
        found[slot] = max(found.get(slot, 0), timeframe_ns(timeframe) if timeframe else 0)

    for desk in plan.desks:
        for rule in desk.rules:
            note(f"risk_rule {rule.name}", desk.timeframe)
        for seat in desk.seats:
            note(f"strategy {seat.strategy_name}", desk.timeframe)
            note(f"trading_mode {seat.mode_name}", desk.timeframe)
            for evaluator in seat.evaluators:
                note(f"evaluator {evaluator.name}", evaluator.timeframe)
    return found


@dataclass(slots=True)
class Budget:
    """The failures of one tentacle that still count, oldest first."""

    failures: deque[tuple[int, int]] = field(default_factory=deque)  # ts, weight
    spent: int = 0

    def spend(self, ts: int, weight: int, window_ns: int) -> int:
        """Count a failure and return the weight of all within the window that ends with it."""
        self.failures.append((ts, weight))
        self.spent += weight
        while self.failures[0][0] <= ts - window_ns:
            self.spent -= self.failures.popleft()[1]
        return self.spent


class Quarantine:
    """All cases of a bot. `cases` come from an earlier run; `timeframes` as of `timeframes_of`."""

    def __init__(
        self, config: HealthConfig, cases: Mapping[str, Case] | None = None, timeframes: Mapping[str, int] | None = None
    ) -> None:
        self.config = config
        self.cases = dict(cases or {})
        self.timeframes: Mapping[str, int] = timeframes or {}
        self.running: Mapping[str, str] = {}  # tree hash by slot
        self.overdrawn: dict[str, str] = {}  # risk rules over their budget, with the newest error
        self.failed: dict[str, tuple[int, str]] = {}  # since the start: how often, and the newest error
        self._budgets: dict[str, Budget] = {}

    @property
    def off(self) -> dict[str, str]:
        """Who is to be off now, with the reason."""
        return {slot: case.reason for slot, case in sorted(self.cases.items()) if case.is_off}

    @property
    def failed_versions(self) -> dict[str, str]:
        """The tree hash of what is to be off, by slot; another version of it is not judged by what that one did."""
        return {slot: case.tree_hash for slot, case in self.cases.items() if case.is_off and case.tree_hash}

    def fail(self, failure: TentacleFailed) -> str:
        """Take note of a failure; return the slot that goes into quarantine by it, "" when none does."""
        slot = slot_of(failure)
        if not slot:
            return ""
        self.failed[slot] = self.failed.get(slot, (0, ""))[0] + 1, f"{failure.call}: {failure.error}"
        case = self.cases.get(slot)
        if case is not None and case.is_off:
            return ""  # it is on its way out
        weight = self.config.interruption_weight if failure.is_interrupted else 1
        window_ns = self.window_ns(slot)
        spent = self._budgets.setdefault(slot, Budget()).spend(failure.ts, weight, window_ns)
        if spent <= self.config.failures:
            return ""
        within = f"{spent} failures within {window_ns / SECOND_NS:g} s, more than {self.config.failures}"
        return slot if self.commit(slot, f"{within}; the newest: {failure.call}: {failure.error}") else ""

    def window_ns(self, slot: str) -> int:
        """Return within which time of the data the failures of a tentacle count together."""
        in_candles = self.config.window_candles * self.timeframes.get(slot, 0)
        return max(int(self.config.window_s * SECOND_NS), in_candles)

    def commit(self, slot: str, reason: str) -> bool:
        """Send a tentacle into quarantine; False for one that is never taken off: a risk rule."""
        self._budgets.pop(slot, None)
        if slot.startswith("risk_rule "):
            self.overdrawn[slot] = reason
            return False
        before = self.cases.get(slot)
        times = before.times + 1 if before is not None else 1
        self.cases[slot] = Case(reason=reason, times=times, tree_hash=self.running.get(slot, ""))
        return True

    def activated(self, ts: int, running: Mapping[str, str]) -> None:
        """Hear what runs from `ts` on, tree hash by slot: back-off and trial begin when they are carried out."""
        self.running = running
        for slot, case in self.cases.items():
            if not case.since_ns and case.is_off == (slot not in running):
                case.since_ns = ts

    def advance(self, ts: int) -> list[str]:
        """Let the time of the data pass; return the slots that are to try again now."""
        free = [slot for slot, case in sorted(self.cases.items()) if case.is_off and 0 < self.until_ns(slot) <= ts]
        for slot in free:
            self.cases[slot].is_off, self.cases[slot].since_ns = False, 0
        recovers_ns = int(self.config.recovers_after_s * SECOND_NS)
        well = [slot for slot, case in self.cases.items() if not case.is_off and 0 < case.since_ns <= ts - recovers_ns]
        for slot in well:
            del self.cases[slot]
        return free

    def until_ns(self, slot: str) -> int:
        """Return when a tentacle may try again, 0 while that is not known."""
        case = self.cases[slot]
        backoff_s = min(self.config.backoff_s * 2 ** min(case.times - 1, 64), self.config.backoff_max_s)
        return case.since_ns + int(backoff_s * SECOND_NS) if case.since_ns else 0

    def renew(self, slot: str) -> None:
        """Forget what an earlier version of a tentacle did, and its quarantine; that of this version stays."""
        if self.failed_versions.get(slot, self.running.get(slot)) != self.running.get(slot):
            del self.cases[slot]
        self._budgets.pop(slot, None)
        self.overdrawn.pop(slot, None)
        self.failed.pop(slot, None)

    def release(self, slot: str) -> bool:
        """End a quarantine because a person says so, back-off and all; False when there was none."""
        self._budgets.pop(slot, None)
        is_known = self.overdrawn.pop(slot, None) is not None
        return self.cases.pop(slot, None) is not None or is_known


def find(name: str, slots: Iterable[str]) -> str:
    """Return the slot called NAME or KIND/NAME. TentacleError when there is none in quarantine, or several."""
    kind, _, plain = name.rpartition("/")
    known = sorted(slots)
    found = [slot for slot in known if slot == f"{kind} {plain}" or (not kind and slot.endswith(f" {plain}"))]
    if len(found) != 1:
        names = [slot.replace(" ", "/") for slot in known]
        hint = did_you_mean(plain, [slot.partition(" ")[2] for slot in known]) if not found else ""
        raise TentacleError(
            f'"{name}" is {f"the name of {len(found)}" if found else "not"} in quarantine{hint}; in it are: '
            f"{', '.join(names) or 'none'}"
        )
    return found[0]


def with_dependents(off: Mapping[str, str], needs: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Return `off` with everything that cannot be loaded without it, and why. `needs`: slot -> names that it requires.

    A need counts as unmet when any tentacle of its name is off: two kinds of one name are rare, and off is safe.
    """
    found = dict(off)
    is_growing = True
    while is_growing:
        names = {slot.partition(" ")[2]: slot for slot in found}
        more = {
            slot: f"it needs {names[name]}, which is off: {found[names[name]]}"
            for slot, required in needs.items()
            for name in required
            if slot not in found and name in names
        }
        found |= more
        is_growing = bool(more)
    return found
