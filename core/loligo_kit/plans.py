"""What could be done to a bot's tentacles: versions found, with all that a person must know before agreeing.

Making a plan fetches a package and changes nothing; no code of it runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from packaging.version import Version

from loligo.errors import TentacleError
from loligo.registry.manifest import PERMISSIONS, Manifest, read_manifest
from loligo.registry.registry_file import RegistryEntry
from loligo.registry.tree import hash12
from loligo_kit.bot_folder import BotFolder
from loligo_kit.bringing import Bundle, bundle_for, consent, consents, stored
from loligo_kit.distributions import PREFIX
from loligo_kit.lock import LockedPackages, LockedVersion, hashes_like
from loligo_kit.sources import UPLOADED, Fetched, fetch, received

ADMIN = "admin"  # the one permission that is granted in the registry and not asked for
MOST_NAMED = 20  # versions in one sentence, the newest


class NothingNew(TentacleError):
    """There is nothing to do: it is as it was wanted already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A version that could become the wanted one, and what a person has to know before."""

    before: RegistryEntry | None  # the entry when the plan was made
    manifest: Manifest
    files: Mapping[str, bytes]
    tree_hash: str
    archive_hash: str | None
    source: str
    path: str | None = None  # of the folder in which this very content lies
    stays: bool = False  # pinned: pip has another version, which would come back
    held: Sequence[str] = ()  # that a person agreed to before
    needs_confirmation: bool = False  # of the hash: a server alone chose the content
    bundle: Bundle | None = None  # Python packages that it brings

    @property
    def slot(self) -> str:
        return f"{self.manifest.kind} {self.manifest.name}"

    @property
    def wanted(self) -> Mapping[str, str]:
        """Return what a person has to agree to, with what each means: permissions, then packages that it brings."""
        every = {each: PERMISSIONS[each.partition(":")[0]] for each in self.manifest.permissions}
        return {each: why for each, why in (every | consents(self.bundle)).items() if each not in self.held}

    @property
    def _kept_admin(self) -> list[str]:
        """Return what a person gave to an automation though no manifest asks for it."""
        is_given = self.before is not None and ADMIN in self.before.permissions
        return [ADMIN] if is_given and ADMIN not in self.manifest.permissions else []

    @property
    def entry(self) -> RegistryEntry:
        """Return the registry entry of this version; what a person chose of the one before stays."""
        values: dict[str, Any] = {
            "version": self.manifest.version,
            "tree_hash": self.tree_hash,
            "path": self.path,
            "source": self.source if self.path else "installed",
            "permissions": [*self.manifest.permissions, *self._kept_admin],
            "packages": self.bundle.locked.tree_hash if self.bundle is not None else None,
        }
        if self.source.startswith(PREFIX):
            values["source"] = "pip"
        if self.stays:
            values["pin"] = True
        if self.before is not None:
            return RegistryEntry.model_validate(self.before.model_dump() | values)
        return RegistryEntry.model_validate({"kind": self.manifest.kind, "name": self.manifest.name, **values})


def plan_install(bot: BotFolder, source: str, expected_hash: str | None = None) -> Plan:
    """Fetch a package of a tentacle that is not there yet, or whose content is not there as it was."""
    fetched = fetch(source, expected_hash=expected_hash)
    plan = _plan_of(bot, fetched, None)
    if plan.before is None:
        return plan
    if _restores(bot, plan, plan.before):
        return _plan_of(bot, fetched, plan.before)
    there = f"{plan.slot} {plan.before.version}"
    if plan.before.tree_hash == plan.tree_hash:
        raise NothingNew(f"{there} with this very content is there already")
    name = f"{plan.manifest.kind}/{plan.manifest.name}"
    raise TentacleError(f"{there} is there already; to replace it run `loligo tentacle update {name} {source}`")


def plan_update(bot: BotFolder, name: str, source: str | None = None, expected_hash: str | None = None) -> Plan:
    """Fetch another version of a tentacle, from `source` or from where it came. A pin holds against it."""
    entry = _unpinned(bot, name)
    locked = bot.locked(entry).find(entry.tree_hash)
    if source is None and locked is not None and locked.source.startswith(PREFIX):
        distribution = locked.source.removeprefix(PREFIX).partition("/")[0]
        raise TentacleError(
            f"{entry.slot} came by pip: run `pip install --upgrade {distribution}`, then `loligo tentacle refresh`"
        )
    if source is None and (locked is None or locked.path is not None or locked.source == UPLOADED):
        raise TentacleError(
            f"{entry.slot} is {entry.source}: say from where, as in `loligo tentacle update {name} SOURCE`"
        )
    plan = _plan(bot, source or (locked.source if locked else ""), expected_hash, entry)
    return _newer(bot, plan, entry, name)


def _restores(bot: BotFolder, plan: Plan, entry: RegistryEntry) -> bool:
    """Say whether a plan brings back the very content of an entry, which the content store has not as it was."""
    return entry.path is None and plan.tree_hash == entry.tree_hash and not bot.is_whole(plan.tree_hash)


def _newer(bot: BotFolder, plan: Plan, entry: RegistryEntry, name: str) -> Plan:
    """Return a plan that brings another version than that of the entry and no older one, or its content again."""
    leads = plan.path not in (None, entry.path)  # a folder in the bot's own place, and did not
    if plan.tree_hash == entry.tree_hash and not leads and not _restores(bot, plan, entry):
        where = plan.path or plan.source
        raise NothingNew(f"{entry.slot} {entry.version} is what {where} has; there is nothing newer")
    if Version(plan.manifest.version) < Version(entry.version):
        raise TentacleError(
            f"{plan.source} has {plan.manifest.version}, older than {entry.version}; "
            f"`loligo tentacle rollback {name}` goes back"
        )
    return plan


def plan_source(bot: BotFolder, source: str, expected_hash: str | None = None) -> Plan:
    """Fetch a package of whatever it is: a new tentacle, or another version of one that is there."""
    return _new_or_newer(bot, fetch(source, expected_hash=expected_hash))


def plan_upload(bot: BotFolder, content: bytes, expected_hash: str | None = None) -> Plan:
    """Do the same with a zip that somebody sent."""
    return _new_or_newer(bot, received(content, expected_hash=expected_hash))


def _new_or_newer(bot: BotFolder, fetched: Fetched) -> Plan:
    plan = _plan_of(bot, fetched, None)
    if plan.before is None:
        return plan
    entry = _unpinned(bot, name := f"{plan.manifest.kind}/{plan.manifest.name}")
    return _newer(bot, _plan_of(bot, fetched, entry), entry, name)


def plan_agreement(bot: BotFolder, name: str) -> Plan:
    """Return the update that waits for permissions. A pin holds against it, too."""
    entry = _unpinned(bot, name)
    locked = bot.locked(entry)
    version = locked.find(locked.pending) if locked.pending else None
    if version is None:
        raise NothingNew(f"no update of {entry.slot} waits for permissions")
    return _plan_again(bot, version, entry)


def plan_rollback(bot: BotFolder, name: str, wanted: str | None = None) -> Plan:
    """Return an earlier version: that which was installed before, or the one of this hash (or its beginning) or number,
    also of those that lay in a folder."""
    entry = bot.find(name)
    known = [each for each in bot.known(entry) if each.tree_hash != entry.tree_hash]
    last = None if wanted else bot.before(entry)
    found = hashes_like(wanted, known) if wanted else [last] if last else []
    if len(found) != 1:
        what = f'"{wanted}" names {"several" if found else "none"}' if wanted else "none ran before it"
        there = ", ".join(f"{each.version} ({hash12(each.tree_hash)})" for each in known[-MOST_NAMED:]) or "none"
        raise TentacleError(f"{entry.slot} {entry.version}: {what} of the versions to go back to, which are: {there}")
    return replace(_plan_again(bot, found[0], entry), stays=found[0].source.startswith(PREFIX))


def _unpinned(bot: BotFolder, name: str) -> RegistryEntry:
    entry = bot.find(name)
    if entry.pin:
        raise TentacleError(f"{entry.slot} {entry.version} is pinned; `loligo tentacle unpin {name}` lets it go")
    return entry


def _plan(bot: BotFolder, source: str, expected_hash: str | None, before: RegistryEntry | None) -> Plan:
    return _plan_of(bot, fetch(source, expected_hash=expected_hash), before)


def _plan_of(bot: BotFolder, fetched: Fetched, before: RegistryEntry | None) -> Plan:
    manifest = read_manifest(Path(fetched.source_text), fetched.files)
    slot = f"{manifest.kind} {manifest.name}"
    if before is not None and slot != before.slot:
        raise TentacleError(f"{fetched.source_text} holds {slot}, not {before.slot}; nothing was changed")
    place = Path(fetched.source_text) if fetched.origin == "folder" else None
    path = bot.place_of(manifest.kind, manifest.name, place) if place is not None else None
    return Plan(
        before=before or bot.entries().get(slot),
        manifest=manifest,
        files=fetched.files,
        tree_hash=fetched.tree_hash,
        archive_hash=fetched.archive_hash,
        source="local" if path else fetched.source_text,
        path=path,
        held=[*before.permissions, *_agreed(bot.locked(before).bundle(before.packages))] if before else (),
        needs_confirmation=fetched.needs_confirmation,
    )


def _plan_again(bot: BotFolder, version: LockedVersion, before: RegistryEntry) -> Plan:
    """Return the plan of a version that was fetched before; in its folder, while that holds it still."""
    files = bot.store.get(version.tree_hash)
    is_there = version.path is not None and bot.holds(version.path, version.tree_hash)
    locked, then = bot.locked(before), version.packages
    now, is_pending = locked.bundle(before.packages), locked.pending == version.tree_hash
    return Plan(
        before=before,
        manifest=read_manifest(bot.store.path(version.tree_hash), files),
        files=files,
        tree_hash=version.tree_hash,
        archive_hash=version.archive_hash,
        source=version.source,
        path=version.path if is_there else None,
        held=[*before.permissions, *version.permissions, *_agreed(now), *([] if is_pending else _agreed(then))],
        bundle=stored(bot, then) if then is not None else None,
    )


def _agreed(packages: LockedPackages | None) -> list[str]:
    return [consent(one) for one in packages.wheels] if packages is not None else []


def with_packages(bot: BotFolder, plan: Plan) -> Plan:
    """Return a plan together with the Python packages that its version must bring. Asks pip, if need be; TentacleError
    when one cannot be had."""
    return replace(plan, bundle=bundle_for(bot, plan.entry, plan.manifest.requires.python))
