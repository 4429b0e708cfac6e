"""Verbs that bring tentacles into the bot folder and take them out: look, agree, update, remove, pin, unpin; diff.

    look (fetched, read, nothing runs) ─► a person sees it ─► agree, naming each permission ─► judged ─► swap

All of it is done by the installer of `loligo_kit`, in threads; what came of it is in the journal as `SwapEnded`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from pydantic import Field

from loligo.errors import BadArguments, LoligoError, NotFound, TentacleError
from loligo.ports.door import Answer, Role
from loligo.registry.registry_file import RegistryEntry
from loligo.registry.tree import hash12, tree_hash
from loligo_bot.door.exchanging import Changing, Exchanged, Undo, change_files, installer_of
from loligo_bot.door.inside import Inside
from loligo_bot.door.offer import Arguments, Asked, Offer, changing, reading
from loligo_bot.door.packages import FileDifference, Package, check_agreed, describe, differing
from loligo_bot.door.pages import Part
from loligo_bot.door.tentacles import OfTentacle, folder, found
from loligo_bot.settings_check import used_at
from loligo_bot.wish import When
from loligo_kit.bot_folder import BotFolder
from loligo_kit.config import InstallConfig
from loligo_kit.distributions import PREFIX
from loligo_kit.lock import hashes_like
from loligo_kit.package import LIMITS
from loligo_kit.plans import NothingNew, Plan, plan_agreement, plan_source, plan_update, plan_upload, with_packages

UPLOADS = Path("state/uploads")  # where the page puts what is sent to it
ELSEWHERE = ("http://", "https://", "git+https://", "git+ssh://", PREFIX)  # sources that name no path of this machine
HASH = r"^((h1|sha256):[0-9a-f]{64})?$"


class LookAt(Arguments):
    """At what: one of source, upload and name."""

    source: str = Field(
        default="",
        max_length=2_000,
        description="http(s) URL of a zip, or git+URL@COMMIT[#subdirectory=FOLDER]; paths of this machine where "
        "install.folders allows them",
    )
    upload: str = Field(default="", pattern=r"^([0-9a-f]{32})?$", description="what POST /uploads gave for a zip")
    name: str = Field(
        default="",
        max_length=200,
        description="NAME or KIND/NAME of one that is there: the update that waits for permissions, or else what is "
        "newer where it came from",
    )
    hash: str = Field(default="", pattern=HASH, description='what it must be: "h1:..." of its files, "sha256:..."')


async def look(inside: Inside, asked: Asked, given: LookAt) -> Package:
    """Fetch a package and tell all that a person must know before agreeing; nothing is installed, nothing runs."""
    if len([one for one in (given.source, given.upload, given.name) if one]) != 1:
        said = "expected one of source, upload and name"
        raise BadArguments(said, {"source": said})
    plan, lacks = await asyncio.to_thread(_looked_at, inside, given)
    plan_name = inside.looked.keep(plan, asked.actor.name)
    installer, kept_s = installer_of(inside), inside.looked.kept_s
    return await asyncio.to_thread(partial(describe, installer, plan, plan_name, kept_s, lacks))


def _looked_at(inside: Inside, given: LookAt) -> tuple[Plan, str]:
    """Return what there is to agree to, and why the Python packages that it must bring cannot be had."""
    plan = _plan(inside, given)
    try:
        return (plan if plan.bundle is not None else with_packages(folder(inside), plan)), ""
    except TentacleError as exc:
        return plan, str(exc)


def _plan(inside: Inside, given: LookAt) -> Plan:
    bot, expected = folder(inside), given.hash or None
    if given.upload:
        return plan_upload(bot, _received(inside, given.upload), expected)
    if given.name:
        entry = found(inside, given.name)
        name = f"{entry.kind}/{entry.name}"
        locked = bot.locked(entry)
        return plan_agreement(bot, name) if locked.pending else plan_update(bot, name, None, expected)
    _check_allowed(inside, given.source)
    return plan_source(bot, given.source, expected)


def _received(inside: Inside, upload: str) -> bytes:
    """Return what was sent and forget it. NotFound when there is nothing under that name."""
    file = inside.home / UPLOADS / f"{upload}.zip"
    try:
        with file.open("rb") as sent:
            content = sent.read(LIMITS.archive_bytes + 1)  # one more is too large, as the reader will say
    except FileNotFoundError as exc:
        raise NotFound(f'no file was sent as "{upload}", or it was looked at already; send it again') from exc
    file.unlink(missing_ok=True)
    return content


def _check_allowed(inside: Inside, source: str) -> None:
    if source.startswith(ELSEWHERE) or InstallConfig.model_validate(inside.config.install).folders:
        return
    said = (
        f"source = {source[:200]!a}: expected an https:// address of a zip, or git+https://...@COMMIT; paths of this "
        "machine only where install.folders is set in config/loligo.yaml, or by `loligo tentacle install` there"
    )
    raise BadArguments(said, {"source": said})


class AgreeTo(Changing):
    """To which package, and to what it may do."""

    plan: str = Field(min_length=1, max_length=40, description="that `tentacle.install.look` answered")
    permissions: list[str] = Field(
        default=[], max_length=100, description="to_grant of that answer, each of them, packages too"
    )
    tree_hash: str = Field(max_length=80, description="of that answer: to what you agree")
    is_published: bool = Field(
        default=False, description="true: its author published this hash; see needs_confirmation"
    )
    when: When | None = Field(
        default=None, description="it leads now, after the next candle, or when flat; by default swap.when"
    )


async def agree(inside: Inside, asked: Asked, given: AgreeTo) -> Exchanged:
    """Install a package that was looked at, with the permissions that are named."""
    plan = inside.looked.find(given.plan, asked.actor.name)
    _check_agreed(plan, given)
    put_back = inside.looked.take(given.plan, asked.actor.name)
    name = f"{plan.manifest.kind}/{plan.manifest.name}"
    word = "install" if plan.before is None else "update"
    carry_out = partial(installer_of(inside).carry_out, plan, given.permissions)
    try:
        return await change_files(
            inside, asked, carry_out, f"tentacle {word} {plan.slot}", given, _undo(plan, name), when=given.when
        )
    except LoligoError:
        put_back()
        raise


def _check_agreed(plan: Plan, given: AgreeTo) -> None:
    if given.tree_hash != plan.tree_hash:
        said = f"tree_hash = {given.tree_hash!a}: you were shown {plan.tree_hash}; look at it again"
        raise BadArguments(said, {"tree_hash": said})
    check_agreed(plan.wanted, given.permissions)
    if plan.needs_confirmation and not given.is_published:
        said = f"is_published: a server alone chose this content; say that its author published {plan.tree_hash}"
        raise BadArguments(said, {"is_published": said})


def _undo(plan: Plan, name: str) -> Undo:
    if plan.before is None:
        return Undo(verb="tentacle.remove", arguments={"name": name})
    return Undo(verb="tentacle.rollback", arguments={"name": name, "to": plan.before.tree_hash})


class UpdateTentacle(Changing):
    """Which tentacle, from where."""

    name: str = Field(min_length=1, max_length=200, description="NAME, or KIND/NAME where two kinds share it")
    source: str = Field(default="", max_length=2_000, description="as of look; by default where it came from")
    hash: str = Field(default="", pattern=HASH, description='what it must be: "h1:..." or "sha256:..."')


async def update(inside: Inside, asked: Asked, given: UpdateTentacle) -> Exchanged:
    """Replace a tentacle by a newer version; one that wants more permissions waits until a person agreed."""
    entry = await inside.read(lambda: found(inside, given.name))
    name = f"{entry.kind}/{entry.name}"
    if given.source:
        _check_allowed(inside, given.source)
    bot = folder(inside)
    make = partial(plan_update, bot, name, given.source or None, given.hash or None)
    try:
        plan = await asyncio.to_thread(lambda: with_packages(bot, make()))
    except NothingNew as exc:
        return Exchanged(is_done=True, message=str(exc), result="unchanged")
    if plan.needs_confirmation:
        said = (
            f"hash: a server alone chose {plan.tree_hash}; look at it first, or name the hash that its author published"
        )
        raise BadArguments(said, {"hash": said})
    carry_out = partial(installer_of(inside).carry_out, plan)
    return await change_files(inside, asked, carry_out, f"tentacle update {entry.slot}", given, _undo(plan, name))


class RemoveTentacle(Changing):
    """Which tentacle."""

    name: str = Field(min_length=1, max_length=200, description="NAME, or KIND/NAME where two kinds share it")
    force: bool = Field(default=False, description="even when others need it")


async def remove(inside: Inside, asked: Asked, given: RemoveTentacle) -> Exchanged:
    """Take a tentacle out of the registry; its content stays for the journal. Who needs it is told, and refused."""
    entry = await inside.read(lambda: found(inside, given.name))
    if not given.force and (used := used_at(inside.config, entry.slot)):
        raise LoligoError(
            f"{entry.slot} is used by {', '.join(used)}: take it out of the configuration first, or switch it off"
        )
    turn = partial(installer_of(inside).remove, f"{entry.kind}/{entry.name}", is_forced=given.force)
    return await change_files(inside, asked, turn, f"tentacle remove {entry.slot}", given, None)


class HeldTentacle(Changing):
    """Which tentacle."""

    name: str = Field(min_length=1, max_length=200, description="NAME, or KIND/NAME where two kinds share it")


async def pin(inside: Inside, asked: Asked, given: HeldTentacle, *, is_pinned: bool = True) -> Exchanged:
    """Hold a tentacle at its version, or let it go."""
    entry = await inside.read(lambda: found(inside, given.name))
    name, word, back = f"{entry.kind}/{entry.name}", *(("pin", "unpin") if is_pinned else ("unpin", "pin"))
    turn = partial(installer_of(inside).pin, name, is_pinned=is_pinned)
    undo = Undo(verb=f"tentacle.{back}", arguments={"name": name})
    return await change_files(inside, asked, turn, f"tentacle {word} {entry.slot}", given, undo)


class Versions(OfTentacle):
    """Which two versions of which tentacle."""

    before: str = Field(default="running", max_length=80, description="running, wanted, or a hash or version of info")
    after: str = Field(default="wanted", max_length=80, description="wanted is what registry and folder hold now")


class ComparedVersion(Part):
    """One of the two versions; empty where there is none."""

    version: str
    tree_hash: str


class VersionComparison(Answer):
    """What differs between two versions of a tentacle."""

    kind: str
    name: str
    before: ComparedVersion
    after: ComparedVersion
    differs: bool
    files: list[FileDifference]

    def lines(self) -> Sequence[str]:
        if not self.differs:
            return [f"{self.kind}/{self.name}: nothing differs"]
        head = f"{self.kind}/{self.name} {self.before.version or 'not there'} → {self.after.version or 'not there'}"
        return [head, *(f"{one.state} {one.path} +{one.plus} -{one.minus}" for one in self.files)]


def diff(inside: Inside, given: Versions) -> VersionComparison:
    """Compare two versions, such as what runs with what lies on the disk."""
    entry, bot = found(inside, given.name), folder(inside)
    before, old = _side(inside, bot, entry, given.before)
    after, new = _side(inside, bot, entry, given.after)
    return VersionComparison(
        kind=entry.kind,
        name=entry.name,
        before=before,
        after=after,
        differs=before.tree_hash != after.tree_hash,
        files=differing(old, new),
    )


def _side(
    inside: Inside, bot: BotFolder, entry: RegistryEntry, which: str
) -> tuple[ComparedVersion, Mapping[str, bytes]]:
    if which == "wanted":
        files = bot.content(entry)[1] if entry.enabled else {}
        return ComparedVersion(
            version=entry.version if files else "", tree_hash=tree_hash(files) if files else ""
        ), files
    if which == "running":
        runs = next((one for one in inside.reconciler.running.loaded if one.entry.slot == entry.slot), None)
        if runs is None:
            return ComparedVersion(version="", tree_hash=""), {}
        return ComparedVersion(version=runs.manifest.version, tree_hash=runs.tree_hash), bot.store.get(runs.tree_hash)
    every = {one.tree_hash: one for one in (*bot.known(entry), *bot.locked(entry).versions)}  # the waiting one, too
    known = hashes_like(which, list(every.values()))
    if len(known) != 1:
        there = ", ".join(f"{one.version} ({hash12(one.tree_hash)})" for one in every.values()) or "none"
        raise NotFound(f'"{which}" names no single version of {entry.slot}; known are running, wanted and: {there}')
    return ComparedVersion(version=known[0].version, tree_hash=known[0].tree_hash), bot.store.get(known[0].tree_hash)


OFFERS: tuple[Offer, ...] = (
    reading("tentacle.diff", "what differs between two versions of a tentacle", Versions, VersionComparison, diff),
    changing(
        "tentacle.install.look",
        "fetch a package and see what it is, wants and changes; nothing is installed",
        Role.ADMIN,
        LookAt,
        Package,
        look,
    ),
    changing(
        "tentacle.install.agree",
        "install or update what was looked at, with the permissions that are named",
        Role.ADMIN,
        AgreeTo,
        Exchanged,
        agree,
        confirm="Install it with these permissions?",
    ),
    changing("tentacle.update", "bring a tentacle's newer version in", Role.ADMIN, UpdateTentacle, Exchanged, update),
    changing(
        "tentacle.remove",
        "take a tentacle out of the registry",
        Role.ADMIN,
        RemoveTentacle,
        Exchanged,
        remove,
        confirm="Remove this tentacle?",
    ),
    changing("tentacle.pin", "hold a tentacle at its version", Role.ADMIN, HeldTentacle, Exchanged, pin),
    changing(
        "tentacle.unpin",
        "let a tentacle be updated again",
        Role.ADMIN,
        HeldTentacle,
        Exchanged,
        partial(pin, is_pinned=False),
    ),
)
