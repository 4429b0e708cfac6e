"""Verbs on backups: backup.make, one file with all that the bot is, made while it trades; and backups, those there are.

Only a person at the machine restores one (`loligo restore`); the page hands an admin the file.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec
from pydantic import Field

from loligo.errors import LoligoError
from loligo.ports.door import Answer, Role
from loligo_bot.backup import BACKUPS, Wanted, Written, backups, drop_older
from loligo_bot.door.aside import done_aside
from loligo_bot.door.inside import Inside
from loligo_bot.door.offer import Arguments, Asked, Offer, changing, looking
from loligo_bot.door.operating import Done
from loligo_bot.door.pages import Part
from loligo_bot.jobs.job import told_beside
from loligo_bot.jobs.keeper import utc_now
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


async def make(inside: Inside, asked: Asked, given: BackupWanted) -> Made:
    """Write what is durable now, and tell people; the bot goes on meanwhile."""
    journal = journal_file(inside.home, inside.config.journal.get("url"))
    async with inside.packing:
        wanted = Wanted(home=str(inside.home), bot=inside.config.bot.name, journal=str(journal) if journal else None)
        told = await done_aside("loligo_bot.backup:main", msgspec.json.encode(wanted), failed="no backup was made")
        made = msgspec.json.decode(told, type=Written)
        try:
            gone = await asyncio.to_thread(drop_older, inside.home, given.keep) if given.keep else []
        except OSError as exc:
            raise LoligoError(f"{made.name} was made, but older ones were not removed: {exc}") from exc
    upto = f"up to seq {made.last_seq:,}" if made.last_seq is not None else OF_DATABASE
    said = f"{made.name}: {made.files:,} files, {upto}" + (f"; {len(gone)} older removed" if gone else "")
    inside.notifying.say(told_beside("backup", made.name, outcome=said, by=asked.actor.name, time=utc_now()))
    return Made(is_done=True, message=said, file=str(BACKUPS / made.name))


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
