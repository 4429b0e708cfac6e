"""Installs, updates, removes and takes back tentacles of one bot folder.

    fetch ─► a person agrees to hash and permissions ─► judged ─► content store ─► tentacles.lock ─► registry

The registry's replace is the only moment that counts: before it the old version is wanted, after it the new one, and
either is whole, because content and lock are on disk by then. No code of a package runs before a person agreed to what
it is and to what it may do. Who runs the bot follows the registry; nothing here waits for it. What was decided on is
compared with the newest registry in the writer's turn: when somebody changed the entry meanwhile, nothing is done.

Asking people is the caller's part: a plan says what there is to agree to, `carry_out` takes the answer.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from loligo.errors import TentacleError
from loligo.registry.registry_file import RegistryEntry, editing
from loligo.registry.tree import hash12, tree_hash
from loligo_kit.bot_folder import BotFolder, Entries
from loligo_kit.bringing import PREFIX, bundle_again
from loligo_kit.equipping import Equipment
from loligo_kit.lock import LOCK_FILE, LockedVersion, load_lock, save_lock, settings_hash
from loligo_kit.needs import ManifestOf, check_needs, closure
from loligo_kit.plans import Plan
from loligo_kit.sources import UPLOADED, HashMismatch, fetch
from loligo_packages.package_set import NO_PACKAGES, PackageSet, read_set

UNFETCHABLE = ("bundled", "local", UPLOADED)  # sources of versions that lay in a folder, or that somebody sent


class PermissionWanted(TentacleError, PermissionError):
    """A person must agree first (exit code 6); nothing was changed."""


def kinds(wanted: Collection[str]) -> str:
    """Name what is wanted as what it is: permissions, and packages."""
    packages = [each.removeprefix(PREFIX) for each in wanted if each.startswith(PREFIX)]
    permissions = [each for each in wanted if not each.startswith(PREFIX)]
    words = [f"the permission {', '.join(permissions)}"] if permissions else []
    words += [f"to bring the package {', '.join(packages)}"] if packages else []
    return " and ".join(words)


class Judge(Protocol):
    """Says whether a version may be loaded, by running it elsewhere."""

    def __call__(
        self,
        entry: RegistryEntry,
        files: Mapping[str, bytes],
        folder: Path,
        enabled: Sequence[RegistryEntry],
        packages: PackageSet = NO_PACKAGES,
    ) -> object:
        """Return when it may. TentacleError says why not."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What was done to one registry entry: as it was and as it is, None where there was or is none."""

    slot: str
    before: RegistryEntry | None
    after: RegistryEntry | None
    waiting: Mapping[str, str] = field(default_factory=dict)  # permissions without which the update stays off
    is_restored: bool = False  # the content store had not what it names as it was

    @property
    def to_run(self) -> str:
        """Return as kind/name what is to run by this change, also otherwise than before; "" for nothing."""
        before, after = self.before, self.after
        if after is None or not after.enabled or (before and before == after.model_copy(update={"pin": before.pin})):
            return ""
        return f"{after.kind}/{after.name}"


