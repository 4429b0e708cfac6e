"""`loligo doctor`, `loligo tentacle health | retry | grant | revoke | bisect`: how tentacles are, what mends them."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from loligo_bot.cli.output import Shell, show_table
from loligo_bot.cli.swap_verbs import PATIENCE_S
from loligo_bot.cli.tentacle_verbs import check_kind, tentacle

if TYPE_CHECKING:
    from loligo_bot.health.bisection import Suspect

ANSWER_LIMIT_S = 30.0  # reading every tentacle's files takes a moment
COLUMNS = ("kind", "name", "version", "state", "until", "failures", "ms_per_s", "used_by", "reason")


def doctor(context: typer.Context) -> None:
    """List what is wrong with the bot's tentacles, why, and the command that mends it. Ends with 1 if there is any."""
    shell: Shell = context.obj
    found = _health(shell)["problems"]
    rows = [(one["problem"], one["tentacle"], one["reason"], one["command"]) for one in found]
    columns = ("problem", "tentacle", "reason", "command")
    data = {"ok": not found, "problems": found}
    shell.result(data, lambda console: show_table(console, columns, rows) if rows else console.print("all is well"))
    if found:
        raise typer.Exit(1)


@tentacle.command()
def health(
    context: typer.Context, kind: Annotated[str | None, typer.Option(help="Only this kind, such as evaluator.")] = None
) -> None:
    """Show where every tentacle stands: its state and why, its failures, and what it costs."""
    check_kind(kind)
    shell: Shell = context.obj
    answer = _health(shell)
    rows = [row for row in answer["tentacles"] if kind in (None, row["kind"])]
    if answer["safe_mode"]:
        shell.note(f"SAFE MODE: {answer['safe_mode']}")
    shown = [[_cell(row[name]) for name in COLUMNS] for row in rows]
    shell.result({**answer, "tentacles": rows}, lambda console: show_table(console, COLUMNS, shown))


@tentacle.command()
def retry(context: typer.Context, name: Annotated[str, typer.Argument(help="NAME or KIND/NAME.")]) -> None:
    """End a tentacle's quarantine at once: it is tried again, in the running bot or at the next start."""
    from loligo.errors import NotRunning
    from loligo_bot.cli.control_client import ask_verb

    shell: Shell = context.obj
    try:
        message = ask_verb(shell.home, "tentacle.retry", {"name": name})["answer"]["message"]
    except NotRunning:
        message = f"{_release(shell.home, name)} is tried again at the next start"
    shell.lines({"ok": True, "message": message}, [message])


@tentacle.command()
def grant(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="NAME or KIND/NAME.")],
    permissions: Annotated[
        list[str], typer.Argument(help="What its manifest wants, see `loligo tentacle info`; admin for an automation.")
    ],
) -> int:
    """Grant permissions to a tentacle that lacks them, or admin to an automation, which may then exchange tentacles.

    An update that waits for some: `loligo tentacle agree`.
    """
    from loligo.errors import TentacleError
    from loligo.registry.registry_file import editing
    from loligo_kit import dialogue
    from loligo_kit.bot_folder import BotFolder
    from loligo_kit.installer import Change
    from loligo_kit.plans import ADMIN

    shell: Shell = context.obj
    bot = BotFolder(shell.home, shell.bundled)
    entry = bot.find(name)
    wanted = dict.fromkeys([*bot.manifest(entry).permissions, *([ADMIN] if entry.kind == "automation" else [])])
    if unknown := [each for each in permissions if each not in wanted]:
        raise TentacleError(f"{entry.slot} does not want {', '.join(unknown)}; it wants: {', '.join(wanted) or 'none'}")
    with editing(bot.registry) as entries:
        if entry.slot not in entries:
            raise TentacleError(f"{entry.slot} was taken out of {bot.registry} meanwhile")
        before = entries[entry.slot]
        held = list(dict.fromkeys([*before.permissions, *permissions]))  # also what no manifest asks for
        after = entries[entry.slot] = before.model_copy(update={"permissions": held})
    return dialogue.told(shell, Change(slot=entry.slot, before=before, after=after), "grant")


@tentacle.command()
def revoke(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="NAME or KIND/NAME.")],
    permissions: Annotated[
        list[str] | None, typer.Argument(help="That it holds; all of them by default.", show_default=False)
    ] = None,
    why: Annotated[str, typer.Option(help="Your reason; it stays in the history.")] = "",
    is_forced: Annotated[
        bool, typer.Option("--force", help="Even when it goes off by that and others, or a desk, need it.")
    ] = False,
) -> None:
    """Take permissions of a tentacle back. One that needs them goes off, in a running bot at once."""
    from loligo.errors import NotRunning
    from loligo_bot.cli.control_client import ask_verb
    from loligo_bot.door.granting import revoked
    from loligo_bot.judgement import judge
    from loligo_kit.bot_folder import BotFolder
    from loligo_kit.installer import Installer

    shell: Shell = context.obj
    asked = {"name": name, "permissions": permissions or [], "why": why, "force": is_forced}
    try:
        answer = ask_verb(shell.home, "tentacle.revoke", asked, timeout_s=PATIENCE_S + ANSWER_LIMIT_S)["answer"]
    except NotRunning:
        bot = BotFolder(shell.home, shell.bundled)
        done = Installer(bot, judge).revoke(name, permissions or [], shell.used_at, is_forced=is_forced)
        answer = {"is_done": True, "message": revoked(bot, done)}
    shell.lines({"ok": answer["is_done"], **answer}, [answer["message"]])
    if not answer["is_done"]:
        raise typer.Exit(1)


