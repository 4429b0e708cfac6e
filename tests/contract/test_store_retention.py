"""Retention: what is old goes, what a snapshot or a projection needs stays, and a cut is never taken for damage."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from sqlalchemy import Engine, delete, func, select, update

from loligo.errors import JournalCorrupt, JournalError
from loligo.model.events import Record
from loligo_store.config import JournalConfig
from loligo_store.database import open_engine
from loligo_store.journal import Journal
from loligo_store.projections import PROJECTIONS
from loligo_store.projector import Projector
from loligo_store.reader import JournalReader
from loligo_store.retention import BLOCKS_AT_ONCE
from loligo_store.schema import journal_block, journal_start, projection_cursor, segment_block, snapshot
from tests.fakes.postgresql import PostgresServer
from tests.fakes.records import quiet_record, quiet_records

DAY_RECORDS = 24  # quiet records are an hour apart, and each has four seqs
KEEPS_A_DAY = {"retention_days": 1, "commit_every_records": 6}  # blocks of 6 h and 24 seqs


def written(engine: Engine, records: list[Record], **settings: Any) -> Journal:
    """Return a journal of these records, projected; retention had no snapshot yet by which it might cut."""
    journal = Journal(engine, JournalConfig(**(KEEPS_A_DAY | settings)))
    for record in records:
        journal.append(record)
        if journal.is_full:
            journal.commit()
    journal.commit()
    Projector(engine).catch_up()
    return journal


def cut_journal(engine: Engine) -> Journal:
    """Return a journal of 60 hours, cut at a day: it begins at seq 121."""
    journal = written(engine, quiet_records(60))
    journal.save_snapshot(241, b"state")
    return journal


def count(engine: Engine, table: Any) -> int:
    with engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def test_blocks_older_than_the_setting_go_with_their_market_data(engine: Engine) -> None:
    journal = cut_journal(engine)
    # The newest hour is 59 and a day before it is 35: blocks end at hours 5, 11, 17, 23, 29 (older) and 35 (not).
    assert journal.first_seq == 30 * 4 + 1
    assert list(journal.records()) == quiet_records(60)[30:]
    assert [count(engine, table) for table in (journal_block, segment_block)] == [5, 5]
    assert journal.newest_snapshot() == (241, b"state")
    assert len(JournalReader(engine).digest()) == 64


def test_without_the_setting_everything_is_kept(engine: Engine) -> None:
    journal = written(engine, quiet_records(60), retention_days=None)
    journal.save_snapshot(241, b"state")
    assert (journal.first_seq, list(journal.records())) == (1, quiet_records(60))


def test_nothing_is_cut_before_there_is_a_snapshot(engine: Engine) -> None:
    journal = written(engine, quiet_records(60))
    journal.append(quiet_record(60, 241))
    journal.commit()
    assert journal.first_seq == 1


def test_what_follows_the_oldest_kept_snapshot_stays(engine: Engine) -> None:
    journal = written(engine, quiet_records(60), keep_snapshots=2)
    # Record 10 opens at seq 41, within the second block (25 to 48); so that block and all after it are needed.
    for next_seq in (1, 41, 241):
        journal.save_snapshot(next_seq, b"state")
    assert journal.first_seq == 25


def test_what_the_projections_have_not_read_stays(engine: Engine) -> None:
    journal = written(engine, quiet_records(60))
    with engine.begin() as connection:
        connection.execute(update(projection_cursor).values(next_seq=49))  # as while a rebuild is on its way
    journal.save_snapshot(241, b"state")
    assert journal.first_seq == 49


def test_one_commit_cuts_a_bounded_number_of_blocks_and_the_next_ones_go_on(engine: Engine) -> None:
    old = 2 * BLOCKS_AT_ONCE + 7
    journal = written(engine, quiet_records(old + DAY_RECORDS), commit_every_records=1)
    last = quiet_records(old + DAY_RECORDS + 3)[-3:]
    journal.save_snapshot(last[0].seq, b"state")
    begins = [journal.first_seq]
    for record in last:
        journal.append(record)
        journal.commit()
        Projector(engine).catch_up()
        begins.append(journal.first_seq)
    # One block an hour. A day before the newest is kept from; with each commit one hour more is old, but without a new
    # snapshot the cutting ends with the first step that finds less than it may take.
    first_kept = [BLOCKS_AT_ONCE, 2 * BLOCKS_AT_ONCE, old + 1, old + 1]
    assert begins == [4 * hour + 1 for hour in first_kept]


def test_cutting_goes_on_after_a_restart(database_url: str) -> None:
    engine = open_engine(database_url)
    written(engine, quiet_records(60), retention_days=None).save_snapshot(241, b"state")
    journal = Journal(engine, JournalConfig(retention_days=1))  # set by a person, between two runs
    journal.append(quiet_record(60, 241))
    journal.commit()
    assert journal.first_seq == 145  # a day before hour 60 is 36, so the block that ends at hour 35 is old, too
    journal.close()


def test_asking_for_what_was_cut_says_so(engine: Engine) -> None:
    reader = JournalReader(cut_journal(engine).engine)
    message = "seq 120 was cut by retention of 1 days: the journal begins at seq 121. Ask for that or a later one"
    for ask in (lambda: list(reader.records(120)), lambda: reader.find(120)):
        with pytest.raises(JournalError, match=message) as raised:
            ask()
        assert not isinstance(raised.value, JournalCorrupt)
    assert reader.find(121)[0] == quiet_records(31)[30]


@pytest.mark.parametrize("lost", [121, 145], ids=["the first one kept", "one in the middle"])
def test_a_lost_block_is_damage_in_a_cut_journal_too(engine: Engine, lost: int) -> None:
    journal = cut_journal(engine)
    with engine.begin() as connection:
        connection.execute(delete(journal_block).where(journal_block.c.first_seq == lost))
    with pytest.raises(JournalCorrupt, match=f"block {lost + 24} follows seq {lost - 1}; expected a block from {lost}"):
        list(journal.records())


def test_a_reader_that_is_overtaken_by_the_cut_says_so(engine: Engine) -> None:
    journal = written(engine, quiet_records(60))
    records = JournalReader(engine).records()
    assert next(records) == quiet_record(0, 1)
    journal.save_snapshot(241, b"state")
    with pytest.raises(JournalError, match="seq 25 was cut by retention"):
        list(records)


def test_a_rebuild_of_a_cut_journal_is_refused_and_drops_nothing(engine: Engine) -> None:
    cut_journal(engine)
    projector = Projector(engine)
    before = {name: projector.rows(name) for name in PROJECTIONS}
    with pytest.raises(JournalError, match=r"everything before seq 121 was cut .* of 1 days. They keep their rows"):
        projector.rebuild()
    assert {name: projector.rows(name) for name in PROJECTIONS} == before
    assert projector.catch_up() == 0
    assert [row["seq"] for row in projector.rows("evaluations")] == [4 * hour + 1 for hour in range(60)]


def test_projections_go_on_after_a_cut(engine: Engine) -> None:
    journal = cut_journal(engine)
    journal.append(quiet_record(60, 241))
    journal.commit()
    projector = Projector(engine)
    assert projector.catch_up() == 1
    assert projector.rows("evaluations")[-1]["seq"] == 241


def test_a_damaged_snapshot_of_a_cut_journal_needs_an_older_one(engine: Engine) -> None:
    journal = cut_journal(engine)
    with engine.begin() as connection:
        connection.execute(update(snapshot).values(state=b"stage"))
    with pytest.raises(JournalCorrupt, match="delete its row; an older snapshot gives the same state"):
        journal.newest_snapshot()


def test_a_projector_at_work_does_not_hold_up_a_commit(postgresql: PostgresServer) -> None:
    """SQLite has one writer at a time, so there the question does not arise."""
    engine = open_engine(postgresql.new_database())
    journal = written(engine, quiet_records(60))
    with engine.connect() as projector, projector.begin():
        projector.execute(update(projection_cursor).values(next_seq=241))
        journal.save_snapshot(241, b"state")
        assert journal.first_seq == 1
    journal.append(quiet_record(60, 241))
    journal.commit()
    assert journal.first_seq == 145
    engine.dispose()


_CUTTER = """
import sys
from sqlalchemy import event
from loligo_store.config import JournalConfig
from loligo_store.journal import Journal
journal = Journal(sys.argv[1], JournalConfig(retention_days=1))

def die(connection, cursor, statement, *_):
    if sys.argv[2] in statement:
        print("here", flush=True)
        sys.stdin.read()  # until killed, within the transaction

event.listen(journal.engine, "after_cursor_execute", die)
journal.save_snapshot(241, b"state")
"""


@pytest.mark.parametrize(
    "statement", ["DELETE FROM segment_block", "DELETE FROM journal_block", "UPDATE journal_start"]
)
def test_a_process_killed_within_a_cut_leaves_the_journal_whole(database_url: str, statement: str) -> None:
    engine = open_engine(database_url)
    written(engine, quiet_records(60))
    child = subprocess.Popen(
        [sys.executable, "-c", _CUTTER, database_url, statement],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None and child.stdout.readline() == "here\n"
    child.kill()
    child.communicate(timeout=30)
    assert list(JournalReader(engine).records()) == quiet_records(60)
    assert count(engine, journal_start) == 1
    engine.dispose()
