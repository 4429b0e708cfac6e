"""What one more arm of an A/B test costs: the control alone runs beside all arms, by turns, over the same time.

Seconds are those of the processor. By turns, a few hundredths of a second each: what else the machine does makes all
slower for a while, and so hits both. The first turn of each is not counted, for in it code is loaded. Collections of
garbage count for whom they come to: they are 0.05 % of either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import process_time

from loligo.model.events import Record

TURN = 500  # inputs


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Seconds of the processor over the same inputs, the control alone and all arms together."""

    inputs: int
    control_s: float
    all_s: float
    arms: int

    @property
    def extra_arm_share(self) -> float | None:
        """Return what one more arm costs, of what the control costs alone; None where too little ran to say."""
        if self.control_s <= 0 or self.arms < 2:
            return None
        return (self.all_s - self.control_s) / (self.arms - 1) / self.control_s


@dataclass(slots=True)
class Side:
    """One of the two: its records come one by one as they are asked for."""

    records: Iterator[Record]
    add: Callable[[Record], object]
    now_ns: int = 0  # of its newest input

    def take(self, count: int) -> int:
        """Process so many inputs; return how many there were."""
        left = count
        for record in self.records:
            self.add(record)
            self.now_ns = record.input.ts
            left -= 1
            if not left:
                break
        return count - left

    def follow(self, until_ns: int) -> None:
        """Process inputs until one is of this instant, or there are none."""
        while self.now_ns < until_ns:
            record = next(self.records, None)
            if record is None:
                break
            self.add(record)
            self.now_ns = record.input.ts


def run_beside(whole: Side, alone: Side, arms: int, sample: int) -> Cost:
    """Run all arms to the end of their data, and the control alone beside the first `sample` inputs of it."""
    inputs, control_s, all_s = 0, 0.0, 0.0
    whole.take(TURN)
    alone.follow(whole.now_ns)
    while inputs < sample:
        began_s = process_time()
        taken = whole.take(TURN)
        between_s = process_time()
        if not taken:
            break
        alone.follow(whole.now_ns)
        control_s += process_time() - between_s
        all_s += between_s - began_s
        inputs += taken
    while whole.take(TURN):
        pass
    return Cost(inputs=inputs, control_s=control_s, all_s=all_s, arms=arms)
