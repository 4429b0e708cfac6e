"""Committing beside the engine: who waits for the disk, what is told when, and where an error comes out."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from loligo.engine.engine import Engine
from loligo.errors import JournalError
from loligo.model.events import Record
from loligo.runtime.inbox import Inbox
from loligo_bot.committing import AHEAD, Beside
from loligo_bot.session import Durability, EngineThread, Session
from loligo_store.journal import Journal
from tests.fakes.desks import desk, plan, seat
from tests.fakes.venue_scene import candle

WAIT_S = 20.0
CANDLES = [candle(hour, 100, 101, 99, 100) for hour in range(10 * (AHEAD + 3))]


class Disk:
    """Fault points of a session, at whose commits somebody may stand still or fail."""

    def __init__(self) -> None:
        self.is_free, self.is_reached = threading.Event(), threading.Event()
        self.fault: BaseException | None = None

    def __call__(self, point: str) -> None:
        if point == "before_commit" and threading.current_thread().name == "journal":
            self.is_reached.set()
            assert self.is_free.wait(WAIT_S)
            if self.fault is not None:
                raise self.fault


class Run:
    """An engine's thread that commits every ten records beside it."""

    def __init__(self, folder: Path) -> None:
        self.disk, self.inbox, self.told = Disk(), Inbox(), list[int]()
        self.disk.is_free.set()
        self.journal = Journal(folder / "journal.sqlite")
        durability = Durability(commit_every_records=10, commit_every_s=3_600.0)
        beside = Beside(self.journal, self.disk, self.inbox.nudge)
        engine = Engine(plan(desk(seat())))
        self.session = Session(engine, self.journal, durability, [self.hear], self.disk, beside)
        self.session.open((), CANDLES[0].ts)
        self.thread = EngineThread(self.session, self.inbox)

    def hear(self, records: Sequence[Record]) -> None:
        assert self.journal.last_seq >= records[-1].next_seq - 1  # durable before anyone is told
        self.told += [record.seq for record in records]

    def until(self, is_so: Callable[[], bool]) -> None:
        pause = threading.Event()
        for _ in range(int(WAIT_S / 0.005)):
            if is_so():
                return
            pause.wait(0.005)
        raise AssertionError("it did not come to that")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def test_the_engine_goes_on_while_the_disk_stands_still_but_not_without_end(run: Run) -> None:
    run.disk.is_free.clear()
    before = run.session.engine.now_ns
    asyncio.run(run.inbox.put_many(CANDLES))
    run.thread.start()
    # The first group is at work and others wait; with one more the engine stands still, its records decided.
    run.until(lambda: run.session.engine.now_ns >= CANDLES[10 * (AHEAD + 1) - 1].ts)
    assert run.told == [1]  # of the start
    assert before < run.session.engine.now_ns
    run.disk.is_free.set()
    run.inbox.close()
    asyncio.run(run.thread.join())
    stored = [record.seq for record in run.journal.records()]
    assert run.told == stored
    assert len(stored) == 1 + len(CANDLES)


def test_groups_are_told_in_order_and_at_once_when_no_input_comes(run: Run) -> None:
    run.thread.idle_s = WAIT_S
    run.thread.start()
    asyncio.run(run.inbox.put_many(CANDLES[:20]))
    run.until(lambda: len(run.told) == 21)  # long before the inbox' own time is over
    assert run.told == sorted(run.told)
    run.inbox.close()
    asyncio.run(run.thread.join())


def test_what_the_disk_says_ends_the_run_and_the_journal_is_whole_up_to_there(run: Run) -> None:
    run.disk.fault = JournalError("the disk is full")
    run.thread.start()
    asyncio.run(run.inbox.put_many(CANDLES[:15]))
    with pytest.raises(JournalError, match="the disk is full"):
        asyncio.run(run.thread.join())
    assert [record.seq for record in run.journal.records()] == run.told == [1]
