"""Bisection: finds by halving which tentacle, or which new version, makes a check fail; never in the live bot folder.

Suspects stand in a row, what is needed before what needs it. The first so many are as they are now, the others off (or
in the version before), and the check is run on a copy of the folder. It passes with none and fails with all, so there
is a first one with which it fails: found in log2(n) runs, even where it fails only together with one before it.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from loligo.errors import TentacleError
from loligo.host import Host, bundled_root
from loligo.registry.manifest import KIND_FOLDERS, read_manifest
from loligo.registry.registry_file import REGISTRY_FILE, Registry, RegistryEntry, load_registry, save_registry
from loligo.registry.tree import hash12
from loligo_bot.health.safe_mode import KEPT, community
from loligo_bot.health.wanted import SECTIONS
from loligo_kit.bot_folder import BotFolder

COPIED = ("config", "tentacles", "state/content", "tentacles.lock", ".env")
LINKED = ("data",)  # read only, and large


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """What may make the check fail: a tentacle that is on, or its change from the version before."""

    after: RegistryEntry
    before: RegistryEntry | None = None  # None: without it

    @property
    def label(self) -> str:
        if self.before is None:
            return f"{self.after.slot} {self.after.version}"
        old, new = (f"{one.version} ({hash12(one.tree_hash or '')})" for one in (self.before, self.after))
        return f"{self.after.slot} from {old} to {new}"


def first_bad(count: int, is_bad: Callable[[int], bool]) -> int:
    """Return the smallest number of suspects with which the check fails; it is known to pass with 0 and fail with
    `count`. Asks log2(count) times, rounded up."""
    low, high = 0, count
    while high - low > 1:
        middle = (low + high) // 2
        if is_bad(middle):
            high = middle
        else:
            low = middle
    return high


def tentacles_of(home: Path) -> list[Suspect]:
    """Return the tentacles that are on and did not come with Loligo, but venues, needed ones first."""
    host, bot = Host(home, bundled_root()), BotFolder(home, bundled_root())
    entries = community(load_registry(host.registry_path), host.sources(keeps=False).shipped)
    return [Suspect(after=entry) for entry in _needed_first([e for e in entries if e.kind not in KEPT], bot)]


def versions_of(home: Path, good: Mapping[str, str]) -> list[Suspect]:
    """Return what is on in another version than in a good generation; `good`: tree hash by kind/name."""
    bot = BotFolder(home, bundled_root())
    found = []
    for entry in bot.entries().values():
        earlier = good.get(f"{entry.kind}/{entry.name}")
        if not entry.enabled or earlier is None or not bot.store.has(earlier):
            continue
        if earlier != (now := bot.hash_of(entry)):
            manifest = read_manifest(bot.store.path(earlier), bot.store.get(earlier))
            changes: dict[str, Any] = {"path": None, "tree_hash": earlier, "source": "local"}
            changes |= {"version": manifest.version, "permissions": manifest.permissions}
            changes["packages"] = bot.packages_of(entry, earlier)
            after = entry.model_copy(update={"tree_hash": now})
            found.append(Suspect(after=after, before=entry.model_copy(update=changes)))
    return found


def _needed_first(entries: Sequence[RegistryEntry], bot: BotFolder) -> list[RegistryEntry]:
    """Order entries so that each stands behind those that it requires."""
    ordered: list[RegistryEntry] = []

    def place(entry: RegistryEntry, way: tuple[str, ...] = ()) -> None:
        if entry in ordered or entry.slot in way:
            return
        for other in entries:
            if other.name in _required(bot, entry):
                place(other, (*way, entry.slot))
        ordered.append(entry)

    for entry in entries:
        place(entry)
    return ordered


def _required(bot: BotFolder, entry: RegistryEntry) -> tuple[str, ...]:
    try:
        return tuple(bot.manifest(entry).requires.tentacles)
    except (TentacleError, OSError):
        return ()


class TrialFolder:
    """A copy of a bot folder, without its journal, in which suspects are taken in and out."""

    def __init__(self, home: Path, folder: Path) -> None:
        self.folder = folder
        for name in COPIED:
            source, target = home / name, folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, symlinks=True)
            elif source.exists():
                shutil.copy2(source, target)
        for name in LINKED:
            if (home / name).is_dir():
                (folder / name).symlink_to((home / name).resolve(), target_is_directory=True)
        self._registry: Registry = load_registry(Host(home, bundled_root()).registry_path)
        self._config = folder / "config" / "loligo.yaml"
        self._text = self._config.read_text(encoding="utf-8")

    def take(self, suspects: Sequence[Suspect], count: int) -> None:
        """Let the first so many be as they are now, and the others out or as they were."""
        out = {suspect.after.slot: suspect.before for suspect in suspects[count:]}
        entries = []
        for entry in self._registry.tentacles:
            before = out.get(entry.slot)
            off = entry.model_copy(update={"enabled": False}) if entry.slot in out else entry
            entries.append(before if before is not None else off)
        save_registry(self.folder / REGISTRY_FILE, entries)
        self._configure({slot for slot, before in out.items() if before is None})
        for left in (self.folder / "state").glob("*.*"):  # of the check before
            left.unlink()

    def _configure(self, off: set[str]) -> None:
        """Take out of the configuration what a bot would not start without."""
        self._config.write_text(self._text, encoding="utf-8")
        yaml = YAML()
        content = yaml.load(self._text)
        for desk in (content.get("desks") or {}).values():
            if desk and desk.get("risk_rules"):
                desk["risk_rules"] = [name for name in desk["risk_rules"] if f"risk_rule {name}" not in off]
        for section, kind in SECTIONS.items():
            if content.get(section):
                content[section] = [one for one in content[section] if f"{kind} {one['tentacle']}" not in off]
        with self._config.open("w", encoding="utf-8") as file:
            yaml.dump(content, file)


def good_code(generations: Sequence[Mapping[str, Any]], wanted: Mapping[str, str]) -> dict[str, str]:
    """Return the tree hashes by kind/name of the newest good generation that ran other versions than `wanted`; empty
    when there is none. The generations are rows of the read model, oldest first."""
    for row in reversed(generations):
        code = {name: tree for name, tree, _ in row["slots"] if name.partition("/")[0] in KIND_FOLDERS and tree}
        if row["phase"] == "good" and any(wanted.get(name, tree) != tree for name, tree in code.items()):
            return code
    return {}
