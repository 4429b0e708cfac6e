"""An author at work: each save of a tentacle's folder is verified, checked, and swapped into the bot that runs.

    saved ─► verified (as the host would) ─► checked (the quick ones) ─► registry ─► shadow ─► live

Each is a step with a line. The first that fails ends the row: what runs in the bot stays. A bot that watches its files
itself takes up the same save; whoever comes first, the swap is the same and is told once.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

from loligo.errors import ConfigError, LoligoError, NotRunning, TentacleError
from loligo.host.verifier import shared_verifier
from loligo.registry.manifest import Manifest, read_manifest
from loligo.registry.registry_file import RegistryEntry, editing
from loligo.registry.tree import hash12, read_tree, tree_hash
from loligo_kit.bot_folder import BotFolder
from loligo_kit.watcher import Change, Watched, Watcher
from loligo_packages.package_set import read_set
from loligo_testing.kit import check
from loligo_testing.subject import read_version

_PATIENCE_S = 30.0  # for a swap to end; one that waits for its moment goes on alone
_LOOK_S = 0.2  # how often Ctrl-C is looked for


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of one save."""

    name: str
    is_done: bool
    text: str

    def line(self) -> str:
        return f"{self.name:9} {self.text}" if self.is_done else f"{self.name:9} FAILED: {self.text}"

    def data(self) -> dict[str, Any]:
        return {"step": self.name, "ok": self.is_done, "text": self.text}


