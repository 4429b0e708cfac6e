"""The settings that ran before, from the journal and the content store; those of now, from the files; what differs.

A recipe of the past holds no secret; that of now does, and so do its single settings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from loligo.config import check_settings
from loligo.config.layers import Setting, spelt_as
from loligo.errors import ConfigError, JournalError, NotFound, TentacleError
from loligo.host import Host, bundled_root
from loligo.log import MASK
from loligo.model.command import SlotVersion
from loligo.model.timeframe import iso
from loligo.registry.content import CONTENT_FOLDER, ContentStore
from loligo.registry.manifest import read_manifest
from loligo.registry.registry_file import load_registry
from loligo_bot.folder_config import read_config
from loligo_bot.folder_settings import folder_settings
from loligo_bot.history import Rows
from loligo_bot.looked_at import DeskEvaluators, evaluators_of
from loligo_bot.recipe import Recipe, differences, read_recipe, recipe_of
from loligo_bot.undo import undo_settings
from loligo_bot.vault import is_kept

NOW = "now"
_RAN = ("good", "probation", "rolled_back")  # phases of generations


@dataclass(frozen=True, slots=True)
class Past:
    """The generations of a journal that ran, oldest first, and how the wishes for them ended."""

    home: Path
    generations: Sequence[dict[str, Any]]
    swaps: Mapping[int, Mapping[str, Any]]

    def recipe(self, number: int) -> Recipe:
        """Return the settings of a generation. NotFound when there is none of that number."""
        found = [row for row in self.generations if row["number"] == number]
        if not found:
            known = ", ".join(str(row["number"]) for row in self.generations[-20:])
            raise NotFound(f"there is no generation {number}; the newest ones that ran: {known or 'none'}")
        slots = tuple(SlotVersion(*slot) for slot in found[-1]["slots"])
        return read_recipe(ContentStore(self.home / CONTENT_FOLDER), slots)

    def evaluators(self, desk: str, seq: int) -> DeskEvaluators:
        """Return the evaluators that a desk had at a seq of the journal, none where its settings are gone."""
        ran = self._at(seq)
        try:
            return evaluators_of(self.recipe(ran["number"]).config, desk) if ran else ()
        except JournalError:
            return ()

    def number_names(self, evaluator: str, seq: int) -> Sequence[str]:
        """Return what an evaluator, by its label, called its numbers at a seq, nothing where its code is gone."""
        ran = self._at(seq)
        slot = f"evaluator/{evaluator.partition(' ')[0].partition('#')[0]}"
        tree = next((tree for name, tree, _ in ran["slots"] if name == slot), "") if ran else ""
        return _drawn(self.home, tree) if tree else ()

    def _at(self, seq: int) -> dict[str, Any] | None:
        """Return the generation that ran at a seq."""
        ran = [row for row in self.generations if row["first_seq"] <= seq and row["phase"] != "rolled_back"]
        return ran[-1] if ran else None

    def newest_other(self, now: Recipe) -> int:
        """Return the newest generation whose settings are not those of now. NotFound when there is none."""
        kept = now.masked().config
        for row in reversed(self.generations):
            if self.recipe(row["number"]).config != kept:
                return int(row["number"])
        raise NotFound("no generation had other settings than those of now; there is nothing to undo")

    def told(self) -> Iterator[dict[str, Any]]:
        """Yield what each generation changed against the one before, oldest first; those that changed nothing not."""
        before: Recipe | None = None
        for row in self.generations:
            swap = self.swaps.get(row["number"], {})
            words = {name: swap.get(name, "") for name in ("by", "why")}
            entry = {"number": row["number"], "time": iso(row["ts"]), "phase": row["phase"], **words}
            try:
                recipe = self.recipe(row["number"])
            except JournalError as exc:
                yield {**entry, "changed": [], "lost": str(exc)}
                continue
            changed = [str(one) for one in differences(before, recipe)] if before is not None else []
            if before is None or changed:
                yield {**entry, "changed": changed, "lost": ""}
            before = recipe


@lru_cache(maxsize=64)
def _drawn(home: Path, tree: str) -> Sequence[str]:
    """Return the numbers that the manifest of a version names; what a hash names never changes."""
    content = ContentStore(home / CONTENT_FOLDER)
    try:
        return tuple(read_manifest(content.path(tree), content.get(tree)).draw)
    except TentacleError:
        return ()


def past_of(home: Path, rows: Rows) -> Past:
    """Return the past that the read models know."""
    ran = [row for row in rows.rows("generations") if row["phase"] in _RAN]
    return Past(home, ran, {row["number"]: row for row in rows.rows("swaps")})


def recipe_now(home: Path) -> Recipe:
    """Return what the files want, secrets included."""
    return recipe_of(read_config(home), load_registry(Host(home, bundled_root()).registry_path))


@dataclass(frozen=True, slots=True, kw_only=True)
class Undoing:
    """What going back to a generation's settings does to config/loligo.yaml; the registry stays."""

    number: int
    changed: list[str]
    registry: list[str]  # what differs there
    previous: str = ""  # the file as it was
    comments_lost_at: tuple[str, ...] = ()

    @property
    def lines(self) -> list[str]:
        lines = self.changed or [f"config/loligo.yaml has the settings of generation {self.number} already"]
        lines = [*lines, *([f"the file before is {self.previous}"] if self.previous else [])]
        lines += [f"comments were lost at {', '.join(self.comments_lost_at)}"] if self.comments_lost_at else []
        stays = f"the registry differs, too, and stays: {len(self.registry)} entries"
        return lines + ([f"{stays}; `loligo config diff {self.number}` lists"] if self.registry else [])


