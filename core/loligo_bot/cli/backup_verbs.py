"""`loligo backup` and `loligo restore`: a bot folder into one file, beside a running bot too, and out of it again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from loligo_bot.cli.output import Shell


def backup(
    context: typer.Context,
    output: Annotated[
        Path | None, typer.Option(help="The file; backups/NAME-TIME.zip in the bot folder unless said.")
    ] = None,
) -> None:
    """Write all that the bot is into one file, also while it runs: configuration, tentacles, journal. The keys in
    .env and the vault, logins, recorded market data and logs stay where they are; a key in the configuration itself
    goes along."""
    from loligo_bot.backup import make_backup
    from loligo_bot.door.backups import OF_DATABASE
    from loligo_bot.folder_config import read_config
    from loligo_bot.replay.sessions import journal_file

    shell: Shell = context.obj
    config = read_config(shell.home)
    journal = journal_file(shell.home, config.journal.get("url"))
    file, about = make_backup(shell.home, config.bot.name, journal, output)
    upto = OF_DATABASE if about.last_seq is None else f"the journal up to seq {about.last_seq:,}"
    size = file.stat().st_size
    data = {"ok": True, "file": str(file), "bytes": size, "files": len(about.files), "last_seq": about.last_seq}
    shell.lines(data, [f"{file}: {len(about.files):,} files, {size:,} bytes; {upto}"])


def restore(context: typer.Context, file: Annotated[Path, typer.Argument(help="What `loligo backup` wrote.")]) -> None:
    """Make a new bot folder, the one that --home names, of a backup."""
    from loligo_bot.backup import restore as restored

    shell: Shell = context.obj
    about = restored(file, shell.home)
    upto = f", the journal up to seq {about.last_seq:,}" if about.last_seq is not None else ""
    lines = [
        f"{shell.home}: {len(about.files):,} files of {about.bot} as of {about.made_at}{upto}",
        "Not in it, and yours to put there: .env and vault.json with their keys, data/ with recorded market data. "
        "Logins begin anew.",
        f"Let only one of the two run: loligo --home {shell.home} run",
    ]
    told = {"made_at": about.made_at, "version": about.version, "bot": about.bot, "last_seq": about.last_seq}
    shell.lines({"ok": True, "home": str(shell.home), "files": len(about.files), **told}, lines)


VERBS = (backup, restore)
