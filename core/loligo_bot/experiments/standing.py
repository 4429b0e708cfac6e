"""How an experiment stands: from the journal's read models alone, so that it is the same after a restart.

    generations ─► when it began, what each arm ran ─┐
    desk_days ─► closed days of every arm ───────────┴─► loligo_lab.experiment.judge

A day counts when it lies whole behind the start and is over for all. An edit of the experiment's own section begins it
anew, unless it is about what follows a win; an edit of an arm makes it invalid. All that is asked of the journal lies
in read models, so that a test may last longer than `journal.retention_days`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from loligo.errors import JournalError
from loligo.model.command import SlotVersion
from loligo.model.timeframe import DAY_NS, MINUTE_NS, timeframe_ns
from loligo_bot.experiment_config import ExperimentConfig
from loligo_bot.experiments.arms import Runs, on_day, runs_of
from loligo_bot.experiments.by_hand import NOBODY, ByHand, by_hand_of
from loligo_bot.experiments.failed import KIND, Failed, failed_of
from loligo_bot.experiments.halted import KINDS, Halted, halted_of
from loligo_bot.past import Past
from loligo_bot.recipe import Recipe
from loligo_bot.wish import FILES
from loligo_lab.experiment import ArmDay, Day, Judgement, Plan, judge
from loligo_lab.experiment.integrity import OPINIONS
from loligo_store.days import Row
from loligo_store.rows import ProjectionReader

SECTION = "experiments"
BY = "experiment"  # with the name of one, who acts where a test does
Rows = Mapping[str, Sequence[Row]]  # days of each arm, oldest first


@dataclass(frozen=True, slots=True, kw_only=True)
class Led:
    """A generation that led, from when."""

    number: int
    since_ns: int
    recipe: Recipe
    slots: Sequence[SlotVersion]
    by: str = ""  # who wanted it, in words; "" where it is not known, or not yet


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An experiment and what is known of it."""

    name: str
    config: ExperimentConfig
    since_ns: int
    until_ns: int  # it ended then; 0: it goes on
    plan: Plan
    runs: Mapping[str, Runs]  # of each arm at the start
    began: Mapping[str, float]  # what each arm was worth then
    days: Sequence[Day]
    today: Day | None  # as far as it is known
    judgement: Judgement


NOTHING: Mapping[str, float] = {}


def generations_of(past: Past, recipe_of: Callable[[int], Recipe], names: Collection[str]) -> list[Led]:
    """Return what led since the newest generation without any of these experiments, that one included, oldest first.
    What was rolled back led for a while. `recipe_of` looks up the settings of a generation."""
    rows: list[tuple[Row, Recipe]] = []
    for row in reversed(past.generations):
        try:
            rows.append((row, recipe_of(row["number"])))
        except JournalError:
            break  # its settings are lost: an experiment that began then is judged from the next one on
        if not rows[-1][1].config.get(SECTION, {}).keys() & {*names}:
            break
    found: list[Led] = []
    for row, recipe in reversed(rows):
        slots = [SlotVersion(*slot) for slot in row["slots"]]
        before = found[-1] if found else None
        by = _by(past.swaps.get(row["number"]))
        found.append(Led(number=row["number"], since_ns=row["first_ts"], recipe=recipe, slots=slots, by=by))
        if row["phase"] == "rolled_back" and before is not None:
            found.append(replace(before, since_ns=row["ts"], by=f"by the bot, which took {row['number']} back"))
    return found


def _by(swap: Mapping[str, Any] | None) -> str:
    """Return who wanted a generation, as a change of an arm tells it."""
    if swap is None:
        return ""
    known = {FILES: "an edit of the files", "start": "a start of the bot, which took it up"}
    why = f" ({swap['why']})" if swap["why"] else ""
    return f"by {known.get(swap['by'], swap['by'])}{why}"


