"""Swap proof: a bot that trades under a stream of 10,000 events a second while its tentacles are exchanged.

    another process ─► socket ─► feed ─► inbox ─► engine, 5 tentacles, open orders ─► journal
    this process: writes the next version into the folder and says "apply"; 1 in 10 is faulty

Afterwards the journal must hold every event once, and nothing but the swaps may tell it from that of a run without any.
Rounds with swaps and rounds without take turns in one run, so that a slow moment of the machine hits both.
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import msgspec

from loligo.model.command import GenerationActivated, ShadowStarted
from loligo.registry.tree import hash12, read_tree, tree_hash
from loligo_bot import leaks
from loligo_bot.cli.control_client import ask
from loligo_kit.discovery import refresh
from loligo_store.database import open_engine
from loligo_store.reader import JournalReader
from tests.benchmarks.bots import ROOT
from tests.benchmarks.measures import Figure
from tests.benchmarks.swapping import versions
from tests.benchmarks.swapping.bot import CENSUS, NOTES, STEPS, Notes
from tests.benchmarks.swapping.journals import Told, differing, without_swaps

PER_SECOND = 10_000
SWAPS_PER_S = 10
SWAPS, ROUNDS = 1_000, 10
BEGAN_NS, STEP_NS = 1_577_836_800_000_000_000, 100_000  # of the stream, as its feed has them
HANG_S = 0.5  # after which the watchdog interrupts; events that a hang delayed are left out of the latencies
QUIET_S = 5.0
LIMIT_S = 60.0
REST_S = 10.0

CONFIG = """
bot: {name: proof}
venues:
  sim:
    kind: simulated
    instruments:
      BTC/USD: {price_step: 0.01, quantity_step: 0.00001, minimum_quantity: 0.00001, minimum_notional: 5}
      ETH/USD: {price_step: 0.01, quantity_step: 0.00001, minimum_quantity: 0.00001, minimum_notional: 5}
accounts:
  paper:
    deposits: {USD: 100000}
    limits: {max_daily_loss: 0.99, max_exposure: 1, max_drawdown: 0.99, max_orders_per_minute: 100000}
desks:
  proof:
    venue: sim
    account: paper
    instruments: [BTC/USD, ETH/USD]
    timeframe: 1m
    capital: 100000
    evaluators: [{tentacle: trend}, {tentacle: flow}]
    strategy: {tentacle: turn}
    mode: {tentacle: rester}
    risk_rules: [counted, confidence, daily_loss]
    limits: {stop_loss: 0.99, max_position_share: 1, max_trades_per_day: 1000000, max_consecutive_losses: 1000000}
