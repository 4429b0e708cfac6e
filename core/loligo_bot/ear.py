"""What the journal says of the swap at work, on the event loop: as it becomes durable, and of steps that no person
waits for, at once.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import get_args

from loligo.model.command import Control, SwapEnded
from loligo.model.events import Record, SwapStep, SwapStepped, TentacleFailed
from loligo.model.market import Candle

STEP_TIMEOUT_S = 10.0  # for the engine to take an input of ours
_CONTROL = frozenset(get_args(Control))


@dataclass(slots=True)
class Ear:
    """Hears of one swap at a time; `begin` turns it to the next one."""

    step_timeout_s: float = STEP_TIMEOUT_S
    number: int = 0
    inputs: int = 0  # market data since `begin`, or since somebody set it to 0
    candles: int = 0
    told: int = 0  # how many histories of swaps became durable
    steps: list[SwapStepped] = field(default_factory=list)
    failures: list[TentacleFailed] = field(default_factory=list)
    _heard_early: set[int] = field(default_factory=set)  # seqs of records
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def begin(self, number: int) -> None:
        """Listen for the swap of this number."""
        self.number, self.inputs, self.candles, self.steps, self.failures = number, 0, 0, [], []

    def hear(self, records: Sequence[Record]) -> None:
        """Take note of durable records."""
        if self._heard_early:
            early = {record.seq for record in records} & self._heard_early
            records = [record for record in records if record.seq not in early]
            self._heard_early -= early
        kinds = Counter(type(record.input) for record in records)
        self.inputs += sum(count for kind, count in kinds.items() if kind not in _CONTROL)
        self.candles += kinds[Candle]
        self.told += kinds[SwapEnded]
        for record in records:
            if record.events:
                found = (event for event in record.events if type(event) is SwapStepped)
                self.steps.extend(event for event in found if event.number == self.number)
                self.failures.extend(event for event in record.events if type(event) is TentacleFailed)
        self._news.set()

    def hear_early(self, record: Record) -> None:
        """Take note of a record that is not durable yet."""
        self.hear((record,))
        self._heard_early.add(record.seq)

    def wake(self) -> None:
        """Let who waits for news look up."""
        self._news.set()

    def has(self, *steps: SwapStep) -> SwapStepped | None:
        """Return the first event that is one of these steps."""
        return next((step for step in self.steps if step.step in steps), None)

    async def step(self, *steps: SwapStep) -> SwapStepped:
        """Wait until the engine has said one of these. TimeoutError when it does not."""
        try:
            async with asyncio.timeout(self.step_timeout_s):
                while (found := self.has(*steps)) is None:
                    await self.more(self.step_timeout_s)
        except TimeoutError as exc:
            wanted = " or ".join(steps)
            raise TimeoutError(f"the engine did not say {wanted} within {self.step_timeout_s:g} s") from exc
        return found

    async def more(self, timeout_s: float = 1.0) -> None:
        """Wait for news, but not for longer than this."""
        self._news.clear()
        try:
            async with asyncio.timeout(max(timeout_s, 0.0)):
                await self._news.wait()
        except TimeoutError:
            return
