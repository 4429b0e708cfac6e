"""The session and its thread: the order of commands, what a stop leaves, when a snapshot is due."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from loligo.engine.engine import Engine
from loligo.model.command import CommandKind, OperatorCommand, TimeAdvanced
from loligo.model.events import Record
from loligo.model.timeframe import DAY_NS
from loligo.runtime.clock import SystemClock
from loligo.runtime.inbox import FromFeed, Inbox
from loligo_bot.session import LAG_NS, Durability, EngineThread, Session
from loligo_store.journal import Journal
from tests.fakes.desks import desk, plan, seat
from tests.fakes.venue_scene import candle

PAUSE = OperatorCommand("c1", 0, CommandKind.PAUSE, "alpha")
CANDLES = [candle(hour, 100, 101, 99, 100) for hour in range(300)]
Open = Callable[..., Session]


@pytest.fixture
def opened(tmp_path: Path) -> Open:
    """Open sessions on one journal, one after the other."""

    def open_session(**durability: float) -> Session:
        session = Session(
            Engine(plan(desk(seat()))),
            Journal(tmp_path / "journal.sqlite"),
            Durability(commit_every_s=3_600.0, **durability),  # type: ignore[arg-type]
        )
        session.open((), CANDLES[0].ts)
        return session

    return open_session


def records(session: Session, tmp_path: Path) -> list[Record]:
    return list(Journal(tmp_path / "journal.sqlite").records())


def test_command_goes_before_waiting_candles_and_happens_at_the_time_of_the_engine(
    opened: Open, tmp_path: Path
) -> None:
    session, inbox = opened(), Inbox()
    session.step(CANDLES[:10])
    asyncio.run(inbox.put_many(CANDLES[10:20]))
    inbox.put_first(PAUSE)
    inbox.close()
    thread = EngineThread(session, inbox)
    thread.start()
    asyncio.run(thread.join())
    inputs = [record.input for record in records(session, tmp_path)][1:]  # behind the generation
    assert [type(item).__name__ for item in inputs[9:12]] == ["Candle", "OperatorCommand", "Candle"]
    assert inputs[10].ts == CANDLES[9].ts
    assert len(inputs) == 21


def test_stop_leaves_the_backlog_to_the_next_run_and_obeys_the_last_command(opened: Open, tmp_path: Path) -> None:
    session, inbox = opened(), Inbox()
    session.step(FromFeed(candle, "hours") for candle in CANDLES[:10])
    asyncio.run(inbox.put_many([FromFeed(candle, "hours") for candle in CANDLES[10:]]))
    inbox.put_first(PAUSE)
    thread = EngineThread(session, inbox)
    thread.leave()
    thread.start()
    asyncio.run(thread.join())
    assert len(records(session, tmp_path)) == 1 + 10 + 1
    following = opened()
    assert following.cursors == {"hours": (CANDLES[9].ts, 1)}
    assert following.engine.risk.desks["alpha"].pauses


def test_records_that_recovery_read_again_count_towards_the_next_snapshot(opened: Open, tmp_path: Path) -> None:
    """A generation and 8 candles, then 3 more in the next run: 12 records, and a snapshot was due at 10."""
    first = opened(commit_every_records=1, snapshot_every_records=10)
    first.step(CANDLES[:8])
    second = opened(commit_every_records=1, snapshot_every_records=10)
    second.step(CANDLES[8:11])
    newest = Journal(tmp_path / "journal.sqlite").newest_snapshot()
    assert newest is not None
    assert newest[0] == records(second, tmp_path)[10].seq


def test_snapshot_is_due_after_so_much_work_however_few_the_records(opened: Open, tmp_path: Path) -> None:
    first = opened(commit_every_records=1, snapshot_every_worked_s=1e-9)
    first.step(CANDLES[:1])
    first.step(CANDLES[1:3])  # the first of these finds what the one before it has worked
    newest = Journal(tmp_path / "journal.sqlite").newest_snapshot()
    assert newest is not None
    assert newest[0] == records(first, tmp_path)[3].seq
    again = opened(commit_every_records=1, snapshot_every_worked_s=1e-9)  # what recovery has worked counts, too
    again.step(CANDLES[3:4])
    newest = Journal(tmp_path / "journal.sqlite").newest_snapshot()
    assert newest is not None
    assert newest[0] == again.engine.next_seq


class Noon(SystemClock):
    """A clock that a test sets."""

    ns = 0

    def now_ns(self) -> int:
        return self.ns


@pytest.mark.parametrize("is_live", [True, False])
def test_what_is_due_is_served_though_no_live_feed_brings_anything(opened: Open, tmp_path: Path, is_live: bool) -> None:
    session, inbox, clock = opened(), Inbox(), Noon()
    session.step(CANDLES[:1])
    thread = EngineThread(session, inbox, idle_s=0.001, is_live=lambda: is_live, clock=clock)
    thread.start()
    clock.ns = CANDLES[0].ts + DAY_NS + LAG_NS

    async def wait() -> None:
        async with asyncio.timeout(20):
            while is_live and session.engine.now_ns == CANDLES[0].ts:
                await asyncio.sleep(0.001)
        inbox.put_first(PAUSE)
        inbox.close()
        await thread.join()

    asyncio.run(wait())
    inputs = [record.input for record in records(session, tmp_path)][2:]
    if is_live:
        assert inputs[0] == TimeAdvanced(CANDLES[0].ts + DAY_NS)
    assert [type(item) for item in inputs[is_live:]] == [OperatorCommand]  # once, though it went on looking
    assert inputs[-1].ts == session.engine.now_ns == CANDLES[0].ts + (DAY_NS if is_live else 0)


def test_what_one_live_feed_brings_after_a_newer_input_of_another_happens_now(opened: Open, tmp_path: Path) -> None:
    session, inbox = opened(), Inbox()
    thread = EngineThread(session, inbox, is_live=lambda: True, clock=Noon())
    sent = [FromFeed(CANDLES[3], "one"), FromFeed(CANDLES[1], "two"), FromFeed(CANDLES[2], "two")]
    asyncio.run(inbox.put_many(sent))
    inbox.close()
    thread.start()
    asyncio.run(thread.join())
    assert [record.input for record in records(session, tmp_path)][1:] == [one.item for one in sent]
    assert session.engine.now_ns == CANDLES[3].ts
    assert thread.late == {"two": 2}
    cursors = {"one": (CANDLES[3].ts, 1), "two": (CANDLES[2].ts, 1)}
    assert session.cursors == opened().cursors == cursors  # each by its own time, also after a start


def test_who_stopped_waiting_for_a_command_does_not_end_the_run(opened: Open) -> None:
    session, inbox = opened(), Inbox()
    thread = EngineThread(session, inbox)

    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            await thread.command(PAUSE, timeout_s=0.01)  # nobody takes it yet
        thread.start()
        while not session.engine.risk.desks["alpha"].pauses:
            await asyncio.sleep(0.001)
        inbox.close()
        await thread.join()

    asyncio.run(give_up())
