"""How soon an on/off toggle of a tentacle takes effect in a running bot, from when the bot can know of it to the flip.

    command line   the registry is replaced, and the request reaches the control socket ─► flip
    file edit      the watcher reports the file, which is when it has been at rest for `SETTLE_S` ─► flip

The bot runs the bundled configuration with the swap settings as they are by default, in a process of its own, and says
when an activation is durable: so the figures hold the commit, too. CLOCK_MONOTONIC is one clock for all processes.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from loligo import log
from loligo.model.command import GenerationActivated
from loligo.model.events import Record
from loligo.registry.registry_file import REGISTRY_FILE, editing
from loligo_bot.cli.control_client import ask
from loligo_bot.cli.folder_verbs import fill
from loligo_bot.folder_config import read_config
from loligo_bot.run import run_bot
from loligo_bot.wish import file_hash
from tests.benchmarks.bots import ROOT, SCALE
from tests.benchmarks.measures import Figure

TOGGLES = max(4, int(20 * SCALE))  # by each way, half of them off
SLOT = "strategy weighted_vote"
SPEED = 180_000.0  # fifty candles of an hour in a second
SETTLE_S = 0.25  # of `loligo_kit.watcher`
BUSY_S = 20.0  # until the verifier is warm and there is a long past to rehearse on
LIMIT_S = 30.0
QUIET_LOOKS = 25  # half a second: the watcher has told of the toggle before, too


def swap_toggle_ms(_folder: Path | None = None) -> list[Figure]:
    """Milliseconds to the flip: the median of toggles by command line; in the note the worst, and those by file."""
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        fill(home, ROOT)
        with _running(home) as flips:
            by_command = [_by_command(home, flips, number % 2 == 1) for number in range(TOGGLES)]
            by_file = [_by_file(home, flips, number % 2 == 1) for number in range(TOGGLES)]
    note = (
        f"{TOGGLES} by command line, worst {max(by_command):.0f}; by file after its rest of {SETTLE_S * 1000:.0f} ms "
        f"{statistics.median(by_file):.0f}, worst {max(by_file):.0f}"
    )
    return [Figure("swap_toggle_ms", statistics.median(by_command), "ms", note)]


def _by_command(home: Path, flips: IO[str], is_on: bool) -> float:
    """Toggle as `loligo tentacle on` and `off` do."""
    _switch(home, is_on)
    asked = time.monotonic()
    terms = {"by": "cli:bench", "follows": True, "registry": file_hash(home / REGISTRY_FILE)}
    answer = ask(home, {"do": "apply", **terms}, LIMIT_S)
    assert answer["ok"] and answer["swap"]["result"] == "good", answer
    return (_flip(flips) - asked) * 1000


def _by_file(home: Path, flips: IO[str], is_on: bool) -> float:
    """Toggle as an editor does."""
    _switch(home, is_on)
    saved = time.monotonic()
    return (_flip(flips) - saved - SETTLE_S) * 1000


def _switch(home: Path, is_on: bool) -> None:
    """Change the registry once the toggle before has ended and nobody wants anything."""
    until = time.monotonic() + LIMIT_S
    quiet = 0
    while quiet < QUIET_LOOKS and time.monotonic() < until:
        quiet = 0 if ask(home, {"do": "status"})["status"]["swapping"] else quiet + 1
        time.sleep(0.02)
    with editing(home / REGISTRY_FILE) as entries:
        entries[SLOT] = entries[SLOT].model_copy(update={"enabled": is_on})


def _flip(flips: IO[str]) -> float:
    """Return when the next activation was durable."""
    return float(json.loads(flips.readline()))


@contextmanager
def _running(home: Path) -> Iterator[IO[str]]:
    """Run the bot; yield where it says when it flips."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "core"), str(ROOT)])}
    command = [sys.executable, "-m", __spec__.name, str(home)]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            _flip(process.stdout)  # of the start
            time.sleep(BUSY_S)
            yield process.stdout
            ask(home, {"do": "stop"})
            process.wait(LIMIT_S)
        finally:
            process.kill()


def _tell(records: Sequence[Record]) -> None:
    for record in records:
        if type(record.input) is GenerationActivated:
            print(time.monotonic(), flush=True)


if __name__ == "__main__":
    log.configure(level="error")
    folder = Path(sys.argv[1])
    run_bot(folder, read_config(folder), speed=SPEED, observers=[_tell])
