"""CPU-time: what share of the engine's time each tentacle takes, estimated from looks of the watchdog's thread.

Ten times a second the watchdog sees whose call is at work; the engine itself writes nothing down and pays nothing. The
share of looks is an unbiased estimate of the share of time, waits of the thread included: with n looks its standard
error is sqrt(p (1 - p) / n), 2.9 percentage points at a half and 30 s. What was seen less than `ENOUGH` times is shown
and not judged.

A share is judged only while the data's time runs no faster than the clock: a replay at full speed keeps the engine busy
all the time, and somebody has to be the busiest. Time per input is judged always, by the manifest's own budget.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from loligo.model.timeframe import SECOND_NS
from loligo_bot.health.config import HealthConfig

ENOUGH = 20  # looks
FASTER = 1.5  # times real time: a replay


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """One tentacle in one window."""

    ms_per_s: float  # of the engine's time
    ms_per_input: float  # of all inputs of the bot
    looks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Excess:
    """A tentacle over its budget for long enough."""

    slot: str
    text: str
    is_far: bool


@dataclass(slots=True)
class CpuAccount:
    """Adds up looks. `look` may be called on any thread, all else on one."""

    config: HealthConfig
    clock: Callable[[], float] = time.monotonic
    budgets: Mapping[str, float] = field(default_factory=dict)  # ms per input by package, of the manifests
    slots: Mapping[str, str] = field(default_factory=dict)  # package as the watchdog sees it -> slot
    costs: dict[str, Cost] = field(default_factory=dict)  # of the last window, by slot
    excesses: dict[str, Excess] = field(default_factory=dict)
    _seen: Counter[str] = field(default_factory=Counter)
    _inputs: int = 0
    _streaks: dict[str, int] = field(default_factory=dict)  # windows in a row over the budget, by slot
    _far: dict[str, int] = field(default_factory=dict)
    _began_s: float | None = None
    _began_ns: int = 0

    def look(self, package: str) -> None:
        """Take note of whose call is at work; "" when no tentacle's is."""
        self._seen[package] += 1

    def take(self, inputs: int, now_ns: int) -> list[Excess]:
        """Count inputs; at the end of a window return who has newly been over a budget for long enough."""
        now_s = self.clock()
        self._inputs += inputs
        if self._began_s is None:
            self._begin(now_s, now_ns)
            return []
        took_s = now_s - self._began_s
        if took_s < self.config.cpu_window_s:
            return []
        is_paced = now_ns - self._began_ns <= FASTER * took_s * SECOND_NS
        seen, inputs = self._seen, self._inputs
        self._begin(now_s, now_ns)
        return self._judge(seen, inputs, took_s, is_paced=is_paced)

    def _begin(self, now_s: float, now_ns: int) -> None:
        self._seen, self._inputs = Counter(), 0
        self._began_s, self._began_ns = now_s, now_ns

    def _judge(self, seen: Counter[str], inputs: int, took_s: float, *, is_paced: bool) -> list[Excess]:
        looks = max(seen.total(), 1)
        self.costs, known = {}, set(self.excesses)
        for package, count in sorted(seen.items()):
            slot = self.slots.get(package)
            if slot is None:
                continue
            share = count / looks
            cost = Cost(ms_per_s=share * 1000, ms_per_input=share * took_s * 1000 / max(inputs, 1), looks=count)
            self.costs[slot] = cost
            self._compare(slot, cost, is_paced=is_paced)
        for slot in self._streaks.keys() - self.costs.keys():
            self._forget(slot)
        return [excess for slot, excess in self.excesses.items() if slot not in known or excess.is_far]

    def _compare(self, slot: str, cost: Cost, *, is_paced: bool) -> None:
        found = [(cost.ms_per_s, 1000 * self.config.cpu_share, "ms per s of the engine's time")] if is_paced else []
        if slot in self.budgets:
            found.append((cost.ms_per_input, self.budgets[slot], "ms per input, by its manifest"))
        over = [(used / most, used, most, unit) for used, most, unit in found if used > most]
        if not over or cost.looks < ENOUGH:
            self._forget(slot)
            return
        times, used, most, unit = max(over)
        self._streaks[slot] = self._streaks.get(slot, 0) + 1
        self._far[slot] = self._far.get(slot, 0) + 1 if times >= self.config.cpu_far else 0
        if self._streaks[slot] >= self.config.cpu_windows:
            text = f"it takes {used:.3g} {unit}; its budget is {most:g}"
            self.excesses[slot] = Excess(slot=slot, text=text, is_far=self._far[slot] >= self.config.cpu_windows)

    def _forget(self, slot: str) -> None:
        for known in (self._streaks, self._far, self.excesses):
            known.pop(slot, None)
