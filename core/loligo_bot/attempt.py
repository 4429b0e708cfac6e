"""One attempt to exchange what runs for what is wanted: the inputs of a swap, one after what came of the other.

    rehearsal ─► ShadowStarted ─► compare ─► the right moment ─► GenerationActivated ─► probation ─► ProbationEnded

A version that fails after the flip has been taken back by the engine already; here the generation is named after what
runs again. What must hold: however an attempt ends, nothing of it stays at work in the engine (`break_off`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic
from types import MappingProxyType
from typing import Any

from loligo.engine.engine import Engine
from loligo.engine.swap import ALONE
from loligo.errors import InboxClosed, LoligoError
from loligo.log import get_logger
from loligo.model.command import (
    Control,
    GenerationActivated,
    ProbationEnded,
    ShadowStarted,
    ShadowStopped,
    SlotVersion,
    SwapResult,
    WarmUp,
)
from loligo.model.events import SwapStep, SwapStepped
from loligo_bot.ear import Ear
from loligo_bot.edges import Edges
from loligo_bot.generation import Generation
from loligo_bot.health.monitor import HEALTH
from loligo_bot.rehearsal import LIMIT_S, rehearse_in_time
from loligo_bot.session import Session
from loligo_bot.shared_account import lacking_capital, wants_of
from loligo_bot.warm_up import warm_start
from loligo_bot.wish import How, When, Wish

Outcome = tuple[SwapResult, str]  # and a sentence
LOOK_S = 0.1  # edges do not wake who waits for the engine

_log = get_logger("swap")


@dataclass(slots=True, kw_only=True)
class Attempt:
    """A wish at work. `phase` is pending, rehearsal, shadow, waiting (for its moment), probation or ended."""

    wish: Wish
    started: float  # monotonic
    number: int
    running: tuple[SlotVersion, ...]
    wanted: Generation | None = None
    changed: tuple[str, ...] = ()
    phase: str = "pending"
    said: list[str] = field(default_factory=list)  # steps that are not the engine's

    @property
    def when(self) -> When:
        configured = When(self.wanted.config.swap.when) if self.wanted is not None else When.NOW
        return self.wish.when or configured

    @property
    def how(self) -> How:
        return self.wish.how or How.REPLACE

    def status(self) -> dict[str, Any]:
        """Return it as `loligo status` tells it."""
        wish = {"when": self.when, "as": self.how, "by": self.wish.by, "why": self.wish.why}
        since = {"since_s": round(monotonic() - self.started, 1)}
        return {"number": self.number, "phase": self.phase, **wish, "changed": self.changed, **since}


class SwapRun:
    """Carries out one attempt."""

    def __init__(
        self,
        attempt: Attempt,
        wanted: Generation,
        session: Session,
        put: Callable[[Control | WarmUp], Any],
        ear: Ear,
        gives_way: Callable[[], Awaitable[bool]],
        edges: Edges,
        known: Mapping[str, SlotVersion] = MappingProxyType({}),
    ) -> None:
        self._attempt = attempt
        self._wanted = wanted
        self._config = wanted.config.swap
        self._session = session
        self._engine = session.engine
        self._put = put
        self._ear = ear
        self._edges = edges
        self._known = known  # by tentacle, the newest version that has led and proved itself since the bot began
        self._gives_way = gives_way  # whether another wish takes the place of one that waits

    async def run(self) -> Outcome:
        """1 rehearsal, 2 shadow, 3 the right moment, 4 flip, 5 probation."""
        attempt, ear = self._attempt, self._ear
        self._edges.check(self._wanted)
        if refused := await self._rehearsed():
            attempt.phase = "ended"
            return SwapResult.REFUSED, refused
        if lacking := lacking_capital(self._engine.portfolio, wants_of(self._wanted.plan)):
            attempt.phase = "ended"
            return SwapResult.REFUSED, lacking
        ear.begin(attempt.number)
        self._engine.prepare(self._wanted.plan)
        if self._comes_beside:
            return await self._come()
        attempt.phase = "shadow"
        self._put(ShadowStarted(0, attempt.number, self._wanted.slots))
        first = await ear.step(SwapStep.SHADOWING, SwapStep.REFUSED)
        if first.step is SwapStep.REFUSED:
            attempt.phase = "ended"
            return SwapResult.REFUSED, f"{first.tentacle}: {first.text}"
        await self._warm_up()
        is_superseded = bool(first.text) and await self._compare()
        if not is_superseded and attempt.how is How.REPLACE and self._fault() is None:
            is_superseded = await self._right_moment()
        if (fault := self._fault()) is not None:
            return await self._let_go(SwapResult.REFUSED, f"{fault.tentacle} {fault.step} in shadow: {fault.text}")
        if is_superseded:
            return await self._let_go(SwapResult.SUPERSEDED, "another wish came before its moment")
        if attempt.how is How.SHADOW:
            return await self._let_go(SwapResult.SHADOWED, "compared only")
        try:
            await self._edges.prepare(self._wanted)
        except LoligoError as exc:
            return await self._let_go(SwapResult.REFUSED, str(exc))
        return await self._flip()

    @property
    def _comes_beside(self) -> bool:
        """Say whether desks come to those that run, which stay as they are."""
        return bool(self._wanted.comers(self._attempt.running))

    async def _come(self) -> Outcome:
        """Let desks come: there is nothing beside which they could be tried, and those that run stay as they are."""
        attempt, session = self._attempt, self._session
        if attempt.how is How.SHADOW:
            return SwapResult.REFUSED, "desks that come have nothing to be compared with; take them up as they are"
        attempt.phase = "coming"
        await asyncio.to_thread(_begin_apart, self._wanted)
        await self._edges.prepare(self._wanted)
        self._put(GenerationActivated(0, attempt.number, self._wanted.slots))
        while session.generation is None or session.generation.number != attempt.number:
            await self._ear.more(LOOK_S)
        await self._edges.commit()
        feeds, cursors = self._edges.feeds.by_name, dict(session.cursors)
        inputs, short = await asyncio.to_thread(warm_start, self._engine, feeds, cursors)
        for item in inputs:
            self._put(item)
        attempt.said.extend(f"too little history for {line}" for line in short)
        await self._edges.settle()
        attempt.phase = "ended"
        return SwapResult.GOOD, ""

    async def _rehearsed(self) -> str:
        """Let the new ones work through the newest inputs first, apart from what trades; return what speaks against
        them. What is only switched off, or on again, is at work at once."""
        attempt, past, wanted = self._attempt, self._session.memory.recall(), self._wanted
        if past is None or self._comes_beside or not wanted.decides_otherwise_than(attempt.running):
            return ""
        if attempt.how is How.REPLACE and wanted.only_toggles(attempt.running, self._known):
            return ""
        attempt.phase = "rehearsal"
        try:
            outcome = await rehearse_in_time(self._engine.plan, wanted.plan, past)
        except TimeoutError:
            return f"it did not come to an end within {LIMIT_S:g} s of rehearsal"
        attempt.said.append(f"rehearsed on {outcome.inputs} inputs, {outcome.compared} answers compared")
        against = (SwapStep.REFUSED, SwapStep.FAILED, SwapStep.ROLLED_BACK)
        fault = outcome.first(*against, *([SwapStep.DIFFERS] if self._is_bound() else []))
        return f"{fault.tentacle} {fault.step} in rehearsal: {fault.text}".strip() if fault is not None else ""

    async def _warm_up(self) -> None:
        """Give evaluators that begin anew the history that the feeds remember."""
        slots = [newcomer.slot for newcomer in self._engine.exchange.newcomers]
        if not slots:
            return
        cursors = dict(self._session.cursors)
        feeds = self._edges.feeds.by_name
        inputs, short = await asyncio.to_thread(warm_start, self._engine, feeds, cursors, slots)
        for item in inputs:
            self._put(item)
        self._attempt.said.extend(f"too little history for {line}" for line in short)

    async def _compare(self) -> bool:
        """Let the new ones be called beside the old ones for a while; True when another wish comes meanwhile."""
        inputs = self._attempt.wish.inputs
        if inputs is None:
            await self._count(self._config.shadow_inputs, self._config.shadow_s, SwapStep.FAILED)
            return False
        self._ear.inputs = 0
        while self._ear.inputs < inputs and self._ear.has(SwapStep.FAILED) is None:
            if await self._gives_way():
                return True
            await self._ear.more()
        return False

    def _fault(self) -> SwapStepped | None:
        """Return why what is in shadow must not lead."""
        return self._ear.has(SwapStep.FAILED) or self._broken_promise()

    def _broken_promise(self) -> SwapStepped | None:
        """Return what it said otherwise in shadow, if it was to behave as before."""
        return self._ear.has(SwapStep.DIFFERS) if self._is_bound() else None

    def _is_bound(self) -> bool:
        return self._attempt.how is How.REPLACE and _promises_the_same(self._wanted, self._attempt.changed)

    async def _right_moment(self) -> bool:
        """Wait for the moment that the policy names; True when another wish comes before it."""
        attempt, seen = self._attempt, self._ear.candles
        if attempt.when is not When.NOW:
            attempt.phase = "waiting"
            what = "for a candle" if attempt.when is When.CANDLE else "until all desks are flat"
            attempt.said.append(f"waits {what}")
        while self._fault() is None and not self._has_come(attempt.when, seen):
            if await self._gives_way():
                return True
            await self._ear.more()
        return False

    def _has_come(self, when: When, seen: int) -> bool:
        if when is When.CANDLE:
            return self._ear.candles > seen
        return when is When.NOW or not any(book.holdings for book in self._engine.portfolio.books.values())

    async def _let_go(self, result: SwapResult, why: str) -> Outcome:
        """End the shadow."""
        self._put(ShadowStopped(0, self._attempt.number, why[:500]))
        stopped = await self._ear.step(SwapStep.STOPPED)
        self._attempt.phase = "ended"
        return result, f"{why}; {stopped.text.rpartition('; ')[2]}"

    async def _flip(self) -> Outcome:
        attempt = self._attempt
        attempt.phase = "probation"
        self._ear.failures.clear()
        self._put(GenerationActivated(0, attempt.number, self._wanted.slots))
        await self._ear.step(SwapStep.ACTIVATED)
        await self._edges.commit()
        attempt.said.extend(self._edges.steps)
        if self._wanted.works_otherwise_than(attempt.running):
            await self._count(self._config.probation_inputs, self._config.probation_s, SwapStep.ROLLED_BACK)
        await self._edges.prove()
        is_good, text = await self._judged()
        if not is_good:
            self._put(GenerationActivated(0, attempt.number + 1, attempt.running))
            await self._ear.step(SwapStep.STOPPED)
        await (self._edges.settle() if is_good else self._edges.undo())
        attempt.phase = "ended"
        return SwapResult.GOOD if is_good else SwapResult.ROLLED_BACK, text

    async def _judged(self) -> tuple[bool, str]:
        """Say whether the probation went well, and a sentence."""
        failed = self._ear.has(SwapStep.ROLLED_BACK) or self._broken_promise()  # in inputs that were on their way
        if failed is None and (fault := self._edges.fault or self._failed_alone()):
            return False, fault
        if failed is None:
            self._put(ProbationEnded(0, self._attempt.number))
            # It may fail in the very inputs that were on their way: then it is taken back after all.
            failed = await self._ear.step(SwapStep.SETTLED, SwapStep.ROLLED_BACK)
        if failed.step is SwapStep.SETTLED:
            return True, failed.text
        return False, f"{failed.tentacle} failed, {failed.text}"

    def _failed_alone(self) -> str:
        """Return how something new failed that leads with no old one beside it, such as a strategy over a board of
        another size: the engine had nobody to answer in its place. What health tries again may go on failing."""
        activated = self._ear.has(SwapStep.ACTIVATED)
        if activated is None or not activated.text or self._attempt.wish.by == HEALTH:
            return ""
        alone = activated.text.removeprefix(ALONE).split(", ")
        found = (one for one in self._ear.failures if one.tentacle in alone or f"{one.tentacle} of {one.desk}" in alone)
        failed = next(found, None)
        return f"{failed.tentacle} failed in probation: {failed.call}: {failed.error}" if failed is not None else ""

    def break_off(self, why: str, *, is_trusted: bool) -> None:
        """Leave nothing of it at work, whatever the engine has taken so far and without waiting for it. What is in
        probation goes on alone when it is trusted, else what was before."""
        attempt = self._attempt
        in_shadow, in_probation = attempt.phase in ("shadow", "waiting"), attempt.phase == "probation"
        attempt.phase = "ended"
        try:
            if in_shadow:
                self._put(ShadowStopped(0, attempt.number, why[:500]))
            elif in_probation and is_trusted:
                self._put(ProbationEnded(0, attempt.number))
            elif in_probation:
                self._put(GenerationActivated(0, attempt.number + 1, attempt.running))
        except InboxClosed:
            _log.info("the next start ends the swap", number=attempt.number)

    async def _count(self, inputs: int, seconds: float, fault: SwapStep) -> None:
        """Wait for so many inputs or seconds, whichever comes first, or for the fault."""
        self._ear.inputs = 0
        end = monotonic() + seconds
        while self._ear.inputs < inputs and monotonic() < end and self._ear.has(fault) is None:
            if self._edges.fault or self._failed_alone():
                return
            await self._ear.more(min(end - monotonic(), LOOK_S))


def _begin_apart(wanted: Generation) -> None:
    """Let an engine of its own begin by a plan: what cannot be made, or has no money, must not reach the one that
    trades. LoligoError says what it is."""
    engine = Engine(wanted.plan)
    engine.process(GenerationActivated(engine.now_ns, 1, wanted.slots))


def _promises_the_same(wanted: Generation, changed: tuple[str, ...]) -> bool:
    """Return whether all code that changes declares that it behaves as before."""
    names = {line.partition(" ")[0] for line in changed}
    code = [item for item in wanted.loaded if f"{item.kind}/{item.name}" in names]
    return bool(code) and all(item.manifest.behaviour == "same" for item in code)
