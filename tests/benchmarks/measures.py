"""The measurements. Seconds are CPU seconds of this process (wall time lies on shared machines), medians of runs."""

from __future__ import annotations

import gc
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from loligo.model.command import GenerationActivated
from loligo.model.market import Candle
from loligo_bot.assembly import Bot
from loligo_lab.tally import Tally
from loligo_store.journal import Journal
from tests.benchmarks import bots, references

RUNS = 5 if bots.SCALE >= 1 else 2
QUANTITY = 0.01


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value, and how it compares to a reference run beside it (ratio = value / reference's value)."""

    name: str
    value: float
    unit: str
    reference: str = ""
    ratio: float | None = None

    def record(self) -> dict[str, Any]:
        return asdict(self)


Measurement = Callable[[Any], list[Figure]]  # of the folder of market data, None where there is none


def all_figures(only: Sequence[str] = ()) -> list[Figure]:
    """Measure everything, or the measurements whose function is named."""
    from tests.benchmarks.arms import ab
    from tests.benchmarks.arrays import inbox, series
    from tests.benchmarks.dispatch import dispatch
    from tests.benchmarks.page import page, sse
    from tests.benchmarks.swaps import swaps
    from tests.benchmarks.toggles import swap_toggle_ms
    from tests.benchmarks.watching import reload_torn

    folder = bots.market_data()
    without_data: list[Measurement] = [cli_help, series, inbox, dispatch, swaps, reload_torn, swap_toggle_ms, page, sse]
    with_data: list[Measurement] = [step, sma_cross, latency, memory, ab]
    if folder is None:
        names = ", ".join(one.__name__ for one in with_data)
        print(f"no real market data: set LOLIGO_MARKET_DATA; not measured: {names}", file=sys.stderr)
    chosen = [*(with_data if folder is not None else []), *without_data]
    return [figure for one in chosen if not only or one.__name__ in only for figure in one(folder)]


def cpu_seconds(work: Callable[[], object]) -> float:
    """Return the CPU seconds of one call, after a collection so that no one pays for another's garbage."""
    gc.collect()
    started = time.process_time()
    work()
    return time.process_time() - started


def _start(bot: Bot, candles: Sequence[Candle]) -> None:
    bot.engine.process(GenerationActivated(candles[0].opened_at_ns, 1, bot.slots))


def _run(bot: Bot, candles: Sequence[Candle]) -> None:
    process = bot.engine.process
    for candle in candles:
        process(candle)


def _run_journalled(bot: Bot, candles: Sequence[Candle], journal: Journal) -> None:
    process, append = bot.engine.process, journal.append
    for candle in candles:
        append(process(candle))
        if journal.is_full:
            journal.commit()
    journal.commit()


def step(folder: Path) -> list[Figure]:
    """The full chain over a year of 5m candles: journal off, journal on, and the plain event host beside it."""
    candles = bots.year_of_candles(folder)
    rows = [(c.open, c.high, c.low, c.close, c.volume) for c in candles]
    off: list[float] = []
    on: list[float] = []
    host: list[float] = []
    with bots.bot_folder(bots.FULL_CHAIN) as home:
        for run in range(RUNS):
            bot = bots.bot(home)
            _start(bot, candles)
            off.append(cpu_seconds(lambda bot=bot: _run(bot, candles)))  # type: ignore[misc]
            journalled = bots.bot(home)
            journal = Journal(home / f"journal-{run}.sqlite", journalled.journal_config)
            journal.append(journalled.engine.process(GenerationActivated(candles[0].opened_at_ns, 1, journalled.slots)))
            on.append(cpu_seconds(lambda b=journalled, j=journal: _run_journalled(b, candles, j)))  # type: ignore[misc]
            _same_decisions(bot, journalled, journal)
            journal.close()
            host.append(cpu_seconds(lambda: references.event_host(rows, QUANTITY)))
        tally = _tally(home, candles)
    if tally.fills < 1_000 * bots.SCALE or tally.refusals < 50 * bots.SCALE or tally.failures:
        raise SystemExit(f"the run is too quiet to measure: {tally.fills} fills, {tally.refusals} refusals")
    count = len(candles)
    ratio = statistics.median(a / b for a, b in zip(off, host, strict=True))
    note = f"{tally.fills} fills, {tally.refusals} refusals, {count} candles"
    return [
        Figure("step_candles_per_s", count / statistics.median(off), "candles/s", note),
        Figure("step_journal_candles_per_s", count / statistics.median(on), "candles/s", "journal on, same decisions"),
        Figure("step_vs_event_host", statistics.median(off) / count * 1e6, "us/candle", "60-line event host", ratio),
    ]


def _same_decisions(bot: Bot, journalled: Bot, journal: Journal) -> None:
    if (
        bot.engine.next_seq != journalled.engine.next_seq
        or bot.engine.export_state() != journalled.engine.export_state()
    ):
        raise SystemExit("journal on and off decided differently")
    if journal.last_seq != journalled.engine.next_seq - 1:
        raise SystemExit("the journal does not hold everything")


def _tally(home: Path, candles: Sequence[Candle]) -> Tally:
    bot = bots.bot(home)
    _start(bot, candles)
    tally = Tally()
    for candle in candles:
        tally.add(bot.engine.process(candle))
    return tally


def sma_cross(folder: Path) -> list[Figure]:
    """The reference rule on the engine, by hand and in backtesting.py, with equal trades."""
    file = folder / "binance" / "BTC_USDT-5m.parquet"
    rows = bots.rows_of(file)
    rows = rows[: int(len(rows) * bots.SCALE)]
    candles = bots.candles_of(rows, "binance:BTC/USDT")
    opens, closes = [row[1] for row in rows], [row[4] for row in rows]
    own: list[float] = []
    plain: list[float] = []
    with bots.bot_folder(bots.SMA_CROSS) as home:
        for _ in range(RUNS):
            bot = bots.bot(home)
            _start(bot, candles)
            own.append(cpu_seconds(lambda bot=bot: _run(bot, candles)))  # type: ignore[misc]
            plain.append(cpu_seconds(lambda: references.plain_loop(opens, closes, QUANTITY)))
        tally = _tally(home, candles)
    expected = references.plain_loop(opens, closes, QUANTITY)
    ours = [
        (trade.opened_at_ns // bots.MS_NS, trade.closed_at_ns // bots.MS_NS, trade.entry_price, trade.exit_price)
        for trade in tally.trades
    ]
    by_hand = [(rows[entry][0], rows[leave][0], entry_price, price) for entry, leave, entry_price, price in expected]
    if [(a, b, float(c), float(d)) for a, b, c, d in ours] != by_hand:
        raise SystemExit(f"trades differ: {len(ours)} of the engine, {len(by_hand)} by hand")
    other = _backtesting_py(file, len(rows))
    if other["trades"] != len(by_hand):
        raise SystemExit(f"backtesting.py made {other['trades']} trades, the engine {len(by_hand)}")
    per_candle = statistics.median(own) / len(candles) * 1e6
    return [
        Figure(
            "step_vs_plain_loop",
            per_candle,
            "us/candle",
            f"hand-written loop, {len(by_hand)} equal trades",
            statistics.median(a / b for a, b in zip(own, plain, strict=True)),
        ),
        Figure(
            "step_vs_backtesting_py",
            per_candle,
            "us/candle",
            "backtesting.py 0.6.6, its run call",
            statistics.median(own) / other["cpu_s"],
        ),
    ]


def _backtesting_py(file: Path, count: int) -> dict[str, Any]:
    script = Path(__file__).with_name("backtesting_py.py")
    done = subprocess.run(
        [sys.executable, str(script), str(file), str(count)], capture_output=True, text=True, check=True
    )
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def latency(folder: Path) -> list[Figure]:
    """How long one candle takes, most and nearly all of them."""
    candles = bots.year_of_candles(folder)
    with bots.bot_folder(bots.FULL_CHAIN) as home:
        bot = bots.bot(home)
        _start(bot, candles)
        process, clock = bot.engine.process, time.perf_counter_ns
        taken = []
        for candle in candles:
            started = clock()
            process(candle)
            taken.append(clock() - started)
    taken.sort()
    return [
        Figure("step_latency_p50_us", taken[len(taken) // 2] / 1000, "us", "wall time per candle"),
        Figure("step_latency_p99_us", taken[len(taken) * 99 // 100] / 1000, "us", "wall time per candle"),
    ]


def memory(folder: Path, candle_count: int = 2_000_000) -> list[Figure]:
    """Growth of resident memory between the first tenth and the end of a long run."""
    candle_count = int(candle_count * bots.SCALE)
    rows = bots.rows_of(folder / "binance" / "BTC_USDT-5m.parquet")
    with bots.bot_folder(bots.FULL_CHAIN) as home:
        bot = bots.bot(home)
        process = bot.engine.process
        process(GenerationActivated(rows[0][0] * bots.MS_NS, 1, bot.slots))
        shift_ms = rows[-1][0] - rows[0][0] + 300_000
        done, lap, at_tenth = 0, 0, 0
        while done < candle_count:
            shifted = [(row[0] + lap * shift_ms, *row[1:]) for row in rows[: candle_count - done]]
            for candle in bots.candles_of(shifted, "binance:BTC/USDT"):
                process(candle)
            done, lap = done + len(shifted), lap + 1
            if not at_tenth and done >= candle_count / 10:
                at_tenth = _resident_kb()
    return [Figure("memory_growth_mb", (_resident_kb() - at_tenth) / 1024, "MiB", f"over {done} candles")]


def _resident_kb() -> int:
    gc.collect()
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def cli_help(folder: Path | None) -> list[Figure]:
    """Wall seconds of `loligo --help` as a process."""
    command = [sys.executable, "-c", "from loligo_bot.cli import main; main()", "--help"]
    taken = []
    for _ in range(RUNS):
        started = time.perf_counter()
        subprocess.run(command, capture_output=True, check=True)
        taken.append(time.perf_counter() - started)
    bare = time.perf_counter()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    bare = time.perf_counter() - bare
    value = statistics.median(taken)
    return [Figure("cli_help_s", value, "s", "python -c pass", value / bare)]
