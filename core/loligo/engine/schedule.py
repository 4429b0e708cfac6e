"""Schedule: what comes due with time alone: UTC days, ends of pauses, equity marks, timers and ticks.

The engine serves what is due before each input, so that time passes the same in replay and live. Ticks do not drift:
they lie on whole multiples of their interval. A tick that finds several intervals gone fires once and counts the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from loligo.model.timeframe import DAY_NS
from loligo.ports.tentacles import PlainState

TimerKey = tuple[str, str, str]  # desk, instrument, name
_NEVER = 2**63 - 1


class Due(msgspec.Struct, frozen=True, gc=False):
    """One thing whose time has come. `cause` is the seq of the event that set a timer."""

    ts: int
    kind: str  # day | pause | equity | timer | tick
    key: TimerKey = ("", "", "")
    cause: int = 0
    missed: int = 0


class Schedule:
    """The queue of what comes due; `next_ns` is when, for one comparison per input."""

    def __init__(self, equity_every_ns: int) -> None:
        self._equity_every_ns = equity_every_ns
        self._day_ns = _NEVER
        self._equity_ns = _NEVER
        self._pause_ns = _NEVER
        self._timers: dict[TimerKey, tuple[int, int]] = {}  # due, cause
        self._ticks: dict[TimerKey, tuple[int, int, int]] = {}  # due (0 before the first input), interval, cause
        self.next_ns = 0

    def start(self, ts: int) -> None:
        """Learn the time of the first input, or of the first after a tick was asked for."""
        if self._day_ns == _NEVER:
            self._day_ns = ts // DAY_NS * DAY_NS + DAY_NS
            self._equity_ns = ts // self._equity_every_ns * self._equity_every_ns + self._equity_every_ns
        for key, (due, interval, cause) in self._ticks.items():
            if not due:
                self._ticks[key] = (ts // interval * interval + interval, interval, cause)
        if self.next_ns == 0:
            self._refresh()

    def set_timer(self, key: TimerKey, due_ns: int, cause: int) -> None:
        """Set a timer; one of the same name is replaced."""
        self._timers[key] = (due_ns, cause)
        self._refresh()

    def set_ticks(self, intervals: Mapping[TimerKey, int], cause: int) -> None:
        """Tick at every multiple of these intervals (0: never), from the next input on, and at no others."""
        kept = {key: tick for key, tick in self._ticks.items() if intervals.get(key) == tick[1]}
        self._ticks = {key: kept.get(key, (0, every, cause)) for key, every in intervals.items() if every}
        self.next_ns = 0

    def pause_ends(self, ts: int) -> None:
        """Say when the next timed pause ends, 0 for never."""
        until_ns = ts or _NEVER
        if until_ns != self._pause_ns:
            self._pause_ns = until_ns
            self._refresh()

    def pop_due(self, ts: int) -> Iterator[Due]:
        """Yield what is due at or before `ts`, by time, then kind, then key. What is served may set more timers."""
        while self.next_ns <= ts:
            found = self._candidates(ts)
            due = found[0] if len(found) == 1 else min(found, key=_rank)
            self._advance(due, ts)
            self._refresh()
            yield due

    def _candidates(self, ts: int) -> list[Due]:
        found: list[Due] = []
        if self._day_ns <= ts:
            found.append(Due(self._day_ns, "day"))
        if self._pause_ns <= ts:
            found.append(Due(self._pause_ns, "pause"))
        if self._equity_ns <= ts:
            found.append(Due(self._equity_ns, "equity"))
        for key, (due, cause) in self._timers.items():
            if due <= ts:
                found.append(Due(due, "timer", key, cause))
        for key, (due, interval, cause) in self._ticks.items():
            if due <= ts:
                missed = (ts - due) // interval
                found.append(Due(due + missed * interval, "tick", key, cause, missed))
        return found

    def _advance(self, due: Due, ts: int) -> None:
        if due.kind == "day":
            self._day_ns = ts // DAY_NS * DAY_NS + DAY_NS
        elif due.kind == "pause":
            self._pause_ns = _NEVER
        elif due.kind == "equity":
            self._equity_ns = ts // self._equity_every_ns * self._equity_every_ns + self._equity_every_ns
        elif due.kind == "timer":
            del self._timers[due.key]
        else:
            _, interval, cause = self._ticks[due.key]
            self._ticks[due.key] = (due.ts + interval, interval, cause)

    def _refresh(self) -> None:
        next_ns = min(self._day_ns, self._equity_ns, self._pause_ns)
        for timer_ns, _ in self._timers.values():
            next_ns = min(next_ns, timer_ns)
        for tick_ns, _, _ in self._ticks.values():
            next_ns = min(next_ns, tick_ns)
        self.next_ns = next_ns

    def export_state(self) -> PlainState:
        return {
            "day_ns": self._day_ns,
            "equity_ns": self._equity_ns,
            "pause_ns": self._pause_ns,
            "timers": [[list(key), due, cause] for key, (due, cause) in sorted(self._timers.items())],
            "ticks": [[list(key), *value] for key, value in sorted(self._ticks.items())],
        }

    def restore_state(self, state: PlainState) -> None:
        self._day_ns = state["day_ns"]
        self._equity_ns = state["equity_ns"]
        self._pause_ns = state["pause_ns"]
        self._timers = {(key[0], key[1], key[2]): (due, cause) for key, due, cause in state["timers"]}
        self._ticks = {(k[0], k[1], k[2]): (due, every, cause) for k, due, every, cause in state["ticks"]}
        self.next_ns = 0  # the next input finds out


_ORDER = {"day": 0, "pause": 1, "equity": 2, "timer": 3, "tick": 4}


def _rank(due: Due) -> tuple[int, int, TimerKey]:
    return due.ts, _ORDER[due.kind], due.key
