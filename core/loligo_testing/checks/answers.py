"""Checks of what a tentacle answers: sound, the same everywhere, without the future, with the right sign."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any

import msgspec
import numpy as np

from loligo.api import Candle, Evaluation
from loligo.engine.evaluation import accept_evaluation
from loligo.engine.risk import accept_answer
from loligo.engine.strategy import accept_outcome
from loligo.engine.trading import accept_intents
from loligo.errors import TENTACLE_FAULTS
from loligo.host.contract import describe_error
from loligo.ports.tentacles import HistoricalFeed
from loligo_testing import tape
from loligo_testing.checks.bench import Bench, cuts, first_difference
from loligo_testing.checks.edges import ITEMS, edge_instance
from loligo_testing.report import Check, failed, missing, not_applicable, passed
from loligo_testing.script import Call, evaluator_calls, long_tape, play, shown

ACCEPT: Mapping[str, Callable[[Any], None]] = {
    "evaluator": accept_evaluation,
    "strategy": accept_outcome,
    "trading_mode": accept_intents,
    "risk_rule": accept_answer,
}
TOLERANCE = 1e-9
NOTHING = msgspec.msgpack.encode(None)
LOUD = 0.5  # an opinion this far against the tape is wrong, whatever the others say


def sound(bench: Bench) -> Check:
    """Every call of the script, and a run on a desk."""
    name, subject = "sound", bench.subject
    if not bench.is_called:
        return not_applicable(name, f"a {subject.kind} is not called by the engine")
    said = sum(answer != NOTHING for answer in bench.answers)  # before any other instance has seen the tape
    accept, instance = ACCEPT[subject.kind], subject.make()
    for place, (call, given) in enumerate(bench.calls):
        try:
            accept(getattr(instance, call)(*given))
        except TENTACLE_FAULTS as exc:
            return failed(
                name, f"call {place} of {len(bench.calls)}, {call}: {describe_error(exc)}", "correct that call"
            )
    run = bench.run
    if run.failures:
        first = run.failures[0]
        why = f"on a simulated desk {len(run.failures)} calls failed, the first {first.call}: {first.error}"
        return failed(name, why, "correct that call")
    desk = f"{len(run.orders)} orders, {len(run.fills)} fills, {len(run.refusals)} refusals"
    return passed(name, f"{len(bench.calls)} calls, {said} of them answered; on a desk {desk}; 0 failures")


def outputs(bench: Bench) -> list[bytes]:
    """Return what is compared between processes."""
    if bench.is_called:
        return bench.answers
    if bench.subject.kind == "venue":
        return [msgspec.msgpack.encode(record) for record in bench.run.records]
    if bench.subject.kind == "feed" and not any(held.startswith("net:") for held in bench.subject.permissions):
        made = edge_instance(bench.subject)
        if isinstance(made, HistoricalFeed):
            return [msgspec.msgpack.encode(item) for item in islice(made.read(), ITEMS)]
    return []


def look_ahead(bench: Bench) -> Check:
    """An instance that has the tape up to a cut only, after another one saw all of it; and arrays cut off there."""
    name = "look-ahead"
    if not bench.is_called:
        return not_applicable(name, f"a {bench.subject.kind} is given no tape")
    calls, answers = bench.calls, bench.answers
    places = cuts(len(calls), 4)
    for cut in places:
        said = play(bench.subject.make(), calls[:cut])
        place = first_difference(said, answers[:cut])
        if place is not None:
            told = f"call {place} with {cut} calls: {shown(said[place])}, with all: {shown(answers[place])}"
            advice = "keep no memory outside of the instance: nothing in the module or the class may change"
            return failed(name, told, advice)
    return _arrays_without_future(bench, len(places))


def _arrays_without_future(bench: Bench, instances: int) -> Check:
    name, told = "look-ahead", f"{instances} instances that saw only the beginning agree with the one that saw all"
    instance = bench.subject.make()
    if not hasattr(instance, "evaluate_series"):
        return passed(name, told)
    candles = long_tape(instance, bench.count)
    whole = instance.evaluate_series(tape.arrays(candles))
    if len(whole) != len(candles):
        return passed(name, told)  # the check of the batch form tells
    places = cuts(len(candles), 8)
    for cut in places:
        part = bench.subject.make().evaluate_series(tape.arrays(candles[:cut]))
        wrong = _unequal(part, whole[:cut])
        if wrong is not None:
            said = (
                f"evaluate_series at candle {wrong}: {part[wrong]:.9g} with {cut} candles, {whole[wrong]:.9g} with all"
            )
            return failed(name, said, "compute each value from candles up to its own only")
    return passed(name, f"{told}; evaluate_series is the same at {len(places)} cuts of {len(candles)} candles")


def batch(bench: Bench) -> Check:
    """The batch form against the calls."""
    name = "batch"
    instance = bench.subject.make()
    if bench.subject.kind != "evaluator" or not hasattr(instance, "on_candle"):
        return not_applicable(name, "it does not evaluate candles")
    if not hasattr(instance, "evaluate_series"):
        advice = "add evaluate_series(candles), so that research can run it over arrays"
        return missing(name, "it has no evaluate_series", advice)
    candles = long_tape(instance, bench.count)
    said = [instance.on_candle(candle) for candle in candles]
    own = np.array([np.nan if each is None else each.value for each in said])
    found = bench.subject.make().evaluate_series(tape.arrays(candles))
    if len(found) != len(own):
        return failed(name, f"{len(found)} values for {len(own)} candles", "return one value per candle")
    wrong = _unequal(found, own)
    if wrong is not None:
        told = f"candle {wrong}: evaluate_series {found[wrong]:.12g}, on_candle {own[wrong]:.12g} (nan: no opinion)"
        return failed(name, told, f"make them agree to {TOLERANCE:g}, with NaN where on_candle gives None")
    largest = float(np.nanmax(np.abs(found - own), initial=0.0))
    return passed(
        name, f"{len(own)} candles, {int(np.isnan(own).sum())} of them without an opinion; off by {largest:.1e}"
    )


def _unequal(one: Any, other: Any) -> int | None:
    """Return the first place at which two rows of values differ, NaN for NaN."""
    different = ~np.isclose(one, other, rtol=0.0, atol=TOLERANCE, equal_nan=True)
    return int(np.argmax(different)) if different.any() else None


def sign(bench: Bench) -> Check:
    """Rising: the mean opinion is above 0 and none is at -0.5 or below. Falling: the mirror image.

    An evaluator that buys what has fallen declares `direction = "reversal"` and is held to the opposite.
    """
    name, direction = "sign", bench.subject.declared.direction
    if bench.subject.kind != "evaluator":
        return not_applicable(name, f"a {bench.subject.kind} has no opinion")
    if direction == "none":
        return not_applicable(name, 'its author declares direction = "none"')
    warmup = min(int(getattr(bench.subject.make(), "warmup", 0)), 3_000)
    means = []
    for way, candles in ((1, tape.rising(warmup + 200)), (-1, tape.falling(warmup + 200))):
        right = way if direction == "trend" else -way
        values = opinions(bench, candles)
        if not values:
            return not_applicable(name, f"no opinion on a tape that goes one way for {len(candles)} candles")
        mean, worst = sum(values) / len(values), min(value * right for value in values)
        tape_name = "rising" if way > 0 else "falling"
        told = (
            f"{tape_name} tape, {len(values)} opinions: mean {mean:+.3f}, farthest the wrong way {worst * right:+.3f}"
        )
        if mean * right <= 0.0 or worst <= -LOUD:
            other = "reversal" if direction == "trend" else "trend"
            advice = f'+1 is bullish: turn the sign; or declare direction = "{other}" or "none" in check.toml'
            return failed(name, f"{told}; expected {direction}", advice)
        means.append(mean)
    return passed(name, f"{direction}: mean opinion {means[0]:+.3f} on a rising tape, {means[1]:+.3f} on a falling one")


def opinions(bench: Bench, candles: Sequence[Candle]) -> list[float]:
    """Return every opinion that a new instance has on a tape."""
    instance = bench.subject.make()
    calls: list[Call] = list(evaluator_calls(instance, candles))
    said = [getattr(instance, name)(*given) for name, given in calls]
    return [each.value for each in said if isinstance(each, Evaluation)]