class Bench:
    """One tentacle's folder, and the bot folder into which its saves go."""

    def __init__(self, shell: Any, folder: Path) -> None:
        self._shell = shell
        self.folder = folder.absolute()
        self._bot = BotFolder(shell.home, shell.bundled)

    def take(self) -> Iterator[Step]:
        """Yield the steps of the folder as it is now, each once it is done; one that failed is the last."""
        try:
            files = read_tree(self.folder)
            manifest = read_manifest(self.folder, files)
        except (LoligoError, OSError) as exc:
            yield Step(name="saved", is_done=False, text=str(exc))
            return
        yield Step(name="saved", is_done=True, text=f"{manifest.id} {manifest.version} ({hash12(tree_hash(files))})")
        for step in (self._verified, self._checked, self._registered, self._shadowed, self._applied):
            try:
                done = step(self._entry(), files)  # as it is by now: checking takes a while
            except ConfigError as exc:
                done = Step(name="registry", is_done=False, text=str(exc))
            if done is not None:
                yield done
                if not done.is_done:
                    return

    def _verified(self, entry: RegistryEntry | None, files: dict[str, bytes]) -> Step:
        began = time.monotonic()
        try:
            version = read_version(self.folder)
            granted = version.entry if entry is None else self._as_saved(entry, files)
            enabled = [each for each in self._entries() if each.enabled]
            packages = read_set(granted.packages, self._bot.store)
            self._shell.judge(granted, files, self.folder, enabled, packages)
        except LoligoError as exc:
            return Step(name="verified", is_done=False, text=str(exc))
        return Step(name="verified", is_done=True, text=f"in {(time.monotonic() - began) * 1000:.0f} ms")

    def _checked(self, entry: RegistryEntry | None, files: dict[str, bytes]) -> Step:
        try:
            brought = entry.packages if entry is not None else None
            report = check(self.folder, quick=True, packages=read_set(brought, self._bot.store))
        except LoligoError as exc:
            return Step(name="checked", is_done=False, text=str(exc))
        if report.failures:
            said = "; ".join(f"{each.name}: {each.evidence}" for each in report.failures)
            return Step(name="checked", is_done=False, text=said)
        held = sum(each.outcome == "passed" for each in report.checks)
        return Step(name="checked", is_done=True, text=f"{held} quick checks in {report.seconds * 1000:.0f} ms")

    def _registered(self, entry: RegistryEntry | None, files: dict[str, bytes]) -> Step | None:
        """Take version and hash into the registry, where it holds a hash; a bot loads nothing else."""
        if entry is None:
            return Step(name="registry", is_done=True, text=self._why_unlisted(read_manifest(self.folder, files)))
        if entry.source == "installed" or not self._bot.registry.exists():
            return Step(name="registry", is_done=False, text=f"{entry.slot} is installed content; work on a copy of it")
        with editing(self._bot.registry) as entries:
            before = entries.get(entry.slot, entry)  # somebody may have had his turn since it was read
            after = self._as_saved(before, files)
            if entry.slot in entries:
                entries[entry.slot] = after
        if after == before:
            return None
        return Step(name="registry", is_done=True, text=f"{entry.slot} is {after.version} ({hash12(tree_hash(files))})")

    def _why_unlisted(self, manifest: Manifest) -> str:
        """Say what to do so that this folder leads."""
        other = next((each for each in self._entries() if each.slot == f"{manifest.kind} {manifest.name}"), None)
        if other is not None and self._bot.place_of(manifest.kind, manifest.name, self.folder) is not None:
            known = f"{other.slot} {other.version} ({hash12(other.tree_hash or '')})"
            name = f"{other.kind}/{other.name}"
            return (
                f"{self._bot.registry} has {known} of the content store, not this folder; "
                f"`loligo tentacle update {name} {self.folder}` lets it lead"
            )
        place = self._bot.home / "tentacles"
        told = f"{self._bot.registry} does not list it: it belongs (or a link to it) below {place}, then "
        return f"{told}`loligo tentacle refresh`"

    def _shadowed(self, entry: RegistryEntry | None, files: dict[str, bytes]) -> Step | None:
        """Say, before it is waited for, that a bot is asked."""
        if entry is None or not entry.enabled:
            return None
        try:
            number = self._shell.ask({"do": "status"}, _PATIENCE_S).get("status", {}).get("generation")
        except (LoligoError, OSError):
            return None  # the next step says why
        return Step(
            name="shadow", is_done=True, text=f"generation {number} runs; its bot takes the new one up beside it"
        )

    def _applied(self, entry: RegistryEntry | None, files: dict[str, bytes]) -> Step | None:
        if entry is None:
            return None
        if not entry.enabled:
            return Step(name="live", is_done=True, text=f"not: {entry.slot} is off; `loligo tentacle on {entry.name}`")
        try:
            request = {"do": "apply", "by": "dev", "why": f"{entry.kind}/{entry.name} was saved"}
            answer = self._shell.ask({**request, "patience_s": _PATIENCE_S}, 2 * _PATIENCE_S)
            return self._told(answer, entry)
        except NotRunning:
            return Step(name="live", is_done=True, text=f"no bot runs in {self._bot.home}: verified and checked only")
        except (LoligoError, OSError) as exc:
            return Step(name="live", is_done=False, text=str(exc))

    def _told(self, answer: dict[str, Any], entry: RegistryEntry) -> Step:
        """Say what came of a wish: of ours, or of the bot's own that was there first."""
        if "at_work" in answer:
            work = answer["at_work"]
            return Step(
                name="live", is_done=True, text=f"{work.get('phase', 'at work')}: generation {work.get('number')}"
            )
        swap = answer.get("swap") or {}
        if swap.get("result") == "unchanged":
            status = self._shell.ask({"do": "status"}, _PATIENCE_S).get("status", {})
            newest = status.get("swap") or {}
            if not any(line.startswith(f"{entry.kind}/{entry.name} ") for line in newest.get("changed", ())):
                return Step(name="live", is_done=True, text=f"it runs already, generation {swap.get('number')}")
            swap = newest
        if swap.get("result") != "good":
            return Step(
                name="live", is_done=False, text=f"{swap.get('result')}: {swap.get('text') or answer.get('error')}"
            )
        took = f"shadow, flip and probation in {swap.get('duration_ms', 0.0):.0f} ms"
        return Step(name="live", is_done=True, text=f"generation {swap.get('number')}, {took}")

    def _as_saved(self, entry: RegistryEntry, files: dict[str, bytes]) -> RegistryEntry:
        """Return an entry with version and hash of what was saved; one without a hash stays so."""
        update: dict[str, Any] = {"version": read_manifest(self.folder, files).version}
        if entry.tree_hash is not None:
            update["tree_hash"] = tree_hash(files)
        return entry.model_copy(update=update)

    def _entries(self) -> list[RegistryEntry]:
        return list(self._bot.entries().values()) if self._bot.registry.exists() else []

    def _entry(self) -> RegistryEntry | None:
        """Return the entry whose `path` leads to this folder, through links too."""
        own = self.folder.resolve()
        for entry in self._entries():
            places = [root / entry.path for root in (self._shell.home, self._shell.bundled) if entry.path]
            found = next((place for place in places if place.is_dir()), None)
            if found is not None and found.resolve() == own:
                return entry
        return None


def watch(bench: Bench, tell: Callable[[Step], object]) -> None:
    """Take the folder as it is now, and after each save that has come to rest, until Ctrl-C."""
    ended = Event()

    def saved(change: Change) -> None:
        if change.fault:
            tell(Step(name="saved", is_done=False, text=change.fault))
            return
        for step in bench.take():
            tell(step)

    if not bench.folder.is_dir():
        raise TentacleError(f"{bench.folder}: no such folder")
    shared_verifier().warm()
    before = signal.signal(signal.SIGINT, lambda number, frame: ended.set())
    try:
        with Watcher(Watched(folders=[bench.folder]), saved):  # the first look reports the folder as it is
            while not ended.wait(_LOOK_S):  # a wait without end would not let the signal through
                pass
    finally:
        signal.signal(signal.SIGINT, before)
