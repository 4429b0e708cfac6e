"""A bot folder of a test, used as a person uses one: `loligo` in a process of its own, and the journal it leaves."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from sqlalchemy import Engine

from loligo.errors import LoligoError
from loligo.model.events import Record
from loligo_bot.cli.control_client import ask
from loligo_store.database import open_engine
from loligo_store.journal import Journal
from loligo_store.projections import PROJECTIONS
from loligo_store.projector import Projector
from loligo_store.reader import JournalReader
from loligo_store.rows import ProjectionReader
from tests.scenario.forked import Forked, zygote_of

ROOT = Path(__file__).resolve().parents[2]
LOLIGO = (sys.executable, "-c", "from loligo_bot.cli import main; main()")  # what the installed command runs
LIMIT_S = 120.0  # for one process, on a busy machine
Rows = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended, and how long it took."""

    code: int
    out: str
    err: str
    seconds: float

    @property
    def data(self) -> dict[str, Any]:
        """The one JSON object that `--json` prints."""
        answer: dict[str, Any] = json.loads(self.out)
        return answer


class BotFolder:
    """One bot folder with the environment its commands run in."""

    def __init__(self, home: Path, **environment: str) -> None:
        self.home = home
        clean = {key: value for key, value in os.environ.items() if not key.startswith("LOLIGO")}
        self.environment = {**clean, "PYTHONPATH": str(ROOT / "core"), "LOLIGO__LOG__LEVEL": "error", **environment}

    def call(self, *arguments: str) -> Ended:
        """Run `loligo --home HOME --json ...` to its end."""
        with self.running(*arguments) as process:
            return ended(process)

    @contextmanager
    def running(self, *arguments: str, script: Path | None = None) -> Iterator[subprocess.Popen[str]]:
        """Start `loligo`, or a script with the folder as its first argument; it does not outlive the block."""
        with self._started(arguments, script) as process:
            try:
                yield process
            finally:
                process.kill()

    def _started(self, arguments: tuple[str, ...], script: Path | None) -> subprocess.Popen[str]:
        words = ("--home", str(self.home), "--json", *arguments) if script is None else arguments
        zygote = zygote_of(self.environment)
        if zygote is not None:
            return Forked(zygote, words, self.environment, self.home, script)
        return subprocess.Popen(
            (*LOLIGO, *words) if script is None else (sys.executable, str(script), *words),
            env=self.environment,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait_until(self, is_so: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Return the running bot's status once it is as wanted."""
        until, pause_s = time.monotonic() + LIMIT_S, 0.1
        status: dict[str, Any] = {}
        while time.monotonic() < until:
            try:
                status = ask(self.home, {"do": "status"})["status"]
                if is_so(status):
                    return status
            except LoligoError:
                pass  # not listening yet
            time.sleep(pause_s)
            pause_s = min(0.15, pause_s * 1.2)  # to answer costs the bot milliseconds, its read models a commit
        raise AssertionError(f"{self.home}: not within {LIMIT_S:g} s; it says {status}\n{self._stacks(status)}")

    def _stacks(self, status: dict[str, Any]) -> str:
        """Return where the threads and tasks of a running bot are."""
        told = self.home / "stacks.txt"
        if not status or zygote_of(self.environment) is None:
            return "no process that could say where it is"
        os.kill(status["pid"], signal.SIGUSR2)
        time.sleep(2.0)
        return told.read_text() if told.exists() else "it did not say where it is"

    def asked(self, verb: str, key: str = "", /, **arguments: Any) -> dict[str, Any]:
        """Ask the running bot by a verb of its door; return what comes over the control socket."""
        return ask(self.home, {"do": "ask", "verb": verb, "arguments": arguments, "key": key}, LIMIT_S)

    def edit(self, change: Callable[[dict[str, Any]], object]) -> BotFolder:
        """Change the configuration file."""
        yaml, file = YAML(), self.home / "config" / "loligo.yaml"
        content = yaml.load(file)
        change(content)
        yaml.dump(content, file)
        return self

    def copy(self, home: Path, **environment: str) -> BotFolder:
        """Return a copy of the folder, journal included, and of its environment."""
        shutil.copytree(self.home, home, ignore=shutil.ignore_patterns("control.*"))
        bot = BotFolder(home)
        bot.environment |= self.environment | environment
        return bot

    # What the journal says

    @contextmanager
    def database(self) -> Iterator[Engine]:
        engine = open_engine(self.home / "state" / "journal.sqlite")
        try:
            yield engine
        finally:
            engine.dispose()

    def records(self) -> list[Record]:
        """Return the whole journal, every checksum and seq proven on the way."""
        with self.database() as engine:
            return list(JournalReader(engine).records())

    def digest(self) -> str:
        with self.database() as engine:
            return JournalReader(engine).digest()

    def rows(self) -> Rows:
        """Return every row of every read model."""
        with self.database() as engine:
            reader = ProjectionReader(engine)
            return {name: reader.rows(name) for name in PROJECTIONS}

    def rebuilt_rows(self) -> Rows:
        """Drop the read models, make them again from the journal, and return them."""
        with self.database() as engine:
            Projector(engine).rebuild()
        return self.rows()

    def snapshot(self) -> tuple[int, bytes]:
        """Return the newest snapshot: the seq before which it stands, and the state of the whole bot."""
        with self.database() as engine:
            found = Journal(engine).newest_snapshot()
        assert found is not None, f"{self.home}: no snapshot"
        return found


def done_job(bot: BotFolder, kind: str, **asked: Any) -> dict[str, Any]:
    """Have a job done by the running bot, and return what the door says of it."""
    number = bot.asked(f"{kind}.start", f"key-{kind}", **asked)["answer"]["number"]
    version, until = 0, time.monotonic() + LIMIT_S
    while time.monotonic() < until:
        version = bot.asked("jobs", kind=kind, after=version, wait_s=20)["answer"]["version"]
        answer: dict[str, Any] = bot.asked(kind, number=number)["answer"]
        if answer["state"] not in ("queued", "running"):
            return answer
    raise AssertionError(f"{kind} {number} does not end: {answer}")


def ended(process: subprocess.Popen[str]) -> Ended:
    """Wait for a process and return how it ended."""
    began = time.monotonic()
    out, err = process.communicate(timeout=LIMIT_S)
    return Ended(process.returncode, out, err, time.monotonic() - began)
