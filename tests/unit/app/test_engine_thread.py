"""The engine's thread in the middle of a batch: whose turn it is, and how it ends when nothing can stand in."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from loligo.engine.engine import Engine
from loligo.errors import TentacleError, TentacleInterrupted
from loligo.model.command import CommandKind, OperatorCommand, TimeAdvanced
from loligo.model.events import Record
from loligo.model.timeframe import HOUR_NS
from loligo.runtime.clock import SystemClock
from loligo.runtime.inbox import FromFeed, Inbox
from loligo_bot.session import LAG_NS, Durability, EngineThread, Session
from loligo_store.journal import Journal
from tests.fakes.desks import CandleSays, desk, evaluator, plan, seat
from tests.fakes.venue_scene import candle


class Standing(SystemClock):
    """A clock that shows one time."""

    def __init__(self, now_ns: int) -> None:
        self._now_ns = now_ns

    def now_ns(self) -> int:
        return self._now_ns


CANDLES = [candle(hour, 100, 101, 99, 100) for hour in range(20)]  # fewer than one batch
PANIC = OperatorCommand("c1", 0, CommandKind.PANIC, level=1)


class Thread:
    """An engine's thread with one batch of candles, at the sixth of which something happens and the feeds end."""

    def __init__(self, journal: Path, at_sixth: Callable[[Thread], object], *observers: Any) -> None:
        def says(seen: Any) -> None:
            if seen is CANDLES[5]:
                at_sixth(self)
                self.inbox.close()

        engine = Engine(plan(desk(seat(evaluators=[evaluator(lambda: CandleSays(says))]))))
        self.journal = journal
        self.session = Session(engine, Journal(journal), Durability(commit_every_s=3_600.0), observers)
        self.session.open((), CANDLES[0].ts)
        self.inbox = Inbox()
        self.thread = EngineThread(self.session, self.inbox)

    def run(self) -> list[Record]:
        """Run to the end of the feeds and return what the journal then holds, but for the generation."""
        asyncio.run(self.inbox.put_many(CANDLES))
        self.thread.start()
        asyncio.run(self.thread.join())
        return list(Journal(self.journal).records())[1:]


def test_a_command_that_comes_during_a_batch_goes_before_the_rest_of_it(tmp_path: Path) -> None:
    records = Thread(tmp_path / "journal.sqlite", lambda thread: thread.inbox.put_first(PANIC)).run()
    assert [isinstance(record.input, OperatorCommand) for record in records] == 6 * [False] + [True] + 14 * [False]
    assert records[6].input.ts == CANDLES[5].ts


def test_what_live_feeds_had_missed_comes_after_the_time_that_has_passed(tmp_path: Path) -> None:
    thread = Thread(tmp_path / "journal.sqlite", lambda thread: None)
    now_ns = CANDLES[-1].ts + 5 * HOUR_NS
    thread.thread.clock, thread.thread.is_live = Standing(now_ns + LAG_NS), lambda: True
    asyncio.run(thread.inbox.put_many([FromFeed(one, "feed") for one in CANDLES[-2:]]))
    thread.thread.start()
    thread.inbox.close()
    asyncio.run(thread.thread.join())
    records = list(Journal(thread.journal).records())[1:]
    assert [record.input for record in records] == [TimeAdvanced(now_ns), *CANDLES[-2:]]
    opinions = [event.ts for record in records[1:] for event in record.events]
    assert opinions and {*opinions} == {now_ns} and thread.thread.late == {"feed": 2}


def test_a_stop_during_a_batch_leaves_the_rest_of_it_to_the_next_run(tmp_path: Path) -> None:
    thread = Thread(tmp_path / "journal.sqlite", lambda thread: thread.thread.leave())
    assert len(thread.run()) == 6


def test_an_interruption_outside_of_a_tentacles_call_ends_the_run_and_leaves_the_journal_whole(tmp_path: Path) -> None:
    def too_late(records: Sequence[Record]) -> None:
        if len(records) > 1:
            raise TentacleInterrupted("interrupted after 5 s in venue.py, line 3")

    thread = Thread(tmp_path / "journal.sqlite", lambda _: None, too_late)
    with pytest.raises(TentacleError, match=r"a tentacle was interrupted after 5 s in venue.py, line 3, .*start again"):
        thread.run()
    again = Thread(tmp_path / "journal.sqlite", lambda _: None)
    assert again.session.engine.now_ns == CANDLES[-1].ts
