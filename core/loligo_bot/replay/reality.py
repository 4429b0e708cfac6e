"""The reality check of one desk: a window of its session through the backtester, and a cause for every difference.

    the record ─► as it ran ─► late candles ─► missing candles ─► code ─► settings ─► latency ─► fees ─► fills of today

Each arrow is a world (`loligo_bot.replay.world`) in which one thing more is as it is today; those in which nothing is
otherwise than in the one before are not run. The last one is the backtest of today. All desks of the bot run along: the
limits of an account hold for them together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from loligo.engine.plan import EnginePlan
from loligo.errors import DataError, LoligoError, NotFound
from loligo.model.command import SlotVersion
from loligo.model.events import Record
from loligo.model.timeframe import SECOND_NS, iso, ns_from_iso, timeframe_ns
from loligo.ports.tentacles import HistoryFeed
from loligo.registry.content import CONTENT_FOLDER, ContentStore
from loligo_bot.edge_plan import FEED, edge_plans
from loligo_bot.generation import config_of
from loligo_bot.recipe import Recipe, read_recipe
from loligo_bot.replay.gaps import Gaps, Sent, as_recorded, filled, gaps_of
from loligo_bot.replay.mixing import Mixed, Mixing, Part
from loligo_bot.replay.window import END_NS, Window, window_of
from loligo_bot.replay.world import WORLD, Course
from loligo_lab.reality import NEAR_CANDLES, Cause, Trip, Trips, World, check
from loligo_lab.reality_words import summary
from loligo_store.reader import JournalReader

Slots = tuple[SlotVersion, ...]
Hear = Callable[[str, Record], object]  # the name of the world, and what came of an input in it
MOST_CHANGES = 12  # that are listed of one step
HOUR_NS = 3_600 * SECOND_NS
_PARTS = (
    (Part.CODE, Cause.VERSION, "other versions of tentacles"),
    (Part.SETTINGS, Cause.SETTINGS, "other settings"),
    (Part.LATENCY, Cause.SIGNAL_TIME, "another time until an order reaches the market"),
    (Part.FEES, Cause.FEE, "other fees"),
    (Part.FILLS, Cause.SLIPPAGE, "other settings of what a fill costs"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which desk, and from when to when, ISO 8601; "" is where the desk began in the session, or the session's end."""

    desk: str
    since: str = ""
    until: str = ""


def reality(
    home: Path, journal: JournalReader, asked: Asked, now: Recipe, hear: Hear = lambda world, record: None
) -> dict[str, Any]:
    """Return the check as plain data; `now` is what is wanted today. NotFound for a desk that did not run, DataError
    for a window that begins before it, JournalError for what cannot be had."""
    since_ns = ns_from_iso(asked.since) if asked.since else 0
    until_ns = ns_from_iso(asked.until) if asked.until else END_NS
    window = window_of(home, journal, now, since_ns, until_ns)
    began_ns = _began_ns(home, window, asked.desk)
    if began_ns and asked.since:
        raise DataError(
            f'desk "{asked.desk}" came at {iso(began_ns)}, after --from {asked.since}: leave --from out, which begins '
            "with the desk, or give a later one"
        )
    if began_ns:
        window = window_of(home, journal, now, began_ns + 1, until_ns)
    data = _Checking(home, journal, asked.desk, window, Mixing(home, now), hear).data()
    return {**data, "summary": summary(data)}


def _began_ns(home: Path, window: Window, desk: str) -> int:
    """Return when a desk came into a window, 0 where it was there from the first record on. NotFound when it never
    came."""
    known, content = dict[str, None](), ContentStore(home / CONTENT_FOLDER)
    for number, (slots, at_ns) in enumerate(zip(window.slots, window.slots_at_ns, strict=True)):
        desks = read_recipe(content, slots).config["desks"]
        if desk in desks:
            return at_ns if number else 0
        known |= dict.fromkeys(desks)
    raise NotFound(f'desk "{desk[:60]}" did not run in this window; it had {", ".join(known)}')


