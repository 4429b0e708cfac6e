"""The process in which the kit runs a tentacle: it loads it, runs the checks, and says what it found.

The kit starts two, the second in another hash seed, time zone and language, which only answers the script. Audit events
are watched from before the import on, as the verifier does, so that a permission which is used late is seen, too.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
from pydantic import ValidationError

from loligo.errors import LoligoError
from loligo.host.contract import describe_error
from loligo.host.verifier import TentacleVersion
from loligo.registry.tree import read_tree, tree_hash
from loligo_packages.package_set import PackageSet
from loligo_testing.checks import answers, budget, kinds, state
from loligo_testing.checks.bench import Bench
from loligo_testing.report import Check, Outcome, failed
from loligo_testing.subject import Subject, load, read_version
from loligo_verifier.trial import SideEffect, Watch, tell_of_threads


class Task(msgspec.Struct, kw_only=True):
    """What a process is to do: these checks of the tentacle in a folder, with scripts of about so many calls."""

    folder: str
    checks: list[str]
    count: int
    wants_answers: bool = True
    packages: str = ""  # where the packages lie that it brings


class Found(msgspec.Struct, kw_only=True):
    """What it found: checks as (name, outcome, evidence, advice), and the answers of the script if all is sound."""

    checks: list[tuple[str, str, str, str]] = []
    answers: list[bytes] = []


_RUN: dict[str, Callable[[Bench], Check]] = {
    "sound": answers.sound,
    "contract": kinds.contract,
    "look-ahead": answers.look_ahead,
    "sign": answers.sign,
    "state": state.state,
    "swap": state.swap,
    "unload": state.unload,
    "budget": budget.budget,
    "batch": answers.batch,
}
QUICK = ("sound", "contract", "sign", "state", "batch")


def main() -> None:
    """Take a task from standard input, write what was found to the file whose number is the only argument, and end."""
    task = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Task)
    found = probe(task)
    with open(int(sys.argv[1]), "wb") as answer:
        answer.write(msgspec.msgpack.encode(found))
    os._exit(0)  # nothing that the tentacle left behind runs any more


def probe(task: Task) -> Found:
    """Do a task in this process, which must end afterwards: audit hooks cannot be taken away."""
    version = read_version(Path(task.folder))
    if task.packages:
        files, place = read_tree(Path(task.packages)), Path(task.packages)
        version = replace(version, packages=PackageSet(tree_hash(files), place, files))
    held = frozenset(permission.partition(":")[0] for permission in version.manifest.permissions)
    brought = Path(task.packages).resolve() if task.packages else None
    watch = Watch(version.folder.resolve(), held, brought=brought)
    sys.addaudithook(watch)
    tell_of_threads()
    found, said = list[Check](), list[bytes]()
    try:
        bench = Bench(_loaded(version, watch), task.count)
        for name in task.checks:
            found.append(_checked(name, bench))
            if name == "sound" and found[-1].outcome is Outcome.FAILED:
                break  # whatever comes after would fail for the same reason
        else:
            said = answers.outputs(bench) if task.wants_answers else []
    except _NotLoaded as exc:
        found.append(failed("sound", str(exc), "give settings under which it can be made in check.toml: [settings]"))
    except SideEffect:  # told below
        said = []
    except Exception as exc:
        found.append(failed("sound", describe_error(exc), "correct that call"))
    if watch.seen:
        found.insert(0, _side_effect(watch))
    return Found(checks=[(each.name, str(each.outcome), each.evidence, each.advice) for each in found], answers=said)


class _NotLoaded(Exception):
    """There is no instance to check."""


def _loaded(version: TentacleVersion, watch: Watch) -> Subject:
    try:
        subject = load(version)
        watch.is_importing = False
        subject.make()
    except (LoligoError, ValidationError) as exc:
        raise _NotLoaded(str(exc)) from exc
    return subject


def _checked(name: str, bench: Bench) -> Check:
    """Return a check; what a tentacle raises in it is its failure."""
    try:
        return _RUN[name](bench)
    except Exception as exc:
        return failed(name, f"it raised {describe_error(exc)}", "correct that call")


def _side_effect(watch: Watch) -> Check:
    if watch.is_importing:
        return failed("import", watch.seen, "do it in an instance, when it is called")
    return failed("permissions", watch.seen, "name the permission in the manifest, or do without")
