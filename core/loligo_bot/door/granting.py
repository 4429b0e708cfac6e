"""Verbs on what a tentacle that is there still lacks, permissions and Python packages, and on taking permissions back.

    look (the folder read, pip asked, nothing runs) ─► a person sees it ─► grant, naming each ─► judged ─► swap

For one that lies in a folder, or came by pip. What an update wants is agreed to by `tentacle.install.agree`. One that
needs a permission which is taken back goes off, and stays off until a person grants it again and switches it on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

from pydantic import Field

from loligo.errors import BadArguments, TentacleError
from loligo.ports.door import Answer, Role
from loligo.registry.registry_file import RegistryEntry
from loligo_bot.door.exchanging import Changing, Exchanged, change_files, installer_of
from loligo_bot.door.inside import Inside
from loligo_bot.door.offer import Asked, Offer, changing
from loligo_bot.door.packages import BroughtPackage, Wanted, brought, check_agreed, packages_of, wanted
from loligo_bot.door.tentacles import OfTentacle, folder, found
from loligo_bot.judgement import read
from loligo_bot.settings_check import used_at
from loligo_kit.bot_folder import BotFolder
from loligo_kit.bringing import size
from loligo_kit.equipping import equipment, lacking
from loligo_kit.installer import Change


class Lacking(Answer):
    """What a tentacle wants and does not have; nothing of it ran."""

    kind: str
    name: str
    version: str
    permissions: list[Wanted] = Field(description="that it lacks")
    packages: list[BroughtPackage] = Field(description="Python packages that it would bring, all of them")
    packages_hash: str = Field(description="of these together; granting must name it; empty: it brings none")
    to_grant: list[str] = Field(description="what granting must name, these and no others")
    against: list[str] = Field(description="for what it would be refused even then; empty: nothing known")

    def lines(self) -> Sequence[str]:
        wants = [f"wants {one.name}: {one.sentence}" for one in self.permissions]
        brings = [f"brings {one.name} {one.version}, {size(one.bytes)}" for one in self.packages if one.consent]
        refused = [f"would be refused: {one}" for one in self.against]
        found = [*wants, *brings, *refused]
        return [f"{self.kind}/{self.name} {self.version} lacks{':' if found else ' nothing'}", *found]


async def look(inside: Inside, _asked: Asked, given: OfTentacle) -> Lacking:
    """Tell what a tentacle lacks, and which packages pip has for it."""
    return await asyncio.to_thread(lambda: _lacking(folder(inside), found(inside, given.name)))


def _lacking(bot: BotFolder, entry: RegistryEntry) -> Lacking:
    place, files = bot.content(entry)
    try:
        lacks, against = lacking(bot, entry), list[str]()
        packages = packages_of(lacks.bundle, place)
        enabled = [each for each in bot.entries().values() if each.enabled and each.slot != entry.slot]
        against += read(lacks.after, files, place, [*enabled, lacks.after], packages)[1]
    except TentacleError as exc:
        lacks, against = equipment(bot, entry, None), [f"it {exc}"]
    return Lacking(
        kind=entry.kind,
        name=entry.name,
        version=entry.version,
        permissions=[wanted(each, is_held=False) for each in lacks.permissions],
        packages=brought(lacks.bundle, lacks.wanted),
        packages_hash=lacks.packages_hash or "",
        to_grant=list(lacks.wanted),
        against=against,
    )


class Grant(Changing):
    """What to which tentacle."""

    name: str = Field(min_length=1, max_length=200, description="NAME, or KIND/NAME where two kinds share it")
    permissions: list[str] = Field(
        default=[], max_length=100, description="to_grant of what `tentacle.grant.look` answered, packages too"
    )
    packages_hash: str = Field(
        default="", max_length=80, description="of that answer: the packages to which you agree; empty: none"
    )


async def grant(inside: Inside, asked: Asked, given: Grant) -> Exchanged:
    """Give a tentacle that is there the permissions and packages that it lacks."""
    entry = await inside.read(lambda: found(inside, given.name))
    installer = installer_of(inside)
    lacks = await asyncio.to_thread(lacking, installer.bot, entry)
    if lacks.after == entry:
        return Exchanged(is_done=True, message=f"{entry.slot} has all that it wants", result="unchanged")
    check_agreed(lacks.wanted, given.permissions)
    if given.packages_hash != (lacks.packages_hash or ""):
        now = lacks.packages_hash or "none"
        said = f"packages_hash = {given.packages_hash!a}: its packages are {now} now; look at it again"
        raise BadArguments(said, {"packages_hash": said})
    turn = partial(installer.equip, lacks, given.permissions)
    return await change_files(inside, asked, turn, f"tentacle grant {entry.slot}", given, None)


class Revoke(Changing):
    """What of which tentacle."""

    name: str = Field(min_length=1, max_length=200, description="NAME, or KIND/NAME where two kinds share it")
    permissions: list[str] = Field(
        default=[], max_length=100, description="that it holds; none named: all that it holds"
    )
    force: bool = Field(default=False, description="even when it goes off by that and others need it")


async def revoke(inside: Inside, asked: Asked, given: Revoke) -> Exchanged:
    """Take permissions back, in the registry and from its earlier versions, and have that taken up."""
    entry = await inside.read(lambda: found(inside, given.name))
    name, done = f"{entry.kind}/{entry.name}", list[Change]()

    def turn() -> Change:
        used = partial(used_at, inside.config)
        done.append(installer_of(inside).revoke(name, given.permissions, used, is_forced=given.force))
        return done[-1]

    answer = await change_files(inside, asked, turn, f"tentacle revoke {entry.slot}", given, None)
    said = await asyncio.to_thread(revoked, folder(inside), done[-1])
    if not answer.is_done:
        said = f"The bot runs on as it was, though this is what the registry says now. {said}"
    return answer.model_copy(update={"message": f"{said} {answer.message}".strip()})


def revoked(bot: BotFolder, change: Change) -> str:
    """Return what was taken back in a sentence; with what brings a tentacle back that needs it."""
    before, after = change.before, change.after
    if before is None or after is None or before.permissions == after.permissions:
        return f"{change.slot} holds no permissions."
    taken = [each for each in before.permissions if each not in after.permissions]
    needed = [each for each in bot.manifest(after).permissions if each in taken]
    said = f"{change.slot} may no longer: {', '.join(taken)}."
    if not needed:
        return said
    name = f"{after.kind}/{after.name}"
    state = "It is off now" if before.enabled else "It stays off"
    return (
        f"{said} {state}, for it needs {', '.join(needed)}: `loligo tentacle grant {name} {' '.join(needed)}`, then "
        f"`loligo tentacle on {name}` bring it back."
    )


OFFERS: tuple[Offer, ...] = (
    changing(
        "tentacle.grant.look",
        "see what a tentacle that is there lacks: permissions, and Python packages from pip",
        Role.ADMIN,
        OfTentacle,
        Lacking,
        look,
    ),
    changing(
        "tentacle.grant",
        "give a tentacle that is there the permissions and Python packages that it lacks",
        Role.ADMIN,
        Grant,
        Exchanged,
        grant,
        confirm="Give it these permissions and packages?",
    ),
    changing(
        "tentacle.revoke",
        "take permissions of a tentacle back; one that needs them goes off",
        Role.ADMIN,
        Revoke,
        Exchanged,
        revoke,
        confirm="Take these permissions back? What needs them goes off.",
    ),
)
