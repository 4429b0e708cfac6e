"""Verbs on profiles, layers of settings beneath the file: list, duplicate, switch, export, import, remove.

A switch writes one line of config/loligo.yaml and goes through a swap; what only a start can take up is said before
anything is written, and done only if one asks for that. A choice that the swap refuses is taken back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

from pydantic import Field

from loligo.config import LoligoConfig
from loligo.config.layers import Setting, dotted
from loligo.errors import ConfigError
from loligo.log import masked
from loligo.ports.door import Answer, Role
from loligo.registry.registry_file import Registry
from loligo_bot.door.exchanging import Changing, Exchanged, Undo, because, exchanged
from loligo_bot.door.inside import Inside
from loligo_bot.door.offer import Arguments, Asked, Offer, changing, reading
from loligo_bot.door.operating import Done
from loligo_bot.door.pages import Part
from loligo_bot.door.settings import Difference
from loligo_bot.profiles import (
    LONGEST,
    NAME,
    Profile,
    add_profile,
    choose,
    chosen_profile,
    config_of,
    export_profile,
    found_profile,
    judge_import,
    layer_of,
    leaves,
    overridden,
    profiles_of,
    put_back,
    remove_profile,
    settings_with,
)
from loligo_bot.recipe import Recipe, differences, recipe_of
from loligo_bot.reconcile import at_a_start
from loligo_bot.settings_check import check_tentacle_settings

NEXT_START = "counts from the next start on"
ProfileName = Field(pattern=NAME, description="small letters, digits, _ and -")


class ProfileSetting(Part):
    """One setting of a profile."""

    key: str
    value: Any


class ProfileRow(Part):
    """One profile."""

    name: str
    is_active: bool
    is_own: bool = Field(description="its file lies in the bot folder; the others came with Loligo")
    file: str
    sets: list[ProfileSetting] = Field(description="secrets masked")
    fault: str = Field(description="why it cannot be read")


class Profiles(Answer):
    """Every profile, and which one counts."""

    profiles: list[ProfileRow]
    active: str = Field(description="its name; empty: none")
    origin: str = Field(description="where it was chosen")

    def lines(self) -> Sequence[str]:
        rows = [f"{'*' if one.is_active else ' '} {one.name}: sets {len(one.sets)}" for one in self.profiles]
        return rows or ["there are no profiles"]


def profiles(inside: Inside, _given: Arguments) -> Profiles:
    active, origin = chosen_profile(inside.home)
    rows = [_row(one, active) for one in profiles_of(inside.home).values()]
    return Profiles(profiles=rows, active=active, origin=origin)


def _row(profile: Profile, active: str) -> ProfileRow:
    told: dict[str, Any] = {"name": profile.name, "is_own": profile.is_own, "file": profile.file.name}
    try:
        found = list(leaves(layer_of(profile).plain()))
    except ConfigError as exc:
        return ProfileRow(**told, is_active=profile.name == active, sets=[], fault=str(exc))
    sets = [ProfileSetting(key=dotted(path), value=masked(value, str(path[-1]))) for path, value in found if path]
    return ProfileRow(**told, is_active=profile.name == active, sets=sets, fault="")


class ProfileCopy(Arguments):
    """Of what, and its name."""

    name: str = Field(default="", max_length=40, description="a profile; empty: all that is set now, without secrets")
    to: str = ProfileName


async def duplicate(inside: Inside, _asked: Asked, given: ProfileCopy) -> Done:
    """Make a new profile of another one, or of the settings as they are."""

    def copy() -> str:
        if given.name:
            return found_profile(inside.home, given.name).file.read_text(encoding="utf-8")
        return export_profile(inside.home, "").text

    file = await asyncio.to_thread(lambda: add_profile(inside.home, given.to, copy()))
    return Done(is_done=True, message=f"profile {given.to} is there: config/profiles/{file.name}")


class ProfileSwitch(Changing):
    """To which profile."""

    name: str = Field(default="", max_length=40, description="a profile; empty: none")
    dry_run: bool = Field(default=False, description="only say what would change")
    at_start: bool = Field(
        default=False,
        description="choose it even when only a start can take it up: the bot runs on as it is until then",
    )


class ProfileSwitched(Exchanged):
    """What a profile changes, and what came of choosing it."""

    differences: list[Difference] = Field(description="by setting; secrets masked")
    at_start: list[str] = Field(description="what only a start can take up")
    overridden: list[str] = Field(description="what it sets without effect: the file or the environment says otherwise")

    def lines(self) -> Sequence[str]:
        changed = [f"{one.key}: {one.before} → {one.after}" for one in self.differences] or ["no setting changes"]
        return [*super().lines(), *changed, *self.at_start, *(f"no effect: {one}" for one in self.overridden)]


async def switch(inside: Inside, asked: Asked, given: ProfileSwitch) -> ProfileSwitched:
    """Choose a profile and have it taken up, or say what that would change."""
    told, needs_start = await inside.read(lambda: _would(inside, given.name))
    now = (await inside.read(lambda: chosen_profile(inside.home)))[0]
    shown = f"profile {given.name}" if given.name else "no profile"
    if given.dry_run or now == given.name:
        said = "nothing was changed: this is a trial" if given.dry_run else f"{shown} is chosen already"
        return ProfileSwitched(is_done=True, message=said, **told)
    if needs_start and not given.at_start:
        return ProfileSwitched(is_done=False, message=f"nothing was changed: {needs_start}", **told)
    (before, after), swap = await inside.swap_of_files(
        partial(choose, inside.home, given.name),
        by=asked.actor.name,
        why=because(f"switch to {shown}", given),
        patience_s=given.patience_s,
    )
    done = exchanged(swap, undo=Undo(verb="profile.switch", arguments={"name": now}))
    if not done.is_done and not needs_start:
        await asyncio.to_thread(put_back, inside.home, before, after)
        done = done.model_copy(update={"message": f"{done.message}; {shown} is not chosen", "undo": None})
    if needs_start:
        done = done.model_copy(update={"is_done": True, "message": f"{shown} {NEXT_START}: {needs_start}"})
    return ProfileSwitched(**{name: getattr(done, name) for name in Exchanged.model_fields}, **told)


def _would(inside: Inside, name: str) -> tuple[dict[str, Any], str]:
    """Return what a profile would change, and the sentence in which a swap would refuse it."""
    profile = found_profile(inside.home, name) if name else None
    settings = settings_with(inside.home, name)
    told, needs_start = _told(inside, settings)
    return {**told, "overridden": overridden(inside.home, profile, settings) if profile else []}, needs_start


def _told(inside: Inside, settings: Setting) -> tuple[dict[str, Any], str]:
    """Judge settings as a whole and lay them beside those that count now. ConfigError lists what is wrong."""
    new = config_of(settings)
    check_tentacle_settings(inside.home, new, inside.reconciler.running.host, settings=settings)
    now, active = inside.config, settings_with(inside.home, chosen_profile(inside.home)[0])
    found = [one for one in differences(_whole(config_of(active)), _whole(new)) if one.way != ("bot", "profile")]
    live = {one.way for one in differences(recipe_of(now, Registry()), recipe_of(new, Registry()))}
    later = [f"{'.'.join(one.way)} {NEXT_START}" for one in found if one.way not in live]
    needs_start = at_a_start(now, new)
    shown = [Difference(key=".".join(one.way), before=one.before, after=one.after) for one in found]
    return {"differences": shown, "at_start": [*([needs_start] if needs_start else []), *later]}, needs_start


def _whole(config: LoligoConfig) -> Recipe:
    return Recipe(config.model_dump(mode="json"), {})


class ProfileExport(Arguments):
    """OneProfile profile."""

    name: str = Field(default="", max_length=40, description="a profile; empty: all that is set now")


class ExportedProfile(Answer):
    """A profile as one file, without secrets."""

    file: str = Field(description="a name for it")
    text: str = Field(description="YAML")
    left_out: list[str] = Field(description="keys that may hold secrets, and are not in it")

    def lines(self) -> Sequence[str]:
        return [*self.text.splitlines(), *(f"left out: {one}" for one in self.left_out)]


def export(inside: Inside, given: ProfileExport) -> ExportedProfile:
    done = export_profile(inside.home, given.name)
    return ExportedProfile(file=f"{given.name or 'settings'}.yaml", text=done.text, left_out=done.left_out)


class ProfileImport(Arguments):
    """A file, and the name of the profile that it becomes."""

    name: str = ProfileName
    text: str = Field(min_length=1, max_length=LONGEST, description="YAML, as profile.export gives it")
    dry_run: bool = Field(default=False, description="only judge it and say what it would change")


class ProfileImported(Done):
    """What a profile that came in would change, were it chosen."""

    differences: list[Difference]
    at_start: list[str] = Field(description="what only a start could take up")

    def lines(self) -> Sequence[str]:
        changed = [f"{one.key}: {one.before} → {one.after}" for one in self.differences] or ["no setting would change"]
        return [self.message, *changed, *self.at_start]


async def import_(inside: Inside, _asked: Asked, given: ProfileImport) -> ProfileImported:
    """Judge a file as the profile in use, and keep it under its name; it is not chosen."""

    def judged() -> dict[str, Any]:
        if given.name in profiles_of(inside.home):
            raise ConfigError(f'name = "{given.name}": there is a profile of that name; choose another, or remove it')
        return _told(inside, judge_import(inside.home, given.name, given.text))[0]

    told = await inside.read(judged)
    if given.dry_run:
        return ProfileImported(is_done=True, message="nothing was written: this is a trial", **told)
    await asyncio.to_thread(add_profile, inside.home, given.name, given.text)
    return ProfileImported(is_done=True, message=f"profile {given.name} is there; it is not chosen yet", **told)


class OneProfile(Arguments):
    """OneProfile profile."""

    name: str = Field(min_length=1, max_length=40, description="a profile of the bot folder")


async def remove(inside: Inside, _asked: Asked, given: OneProfile) -> Done:
    """Delete a profile that is not in use."""
    await asyncio.to_thread(remove_profile, inside.home, given.name)
    return Done(is_done=True, message=f"profile {given.name} is removed")


OFFERS: tuple[Offer, ...] = (
    reading("profiles", "every profile: what it sets, and which one counts", Arguments, Profiles, profiles),
    reading(
        "profile.export",
        "a profile, or what is set now, as one file without secrets",
        ProfileExport,
        ExportedProfile,
        export,
    ),
    changing("profile.duplicate", "make a profile of another one", Role.ADMIN, ProfileCopy, Done, duplicate),
    changing(
        "profile.switch",
        "choose a profile, or see what that would change",
        Role.ADMIN,
        ProfileSwitch,
        ProfileSwitched,
        switch,
    ),
    changing(
        "profile.import", "judge a file and keep it as a profile", Role.ADMIN, ProfileImport, ProfileImported, import_
    ),
    changing(
        "profile.remove",
        "delete a profile that is not in use",
        Role.ADMIN,
        OneProfile,
        Done,
        remove,
        confirm="Delete this profile?",
    ),
)
