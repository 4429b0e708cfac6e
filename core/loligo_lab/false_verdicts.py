"""Rows of the table of `make verify-stats`: shares of made-up experiments with each verdict, beside their bounds.

The made-up experiments are judged by the rule that judges live ones, on every day. What must hold: the same seed and
number of experiments give the same rows. The points are those of the acceptance table, in its order: equal arms, random
traders, power, tail trap, planner, replay, tampering; then equal arms of which there are more than two.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from loligo.api import DAY_NS
from loligo_lab.experiment import Arm, ArmDay, Day, Limits, Mode, Plan, Verdict, judge
from loligo_lab.experiment.differences import Differences, Paths, paths_of
from loligo_lab.experiment.many_at_once import first_beyond, verdict_days
from loligo_lab.experiment.planner import days_for_power
from loligo_lab.experiment.scores import t_value
from loligo_lab.simulated_arms import (
    POWER_WORLD,
    SMALL_NOISE,
    STEADIER_NOISE,
    WORLDS,
    World,
    ahead_by,
    random_traders,
    tail_arms,
)

FloatArray = npt.NDArray[np.float64]
ARMS = (Arm(name="a"), Arm(name="b"))
LENGTHS = (90, 180, 365)
NORMAL_975 = 1.959963984540054
REPLAYED = 20  # experiments that are judged day by day, too
SMALL = 1e-4  # a daily return: so small that no guardrail comes near
CHUNK = 1_000  # experiments at a time: what a few hundred megabytes hold
MARKETS = ("BTC", "ETH", "SOL", "XRP", "DOGE")
PLANNED_WORLDS = {"t4": POWER_WORLD, "normal": World()}
FIELDS = (3, 5, 10)  # arms of one experiment, the control among them
RATIOS = (2.85, 3.5, 4.3, 4.75, 5.5, 8.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure beside its bound. Shares are fractions of experiments."""

    point: str
    what: str
    days: int
    rule: str
    measured: float
    at_least: float = 0.0
    at_most: float = 1.0
    experiments: int

    @property
    def is_met(self) -> bool:
        return self.at_least <= self.measured <= self.at_most


def verify(
    *,
    experiments: int,
    seed: int,
    data: Path | None,
    lengths: Sequence[int] = LENGTHS,
    ratios: Sequence[float] = RATIOS,
) -> Iterator[Row]:
    """Yield the rows of the table. Data is the folder of real candles; without it their rows are left out. Lengths are
    those of equal arms in days, ratios those that the planner is asked for."""
    rng = np.random.default_rng(seed)
    yield from _equal_arms(rng, experiments, lengths)
    if data is not None:
        yield from _random_traders(rng, experiments, data)
    yield from _the_same_twice()
    yield from _power(rng, experiments)
    yield from _tail_trap(rng, experiments)
    yield from _planned(rng, experiments, ratios)
    yield from _half_found(rng)
    yield from _replayed(rng)
    yield from _tampered()
    yield from _many_equal_arms(rng, experiments, lengths)


# What is measured: the two modes as they are, the fixed end without its tail check, and what they are up against.
PLANNER = "5"
NAIVE = "naive"
OPEN_ENDED, FIXED_END, FIXED_END_BARE = "open-ended", "fixed end", "no tail check"
RULES = {FIXED_END: (Mode.FIXED_END, 2.0), FIXED_END_BARE: (Mode.FIXED_END, None), OPEN_ENDED: (Mode.OPEN_ENDED, 2.0)}
Make = Callable[[np.random.Generator, int], FloatArray]  # so many experiments' differences, of shape (count, days)
Counts = dict[tuple[int, str], npt.NDArray[np.int64]]  # by days and rule: challenger better, control better


def count_verdicts(make: Make, rng: np.random.Generator, experiments: int, lengths: Sequence[int]) -> Counts:
    """Return how many experiments end with each verdict."""
    counts: Counts = defaultdict(lambda: np.zeros(2, dtype=np.int64))
    for start in range(0, experiments, CHUNK):
        paths = paths_of(make(rng, min(CHUNK, experiments - start)))
        for days in lengths:
            first = _first_days(paths, days)
            for rule, (mode, skew) in RULES.items():
                _count(counts[days, rule], verdict_days(_plan(mode, days, skew), first))
            _count(counts[days, NAIVE], _naive_verdicts(first, days))
    return counts


