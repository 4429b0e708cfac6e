"""One placed automation at work: it hears durable records, or the clock, and what it wants done goes through the door.

    records, clock ─► the tentacle ─► firing ─► limits ─► written down ─► acts, one by one ─► the door ─► written down

What must hold: it asks as "automation:NAME", for what is in MAY and never more than its role; nothing in MAY opens a
position. A firing is written down before anything of it is done, and each act has a key made of what fired it, so it
happens once whenever the bot is killed. Whatever it raises stays here: nobody waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

from loligo.errors import JournalError, LoligoError, NotFound, NotRunning
from loligo.log import get_logger
from loligo.model.timeframe import DAY_NS, SECOND_NS, iso, ns_from_iso
from loligo.ports.clock import Clock
from loligo.ports.door import Actor, Door, Role
from loligo.registry.registry_file import load_registry
from loligo_automation import AutomationSettings, Firing, Holding, Recording, Standing, Timed, World, Worth
from loligo_bot.automata.book import KEPT, Book, Done, Happened, Page

ADMIN = "admin"  # the permission that lets one exchange tentacles
TELL = "automation.tell"
COMMANDS = frozenset({"pause", "resume", "panic", "close", "flatten", "cancel", "cancel.entries"})
JOBS = frozenset({"backtest.start", "backup.make", "jobs.retry", "report.write", "scan.start"})
MAY = COMMANDS | JOBS | {TELL, "tentacle.switch"}
EVERY_S = 5.0  # it is written down how far it has heard
TICK_S = 1.0
BEGIN_S = 0.05  # between two looks whether the bot runs already
MOST_AGAIN = 50_000  # seqs that it catches up; what was longer ago is left alone
LONGEST_BY = 300
LONGEST_WORD = 1_000  # characters that `automation.tell` takes
_log = get_logger("automations")


class Automaton:
    """An automation in its place; `run` until it is cancelled. One at a time has the book's turn."""

    def __init__(
        self,
        made: Recording | Timed,
        settings: AutomationSettings,
        *,
        name: str,
        tentacle: str,
        book: Book,
        door: Door,
        granted: Callable[[], frozenset[str]],
        clock: Clock,
    ) -> None:
        self.name, self.settings, self.made = name, settings, made
        self._tentacle, self._book, self._door, self._granted, self._clock = tentacle, book, door, granted, clock
        self._acting = asyncio.Lock()
        self._saved_s = 0.0
        self.world = World()

    @property
    def page(self) -> Page:
        return self._book.read(self._tentacle)

    def standing(self) -> Standing:
        return self.made.standing()

    async def run(self) -> None:
        async with self._book.turn:
            await self._begin()
            try:
                if isinstance(self.made, Recording):
                    await self._follow()
                else:
                    await self._tick(self.made)
            finally:
                self._note()
                self._book.write()  # a small file; the next version waits for it

    async def _begin(self) -> None:
        """Go on where the book says, or begin with the bot as it is now."""
        page = await asyncio.to_thread(self._book.read, self._tentacle)
        now_seq = int((await self._status()).next_seq)
        self.made.restore_state(page.state)
        if page.seq >= 0 and now_seq - page.seq <= MOST_AGAIN and page.world:
            self.world = World.of(page.world)
            await self._take_up_capital()
        else:
            self.world, page.seq = await self._seed()
        if page.pending is not None:
            await self._carry_out(page.pending)

    async def _take_up_capital(self) -> None:
        """Learn what desks were given: it stands in the configuration, not in records."""
        for one in (await self._ask("portfolio")).desks:
            self.world.worth.setdefault(one.desk, Worth()).capital = float(one.capital)

    async def _status(self) -> Any:
        while True:
            try:
                return await self._ask("status")
            except NotRunning:
                await asyncio.sleep(BEGIN_S)

    async def _ask(self, verb: str, **arguments: Any) -> Any:
        return await self._door.ask(Actor(name=f"automation:{self.name}", role=Role.VIEW), verb, arguments)

    async def _seed(self) -> tuple[World, int]:
        """Return the world as the door shows it, and the seq up to which records are in it."""
        status, worth = await self._ask("status"), await self._ask("portfolio")
        world = World(now_ns=ns_from_iso(status.time), seq=status.next_seq - 1, kill_level=status.kill_switch)
        for name, desk in status.desks.items():
            if desk.pauses:
                world.paused[name] = 0 if 0 in desk.pauses.values() else max(desk.pauses.values())
        for one in worth.desks:
            points = (await self._ask("equity", desk=one.desk, limit=2)).points
            drawdown = (points[-1].drawdown or 0.0) if points else 0.0
            world.worth[one.desk] = Worth(one.equity, drawdown, float(one.capital))
            held = {each.instrument: each for each in one.positions if each.quantity}
            world.holdings[one.desk] = {key: _holding(each) for key, each in held.items()}
            world.prices |= {key: each.mark for key, each in held.items() if each.mark is not None}
        for account in worth.accounts:
            known = account.equity is not None and account.peak
            fallen = 1 - account.equity / account.peak if known else 0.0
            world.worth[f"account:{account.account}"] = Worth(account.equity, fallen)
        return world, int(status.next_seq) - 1

    # Hearing

    async def _follow(self) -> None:
        try:
            async for records in self._door.follow(self.page.seq):
                for record in records:
                    await self._hear(record)
                await self._save_now_and_then()
        except JournalError as exc:  # retention has cut what it has not heard
            _log.error("an automation begins anew", name=self.name, error=str(exc))
            self.world, self.page.seq = await self._seed()
            raise

    async def _hear(self, record: Any) -> None:
        self.world.hear(record)
        self.page.seq = record.next_seq - 1  # first: one that it fails at is not met again
        firing = self.made.on_record(record, self.world)  # type: ignore[union-attr]
        if firing is not None:
            await self._heed(firing, record.input.ts, record.seq)

    async def _tick(self, made: Timed) -> None:
        while True:
            now_ns = self._clock.now_ns()
            firing = made.on_time(now_ns)
            if firing is not None:
                await self._heed(firing, now_ns, 0)
            await self._save_now_and_then()
            await self._clock.sleep_until(now_ns + int(TICK_S * SECOND_NS))

    async def _save_now_and_then(self) -> None:
        if monotonic() - self._saved_s > EVERY_S:
            await self._save()

    def _note(self) -> None:
        page = self.page
        page.state, page.world = self.made.export_state(), self.world.plain()

    async def _save(self) -> None:
        self._note()
        self._saved_s = monotonic()
        await asyncio.to_thread(self._book.write)

    # Acting

    async def _heed(self, firing: Firing, at_ns: int, seq: int) -> None:
        """Carry out a firing, if the limits let it through."""
        if not self.settings.enabled:
            return
        page = self.page
        page.fired_ns = [one for one in page.fired_ns if at_ns - one < DAY_NS]
        last_ns = page.fired_ns[-1] if page.fired_ns else 0
        is_cooling = bool(last_ns) and at_ns - last_ns < self.settings.cool_down_s * SECOND_NS
        if is_cooling or len(page.fired_ns) >= self.settings.most_per_day:
            page.held_back += 1
            _log.info("held back", automation=self.name, why=firing.why, cooling=is_cooling)
            return
        page.fired_ns.append(at_ns)
        await self._carry_out(self._happening(firing, at_ns, seq))

    def _happening(self, firing: Firing, at_ns: int, seq: int, by: str = "") -> Happened:
        acts = [(act.verb, dict(act.arguments)) for act in firing.acts]
        is_trial = self.settings.dry_run
        if is_trial:
            would = "; ".join(_words(verb, given) for verb, given in acts)
            acts = [(TELL, {"text": f"would {would}: {firing.why}"})]
        return Happened(firing.key, firing.why, at_ns, seq, acts, by, is_trial)

    async def run_now(self, actor: Actor, key: str) -> Happened:
        """Do what it does, because a person wants it. Denied beyond that person's own role."""
        acts = self.made.acts()
        for act in acts:
            offered = self._door.verbs.get(act.verb)
            if offered is not None and offered.role > actor.role:
                await self._door.ask(actor, act.verb, act.arguments)  # says that, and logs it
        firing = Firing(key=f"now {key}", why=f"asked for by {actor.name}", acts=acts)
        at_ns = self.world.now_ns or self._clock.now_ns()
        return await self._carry_out(self._happening(firing, at_ns, 0, actor.name))

    async def _carry_out(self, what: Happened) -> Happened:
        async with self._acting:
            page = self.page
            page.pending = what
            await self._save()
            for place in range(len(what.done), len(what.acts)):
                verb, given = what.acts[place]
                done = await self._do(verb, given, what, place)
                what.done = [*what.done, done]
                await self._save()
                await self._tell_if_not(done, what, place)
            page.pending = None
            page.happened = [*page.happened, what][-KEPT:]
            await self._save()
        return what

    async def _do(self, verb: str, given: Mapping[str, Any], what: Happened, place: int) -> Done:
        """Ask for one act. What the door says against it is the outcome; the next act is tried all the same."""
        try:
            if verb not in MAY:
                raise NotFound(f'automations may not ask for "{verb}"')
            if verb == "tentacle.switch" and str(given.get("name")).rpartition("/")[2] == self._tentacle.split()[-1]:
                raise NotFound("it may not switch itself off or on")
            granted = await asyncio.to_thread(self._granted)
            role = Role.ADMIN if ADMIN in granted else Role.TRADE
            actor = Actor(name=self._by(verb, what.why), role=role)
            told = dict(given)
            if verb == "tentacle.switch":
                told = {"why": what.why, **told}
            answer: Any = await self._door.ask(actor, verb, told, key=f"{what.key} {place}")
        except NotRunning:
            raise  # it stays under way, and is carried out when the bot runs
        except LoligoError as exc:
            _log.warning("an act was not done", automation=self.name, verb=verb, error=str(exc))
            return Done(verb, False, str(exc))
        said = (answer.lines() or ["done"])[0]
        return Done(verb, bool(getattr(answer, "is_done", True)), said, int(getattr(answer, "seq", 0)))

    async def _tell_if_not(self, done: Done, what: Happened, place: int) -> None:
        """Tell people of an act that was not done, where nobody stands by and no record of a command says it."""
        if done.is_done or what.by or done.seq or done.verb == TELL:
            return
        told = {"text": f"{done.verb} was not done: {done.text}"[:LONGEST_WORD], "level": _weight(done.verb)}
        actor = Actor(name=f"automation:{self.name}", role=Role.TRADE)
        await self._door.ask(actor, TELL, told, key=f"{what.key} {place} not done")

    def _by(self, verb: str, why: str) -> str:
        """Return who asks. Commands are journalled with that name alone, so it says why, too."""
        who = f"automation:{self.name}"
        return f"{who}: {why}"[:LONGEST_BY] if verb in COMMANDS else who