def go_back(home: Path, past: Past, number: int | None, *, is_trial: bool = False) -> Undoing:
    """Write the settings of a generation into the file, or of the newest that had others; a trial writes nothing."""
    now = recipe_now(home)
    number = number if number is not None else past.newest_other(now)
    wanted = past.recipe(number)
    found = differences(now, wanted)
    changed = [str(one) for one in found if one.way[0] != "tentacles"]
    registry = [str(one) for one in found if one.way[0] == "tentacles"]
    if not changed or is_trial:
        return Undoing(number=number, changed=changed, registry=registry)
    done = undo_settings(home, now, wanted)
    lost = tuple(done.rewritten)
    return Undoing(
        number=number, changed=changed, registry=registry, previous=str(done.previous), comments_lost_at=lost
    )


# Settings of now, one by one

_Path = tuple[str | int, ...]


def settings_at(home: Path, key: str) -> list[tuple[str, Any, str]]:
    """Return key, value (secrets, too, but for those of the vault) and where it was set of every setting at or below a
    dotted key, in which what stands in a list may be named. ConfigError if there is none."""
    settings = folder_settings(home)
    leaves = _leaves(check_settings(settings).model_dump(), ())
    wanted = tuple(key.split(".")) if key else ()
    found = _below(leaves, wanted) or _below(leaves, _by_name(wanted, settings))
    if not found:
        raise ConfigError(f'"{key}": no such key; `loligo config get` without one lists all')
    return [(".".join(map(str, path)), _plain(value), _where(settings, path)) for path, value in found]


def _leaves(node: Any, path: _Path) -> list[tuple[_Path, Any]]:
    if isinstance(node, dict) and node:
        return [leaf for key, inner in node.items() for leaf in _leaves(inner, (*path, key))]
    if isinstance(node, tuple | list) and any(isinstance(item, dict) for item in node):
        return [leaf for index, inner in enumerate(node) for leaf in _leaves(inner, (*path, index))]
    return [(path, node)]


def _below(leaves: list[tuple[_Path, Any]], wanted: _Path) -> list[tuple[_Path, Any]]:
    return [leaf for leaf in leaves if tuple(map(str, leaf[0][: len(wanted)])) == tuple(map(str, wanted))]


def _by_name(wanted: tuple[str, ...], settings: Setting) -> _Path:
    """Return the path of a key such as interfaces.telegram.token, which variables and the vault spell like this."""
    try:
        return spelt_as(wanted, settings, "key")
    except ConfigError:
        return wanted


def _plain(value: Any) -> Any:
    return MASK if is_kept(value) else list(value) if isinstance(value, tuple) else value


def _where(settings: Setting, path: _Path) -> str:
    """Return where a value was set; one that nobody set has its default."""
    return settings.origin_of(path) if settings.at(path) is not None else "default"
