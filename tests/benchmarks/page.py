"""How quick and how light the page is, and what its streams cost the engine.

    another process ─► 5,000 events/s ─► bot ─► page ─► 200 event streams, 20 messages/s each ─► a third process

A message's delay is from when its record was durable, and told, to when a client had read it. The engine's slowdown is
that of a step (decision to journal, waits for the interpreter included) in rounds with the clients, against the rounds
without them between which they stand.
"""

from __future__ import annotations

import asyncio
import gzip
import re
import statistics
import subprocess
import sys
import tempfile
import time
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode, urlsplit
from urllib.request import Request, urlopen

from prometheus_client.parser import text_string_to_metric_families

from loligo_bot.cli.control_client import ask
from loligo_web import pages
from tests.benchmarks.bots import ROOT, SCALE
from tests.benchmarks.measures import Figure
from tests.benchmarks.page_bot import TOLD
from tests.benchmarks.swaps import CONFIG, Bot, percentile
from tests.scenario.bots import BotFolder
from tests.web.running import RunningPage, first_link, running_page, tokens_of

CLIENTS, PER_SECOND, MESSAGES_PER_S = 200, 5_000, 20
ROUNDS, ROUND_S = max(2, int(5 * SCALE)), max(3.0, 10.0 * SCALE)
TOGGLES = max(4, int(20 * SCALE))
STARTS = 3 if SCALE >= 1 else 1
CHARTS = {"/market/coinbase:BTC/USD", "/tentacles/evaluator/rsi"}  # of the paths that name something, what weighs most
LISTEN_S = ROUND_S + 1.0
LIMIT_S = 60.0
_LOADED = re.compile(r'(?:src|href)="(/static/[^"]+\.(?:js|css)[^"]*)"')


def sse(_folder: Path | None = None) -> list[Figure]:
    """200 clients of the event stream while the engine runs 5,000 events a second."""
    delays: list[float] = []
    slower: list[float] = []
    with tempfile.TemporaryDirectory() as home, _streaming(Path(home)) as (running, heard):
        for number in range(ROUNDS):
            before = _step_us(running, ROUND_S)
            with _clients(running, heard / str(number)):
                during = _step_us(running, ROUND_S)
            slower.append(during / statistics.mean((before, _step_us(running, ROUND_S))) - 1.0)
        ask(running.bot.home, {"do": "stop"})
        told = _pairs(_waited_for(Path(home) / TOLD))
        seqs, moments = [seq for seq, _ in told], [at for _, at in told]
        for number in range(ROUNDS):
            for ident, at in _pairs(heard / str(number)):
                delays.append((at - moments[bisect_left(seqs, ident + 1)]) / 1e6)
    rate = len(delays) / ROUNDS / CLIENTS / LISTEN_S
    median = statistics.median(delays)
    note = f"{CLIENTS} clients, {rate:.1f} messages/s each, {PER_SECOND} events/s; median {median:.1f} ms"
    spread = f"medians of {ROUNDS} rounds, {min(slower):.1%} to {max(slower):.1%}"
    return [
        Figure("sse_200_p99_ms", percentile(delays, 0.99), "ms", note),
        Figure("sse_engine_slowdown_pct", statistics.median(slower) * 100, "%", spread),
    ]


@contextmanager
def _streaming(home: Path) -> Iterator[tuple[RunningPage, Path]]:
    """Run the bot of the swap proof with its page; yield it, and where clients write."""
    bot = Bot(home, PYTHONPATH=f"{ROOT / 'core'}:{ROOT / 'web'}:{ROOT}")
    config = CONFIG.replace(
        "feeds: [{tentacle: stream}]",
        f"feeds: [{{tentacle: stream, settings: {{candle_every: {PER_SECOND // MESSAGES_PER_S}}}}}]\n"
        "interfaces: [{tentacle: web, settings: {port: 0}}]",
    )
    config = config.replace(
        "[{tentacle: trend}, {tentacle: flow}]", "[{tentacle: trend}]"
    )  # only candles make opinions
    (home / "config" / "loligo.yaml").write_text(config)
    with bot.running(PER_SECOND, script="page_bot.py") as (stream, process):
        stream.stdout.readline()
        link = first_link(home, process)
        address = link[: link.index("/join/")]
        tokens = asyncio.run(tokens_of(address, link.removeprefix(address)))
        (heard := home / "heard").mkdir()
        yield RunningPage(BotFolder(home), address, tokens), heard


