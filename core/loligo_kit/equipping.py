"""What a tentacle that is there lacks: permissions that its manifest wants, and Python packages that it must bring.

Of one that lies in a folder, or came by pip: what was installed got both when a person agreed to its package. Nothing
is changed here; `Installer.equip` does that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from loligo.registry.manifest import PERMISSIONS
from loligo.registry.registry_file import RegistryEntry
from loligo_kit.bot_folder import BotFolder
from loligo_kit.bringing import Bundle, bundle_for, consent, consents


@dataclass(frozen=True, slots=True, kw_only=True)
class Equipment:
    """What a tentacle would be given, and what of it a person has to agree to."""

    entry: RegistryEntry  # as it is
    bundle: Bundle | None  # all that it brings then
    permissions: Sequence[str]  # that it lacks
    packages: Mapping[str, str]  # that are new to it, by consent, with what each means

    @property
    def wanted(self) -> Mapping[str, str]:
        """Return what a person has to agree to, with what each means."""
        return {each: PERMISSIONS[each.partition(":")[0]] for each in self.permissions} | dict(self.packages)

    @property
    def packages_hash(self) -> str | None:
        return self.bundle.locked.tree_hash if self.bundle is not None else None

    @property
    def after(self) -> RegistryEntry:
        """Return the entry as it is with all of it."""
        held = [*self.entry.permissions, *self.permissions]
        return self.entry.model_copy(update={"permissions": held, "packages": self.packages_hash})


def lacking(
    bot: BotFolder, entry: RegistryEntry, *, is_newest: bool = False, with_permissions: bool = True
) -> Equipment:
    """Return what an entry lacks. Asks pip, if need be; TentacleError says what cannot be had, as of `bundle_for`."""
    bundle = bundle_for(bot, entry, bot.manifest(entry).requires.python, is_newest=is_newest)
    return equipment(bot, entry, bundle, with_permissions=with_permissions)


def equipment(
    bot: BotFolder, entry: RegistryEntry, bundle: Bundle | None, *, with_permissions: bool = True
) -> Equipment:
    """Return what an entry lacks; `bundle` are the packages that it must bring. TentacleError without a manifest."""
    known = bot.locked(entry).bundle(entry.packages)
    held = [consent(one) for one in known.wheels] if known is not None else []
    wishes = bot.manifest(entry).permissions if with_permissions else []
    return Equipment(
        entry=entry,
        bundle=bundle,
        permissions=[each for each in wishes if each not in entry.permissions],
        packages={each: why for each, why in consents(bundle).items() if each not in held},
    )
