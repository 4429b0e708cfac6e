"""Experiments of a running bot: looks when a day has ended, writes each new verdict into the journal, stops an arm that
breaks a limit, and lets a winner take over where its policy says so.

What must hold: a verdict is a function of the journal, so one that a kill kept from being written is written at the
next start, with the same day; a broken limit stops the challenger's entries, never its exits.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from time import monotonic
from typing import Any, TypeVar

from loligo.config import LoligoConfig
from loligo.errors import LoligoError
from loligo.log import get_logger
from loligo.model.command import GenerationActivated, Noted, SwapEnded
from loligo.model.events import EquityMarked, Record
from loligo.model.timeframe import DAY_NS
from loligo_bot.daily import Progress
from loligo_bot.experiment_config import VERDICT, ExperimentConfig, experiments_of
from loligo_bot.experiments.kept import Kept, is_as_it_was, moment_of
from loligo_bot.experiments.standing import BY, Standing, generations_of, standing_of
from loligo_bot.past import Past, past_of
from loligo_bot.recipe import Recipe
from loligo_lab.experiment import Judgement, Verdict
from loligo_store.rows import ProjectionReader

SHORTEST_REST_S, REST = 0.2, 5.0  # between two looks: so long, and so many times what the last one took
KEPT_RECIPES = 200
NEWS = ("verdict", "winner", "ended", "pairs")  # facts of a note; another value of one is told
T = TypeVar("T")
_log = get_logger("experiments")


class Experiments:
    """What a bot knows of its experiments. `running` gives the configuration that works now; reading blocks."""

    def __init__(
        self, home: Any, running: Callable[[], LoligoConfig], rows: ProjectionReader, at: Callable[[], tuple[int, int]]
    ) -> None:
        """`at` gives the time of the data, and the seq that comes next then or later."""
        self._home, self._running, self._rows, self._at = home, running, rows, at
        self._is_due = asyncio.Event()
        self._day = -1
        self._recipes: OrderedDict[int, Recipe] = OrderedDict()  # of generations, by number
        self._over: set[str] = set()  # experiments whose end is in the journal, with all that follows
        self._told: dict[str, tuple[str, ...]] = {}  # news on their way into the journal, by name
        self._kept: dict[str, Kept] = {}
        self.newest: dict[str, Standing] = {}  # as they were looked at last, by name
        self.at_rest: set[tuple[str, int]] = set()  # ended ones, with their start, whose challengers were paused
        self.taken_over: set[tuple[str, int]] = set()  # of which a promotion by policy was tried: once for each run

    # Reading

    def standings(self) -> dict[str, Standing | None]:
        """Return every experiment by name, None where it has not begun. Its days are judged once: until another day has
        closed or another generation came, it stands as it did."""
        wanted, moment = experiments_of(self._running()), moment_of(self._rows, self._at)
        held = {name: self._kept.get(name) for name in wanted}
        new = {name: one for name, one in wanted.items() if not is_as_it_was(held[name], one, moment)}
        for name, standing in self._standings(new, moment.open_day).items():
            held[name] = Kept(config=wanted[name], moment=moment, standing=standing)
        self._kept = {name: kept for name, kept in held.items() if kept is not None}
        self._remember([kept.standing for kept in self._kept.values()])
        return {name: kept.standing for name, kept in self._kept.items()}

    def made(self, standing: Standing, what: str, make: Callable[[Standing], T]) -> T:
        """Return what is made of a standing, for as long as that is the newest one, once."""
        kept = self._kept.get(standing.name)
        if kept is None or kept.standing is not standing:
            return make(standing)
        if what not in kept.made:
            kept.made[what] = make(standing)
        found: T = kept.made[what]
        return found

    def _remember(self, standings: Iterable[Standing | None]) -> None:
        new = {**self.newest, **{one.name: one for one in standings if one is not None}}
        known = experiments_of(self._running())
        self.newest = {name: one for name, one in new.items() if name in known}  # a new one: others read it meanwhile

    def going(self, ts: int) -> dict[str, Progress]:
        """Return how far each test is that goes on at an instant, by what was looked at last; never blocks."""
        return {
            name: Progress(
                since_ns=one.since_ns,
                arms=one.config.arms,
                days=tuple(day.opened_at_ns // DAY_NS for day in (*one.days, *filter(None, [one.today]))),
            )
            for name, one in self.newest.items()
            if one.since_ns < ts and not 0 < one.until_ns <= ts
        }

    def _standings(self, wanted: Mapping[str, ExperimentConfig], open_day: int) -> dict[str, Standing | None]:
        if not wanted:
            return {}
        past = past_of(self._home, self._rows)
        led = generations_of(past, partial(self._recipe, past), wanted)
        return {name: standing_of(name, one, led, self._rows, open_day) for name, one in wanted.items()}

    def _recipe(self, past: Past, number: int) -> Recipe:
        """Return the settings of a generation, which never change."""
        if number not in self._recipes:
            self._recipes[number] = past.recipe(number)
            if len(self._recipes) > KEPT_RECIPES:
                self._recipes.popitem(last=False)
        return self._recipes[number]

    def verdicts(self, name: str) -> list[dict[str, Any]]:
        """Return what was noted of an experiment, oldest first."""
        return self._rows.rows("notes", where={"kind": VERDICT, "subject": name})

    # At work

    def hear(self, records: Sequence[Record]) -> None:
        """Take durable records, on the event loop."""
        for record in records:
            day = (record.input.ts - 1) // DAY_NS
            is_marked = any(type(event) is EquityMarked for event in record.events)
            if day != self._day or is_marked or type(record.input) in (GenerationActivated, SwapEnded):
                self._day = day
                self._is_due.set()

    async def run(
        self,
        project: Callable[[], object],
        put: Callable[[Noted], object],
        act: Callable[[Standing, Judgement], Awaitable[None]],
    ) -> None:
        """Look whenever it may have changed, until cancelled. `project` blocks, `act` carries out what follows."""
        self._is_due.set()
        while await self._is_due.wait():
            self._is_due.clear()
            if not self._open():
                continue
            began_s, took_s = monotonic(), 0.0
            try:
                found = await asyncio.to_thread(partial(self._look, project))
                took_s = monotonic() - began_s  # what follows may be a swap, which waits for the tape
                for standing, note in found:
                    if note is not None:
                        put(note)
                    await act(standing, standing.judgement)
            except LoligoError as exc:
                _log.warning("experiments cannot be judged now", error=str(exc))
            except Exception:  # top of a task: whatever is wrong with a test, the desks trade on
                _log.exception("experiments cannot be judged")
            await asyncio.sleep(max(SHORTEST_REST_S, REST * took_s))  # a replay ends many days a second

    def _open(self) -> dict[str, ExperimentConfig]:
        """Return the experiments of which there may be news."""
        known = experiments_of(self._running())
        return {name: one for name, one in known.items() if not (one.ended and name in self._over)}

    def _look(self, project: Callable[[], object]) -> list[tuple[Standing, Noted | None]]:
        project()
        open_day = moment_of(self._rows, self._at).open_day  # not what is kept: the day that goes on counts, too
        standings = [one for one in self._standings(self._open(), open_day).values() if one is not None]
        self._remember(standings)
        newest = self._rows.rows("generations", limit=1)
        waits = {Verdict.INVALID} if newest and newest[-1]["phase"] == "probation" else set()  # the end says who did it
        found = [(one, None if one.judgement.verdict in waits else self._note(one)) for one in standings]
        done = {name for name, _ in self.at_rest}
        over = {one.name for one, note in found if one.until_ns and note is None and one.name in done}
        self._over |= over if not waits else set()
        return found

    def _note(self, standing: Standing) -> Noted | None:
        """Return what the journal has not heard yet: another verdict than the one noted last."""
        facts = facts_of(standing)
        noted = [row["facts"] for row in self.verdicts(standing.name) if row["ts"] >= standing.since_ns]
        last = noted[-1] if noted else _at_first(facts)
        new = tuple(facts[name] for name in NEWS)
        if new in (tuple(last.get(name, "") for name in NEWS), self._told.get(standing.name)):
            return None
        self._told[standing.name] = new
        judgement = standing.judgement
        head = "has ended, " if facts["ended"] else ""
        text = f"{standing.name}: {head}{judgement.headline}. {judgement.sentence}{_of_others(standing, last)}"
        return Noted(ts=0, kind=VERDICT, subject=standing.name, by=BY, text=text, facts=facts)


def _at_first(facts: Mapping[str, str]) -> dict[str, str]:
    """Return what nobody needs to be told of."""
    early = Verdict.TOO_EARLY.value
    return {"verdict": early, "winner": "", "ended": "", "pairs": " ".join(early for _ in facts["pairs"].split())}


def _of_others(standing: Standing, last: Mapping[str, str]) -> str:
    """Return what is new of pairs that the experiment's own sentence does not speak of."""
    judgement, before = standing.judgement, last.get("pairs", "").split()
    if len(judgement.pairs) < 2:
        return ""
    known = before if len(before) == len(judgement.pairs) else [""] * len(judgement.pairs)
    changed = [pair for pair, word in zip(judgement.pairs, known, strict=True) if pair.verdict.value != word]
    others = [pair for pair in changed if pair.sentence != judgement.sentence]
    return "".join(f" {pair.challenger}: {pair.headline}. {pair.sentence}" for pair in others)


def facts_of(standing: Standing) -> dict[str, str]:
    """Return what a note holds of a judgement, by which a later one is known to be another."""
    judgement = standing.judgement
    since, effect = judgement.telling.verdict_day, judgement.telling.effect
    return {
        "verdict": judgement.verdict.value,
        "headline": judgement.headline,
        "sentence": judgement.sentence,
        "winner": judgement.winner or "",
        "ended": "yes" if standing.until_ns else "",
        "day": str(judgement.telling.day),
        "verdict_day": "" if since is None else str(since),
        "percent_per_month": "" if effect is None else f"{effect.percent_per_month:.3f}",
        "arms": " ".join(standing.config.arms),
        "pairs": " ".join(pair.verdict.value for pair in judgement.pairs) if len(judgement.pairs) > 1 else "",
    }
