"""What people tried and did: questions that were denied, the end of the bot and what `noting` notes go into the journal
as notes, and the verb audit tells them together with commands and exchanges.

What must hold: a note never waits for the engine, and nobody fills the journal by asking: one who is denied the same
again within a minute is noted once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic
from typing import Any, Literal, get_args

from pydantic import Field

from loligo.errors import InboxClosed
from loligo.log import get_logger
from loligo.model.command import Noted, SwapResult
from loligo.model.timeframe import iso
from loligo.ports.door import Actor
from loligo_bot.door.inside import Inside
from loligo_bot.door.offer import Offer, reading
from loligo_bot.door.pages import Paged, Pages, Part, brief
from loligo_store.projections import Row

DENIED, STOPPED, REQUEST = "denied", "stop", "request"  # kinds of notes
COMMAND, SWAP = "command", "swap"
What = Literal["command", "swap", "request", "denied", "stop"]
EVERY_S = 60.0
TAKEN_S, LOOK_S = 0.5, 0.01
MOST_KNOWN = 1_000  # within a minute; beyond it only the log has it
_log = get_logger("door")


class Lately:
    """What was noted within a minute."""

    def __init__(self) -> None:
        self._noted: dict[tuple[str, str], float] = {}

    def is_new(self, by: str, what: str) -> bool:
        """Say whether it is to be noted now, and remember that it was."""
        now_s = monotonic()
        if len(self._noted) >= MOST_KNOWN:
            self._noted = {pair: at_s for pair, at_s in self._noted.items() if now_s - at_s < EVERY_S}
        if now_s - self._noted.get((by, what), -EVERY_S) < EVERY_S or len(self._noted) >= MOST_KNOWN:
            return False
        self._noted[by, what] = now_s
        return True


class Denials:
    """Who was denied what lately."""

    def __init__(self) -> None:
        self._lately = Lately()

    def note(self, inside: Inside, actor: Actor, verb: str, why: str) -> None:
        if self._lately.is_new(actor.name, verb):
            note(inside, DENIED, actor, verb, why)


def note(inside: Inside, kind: str, actor: Actor, subject: str, text: str, **facts: str) -> None:
    """Put a note into the journal, before all that waits there."""
    told = {"role": actor.role.name.lower(), **facts}
    try:
        inside.thread.inbox.put_first(Noted(ts=0, kind=kind, subject=subject, by=actor.name, text=text, facts=told))
    except InboxClosed:
        _log.warning("not noted: the bot is stopping", actor=actor.name, subject=subject)


async def taken(inside: Inside) -> None:
    """Return when the engine has taken the notes; not later than `TAKEN_S`, for it may hang and the bot must end."""
    with suppress(TimeoutError):
        async with asyncio.timeout(TAKEN_S):
            while inside.thread.inbox.first:
                await asyncio.sleep(LOOK_S)


class AuditRow(Part):
    """One thing that somebody did or tried."""

    time: str = Field(description="in the time of the data")
    seq: int
    by: str
    what: str = Field(description="command, swap (of tentacles or settings), request (all else), denied or stop")
    is_done: bool
    text: str


class Audit(Paged):
    """What people did and tried, newest first."""

    rows: list[AuditRow]

    def lines(self) -> Sequence[str]:
        told = [(one, one.what if one.is_done or one.what == DENIED else f"{one.what}, not done") for one in self.rows]
        return [f"{brief(one.time)} {one.by} {what}: {one.text}" for one, what in told] or ["nobody did anything yet"]


class AuditAsked(Pages):
    """How much of it."""

    by: str | None = Field(default=None, max_length=200, description='only of this actor, such as "web:anna"')
    what: What | None = Field(default=None, description="only what is of this sort")


def audit(inside: Inside, given: AuditAsked) -> Audit:
    sorts = (given.what,) if given.what else get_args(What)
    notes = tuple(sort for sort in sorts if sort not in (COMMAND, SWAP))
    found = [_of_note(row) for row in (_newest(inside, "notes", given, kind=notes) if notes else ())]
    found += [_of_command(row) for row in (_newest(inside, "commands", given) if COMMAND in sorts else ())]
    found += [_of_swap(row) for row in (_newest(inside, "swaps", given) if SWAP in sorts else ())]
    rows = sorted(found, key=lambda one: -one.seq)
    shown = rows[: given.limit]
    return Audit(rows=shown, next_before=shown[-1].seq if len(rows) > given.limit else None)


def _newest(inside: Inside, projection: str, given: AuditAsked, **where: Any) -> list[Row]:
    above, below = given.bounds()
    if given.before is not None:
        below["seq"] = given.before
    wanted = where | ({} if given.by is None else {"by": given.by})
    return inside.rows.rows(projection, where=wanted, above=above, below=below, limit=given.limit + 1)


def _of_note(row: Row) -> AuditRow:
    return AuditRow(
        time=iso(row["ts"]),
        seq=row["seq"],
        by=row["by"],
        what=row["kind"],
        is_done=row["kind"] != DENIED and row["facts"].get("is_done") != "no",
        text=row["text"],
    )


def _of_command(row: Row) -> AuditRow:
    said = " ".join(filter(None, (row["kind"], row["target"], row["message"])))
    return AuditRow(
        time=iso(row["ts"]), seq=row["seq"], by=row["by"], what=COMMAND, is_done=bool(row["is_done"]), text=said
    )


def _of_swap(row: Row) -> AuditRow:
    """Return who wanted what of tentacles and settings, and how it ended."""
    is_done = row["result"] in (SwapResult.GOOD, SwapResult.SHADOWED)
    wanted, ended = row["why"] or ", ".join(row["changed"]), row["result"].replace("_", " ")
    came = row["text"] if is_done else ", ".join(filter(None, (ended, row["text"])))
    said = ": ".join(dict.fromkeys(filter(None, (wanted, came))))
    return AuditRow(time=iso(row["ts"]), seq=row["seq"], by=row["by"], what=SWAP, is_done=is_done, text=said)


OFFERS: tuple[Offer, ...] = (reading("audit", "what people did, and what they were denied", AuditAsked, Audit, audit),)