@contextmanager
def _clients(running: RunningPage, file: Path) -> Iterator[None]:
    """Let all clients listen, and write down what they heard."""
    place = urlsplit(running.address)
    module = [sys.executable, "-m", "tests.benchmarks.page_clients", str(place.hostname), str(place.port)]
    terms = ["/events?topics=evaluations", running.tokens["view"], str(CLIENTS), str(LISTEN_S), str(file)]
    with subprocess.Popen([*module, *terms], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        if process.stdout.readline() != "open\n":
            raise SystemExit("the clients were not let in")
        yield
        if process.wait(LIMIT_S):
            raise SystemExit("a stream ended before its client did")


def _step_us(running: RunningPage, seconds: float) -> float:
    """Return how long an input held the engine in the next seconds."""
    (count, total), began = _steps(running), time.monotonic()
    time.sleep(seconds)
    newer, sum_s = _steps(running)
    rate = (newer - count) / (time.monotonic() - began)
    if not 0.8 * PER_SECOND < rate < 1.2 * PER_SECOND:
        raise SystemExit(
            f"the engine took {rate:,.0f} events/s, not {PER_SECOND:,}: the machine is too busy to measure"
        )
    return (sum_s - total) / (newer - count) * 1e6


def _steps(running: RunningPage) -> tuple[float, float]:
    families = text_string_to_metric_families(_get(running, "/metrics"))
    told = {one.name: one.value for family in families for one in family.samples}
    return told["loligo_engine_step_seconds_count"], told["loligo_engine_step_seconds_sum"]


def _get(running: RunningPage, path: str, **headers: str) -> str:
    request = Request(running.address + path, headers={**running.headers(), **headers})
    with urlopen(request, timeout=LIMIT_S) as response:
        return str(response.read().decode())


def _pairs(file: Path) -> list[tuple[int, int]]:
    values = array("q", file.read_bytes())
    return list(zip(values[::2], values[1::2], strict=True))


def _waited_for(file: Path) -> Path:
    until = time.monotonic() + LIMIT_S
    while not file.exists() and time.monotonic() < until:
        time.sleep(0.05)
    return file


# The page as people meet it


def page(_folder: Path | None = None) -> list[Figure]:
    """Weight of the heaviest page, time from the command to its answer, and from a switch to what a page is told."""
    with tempfile.TemporaryDirectory() as folder:
        ready = [_ready_s(Path(folder) / str(number)) for number in range(STARTS)]
        with running_page(Path(folder) / "bot") as running:
            weights = {path: _weight(running, path) for path in sorted(_paths())}
            running.bot.wait_until(lambda status: status["next_seq"] > 1_000)
            seen = [_toggle_ms(running, is_on=number % 2 == 1) for number in range(TOGGLES)]
    heaviest = max(weights, key=lambda path: weights[path])
    return [
        Figure(
            "page_kb_gz_max", weights[heaviest] / 1024, "KiB", f"{heaviest} with all that it loads, of {len(weights)}"
        ),
        Figure("page_ready_s", statistics.median(ready), "s", f"from the command to the page, worst {max(ready):.1f}"),
        Figure(
            "toggle_seen_ms",
            statistics.median(seen),
            "ms",
            f"a click's POST to the row that it changed, worst {max(seen):.0f}",
        ),
    ]


def _paths() -> set[str]:
    found = {route.path for route in pages.routes(pages.PAGES) if route.method == "GET" and "{" not in route.path}
    found -= {"/sign-in", "/tentacles/install/steps"}  # leads on who is signed in; tells of a plan, by its name
    return found | CHARTS


def _weight(running: RunningPage, path: str) -> int:
    """Return how many bytes travel for a page, compressed."""
    html = _get(running, path, Accept="text/html")
    texts = [html, *(_get(running, one.replace("&amp;", "&")) for one in sorted(set(_LOADED.findall(html))))]
    return sum(len(gzip.compress(text.encode(), 6)) for text in texts)


def _ready_s(home: Path) -> float:
    """Return the seconds from the command to the page's answer, on a folder that was just made."""
    home.mkdir()
    bot = BotFolder(home, PYTHONPATH=f"{ROOT / 'core'}:{ROOT / 'web'}")
    if bot.call("init", str(home)).code:
        raise SystemExit(f"cannot make a folder in {home}")
    bot.edit(lambda config: config.update(interfaces=[{"tentacle": "web", "settings": {"port": 0}}]))
    began = time.monotonic()
    with bot.running("run", "--headless", "--stay") as process:
        link = first_link(home, process)
        with urlopen(link, timeout=LIMIT_S) as response:
            response.read()
        return time.monotonic() - began


def _toggle_ms(running: RunningPage, *, is_on: bool) -> float:
    """Switch a tentacle by the page's own form; return when its answer showed the row in another state."""
    began = time.monotonic()
    form = {"name": "evaluator/macd", "on": str(is_on).lower(), "key": str(time.monotonic_ns())}
    headers = {**running.headers(), "HX-Request": "true"}
    request = Request(f"{running.address}/tentacles/switch", headers=headers, data=urlencode(form).encode())
    with urlopen(request, timeout=LIMIT_S) as response:
        shown = response.read().decode()
    seen = time.monotonic()
    if (">off<" in shown) is is_on:
        raise SystemExit(f"the page does not show that the switch is {'on' if is_on else 'off'}")
    running.bot.wait_until(lambda status: not status["swapping"])
    return (seen - began) * 1000
