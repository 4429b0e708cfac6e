"""An A/B test over recorded data: the same arms, engine, days and rule as of one that runs, in seconds.

    experiment, or arms that are asked for ─► desks of one run ─► days, as the journal folds them ─► the same judgement
    beside a part of it the control alone ─► what one more arm costs

What must hold: nothing is written; all arms are fed by one run; a day counts here exactly when it would count there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

from msgspec import structs

from loligo.errors import DataError
from loligo.host import LoadedTentacle
from loligo.model.events import DecisionDeclined, Record, Resumed, RiskActed, SignalRaised, TentacleFailed, TradeClosed
from loligo.model.portfolio import ClosedTrade
from loligo.model.timeframe import DAY_NS
from loligo.ports.runner import FinishedRun
from loligo_bot.arm_cost import Cost, Side, run_beside
from loligo_bot.backtest import begin, finished
from loligo_bot.backtest_request import Prepared
from loligo_bot.door.experiment_assumptions import Setup, assumptions_of
from loligo_bot.experiment_config import ExperimentConfig
from loligo_bot.experiments.arms import runs_of
from loligo_bot.experiments.failed import Failed
from loligo_bot.experiments.halted import Halted
from loligo_bot.experiments.held import instants_of, instruments_of, span_of
from loligo_bot.experiments.standing import Standing, judged
from loligo_bot.historic_request import Asked, Contest, contest_of
from loligo_bot.recipe import Recipe, recipe_of
from loligo_lab.experiment_trades import ArmTrade, arm_trade
from loligo_lab.holding import Basket, basket
from loligo_lab.tally import Tally
from loligo_store.days import OF_DAY, Row, day_key, fold_day

TELL_EVERY = 1_024  # inputs between two words on how far it is
Progress = Callable[[float], object]  # 0 to 1, of the time in the data


@dataclass(frozen=True, slots=True, kw_only=True)
class Historic:
    """What came of it."""

    standing: Standing
    recipe: Recipe  # without secrets
    loaded: Sequence[LoadedTentacle]
    run: FinishedRun
    data: Mapping[str, Any]  # as of a backtest: since, until, inputs, hash, series
    failures: int  # of tentacles
    trades: Sequence[ArmTrade]  # that closed on a day of the test, arm by arm as they closed
    holding: Basket | None  # at the close of each day; None without days
    assumptions: Sequence[str]  # sentences on what a verdict takes for granted
    unasked: Sequence[str]  # arms whose strategies were never asked: no feed has their candles
    took_s: float
    cost: Cost


@dataclass(slots=True)
class _Watched:
    """The days of every arm, record by record."""

    rows: dict[tuple[str, int], Row] = field(default_factory=dict)
    _today_ns: int = 0  # when the day of the newest event that was folded began
    _today: dict[str, Row] = field(default_factory=dict)  # its rows, by desk
    failed: Failed = field(default_factory=Failed)
    halted: Halted = field(default_factory=Halted)
    tally: Tally = field(default_factory=Tally)
    closed: dict[str, list[ClosedTrade]] = field(default_factory=dict)  # by desk
    count: int = 0
    on_progress: Progress = lambda share: None
    first_ns: int = 0
    last_ns: int | None = None

    def add(self, record: Record) -> None:
        if record.feed:
            self._clock(record)
            self.tally.add_input(record.input)
        ts, today = record.input.ts, self._today
        event: Any
        is_today = self._today_ns < ts <= self._today_ns + DAY_NS
        for event in record.events:
            kind = type(event)
            if (kind is DecisionDeclined or kind is SignalRaised) and is_today and event.ts == ts:
                row = today.get(event.desk)
                if row is not None:
                    # Most are, and of a day all but the first: this is all of `fold_day` that is read here.
                    row["answers"] += kind is SignalRaised or event.by == "strategy"
                    continue
            if kind in _OF_DAY:
                self._fold(event, record)
            if kind is TentacleFailed:
                self.failed.add(event)
            elif kind is RiskActed or kind is Resumed:
                self.halted.add(event)

    def _fold(self, event: Any, record: Record) -> None:
        desk, day = key = day_key(event)
        row = fold_day(self.rows.get(key), event, record)
        if row is not None:
            self.rows[key] = row
            if day * DAY_NS != self._today_ns:
                self._today_ns, self._today = day * DAY_NS, {}
            self._today[desk] = row
        if type(event) is TradeClosed:
            self.closed.setdefault(desk, []).append(event.trade)

    def _clock(self, record: Record) -> None:
        self.count += 1
        if self.count % TELL_EVERY == 0 and self.last_ns is not None and self.last_ns > self.first_ns:
            self.on_progress(min(1.0, (record.input.ts - self.first_ns) / (self.last_ns - self.first_ns)))

    def covers(self, first_ns: int, last_ns: int | None) -> None:
        self.first_ns, self.last_ns = first_ns, last_ns

    def of(self, arm: str) -> list[Row]:
        """Return the days of an arm, oldest first."""
        return sorted((row for (desk, _), row in self.rows.items() if desk == arm), key=lambda row: int(row["day"]))


_OF_DAY = frozenset(OF_DAY)


def run_historic(home: Path, asked: Asked, on_progress: Progress = lambda share: None) -> Historic:
    """Run an experiment over recorded data. BadArguments, ConfigError or NotFound says what is wrong with what is
    asked, DataError when there are no data."""
    return run_contest(home, contest_of(home, asked), on_progress, file=asked.file, sample=asked.sample)


def run_contest(
    home: Path,
    contest: Contest,
    on_progress: Progress = lambda share: None,
    *,
    file: Path | None = None,
    sample: int = 0,
) -> Historic:
    """Run arms over recorded data. DataError when there are none. `file` is what the configuration was read from, over
    `sample` inputs the cost of an arm is measured."""
    one, prepared = contest.experiment, contest.prepared
    began_s, watched = perf_counter(), _Watched(on_progress=on_progress)
    bot, records = begin(home, prepared, file=file, on_range=watched.covers)
    cost = run_beside(Side(records, watched.add), _alone(home, prepared, one, file), len(one.arms), sample)
    run, took_s = finished(bot, prepared), perf_counter() - began_s - cost.control_s
    if not watched.count:
        raise DataError("the feeds have no data between the two times: choose another range, or another feed")
    recipe = recipe_of(prepared.config, prepared.registry).masked()
    standing = _standing(contest.name, one, recipe, run, watched)
    return Historic(
        standing=standing,
        recipe=recipe,
        loaded=bot.loaded,
        run=run,
        data=watched.tally.data(),
        failures=sum(row["failures"] for row in watched.rows.values()),
        trades=_trades(standing, watched.closed),
        holding=_holding(standing, prepared, watched.tally),
        assumptions=assumptions_of(Setup(bot.config, bot.loaded, bot.engine.venues.keys()), one, standing),
        unasked=[arm for arm in one.arms if not sum(row["answers"] for row in watched.of(arm))],
        took_s=took_s,
        cost=cost,
    )


def _standing(name: str, one: ExperimentConfig, recipe: Recipe, run: FinishedRun, watched: _Watched) -> Standing:
    tally, rows = watched.tally, {arm: watched.of(arm) for arm in one.arms}
    slots = [{"tentacle": slot, "tree_hash": tree_hash} for slot, tree_hash in run.about["tree_hashes"].items()]
    ran = {}
    for arm in one.arms:
        found = runs_of(arm, recipe, slots, tally.first_ns, 1)
        ran[arm] = [found] if found is not None else []
    return judged(
        name,
        one,
        since_ns=tally.first_ns,
        until_ns=0,
        open_day=tally.last_ns // DAY_NS,
        ran=ran,
        rows=rows,
        starts=starts_of(rows, -(-tally.first_ns // DAY_NS)),
        failed=watched.failed,
        halted=watched.halted,
    )


def _trades(standing: Standing, closed: Mapping[str, Sequence[ClosedTrade]]) -> list[ArmTrade]:
    """Return the trades of each arm that closed on a day of the test."""
    first, end = span_of(standing.days)
    return [
        arm_trade(arm, structs.asdict(one))
        for arm in standing.config.arms
        for one in closed.get(arm, ())
        if first < one.closed_at_ns <= end
    ]


def _holding(standing: Standing, prepared: Prepared, tally: Tally) -> Basket | None:
    """Return what holding all that the control trades came to."""
    name, desk = standing.config.control, prepared.config.desks[standing.config.control]
    prices = {one: tally.prices.get(one, []) for one in instruments_of(desk)}
    return basket(name, prices, instants_of(standing.days)) if standing.days else None


def starts_of(rows: Mapping[str, Sequence[Row]], begin: int) -> dict[str, float]:
    """Return what each arm was worth at the start of a day, where it was marked before: the first day is a part of one,
    and does not count."""
    marked = {arm: [row["equity"] for row in own if row["day"] < begin] for arm, own in rows.items()}
    known = {arm: [float(equity) for equity in own if equity is not None] for arm, own in marked.items()}
    return {arm: own[-1] for arm, own in known.items() if own}


def _alone(home: Path, prepared: Prepared, one: ExperimentConfig, file: Path | None) -> Side:
    """Return a run of the control alone that does the same for it."""
    desks = {one.control: prepared.config.desks[one.control]}
    config = prepared.config.model_copy(update={"desks": desks})
    _, records = begin(home, Prepared(config=config, registry=prepared.registry, span=prepared.span), file=file)
    return Side(records, _Watched().add)
