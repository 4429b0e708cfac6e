"""The verb logs: the end of the log file. Secrets were masked when it was written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from loligo.ports.door import Answer
from loligo_bot.door.inside import Inside
from loligo_bot.door.offer import Arguments, Offer, reading
from loligo_bot.log_file import before

BESIDE_A_VIEW = "logs/loligo.log"  # where it goes when a live view has the terminal
TAIL_BYTES = 4 << 20  # of the file that are looked through


class LogsAsked(Arguments):
    """Which lines."""

    limit: int = Field(default=100, ge=1, le=2_000, description="lines at most, the newest")
    contains: str = Field(default="", max_length=200, description="only lines with this text in them")


class Logs(Answer):
    """The newest lines, oldest first."""

    file: str = Field(description="empty: the log goes to standard error and cannot be shown")
    log: list[str]

    def lines(self) -> Sequence[str]:
        return self.log or ["no log file: set log.file" if not self.file else "no such lines"]


def logs(inside: Inside, given: LogsAsked) -> Logs:
    places = [inside.home / name for name in (inside.config.log.file, BESIDE_A_VIEW) if name]
    file = next((place for place in places if place.is_file()), None)
    if file is None:
        return Logs(file="", log=[])
    older = [] if file.stat().st_size > TAIL_BYTES else _tail(before(file)) if before(file).is_file() else []
    found = [line for line in (*older, *_tail(file)) if given.contains in line]
    return Logs(file=str(file), log=found[-given.limit :])


def _tail(file: Path) -> list[str]:
    """Return the last lines, the first of which is whole."""
    with file.open("rb") as content:
        size = content.seek(0, 2)
        content.seek(max(size - TAIL_BYTES, 0))
        lines = content.read().decode("utf-8", "replace").splitlines()
    return lines[1:] if size > TAIL_BYTES else lines


OFFERS: tuple[Offer, ...] = (reading("logs", "the newest lines of the log file", LogsAsked, Logs, logs),)
