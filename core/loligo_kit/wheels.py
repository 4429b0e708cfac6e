"""Reads a wheel of pure Python: its files as they are to lie side by side with those of others.

What must hold: a wheel is read as strictly as any archive of a stranger (`archive`), and nothing of it is written or
run. Refused is what is not for every machine or cannot be read by a person: compiled code, path files, modules that
Python itself has. Scripts and data that belong elsewhere than beside the modules are left out: nothing would find them.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from loligo.errors import TentacleError
from loligo.registry.tree import is_content
from loligo_kit.archive import read_zip
from loligo_kit.lock import LockedWheel
from loligo_kit.package import Limits, PackageRefused, Reason, is_machine_code
from loligo_packages.package_set import PackageSet

WHEEL_LIMITS = Limits(
    archive_bytes=8 * 2**20,
    total_bytes=8 * 2**20,
    entries=5_000,
    path_depth=20,
    let_in=frozenset({Reason.INSTALL_METADATA, Reason.NESTED}),
)
MOST_BYTES = 8 * 2**20  # of the packages of one tentacle: all that is judged in the time that a version has
MOST_WHEELS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """What a wheel holds, and what it is known by."""

    locked: LockedWheel
    files: Mapping[str, bytes]


def is_pure(file: str) -> bool:
    """Say whether a wheel is for every machine, by the name of its file."""
    try:
        tags = parse_wheel_filename(file)[3]
    except InvalidWheelFilename:
        return False
    return all((tag.abi, tag.platform) == ("none", "any") for tag in tags)


def read_wheel(path: Path) -> Wheel:
    """Return the wheel in a file. TentacleError says what is wrong with it."""
    try:
        name, version, _, _ = parse_wheel_filename(path.name)
    except InvalidWheelFilename as exc:
        raise TentacleError(f"{path.name}: no wheel: {exc}") from exc
    if not is_pure(path.name):
        raise TentacleError(f"the package {name} {version} is compiled code ({path.name}), which no tentacle may bring")
    content = path.read_bytes()
    try:
        files = _placed(read_zip(content, WHEEL_LIMITS))
    except PackageRefused as exc:
        raise PackageRefused(exc.reason, f"the package {name} {version}, {path.name}: {exc}") from exc
    _check_content(f"{name} {version}", files)
    said = [(one.name, one.version) for one in PackageSet(files=files).distributions.values()]
    if said != [(canonicalize_name(name), str(version))]:
        raise TentacleError(f"{path.name}: its metadata say {said or 'nothing'}, its name {name} {version}")
    wheel = "sha256:" + hashlib.sha256(content).hexdigest()
    size = sum(map(len, files.values()))
    return Wheel(locked=LockedWheel(name=name, version=str(version), wheel=wheel, bytes=size), files=files)


def joined(wheels: Sequence[Wheel]) -> dict[str, bytes]:
    """Return the files of all wheels side by side. TentacleError when two have the same, or they are too many."""
    files: dict[str, bytes] = {}
    owners: dict[str, str] = {}
    for wheel in wheels:
        label = f"{wheel.locked.name} {wheel.locked.version}"
        for path, content in wheel.files.items():
            if path in files and files[path] != content:
                raise TentacleError(f"the packages {owners[path]} and {label} both bring {path}; it can be of one only")
            files[path], owners[path] = content, label
    total = sum(map(len, files.values()))
    if len(wheels) > MOST_WHEELS or total > MOST_BYTES:
        most = f"at most {MOST_WHEELS}, and {MOST_BYTES:,} bytes"
        raise TentacleError(f"{len(wheels)} packages of {total:,} bytes: a tentacle brings {most}")
    return dict(sorted(files.items()))


def _placed(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return files where they come to lie: what a wheel has in its purelib folder, beside the rest."""
    placed: dict[str, bytes] = {}
    for path, content in sorted(files.items()):
        first, _, rest = path.partition("/")
        if first.endswith(".data"):
            area, _, rest = rest.partition("/")
            path = rest if area in ("purelib", "platlib") else ""
        if path and all(map(is_content, path.split("/"))):
            placed[path] = content
    return placed


def _check_content(label: str, files: Mapping[str, bytes]) -> None:
    for path, content in files.items():
        if is_machine_code(content):
            raise TentacleError(f"the package {label}: {path} is machine code, which no tentacle may bring")
    for top in sorted(PackageSet(files=files).tops):
        if top in sys.stdlib_module_names or top.partition("_")[0] == "loligo":
            raise TentacleError(f"the package {label} brings a module {top}, which is not for packages; it is refused")
