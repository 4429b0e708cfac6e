"""Reconciler: makes registry and configuration true while the bot runs, by one swap after the other.

    load, verify, plan (a thread) ─► what a swap cannot do is refused ─► `attempt` ─► history in the journal

It never touches the engine: it puts inputs into the inbox and hears of what came of them from the journal. Whatever it
will not do, it says in one sentence, and every wish that found something to do ends in the journal as `SwapEnded`.
Whatever goes wrong, the next wish is served.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any

from loligo.config import LoligoConfig
from loligo.engine.engine import Engine
from loligo.errors import InboxClosed, LoligoError
from loligo.log import get_logger
from loligo.model.command import Control, SlotVersion, SwapResult, WarmUp
from loligo.model.events import Record
from loligo_bot.attempt import Attempt, SwapRun
from loligo_bot.desk_changes import other_money, other_reference
from loligo_bot.ear import STEP_TIMEOUT_S, Ear
from loligo_bot.edges import Edges
from loligo_bot.generation import Generation, Unfit, failures
from loligo_bot.leaks import LeakAudit, packages_loaded
from loligo_bot.packages import Packages
from loligo_bot.recipe import changes, short
from loligo_bot.session import Session
from loligo_bot.tracing import span
from loligo_bot.wish import FILES, How, SwapReport, Wish

_NEXT_START = "changes with the next start; put it back, or stop the bot and run it again"
TOLD_TIMEOUT_S = 2.0  # for the history to be durable, before who waits is answered
_NO_EXPERIMENTS = (
    "an experiment is a desk beside the one that runs: ask for it by the verb tentacle.apply, and put the version that "
    "runs back if it is to stay"
)
_Slots = tuple[SlotVersion, ...]

_log = get_logger("reconcile")


@dataclass(frozen=True, slots=True)
class _Ended:
    """The newest report, and what was wanted then (or could not be): another wish for the same is answered by it."""

    at: float
    wanted: _Slots | str
    report: SwapReport


class Reconciler:
    """One wish at a time; another one is taken up after it, or instead of one that waits for its moment."""

    def __init__(
        self,
        engine: Engine,
        running: Generation,
        read: Callable[[], Generation],
        put: Callable[[Control | WarmUp], Any],
        session: Callable[[], Session],
        last_number: Callable[[], int],
        edges: Edges,
        step_timeout_s: float = STEP_TIMEOUT_S,
    ) -> None:
        self.running = running
        self.wanted: _Slots = running.slots  # as last read
        self.failed: dict[str, str] = failures(running.host)  # wanted, and why it cannot be loaded, by kind/name
        self.last: SwapReport | None = None
        self.leaks = LeakAudit()
        self.on_change: Callable[[Generation], object] = lambda generation: None  # another one runs
        self.attempt: Attempt | None = None
        self._known = {slot.tentacle: slot for slot in running.slots}  # the newest that has led and proved itself
        self._packages = Packages(running.loaded)
        self._engine = engine
        self._came: list[Generation] = []  # in this turn
        self._read = self._noted(read)  # loads and plans what is wanted; may block
        self._put = put
        self._session = session  # knows the number of the generation that runs
        self._edges = edges
        self._last_number = last_number  # that any earlier run has given
        self._ear = Ear(step_timeout_s)
        self._turn = asyncio.Lock()
        self._waiting: list[Wish] = []  # for their turn
        self._knocks = self._answered_knocks = 0
        self._ended: _Ended | None = None

    def hear(self, records: Sequence[Record]) -> None:
        """Take note of durable records; on the event loop."""
        if self.attempt is not None:
            self._ear.hear(records)

    def hear_early(self, record: Record) -> None:
        """Take note of a step of a swap before it is durable; on the event loop."""
        self._ear.hear_early(record)

    async def reconcile(self, wish: Wish | None = None) -> SwapReport:
        """Compare what is wanted with what runs and exchange what differs; a wish of nobody is that of the files.

        Whatever goes wrong is in the report; only a cancellation is raised.
        """
        wish = wish or Wish()
        asked = monotonic() - wish.ago_s
        if wish == Wish() and wish in self._waiting:
            return self._unchanged(wish)  # the one that waits will read the files as they are then
        self._waiting.append(wish)
        self._knocks += 1
        self._ear.wake()
        try:
            await self._turn.acquire()
        finally:
            self._waiting.remove(wish)
        ran, before = self.running, packages_loaded()
        try:
            return await self._in_turn(wish, asked)
        finally:
            self._let_go(ran, before)
            self._turn.release()

    async def look(self) -> Generation:
        """Return what is wanted now, loaded, without taking it up. Whatever is not taken up is let go with the next
        change that is."""
        return await asyncio.to_thread(self._read)

    def _noted(self, read: Callable[[], Generation]) -> Callable[[], Generation]:
        def noted() -> Generation:
            generation = read()
            self._came.append(generation)
            return generation

        return noted

    def _let_go(self, ran: Generation, before: set[str]) -> None:
        """Hold nothing of the versions that came up in this turn, or ran before it, and do not run now."""
        self.attempt = None
        for generation in (ran, *self._came):
            if generation.host is not self.running.host:
                generation.host.let_go()
        self._came.clear()
        self.on_change(self.running)
        self.leaks.retire((ran.packages() | packages_loaded() - before) - self.running.packages())

    async def _in_turn(self, wish: Wish, asked: float) -> SwapReport:
        number = max(self._number(), self._ear.number, await asyncio.to_thread(self._last_number)) + 1
        attempt = Attempt(wish=wish, started=monotonic(), number=number, running=self.running.slots)
        self.attempt = attempt
        try:
            report = await self._attempted(attempt, asked)
            wanted: _Slots | str = self.wanted
        except LoligoError as exc:
            wanted = str(exc)
            report = self._since(asked, wanted, wish) or self._refused(attempt, exc)
        except Exception as exc:  # top of a task: told as a refusal
            _log.exception("reconciling failed")
            wanted, report = "", self._refused(attempt, exc)
        is_news = report.result is not SwapResult.UNCHANGED and (not self._ended or report is not self._ended.report)
        if is_news:
            report = await self._claimed(wish, wanted, report)
            self._ended = _Ended(monotonic(), wanted, report)
            await self._tell(report)
        return report

    async def _attempted(self, attempt: Attempt, asked: float) -> SwapReport:
        wanted, changed = await asyncio.to_thread(self._read_wanted)
        attempt.wanted, attempt.changed = wanted, changed
        attempt.said.append(f"loaded and verified in {(monotonic() - attempt.started) * 1000:.0f} ms")
        self.wanted, self.failed = wanted.slots, failures(wanted.host)
        earlier = self._since(asked, wanted.slots, attempt.wish)
        if earlier is not None or wanted.slots == self.running.slots:
            return earlier or self._unchanged(attempt.wish)
        refused = (
            _NO_EXPERIMENTS
            if attempt.how is How.EXPERIMENT
            else self._lost()
            or self._packages.exchanged(item for item in wanted.loaded if item not in self.running.loaded)
            or at_a_start(self.running.config, wanted.config)
            or not_beside(self.running, wanted)
        )
        if refused:
            return self._report(attempt, SwapResult.REFUSED, refused)
        return await self._swapped(attempt, wanted)

    def _read_wanted(self) -> tuple[Generation, tuple[str, ...]]:
        wanted = self._read()
        return wanted, changes(self.running.slots, wanted.slots, wanted.host.content)

    def _lost(self) -> str:
        """Return what runs and could not be loaded again."""
        running = {slot.tentacle for slot in self.running.slots}
        return "; ".join(f"{name} cannot be loaded: {why}" for name, why in self.failed.items() if name in running)

    async def _swapped(self, attempt: Attempt, wanted: Generation) -> SwapReport:
        self._answered_knocks = self._knocks - len(self._waiting)

        async def gives_way() -> bool:
            return await self._is_superseded(wanted)

        run = SwapRun(attempt, wanted, self._session(), self._put, self._ear, gives_way, self._edges, self._known)
        try:
            with span("exchange", number=attempt.number, changed=", ".join(attempt.changed), by=attempt.wish.by):
                result, text = await run.run()
        except asyncio.CancelledError:
            phase = attempt.phase
            run.break_off("the bot was stopped", is_trusted=True)
            result = SwapResult.GOOD if phase == "probation" else SwapResult.STOPPED
            self._journal(self._report(attempt, result, f"the bot was stopped during {phase}"))
            raise
        except Exception as exc:
            run.break_off(f"{type(exc).__name__}: {exc}", is_trusted=False)
            await self._edges.undo()
            raise
        if result is SwapResult.GOOD:
            known = failures(self.running.host)
            self.running = wanted
            self._packages.note(wanted.loaded)
            self._known |= {slot.tentacle: slot for slot in wanted.slots}
            off = [f"{name} stays off: {why}" for name, why in self.failed.items() if name not in known]
            text = "; ".join([", ".join(attempt.changed), *off, *([] if text.startswith("0 ") else [text])])
        return self._report(attempt, result, text)

    async def _is_superseded(self, wanted: Generation) -> bool:
        """Say whether one of the wishes that came meanwhile wants something else."""
        if self._answered_knocks == self._knocks:
            return False
        self._answered_knocks = self._knocks
        if any(wish.has_terms for wish in self._waiting):
            return True
        return not await self._is_still(wanted.slots)

    async def _is_still(self, wanted: _Slots | str) -> bool:
        """Say whether the files want this, or cannot be read for this reason, even now."""
        try:
            return (await asyncio.to_thread(self._read)).slots == wanted
        except LoligoError as exc:  # told when its own turn comes
            return str(exc) == wanted

    async def _claimed(self, wish: Wish, wanted: _Slots | str, report: SwapReport) -> SwapReport:
        """Return the report in the name of a person who changed the files and has just come to say so."""
        person = next((each for each in self._waiting if each.by != FILES and not each.has_terms), None)
        if wish.by != FILES or person is None or not await self._is_still(wanted):
            return report
        return replace(report, by=person.by, why=person.why)

    # Telling

    def _number(self) -> int:
        generation = self._session().generation
        return generation.number if generation is not None else 0

    def _unchanged(self, wish: Wish) -> SwapReport:
        text = f"generation {self._number()} is what is wanted"
        return SwapReport(
            result=SwapResult.UNCHANGED, number=self._number(), by=wish.by, why=wish.why, text=text, off=self.failed
        )

    def _since(self, asked: float, wanted: _Slots | str, wish: Wish) -> SwapReport | None:
        """Return what came of another wish for the same, if that ended after this one was made."""
        ended = self._ended
        is_same = ended is not None and ended.at >= asked and ended.wanted == wanted and not wish.has_terms
        return ended.report if ended is not None and is_same else None

    def _refused(self, attempt: Attempt, error: Exception) -> SwapReport:
        """Return the report of what an error ended; a `LoligoError` speaks for itself."""
        if isinstance(error, Unfit):
            running = {slot.tentacle: slot for slot in attempt.running}
            new = [name for name, why in error.failed.items() if name in running or self.failed.get(name) != why]
            attempt.changed = tuple(f"{name} {short(running.get(name))} → not loaded" for name in new)
            self.failed = error.failed
        text = str(error) if isinstance(error, LoligoError) else f"{type(error).__name__}: {error}"
        fault = error.kind if isinstance(error, Unfit) else type(error).__name__
        return self._report(attempt, SwapResult.REFUSED, text, fault)

    def _report(self, attempt: Attempt, result: SwapResult, text: str, fault: str = "") -> SwapReport:
        heard = self._ear.steps if self._ear.number == attempt.number else []
        steps = (f"{step.step} {step.tentacle}: {step.text}".replace(" : ", ": ").rstrip(": ") for step in heard)
        return SwapReport(
            result=result,
            number=attempt.number,
            changed=attempt.changed,
            text=text,
            steps=(*attempt.said, *steps),
            duration_ms=(monotonic() - attempt.started) * 1000,
            by=attempt.wish.by,
            why=attempt.wish.why,
            when=attempt.when,
            how=attempt.how,
            fault=fault,
            off=self.failed,
        )

    async def _tell(self, report: SwapReport) -> None:
        """Put the history into the journal, and show the report once it is there."""
        told, end = self._ear.told, monotonic() + min(TOLD_TIMEOUT_S, self._ear.step_timeout_s)
        self._ear.begin(report.number)  # the number is taken
        if self._journal(report):
            while self._ear.told == told and monotonic() < end:
                await self._ear.more(end - monotonic())
        self.last = report

    def _journal(self, report: SwapReport) -> bool:
        said = {name: getattr(report, name) for name in ("result", "number", "by", "text")}
        _log.info("swap", **said)
        try:
            self._put(report.for_journal())
        except InboxClosed:
            _log.info("the bot is stopping: the journal will not tell of this", number=report.number)
            return False
        return True


def not_beside(running: Generation, wanted: Generation) -> str:
    """Return why desks that come cannot come now, in one sentence; "" when they can, or none come."""
    coming = wanted.comers(running.slots)
    if coming and (changed := wanted.changed_beside(running.slots)):
        also = ", ".join(changed)
        return f"{', '.join(coming)}: desks come by themselves, and {also} would change, too: one after the other"
    return ""


def at_a_start(old: LoligoConfig, new: LoligoConfig) -> str:
    """Return what only a start can do, in one sentence; "" when a swap can do all."""
    for name in sorted(old.venues.keys() | new.venues.keys()):
        one, other = old.venues.get(name), new.venues.get(name)
        if one is None or other is None or (one.kind, one.instruments) != (other.kind, other.instruments):
            return (
                f"venues.{name}: its kind and its instruments change with the next start, orders and positions stay "
                "where they are until then; put it back, or stop the bot and run it again"
            )
    if gone := sorted((old.accounts.keys() - new.accounts.keys()) | (old.desks.keys() - new.desks.keys())):
        return f"{', '.join(gone)}: desks and accounts go with the next start: stop the bot, then run it again"
    for name, account in old.accounts.items():
        if account.reference != new.accounts[name].reference:
            return other_reference(name)
        if account.max_rate_age_s != new.accounts[name].max_rate_age_s:
            return f"accounts.{name}.max_rate_age_s {_NEXT_START}"
        if assets := sorted(account.deposits.keys() ^ new.accounts[name].deposits.keys()):
            return f"accounts.{name}.deposits: another currency ({', '.join(assets)}) {_NEXT_START}"
    for name, was in old.desks.items():
        desk = new.desks[name]
        for term in ("capital", "balances"):
            if getattr(desk, term) != getattr(was, term):
                return other_money(name, term)
        for term in ("venue", "account", "instruments", "tick_s"):
            if getattr(desk, term) != getattr(was, term):
                return f"desks.{name}.{term} {_NEXT_START}"
    return ""
