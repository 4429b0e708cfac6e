"""The processes of replays and reality checks that the bot has started (`loligo_bot.jobs.work`). They only read the
journal, which the bot goes on writing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from loligo_bot.folder_config import read_config
from loligo_bot.interpreter import tuned_interpreter
from loligo_bot.jobs.work import Progress, work
from loligo_bot.replay.reality import Asked, reality
from loligo_bot.replay.request import RealityRequest, ReplayRequest, thawed
from loligo_bot.replay.sessions import journal_address, session_of
from loligo_bot.replay.verify import lines_of, verify
from loligo_store.reader import JournalReader


def replay(home: str, folder: str, _number: str, nice: str) -> None:
    """Run one replay and end the process."""
    work(_replay, home, folder, nice)


def check_reality(home: str, folder: str, _number: str, nice: str) -> None:
    """Run one reality check and end the process."""
    work(_reality, home, folder, nice)


def _replay(home: Path, given: bytes) -> tuple[Any, dict[str, Any]]:
    plain, now = thawed(home, given)
    asked = ReplayRequest.model_validate(plain)
    with _journal(home, asked.session) as (journal, progress):
        data = verify(home, journal, now, lambda record: progress.look(record.input.ts))
    lines = lines_of(data)
    return {**data, "lines": lines}, {"verdict": lines[0], "is_identical": data["is_identical"]}


def _reality(home: Path, given: bytes) -> tuple[Any, dict[str, Any]]:
    plain, now = thawed(home, given)
    asked = RealityRequest.model_validate(plain)
    window = Asked(desk=asked.desk, since=asked.since or "", until=asked.until or "")
    with _journal(home, asked.session) as (journal, progress):
        data = reality(home, journal, window, now, lambda world, record: progress.look(record.input.ts, world))
    figures = ("differences", "differences_as_it_ran", "not_explained")
    return data, {"verdict": " ".join(data["summary"]), **{name: data[name] for name in figures}}


@contextmanager
def _journal(home: Path, session: str) -> Iterator[tuple[JournalReader, Progress]]:
    address = journal_address(home, read_config(home).journal.get("url"))
    with tuned_interpreter(), session_of(address, session).opened() as database:
        yield JournalReader(database), Progress()
