"""Writes trades that ended to standard error, a line each: put your own way to show the bot, or ask it, in its place.

An interface runs beside the engine until it is cancelled. All that it may know or do goes through the door: it asks
verbs in the name of whoever stands before it, and follows what is in the journal.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from pydantic import Field

from loligo.api import Actor, MakeContext, NotRunning, Record, Role, TentacleSettings, TradeClosed, iso

_READER = Actor(name="sample", role=Role.VIEW)  # whoever may do more must first say who they are


class Settings(TentacleSettings):
    desk: str = Field(default="", description="Only trades of this desk; empty: of all.")


class Sample:
    def __init__(self, settings: Settings, context: MakeContext) -> None:
        self._settings, self._door = settings, context.door

    async def run(self) -> None:
        if self._door is None:
            raise NotRunning("there is no bot to ask")
        status = await self._door.ask(_READER, "status", {})
        print("\n".join(status.lines()), file=sys.stderr)
        async for records in self._door.follow():
            for record in records:
                for line in self.lines(record):
                    print(line, file=sys.stderr)

    def lines(self, record: Record) -> Iterator[str]:
        """Yield what is written of one record."""
        for event in record.events:
            if isinstance(event, TradeClosed) and self._settings.desk in ("", event.desk):
                one = event.trade
                yield f"{iso(one.closed_at_ns)} {one.desk}: {one.side} {one.quantity} {one.instrument}, {one.net}"