class Installer:
    """Changes the registry of one bot folder."""

    def __init__(self, bot: BotFolder, judge: Judge) -> None:
        self.bot = bot
        self._judge = judge

    def carry_out(self, plan: Plan, grants: Collection[str] = ()) -> Change:
        """Make a plan's version the wanted one; `grants` are the permissions that a person just granted.

        One that replaces another and wants more is kept, and waits: the version before stays. A new one that wants
        more raises PermissionWanted, and nothing is changed.
        """
        missing = {each: why for each, why in plan.wanted.items() if each not in grants}
        if missing and plan.before is None:
            raise PermissionWanted(f"{plan.slot} wants {kinds(missing)}; nothing was changed")
        was_whole = self._keep(plan.files)
        if plan.bundle is not None:
            self._keep(plan.bundle.files)
        if missing:
            with self._turn(plan) as entries:
                self._lock(plan, entries, list(plan.held), is_pending=True)
            return Change(slot=plan.slot, before=plan.before, after=plan.before, waiting=missing)
        after = self._check_needs(plan, self.bot.entries())
        folder = self.bot.store.path(plan.tree_hash)
        packages = read_set(plan.entry.packages, self.bot.store)
        self._judge(plan.entry, plan.files, folder, [entry for entry in after if entry.enabled], packages)
        with self._turn(plan) as entries:
            self._check_needs(plan, entries)  # somebody else had his turn since
            self._lock(plan, entries, plan.manifest.permissions)
            entries[plan.slot] = plan.entry
        is_restored = not was_whole and plan.before == plan.entry
        return Change(slot=plan.slot, before=plan.before, after=plan.entry, is_restored=is_restored)

    def enlist(self, shipped: RegistryEntry, expected_hash: str | None = None) -> Change:
        """Put a tentacle that comes with Loligo into the registry, which has none of its name. TentacleError when it
        has one, what it needs is not there, or it is not what the hash names."""
        if expected_hash not in (None, shipped.tree_hash):
            raise HashMismatch(
                f"{shipped.slot} that comes with Loligo is {shipped.tree_hash}, expected {expected_hash}"
            )
        with editing(self.bot.registry) as entries:
            if shipped.slot in entries:
                raise TentacleError(f"{shipped.slot} {entries[shipped.slot].version} is there already")
            check_needs(entries.values(), [*entries.values(), shipped], shipped.slot, self.bot.manifest)
            entries[shipped.slot] = shipped
        return Change(slot=shipped.slot, before=None, after=shipped)

    def equip(self, given: Equipment, grants: Collection[str]) -> Change:
        """Give a tentacle that is there the permissions and Python packages that it lacks, whatever its version.

        PermissionWanted names those that no person agreed to, and nothing is changed.
        """
        entry, after, bundle = given.entry, given.after, given.bundle
        if missing := [each for each in given.wanted if each not in grants]:
            raise PermissionWanted(f"{entry.slot} wants {kinds(missing)}; nothing was changed")
        if bundle is not None:
            self._keep(bundle.files)
        folder, files = self.bot.content(entry)
        enabled = [each for each in self.bot.entries().values() if each.enabled and each.slot != entry.slot]
        self._judge(after, files, folder, [*enabled, after], read_set(after.packages, self.bot.store))
        with editing(self.bot.registry) as entries:
            self._check_unchanged(entry.slot, entry, entries)
            locked = self.bot.locked(entry).equipped(after, bundle.locked if bundle is not None else None)
            save_lock(self.bot.home, load_lock(self.bot.home).with_tentacle(locked))
            entries[entry.slot] = after
        return Change(slot=entry.slot, before=entry, after=after)

    def revoke(
        self,
        name: str,
        permissions: Collection[str],
        used_at: Callable[[str], Sequence[str]] = lambda slot: (),
        *,
        is_forced: bool = False,
    ) -> Change:
        """Take permissions back, all that it holds where none is named, from earlier versions, too. One that needs them
        goes off. TentacleError when it does not hold one, or, unless forced, when others need it, or it is a risk rule
        that a desk names: `used_at` returns the places of the configuration that use a slot."""
        entry = self.bot.find(name)
        if strange := [each for each in permissions if each not in entry.permissions]:
            held = ", ".join(entry.permissions) or "none"
            raise TentacleError(f"{entry.slot} does not hold {', '.join(strange)}; it holds: {held}")
        taken = [each for each in entry.permissions if each in permissions or not permissions]
        needs = self.bot.manifest(entry).permissions
        after = entry.model_copy(
            update={
                "permissions": [each for each in entry.permissions if each not in taken],
                "enabled": entry.enabled and not any(each in needs for each in taken),
            }
        )
        goes_off = entry.enabled and not after.enabled
        refusal = f"cannot revoke what {entry.slot} needs: it would go off" if goes_off and not is_forced else ""
        if refusal:
            _keep_rule(entry, used_at, refusal)
        with self._changing(entry, after, refusal) as entries:
            locked = self.bot.locked(entry).without_permissions(taken)
            if locked.versions:
                save_lock(self.bot.home, load_lock(self.bot.home).with_tentacle(locked))
            entries[entry.slot] = after
        return Change(slot=entry.slot, before=entry, after=after)

    def check(self, plan: Plan) -> None:
        """TentacleError when somebody would lack another tentacle after a plan was carried out."""
        self._check_needs(plan, self.bot.entries())

    def switch(
        self,
        name: str,
        used_at: Callable[[str], Sequence[str]] = lambda slot: (),
        *,
        is_on: bool,
        is_forced: bool = False,
    ) -> Change:
        """Switch a tentacle on or off. TentacleError, unless forced, when others need it, it lacks others, or it is a
        risk rule that a desk names; see `revoke`."""
        entry = self.bot.find(name)
        after = entry.model_copy(update={"enabled": is_on})
        refusal = "" if is_forced else f"cannot switch {entry.slot} {'on' if is_on else 'off'}"
        if refusal and not is_on:
            _keep_rule(entry, used_at, refusal)
        return self._change(entry, after, refusal)

    def pin(self, name: str, *, is_pinned: bool) -> Change:
        """Hold a tentacle at its version, or let it go."""
        entry = self.bot.find(name)
        return self._change(entry, entry.model_copy(update={"pin": is_pinned}), "")

    def remove(self, name: str, *, is_forced: bool = False) -> Change:
        """Take a tentacle out of the registry. TentacleError when others need it, unless forced.

        Its content stays in the store, for the journals that name it.
        """
        entry = self.bot.find(name)
        change = self._change(entry, None, "" if is_forced else f"cannot remove {entry.slot}")
        with editing(self.bot.registry) as entries:  # only now: the registry names nothing that the lock does not know
            named = {f"{each.kind} {each.tentacle}" for each in entries.values()}  # a desk's NAME@HASH counts, too
            save_lock(self.bot.home, load_lock(self.bot.home).only(named))
        return change

    def fetch_missing(self) -> tuple[str, ...]:
        """Fetch again what registry and lock name and the store does not hold as it was; return the slots.
        TentacleError names what can no longer be had."""
        done = []
        for slot, entry in self.bot.entries().items():
            locked = self.bot.locked(entry)
            if entry.path is None and entry.tree_hash and not self.bot.is_whole(entry.tree_hash):
                version = locked.find(entry.tree_hash)
                if version is None or version.source in UNFETCHABLE:
                    said = f"{LOCK_FILE} does not say where {slot} {hash12(entry.tree_hash)} came from"
                    raise TentacleError(f"{said}; run `loligo tentacle install` with its zip or folder")
                self._keep(fetch(version.source, expected_hash=entry.tree_hash).files)
                done.append(slot)
            if entry.packages and not self.bot.is_whole(entry.packages):
                brought = locked.bundle(entry.packages)
                if brought is None:
                    raise TentacleError(f"{LOCK_FILE} does not know the packages of {slot} {hash12(entry.packages)}")
                self._keep(bundle_again(brought).files)
                done.append(f"packages of {slot}")
        return tuple(done)

    def _keep(self, files: Mapping[str, bytes]) -> bool:
        """Put content into the store, in the place of what was changed there since; say whether it was there whole."""
        wanted = tree_hash(files)
        if self.bot.is_whole(wanted):
            return True
        if self.bot.store.has(wanted):
            shutil.rmtree(self.bot.store.path(wanted))
        self.bot.store.put(files)
        return False

    def _change(self, before: RegistryEntry, after: RegistryEntry | None, refusal: str) -> Change:
        """Write a changed entry, or none; with a `refusal` only when everybody still has what he needs."""
        with self._changing(before, after, refusal) as entries:
            if after is None:
                del entries[before.slot]
            else:
                entries[before.slot] = after
        return Change(slot=before.slot, before=before, after=after)

    @contextmanager
    def _changing(self, before: RegistryEntry, after: RegistryEntry | None, refusal: str) -> Iterator[Entries]:
        """Hand out the registry for a change of an entry; what must hold is as of `_change`."""
        with editing(self.bot.registry) as entries:
            self._check_unchanged(before.slot, before, entries)
            changed = {slot: entry for slot, entry in entries.items() if slot != before.slot}
            changed |= {} if after is None else {before.slot: after}
            if refusal:
                try:
                    check_needs(entries.values(), changed.values(), before.slot, self.bot.manifest)
                except TentacleError as exc:
                    raise TentacleError(f"{refusal}: {exc}; --force does it all the same") from exc
            yield entries

    @contextmanager
    def _turn(self, plan: Plan) -> Iterator[Entries]:
        """Hand out the registry, unless the plan's entry was changed since the plan was made."""
        with editing(self.bot.registry) as entries:
            self._check_unchanged(plan.slot, plan.before, entries)
            yield entries

    def _check_unchanged(self, slot: str, before: RegistryEntry | None, entries: Entries) -> None:
        if entries.get(slot) != before:
            raise TentacleError(f"{slot} was changed in {self.bot.registry} meanwhile; look at it and try again")

    def _lock(self, plan: Plan, entries: Entries, granted: Sequence[str], *, is_pending: bool = False) -> None:
        """Write into the lock file what the plan's version is, and what ran before it."""
        needed = closure(plan.entry, list(entries.values()), self._manifest_with(plan))
        version = LockedVersion(
            version=plan.manifest.version,
            tree_hash=plan.tree_hash,
            archive_hash=plan.archive_hash,
            source=plan.source,
            path=plan.path,
            permissions=[each for each in plan.manifest.permissions if each in granted],
            requires={f"{each.kind}/{each.name}": self.bot.hash_of(each) for each in needed},
            settings_hash=settings_hash(plan.files),
            packages=plan.bundle.locked if plan.bundle is not None else None,
        )
        is_another = plan.before is not None and plan.before.tree_hash != plan.tree_hash
        before = self._locked_before(plan.before) if plan.before and is_another else []
        tentacle = self.bot.locked(plan.entry).with_newest(
            *before, version, pending=plan.tree_hash if is_pending else None
        )
        save_lock(self.bot.home, load_lock(self.bot.home).with_tentacle(tentacle))

    def _locked_before(self, before: RegistryEntry) -> list[LockedVersion]:
        """Return what the lock file says of the version that is replaced; one from a folder is kept now, so that one
        can go back. Nothing when its folder is gone."""
        known = self.bot.locked(before).find(before.tree_hash)
        if known is not None:
            return [known]
        try:
            files = self.bot.content(before)[1]
        except TentacleError:
            return []
        version = LockedVersion(
            version=before.version,
            tree_hash=self.bot.store.put(files),
            source=before.source,
            path=before.path,
            permissions=before.permissions,
            settings_hash=settings_hash(files),
            packages=self.bot.locked(before).bundle(before.packages),
        )
        return [version]

    def _check_needs(self, plan: Plan, entries: Entries) -> list[RegistryEntry]:
        """Return all entries with that of the plan. TentacleError when somebody would lack another tentacle then."""
        after = [*(entry for slot, entry in entries.items() if slot != plan.slot), plan.entry]
        check_needs(entries.values(), after, plan.slot, self._manifest_with(plan))
        return after

    def _manifest_with(self, plan: Plan) -> ManifestOf:
        return lambda entry: (
            plan.manifest if entry.slot == plan.slot and entry != plan.before else self.bot.manifest(entry)
        )


def _keep_rule(entry: RegistryEntry, used_at: Callable[[str], Sequence[str]], refusal: str) -> None:
    """TentacleError for a risk rule that desks name: none of them runs without, so a bot would take up nothing more."""
    if entry.kind == "risk_rule" and (used := used_at(entry.slot)):
        raise TentacleError(
            f"{refusal}, and {', '.join(used)} would be without; take it out there first; --force does it all the "
            "same, and a bot that runs goes on with it until it ends"
        )
