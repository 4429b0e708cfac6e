"""Experiments of a running bot: looks when a day has ended, writes each new verdict into the journal, stops an arm that
breaks a limit, and lets a winner take over where its policy says so.

What must hold: a verdict is a function of the journal, so one that a kill kept from being written is written at the
next start, with the same day; a broken limit stops the challenger's entries, never its exits.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from time import monotonic
from typing import Any

from loligo.config import LoligoConfig
from loligo.errors import LoligoError
from loligo.log import get_logger
from loligo.model.command import Noted
from loligo.model.events import EquityMarked, Record
from loligo.model.timeframe import DAY_NS
from loligo_bot.experiment_config import VERDICT, ExperimentConfig, experiments_of
from loligo_bot.experiments.standing import Standing, generations_of, standing_of
from loligo_bot.past import Past, past_of
from loligo_bot.recipe import Recipe
from loligo_lab.experiment import Judgement, Verdict
from loligo_store.reader import JournalReader
from loligo_store.rows import ProjectionReader

BY = "experiment"
SHORTEST_REST_S, REST = 0.2, 5.0  # between two looks: so long, and so many times what the last one took
KEPT_RECIPES = 200
NEWS = ("verdict", "winner", "ended")  # facts of a note; another value of one is told
_log = get_logger("experiments")


class Experiments:
    """What a bot knows of its experiments. `running` gives the configuration that works now; reading blocks."""

    def __init__(
        self,
        home: Any,
        running: Callable[[], LoligoConfig],
        rows: ProjectionReader,
        journal: Callable[[], JournalReader],
        now_ns: Callable[[], int],
    ) -> None:
        self._home, self._running, self._rows, self._journal, self._now_ns = home, running, rows, journal, now_ns
        self._is_due = asyncio.Event()
        self._day = -1
        self._times: dict[int, int] = {}  # of records, by seq
        self._recipes: OrderedDict[int, Recipe] = OrderedDict()  # of generations, by number
        self._over: set[str] = set()  # experiments whose end is in the journal
        self._told: dict[str, tuple[str, ...]] = {}  # news on their way into the journal, by name

    # Reading

    def standings(self) -> dict[str, Standing | None]:
        """Return every experiment by name, None where it has not begun."""
        wanted = experiments_of(self._running())
        return self._standings(wanted)

    def _standings(self, wanted: Mapping[str, ExperimentConfig]) -> dict[str, Standing | None]:
        if not wanted:
            return {}
        past = past_of(self._home, self._rows)
        led = generations_of(past, partial(self._recipe, past), self._ts_of, wanted)
        return {name: standing_of(name, one, led, self._rows, self._now_ns()) for name, one in wanted.items()}

    def _recipe(self, past: Past, number: int) -> Recipe:
        """Return the settings of a generation, which never change."""
        if number not in self._recipes:
            self._recipes[number] = past.recipe(number)
            if len(self._recipes) > KEPT_RECIPES:
                self._recipes.popitem(last=False)
        return self._recipes[number]

    def _ts_of(self, seq: int) -> int:
        if seq not in self._times:
            self._times[seq] = self._journal().find(seq)[0].input.ts
        return self._times[seq]

    def verdicts(self, name: str) -> list[dict[str, Any]]:
        """Return what was noted of an experiment, oldest first."""
        return self._rows.rows("notes", where={"kind": VERDICT, "subject": name})

    # At work

    def hear(self, records: Sequence[Record]) -> None:
        """Take durable records, on the event loop."""
        for record in records:
            day = (record.input.ts - 1) // DAY_NS
            if day != self._day or any(type(event) is EquityMarked for event in record.events):
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
            began_s = monotonic()
            try:
                for standing, note in await asyncio.to_thread(partial(self._look, project)):
                    if note is not None:
                        put(note)
                    await act(standing, standing.judgement)
            except LoligoError as exc:
                _log.warning("experiments cannot be judged now", error=str(exc))
            except Exception:  # top of a task: whatever is wrong with a test, the desks trade on
                _log.exception("experiments cannot be judged")
            await asyncio.sleep(
                max(SHORTEST_REST_S, REST * (monotonic() - began_s))
            )  # a replay ends many days a second

    def _open(self) -> dict[str, ExperimentConfig]:
        """Return the experiments of which there may be news."""
        known = experiments_of(self._running())
        return {name: one for name, one in known.items() if not (one.ended and name in self._over)}

    def _look(self, project: Callable[[], object]) -> list[tuple[Standing, Noted | None]]:
        project()
        standings = [one for one in self._standings(self._open()).values() if one is not None]
        found = [(one, self._note(one)) for one in standings]
        self._over |= {one.name for one, note in found if one.until_ns and note is None}
        return found

    def _note(self, standing: Standing) -> Noted | None:
        """Return what the journal has not heard yet: another verdict than the one noted last."""
        facts = facts_of(standing)
        noted = [row["facts"] for row in self.verdicts(standing.name) if row["ts"] >= standing.since_ns]
        new = tuple(facts[name] for name in NEWS)
        last = tuple(noted[-1][name] for name in NEWS) if noted else (Verdict.TOO_EARLY.value, "", "")
        if new in (last, self._told.get(standing.name)):
            return None
        self._told[standing.name] = new
        judgement = standing.judgement
        head = "has ended, " if facts["ended"] else ""
        text = f"{standing.name}: {head}{judgement.headline}. {judgement.sentence}"
        return Noted(ts=0, kind=VERDICT, subject=standing.name, by=BY, text=text, facts=facts)


def facts_of(standing: Standing) -> dict[str, str]:
    """Return what a note holds of a judgement, by which a later one is known to be another."""
    judgement = standing.judgement
    first = judgement.pairs[0]
    since = next((pair.verdict_day for pair in judgement.pairs if pair.verdict is judgement.verdict), None)
    effect = first.effect
    return {
        "verdict": judgement.verdict.value,
        "headline": judgement.headline,
        "sentence": judgement.sentence,
        "winner": judgement.winner or "",
        "ended": "yes" if standing.until_ns else "",
        "day": str(first.day),
        "verdict_day": "" if since is None else str(since),
        "percent_per_month": "" if effect is None else f"{effect.percent_per_month:.3f}",
        "arms": " ".join(standing.config.arms),
    }
