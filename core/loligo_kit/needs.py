"""Which tentacles need which others: manifests name them with a range of versions, entries that are on meet it.

A name stands for every kind that has it, and for the versions that desks pin, as for the host.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from packaging.specifiers import SpecifierSet

from loligo.errors import TentacleError
from loligo.registry.manifest import Manifest
from loligo.registry.registry_file import RegistryEntry

ManifestOf = Callable[[RegistryEntry], Manifest]


def check_needs(
    before: Iterable[RegistryEntry], after: Iterable[RegistryEntry], changed: str, manifest_of: ManifestOf
) -> None:
    """Compare a registry with what it would become. TentacleError names who would lack what.

    What was lacking before is no fault of the change, but for the needs of the slot `changed` itself.
    """
    known = unmet(list(before), manifest_of)
    found = unmet(list(after), manifest_of)
    new = [said for (slot, name), said in found.items() if slot == changed or (slot, name) not in known]
    if new:
        raise TentacleError("; ".join(new))


def unmet(entries: Sequence[RegistryEntry], manifest_of: ManifestOf) -> dict[tuple[str, str], str]:
    """Return a sentence for each need that is not met, by who needs (its slot) and the name of what."""
    found: dict[tuple[str, str], str] = {}
    for entry in entries:
        for name, wanted in _needs(entry, manifest_of).items() if entry.enabled else ():
            same = [other for other in entries if other.tentacle == name and other is not entry]
            if not any(other.enabled and other.version in SpecifierSet(wanted) for other in same):
                found[entry.slot, name] = f"{entry.slot} {entry.version} needs {name} {wanted}, {_there(same)}"
    return found


def closure(entry: RegistryEntry, entries: Sequence[RegistryEntry], manifest_of: ManifestOf) -> list[RegistryEntry]:
    """Return the entries that `entry` needs, and that these need, in the order of kind and name; without itself."""
    found: dict[str, RegistryEntry] = {}
    waiting = [entry]
    while waiting:
        for name, wanted in _needs(waiting.pop(), manifest_of).items():
            met = [each for each in entries if each.name == name and each.version in SpecifierSet(wanted)]
            new = [each for each in met if each.slot not in found and each.slot != entry.slot]
            found |= {each.slot: each for each in new}
            waiting += new
    return [found[slot] for slot in sorted(found)]


def _needs(entry: RegistryEntry, manifest_of: ManifestOf) -> dict[str, str]:
    try:
        return dict(manifest_of(entry).requires.tentacles)
    except (TentacleError, OSError):
        return {}  # it cannot be loaded, so it lacks nothing else; `loligo tentacle list` says why


def _there(same: Sequence[RegistryEntry]) -> str:
    on = [other for other in same if other.enabled]
    if on:
        return f"which {on[0].slot} {on[0].version} is not; update one of them"
    if same:
        return f"which is off; `loligo tentacle on {same[0].name}`"
    return "which is not there; install it first"
