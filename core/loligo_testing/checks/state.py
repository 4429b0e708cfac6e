"""Checks of state: what is exported is all that counts, and exchanges under load and by the hundred leave no trace."""

from __future__ import annotations

import gc
import re
import sys
import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from random import Random
from types import CodeType, ModuleType
from typing import Any

import msgspec

from loligo.api import Input
from loligo.host.finder import compile_module, installed_finder, modules_of
from loligo.host.loader import bind
from loligo.model.command import GenerationActivated, ProbationEnded, ShadowStarted
from loligo.model.events import Record, SwapStep, SwapStepped
from loligo.ports.venue import EngineVenue
from loligo_testing.checks.bench import Bench, cuts, first_difference
from loligo_testing.desk import started_at
from loligo_testing.report import Check, failed, not_applicable, passed
from loligo_testing.script import desk_inputs, desk_of, play, shown
from loligo_testing.subject import Subject

_PACKED = msgspec.msgpack.Encoder(order="deterministic")
_AFTER = 40  # calls that an instance with restored state is compared over
LARGEST_STATE = 1_000_000  # bytes; 100 kB are handed over within the millisecond that a swap may hold the engine
POINTS = 12
SWAPS = 20
VERSIONS = 100
_PLAIN = (str, int, float, bool, type(None))


def state(bench: Bench) -> Check:
    """Export at many points, restore into a new instance, go on with both."""
    name, subject = "state", bench.subject
    if not bench.is_called:
        return not_applicable(name, f"the state of a {subject.kind} is not handed over by the engine")
    mode = subject.version.manifest.state.mode
    calls, answers, largest, done = bench.calls, bench.answers, 0, 0
    one = subject.make()
    for cut in cuts(len(calls), POINTS):
        play(one, calls[done:cut])
        done = cut
        exported = one.export_state()
        if (place := not_plain(exported)) is not None:
            return failed(
                name, f"after {cut} calls export_state holds {place}", "export dict, list, str, int, float, bool, None"
            )
        packed = _PACKED.encode(exported)
        largest = max(largest, len(packed))
        if mode == "none" and exported:
            return failed(name, f'state.mode is "none", export_state gives {len(packed)} bytes', 'say mode = "export"')
        other = subject.make()
        if mode == "rebuild":
            candles = subject.version.manifest.state.candles or 0
            play(other, calls[max(0, cut - candles) : cut])
        else:
            other.restore_state(msgspec.msgpack.decode(packed))
            if _PACKED.encode(other.export_state()) != packed:
                return failed(
                    name, f"after {cut} calls: restored and exported again, it differs", "restore all that is exported"
                )
        said = play(other, calls[cut : cut + _AFTER])
        wrong = first_difference(said, answers[cut : cut + _AFTER])
        if wrong is not None:
            told = f"restored after {cut} calls, call {cut + wrong} gives {shown(said[wrong])}"
            told += f" and not {shown(answers[cut + wrong])}"
            return failed(name, told, "export and restore everything that a later answer depends on")
    if largest > LARGEST_STATE:
        return failed(
            name, f"{largest:,} bytes", f"keep no more than {LARGEST_STATE:,}: a swap holds the engine for it"
        )
    return passed(name, f"{POINTS} points, {_AFTER} calls after each; at most {largest:,} bytes")


def not_plain(value: Any, place: str = "state") -> str | None:
    """Return where a value is not plain data, None when it is."""
    if type(value) in _PLAIN:
        return None
    if type(value) is list:
        return next((p for n, each in enumerate(value) if (p := not_plain(each, f"{place}[{n}]"))), None)
    if type(value) is dict and all(type(key) is str for key in value):
        return next((p for key, each in value.items() if (p := not_plain(each, f"{place}.{key}"))), None)
    return f"{place}: {type(value).__name__}"


def swap(bench: Bench) -> Check:
    """Exchange it for itself, at random inputs, while its desk trades; compare with the run that nobody disturbed."""
    name, subject = "swap", bench.subject
    if not bench.is_called and not (subject.kind == "venue" and isinstance(subject.make(), EngineVenue)):
        return not_applicable(name, f"a {subject.kind} is not exchanged by the engine")
    inputs = desk_inputs(subject, bench.count)
    disturbed, steps = _swapped_run(subject, inputs)
    faults = [step for step in steps if step.step in (SwapStep.REFUSED, SwapStep.FAILED, SwapStep.ROLLED_BACK)]
    if faults:
        told = f"swap {faults[0].number} at {faults[0].tentacle}: {faults[0].step}: {faults[0].text}"
        return failed(name, told, "see the check of state")
    differing = [step for step in steps if step.step is SwapStep.DIFFERS]
    if differing:
        return failed(name, f"{len(differing)} answers differ, the first {differing[0].text}", "see the check of state")
    own, other = list(decisions(bench.run.records)), list(decisions(disturbed))
    place = first_difference(own, other)
    if place is not None:
        there = [each[place][:100] if place < len(each) else "nothing" for each in (own, other)]
        return failed(name, f"decision {place}: {there[1]} instead of {there[0]}", "see the check of state")
    return passed(name, f"{SWAPS} swaps among {len(inputs)} inputs: {len(own)} events equal, 0 lost, 0 twice")


