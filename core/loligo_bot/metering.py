"""What a running bot counts for those who watch it from outside: how often, how long, when last.

    engine's thread ─► durations of steps    journal's thread ─► durations of commits    event loop ─► durable records

What must hold: the engine pays two looks at the clock per batch and nothing per event; a label takes its values from
kinds, desks, rules and feeds, never from orders or texts; counts begin anew with each run of the bot, as those who read
them expect. Each part is written by one thread; who reads sees the newest whole value, or the one before.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from operator import attrgetter
from typing import Any

from loligo.model.command import SwapEnded, SwapResult
from loligo.model.events import (
    EquityMarked,
    OrderReported,
    OrderSubmitted,
    Record,
    Refused,
    RiskActed,
    SwapStep,
    SwapStepped,
    TentacleFailed,
)

STEP_BOUNDS_S = (1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 1e-2, 0.1, 1.0)
COMMIT_BOUNDS_S = (1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25, 1.0, 5.0)
SWAP_BOUNDS_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
_FEED, _INPUT, _EVENTS = attrgetter("feed"), attrgetter("input"), attrgetter("events")


class Histogram:
    """Durations in seconds, counted by the smallest bound that holds them."""

    def __init__(self, bounds_s: Sequence[float]) -> None:
        self.bounds_s = tuple(bounds_s)
        self.counts = [0] * (len(self.bounds_s) + 1)  # the last one: above all bounds
        self.sum_s = 0.0

    def observe(self, seconds: float, times: int = 1) -> None:
        self.counts[bisect_left(self.bounds_s, seconds)] += times
        self.sum_s += seconds * times


class Meter:
    """Counts durable records; on the event loop. `clock` is the wall's, in seconds since 1970."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self.began_s = clock()
        self.durable_seq = 0  # the seq after the newest durable record; 0: none yet
        self.inputs: Counter[tuple[str, str]] = Counter()  # by feed and kind
        self.events: Counter[str] = Counter()  # by kind
        self.feeds: dict[str, tuple[int, float]] = {}  # ts of the newest input, ns, and when it became durable
        self.submitted: Counter[tuple[str, str]] = Counter()  # by desk and role
        self.reports: Counter[tuple[str, str]] = Counter()  # by desk and what the venue said
        self.refusals: Counter[tuple[str, str, str]] = Counter()  # by desk, rule and tier
        self.acts: Counter[tuple[str, str, str]] = Counter()  # of watching rules, by scope, rule and kind
        self.failures: Counter[tuple[str, str]] = Counter()  # by tentacle and call
        self.marks: dict[tuple[str, str], EquityMarked] = {}  # the newest by desk ("" for the account) and account
        self.swaps: Counter[str] = Counter({result.value: 0 for result in SwapResult})
        self.rollbacks = 0
        self.swap_times = Histogram(SWAP_BOUNDS_S)
        self._takers: Mapping[type, Callable[[Any], None]] = {
            OrderSubmitted: self._take_order,
            OrderReported: self._take_report,
            Refused: self._take_refusal,
            RiskActed: self._take_act,
            TentacleFailed: self._take_failure,
            EquityMarked: self._take_mark,
            SwapStepped: self._take_step,
        }

    def hear(self, records: Sequence[Record]) -> None:
        """Count durable records."""
        if not records:
            return
        self.durable_seq = records[-1].next_seq
        for (feed, kind), count in Counter(
            zip(map(_FEED, records), map(type, map(_INPUT, records)), strict=True)
        ).items():
            self.inputs[feed, kind_of(kind)] += count
        now_s = self._clock()
        for feed, record in {record.feed: record for record in records if record.feed}.items():
            self.feeds[feed] = record.input.ts, now_s
        events = list(chain.from_iterable(map(_EVENTS, records)))
        for kind, count in Counter(map(type, events)).items():
            self.events[kind_of(kind)] += count
        takers = self._takers
        for event in events:
            if (taker := takers.get(type(event))) is not None:
                taker(event)
        for record in records:
            if type(record.input) is SwapEnded:
                self.swaps[record.input.result.value] += 1
                self.swap_times.observe(record.input.took_ms / 1000)

    def _take_order(self, event: OrderSubmitted) -> None:
        self.submitted[event.desk, event.order.role.value] += 1

    def _take_report(self, event: OrderReported) -> None:
        self.reports[event.desk, kind_of(type(event.report))] += 1

    def _take_refusal(self, event: Refused) -> None:
        self.refusals[event.desk, event.rule, event.tier.value] += 1

    def _take_act(self, event: RiskActed) -> None:
        self.acts[event.scope, event.rule, event.action.kind.value] += 1

    def _take_failure(self, event: TentacleFailed) -> None:
        self.failures[event.tentacle.partition(" ")[0].partition("#")[0], event.call] += 1

    def _take_mark(self, event: EquityMarked) -> None:
        self.marks[event.desk, event.account] = event

    def _take_step(self, event: SwapStepped) -> None:
        self.rollbacks += event.step is SwapStep.ROLLED_BACK


def kind_of(kind: Any) -> str:
    """Return how the journal calls a type of input, event or report."""
    return str(kind.__struct_config__.tag)
