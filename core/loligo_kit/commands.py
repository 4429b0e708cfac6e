"""The verbs of `loligo tentacle` that bring tentacles into a bot folder, change and make them.

They reach the command line by entry points. Its shell comes with the context: it knows the bot folder, prints results,
and says whether a version may be loaded, so that this package knows nothing of a bot that runs. What changes is the
registry; a bot that runs in the folder follows it, and the shell says what it made of that.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from loligo_kit import dialogue

if TYPE_CHECKING:
    from loligo.registry.registry_file import RegistryEntry
    from loligo_kit.bot_folder import BotFolder
    from loligo_kit.installer import Installer
    from loligo_kit.plans import Plan

_Name = Annotated[str, typer.Argument(help="NAME, or KIND/NAME where two kinds share it.", show_default=False)]
_Hash = Annotated[
    str | None, typer.Option("--hash", help='What it must be: "h1:..." of its files, or "sha256:..." of the archive.')
]
_Yes = Annotated[bool, typer.Option("--yes", "-y", help="Agree to what is shown: permissions and packages.")]
_Grant = Annotated[
    list[str] | None, typer.Option("--grant", help="Grant this permission, or package; may be given again.")
]
_Force = Annotated[bool, typer.Option("--force", help="Even when others need it.")]


def install(
    context: typer.Context,
    source: Annotated[
        str | None,
        typer.Argument(
            help="A folder, a zip, an http(s) URL, git+URL@COMMIT[#subdirectory=FOLDER], or NAME of one that comes "
            "with Loligo. Without one: fetch again what tentacles.lock names and this machine lacks.",
            show_default=False,
        ),
    ] = None,
    expected: _Hash = None,
    is_yes: _Yes = False,
    grant: _Grant = None,
) -> int:
    """Install a tentacle that is not there yet. What it wants and brings is shown, and asked for."""
    from loligo_kit.plans import plan_install

    shell = context.obj
    installer = _installer(shell)
    if source is None:
        fetched = installer.fetch_missing()
        dialogue.say(shell, {"ok": True, "fetched": list(fetched)}, fetched or ["nothing is missing"])
        return 0
    if (shipped := installer.bot.shipped(source)) is not None:
        return dialogue.told(shell, installer.enlist(shipped, expected), "install")
    return _carried_out(
        shell, installer, partial(plan_install, installer.bot, source, expected), is_yes, grant, "install"
    )


def update(
    context: typer.Context,
    name: _Name,
    source: Annotated[
        str | None, typer.Argument(help="As of install; where it came from by default.", show_default=False)
    ] = None,
    expected: _Hash = None,
    is_yes: _Yes = False,
    grant: _Grant = None,
) -> int:
    """Replace a tentacle by a newer version. One that wants more permissions waits until you agree."""
    from loligo_kit.plans import plan_update

    shell = context.obj
    installer = _installer(shell)
    return _carried_out(
        shell, installer, partial(plan_update, installer.bot, name, source, expected), is_yes, grant, "update"
    )


def agree(context: typer.Context, name: _Name, is_yes: _Yes = False, grant: _Grant = None) -> int:
    """Agree to the permissions of an update that waits for them."""
    from loligo_kit.plans import plan_agreement

    shell = context.obj
    installer = _installer(shell)
    plan = partial(plan_agreement, installer.bot, name)
    return _carried_out(shell, installer, plan, is_yes, grant, "agree")


def rollback(
    context: typer.Context,
    name: _Name,
    to: Annotated[
        str | None, typer.Argument(help="Hash or version; the one before by default.", show_default=False)
    ] = None,
) -> int:
    """Go back to the version before, or to the one named; it has the permissions that it had then."""
    from loligo_kit.plans import plan_rollback

    installer = _installer(context.obj)
    return dialogue.told(context.obj, installer.carry_out(plan_rollback(installer.bot, name, to)), "rollback")


def remove(context: typer.Context, name: _Name, is_forced: _Force = False) -> int:
    """Take a tentacle out of the registry. Its content stays for the journals that name it."""
    from loligo.errors import TentacleError

    installer = _installer(context.obj)
    entry = installer.bot.find(name)
    if not is_forced and (used := context.obj.used_at(entry.slot)):
        raise TentacleError(
            f"cannot remove {entry.slot}: {', '.join(used)} of the configuration need it, and no bot starts without; "
            "take it out there first, or switch it off; --force does it all the same"
        )
    return dialogue.told(context.obj, installer.remove(name, is_forced=is_forced), "remove")


def pin(context: typer.Context, name: _Name) -> int:
    """Hold a tentacle at its version: updates leave it alone."""
    return dialogue.told(context.obj, _installer(context.obj).pin(name, is_pinned=True), "pin")


def unpin(context: typer.Context, name: _Name) -> int:
    """Let a tentacle be updated again."""
    return dialogue.told(context.obj, _installer(context.obj).pin(name, is_pinned=False), "unpin")


def on(
    context: typer.Context,
    name: _Name,
    is_forced: Annotated[bool, typer.Option("--force", help="Even when it lacks others.")] = False,
) -> int:
    """Switch a tentacle on."""
    return dialogue.told(context.obj, _installer(context.obj).switch(name, is_on=True, is_forced=is_forced), "on")


def off(context: typer.Context, name: _Name, is_forced: _Force = False) -> int:
    """Switch a tentacle off."""
    done = _installer(context.obj).switch(name, context.obj.used_at, is_on=False, is_forced=is_forced)
    return dialogue.told(context.obj, done, "off")


def verify(context: typer.Context) -> int:
    """Compare every tentacle's content with registry and lock file; fails when one was changed."""
    from dataclasses import asdict

    from loligo_kit import verify as verification

    shell = context.obj
    found = verification.verify(_bot(shell))
    failed = [row for row in found if row.state == "failed"]
    lines = [f"{row.state:6} {row.slot} {row.version} {row.hash12} {row.reason}".rstrip() for row in found]
    data = {"ok": not failed, "failed": len(failed), "tentacles": [asdict(row) for row in found]}
    dialogue.say(shell, data, lines)
    return 1 if failed else 0


