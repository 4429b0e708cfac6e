"""Moments at which a bot is killed, drawn from a seed: half at named fault points, half at any time."""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.scenario.bots import BotFolder, ended
from tests.scenario.paper_bot import STARTED

PAPER_BOT = Path(__file__).with_name("paper_bot.py")
PER_RECORD = ("decide", "append")
PER_COMMIT = ("commit", "send")
PER_ROUND = ("projection",)  # at the start, some four times a second after that, and at the end
PER_SNAPSHOT = ("snapshot",)
STEPS = (*PER_RECORD, *PER_COMMIT, *PER_ROUND, *PER_SNAPSHOT)
POINTS = tuple(
    f"{side}_{step}" for step in STEPS for side in ("before", "after") if (side, step) != ("before", "append")
)
AT_ONCE_S = 1.2  # about as long as a start takes until the feeds begin
AT_WORK_S = 0.5  # about half of what the season takes after that


@dataclass(frozen=True, slots=True)
class Moment:
    """When a run is killed: at the COUNTth passing of a point, or so many seconds after its launch or its start."""

    place: str = ""
    delay_s: float = 0.0
    is_after_start: bool = True


@dataclass(slots=True)
class Toll:
    """What was done to the bots, for the report."""

    kills: list[Moment] = field(default_factory=list)
    runs: int = 0
    start_s: list[float] = field(default_factory=list)  # from launch to the first input, recovery included


def named_moments(seed: int) -> Iterator[Moment]:
    """Yield passings of fault points without end; every point comes before any comes again."""
    dice = random.Random(seed)
    while True:
        for point in dice.sample(POINTS, len(POINTS)):
            step = point.partition("_")[2]
            most = 200 if step in PER_RECORD else 4 if step in PER_COMMIT else 2 if step in PER_ROUND else 1
            yield Moment(place=f"{point}:{dice.randint(1, most)}")


def arbitrary_moments(seed: int) -> Iterator[Moment]:
    """Yield times without end; one in five lies between the launch and the first input: loading, opening, recovery."""
    dice = random.Random(seed)
    while True:
        if dice.random() < 0.8:
            yield Moment(delay_s=dice.uniform(0.0, AT_WORK_S))
        else:
            yield Moment(delay_s=dice.uniform(0.0, AT_ONCE_S), is_after_start=False)


def plan(seed: int) -> Iterator[Moment]:
    """Yield named and arbitrary moments by turns."""
    for pair in zip(named_moments(seed), arbitrary_moments(seed), strict=True):
        yield from pair


def run_until(bot: BotFolder, moment: Moment | None, toll: Toll) -> bool:
    """Run the bot and kill it then. True if it was killed, False if it came to its end before; else AssertionError."""
    place = [moment.place] if moment is not None and moment.place else []
    with bot.running(str(bot.home), *place, script=PAPER_BOT) as process:
        began = time.monotonic()
        is_timed = moment is not None and not moment.place
        if moment is None or moment.place or moment.is_after_start:
            _wait_for_start(process, began, toll)
        if is_timed and moment is not None:
            _kill_after(process, moment.delay_s)
        done = ended(process)
    code = done.code
    assert code in (0, -9), done.err
    return code == -9


def _wait_for_start(process: subprocess.Popen[str], began: float, toll: Toll) -> None:
    assert process.stdout is not None
    if process.stdout.readline().strip() == STARTED:  # nothing when a fault point came first
        toll.start_s.append(time.monotonic() - began)


def _kill_after(process: subprocess.Popen[str], delay_s: float) -> None:
    try:
        process.wait(delay_s)
    except subprocess.TimeoutExpired:
        process.kill()
