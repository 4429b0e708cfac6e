"""What a job's process may do, one of each sort: given home, the job's folder, its number and how nice to be."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

SORTS = ("good", "waiting", "crashing", "telling", "flooding", "silent")
MAINS = {sort: f"tests.fakes.job_mains:{sort}" for sort in SORTS}


def good(_home: str, folder: str, number: str, nice: str) -> None:
    _say(progress=0.5, line="half")
    given = json.loads(Path(folder, "what.json").read_text())
    Path(folder, "result.json").write_text(json.dumps({"given": given, "nice": nice}))
    _say(summary={"number": int(number)})


def waiting(_home: str, folder: str, number: str, nice: str) -> None:
    Path(folder, "half.tmp").write_text("half")
    _say(progress=0.25, line=f"pid {os.getpid()}")
    sys.stdin.buffer.read()  # until the bot is gone


def crashing(*_given: str) -> None:
    sys.stderr.write("the first words\nthe last words\n")
    sys.stderr.flush()
    os.abort()


def telling(*_given: str) -> None:
    _say(failed="the data end in 1969: expected later ones")
    sys.exit(1)


def flooding(*_given: str) -> None:
    for _ in range(200):
        sys.stderr.write("x" * 10_000 + "\n")
    print("no JSON")
    print(json.dumps({"line": "y" * 1_000_000}), flush=True)
    sys.exit(2)


def silent(_home: str, _folder: str, _number: str, _nice: str) -> None:
    time.sleep(3600)


def _say(**told: object) -> None:
    print(json.dumps(told), flush=True)
