"""What it costs to ask fifty tentacles: the engine's way, tuples bound once per generation, and a pluggy hook call.

Both ask the very same fifty instances, which have no opinion. The engine's way is the real evaluation stage, with its
guard around each call; pluggy's is `pm.hook.on_candle(...)` with the same instances registered. They take turns.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import pluggy

from loligo.engine.evaluation import EvaluationStage
from loligo.engine.plan import EvaluatorPlan
from loligo.engine.recorder import Recorder
from loligo.engine.seat import SeatBoard
from loligo.model.evaluation import Evaluation
from loligo.model.market import Candle
from tests.benchmarks.measures import Figure

PLUGINS, CALLS, ROUNDS = 50, 2_000, 15
CANDLE = Candle("sim:BTC/USD", "1m", 0, 60_000_000_000, 1.0, 1.0, 1.0, 1.0, 1.0)


class Specification:
    @pluggy.HookspecMarker("bench")
    def on_candle(self, candle: Candle) -> Evaluation | None:
        """Be asked about a candle."""


class Quiet:
    """Has no opinion."""

    state_version, warmup = 1, 0

    @pluggy.HookimplMarker("bench")
    def on_candle(self, candle: Candle) -> Evaluation | None:
        return None


def dispatch(_folder: Path | None = None) -> list[Figure]:
    """How many times faster fifty tentacles are asked than by a hook call."""
    quiet = [Quiet() for _ in range(PLUGINS)]
    ask, hook = by_the_engine(quiet), by_pluggy(quiet)
    pairs = [(seconds(lambda: ask(CANDLE, 0)), seconds(lambda: hook(candle=CANDLE))) for _ in range(ROUNDS)]
    ours, theirs = (statistics.median(column) / CALLS * 1e9 for column in zip(*pairs, strict=True))
    ratio = statistics.median(b / a for a, b in pairs)
    note = f"{ours:,.0f} ns for all fifty; pm.hook {theirs:,.0f} ns"
    return [Figure("dispatch_vs_pluggy_50", ratio, "x", note, ratio)]


def by_the_engine(quiet: list[Quiet]) -> Callable[[Candle, int], None]:
    stage, board = EvaluationStage(Recorder()), SeatBoard(len(quiet))
    route = []
    for place, instance in enumerate(quiet):
        plan = EvaluatorPlan(
            name=f"quiet{place}",
            key=str(place),
            label=f"quiet{place}",
            timeframe="1m",
            make=lambda instance=instance: instance,  # type: ignore[misc]
        )
        slot = stage.make(plan, CANDLE.instrument)
        slot.write_to(board, place)
        route.append((slot.calls["candle"], slot))
    return stage.bind(route)


def by_pluggy(quiet: list[Quiet]) -> Callable[..., object]:
    manager = pluggy.PluginManager("bench")
    manager.add_hookspecs(Specification)
    for instance in quiet:
        manager.register(instance)
    hook: Callable[..., object] = manager.hook.on_candle
    return hook


def seconds(call: Callable[[], object]) -> float:
    """Return the CPU seconds of many calls."""
    started = time.process_time()
    for _ in range(CALLS):
        call()
    return time.process_time() - started


if __name__ == "__main__":
    print(dispatch())