def _count(counts: npt.NDArray[np.int64], verdicts: npt.NDArray[np.int64]) -> None:
    counts += ((verdicts > 0).sum(), (verdicts < 0).sum())


def _plan(mode: Mode, days: int, skew: float | None, arms: tuple[Arm, ...] = ARMS) -> Plan:
    return Plan(name="verify", arms=arms, mode=mode, days=days, limits=Limits(skew=skew))


def _first_days(paths: Paths, days: int) -> Paths:
    parts = {field.name: getattr(paths, field.name)[..., :days] for field in fields(paths)}
    return Paths(**parts)


def _naive_verdicts(paths: Paths, days: int) -> npt.NDArray[np.int64]:
    """Return the verdicts of somebody who, behind the same gates, takes the first day with p < .05 for an answer."""
    plan = _plan(Mode.OPEN_ENDED, days, None)
    bounds = np.array([t_value(NORMAL_975, float(nu)) for nu in paths.nu])
    return first_beyond(plan, paths, np.broadcast_to(bounds, paths.statistic.shape))


def _equal_arms(rng: np.random.Generator, experiments: int, lengths: Sequence[int]) -> Iterator[Row]:
    longest = max(lengths)
    for name, world in WORLDS.items():
        counts = count_verdicts(partial(_of_world, world, longest, 0.0), rng, experiments, lengths)
        yield from _equal_rows("1", f"equal arms, {name}", counts, experiments, fixed=0.06, open_ended=0.05)
    counts = count_verdicts(partial(_of_tails, longest, 0.0, SMALL_NOISE), rng, experiments, lengths)
    yield from _equal_rows("1", "equal arms, D6 sells tails", counts, experiments, fixed=0.08, open_ended=0.08)
    counts = count_verdicts(partial(_of_tails, longest, 0.0, STEADIER_NOISE), rng, experiments, lengths)
    yield from _equal_rows("1", "equal arms, D6 steadier (no bound)", counts, experiments, fixed=1.0, open_ended=1.0)


def _equal_rows(
    point: str, what: str, counts: Counts, experiments: int, *, fixed: float, open_ended: float
) -> Iterator[Row]:
    bounds = {NAIVE: 1.0, FIXED_END: fixed, FIXED_END_BARE: fixed, OPEN_ENDED: open_ended}
    for (days, rule), (better, worse) in counts.items():
        yield Row(
            point=point,
            what=what,
            days=days,
            rule=rule,
            measured=int(better + worse) / experiments,
            at_most=bounds[rule],
            experiments=experiments,
        )


def _of_world(world: World, days: int, ratio: float, rng: np.random.Generator, count: int) -> FloatArray:
    return world.differences(rng, count, days) + ahead_by(ratio, world.spread())


def _of_tails(days: int, sharpe_difference: float, noise: float, rng: np.random.Generator, count: int) -> FloatArray:
    seller, plain = tail_arms(rng, count, days, noise=noise)
    return seller - plain + ahead_by(sharpe_difference, 1.0)


def _random_traders(rng: np.random.Generator, experiments: int, data: Path) -> Iterator[Row]:
    closes = _hourly_closes(data)
    longest = (len(closes) - 1) // 24
    lengths = tuple(days for days in (90, 180, 240) if days <= longest)
    counts = count_verdicts(partial(_of_traders, closes[: 24 * max(lengths) + 1]), rng, experiments, lengths)
    yield from _equal_rows("2", "random traders on real candles", counts, experiments, fixed=0.05, open_ended=0.05)


def _of_traders(closes: FloatArray, rng: np.random.Generator, count: int) -> FloatArray:
    arms = random_traders(rng, closes, 2 * count, fee_rate=0.001, hours_in=12.0, hours_out=24.0)
    return arms[:count] - arms[count:]


def _hourly_closes(data: Path) -> FloatArray:
    """Return the closes of all hours that every market has, of shape (hours, markets)."""
    series = []
    for market in MARKETS:
        table = pq.read_table(data / "binance" / f"{market}_USDT-1h.parquet", columns=["timestamp", "close"])
        series.append(dict(zip(table["timestamp"].to_pylist(), table["close"].to_pylist(), strict=True)))
    hours = sorted(set.intersection(*(set(one) for one in series)))
    return np.array([[one[hour] for one in series] for hour in hours], dtype=np.float64)


