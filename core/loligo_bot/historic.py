"""An A/B test over recorded data: the same arms, engine, days and rule as of one that runs, in seconds.

    experiment, or arms that are asked for ─► desks of one run ─► days, as the journal folds them ─► the same judgement
    beside a part of it the control alone ─► what one more arm costs

What must hold: nothing is written; all arms are fed by one run; a day counts here exactly when it would count there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from time import perf_counter
from typing import Any, Literal

from loligo.config import LoligoConfig, check_settings, read_settings
from loligo.config.layers import Setting
from loligo.errors import DataError, NotFound
from loligo.host import Host, bundled_root
from loligo.model.events import DecisionDeclined, Record, SignalRaised, TentacleFailed, TradeClosed
from loligo.model.timeframe import DAY_NS
from loligo.ports.runner import FinishedRun
from loligo.registry.faults import did_you_mean
from loligo.registry.registry_file import RegistryEntry, load_registry
from loligo_bot.arm_cost import Cost, Side, run_beside
from loligo_bot.backtest import begin, finished
from loligo_bot.backtest_request import BacktestRequest, Prepared, prepare, setting_of
from loligo_bot.door.experiment_assumptions import Setup, assumptions_of
from loligo_bot.experiment_config import ExperimentConfig, check_arms, experiments_of
from loligo_bot.experiments.arms import runs_of
from loligo_bot.experiments.draft import Wanted, drafted
from loligo_bot.experiments.failed import Failed
from loligo_bot.experiments.standing import SECTION, Standing, judged
from loligo_bot.folder_config import PARTS
from loligo_bot.recipe import Recipe, recipe_of
from loligo_lab.tally import Tally
from loligo_store.days import OF_DAY, Row, day_key, fold_day

SAMPLE = 200_000  # inputs over which the cost of an arm is measured
TELL_EVERY = 1_024  # inputs between two words on how far it is
Progress = Callable[[float], object]  # 0 to 1, of the time in the data
ORIGIN = "A/B test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be tried: an experiment of the configuration by its name, or arms of their own."""

    wanted: Wanted
    is_named: bool = False  # the experiment stands in the configuration: the rest of `wanted` is empty
    since: str | None = None
    until: str | None = None
    data: Literal["configured", "bundled"] = "configured"
    capital: Decimal | None = None  # of each arm
    file: Path | None = None  # in place of the home's configuration
    sample: int = SAMPLE  # inputs over which the cost of an arm is measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Historic:
    """What came of it."""

    standing: Standing
    recipe: Recipe  # without secrets
    run: FinishedRun
    data: Mapping[str, Any]  # as of a backtest: since, until, inputs, hash, series
    failures: int  # of tentacles
    nets: Mapping[str, Sequence[float]]  # of the trades that closed on a day of the test, by arm, reference currency
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
    tally: Tally = field(default_factory=Tally)
    closed: dict[str, list[tuple[int, float]]] = field(default_factory=dict)  # by desk: when, and what it brought
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

    def _fold(self, event: Any, record: Record) -> None:
        desk, day = key = day_key(event)
        row = fold_day(self.rows.get(key), event, record)
        if row is not None:
            self.rows[key] = row
            if day * DAY_NS != self._today_ns:
                self._today_ns, self._today = day * DAY_NS, {}
            self._today[desk] = row
        if type(event) is TradeClosed:
            brought = float(event.trade.net) * event.trade.quote_rate
            self.closed.setdefault(desk, []).append((event.ts, brought))

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
    one, prepared = prepared_for(home, asked)
    began_s, watched = perf_counter(), _Watched(on_progress=on_progress)
    bot, records = begin(home, prepared, file=asked.file, on_range=watched.covers)
    alone = _alone(home, prepared, one, asked.file)
    cost = run_beside(Side(records, watched.add), alone, len(one.arms), asked.sample)
    run, took_s = finished(bot, prepared), perf_counter() - began_s - cost.control_s
    if not watched.count:
        raise DataError("the feeds have no data between --from and --to: choose another range, or another feed")
    recipe = recipe_of(prepared.config, prepared.registry).masked()
    standing = _standing(asked.wanted.name, one, recipe, run, watched)
    return Historic(
        standing=standing,
        recipe=recipe,
        run=run,
        data=watched.tally.data(),
        failures=sum(row["failures"] for row in watched.rows.values()),
        nets=_nets(standing, watched.closed),
        assumptions=assumptions_of(Setup(bot.config, bot.loaded, bot.engine.venues.keys()), one, standing),
        unasked=[arm for arm in one.arms if not sum(row["answers"] for row in watched.of(arm))],
        took_s=took_s,
        cost=cost,
    )


def prepared_for(home: Path, asked: Asked) -> tuple[ExperimentConfig, Prepared]:
    """Return the experiment and a run of its arms alone."""
    settings = read_settings(home, bundled_root=bundled_root(), file=asked.file)
    config = check_settings(settings, parts=PARTS, where=str(asked.file or home))
    one, pins = _of_config(config, asked.wanted.name) if asked.is_named else _asked_for(home, config, settings, asked)
    request = BacktestRequest(
        desks=one.arms, since=asked.since, until=asked.until, data=asked.data, capital=asked.capital
    )
    prepared = prepare(home, request, file=asked.file, settings=settings, beside=pins)
    check_arms(asked.wanted.name, one, prepared.config)
    return one, prepared


def _of_config(config: LoligoConfig, name: str) -> tuple[ExperimentConfig, Sequence[RegistryEntry]]:
    known = experiments_of(config)
    if name not in known:
        listed = ", ".join(known) or "none"
        hint = did_you_mean(name, list(known))
        raise NotFound(f'there is no experiment "{name}"{hint}; there are {listed}; --control begins one of its own')
    return known[name], ()


def _asked_for(
    home: Path, config: LoligoConfig, settings: Setting, asked: Asked
) -> tuple[ExperimentConfig, Sequence[RegistryEntry]]:
    """Return an experiment of its own, and lay the arms that it makes over the settings."""
    registry = load_registry(Host(home, bundled_root()).registry_path)
    draft = drafted(home, recipe_of(config, registry).config, asked.wanted)
    one = ExperimentConfig.model_validate(draft.config[SECTION][asked.wanted.name])
    for name in one.challengers:
        if name not in config.desks:
            for section in ("desks", "accounts"):
                settings.place((section, name), setting_of(draft.config[section][name], ORIGIN))
    return one, draft.pins


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
    )


def _nets(standing: Standing, closed: Mapping[str, Sequence[tuple[int, float]]]) -> dict[str, list[float]]:
    """Return what each arm's trades brought that closed on a day of the test; NaN where a rate is not known."""
    first = standing.days[0].opened_at_ns if standing.days else 0
    end = standing.days[-1].opened_at_ns + DAY_NS if standing.days else 0
    return {arm: [net for ts, net in closed.get(arm, ()) if first < ts <= end] for arm in standing.config.arms}


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