def _swapped_run(subject: Subject, inputs: Sequence[Input]) -> tuple[list[Record], list[SwapStepped]]:
    desk, random, count = desk_of(subject), Random(5), len(inputs)
    engine = desk.engine()
    plan = engine.plan
    starts = sorted(random.sample(range(10, count - 12), SWAPS * 2))[::2]
    due: dict[int, list[tuple[str, int]]] = {}
    for number, (start, following) in enumerate(zip(starts, [*starts[1:], count], strict=True), 2):
        length = max(1, (following - start) // 3)
        for what, at in (("shadow", start), ("flip", start + length), ("settle", min(start + 2 * length, following))):
            due.setdefault(at, []).append((what, number))
    records = [engine.process(GenerationActivated(started_at(inputs[0]), 1, plan.slots))]
    for place, item in enumerate(inputs):
        for what, number in due.get(place, ()):
            now = engine.now_ns
            if what == "shadow":
                plan = desk.plan(str(number))
                engine.prepare(plan)
                records.append(engine.process(ShadowStarted(now, number, plan.slots)))
            elif what == "flip":
                records.append(engine.process(GenerationActivated(now, number, plan.slots)))
            else:
                records.append(engine.process(ProbationEnded(now, number)))
        records.append(engine.process(item))
    return records, [event for record in records for event in record.events if isinstance(event, SwapStepped)]


def decisions(records: Sequence[Record]) -> Iterator[str]:
    """Yield every event but those of swaps, without the numbers that more inputs move: seq, cause, order ids."""
    ids: dict[str, str] = {}
    for record in records:
        for event in record.events:
            if isinstance(event, SwapStepped):
                continue
            plain = msgspec.to_builtins(event)
            plain[1] = plain[3] = 0  # after the tag: seq and cause
            if plain[0] == "signal":
                plain[-1] = ()  # the seqs of its board
            yield _renamed(msgspec.json.encode(plain).decode(), ids)


def _renamed(text: str, ids: dict[str, str]) -> str:
    """Return a text whose order ids are numbered as they come."""
    return re.sub(r"\b[0-9a-f]{10}-\d+(?:g\d+)?", lambda found: ids.setdefault(found[0], f"order{len(ids)}"), text)


def unload(bench: Bench) -> Check:
    """Import it 100 times under names of their own, call each, let each go, and count what is left."""
    name, subject = "unload", bench.subject
    calls = bench.calls[:_AFTER] if bench.is_called else []
    alive: list[weakref.ref[Any]] = []
    one_instance = 0
    gc.freeze()  # what is here already is not looked through again at each collection
    files, folder = subject.version.files, subject.version.folder
    code = {path: compile_module(source, str(folder / path)) for path, source in modules_of(files).items()}
    for number in range(VERSIONS):
        classes = _one_version(subject, code, number, calls)
        alive += classes
        one_instance = len(classes)
        if number % 20 == 19:
            gc.collect()
    gc.collect()
    gc.unfreeze()
    left = [found for each in alive if (found := each()) is not None]
    if not left:
        return passed(name, f"{VERSIONS} versions, {one_instance} classes and modules each: 0 left")
    told = f"{len(left)} of {len(alive)} classes and modules of {VERSIONS} versions are left, such as {_named(left[0])}"
    holder = _holder(left[0])
    return failed(
        name,
        f"{told}{f', held by {holder}' if holder else ''}",
        "take back what it registers elsewhere: caches, atexit, loggers, signals",
    )


def _one_version(
    subject: Subject, code: Mapping[str, CodeType], number: int, calls: Sequence[Any]
) -> list[weakref.ref[Any]]:
    """Load, call and forget one version; return what to look for afterwards."""
    version = replace(subject.version, tree_hash=f"h1:{number:012d}{subject.version.tree_hash[15:]}")
    loaded, package = bind(version, code), version.package
    play(replace(subject, version=version, loaded=loaded, settings=_again(loaded, subject)).make(), calls)
    modules = [module for key, module in sys.modules.items() if key == package or key.startswith(f"{package}.")]
    found: list[weakref.ref[Any]] = [weakref.ref(module) for module in modules]
    for module in modules:
        own = (each for each in vars(module).values() if isinstance(each, type) and each.__module__ == module.__name__)
        found += [weakref.ref(each) for each in own]
    installed_finder().forget(package)
    return found


def _again(loaded: Any, subject: Subject) -> Any:
    return loaded.make_settings(subject.declared.settings)


def _named(thing: Any) -> str:
    return thing.__name__ if isinstance(thing, ModuleType) else f"class {thing.__qualname__}"


def _holder(thing: Any) -> str:
    """Return the first thing outside of the tentacle that refers to one of its own."""
    for each in gc.get_referrers(thing):
        module = getattr(each, "__module__", None) or type(each).__module__
        if isinstance(each, dict | list | set | tuple):
            for owner in gc.get_referrers(each):
                if isinstance(owner, ModuleType) and not owner.__name__.startswith("_tentacles"):
                    return f"module {owner.__name__}"
        elif isinstance(module, str) and not module.startswith(("_tentacles", "builtins", "loligo_testing")):
            return f"{module}.{getattr(each, '__qualname__', type(each).__name__)}"
    return ""
