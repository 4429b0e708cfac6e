"""A bot that is killed in the middle of a swap comes up with the old or the new, whole, and has lost no candle.

The suite kills five times; `make verify-kill` fifty times, or as often as LOLIGO_SWAP_KILLS says. Each moment lies
between the save of a tentacle's file and the end of its probation: before a change of a file (content store, recipe),
right after an input of the swap is in the journal, or at any time.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import pytest

from loligo.model.command import GenerationActivated, SwapEnded
from loligo.model.events import Evaluated
from loligo_bot.cli.control_client import ask
from tests.fakes.hanging_tentacles import trade_with_them, write_hanging
from tests.scenario.bots import BotFolder, ended
from tests.scenario.swapping_bot import ARMED, STARTED
from tests.scenario.test_swap_running import COUNTER, PER_SECOND, calls_are_whole, edit_registry, rewrite

KILLS = int(os.environ.get("LOLIGO_SWAP_KILLS", "5"))
SEED = int(os.environ.get("LOLIGO_KILL_SEED", "2"))
SWAPPING_BOT = Path(__file__).with_name("swapping_bot.py")
INPUTS = ("ShadowStarted", "GenerationActivated", "ProbationEnded", "SwapEnded")
SWAP_S = 3.0  # about as long as a swap takes here, from the save on
LIMIT_S = 20.0  # for a named place to come
MOST_POINTS = 30  # fault points between two inputs of a swap
FILE_CHANGES = 8  # at least, of code and recipe into the content store


@dataclass(slots=True)
class Toll:
    """What was done, for the report."""

    places: list[str] = field(default_factory=list)
    start_s: list[float] = field(default_factory=list)  # from launch to the first input, recovery included
    ends: list[str] = field(default_factory=list)  # what the history says of the swap


def moments(seed: int) -> Iterator[tuple[str, float]]:
    """Yield places without end, by turns a named one and any time, with the seconds after which to kill in any case."""
    dice = random.Random(seed)
    while True:
        for name in dice.sample([*INPUTS, "file"], len(INPUTS) + 1):
            count = dice.randint(1, FILE_CHANGES) if name == "file" else dice.randrange(MOST_POINTS)
            yield f"{name}:{count}", LIMIT_S
            yield "", dice.uniform(0.0, SWAP_S)


@pytest.fixture
def bot(template: BotFolder, tmp_path: Path) -> BotFolder:
    """A bot with an evaluator that counts its calls, whose files may be edited."""
    quick = {"SHADOW_INPUTS": "20", "PROBATION_INPUTS": "20"}
    bot = template.copy(tmp_path / "bot", **{f"LOLIGO__SWAP__{name}": value for name, value in quick.items()})
    bot.environment["PYTHONPATH"] += os.pathsep + str(Path(__file__).parents[2])  # the script is one of ours
    write_hanging(bot.home, "evaluator", 0)
    edit_registry(bot, lambda entries: [entry.pop("tree_hash") for entry in entries if entry["source"] == "local"])
    return bot.edit(lambda config: trade_with_them(config, "2017-12-15", "2019-01-01"))


@pytest.mark.timeout(60 + 20 * KILLS)
def test_after_a_kill_in_a_swap_the_next_start_runs_what_the_files_say_and_no_candle_is_lost(
    bot: BotFolder, tmp_path: Path
) -> None:
    toll = Toll()
    for number, (place, seconds) in enumerate(islice(moments(SEED), KILLS)):
        victim = bot.copy(tmp_path / f"victim-{number}")
        killed_in_a_swap(victim, place, seconds, toll)
        before = victim.copy(tmp_path / "copy").records()  # a copy, so that the bot itself has to recover the database
        shutil.rmtree(tmp_path / "copy")
        comes_up(victim, toll)
        assert victim.records()[: len(before)] == before
        is_whole(victim, toll)
        shutil.rmtree(victim.home)
    report(toll)


def started(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline().strip() == STARTED, ended(process).err


def killed_in_a_swap(bot: BotFolder, place: str, seconds: float, toll: Toll) -> None:
    """Save another version of the evaluator under the running bot, and see the bot killed at the place or after so
    long."""
    with bot.running(str(bot.home), PER_SECOND, *([place] if place else []), script=SWAPPING_BOT) as process:
        started(process)
        bot.wait_until(lambda status: status["next_seq"] > 500)
        process.send_signal(signal.SIGUSR1)
        assert process.stdout is not None and process.stdout.readline().strip() == ARMED
        rewrite(bot, COUNTER, '"count"', '"recount"')
        try:
            process.wait(seconds)
            toll.places.append(place)
        except subprocess.TimeoutExpired:
            process.kill()
            toll.places.append(f"{seconds:.2f} s")
        assert ended(process).code == -9


def comes_up(bot: BotFolder, toll: Toll) -> None:
    """Start it again, let it work through some candles, and stop it."""
    launched = time.monotonic()
    with bot.running(str(bot.home), PER_SECOND, script=SWAPPING_BOT) as process:
        started(process)
        toll.start_s.append(time.monotonic() - launched)
        seen = bot.wait_until(lambda status: True)
        assert not seen["is_swapping"]
        bot.wait_until(lambda status: status["next_seq"] > seen["next_seq"] + 60)
        ask(bot.home, {"do": "stop"})
        assert ended(process).code == 0


def is_whole(bot: BotFolder, toll: Toll) -> None:
    """The new version runs, since the files want it; it went on from the old one's state, once; history says so."""
    calls_are_whole(bot)
    codes = [
        event.evaluation.code for record in bot.records() for event in record.events if isinstance(event, Evaluated)
    ]
    assert codes[-1] == "recount"
    assert codes == sorted(codes)  # at no time the old one again
    inputs = [record.input for record in bot.records()]
    last = [item for item in inputs if isinstance(item, GenerationActivated)][-1]
    told = [item for item in inputs if isinstance(item, SwapEnded)]
    assert [item for item in told if "evaluator/counter" in "".join(item.changed) and item.result == "good"]
    assert told[-1].number == last.number
    assert bot.rows() == bot.rebuilt_rows()
    toll.ends.append(" + ".join(f"{item.result} {item.text if item.by == 'start' else ''}" for item in told))


def report(toll: Toll) -> None:
    times = sorted(toll.start_s)
    print(f"\n{len(toll.places)} kills in a swap: {', '.join(sorted(toll.places))}")
    print(f"start with recovery: median {times[len(times) // 2]:.2f} s, longest {times[-1]:.2f} s")
    print(*sorted({f"{toll.ends.count(end):3} x {end}" for end in toll.ends}), sep="\n")