@tentacle.command()
def bisect(
    context: typer.Context,
    check: Annotated[
        str | None,
        typer.Option(
            help="A shell command that ends with 0 when all is well. It runs in a copy of the bot folder, which is its "
            "working directory and LOLIGO_HOME. Without it you are asked."
        ),
    ] = None,
) -> None:
    """Find by halving which tentacle of others, or which new version, makes a check fail, in a copy of the folder."""
    from loligo_bot.health.bisection import TrialFolder, tentacles_of, versions_of

    shell: Shell = context.obj
    versions, tentacles = versions_of(shell.home, _good_code(shell.home)), tentacles_of(shell.home)
    runs: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="loligo-bisect-") as folder:
        trial = TrialFolder(shell.home, Path(folder))

        def is_bad(suspects: Sequence[Suspect], count: int) -> bool:
            trial.take(suspects, count)
            is_good = _passes(trial.folder, check)
            runs.append({"with": [one.label for one in suspects[:count]], "is_good": is_good})
            shell.note(f"with {count} of {len(suspects)}: {'good' if is_good else 'bad'}")
            return not is_good

        culprit, why = _culprit(versions, tentacles, is_bad)
    message = f"{culprit.label} makes it fail" if culprit is not None else why
    data = {"ok": culprit is not None, "culprit": culprit and culprit.after.slot, "message": message, "runs": runs}
    shell.result(data, lambda console: console.print(f"{message}, found in {len(runs)} runs", markup=False))
    if culprit is None:
        raise typer.Exit(4)


def _culprit(
    versions: Sequence[Suspect], tentacles: Sequence[Suspect], is_bad: Callable[[Sequence[Suspect], int], bool]
) -> tuple[Suspect | None, str]:
    """Look among new versions first, then among the tentacles themselves; return why there is none otherwise."""
    from loligo_bot.health.bisection import first_bad

    if not is_bad(tentacles, len(tentacles)):
        return None, "the check passes with everything as it is: there is nothing to find"
    for suspects in (versions, tentacles):
        if suspects and not is_bad(suspects, 0):
            return suspects[first_bad(len(suspects), partial(is_bad, suspects)) - 1], ""
    return None, "the check fails without any of them too: the cause is elsewhere"


def _passes(folder: Path, check: str | None) -> bool:
    if check is None:
        if not sys.stdin.isatty():
            raise typer.BadParameter("nobody can be asked here: give a command", param_hint="--check")
        return typer.confirm(f"Try the bot in {folder} (loligo --home {folder} ...). Is it good?", err=True)
    environment = {**os.environ, "LOLIGO_HOME": str(folder)}
    done = subprocess.run(check, shell=True, cwd=folder, env=environment, stdout=subprocess.DEVNULL, check=False)
    return done.returncode == 0


def _good_code(home: Path) -> dict[str, str]:
    """Return what the newest good generation of the journal ran, where that is not what is wanted now."""
    from loligo.host import bundled_root
    from loligo_bot.folder_config import read_config
    from loligo_bot.health.bisection import good_code
    from loligo_bot.replay.sessions import journal_address
    from loligo_kit.bot_folder import BotFolder
    from loligo_store.database import open_engine
    from loligo_store.projector import Projector
    from loligo_store.rows import ProjectionReader

    address = journal_address(home, read_config(home).journal.get("url"))
    if isinstance(address, Path) and not address.exists():
        return {}

    bot = BotFolder(home, bundled_root())
    wanted = {f"{entry.kind}/{entry.name}": bot.hash_of(entry) for entry in bot.entries().values() if entry.enabled}
    engine = open_engine(address)
    try:
        Projector(engine).catch_up()
        return good_code(ProjectionReader(engine).rows("generations"), wanted)
    finally:
        engine.dispose()


def _health(shell: Shell) -> dict[str, Any]:
    """Return what the running bot says of its tentacles; of one that does not run, what its files say."""
    from loligo.errors import NotRunning
    from loligo_bot.cli.control_client import ask_verb

    try:
        answer = ask_verb(shell.home, "health", {}, timeout_s=ANSWER_LIMIT_S)
    except NotRunning:
        return _stopped(shell.home)
    return {"ok": True, **answer["answer"]}


def _stopped(home: Path) -> dict[str, Any]:
    from loligo.errors import ConfigError, TentacleError
    from loligo_bot.folder_config import read_config
    from loligo_bot.health.repairs import Problem, file_problems, problems
    from loligo_bot.health.standstill import look

    try:
        rows, safe_mode, crashed = look(home, read_config(home))
    except (ConfigError, TentacleError) as exc:
        wrong = [Problem(problem="configuration wrong", reason=str(exc), command="loligo config check")]
        found = [asdict(one) for one in file_problems(home) or wrong]
        return {"ok": True, "time": "", "safe_mode": "", "tentacles": [], "problems": found}
    every = file_problems(home) + problems(rows, safe_mode=safe_mode, crashed_starts=crashed)
    told = {"tentacles": [asdict(row) for row in rows], "problems": [asdict(one) for one in every]}
    return {"ok": True, "time": "", "safe_mode": safe_mode, **told}


def _release(home: Path, name: str) -> str:
    """End a quarantine in the file that the next start reads; return the slot."""
    from loligo_bot.health import store
    from loligo_bot.health.quarantine import find

    remembered = store.load(home)
    slot = find(name, remembered.quarantine)
    del remembered.quarantine[slot]
    store.save(home, remembered)
    return slot


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.1f}"
    return ", ".join(value) if isinstance(value, list | tuple) else "" if value is None else str(value)


VERBS = (doctor,)
