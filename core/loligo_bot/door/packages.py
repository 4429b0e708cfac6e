"""What a person is told of a package before agreeing to it: what it is, wants and reaches for, and what differs.

Nothing of the package runs for this: its manifest and its source are read, the source in the verifier's process.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from pydantic import Field

from loligo.errors import BadArguments, TentacleError
from loligo.host.verifier import Findings
from loligo.ports.door import Answer
from loligo.registry.manifest import PERMISSIONS
from loligo.registry.registry_file import RegistryEntry
from loligo_bot.door.pages import Part
from loligo_bot.judgement import read
from loligo_kit.bot_folder import BotFolder
from loligo_kit.bringing import Bundle, consent, size
from loligo_kit.compare import compare
from loligo_kit.installer import Installer
from loligo_kit.package import changelog_text
from loligo_kit.plans import Plan
from loligo_packages.package_set import NO_PACKAGES, PackageSet

DANGEROUS = frozenset({"keys", "files", "environment", "process", "native"})  # and any host of "net"
LONGEST_CHANGELOG = 4_000
_IS_NOT_THERE = "which is not there; `loligo tentacle packages"  # where pip has said more already


class Wanted(Part):
    """A permission that the package wants."""

    name: str
    sentence: str = Field(description="what it may do then")
    is_dangerous: bool = Field(description="it reaches beyond the tentacle's own work")
    is_held: bool = Field(description="the version that is there has it already")


class BroughtPackage(Part):
    """A Python package that it brings, for itself alone, because it is not installed here."""

    name: str
    version: str
    bytes: int
    wheel: str = Field(description="hash of the wheel")
    consent: str = Field(description="what agreeing must name; empty: it was agreed to before")


class FileDifference(Part):
    """A file that differs."""

    path: str
    state: str = Field(description="added, removed or changed")
    plus: int
    minus: int
    diff: str = Field(description="unified diff; empty when why_not says why there is none")
    why_not: str


class Package(Answer):
    """A package as it was found: nothing of it is installed, and nothing of it ran."""

    plan: str = Field(description="by which you agree; only you, once")
    expires_s: float
    kind: str
    name: str
    version: str
    summary: str
    author: str
    licence: str
    api: str
    behaviour: str
    source: str
    tree_hash: str
    archive_hash: str | None
    needs_confirmation: bool = Field(
        description="a server alone chose the content: agreeing needs is_published, which says that its author "
        "published this hash"
    )
    installed: str = Field(description="version that is there; empty: none")
    hooks: list[str]
    requires: list[str] = Field(description="tentacles and python packages that it needs")
    permissions: list[Wanted]
    packages: list[BroughtPackage] = Field(description="Python packages that it brings")
    to_grant: list[str] = Field(description="what agreeing must name, these and no others")
    imports: list[str] = Field(description="modules of others that its source names")
    reaches: list[str] = Field(description="permissions that its source uses")
    against: list[str] = Field(description="for what it would be refused; empty: nothing known")
    changelog: str
    files: list[FileDifference] = Field(description="against the version that is there")
    file_count: int
    bytes: int

    def lines(self) -> Sequence[str]:
        instead = f", instead of {self.installed}" if self.installed else ""
        head = f"{self.kind}/{self.name} {self.version} by {self.author}{instead}: {self.summary}"
        wants = [f"wants {one.name}: {one.sentence}" for one in self.permissions if not one.is_held]
        brings = [f"brings {one.name} {one.version}, {size(one.bytes)}" for one in self.packages]
        refused = [f"would be refused: {one}" for one in self.against]
        changed = [f"{one.state} {one.path} +{one.plus} -{one.minus}" for one in self.files if self.installed]
        how = f"plan {self.plan}, {self.expires_s / 60:.0f} minutes; {self.tree_hash}"
        return [head, *wants, *brings, *refused, *changed, how]


def describe(installer: Installer, plan: Plan, name: str, expires_s: float, lacks: str = "") -> Package:
    """Return what is to be told of a plan; reads and compares, so it belongs into a thread.

    `lacks` says why packages that it must bring cannot be had."""
    bot, manifest = installer.bot, plan.manifest
    entries = bot.entries()
    enabled = [entry for slot, entry in entries.items() if entry.enabled and slot != plan.slot]
    findings, against = _read(plan, [*enabled, plan.entry], lacks)
    try:
        installer.check(plan)
    except TentacleError as exc:
        against.append(str(exc))
    needs = [f"{other} {wanted}" for other, wanted in manifest.requires.tentacles.items()]
    return Package(
        plan=name,
        expires_s=expires_s,
        **{key: getattr(manifest, key) for key in ("kind", "name", "version", "summary", "author", "licence", "api")},
        behaviour=manifest.behaviour,
        source=plan.path or plan.source,
        tree_hash=plan.tree_hash,
        archive_hash=plan.archive_hash,
        needs_confirmation=plan.needs_confirmation,
        installed=plan.before.version if plan.before is not None else "",
        hooks=list(manifest.hooks),
        requires=[*needs, *manifest.requires.python],
        permissions=[wanted(each, is_held=each in plan.held) for each in manifest.permissions],
        packages=brought(plan.bundle, plan.wanted),
        to_grant=list(plan.wanted),
        imports=findings.imports if findings else [],
        reaches=findings.permissions if findings else [],
        against=against,
        changelog=changelog_text(manifest, plan.files)[:LONGEST_CHANGELOG],
        files=differing(_before(bot, plan), plan.files),
        file_count=len(plan.files),
        bytes=sum(map(len, plan.files.values())),
    )


def _read(plan: Plan, enabled: Sequence[RegistryEntry], lacks: str) -> tuple[Findings | None, list[str]]:
    """Return what the source reaches for, that of its packages included, and what speaks against it."""
    folder = Path(plan.path or plan.source)
    packages = packages_of(plan.bundle, folder)
    findings, against = read(plan.entry, plan.files, folder, enabled, packages)
    if lacks:
        against = [f"it {lacks}", *(one for one in against if _IS_NOT_THERE not in one)]
    return findings, against


def packages_of(bundle: Bundle | None, folder: Path) -> PackageSet:
    """Return packages that are not kept yet, as the verifier reads them; `folder` is that of their tentacle."""
    return PackageSet(bundle.locked.tree_hash, folder / "packages", bundle.files) if bundle is not None else NO_PACKAGES


def brought(bundle: Bundle | None, asked: Collection[str]) -> list[BroughtPackage]:
    """Return the packages of a bundle in words; `asked` is all that a person has to agree to."""
    return [
        BroughtPackage(
            name=one.name,
            version=one.version,
            bytes=one.bytes,
            wheel=one.wheel,
            consent=consent(one) if consent(one) in asked else "",
        )
        for one in (bundle.locked.wheels if bundle is not None else ())
    ]


def check_agreed(wanted: Collection[str], given: Collection[str]) -> None:
    """BadArguments unless a person names all that is wanted, and nothing else."""
    missing = [each for each in wanted if each not in given]
    unasked = [each for each in given if each not in wanted]
    if missing or unasked:
        words = [f"{', '.join(missing)} not granted"] if missing else []
        words += [f"{', '.join(unasked)[:200]} not wanted"] if unasked else []
        said = f"permissions: {'; '.join(words)}; expected {', '.join(wanted) or 'none'}, or leave it"
        raise BadArguments(said, {"permissions": said})


def wanted(permission: str, *, is_held: bool) -> Wanted:
    """Return a permission in words."""
    name, _, host = permission.partition(":")
    if name == "net":
        said = "opens connections to any host" if host == "*" else f"opens connections to {host}"
        return Wanted(name=permission, sentence=said, is_dangerous=host == "*", is_held=is_held)
    return Wanted(name=permission, sentence=PERMISSIONS[name], is_dangerous=name in DANGEROUS, is_held=is_held)


def differing(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> list[FileDifference]:
    return [FileDifference.model_validate(asdict(one)) for one in compare(before, after)]


def _before(bot: BotFolder, plan: Plan) -> Mapping[str, bytes]:
    """Return the files of the version that is there; none when its folder is gone."""
    if plan.before is None:
        return {}
    try:
        return bot.content(plan.before)[1]
    except TentacleError:
        return {}