feeds: [{tentacle: stream}]
engine: {tentacle_timeout_s: 0.5, equity_every_s: 1}
swap: {watch: false, shadow_inputs: 100, shadow_s: 5, probation_inputs: 400, probation_s: 5}
journal: {commit_every_records: 200}
log: {level: critical}
"""


@dataclass(slots=True)
class Proof:
    """What a run with swaps came to."""

    events: int = 0
    results: Counter[str] = field(default_factory=Counter)
    uncaught: list[str] = field(default_factory=list)
    spoiled: list[str] = field(default_factory=list)  # good versions that did not come to lead
    began_ns: int = 0  # when event 0 was due
    rounds: list[tuple[bool, int, int]] = field(default_factory=list)  # with swaps or without, from, until
    left_out: list[tuple[int, int]] = field(default_factory=list)
    swap_ms: list[float] = field(default_factory=list)  # from "apply" to its report, of good ones
    seconds: float = 0.0  # in rounds with swaps, without those that hung
    hung: int = 0
    alive: int = 0
    leaking: dict[str, str] = field(default_factory=dict)
    kb_per_swap: float = 0.0
    notes: Notes = field(default_factory=lambda: Notes([], [], [], [], [], []))


class Bot:
    """A bot folder with the five tentacles, its process and the one that gives it events."""

    def __init__(self, home: Path, **environment: str) -> None:
        self.home = home
        clean = {key: value for key, value in os.environ.items() if not key.startswith("LOLIGO")}
        self._environment = {**clean, "PYTHONPATH": f"{ROOT / 'core'}:{ROOT}", **environment}
        main = "from loligo_bot.cli import main; main()"
        command = [sys.executable, "-c", main, "--home", str(home), "init", str(home)]
        subprocess.run(command, env=self._environment, check=True, capture_output=True)
        (home / "config" / "loligo.yaml").write_text(CONFIG)
        for tentacle in versions.SWAPPED:
            self.write(tentacle, versions.good(tentacle, 0))
        feed = versions.TENTACLES / "feeds" / "stream"
        self.write("feeds/stream", {path.name: path.read_text() for path in feed.iterdir() if path.is_file()})
        registry = home / "tentacle_registry.json"
        refresh(registry)
        content = json.loads(registry.read_text())
        for entry in content["tentacles"]:
            if entry["source"] == "local":
                del entry["tree_hash"]
                entry["permissions"] = ["net:localhost"] if entry["kind"] == "feed" else []
        registry.write_text(json.dumps(content))
        (home / "state").mkdir(mode=0o700, exist_ok=True)

    def write(self, tentacle: str, files: versions.Files) -> None:
        """Put a version into its folder."""
        folder = self.home / "tentacles" / tentacle
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (folder / name).write_text(content)

    @contextmanager
    def running(
        self, per_second: int, count: int | None = None, *, script: str = "swapping/bot.py"
    ) -> Iterator[tuple[Any, Any]]:
        """Start the stream and the bot; yield both processes."""
        module = [sys.executable, "-m", "tests.benchmarks.swapping.stream", str(self.home / "state" / "stream.sock")]
        module += [str(per_second), *([str(count)] if count is not None else [])]
        terms: dict[str, Any] = {"env": self._environment, "text": True, "stdout": subprocess.PIPE}
        with subprocess.Popen(module, stdin=subprocess.PIPE, cwd=ROOT, **terms) as stream:
            program = ROOT / "tests" / "benchmarks" / script
            with subprocess.Popen([sys.executable, str(program), str(self.home)], cwd=self.home, **terms) as bot:
                try:
                    yield stream, bot
                finally:
                    bot.kill()
                    stream.kill()

    def census(self, bot: Any) -> dict[str, Any]:
        """Return what the bot counts of its own memory."""
        file = self.home / CENSUS
        file.unlink(missing_ok=True)
        bot.send_signal(signal.SIGUSR1)
        until = time.monotonic() + LIMIT_S
        while not file.exists():
            if time.monotonic() > until or bot.poll() is not None:
                raise SystemExit(f"the bot in {self.home} does not answer")
            time.sleep(0.02)
        found: dict[str, Any] = json.loads(file.read_text())
        return found

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = ask(self.home, {"do": "status"}, LIMIT_S)["status"]
        return found

    def wanted(self) -> set[str]:
        """Return the hashes of what lies in the folders: those that should run."""
        folders = [path.parent for path in self.home.glob("tentacles/*/*/tentacle.toml")]
        return {hash12(tree_hash(read_tree(folder))) for folder in folders}

    def journal(self, told: Told) -> Iterator[bytes]:
        engine = open_engine(self.home / "state" / "journal.sqlite")
        try:
            yield from without_swaps(JournalReader(engine).records(), told)
        finally:
            engine.dispose()


def swap_once(bot: Bot, proof: Proof, number: int, kept: dict[str, versions.Files]) -> None:
    """Write the next version, have it applied, and put a faulty one back as it was."""
    names = list(versions.SWAPPED)
    is_faulty = number % 10 == 9
    tentacle = names[(number // 10 if is_faulty else number) % len(names)]
    fault = list(versions.FAULTS)[number // 10 % len(versions.FAULTS)] if is_faulty else ""
    files = versions.faulty(tentacle, number + 1, fault) if fault else versions.good(tentacle, number + 1)
    bot.write(tentacle, files)
    began = time.monotonic_ns()
    swap = ask(bot.home, {"do": "apply", "by": "proof"}, LIMIT_S)["swap"]
    ended = time.monotonic_ns()
    result = swap["result"]
    proof.results[f"{fault or 'good'}: {result}"] += 1
    if fault:
        if result not in ("refused", "rolled_back"):
            proof.uncaught.append(f"{number} {tentacle} {fault}: {result}")
        bot.write(tentacle, kept[tentacle])
        if fault == "hangs":
            proof.hung += 1
            proof.seconds -= (ended - began) / 1e9
            proof.left_out.append((began, ended + 2_000_000_000))
    elif result == "good":
        kept[tentacle] = files
        proof.swap_ms.append((ended - began) / 1e6)
    else:
        proof.spoiled.append(f"{number} {tentacle}: {result}: {swap['text']}")
        bot.write(tentacle, kept[tentacle])


def run_with_swaps(bot: Bot, swaps: int, rounds: int, quiet_s: float, *, per_second: int = PER_SECOND) -> Proof:
    """Run the stream; in each round leave the bot alone for a while, then exchange tentacles at this pace."""
    proof, kept = Proof(), {tentacle: versions.good(tentacle, 0) for tentacle in versions.SWAPPED}
    with bot.running(per_second) as (stream, process):
        proof.began_ns = int(stream.stdout.readline())
        while bot.status()["next_seq"] < 50_000:
            time.sleep(0.05)
        for each in range(rounds):
            began = time.monotonic_ns()
            time.sleep(quiet_s)
            proof.rounds.append((False, began, began := time.monotonic_ns()))
            for number in range(each * swaps // rounds, (each + 1) * swaps // rounds):
                due = began / 1e9 + (number - each * swaps // rounds) / SWAPS_PER_S
                time.sleep(max(0.0, due - time.monotonic()))
                swap_once(bot, proof, number, kept)
            proof.rounds.append((True, began, ended := time.monotonic_ns()))
            proof.seconds += (ended - began) / 1e9
        _take_stock(bot, process, proof)
        stream.stdin.close()
        proof.events = int(stream.stdout.readline())
        if process.wait(LIMIT_S):
            raise SystemExit(f"the bot in {bot.home} ended with {process.returncode}")
    proof.notes = msgspec.msgpack.decode((bot.home / NOTES).read_bytes(), type=Notes)
    return proof


def _take_stock(bot: Bot, process: Any, proof: Proof) -> None:
    """Count the classes of replaced versions that are still there when the last swap has come to rest."""
    wanted, names = bot.wanted(), [f"_{tentacle.split('/')[1]}__" for tentacle in versions.SWAPPED]
    until = time.monotonic() + REST_S
    while True:
        found = bot.census(process)["classes"]
        ours = {package: count for package, count in found.items() if any(name in package for name in names)}
        proof.alive = sum(count for package, count in ours.items() if package.rpartition("__")[2] not in wanted)
        proof.leaking = bot.status()["leaking"]
        if not proof.alive or time.monotonic() > until:
            return
        time.sleep(0.5)


def run_without(bot: Bot, events: int) -> None:
    """Run the same events with nobody disturbing."""
    with bot.running(0, events) as (stream, process):
        stream.stdout.readline()
        if process.wait(600):
            raise SystemExit(f"the undisturbed bot ended with {process.returncode}")


def check(bot: Bot, undisturbed: Bot, proof: Proof) -> dict[str, int]:
    """Compare both journals: how many events are lost, doubled, and records decided otherwise."""
    told, other = Told(), Told()
    differ = differing(bot.journal(told), undisturbed.journal(other))
    if not told.orders or not told.fewest_open:
        raise SystemExit(f"{told.orders} orders, {told.fewest_open} open at the quietest swap: that proves nothing")
    print(f"  {told.orders} orders, at least {told.fewest_open} open at each swap; {dict(proof.results)}")
    return {
        "lost": proof.events - len(told.inputs),
        "doubled": sum(count - 1 for count in told.inputs.values()),
        "differing": differ,
    }


def latencies_ms(proof: Proof) -> tuple[list[float], list[float]]:
    """Return the 99th percentile of the events' latency in each round without swaps, and in each with them.

    Latency is from when an event was due to when the engine had done with it, whatever it waited for.
    """
    notes = proof.notes
    taken: list[list[float]] = [[] for _ in proof.rounds]
    for step, ts, at in zip(notes.steps, notes.times, notes.done, strict=True):
        if step or ts < BEGAN_NS:
            continue
        due = proof.began_ns + (ts - BEGAN_NS) // STEP_NS * (1_000_000_000 // PER_SECOND)
        place = next((place for place, (_, a, b) in enumerate(proof.rounds) if a <= due < b), None)
        if place is not None and not any(a <= due < b for a, b in proof.left_out):
            taken[place].append((at - due) / 1e6)
    p99 = [percentile(each, 0.99) for each in taken]
    quiet = [one for one, (with_swaps, *_) in zip(p99, proof.rounds, strict=True) if not with_swaps]
    return quiet, [one for one, (with_swaps, *_) in zip(p99, proof.rounds, strict=True) if with_swaps]


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")


def pauses_ms(notes: Notes, kind: type, taken: list[int]) -> list[float]:
    """Return how long inputs of this kind held the engine, of `taken` for all inputs."""
    return [ns / 1e6 for step, ns in zip(notes.steps, taken, strict=True) if step == STEPS[kind]]


def kb_per_swap(first: int, last: int) -> float:
    """Return what memory grows by with each swap: allocations traced, garbage collected.

    What the bot grows by without swaps, such as orders, is in it, but hardly comes to anything under a slow stream.
    Nothing is kept for rehearsals: that is thousands of inputs, which come and go.
    """
    quick = {"LOLIGO__SWAP__SHADOW_S": "0.1", "LOLIGO__SWAP__PROBATION_S": "0.2"}
    with tempfile.TemporaryDirectory() as home:
        bot = Bot(Path(home), LOLIGO_TRACE_MEMORY="1", LOLIGO__SWAP__REHEARSAL_INPUTS="0", **quick)
        proof, kept = Proof(), {tentacle: versions.good(tentacle, 0) for tentacle in versions.SWAPPED}
        good = (number for number in count() if number % 10 != 9)
        with bot.running(100) as (stream, process):
            stream.stdout.readline()
            for _ in range(first):
                swap_once(bot, proof, next(good), kept)
            before = _least_kb(bot, process)
            for _ in range(first, last):
                swap_once(bot, proof, next(good), kept)
            return (_least_kb(bot, process) - before) / (last - first)


def _least_kb(bot: Bot, process: Any) -> float:
    """Return what is in use at the quietest of several moments, when what was replaced has been let go: what waits for
    a commit comes and goes."""
    time.sleep(leaks.QUIET_S + 1.0)
    return min(float(bot.census(process)["traced_kb"]) for _ in range(8))


def swaps(_folder: Path | None = None) -> list[Figure]:
    """The whole proof; LOLIGO_SWAPS sets its size."""
    size = int(os.environ.get("LOLIGO_SWAPS") or SWAPS)
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        bot, undisturbed = Bot(Path(one)), Bot(Path(other))
        proof = run_with_swaps(bot, size, ROUNDS, QUIET_S)
        run_without(undisturbed, proof.events)
        found = check(bot, undisturbed, proof)
    kinds = {how.partition(":")[0] for how in proof.results} - {"good"}
    if size >= SWAPS and (missing := versions.FAULTS.keys() - kinds):
        raise SystemExit(f"kinds of faults that never came: {sorted(missing)}")
    for line in (*proof.uncaught, *proof.spoiled):
        print(f"  {line}")
    quiet, busy = latencies_ms(proof)
    ratio = statistics.median(b / a for a, b in zip(quiet, busy, strict=True))
    pace = f"{(size - proof.hung) / proof.seconds:.1f} swaps/s besides those that hang"
    took = f"a good swap takes {percentile(proof.swap_ms, 0.5):.0f} ms, p99 {percentile(proof.swap_ms, 0.99):.0f}"
    return [
        Figure("swap_lost", found["lost"], "events", f"of {proof.events} at {PER_SECOND}/s, {size} swaps"),
        Figure("swap_doubled", found["doubled"], "events", f"of {proof.events}"),
        Figure("swap_differing", found["differing"], "records", "against a run without swaps, to the byte"),
        Figure(
            "swap_faulty_uncaught",
            len(proof.uncaught),
            "swaps",
            f"of {size // 10}, {len(kinds)} kinds; {len(proof.spoiled)} good refused",
        ),
        _pause("swap_snapshot_p99_ms", proof.notes, ShadowStarted),
        _pause("swap_flip_p99_ms", proof.notes, GenerationActivated),
        Figure("swap_latency_p99_ms", statistics.median(busy), "ms", f"{pace}; {took}"),
        Figure("swap_latency_ratio", ratio, "x", f"p99 without swaps {statistics.median(quiet):.3g} ms", ratio),
        Figure("swap_classes_alive", proof.alive, "classes", f"after {size} swaps"),
        Figure("swap_kb_per_swap", kb_per_swap(50, 250), "kB", "tracemalloc, 200 swaps after the first 50"),
    ]


def _pause(name: str, notes: Notes, kind: type) -> Figure:
    alone, computed, whole = (pauses_ms(notes, kind, each) for each in (notes.decided, notes.computed, notes.held))
    p50, own = f"p50 {percentile(alone, 0.5):.3f} ms", f"{percentile(computed, 0.99):.3f} ms"
    note = f"{p50}; p99 of the thread's own time {own}; with its commit p50 {percentile(whole, 0.5):.1f} ms"
    return Figure(name, percentile(alone, 0.99), "ms", note)


if __name__ == "__main__":
    for figure in swaps():
        print(figure.record())
