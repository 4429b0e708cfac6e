"""Verbs on tentacles as they stand: list, info, history."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, Field

from loligo.errors import NotFound, TentacleError
from loligo.host import bundled_root
from loligo.log import masked
from loligo.ports.door import Answer
from loligo.registry.manifest import PERMISSIONS, SETTINGS_FILE, read_manifest
from loligo.registry.registry_file import RegistryEntry
from loligo_bot.door.inside import Inside
from loligo_bot.door.offer import Arguments, Asked, Offer, looking, reading
from loligo_bot.door.pages import Paged, Pages, Part, brief, page, shaped
from loligo_bot.door.state import TentacleHealth, tentacles_standing
from loligo_bot.recipe import is_named
from loligo_bot.settings_check import sections
from loligo_kit.bot_folder import BotFolder
from loligo_kit.lock import LockedTentacle, load_lock

_NO_STANDING: Mapping[str, Any] = {"phase": "", "generation": 0, "last_good": "", "reason": ""}


class TentacleRow(TentacleHealth):
    """How one tentacle stands."""

    is_on: bool = Field(description="as a person wants it")
    phase: str = Field(description="good, pending, shadow, probation, refused or rolled_back")
    generation: int = Field(description="in which its running version came")
    last_good: str = Field(description="hash of the newest version that came through its probation")
    settings: dict[str, Any] = Field(description="of the registry, under those that a desk gives; secrets masked")
    permissions: list[str] = Field(description="granted")
    is_pinned: bool
    waiting: str = Field(description="version of an update that waits for permissions; empty: none")
    available: str = Field(description="version that its source had when last asked; empty: none that is newer")


class Tentacles(Answer):
    """Every tentacle and how it stands."""

    tentacles: list[TentacleRow]

    def lines(self) -> Sequence[str]:
        return [
            f"{'on ' if one.is_on else 'off'} {one.kind}/{one.name} {one.version} {one.state} {one.reason}".rstrip()
            for one in self.tentacles
        ]


class TentaclesAsked(Arguments):
    """Which tentacles."""

    kind: str | None = Field(default=None, description="only this kind, such as evaluator")


async def list_(inside: Inside, _asked: Asked, given: TentaclesAsked) -> Tentacles:
    leaks, attempt = inside.reconciler.leaks.holders, inside.reconciler.attempt
    healths = (await inside.health.answer(inside.engine.now_ns, attempt, leaks))["tentacles"]
    wanted = [row for row in healths if given.kind in (None, row["kind"])]
    return await inside.read(lambda: Tentacles(tentacles=_rows(inside, wanted)))


def _rows(inside: Inside, healths: Sequence[Mapping[str, Any]]) -> list[TentacleRow]:
    entries, standing, lock = folder(inside).entries(), tentacles_standing(inside), load_lock(inside.home)
    slots = [f"{one['kind']} {one['name']}" for one in healths]
    return [
        _row(one, entries.get(slot), standing, _waiting(lock.find(slot)), inside.available)
        for one, slot in zip(healths, slots, strict=True)
    ]


def _waiting(locked: LockedTentacle | None) -> str:
    """Return the version of the update that waits for a person's yes."""
    version = locked.find(locked.pending) if locked is not None and locked.pending else None
    return version.version if version is not None else ""


def _row(
    health: Mapping[str, Any],
    entry: RegistryEntry | None,
    standing: Mapping[str, Mapping[str, Any]],
    waiting: str,
    newer: Mapping[str, str],
) -> TentacleRow:
    available = newer.get(f"{health['kind']}/{health['name']}", "")
    told = standing.get(f"{health['kind']}/{health['name']}", _NO_STANDING)
    return TentacleRow.model_validate(
        {
            **health,
            **{name: told[name] for name in ("phase", "generation", "last_good")},
            "reason": health["reason"] or told["reason"],
            "is_on": entry is not None and entry.enabled,
            "settings": masked(entry.settings) if entry is not None else {},
            "permissions": list(entry.permissions) if entry is not None else [],
            "is_pinned": entry is not None and entry.pin,
            "waiting": waiting,
            "available": available if available != health["version"] else "",
        }
    )


def folder(inside: Inside) -> BotFolder:
    return BotFolder(inside.home, bundled_root())


def found(inside: Inside, name: str) -> RegistryEntry:
    """Return the entry called NAME or KIND/NAME. NotFound when there is none, or several."""
    try:
        return folder(inside).find(name)
    except TentacleError as exc:
        raise NotFound(str(exc)) from exc


class Permission(Part):
    """What a tentacle wants to be allowed, or is allowed unasked."""

    name: str
    meaning: str
    is_granted: bool
    is_needed: bool = Field(description="by its manifest: without it, it stays off")


class KnownVersion(Part):
    """A version that one can go back to."""

    version: str
    tree_hash: str
    source: str


class Place(Part):
    """A place of the configuration that uses a tentacle, and the settings there."""

    place: str = Field(description="as `tentacle.settings` takes it")
    settings: dict[str, Any]


