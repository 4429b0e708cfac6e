"""Commands of people on their way to an engine that may hang, and to a journal that remembers them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from loligo.errors import BadArguments, InboxClosed, LoligoError
from loligo.model.command import CommandKind, OperatorCommand
from loligo.model.events import CommandHandled, Record
from loligo.runtime.supervisor import Supervisor
from loligo.runtime.watchdog import Hang
from loligo_bot.door.inside import Handled, Inside, keyed_id
from loligo_store.journal import Journal
from loligo_store.projector import Projector
from tests.fakes.inside import inside

PAUSE = OperatorCommand(keyed_id("chat:7", "pause", "k"), 5, CommandKind.PAUSE, "trend", by="chat:7")


class Thread:
    """An engine's thread that answers once it is let; `hang` says why it does not."""

    def __init__(self, error: LoligoError | None = None) -> None:
        self.taken: list[OperatorCommand] = []
        self.free = asyncio.Event()
        self.hang: Hang | None = None
        self._error = error

    async def command(self, command: OperatorCommand, timeout_s: float) -> CommandHandled:
        self.taken.append(command)
        if self._error is not None:
            raise self._error
        await self.free.wait()
        return CommandHandled(9, 5, 8, "", command.command_id, True, "paused trend")


class Projecting:
    """Read models that are always new, of a journal that nobody writes to."""

    def __init__(self, projector: Projector) -> None:
        self.projector = projector

    def catch_up(self, limit_s: float = 1.0) -> None:
        self.projector.catch_up()


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(tmp_path / "journal.sqlite")
    yield journal
    journal.close()


def door_of(journal: Journal, thread: Thread, tasks: Supervisor) -> Inside:
    projector = Projector(journal.engine)
    return inside(thread=thread, tasks=tasks, rows=projector, projecting=Projecting(projector))


def run(journal: Journal, thread_error: LoligoError | None, story: Any) -> None:
    async def whole() -> None:
        async with Supervisor({"edges": 1.0}) as tasks:
            thread = Thread(thread_error)
            await story(door_of(journal, thread, tasks), thread)

    asyncio.run(whole())


def test_a_command_that_hangs_is_told_with_who_hangs_and_asking_again_waits_for_the_same_one(journal: Journal) -> None:
    async def story(behind: Inside, thread: Thread) -> None:
        behind.command_timeout_s = 0.05
        thread.hang = Hang("strategy sleeper", "decide", "12:00")
        with pytest.raises(LoligoError, match=r"did not answer within 0\.05 s; strategy sleeper hangs"):
            await behind.command(PAUSE, is_keyed=True)
        thread.free.set()
        assert await behind.command(PAUSE, is_keyed=True) == Handled(True, "paused trend", 9)
        assert thread.taken == [PAUSE]

    run(journal, None, story)


def test_a_command_that_the_journal_knows_is_not_given_again(journal: Journal) -> None:
    journal.append(Record(1, PAUSE, [CommandHandled(2, 5, 1, "", PAUSE.command_id, True, "paused trend")]))
    journal.commit()

    async def story(behind: Inside, thread: Thread) -> None:
        assert await behind.command(PAUSE, is_keyed=True) == Handled(True, "paused trend", 2)
        assert thread.taken == []

    run(journal, None, story)


def test_a_key_that_the_journal_knows_for_another_command_is_refused(journal: Journal) -> None:
    other = replace(PAUSE, target="dips")
    journal.append(Record(1, other, [CommandHandled(2, 5, 1, "", PAUSE.command_id, True, "paused dips")]))
    journal.commit()

    async def story(behind: Inside, thread: Thread) -> None:
        with pytest.raises(BadArguments, match="with other arguments before"):
            await behind.command(PAUSE, is_keyed=True)
        assert thread.taken == []

    run(journal, None, story)


def test_those_who_give_one_at_once_or_before_the_read_models_know_of_it_give_it_once(journal: Journal) -> None:
    async def story(behind: Inside, thread: Thread) -> None:
        thread.free.set()
        at_once = await asyncio.gather(*(behind.command(PAUSE, is_keyed=True) for _ in range(5)))
        later = await behind.command(PAUSE, is_keyed=True)
        assert {*at_once, later} == {Handled(True, "paused trend", 9)}
        assert thread.taken == [PAUSE]
        with pytest.raises(BadArguments, match="with other arguments before"):
            await behind.command(replace(PAUSE, target="dips"), is_keyed=True)

    run(journal, None, story)


def test_the_oldest_that_are_done_are_forgotten(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loligo_bot.door.inside.MOST_KNOWN", 2)

    async def story(behind: Inside, thread: Thread) -> None:
        thread.free.set()
        for name in ("a", "b", "c", "d", "c"):
            await behind.command(replace(PAUSE, command_id=name), is_keyed=True)
        assert [one.command_id for one in thread.taken] == ["a", "b", "c", "d"]
        await behind.command(replace(PAUSE, command_id="a"), is_keyed=True)  # the journal of a real bot knows it by now
        assert [one.command_id for one in thread.taken] == ["a", "b", "c", "d", "a"]

    run(journal, None, story)


def test_a_bot_that_is_stopping_takes_no_command_and_ends_cleanly(journal: Journal) -> None:
    async def story(behind: Inside, thread: Thread) -> None:
        with pytest.raises(InboxClosed):
            await behind.command(PAUSE, is_keyed=False)
        assert (await behind.tasks.shut_down()).is_clean

    run(journal, InboxClosed("stopping"), story)


def test_the_id_of_a_key_is_that_of_one_actor_and_one_verb() -> None:
    ids = {
        keyed_id(*each)
        for each in (("a", "pause", "k"), ("b", "pause", "k"), ("a", "resume", "k"), ("a", "pause", "l"))
    }
    assert len(ids) == 4
    assert keyed_id("a", "pause", "k") in ids
