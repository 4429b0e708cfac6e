"""The conformance kit: whether a tentacle keeps its contract, check by check, and which award that is worth.

    folder ─► manifest, source (here; nothing runs) ─► verifier ─► two processes that run it ─► report

Nothing of the tentacle runs in this process. A process of its that hangs or crashes is a failed check.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import msgspec

from loligo.host.verifier import TentacleVersion
from loligo_packages.package_set import NO_PACKAGES, PackageSet
from loligo_testing import papers
from loligo_testing.checks.bench import first_difference
from loligo_testing.probe import QUICK, Found, Task
from loligo_testing.report import CHECKS, Check, Outcome, Report, failed, not_applicable, passed
from loligo_testing.script import shown
from loligo_testing.subject import read_version

COUNT, QUICK_COUNT = 600, 200  # candles, boards or requests of the scripts
LIMIT_S, _IMPORT_S = 120.0, 20.0  # of one process; of one that only imports what the verifier refused
_KEPT = ("PATH", "LD_LIBRARY_PATH", "TMPDIR")
_ALONE = {"OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
_HERE = _ALONE | {"PYTHONHASHSEED": "0", "TZ": "UTC", "LC_ALL": "C"}
_ELSEWHERE = _ALONE | {"PYTHONHASHSEED": "4242", "TZ": "Pacific/Chatham", "LC_ALL": "tr_TR.UTF-8"}
_MAIN = "import sys; sys.path[:] = sys.argv[2:]; from loligo_testing.probe import main; main()"
_RUNNING = tuple(
    name
    for name in CHECKS
    if name in ("sound", "contract", "look-ahead", "sign", "state", "swap", "unload", "budget", "batch")
)


def check(
    folder: Path,
    *,
    quick: bool = False,
    write: bool = False,
    tests: Path | None = None,
    limit_s: float = LIMIT_S,
    packages: PackageSet = NO_PACKAGES,
) -> Report:
    """Check the tentacle in a folder; `quick` leaves out what takes long, and gives no gold.

    `write` makes settings.schema.json anew. `tests` is where its tests lie, if not beside it. A process that runs
    it has `limit_s` seconds. `packages` are those that it brings. TentacleError when the folder holds no tentacle whose
    manifest can be read.
    """
    began = time.monotonic()
    version = replace(read_version(Path(folder).resolve()), packages=packages)
    loads, findings = papers.loads(version)
    manifest, version = papers.manifest(version, findings, write=write)
    found = {each.name: each for each in (manifest, papers.permissions(version), loads)}
    if found["permissions"].outcome is Outcome.PASSED:
        names = (QUICK if quick else _RUNNING) if findings is not None else ()
        count = QUICK_COUNT if quick else COUNT
        ran = _run(version, names, count, limit_s if names else _IMPORT_S, twice=not quick and bool(names))
        found |= {name: each for name, each in ran.items() if names or name in ("import", "permissions")}
    if findings is not None:
        found.setdefault("import", passed("import", "no file opened but its own, no thread, process or connection"))
    if not quick:
        found |= {each.name: each for each in (papers.readme(version), papers.tests(version, tests))}
    checks = [found.get(name) or Check(name=name, outcome=Outcome.NOT_RUN) for name in CHECKS]
    return Report(
        kind=version.manifest.kind,
        name=version.manifest.name,
        version=version.manifest.version,
        tree_hash=read_version(version.folder).tree_hash,
        checks=checks,
        seconds=time.monotonic() - began,
    )


def _run(
    version: TentacleVersion, names: Sequence[str], count: int, limit_s: float, *, twice: bool
) -> dict[str, Check]:
    """Return the checks of the processes that run it."""
    task = Task(
        folder=str(version.folder),
        checks=list(names),
        count=count,
        wants_answers=twice,
        packages=str(version.packages.folder) if version.packages.files else "",
    )
    one = _probed(task, _HERE, limit_s)
    found = {
        name: Check(name=name, outcome=Outcome(said), evidence=evidence, advice=advice)
        for name, said, evidence, advice in one.checks
    }
    if twice and found.get("sound") is not None and found["sound"].outcome is not Outcome.FAILED:
        other = _probed(msgspec.structs.replace(task, checks=[], wants_answers=True), _ELSEWHERE, limit_s)
        found["determinism"] = _same(one.answers, other)
    return found


def _same(own: Sequence[bytes], other: Found) -> Check:
    name = "determinism"
    if other.checks:
        return failed(name, f"in another process: {other.checks[0][2]}", other.checks[0][3])
    if not own:
        return not_applicable(name, "it has no answers of its own to compare")
    place = first_difference(own, other.answers)
    if place is None:
        return passed(name, f"{len(own)} answers equal in a process of another hash seed, time zone and language")
    there = [shown(said[place]) if place < len(said) else "nothing" for said in (own, other.answers)]
    advice = "use no clock, no random number, no id() or hash(), and iterate over no set"
    return failed(name, f"answer {place} of {len(own)}: {there[0]} here, {there[1]} in another process", advice)


def _probed(task: Task, surroundings: dict[str, str], limit_s: float) -> Found:
    """Run a task in a process of its own."""
    paths = [os.path.abspath(path) for path in sys.path if path]
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ} | surroundings  # and no secrets
    with (
        tempfile.TemporaryFile() as answer,  # not a pipe: a long answer would wait for its reader
        subprocess.Popen(
            [sys.executable, "-sP", "-c", _MAIN, str(answer.fileno()), *paths],
            env=environment, cwd="/", pass_fds=[answer.fileno()], start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        ) as process,
    ):  # fmt: skip
        try:
            process.communicate(msgspec.msgpack.encode(task), timeout=limit_s)
        except subprocess.TimeoutExpired:
            return _broken(f"it did not come to an end within {limit_s:g} s")
        finally:  # Ctrl-C, too: whatever it started ends with it
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        answer.seek(0)
        packed = answer.read()
    if not packed:
        return _broken(f"its process ended with exit code {process.returncode} and said nothing")
    return msgspec.msgpack.decode(packed, type=Found)


def _broken(why: str) -> Found:
    return Found(checks=[("sound", str(Outcome.FAILED), why, "correct what ends or holds the process")])
