"""`loligo tentacle`: what the bot has, what is on, and why something is off.

Verbs that bring tentacles, change or make them come from the kit, by entry points.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from loligo_bot.cli import swap_verbs
from loligo_bot.cli.entry_points import group
from loligo_bot.cli.output import Shell, check_one_of, show_pairs, show_table

if TYPE_CHECKING:
    from loligo.host import Host, LoadedTentacle, TentacleStatus

tentacle = group("tentacle", "What the bot has: evaluators, strategies, trading modes, ...")

for verb in swap_verbs.VERBS:
    tentacle.command(verb.__name__)(verb)


@tentacle.command("list")
def list_(
    context: typer.Context, kind: Annotated[str | None, typer.Option(help="Only this kind, such as evaluator.")] = None
) -> None:
    """List every tentacle with its state, and how the running bot, or the one that ran last, stands to it."""
    from loligo_bot.cli.standing import standings_in

    check_kind(kind)
    shell: Shell = context.obj
    listed = _host(shell).list()
    found = standings_in(shell, listed)
    rows = [asdict(row) | told_of(row, found) for row in listed if kind in (None, row.kind)]
    columns = ("kind", "name", "version", "state", "hash12", "phase", "generation", "last_good", "reason")
    shell.result(
        {"ok": True, "tentacles": rows},
        lambda console: show_table(console, columns, [[str(row[name]) for name in columns] for row in rows]),
    )


@tentacle.command()
def show(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help='A name, or "KIND NAME" where two kinds share it, as KIND/NAME.')],
) -> None:
    """Show one tentacle: its manifest, where it lies, and its settings with their defaults."""
    shell: Shell = context.obj
    host = _host(shell)
    kind, _, plain = name.rpartition("/")
    found = [row for row in host.list() if row.name == plain and kind in ("", row.kind)]
    if len(found) != 1:
        raise _not_one(name, [f"{row.kind}/{row.name}" for row in host.list()], len(found))
    loaded = host.factory(found[0].kind, plain)
    standing = shell.standing(f"{found[0].kind}/{plain}")
    data = {**asdict(found[0]), "standing": standing, **_described(loaded)}
    shell.result({"ok": True, "tentacle": data}, lambda console: show_pairs(console, data))


@tentacle.command()
def refresh(
    context: typer.Context,
    is_bundled: Annotated[bool, typer.Option("--bundled", help="New entries are bundled ones, not your own.")] = False,
    is_yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Agree to what new and changed ones want: permissions and packages.")
    ] = False,
) -> None:
    """Bring the registry in line with the folders, and with what pip installed: list new tentacles, take hashes and
    versions of changed ones. What these want and lack is shown, and asked for. What pip brought is off until you switch
    it on. What cannot be taken up is told, stays as it was, and ends this with 1."""
    from loligo.config.load import CONFIG_FILE
    from loligo.registry.registry_file import REGISTRY_FILE, load_registry, save_registry
    from loligo_kit import discovery
    from loligo_kit.bot_folder import BotFolder
    from loligo_kit.listing import Listed, list_distributions

    shell: Shell = context.obj
    file, shipped = shell.home / REGISTRY_FILE, shell.bundled / REGISTRY_FILE
    if not file.exists() and (shell.home / CONFIG_FILE).exists() and shipped.exists():  # a bot, and no checkout
        in_force = load_registry(file if file.is_symlink() else shipped)  # a link to nothing is refused
        save_registry(file, in_force.tentacles)
    found = discovery.refresh(file, source="bundled" if is_bundled else "local")
    by_pip = Listed() if is_bundled else list_distributions(BotFolder(shell.home, shell.bundled))
    data = {"added": [*found.added, *by_pip.added], "changed": [*found.changed, *by_pip.changed]}
    given = {} if is_bundled else _equipped(shell, [*data["added"], *data["changed"]], is_yes)
    refused = [f"{folder}: {why}" for folder, why in found.faults.items()] + by_pip.refused
    data |= {name: lines for name, lines in (("left", by_pip.left), ("refused", refused)) if lines} | given
    rows = [(what, slot) for what, slots in data.items() for slot in slots]
    bot = shell.followed("tentacle refresh") if data["added"] or data["changed"] else None
    rows += [("", line) for line in bot["lines"]] if bot is not None else []
    result = {
        "ok": (bot is None or bot["ok"]) and not refused,
        **data,
        **({"running_bot": bot} if bot is not None else {}),
    }
    shell.result(result, lambda console: show_table(console, ("", "tentacle"), rows))
    if not result["ok"]:
        raise typer.Exit(1)


def _equipped(shell: Shell, slots: Sequence[str], is_yes: bool) -> dict[str, list[str]]:
    """Give tentacles that are on what they lack, where a person agrees; return what was given, and what is lacking."""
    from loligo.errors import TentacleError
    from loligo_bot.judgement import judge
    from loligo_kit import dialogue
    from loligo_kit.bot_folder import BotFolder
    from loligo_kit.equipping import lacking
    from loligo_kit.installer import Installer

    installer = Installer(BotFolder(shell.home, shell.bundled), judge)
    entries = installer.bot.entries()
    given, lacks = list[str](), list[str]()
    for entry in (entries[slot] for slot in slots if entries[slot].enabled):
        try:
            found = lacking(installer.bot, entry)
            if found.after != entry:
                installer.equip(found, dialogue.agreed(shell, entry, found.wanted, is_yes))
                given.append(f"{entry.slot}: {', '.join(found.wanted) or 'it needs no packages any more'}")
        except TentacleError as exc:
            lacks.append(f"{entry.slot} {str(exc).removeprefix(f'{entry.slot} ')}")
    return {name: lines for name, lines in (("given", given), ("lacks", lacks)) if lines}


@tentacle.command()
def outdated(context: typer.Context) -> None:
    """Ask the sources of installed tentacles whether they have something newer; nothing is installed."""
    from loligo.host import bundled_root
    from loligo_kit import outdated as sources
    from loligo_kit.bot_folder import BotFolder

    shell: Shell = context.obj
    rows = [asdict(one) for one in sources.outdated(BotFolder(shell.home, bundled_root()))]
    columns = ("kind", "name", "version", "available", "source", "problem")
    shell.result(
        {"ok": True, "sources": rows},
        lambda console: show_table(console, columns, [[str(row[name]) for name in columns] for row in rows]),
    )


def check_kind(kind: str | None) -> None:
    """BadParameter when there is no such kind: nothing of it would be shown, as if the bot had none."""
    from loligo.registry.manifest import KIND_FOLDERS

    check_one_of("--kind", kind, KIND_FOLDERS)


def told_of(row: TentacleStatus, standings: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Return what stands in a row beside the host's own words; the host knows best why it cannot load one."""
    standing = standings.get(f"{row.kind}/{row.name}", {"phase": "", "generation": 0, "last_good": "", "reason": ""})
    told = {name: standing[name] for name in ("phase", "generation", "last_good")}
    return {**told, "runs": standing.get("hash12", ""), "reason": row.reason or standing["reason"]}


