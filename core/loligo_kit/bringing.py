"""Which Python packages a tentacle must bring, and from where: those it has, those of another tentacle, or pip.

What is installed beside Loligo needs nothing. What is complete already is kept as it is, so that an update does not
exchange packages that do; a set that another tentacle brings is shared. Only then pip is asked. Nothing is installed
here, and no code of a package runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from packaging.requirements import Requirement

from loligo.errors import TentacleError
from loligo.registry.registry_file import RegistryEntry
from loligo.registry.tree import tree_hash
from loligo_kit.bot_folder import BotFolder
from loligo_kit.lock import LockedPackages, LockedWheel
from loligo_kit.pip import bring, bring_again
from loligo_kit.wheels import Wheel, joined
from loligo_packages.package_set import NO_PACKAGES, PackageMissing, PackageSet, check_packages, closure, read_set

PREFIX = "package:"  # of what a person agrees to, as in "package:attrs==24.1"
Ask = Callable[[Sequence[Requirement]], list[Wheel]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """The packages that a tentacle brings, in memory."""

    locked: LockedPackages
    files: Mapping[str, bytes]


def bundle_for(
    bot: BotFolder, entry: RegistryEntry, wanted: Sequence[str], *, is_newest: bool = False
) -> Bundle | None:
    """Return what `entry` must bring for these requirements, None when everything is installed.

    With `is_newest` pip is asked even if what there is would do. TentacleError names what cannot be had, and both
    versions where there is another one.
    """
    if not [text for text in wanted if _is_lacking(text, entry.name)]:
        return None
    for known in [] if is_newest else _known(bot, entry):
        if (found := _part(bot, known, wanted, entry.name)) is not None:
            return found
    wheels = bring([Requirement(text) for text in wanted])
    bundle = bundle_of(wheels)
    check_packages(wanted, PackageSet(bundle.locked.tree_hash, files=bundle.files), entry.name)
    return bundle


def _is_lacking(text: str, name: str) -> bool:
    """Say whether what is required is not installed at all. TentacleError when another version is."""
    try:
        check_packages([text], NO_PACKAGES, name)
    except PackageMissing:
        return True
    return False


def bundle_of(wheels: Sequence[Wheel]) -> Bundle:
    """Return wheels as what one tentacle brings. TentacleError when they do not go together."""
    files = joined(wheels)
    locked = LockedPackages(tree_hash=tree_hash(files), wheels=[wheel.locked for wheel in wheels])
    return Bundle(locked=locked, files=files)


def bundle_again(locked: LockedPackages) -> Bundle:
    """Fetch again what the lock file names. TentacleError when it is not to be had, or not the same any more."""
    bundle = bundle_of(bring_again(locked.wheels))
    if bundle.locked.tree_hash != locked.tree_hash:
        raise TentacleError(f"its packages are {bundle.locked.tree_hash} now, {locked.tree_hash} in the lock file")
    return bundle


def stored(bot: BotFolder, locked: LockedPackages) -> Bundle:
    """Return what lies in the content store. TentacleError when it is gone or was changed."""
    return Bundle(locked=locked, files=bot.store.get(locked.tree_hash))


def consents(bundle: Bundle | None) -> dict[str, str]:
    """Return what a person has to agree to, with what it means: each package, by name and version."""
    wheels = bundle.locked.wheels if bundle is not None else []
    return {consent(one): f"brings this Python package, {size(one.bytes)}" for one in wheels}


def consent(one: LockedWheel) -> str:
    return f"{PREFIX}{one.name}=={one.version}"


def size(count: int) -> str:
    return f"{count:,} bytes" if count < 10_000 else f"{count / 1000:,.0f} kB"


def _known(bot: BotFolder, entry: RegistryEntry) -> Iterator[LockedPackages]:
    """Yield the sets that are there: of the tentacle itself, then of the others that are on."""
    entries = bot.entries()
    own = entries.get(entry.slot)
    others = [one for one in entries.values() if one.enabled and one is not own]
    for one in [*([own] if own else []), *others]:
        locked = bot.locked(one).bundle(one.packages) if one.packages else None
        if locked is not None and bot.store.has(locked.tree_hash):
            yield locked


def _part(bot: BotFolder, locked: LockedPackages, wanted: Sequence[str], name: str) -> Bundle | None:
    """Return what of a set is needed, None when it does not do."""
    try:
        packages = read_set(locked.tree_hash, bot.store)
        used = {one.name for one in closure(wanted, packages, name)}
    except TentacleError:
        return None
    wheels = [one for one in locked.wheels if one.name in used]
    files = packages.only(sorted(used)) if len(wheels) < len(locked.wheels) else dict(packages.files)
    return Bundle(locked=LockedPackages(tree_hash=tree_hash(files), wheels=wheels), files=files)