def _power(rng: np.random.Generator, experiments: int) -> Iterator[Row]:
    counts = count_verdicts(partial(_of_world, POWER_WORLD, 180, 4.3), rng, experiments, (180,))
    for rule, least in ((FIXED_END, 0.77), (FIXED_END_BARE, 0.77), (OPEN_ENDED, 0.57)):
        better, worse = counts[180, rule]
        made = partial(Row, point="3", days=180, rule=rule, experiments=experiments)
        yield made(what="found at ratio 4.3", measured=int(better) / experiments, at_least=least)
        yield made(what="the wrong arm at ratio 4.3", measured=int(worse) / experiments, at_most=0.005)


def _tail_trap(rng: np.random.Generator, experiments: int) -> Iterator[Row]:
    for gap in (-1.0, -2.0):
        counts = count_verdicts(partial(_of_tails, 365, gap, SMALL_NOISE), rng, experiments, (365,))
        for rule in RULES:
            better, worse = counts[365, rule]
            made = partial(Row, point="4", days=365, rule=rule, experiments=experiments)
            most = 1.0 if rule == OPEN_ENDED else 0.01
            yield made(
                what=f"tail seller, Sharpe {gap:+.0f}, is better", measured=int(better) / experiments, at_most=most
            )
            yield made(what=f"tail seller, Sharpe {gap:+.0f}, is worse", measured=int(worse) / experiments)
        seller, plain = tail_arms(rng, CHUNK, 365)
        wins = (seller + ahead_by(gap, 1.0) > 0.0).mean(axis=1) > (plain > 0.0).mean(axis=1)
        what = f"tail seller, Sharpe {gap:+.0f}, wins more days"
        yield Row(point="4", what=what, days=365, rule=NAIVE, measured=float(wins.mean()), experiments=CHUNK)


def _planned(rng: np.random.Generator, experiments: int, ratios: Sequence[float]) -> Iterator[Row]:
    for ratio, (world, returns), mode in product(ratios, PLANNED_WORLDS.items(), Mode):
        days = days_for_power(ratio, mode) or 0
        counts = count_verdicts(partial(_of_world, returns, days, ratio), rng, experiments, (days,))
        for rule in (rule for rule, (its_mode, _) in RULES.items() if its_mode is mode):
            yield Row(
                point=PLANNER,
                what=f"found in planned time, {ratio}, {world}",
                days=days,
                rule=rule,
                measured=int(counts[days, rule][0]) / experiments,
                at_least=0.75,
                at_most=0.85,
                experiments=experiments,
            )


def _half_found(rng: np.random.Generator) -> Iterator[Row]:
    """Yield by which share of the planned days half of the differences that are found have been found."""
    for rule, (mode, skew) in RULES.items():
        days = days_for_power(4.3, mode) or 0
        paths = paths_of(_of_world(POWER_WORLD, days, 4.3, rng, CHUNK))
        found = np.abs(verdict_days(_plan(mode, days, skew), paths))
        by = float(np.median(found[found > 0])) / days
        what = "half found by, in % of planned time"
        yield Row(point=PLANNER, what=what, days=days, rule=rule, measured=by, experiments=CHUNK)


def _the_same_twice() -> Iterator[Row]:
    for rule in (FIXED_END, OPEN_ENDED):
        days = _alike(np.random.default_rng(5).standard_normal(30) * 0.01)
        found = judge(_plan(RULES[rule][0], 30, 2.0), days).verdict is Verdict.PRACTICALLY_THE_SAME
        yield Row(
            point="2",
            what="one arm twice: the same",
            days=30,
            rule=rule,
            measured=float(found),
            at_least=1.0,
            experiments=1,
        )


def _replayed(rng: np.random.Generator) -> Iterator[Row]:
    """Yield in how many experiments the code that judges live, day by day, comes to the statistic of every day, and to
    the day of the verdict, to which that comes by which all else here is measured."""
    differences = _of_world(POWER_WORLD, 180, 4.3, rng, REPLAYED) * SMALL
    paths = paths_of(differences)
    ways = [_way(own) for own in differences]
    for rule in (FIXED_END, OPEN_ENDED):
        plan = replace(_plan(RULES[rule][0], 180, 2.0), margin_per_year=0.0)
        at_once = np.abs(verdict_days(plan, paths))
        known = [_verdict_day(plan, own) for own in differences]
        made = partial(Row, point="6", days=180, rule=rule, at_least=1.0, experiments=REPLAYED)
        is_equal = np.isclose(ways, paths.statistic, rtol=1e-12, atol=1e-12, equal_nan=True).all(axis=1)
        yield made(what="day by day: the same to 1e-12", measured=float(is_equal.mean()))
        yield made(what="day by day: the same verdict day", measured=float((np.array(known) == at_once).mean()))