def pack(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="The folder of one tentacle.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The zip to write; NAME-VERSION.zip here by default.")
    ] = None,
) -> int:
    """Make the zip in which a tentacle travels: the same folder gives the same bytes."""
    import hashlib

    from loligo.registry.durable import replace_file
    from loligo.registry.manifest import read_manifest
    from loligo.registry.tree import tree_hash
    from loligo_kit.pack import pack_files, read_folder

    files = read_folder(folder)
    manifest = read_manifest(folder, files)
    target = output or Path(f"{manifest.name}-{manifest.version}.zip")
    content = pack_files(files)
    replace_file(target, content)
    hashes = {"tree_hash": tree_hash(files), "archive_hash": "sha256:" + hashlib.sha256(content).hexdigest()}
    data = {"ok": True, "file": str(target), "bytes": len(content), **hashes}
    dialogue.say(context.obj, data, [f"{target}: {len(content):,} bytes", *hashes.values()])
    return 0


def info(
    context: typer.Context,
    what: Annotated[str, typer.Argument(help="NAME or KIND/NAME, or a source as of install.")],
    expected: _Hash = None,
) -> int:
    """Show what a tentacle is, wants and may: of one that is there, or of a package before it is installed."""
    from loligo.registry.manifest import read_manifest
    from loligo_kit.sources import fetch

    shell = context.obj
    bot = _bot(shell)
    kind, _, plain = what.rpartition("/")
    if any(entry.name == plain and kind in ("", entry.kind) for entry in bot.entries().values()):
        entry = bot.find(what)
        data = _known(bot, entry) | {"standing": dict(shell.standing(f"{entry.kind}/{entry.name}"))}
    elif re.fullmatch(r"[a-z][a-z0-9_]*", what) and not Path(what).exists():
        bot.find(what)  # says what is near
        return 1
    else:
        found = fetch(what, expected_hash=expected)
        data = _described(read_manifest(Path(found.source_text), found.files), found.files)
        data |= {"tree_hash": found.tree_hash, "archive_hash": found.archive_hash, "source": found.source_text}
    dialogue.say(shell, {"ok": True, "tentacle": data}, dialogue.pairs(data))
    return 0