def _host(shell: Shell) -> Host:
    from loligo.host import Host, bundled_root
    from loligo_kit.lock import admission

    host = Host(shell.home, bundled_root(), admission(shell.home))
    host.load_all()
    return host


def _not_one(name: str, known: list[str], count: int) -> Exception:
    from loligo.errors import TentacleError
    from loligo.registry.faults import did_you_mean

    if count:
        same = ", ".join(slot for slot in known if slot.endswith(f"/{name}"))
        return TentacleError(f'"{name}" is the name of several: say one of {same}')
    hint = did_you_mean(name.rpartition("/")[2], [slot.rpartition("/")[2] for slot in known])
    return TentacleError(f'there is no tentacle "{name}"{hint}; `loligo tentacle list` shows all')


def _described(loaded: LoadedTentacle) -> dict[str, Any]:
    manifest, settings = loaded.manifest, loaded.factory.settings
    return {
        "summary": manifest.summary,
        "author": manifest.author,
        "licence": manifest.licence,
        "api": manifest.api,
        "permissions": list(manifest.permissions),
        "state_version": manifest.state_version,
        "folder": str(loaded.folder),
        "tree_hash": loaded.tree_hash,
        "settings": {
            field: f"{info.get_default(call_default_factory=True)!s:.60}  {info.description or ''}".strip()
            for field, info in settings.model_fields.items()
        },
    }