def _way(differences: FloatArray) -> list[float]:
    """Return the statistic of each day; NaN where there is none."""
    fold = Differences()
    found = [fold.add(float(one)).statistic for one in differences]
    return [math.nan if one is None else one for one in found]


def _verdict_day(plan: Plan, differences: FloatArray) -> int:
    """Return since which day one arm is better, 0 for none, as a test at work is judged."""
    (pair,) = judge(plan, _days_of(np.zeros(len(differences)), differences)).pairs
    return (pair.verdict_day or 0) if pair.verdict in (Verdict.CHALLENGER_BETTER, Verdict.CONTROL_BETTER) else 0


def _tampered() -> Iterator[Row]:
    for rule in (FIXED_END, OPEN_ENDED):
        days = _alike(np.random.default_rng(6).standard_normal(40) * 0.01)
        control, challenger = days[30].arms
        days[30] = replace(days[30], arms=(control, replace(challenger, events=challenger.events * 99 // 100)))
        found = judge(_plan(RULES[rule][0], 40, 2.0), days).verdict is Verdict.INVALID
        yield Row(
            point="7",
            what="1 % of events dropped: invalid",
            days=40,
            rule=rule,
            measured=float(found),
            at_least=1.0,
            experiments=1,
        )


def _many_equal_arms(rng: np.random.Generator, experiments: int, lengths: Sequence[int]) -> Iterator[Row]:
    """Yield in how many experiments with several equal challengers any of them is called better or worse."""
    for name, world in WORLDS.items():
        counts = _count_fields(world, rng, experiments, lengths)
        for (arms, days, rule), wrong in counts.items():
            yield Row(
                point="8",
                what=f"{arms} equal arms, {name}",
                days=days,
                rule=rule,
                measured=wrong / experiments,
                at_most=0.05 if rule == OPEN_ENDED else 1.0,
                experiments=experiments,
            )


def _count_fields(
    world: World, rng: np.random.Generator, experiments: int, lengths: Sequence[int]
) -> dict[tuple[int, int, str], int]:
    """Return how many experiments end with a verdict on any challenger, by arms, days and rule. Those with fewer arms
    are those with most, without the last ones."""
    counts: dict[tuple[int, int, str], int] = defaultdict(int)
    challengers = max(FIELDS) - 1
    step = CHUNK // challengers
    for start in range(0, experiments, step):
        made = world.against_control(rng, min(step, experiments - start), max(lengths), challengers=challengers)
        paths = paths_of(made.reshape(-1, max(lengths)))
        for arms, days in product(FIELDS, lengths):
            first = _first_days(paths, days)
            plan = _plan(Mode.OPEN_ENDED, days, 2.0, tuple(Arm(name=str(place)) for place in range(arms)))
            for rule, verdicts in ((OPEN_ENDED, verdict_days(plan, first)), (NAIVE, _naive_verdicts(first, days))):
                by_challenger = verdicts.reshape(challengers, -1)[: arms - 1]
                counts[arms, days, rule] += int((by_challenger != 0).any(axis=0).sum())
    return counts


def _alike(returns: FloatArray) -> list[Day]:
    """Return days on which two arms did the same."""
    return _days_of(returns, returns)


def _days_of(*arms: FloatArray) -> list[Day]:
    """Return the days of arms that returned that."""
    worth = [10_000.0 * np.cumprod(1.0 + returns) for returns in arms]
    return [
        Day(
            opened_at_ns=number * DAY_NS,
            arms=tuple(
                ArmDay(
                    daily_return=float(returns[number]),
                    equity=float(equity[number]),
                    closed_trades=2 * number,
                    events=1_440,
                )
                for returns, equity in zip(arms, worth, strict=True)
            ),
        )
        for number in range(len(arms[0]))
    ]
