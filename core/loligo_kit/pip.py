"""Asks pip which packages are lacking, and for their wheels. Where pip looks is the affair of its own configuration.

    beside what is installed, what is lacking? (a dry run) ─► wheels of just that, for pure Python ─► a folder of ours

pip runs in a process of its own. What is installed is pinned for it, so that nothing installed is ever wanted in
another version; it writes nothing but wheels into a temporary folder, and runs no code of any package: only wheels are
taken. A refusal names what is wanted and what is there.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from loligo.errors import TentacleError
from loligo_kit.lock import LockedWheel
from loligo_kit.wheels import Wheel, is_pure, read_wheel
from loligo_packages.package_set import installed_versions, plain

TIMEOUT_S = 300.0  # for one run
_PIP = (sys.executable, "-m", "pip", "--no-input", "--disable-pip-version-check", "--no-color")
_PURE = ("--implementation", "py", "--abi", "none", "--platform", "any")
_SAID = 600  # characters of pip's own words, at most
_CAUSE = re.compile(r"The conflict is caused by:\n(.*?)(?:\n\s*\n|\Z)", re.DOTALL)
_NO_VERSION = re.compile(r"satisfies the requirement (.+?) \(from versions: (.*?)\)")


@dataclass(frozen=True, slots=True)
class _Lacking:
    name: str
    version: str
    file: str  # the name of the wheel that pip would take here

    @property
    def pin(self) -> str:
        return f"{self.name}=={self.version}"


def bring(wanted: Sequence[Requirement]) -> list[Wheel]:
    """Return the wheels of all that is lacking for these requirements, by name. TentacleError says why there are none,
    with both versions, or that it is compiled code."""
    for one in wanted:
        if one.url is not None:
            raise TentacleError(f"requires.python = {str(one)!a}: expected a name and versions, without an address")
    with tempfile.TemporaryDirectory(prefix="loligo-pip-") as folder:
        place = Path(folder)
        lacking = _lacking(wanted, place)
        pure = [found for found in lacking if is_pure(found.file)]
        wheels = _downloaded([found.pin for found in pure], place, ())
        for other in lacking:  # pip prefers compiled wheels where there are both
            wheels += [] if other in pure else _pure_one(other, place)
    return sorted(wheels, key=lambda wheel: wheel.locked.name)


def bring_again(wheels: Sequence[LockedWheel]) -> list[Wheel]:
    """Return the very wheels that the lock file names. TentacleError when they are not to be had any more."""
    lines = [f"{one.name}=={one.version} --hash={one.wheel}" for one in wheels]
    with tempfile.TemporaryDirectory(prefix="loligo-pip-") as folder:
        place = Path(folder)
        (place / "locked.txt").write_text("\n".join(lines) + "\n")
        return _downloaded(["--require-hashes", "--requirement", "locked.txt"], place, ())


def _lacking(wanted: Sequence[Requirement], place: Path) -> list[_Lacking]:
    installed = installed_versions()
    pins = [f"{name}=={version}" for name, version in installed.items()]
    (place / "installed.txt").write_text("\n".join(pins) + "\n")
    report = place / "report.json"
    terms = ["--dry-run", "--only-binary=:all:", "--constraint", "installed.txt", "--report", str(report)]
    _run("install", [*terms, *map(str, wanted)], place)
    found = []
    for item in json.loads(report.read_bytes())["install"]:
        name, version = canonicalize_name(item["metadata"]["name"]), item["metadata"]["version"]
        if name in installed:
            raise TentacleError(f"needs the package {name} {version}, {name} {installed[name]} is installed")
        found.append(_Lacking(name, version, item["download_info"]["url"].partition("#")[0].rpartition("/")[2]))
    return found


def _pure_one(one: _Lacking, place: Path) -> list[Wheel]:
    try:
        return _downloaded([one.pin], place, (one.pin,))
    except TentacleError as exc:
        raise TentacleError(
            f"needs the package {one.pin}, which is compiled code ({one.file}): no tentacle may bring that; "
            f"`pip install '{one.pin}'` puts it beside Loligo, for all"
        ) from exc


def _downloaded(terms: Sequence[str], place: Path, label: Sequence[str]) -> list[Wheel]:
    if not terms:
        return []
    folder = place / "-".join(("wheels", *label))
    _run("download", ["--no-deps", "--only-binary=:all:", *_PURE, "--dest", str(folder), *terms], place)
    return [read_wheel(path) for path in sorted(folder.iterdir())]


def _run(verb: str, terms: Sequence[str], place: Path) -> None:
    """Run pip. TentacleError says why it could not, in a sentence."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("LOLIGO")}  # and its secrets
    try:
        done = subprocess.run(
            [*_PIP, verb, *terms], cwd=place, env=clean, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=TIMEOUT_S,
        )  # fmt: skip
    except subprocess.TimeoutExpired as exc:
        raise TentacleError(f"pip did not come to an end within {TIMEOUT_S:g} s; is its index reachable?") from exc
    if done.returncode:
        raise TentacleError(_sentence(done.stdout + done.stderr))


def _sentence(said: str) -> str:
    """Return why pip refused, in our words where they are known."""
    if "No module named pip" in said:
        return f"{sys.executable} has no pip, which brings packages; run `{sys.executable} -m ensurepip`"
    if cause := _CAUSE.search(said):
        lines = [" ".join(line.split()) for line in cause[1].splitlines() if line.strip()]
        words = [_worded(line) for line in dict.fromkeys(lines)]
        return f"its packages exclude each other: {', and '.join(words)}"[:_SAID]
    if missing := _NO_VERSION.search(said):
        what, _, who = missing[1].removesuffix(")").partition(" (from ")
        by = f" for {who}" if who else ""
        return (
            f"needs the package {_worded_requirement(what)}{by}: pip finds no wheel of it that fits; there are: "
            f"{missing[2]}"[:_SAID]
        )
    errors = [line.removeprefix("ERROR: ") for line in said.splitlines() if line.startswith("ERROR")]
    why = "; ".join(errors) or said.strip()[-200:] or "it gave no reason"
    return f"pip could not bring its packages: {why}"[:_SAID]


def _worded(line: str) -> str:
    if line.startswith("The user requested (constraint) "):
        return f"{line.rpartition(') ')[2].replace('==', ' ')} is installed"
    return line.replace("The user requested", "it needs")


def _worded_requirement(text: str) -> str:
    try:
        return plain(Requirement(text))
    except ValueError:  # pip words it in another way
        return text
