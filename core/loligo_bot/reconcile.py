"""Reconciler: makes registry and configuration true while the bot runs, by one swap after the other.

    load, verify, plan (a thread) ─► ShadowStarted ─► compare ─► GenerationActivated ─► probation ─► ProbationEnded

It never touches the engine: it puts inputs into the inbox and hears of what came of them from the journal. Whatever it
will not do, it says in one sentence. A version that fails after the flip has been taken back by the engine already;
here the generation is named after what runs again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from time import monotonic
from typing import Any, get_args

from loligo.config.schema import SwapConfig
from loligo.engine.engine import Engine
from loligo.errors import LoligoError
from loligo.log import get_logger
from loligo.model.command import Control, GenerationActivated, ProbationEnded, ShadowStarted, ShadowStopped, SlotVersion
from loligo.model.events import Record, SwapStep, SwapStepped
from loligo.model.market import Candle
from loligo_bot.generation import RECIPE, Generation
from loligo_bot.session import Session

STEP_TIMEOUT_S = 10.0  # for the engine to take an input of ours

_log = get_logger("reconcile")


class SwapResult(StrEnum):
    UNCHANGED = "unchanged"
    REFUSED = "refused"
    GOOD = "good"
    ROLLED_BACK = "rolled_back"


@dataclass(frozen=True, slots=True, kw_only=True)
class SwapReport:
    """How a swap ended; `changed` names what was exchanged, `text` is for a person."""

    result: SwapResult
    number: int
    changed: tuple[str, ...] = ()
    text: str = ""
    steps: tuple[str, ...] = ()
    duration_ms: float = 0.0

    @property
    def is_done(self) -> bool:
        return self.result in (SwapResult.GOOD, SwapResult.UNCHANGED)


@dataclass(slots=True)
class _Heard:
    """What the journal says of the swap at work."""

    number: int = 0
    inputs: int = 0  # market data since it was reset
    candles: int = 0
    steps: list[SwapStepped] = field(default_factory=list)

    def has(self, *steps: SwapStep) -> SwapStepped | None:
        return next((step for step in self.steps if step.step in steps), None)


class Reconciler:
    """One swap at a time; a change that comes meanwhile is taken up after it."""

    def __init__(
        self,
        engine: Engine,
        running: Generation,
        read: Callable[[], Generation],
        put: Callable[[Control], Any],
        config: SwapConfig,
        session: Callable[[], Session],
    ) -> None:
        self.running = running
        self._session = session  # knows the number of the generation that runs
        self.last: SwapReport | None = None
        self._engine = engine
        self._read = read  # loads and plans what is wanted; may block
        self._put = put
        self._config = config
        self._heard = _Heard()
        self._news = asyncio.Event()
        self._turn = asyncio.Lock()

    def hear(self, records: Sequence[Record]) -> None:
        """Take note of durable records; on the event loop."""
        heard = self._heard
        for record in records:
            heard.inputs += type(record.input) not in _CONTROL
            heard.candles += type(record.input) is Candle
            heard.steps.extend(
                event for event in record.events if type(event) is SwapStepped and event.number == heard.number
            )
        self._news.set()

    @property
    def number(self) -> int:
        generation = self._session().generation
        return generation.number if generation is not None else 0

    async def reconcile(self, by: str = "") -> SwapReport:
        """Compare what is wanted with what runs and exchange what differs."""
        async with self._turn:
            started = monotonic()
            try:
                report = await self._reconcile()
            except LoligoError as exc:
                report = SwapReport(result=SwapResult.REFUSED, number=self.number, text=str(exc))
            report = replace(report, duration_ms=(monotonic() - started) * 1000)
            if report.result is not SwapResult.UNCHANGED:
                _log.info("swap", by=by, **{name: getattr(report, name) for name in ("result", "number", "text")})
                self.last = report
            return report

    async def _reconcile(self) -> SwapReport:
        wanted = await asyncio.to_thread(self._read)
        if wanted.slots == self.running.slots:
            return SwapReport(result=SwapResult.UNCHANGED, number=self.number)
        changed = changes(self.running, wanted)
        refused = _not_while_running(self.running, wanted)
        if refused:
            return SwapReport(result=SwapResult.REFUSED, number=self.number, changed=changed, text=refused)
        return await self._swap(wanted, changed)

    async def _swap(self, wanted: Generation, changed: tuple[str, ...]) -> SwapReport:
        number = max(self.number, self._heard.number) + 1
        self._heard = heard = _Heard(number)
        self._engine.prepare(wanted.plan)
        self._put(ShadowStarted(0, number, wanted.slots))
        first = await self._step(SwapStep.SHADOWING, SwapStep.REFUSED)
        if first.step is SwapStep.REFUSED:
            return self._report(SwapResult.REFUSED, changed, f"{first.tentacle}: {first.text}")
        if first.text:
            await self._wait(self._config.shadow_inputs, self._config.shadow_s, SwapStep.FAILED)
        fault = heard.has(SwapStep.FAILED) or (
            heard.has(SwapStep.DIFFERS) if _promises_the_same(wanted, changed) else None
        )
        if fault is not None:
            self._put(ShadowStopped(0, number, f"{fault.step}: {fault.text}"[:500]))
            await self._step(SwapStep.STOPPED)
            return self._report(SwapResult.REFUSED, changed, f"{fault.tentacle} {fault.step} in shadow: {fault.text}")
        await self._right_moment()
        self._put(GenerationActivated(0, number, wanted.slots))
        await self._step(SwapStep.ACTIVATED)
        await self._wait(self._config.probation_inputs, self._config.probation_s, SwapStep.ROLLED_BACK)
        return await self._end(wanted, changed)

    async def _end(self, wanted: Generation, changed: tuple[str, ...]) -> SwapReport:
        failed = self._heard.has(SwapStep.ROLLED_BACK)
        if failed is None:
            self._put(ProbationEnded(0, self._heard.number))
            # It may fail in the very inputs that were on their way: then it is taken back after all.
            ended = await self._step(SwapStep.SETTLED, SwapStep.ROLLED_BACK)
            failed = ended if ended.step is SwapStep.ROLLED_BACK else None
        if failed is None:
            self.running = wanted
            return self._report(SwapResult.GOOD, changed, ", ".join(changed))
        self._put(GenerationActivated(0, self._heard.number + 1, self.running.slots))
        await self._step(SwapStep.STOPPED)
        return self._report(SwapResult.ROLLED_BACK, changed, f"{failed.tentacle} failed, {failed.text}")

    async def _right_moment(self) -> None:
        """Wait for the moment that the policy names."""
        if self._config.when == "candle":
            seen = self._heard.candles
            while self._heard.candles == seen:
                await self._hear_more()
        elif self._config.when == "flat":
            while any(book.holdings for book in self._engine.portfolio.books.values()):
                await self._hear_more()

    async def _wait(self, inputs: int, seconds: float, fault: SwapStep) -> None:
        """Wait for so many inputs or seconds, whichever comes first, or for the fault."""
        self._heard.inputs = 0
        end = monotonic() + seconds
        while self._heard.inputs < inputs and monotonic() < end and self._heard.has(fault) is None:
            await self._hear_more(end - monotonic())

    async def _step(self, *steps: SwapStep) -> SwapStepped:
        """Wait until the engine has said one of these of the swap at work. TimeoutError when it does not."""
        async with asyncio.timeout(STEP_TIMEOUT_S):
            while (found := self._heard.has(*steps)) is None:
                await self._hear_more()
        return found

    async def _hear_more(self, timeout_s: float = 1.0) -> None:
        self._news.clear()
        try:
            async with asyncio.timeout(max(timeout_s, 0.0)):
                await self._news.wait()
        except TimeoutError:
            return

    def _report(self, result: SwapResult, changed: tuple[str, ...], text: str) -> SwapReport:
        steps = tuple(f"{step.step} {step.tentacle}".strip() for step in self._heard.steps)
        return SwapReport(result=result, number=self._heard.number, changed=changed, text=text, steps=steps)


_CONTROL = frozenset(get_args(Control))


def changes(before: Generation, after: Generation) -> tuple[str, ...]:
    """Return one line for each slot that differs, such as "strategy/weighted_vote 3f2a… → 9c11…"."""
    old = {slot.tentacle: slot for slot in before.slots}
    new = {slot.tentacle: slot for slot in after.slots}
    names = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name) and name != RECIPE)
    return tuple(f"{name} {_short(old.get(name))} → {_short(new.get(name))}" for name in names)


def _short(slot: SlotVersion | None) -> str:
    if slot is None:
        return "off"
    return (slot.tree_hash or slot.settings_hash)[:12]


def _not_while_running(before: Generation, after: Generation) -> str:
    """Return what a swap cannot do, in one sentence; "" when it can do all."""
    old, new = before.config, after.config
    code = {slot for slot in before.code().items() ^ after.code().items() if slot[0].startswith("venue ")}
    if code or old.venues != new.venues:
        return "venues change with the next start: their orders and positions stay where they are until then"
    if old.accounts.keys() != new.accounts.keys() or old.desks.keys() != new.desks.keys():
        return "desks and accounts come and go with the next start: stop the bot, then run it again"
    for name, desk in new.desks.items():
        was = old.desks[name]
        for term in ("venue", "account", "instruments", "capital", "tick_s"):
            if getattr(desk, term) != getattr(was, term):
                return f"desks.{name}.{term} changes with the next start; put it back, or stop the bot and run it again"
    return ""


def _promises_the_same(wanted: Generation, changed: Sequence[str]) -> bool:
    """Return whether all code that changes declares that it behaves as before."""
    names = {line.partition(" ")[0] for line in changed}
    code = [item for item in wanted.loaded if f"{item.kind}/{item.name}" in names]
    return bool(code) and all(item.manifest.behaviour == "same" for item in code)