def new(
    context: typer.Context,
    kind: Annotated[str, typer.Argument(help="Any kind, such as evaluator or risk_rule.")],
    name: Annotated[str, typer.Argument(help="Small letters, digits and _.")],
    folder: Annotated[
        Path | None, typer.Option("--folder", help="Where to; tentacles/KIND/NAME in the bot folder by default.")
    ] = None,
    author: Annotated[str, typer.Option(help="Of the manifest.")] = "You",
) -> int:
    """Make the folder of a new tentacle: typed code that works, manifest, README and a test."""
    from loligo_kit.scaffold import scaffold

    shell = context.obj
    target, written = scaffold(shell.home, kind, name, folder=folder, author=author)
    lines = [
        f"{target}: {len(written)} files written",
        f"  python -m pytest {target}",
        f"  loligo tentacle check {target}",
        "  loligo tentacle refresh        lists it in the registry",
    ]
    dialogue.say(shell, {"ok": True, "folder": str(target), "written": written}, lines)
    return 0


def packages(
    context: typer.Context,
    name: Annotated[
        str | None, typer.Argument(help="NAME, or KIND/NAME; all that are on by default.", show_default=False)
    ] = None,
    is_newest: Annotated[bool, typer.Option("--newest", help="Ask pip even where those that are there do.")] = False,
    is_yes: Annotated[bool, typer.Option("--yes", "-y", help="Agree to the packages that are shown.")] = False,
) -> int:
    """Bring the Python packages that tentacles need and that are not installed, for these tentacles alone."""
    from loligo_kit.equipping import lacking

    shell = context.obj
    installer = _installer(shell)
    bot = installer.bot
    entries = [bot.find(name)] if name else [entry for entry in bot.entries().values() if entry.enabled]
    codes = [4]
    for entry in entries:
        given = lacking(bot, entry, is_newest=is_newest, with_permissions=False)
        if given.after == entry:
            continue
        grants = dialogue.agreed(shell, entry, given.wanted, is_yes)
        codes.append(dialogue.told(shell, installer.equip(given, grants), "packages"))
    if codes == [4]:
        return dialogue.nothing(shell, f"{name or 'every tentacle'} has the packages that it needs")
    return max(codes[1:])


def _bot(shell: Any) -> BotFolder:
    from loligo_kit.bot_folder import BotFolder

    return BotFolder(shell.home, shell.bundled)


def _installer(shell: Any) -> Installer:
    from loligo_kit.installer import Installer

    return Installer(_bot(shell), shell.judge)


def _carried_out(
    shell: Any, installer: Installer, make: Callable[[], Plan], is_yes: bool, grant: Sequence[str] | None, verb: str
) -> int:
    from loligo_kit.plans import NothingNew, with_packages

    try:
        plan = make()
    except NothingNew as exc:
        return dialogue.nothing(shell, str(exc))
    if plan.needs_confirmation:
        dialogue.confirm_hash(shell, plan)
    if verb != "agree":
        plan = with_packages(installer.bot, plan)
    return dialogue.told(shell, installer.carry_out(plan, dialogue.granted(shell, plan, is_yes, grant or ())), verb)


def _described(manifest: Any, files: Mapping[str, bytes]) -> dict[str, Any]:
    from loligo.registry.manifest import PERMISSIONS
    from loligo_kit.package import changelog_text

    described: dict[str, Any] = manifest.model_dump(exclude={"permissions", "changelog", "entry"})
    described["permissions"] = {each: PERMISSIONS[each.partition(":")[0]] for each in manifest.permissions}
    described["changelog"] = changelog_text(manifest, files)
    return described


def _known(bot: BotFolder, entry: RegistryEntry) -> dict[str, Any]:
    """Return what manifest, registry and lock file say of a tentacle."""
    from loligo.registry.manifest import read_manifest

    folder, files = bot.content(entry)
    locked = bot.locked(entry)
    values = _described(read_manifest(folder, files), files)
    values |= {"folder": str(folder), "registry": entry.model_dump(exclude={"kind", "name", "version"})}
    values["versions"] = [each.model_dump(exclude_none=True) for each in bot.known(entry)]
    values["pending"] = locked.pending
    return values
