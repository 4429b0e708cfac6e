"""Verbs on backups: backup.make, one file with all that the bot is, made while it trades; and backups, those there are.

Only a person at the machine restores one (`loligo restore`); the page hands an admin the file.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence

from pydantic import Field

from loligo.errors import LoligoError
from loligo.ports.door import Answer, Role
from loligo_bot.backup import BACKUPS, backups, drop_older, make_backup
from loligo_bot.door.inside import Inside
from loligo_bot.door.offer import Arguments, Asked, Offer, changing, looking
from loligo_bot.door.operating import Done
from loligo_bot.door.pages import Part
from loligo_bot.replay.sessions import journal_file

OF_DATABASE = "the journal lies in a database of its own and is not in it: back that up with its own tools"


class BackupWanted(Arguments):
    """What becomes of older ones."""

    keep: int | None = Field(
        default=None, ge=1, le=1_000, description="so many backups are kept, the newest; by default all"
    )


class Made(Done):
    """Where the backup lies."""

    file: str = ""


class BackupRow(Part):
    """One backup."""

    name: str
    file: str = Field(description="its path below the bot folder")
    size: int = Field(description="bytes")
    made_at: str = Field(description="by the wall clock")


class Backups(Answer):
    """Backups, the newest first."""

    backups: list[BackupRow]

    def lines(self) -> Sequence[str]:
        told = [f"{one.made_at} {one.name} {one.size:,} bytes" for one in self.backups]
        return told or ["no backup yet; `loligo backup` makes one"]


async def make(inside: Inside, _asked: Asked, given: BackupWanted) -> Made:
    """Write what is durable now; the bot goes on meanwhile."""
    journal = journal_file(inside.home, inside.config.journal.get("url"))
    async with inside.packing:
        try:
            file, about = await asyncio.to_thread(make_backup, inside.home, inside.config.bot.name, journal)
            gone = await asyncio.to_thread(drop_older, inside.home, given.keep) if given.keep else []
        except (OSError, sqlite3.Error) as exc:
            raise LoligoError(f"no backup was made: {exc}") from exc
    upto = f"up to seq {about.last_seq:,}" if about.last_seq is not None else OF_DATABASE
    said = f"{file.name}: {len(about.files):,} files, {upto}" + (f"; {len(gone)} older removed" if gone else "")
    return Made(is_done=True, message=said, file=str(BACKUPS / file.name))


async def backups_(inside: Inside, _asked: Asked, _given: Arguments) -> Backups:
    found = await asyncio.to_thread(backups, inside.home)
    rows = [(one, str(BACKUPS / one.name)) for one in found]
    return Backups(backups=[BackupRow(name=one.name, file=at, size=one.size, made_at=one.made_at) for one, at in rows])


OFFERS: tuple[Offer, ...] = (
    looking("backups", "the backups in backups/, newest first", Arguments, Backups, backups_),
    changing(
        "backup.make", "write all that the bot is into one file, without .env and logins", Role.TRADE, BackupWanted,
        Made, make,
    ),
)  # fmt: skip
