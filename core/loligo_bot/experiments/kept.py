"""Judgements that are kept for as long as they stay what they are: a page asks every few seconds, and a year of days of
several arms takes its time to judge.

What must hold: what is kept is what would be judged anew from the journal; it is bounded, in memory alone, and gone
with the process. A day is closed once the read models know all of it, however far ahead of them the engine is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from loligo.model.timeframe import DAY_NS
from loligo_bot.experiment_config import ExperimentConfig
from loligo_bot.experiments.standing import Standing
from loligo_store.rows import ProjectionReader


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """How far the read models are."""

    open_day: int  # they know all of the days before it
    generation: int  # seq of the newest step of any, or of the end of a swap
    cursor: int  # seq from which on they know nothing; 0 where nothing more can belong to the days before


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One experiment as it stood at a moment."""

    config: ExperimentConfig
    moment: Moment
    standing: Standing | None
    made: dict[str, Any] = field(default_factory=dict)  # of the standing, such as figures with their intervals


def moment_of(rows: ProjectionReader, at: Callable[[], tuple[int, int]]) -> Moment:
    """Return how far the read models are; `at` gives the engine's time, and the seq that comes next then or later."""
    now_ns, next_seq = at()
    cursor = rows.cursor()
    if cursor < next_seq:  # the engine is ahead: what the newest row is of is known to be the past
        now_ns = min(now_ns, max(rows.newest("desk_days", "ts") - 1, 0))
    may_grow = now_ns % DAY_NS == 0 and cursor >= next_seq  # more may come of this very instant, which ends a day
    generation = max(rows.newest("generations"), rows.newest("swaps"))  # of a swap it says who wanted it
    return Moment(open_day=now_ns // DAY_NS, generation=generation, cursor=cursor if may_grow else 0)


def is_as_it_was(kept: Kept | None, one: ExperimentConfig, moment: Moment) -> bool:
    """Say whether a judgement would come out the same at another moment."""
    if kept is None or kept.config != one or kept.moment.generation != moment.generation:
        return False
    if kept.standing is not None and kept.standing.until_ns:
        last = kept.standing.until_ns // DAY_NS
        return kept.moment.open_day > last or kept.moment == moment
    return kept.moment == moment
