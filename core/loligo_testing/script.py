"""Scripts: the calls that a tentacle of the engine is tested with, each a name and its arguments, ready to be repeated.

Evaluators get the tapes, strategies boards whose opinions go up and down and are missing or old at times, risk rules
requests and views of every size. What a trading mode is asked depends on what it answered: its calls are recorded from
a simulated desk, with the view as it was then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from random import Random
from typing import Any

import msgspec

from loligo.api import Candle, Direction, Evaluation, Input, MakeContext, Signal, market_order
from loligo.errors import TENTACLE_FAULTS
from loligo_testing import tape
from loligo_testing.desk import DeskRun, SimulatedDesk
from loligo_testing.parts import Maker, Waves
from loligo_testing.requests import rule_calls
from loligo_testing.subject import CALLS, Subject
from loligo_testing.views import FilledBoard, FilledDeskView

Call = tuple[str, tuple[Any, ...]]
_PACKED = msgspec.msgpack.Encoder()


def script_of(subject: Subject, *, count: int = 600) -> list[Call]:
    """Return the calls of a kind that is called by the engine; of those that an instance does not have, none."""
    if subject.kind == "trading_mode":
        return recorded_mode_calls(subject, count)[0]
    instance = subject.make()
    calls: Iterator[Call]
    if subject.kind == "evaluator":
        calls = evaluator_calls(instance, long_tape(instance, count))
    elif subject.kind == "strategy":
        calls = (("decide", (board,)) for board in boards(len(subject.inputs), count))
    else:
        calls = rule_calls(count)
    return [call for call in calls if hasattr(instance, call[0])]


def play(instance: Any, calls: Sequence[Call]) -> list[bytes]:
    """Return every answer, packed; a call that raises is answered by its error."""
    return [answer(instance, call) for call in calls]


def answer(instance: Any, call: Call) -> bytes:
    name, given = call
    try:
        said = getattr(instance, name)(*given)
        return _PACKED.encode(list(said) if isinstance(said, Sequence) and not isinstance(said, str | bytes) else said)
    except TENTACLE_FAULTS as exc:
        return f"raised {type(exc).__name__}: {exc}".encode()


def shown(packed: bytes) -> str:
    """Return an answer for a person."""
    if packed.startswith(b"raised "):
        return packed.decode(errors="replace")[:120]
    return str(msgspec.msgpack.decode(packed))[:120]


# Evaluators


def long_tape(instance: Any, count: int) -> list[Candle]:
    """Return a walk that is long enough for an evaluator to have opinions, by what it declares as its warm-up."""
    return tape.walk(count + min(int(getattr(instance, "warmup", 0)), 3_000))


def evaluator_calls(instance: Any, candles: Sequence[Candle]) -> Iterator[Call]:
    """Return the calls that a tape makes, each kind of data after the other."""
    made: dict[str, Callable[[], Iterator[Any]]] = {
        "on_candle": lambda: iter(candles),
        "on_trade": lambda: tape.trades(candles),
        "on_quote": lambda: tape.quotes(candles),
        "on_book": lambda: tape.books(candles),
        "on_external": lambda: tape.news(candles),
    }
    has = [name for name in CALLS["evaluator"] if hasattr(instance, name)]
    return chain.from_iterable(((name, (item,)) for item in made[name]()) for name in has)


# Strategies


def boards(places: int, count: int) -> Iterator[FilledBoard]:
    """Yield boards an hour apart. Opinions wander; at first, and at times, one is missing or some candles old."""
    random = Random(7)
    values = [random.uniform(-1.0, 1.0) for _ in range(places)]
    for number, each in enumerate(tape.walk(count, seed=7)):
        values = [max(-1.0, min(1.0, value + random.gauss(0.0, 0.3))) for value in values]
        is_there = [number > 5 and random.random() > 0.03 for _ in values]
        times = [
            each.ts - (random.randrange(1, 10) if random.random() < 0.05 else 0) * 3_600_000_000_000 for _ in values
        ]
        yield FilledBoard(
            evaluations=[Evaluation(v, "test") if there else None for v, there in zip(values, is_there, strict=True)],
            evaluated_at_ns=[at if there else 0 for at, there in zip(times, is_there, strict=True)],
            ts=each.ts,
            price=each.close,
            candle=each,
        )


# Trading modes, and desks with the tentacle under test in its place


def desk_of(subject: Subject, make: Maker | None = None) -> SimulatedDesk:
    """Return a desk on which the tentacle works; `make` stands for its own maker."""
    own: Maker = make or subject.make
    opinions: dict[str, Maker] = {"waves": lambda context: Waves()}
    match subject.kind:
        case "evaluator":
            return _evaluator_desk(subject, own)
        case "strategy":
            names = [place.name for place in subject.inputs]
            waves: dict[str, Maker] = {name: _waves(phase) for phase, name in enumerate(names)}
            return SimulatedDesk(evaluators=waves, strategy=own)
        case "trading_mode":
            return SimulatedDesk(mode=own, signals=mode_signals(), tick_s=1_800.0)
        case "risk_rule":
            return SimulatedDesk(evaluators=opinions, rules=(own,))
        case "venue":
            return SimulatedDesk(evaluators=opinions, venue=own)
        case _:
            return SimulatedDesk(evaluators=opinions)


def _evaluator_desk(subject: Subject, own: Maker) -> SimulatedDesk:
    """Return a desk that decides by what the evaluator reads, and is filled by it where it has prices."""
    instance = subject.make()
    by = next((kind for call, kind in _FILLED_BY.items() if hasattr(instance, call)), "")
    if not by or hasattr(instance, "on_candle"):
        return SimulatedDesk(evaluators={subject.name: own})
    return SimulatedDesk(evaluators={subject.name: own}, timeframe="", fills={"match_on": by, "max_volume_share": None})


_FILLED_BY = {"on_trade": "trades", "on_quote": "quotes", "on_book": "book"}


def desk_inputs(subject: Subject, count: int) -> list[Input]:
    """Return the tape of a desk, in order of time: candles, or what else an evaluator reads, one for each of them."""
    candles = tape.walk(count, seed=3)
    instance = subject.make() if subject.kind == "evaluator" else None
    if instance is None or hasattr(instance, "on_candle"):
        return list(candles)
    if hasattr(instance, "on_external"):
        return _in_order([*candles, *tape.news(candles)])
    return _in_order([given[0] for _, given in evaluator_calls(instance, candles[: count // 3])])


def _in_order(items: list[Any]) -> list[Input]:
    return sorted(items, key=market_order)


def _waves(phase: int) -> Maker:
    return lambda context: Waves(phase / 3.0)


def mode_signals(count: int = 5_000) -> dict[int, Signal | Direction]:
    """Return a script for modes: long for half a day, flat for another, with and without prices of its own."""
    said: dict[int, Signal | Direction] = {}
    for place in range(3, count, 24):
        said[place] = Signal(Direction.LONG, 0.9, "test")
        said[place + 5] = Signal(Direction.LONG, 0.8, "again")
        said[place + 12] = Signal(Direction.FLAT, 1.0, "leave")
    return said


class _Recorded:
    """An instance whose calls are written down, with the view as it was."""

    def __init__(self, instance: Any, calls: list[Call]) -> None:
        self._instance, self._calls = instance, calls

    def __getattr__(self, name: str) -> Any:
        own = getattr(self._instance, name)
        if name not in CALLS["trading_mode"]:
            return own

        def call(*given: Any) -> Any:
            self._calls.append((name, (*given[:-1], FilledDeskView.of(given[-1]))))
            return own(*given)

        call.__name__ = name
        return call


def recorded_mode_calls(subject: Subject, count: int) -> tuple[list[Call], DeskRun]:
    """Return what a trading mode was asked over a walk, and the run in which it was."""
    calls: list[Call] = []

    def make(context: MakeContext) -> Any:
        return _Recorded(subject.make(context), calls)

    run = desk_of(subject, make).run(desk_inputs(subject, count))
    return calls, run
