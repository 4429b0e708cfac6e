"""Compares what registry, lock file and content store of a bot folder say of each tentacle; runs nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from loligo.errors import TentacleError
from loligo.registry.manifest import read_manifest
from loligo.registry.registry_file import RegistryEntry
from loligo.registry.tree import hash12, tree_hash
from loligo_kit.bot_folder import BotFolder
from loligo_kit.lock import LOCK_FILE, Lock, LockedTentacle, check_locked, load_lock, settings_hash

State = Literal["ok", "note", "failed"]  # a note is nothing to refuse


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One version of one tentacle, and what is wrong with it."""

    slot: str
    version: str
    hash12: str
    state: State
    reason: str = ""


def verify(bot: BotFolder) -> list[Finding]:
    """Return a finding for every tentacle, and one for each earlier version that cannot be gone back to."""
    lock = load_lock(bot.home)
    entries = bot.entries()
    found = [_judged(bot, lock, entry) for entry in entries.values()]
    for tentacle in lock.tentacles:
        found += _earlier(bot, tentacle, entries.get(tentacle.slot))
    return found


def _judged(bot: BotFolder, lock: Lock, entry: RegistryEntry) -> Finding:
    state: State = "ok"
    reason = ""
    held = entry.tree_hash or ""
    try:
        folder, files = bot.content(entry)
        held = tree_hash(files)
        if entry.tree_hash not in (None, held):
            raise TentacleError(f"{folder} holds {hash12(held)}, the registry wants {hash12(entry.tree_hash or '')}")
        manifest = read_manifest(folder, files)
        if (manifest.kind, manifest.name, manifest.version) != (entry.kind, entry.tentacle, entry.version):
            raise TentacleError(f"{folder} says {manifest.kind} {manifest.name} {manifest.version}")
        if entry.packages is not None:
            bot.store.get(entry.packages)
        locked = check_locked(lock, entry)
        if locked is not None and locked.settings_hash != settings_hash(files):
            raise TentacleError(f"{LOCK_FILE} has another settings schema: {locked.settings_hash}; install it again")
    except (TentacleError, OSError) as exc:
        state, reason = "failed", str(exc)
    else:
        notes = list(_notes(lock, entry))
        state, reason = ("note", "; ".join(notes)) if notes else ("ok", "")
    return Finding(slot=entry.slot, version=entry.version, hash12=hash12(held), state=state, reason=reason)


def _notes(lock: Lock, entry: RegistryEntry) -> Iterator[str]:
    locked = lock.find(entry.slot)
    version = locked.find(entry.tree_hash) if locked else None
    if version is not None and version.permissions != entry.permissions:
        here, there = ", ".join(entry.permissions) or "none", ", ".join(version.permissions) or "none"
        yield f"permissions {here} in the registry, {there} when it was installed"
    pending = locked.find(locked.pending) if locked and locked.pending else None
    if pending is not None:
        yield f"{pending.version} waits for permissions: `loligo tentacle agree {entry.name}`"


def _earlier(bot: BotFolder, tentacle: LockedTentacle, active: RegistryEntry | None) -> Iterator[Finding]:
    for version in tentacle.versions:
        if active is not None and version.tree_hash == active.tree_hash:
            continue
        try:
            bot.store.get(version.tree_hash)
        except TentacleError as exc:
            short = hash12(version.tree_hash)
            said = f"no way back to it: {exc}"
            yield Finding(slot=tentacle.slot, version=version.version, hash12=short, state="failed", reason=said)