def standing_of(
    name: str, one: ExperimentConfig, led: Sequence[Led], rows: ProjectionReader, open_day: int
) -> Standing | None:
    """Return how an experiment stands, None while it has not begun. The rows know all of the days before `open_day`."""
    own = [item for item in led if _is_on(item, name, one)]
    since = _since(led, own)
    if since is None:
        return None
    ended = _ended(name, led)
    ran = {arm: _runs(arm, [item for item in led if item.since_ns >= since.since_ns]) for arm in one.arms}
    begin = -(-since.since_ns // DAY_NS)
    limit = min((ended - 1) // DAY_NS, open_day) if ended else open_day  # an end at midnight is of the day before
    days = {
        arm: rows.rows("desk_days", desk=arm, above={"day": begin - 1}, below={"day": limit + 1}) for arm in one.arms
    }
    last = {arm: rows.rows("equity", desk=arm, below={"ts": begin * DAY_NS + 1}, limit=1) for arm in one.arms}
    starts = {arm: float(found[0]["equity"]) for arm, found in last.items() if found and found[0]["equity"] is not None}
    by_hand = by_hand_of(rows, {arm: runs[0].account for arm, runs in ran.items()}, f"{BY} {name}", since.since_ns)
    did_fail = any(row["failures"] for own in days.values() for row in own)
    where = {"kind": KIND, "desk": tuple(one.arms)}
    failed = failed_of(rows.rows("incidents", where=where, above={"ts": begin * DAY_NS}) if did_fail else ())
    paused = rows.rows("incidents", where={"kind": KINDS}, below={"ts": (limit + 1) * DAY_NS + 1})
    halted = halted_of(paused)  # any desk of an account may have brought its pause
    about: dict[str, Any] = {"since_ns": since.since_ns, "until_ns": ended, "open_day": limit}
    about |= {"by_hand": by_hand, "failed": failed, "halted": halted}
    return judged(name, one, ran=ran, rows=days, starts=starts, **about)


def judged(
    name: str,
    one: ExperimentConfig,
    *,
    since_ns: int,
    until_ns: int,
    open_day: int,
    ran: Mapping[str, Sequence[Runs]],
    rows: Rows,
    starts: Mapping[str, float] = NOTHING,
    by_hand: Mapping[str, ByHand] = NOBODY,
    failed: Failed | None = None,
    halted: Halted | None = None,
) -> Standing:
    """Return the judgement of the days before `open_day`; `starts` is what the arms were worth at the start, where that
    is not their capital."""
    pinned = {arm: runs[0] for arm, runs in ran.items()}
    plan = one.plan(name, {arm: runs.config_hash for arm, runs in pinned.items()})
    began = {arm: starts.get(arm, runs[0].capital) for arm, runs in ran.items()}
    told = (failed or Failed(), halted or Halted())
    folds = {arm: _Arm(arm, began[arm], ran[arm], by_hand.get(arm), *told) for arm in one.arms}
    every = days_of(folds, -(-since_ns // DAY_NS), rows)
    days = [day for day in every if day.opened_at_ns < open_day * DAY_NS]
    return Standing(
        name=name,
        config=one,
        since_ns=since_ns,
        until_ns=until_ns,
        plan=plan,
        runs=pinned,
        began=began,
        days=days,
        today=every[-1] if len(every) > len(days) else None,
        judgement=judge(plan, days),
    )


def _is_on(item: Led, name: str, one: ExperimentConfig) -> bool:
    known = _section(item, name)
    return known is not None and known.model_copy(update={"ended": one.ended, "on_win": one.on_win}) == one


def _ended(name: str, led: Sequence[Led]) -> int:
    """Return since when it is over, 0 while it goes on; an end that was rolled back is none."""
    ended = 0
    for item in reversed(led):
        if not _has_ended(item, name):
            break
        ended = item.since_ns
    return ended


def _has_ended(item: Led, name: str) -> bool:
    known = _section(item, name)
    return known is not None and known.ended


def _section(item: Led, name: str) -> ExperimentConfig | None:
    known = item.recipe.config.get(SECTION, {}).get(name)
    return None if known is None else ExperimentConfig.model_validate(known)


def _since(led: Sequence[Led], own: Sequence[Led]) -> Led | None:
    """Return the first of the newest unbroken run of generations that have the experiment."""
    first = None
    for item in reversed(led):
        if item not in own:
            break
        first = item
    return first


def _runs(arm: str, led: Sequence[Led]) -> list[Runs]:
    slots = [[{"tentacle": one.tentacle, "tree_hash": one.tree_hash} for one in item.slots] for item in led]
    found = [
        runs_of(arm, item.recipe, known, item.since_ns, item.number, item.by)
        for item, known in zip(led, slots, strict=True)
    ]
    return [one for one in found if one is not None]


def days_of(arms: Mapping[str, _Arm], begin: int, rows: Rows) -> list[Day]:
    """Return the days from `begin` on in which any arm was asked or marked; one that did not move has no mark."""
    by_day = {arm: {row["day"]: row for row in rows[arm]} for arm in arms}
    return [
        Day(opened_at_ns=day * DAY_NS, arms=tuple(fold.day(day, by_day[arm].get(day)) for arm, fold in arms.items()))
        for day in sorted(set().union(*by_day.values()))
        if day >= begin
    ]


class _Arm:
    """One arm from day to day."""

    def __init__(
        self, name: str, equity: float, ran: Sequence[Runs], by_hand: ByHand | None, failed: Failed, halted: Halted
    ) -> None:
        self._name, self._ran, self._runs = name, ran, ran[0]
        self._equity = self._highest = equity
        self._trades = 0
        self._by_hand, self._failed, self._halted = by_hand or ByHand((), name, ""), failed, halted

    def day(self, day: int, row: Row | None) -> ArmDay:
        """Return one day of it; without a row nothing happened."""
        row = row or {}
        before_runs, runs = self._runs, on_day(self._ran, day)
        self._runs = runs
        before = self._equity
        equity, low, high = (row.get(name) for name in ("equity", "low", "high"))
        self._equity = before if equity is None else float(equity)
        self._trades += row.get("trades", 0)
        highest = max(self._highest, before)
        self._highest = max(highest, before if high is None else high)
        lowest = before if low is None else low
        fall = row.get("fall") or 0.0  # not known of days before a release that counts it
        halted_s, halted_by = self._halted.on((self._name, f"account:{runs.account}"), day)
        return ArmDay(
            daily_return=self._equity / before - 1.0 if before > 0 else 0.0,
            equity=self._equity,
            drawdown=max(fall, 1.0 - lowest / highest, 1.0 - self._equity / self._highest),
            worst_loss=max(0.0, 1.0 - lowest / before) if before > 0 else 0.0,
            closed_trades=self._trades,
            turnover=row.get("turnover") or 0.0,
            fees=row.get("fees") or 0.0,
            is_unpriced=None in (row.get("turnover", 0.0), row.get("fees", 0.0)),
            exposure=row.get("exposure", 0.0),
            orders=row.get("orders", 0),
            refused_orders=row.get("rejected", 0),
            stale_minutes=_without_candles(runs, row.get("answers", 0)),
            events=row.get("answers", 0),
            timeframe=runs.timeframe,
            instruments=runs.instruments,
            down_s=self._by_hand.paused_s(day),
            down_by=self._by_hand.paused_by(day),
            by_hand=self._by_hand.touches(day),
            failed=self._failed.on(self._name, day),
            halted_s=halted_s,
            halted_by=halted_by,
            fee_schedule=runs.fee_schedule,
            config_hash=runs.config_hash,
            changed=runs.against(before_runs) if runs.config_hash != before_runs.config_hash else "",
        )


def _without_candles(runs: Runs, asked: int) -> float:
    """Return for how many minutes of a day an arm lacked the candles at which it is asked, on average of its
    instruments; 0 where new opinions make it decide, or its candles are longer than a day."""
    length_ns = 0 if runs.timeframe.startswith(OPINIONS) else timeframe_ns(runs.timeframe)
    if not 0 < length_ns <= DAY_NS:
        return 0.0
    missing = max(0, DAY_NS // length_ns * runs.instruments - asked)
    return missing * length_ns / runs.instruments / MINUTE_NS