def granted_to(registry: Path, slot: str) -> frozenset[str]:
    """Return what the registry grants a tentacle now; blocks."""
    return frozenset(
        one for entry in load_registry(registry).tentacles if entry.slot == slot for one in entry.permissions
    )


def automaton_of(
    make: Callable[[], Any], settings: Any, *, name: str, slot: str, book: Callable[[], Book], door: Door | None,
    registry: Path, clock: Clock,
) -> Any:  # fmt: skip
    """Return an automation at work; what a tentacle makes that is none of `loligo.api.automation` is returned as is."""
    made = make()
    if door is None or not isinstance(settings, AutomationSettings) or not isinstance(made, Recording | Timed):
        return made
    granted = partial(granted_to, registry, slot)
    return Automaton(made, settings, name=name, tentacle=slot, book=book(), door=door, granted=granted, clock=clock)


def _holding(one: Any) -> Holding:
    return Holding(float(one.quantity), float(one.average_entry), ns_from_iso(one.opened_at))


def _words(verb: str, given: Mapping[str, Any]) -> str:
    told = ", ".join(f"{value}" for value in given.values() if value not in ("", None))
    return f"{verb} {told}".strip()


def _weight(verb: str) -> str:
    """Return how much it matters that an act was not done: what guards money most."""
    return "problem" if verb in COMMANDS else "warning"


def told_at(at_ns: int) -> str:
    """Return a time as answers have it, "" for none."""
    return iso(at_ns) if at_ns else ""