class _Checking:
    """One check; the worlds are run one after another, each over the whole window."""

    def __init__(
        self, home: Path, journal: JournalReader, desk: str, window: Window, mixing: Mixing, hear: Hear
    ) -> None:
        self._home, self._journal, self._desk, self._window = home, journal, desk, window
        self._mixing, self._hear = mixing, hear
        self._notes: list[str] = []
        self._left_out: dict[str, str] = {}  # parts of today that could not be run, and why
        self._config = config_of(mixing.mixed(window.slots[0], ()).recipe)

    def data(self) -> dict[str, Any]:
        desk, window = self._config.desks[self._desk], self._window
        near_ns = NEAR_CANDLES * (timeframe_ns(desk.timeframe) if desk.timeframe else HOUR_NS)
        recorded = Trips(self._desk)
        for record in window.records():
            recorded.add(record)
        steps: list[list[str]] = []
        worlds = [World(Cause.NOT_EXPLAINED, "as it ran", self._as_it_ran())]
        gaps = Gaps()
        if window.interrupted:
            self._notes.append(
                f"a call hung at seq {window.interrupted}: only the session as it ran can be run again, for what that "
                "call would do otherwise nobody knows"
            )
        else:
            gaps = self._gaps()
            for world, changed in self._worlds(gaps):
                worlds.append(world)
                steps.append(changed)
        found = check(recorded.found, worlds, near_ns, is_answered_outside=desk.venue in window.reported)
        for step, changed in zip(found["steps"], steps, strict=True):
            step["changed"] = changed
        return {
            "desk": self._desk,
            "currency": self._config.accounts[desk.account].reference,
            "since": iso(window.since_ns),
            "until": iso(window.until_ns),
            "records_from_seq": window.first_seq,
            **found,
            "candles": {"missing": len(gaps.missing), "late": len(gaps.late), "other": len(gaps.other)},
            "left_out": self._left_out,
            "notes": [*self._notes, *gaps.notes],
        }

    # The worlds

    def _as_it_ran(self) -> list[Trip]:
        then = partial(self._plan, parts=())
        return self._run("as it ran", then, as_recorded(self._window.records()), is_as_it_ran=True)

    def _gaps(self) -> Gaps:
        host, config = self._mixing.today, config_of(self._mixing.now)
        try:
            made: list[Any] = [plan.make() for plan in edge_plans(config, host, str(self._home), kinds=(FEED,))]
        except LoligoError as exc:
            return Gaps(notes=[f"the feeds of today cannot be made, so missing candles cannot be found: {exc}"])
        return gaps_of(self._window.records(), [feed for feed in made if isinstance(feed, HistoryFeed)])

    def _worlds(self, gaps: Gaps) -> Iterator[tuple[World, list[str]]]:
        """Yield each world that differs from the one before, and what does."""
        is_whole = bool(gaps.missing or gaps.other)
        if gaps.late:
            lines = [f"{_told(old)}: {iso(old.ts)} → {iso(new.ts)}" for old, new in gaps.late.items()]
            yield self._world(Cause.SIGNAL_TIME, f"{len(lines)} candles came late", (), gaps, False), _few(lines)
        if is_whole:
            lines = [f"{_told(one)}: missing" for one in gaps.missing]
            lines += [f"{_told(old)}: close {old.close:g} → {new.close:g}" for old, new in gaps.other.items()]
            text = f"{len(gaps.missing)} candles missing, {len(gaps.other)} otherwise"
            yield self._world(Cause.MISSING_CANDLE, text, (), gaps, True), _few(lines)
        yield from self._parts_of_today(gaps, is_whole)

    def _parts_of_today(self, gaps: Gaps, is_whole: bool) -> Iterator[tuple[World, list[str]]]:
        """Yield a world for each part that is otherwise today. One that does not fit what ran then (settings of a
        tentacle that is new) is tried once more together with those after it, else it is left out, and that is told."""
        parts: tuple[Part, ...] = ()
        before, waiting = self._mixed(parts), dict[Part, str]()
        for part, cause, text in _PARTS:
            for more in dict.fromkeys(((*waiting, part), (part,))):
                try:
                    mixed = self._mixed((*parts, *more))
                    if changed := _changed(before, mixed):
                        yield self._world(cause, text, (*parts, *more), gaps, is_whole), _few(changed)
                except LoligoError as exc:
                    waiting[part] = str(exc)
                    continue
                parts, before = (*parts, *more), mixed
                waiting = {one: why for one, why in waiting.items() if one not in more}
                break
        self._left_out = {str(part): why for part, why in waiting.items()}

    def _mixed(self, parts: Iterable[Part]) -> list[Mixed]:
        return [self._mixing.mixed(slots, parts) for slots in self._window.slots]

    def _world(self, cause: Cause, text: str, parts: tuple[Part, ...], gaps: Gaps, is_whole: bool) -> World:
        inputs = filled(self._window.records(), gaps, is_whole=is_whole)
        return World(cause, text, self._run(str(cause), partial(self._plan, parts=parts), inputs))

    def _run(
        self, name: str, plan_of: Callable[[Slots], EnginePlan], inputs: Iterable[Sent], *, is_as_it_ran: bool = False
    ) -> list[Trip]:
        trips = Trips(self._desk)

        def hear(record: Record) -> None:
            trips.add(record)
            self._hear(name, record)

        course = Course(
            journal=self._journal,
            start=self._window.start,
            then=partial(self._plan, parts=()),
            plan_of=plan_of,
            is_as_it_ran=is_as_it_ran,
            hear=hear,
        )
        course.run(inputs)
        return trips.found

    def _plan(self, slots: Slots, parts: tuple[Part, ...]) -> EnginePlan:
        recorded = tuple(slot for slot in slots if slot.tentacle != WORLD)
        return self._mixing.mixed(recorded, parts).plan(slots)


def _changed(before: list[Mixed], after: list[Mixed]) -> list[str]:
    """Return what differs in any generation, each line once."""
    lines: dict[str, None] = {}
    for old, new in zip(before, after, strict=True):
        lines |= dict.fromkeys(new.against(old))
    return list(lines)


def _told(candle: Any) -> str:
    return f"{candle.instrument} {candle.timeframe} {iso(candle.opened_at_ns)[:19]}"


def _few(lines: list[str]) -> list[str]:
    more = len(lines) - MOST_CHANGES
    return [*lines[:MOST_CHANGES], *([f"and {more} more"] if more > 0 else [])]