class TentacleInfo(Answer):
    """What a tentacle is, wants, may and can be set to."""

    kind: str
    name: str
    version: str
    summary: str
    author: str
    licence: str
    api: str
    folder: str
    tree_hash: str
    source: str
    is_on: bool
    is_pinned: bool
    waiting: str = Field(description="version of an update that waits for permissions; empty: none")
    permissions: list[Permission]
    requires: list[str] = Field(description="tentacles and python packages that it needs")
    settings: dict[str, Any] = Field(description="of the registry; secrets masked")
    places: list[Place] = Field(description="that use it, with the settings that count before these; secrets masked")
    settings_schema: dict[str, Any] = Field(description="JSON schema of its settings, as it brings it")
    standing: dict[str, Any]
    versions: list[KnownVersion]

    def lines(self) -> Sequence[str]:
        may = ", ".join(one.name for one in self.permissions if one.is_granted) or "nothing"
        known = [f"  {name}: {_setting(one)}" for name, one in self.settings_schema.get("properties", {}).items()]
        head = (
            f"{self.kind}/{self.name} {self.version} by {self.author}, {self.source}, {'on' if self.is_on else 'off'}"
        )
        return [head, self.summary, f"may: {may}", *(["settings:"] if known else []), *known]


def _setting(schema: Mapping[str, Any]) -> str:
    return f"{schema.get('default', '')} {schema.get('description', '')}".strip()


class OfTentacle(Arguments):
    """Which tentacle."""

    name: str = Field(min_length=1, description="NAME, or KIND/NAME where two kinds share it")


def info(inside: Inside, given: OfTentacle) -> TentacleInfo:
    bot, entry = folder(inside), found(inside, given.name)
    place, files = bot.content(entry)
    manifest = read_manifest(place, files)
    needed, held = manifest.permissions, entry.permissions
    wanted = [
        Permission(
            name=each, meaning=PERMISSIONS[each.partition(":")[0]], is_granted=each in held, is_needed=each in needed
        )
        for each in dict.fromkeys([*needed, *held])
    ]
    return TentacleInfo(
        **{
            name: getattr(manifest, name) for name in ("kind", "name", "version", "summary", "author", "licence", "api")
        },
        folder=str(place),
        tree_hash=bot.hash_of(entry),
        source=entry.source,
        is_on=entry.enabled,
        is_pinned=entry.pin,
        waiting=_waiting(bot.locked(entry)),
        permissions=wanted,
        requires=[*manifest.requires.tentacles, *manifest.requires.python],
        settings=masked(entry.settings),
        places=[Place(place=one.place, settings=masked(one.settings)) for one in places_of(inside, entry)],
        settings_schema=json.loads(files[SETTINGS_FILE]) if SETTINGS_FILE in files else {},
        standing=tentacles_standing(inside).get(f"{entry.kind}/{entry.name}", {}),
        versions=[shaped(KnownVersion, one.model_dump()) for one in bot.known(entry)],
    )


def places_of(inside: Inside, entry: RegistryEntry) -> list[Place]:
    """Return the places of the running configuration that use a tentacle, secrets not masked."""
    return [
        Place(place=".".join(map(str, path[:-1])), settings=given)
        for path, kind, name, given in sections(inside.config)
        if f"{kind} {name}" == entry.slot
    ]


def settings_model(inside: Inside, entry: RegistryEntry) -> type[BaseModel] | None:
    """Return the class of a tentacle's settings, None while it is not loaded."""
    loaded = next((one for one in inside.reconciler.running.loaded if one.entry.slot == entry.slot), None)
    return loaded.factory.settings if loaded is not None else None


class SwapRow(Part):
    """One exchange of tentacles or settings, or the wish for one."""

    seq: int
    number: int = Field(description="the generation that it led to, or would have")
    time: str
    by: str
    why: str
    when: str
    how: str
    changed: list[str]
    steps: list[str]
    result: str
    text: str
    took_ms: int


class Swaps(Paged):
    """The history of what ran, newest first."""

    swaps: list[SwapRow]

    def lines(self) -> Sequence[str]:
        return [
            f"{brief(one.time)} {one.number} {one.by}: {', '.join(one.changed) or one.text}, {one.result}"
            for one in self.swaps
        ] or ["nothing was exchanged yet"]


class HistoryAsked(Pages):
    """Which exchanges."""

    name: str | None = Field(
        default=None, description="only what changed this or its settings: NAME, KIND/NAME or desk/NAME"
    )


def history(inside: Inside, given: HistoryAsked) -> Swaps:
    rows, next_before = page(inside, "swaps", given)
    if given.name is not None:
        every = inside.rows.rows("swaps", below={} if given.before is None else {"seq": given.before})
        named = [row for row in reversed(every) if is_named(row["changed"], given.name)]
        rows, next_before = named[: given.limit], None
        next_before = rows[-1]["seq"] if len(named) > given.limit else None
    return Swaps(swaps=[shaped(SwapRow, row) for row in rows], next_before=next_before)


OFFERS: tuple[Offer, ...] = (
    looking("tentacle.list", "every tentacle: on or off, how it stands, who uses it", TentaclesAsked, Tentacles, list_),
    reading("tentacle.info", "what a tentacle is, wants, may and can be set to", OfTentacle, TentacleInfo, info),
    reading("tentacle.history", "every exchange of tentacles and settings", HistoryAsked, Swaps, history),
)
