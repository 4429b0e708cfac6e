"""Finds the tentacles that installed distributions bring, by their entry points in the group `loligo.tentacles`.

    [project.entry-points."loligo.tentacles"]
    my_rsi = "my_package.my_rsi"            # a package of the distribution that holds a tentacle.toml

An entry point only says where the content lies. Nothing of a distribution is imported, here or later: the content is
read as of any package and loaded from the content store under a private name. It is looked for among the files that
the installer recorded; of a distribution installed to be edited, whose files stay where they are, below its top-level
package, which Python finds without running it. Each refusal names the distribution, the entry point and what to do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from loligo.errors import TentacleError
from loligo.registry.manifest import MANIFEST_FILE, Manifest, read_manifest
from loligo.registry.tree import tree_hash
from loligo_kit.pack import read_folder
from loligo_kit.package import LIMITS, Limits, PackageRefused

GROUP = "loligo.tentacles"
PREFIX = "pip:"  # of the source DISTRIBUTION/ENTRY_POINT behind it
_PACKAGE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """One tentacle of a distribution, as it is installed."""

    distribution: str
    distribution_version: str
    name: str  # of the entry point
    manifest: Manifest
    files: Mapping[str, bytes]
    tree_hash: str

    @property
    def slot(self) -> str:
        return f"{self.manifest.kind} {self.manifest.name}"

    @property
    def source(self) -> str:
        """Return what `fetch` takes."""
        return f"{PREFIX}{self.distribution}/{self.name}"


def installed_tentacles() -> Iterator[Brought | TentacleError]:
    """Yield what installed distributions bring, sorted by their names; for each that cannot be read the reason why."""
    found = [(point.dist, point) for point in metadata.entry_points(group=GROUP) if point.dist is not None]
    for distribution, point in sorted(found, key=lambda pair: (pair[0].metadata["Name"], pair[1].name)):
        try:
            yield _read(distribution, point, LIMITS)
        except TentacleError as exc:
            yield exc
        except OSError as exc:
            yield TentacleError(f"{_named(distribution, point)}: {exc}; install it again")


def installed_tentacle(source: str, limits: Limits = LIMITS) -> Brought:
    """Return what "pip:DISTRIBUTION/ENTRY_POINT" names, as it is installed. TentacleError when it is not there."""
    wanted, _, name = source.removeprefix(PREFIX).partition("/")
    try:
        distribution = metadata.distribution(wanted)
    except (metadata.PackageNotFoundError, ValueError) as exc:
        raise TentacleError(
            f"the distribution {wanted!r} with the entry point {name!r} is not installed; run `pip install {wanted}`, "
            "or take out what came from it with `loligo tentacle remove`"
        ) from exc
    points = distribution.entry_points.select(group=GROUP)
    for point in points:
        if point.name == name:
            return _read(distribution, point, limits)
    there = ", ".join(sorted(point.name for point in points)) or "none"
    raise TentacleError(
        f"{wanted} {distribution.version} has no entry point {name!r} in {GROUP}; there are: {there}. Install a "
        "version that has it, or take out what came from it with `loligo tentacle remove`"
    )


def _read(distribution: metadata.Distribution, point: metadata.EntryPoint, limits: Limits) -> Brought:
    where = _named(distribution, point)
    if not _PACKAGE.fullmatch(point.value):
        raise TentacleError(
            f"{where}: {point.value!r} is no package; expected one that holds {MANIFEST_FILE}, such as "
            '"my_package.my_rsi"; tell its author'
        )
    folder = _folder(distribution, point.value)
    if folder is None:
        raise TentacleError(
            f"{where}: it installed no folder {point.value.replace('.', '/')} with a {MANIFEST_FILE}; install it "
            "again, or tell its author"
        )
    try:
        files = read_folder(folder, limits)
        manifest = read_manifest(folder, files)
    except PackageRefused as exc:
        raise PackageRefused(exc.reason, f"{where}: {exc}; tell its author") from exc
    except TentacleError as exc:
        raise TentacleError(f"{where}: {exc}; tell its author") from exc
    return Brought(
        distribution=distribution.metadata["Name"],
        distribution_version=distribution.version,
        name=point.name,
        manifest=manifest,
        files=files,
        tree_hash=tree_hash(files),
    )


def _folder(distribution: metadata.Distribution, package: str) -> Path | None:
    """Return the folder of a package, found without importing anything."""
    parts = package.split(".")
    manifest = "/".join([*parts, MANIFEST_FILE])
    for file in distribution.files or ():
        if file.as_posix() == manifest:
            return Path(str(distribution.locate_file(file))).parent
    spec = find_spec(parts[0]) if _is_editable(distribution) else None  # of a top-level name: imports nothing
    places = [Path(place).joinpath(*parts[1:]) for place in (spec.submodule_search_locations or ())] if spec else []
    return next((place for place in places if (place / MANIFEST_FILE).is_file()), None)


def _is_editable(distribution: metadata.Distribution) -> bool:
    return '"editable": true' in (distribution.read_text("direct_url.json") or "").replace('":true', '": true')


def _named(distribution: metadata.Distribution, point: metadata.EntryPoint) -> str:
    return f"{distribution.metadata['Name']} {distribution.version}, entry point {point.name!r}"
