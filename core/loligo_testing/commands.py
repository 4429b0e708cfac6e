"""`loligo tentacle check` and `loligo tentacle dev`: the kit and the watch for authors, on the command line.

The shell of the command line comes with the context: it knows the bot folder, prints, judges a version as the host
would, and asks the bot that runs there, so that this package knows nothing of it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from loligo_kit import dialogue

if TYPE_CHECKING:
    from loligo_packages.package_set import PackageSet


def check(
    context: typer.Context,
    what: Annotated[
        str | None,
        typer.Argument(help="A folder, or NAME or KIND/NAME of the registry. Without one: all of it, a line each."),
    ] = None,
    is_writing: Annotated[bool, typer.Option("--write", help="Make settings.schema.json anew from the class.")] = False,
    is_quick: Annotated[bool, typer.Option("--quick", help="Leave out what takes long; gives no award.")] = False,
    tests: Annotated[Path | None, typer.Option("--tests", help="Where its tests lie, if not beside it.")] = None,
) -> int:
    """Check a tentacle against its contract, and award bronze, silver or gold. Exit code 1 when a check failed."""
    from loligo_testing.kit import check as checked

    shell = context.obj
    if what is None:
        return _all(shell)
    folder = _folder(shell, what)
    report = checked(folder, quick=is_quick, write=is_writing, tests=tests, packages=_packages(shell, folder))
    dialogue.say(shell, {"ok": not report.failures, **report.data()}, report.lines())
    return 1 if report.failures else 0


def dev(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="The folder of a tentacle.")],
    is_once: Annotated[bool, typer.Option("--once", help="Take it as it is now, and end; for scripts.")] = False,
) -> int:
    """Watch a tentacle: each save is verified, checked, and swapped into the bot that runs. Ctrl-C ends it."""
    from loligo.errors import TentacleError
    from loligo_testing.dev import Bench, watch

    if not (folder / "tentacle.toml").is_file():  # all of another folder would be read
        raise TentacleError(f"{folder} has no tentacle.toml: name the folder of one tentacle")
    shell = context.obj
    bench = Bench(shell, folder)
    if not is_once:
        watch(bench, lambda step: _line(shell, step))
        return 0
    steps = []
    for step in bench.take():
        steps.append(step)
        if not shell.is_json:
            _line(shell, step)
    is_done = all(step.is_done for step in steps)
    if shell.is_json:
        dialogue.say(shell, {"ok": is_done, "steps": [step.data() for step in steps]}, ())
    return 0 if is_done else 1


def _line(shell: Any, step: Any) -> None:
    dialogue.say(shell, step.data(), [step.line()])


def _folder(shell: Any, what: str) -> Path:
    """Return the folder that is meant: one that is there, or that of a tentacle of the registry."""
    from loligo.errors import TentacleError
    from loligo_kit.bot_folder import BotFolder

    if (Path(what) / "tentacle.toml").is_file():
        return Path(what)
    bot = BotFolder(shell.home, shell.bundled)
    try:
        return bot.content(bot.find(what))[0]
    except TentacleError as exc:
        raise TentacleError(f"{what}: no folder of a tentacle, and in the registry: {exc}") from exc


def _packages(shell: Any, folder: Path) -> PackageSet:
    """Return the packages that the tentacle in a folder brings, as the registry of the bot folder has it."""
    from loligo.errors import ConfigError
    from loligo.registry.manifest import read_manifest
    from loligo.registry.tree import read_tree
    from loligo_kit.bot_folder import BotFolder
    from loligo_packages.package_set import NO_PACKAGES, read_set

    bot = BotFolder(shell.home, shell.bundled)
    try:
        entries = bot.entries()
    except ConfigError:
        return NO_PACKAGES  # no bot folder: a tentacle can be checked anywhere
    manifest = read_manifest(folder, read_tree(folder))
    entry = entries.get(f"{manifest.kind} {manifest.name}")
    return read_set(entry.packages if entry is not None else None, bot.store)


def _all(shell: Any) -> int:
    """Check every tentacle of the registry that is there, and print a table for a README."""
    from loligo.errors import TentacleError
    from loligo_kit.bot_folder import BotFolder
    from loligo_packages.package_set import read_set
    from loligo_testing.kit import check as checked

    bot = BotFolder(shell.home, shell.bundled)
    reports = []
    for slot, entry in sorted(bot.entries().items()):
        shell.note(slot)
        try:
            reports.append(checked(bot.content(entry)[0], packages=read_set(entry.packages, bot.store)))
        except (TentacleError, OSError) as exc:
            shell.note(f"{slot}: {exc}")
    is_sound = not any(report.failures for report in reports)
    dialogue.say(shell, {"ok": is_sound, "tentacles": [each.data() for each in reports]}, table(reports))
    return 0 if is_sound else 1


def table(reports: Any) -> list[str]:
    """Return the lines of a table for people: tentacle, award, what the next one wants."""
    lines = ["| tentacle | award | missing for the next |", "|---|---|---|"]
    for report in reports:
        wanted = report.next_award
        lacks = ", ".join(check.name for check in report.missing(wanted)) if wanted else ""
        lines.append(f"| {report.kind}/{report.name} | {report.award} | {lacks} |")
    return lines
