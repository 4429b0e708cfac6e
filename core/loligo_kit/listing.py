"""Lists in the registry what installed distributions bring, and takes up what pip changed since.

A new tentacle is off until a person switches it on; one that wants more than it was granted waits until a person
agrees. Its content goes into the content store and `tentacles.lock` says from which entry point it came, both before
the registry names it. What pip installed anew is not loaded until it is taken up here; a pin holds a tentacle at the
version in the store.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from loligo.registry.registry_file import RegistryEntry, editing
from loligo_kit.bot_folder import BotFolder, Entries
from loligo_kit.distributions import Brought, installed_tentacles
from loligo_kit.lock import LockedVersion, load_lock, save_lock, settings_hash
from loligo_kit.needs import closure


@dataclass(slots=True)
class Listed:
    """What was done: slots of new and changed entries; a sentence for each tentacle that stays as it is, or out."""

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)  # the registry has another one in its place
    refused: list[str] = field(default_factory=list)


def list_distributions(bot: BotFolder) -> Listed:
    """Bring the registry in line with the distributions that are installed."""
    done = Listed()
    found: dict[str, Brought] = {}
    for each in installed_tentacles():
        if not isinstance(each, Brought):
            done.refused.append(str(each))
        elif each.slot in found:
            first = found[each.slot]
            done.refused.append(
                f"{each.distribution}, entry point {each.name!r}: {first.distribution} brings {each.slot}, too, and "
                "comes first; uninstall one of them"
            )
        else:
            found[each.slot] = each
    for brought in found.values():
        bot.store.put(brought.files)
    with editing(bot.registry) as entries:
        for brought in found.values():
            _take_up(bot, brought, entries, done)
    return done


def _take_up(bot: BotFolder, brought: Brought, entries: Entries, done: Listed) -> None:
    before = entries.get(brought.slot)
    if before is not None and (before.source != "pip" or before.pin):
        if before.tree_hash != brought.tree_hash:
            why = f"is {before.source} in the registry" if before.source != "pip" else "is pinned"
            done.left.append(f"{brought.distribution}, entry point {brought.name!r}: {brought.slot} {why}, and stays")
        return
    if before is not None and before.tree_hash == brought.tree_hash:
        return
    values = {"version": brought.manifest.version, "tree_hash": brought.tree_hash}
    if before is None:
        known = {"kind": brought.manifest.kind, "name": brought.manifest.name, "source": "pip", "enabled": False}
        after = RegistryEntry.model_validate(known | values)
    else:
        after = before.model_copy(update=values)
    lacks = set(brought.manifest.permissions) - set(after.permissions)
    _lock(bot, brought, after, list(entries.values()), is_pending=bool(lacks))
    entries[brought.slot] = after
    (done.changed if before else done.added).append(brought.slot)


def _lock(
    bot: BotFolder, brought: Brought, entry: RegistryEntry, entries: Sequence[RegistryEntry], *, is_pending: bool
) -> None:
    needed = closure(entry, entries, bot.manifest)
    version = LockedVersion(
        version=entry.version,
        tree_hash=brought.tree_hash,
        source=brought.source,
        permissions=entry.permissions,
        requires={f"{each.kind}/{each.name}": bot.hash_of(each) for each in needed},
        settings_hash=settings_hash(brought.files),
    )
    pending = version.tree_hash if is_pending else None
    locked = bot.locked(entry).with_newest(version, pending=pending)
    save_lock(bot.home, load_lock(bot.home).with_tentacle(locked))
