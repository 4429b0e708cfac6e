"""The journal's contract: what goes in comes out, whole, once, in order, on every database."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from struct import Struct
from typing import Any

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace
from sqlalchemy import Engine, Table, delete, select, update

from loligo.errors import ConfigError, JournalCorrupt, JournalError
from loligo.model.command import TimeAdvanced, WarmUp
from loligo.model.evaluation import Evaluation
from loligo.model.events import Evaluated, Record
from loligo_store.codec import decompressed
from loligo_store.config import JournalConfig
from loligo_store.database import open_engine
from loligo_store.journal import ENCODED_AT_ONCE, Journal
from loligo_store.schema import journal_block, segment_block, snapshot
from tests.fakes.records import BTC, HOUR, START, candle, quiet_record, quiet_records, story


def filled_journal(engine: Engine, records: list[Record], *, block: int = 2_000) -> Journal:
    journal = Journal(engine, JournalConfig(commit_every_records=block))
    for record in records:
        journal.append(record)
        if journal.is_full:
            journal.commit()
    journal.commit()
    return journal


def test_every_kind_of_record_reads_back_equal(engine: Engine) -> None:
    journal = filled_journal(engine, story(), block=4)
    assert list(journal.records()) == story()


def test_an_empty_journal_has_no_records_and_ends_at_0(engine: Engine) -> None:
    journal = Journal(engine)
    assert list(journal.records()) == []
    assert journal.last_seq == 0
    assert journal.newest_snapshot() is None


def test_records_are_not_visible_before_their_commit(engine: Engine) -> None:
    journal = Journal(engine)
    journal.append(story()[0])
    assert (journal.last_seq, list(journal.records())) == (0, [])
    journal.commit()
    assert (journal.last_seq, list(journal.records())) == (1, story()[:1])


def test_a_group_is_full_at_its_number_of_records_and_waits_for_its_driver(engine: Engine) -> None:
    journal = Journal(engine, JournalConfig(commit_every_records=3))
    is_full = []
    for record in quiet_records(4):
        journal.append(record)
        is_full.append(journal.is_full)
    assert is_full == [False, False, True, True]
    assert journal.last_seq == 0


def test_reading_from_a_seq_inside_a_record_starts_with_that_record(engine: Engine) -> None:
    records = quiet_records(10)
    journal = filled_journal(engine, records, block=3)
    for seq in (0, 1, 4, 5, 12, 13, 17, 40):
        expected = [record for record in records if record.next_seq > seq]
        assert list(journal.records(seq)) == expected
    assert list(journal.records(41)) == []


def test_a_reopened_journal_goes_on_where_it_ended(database_url: str) -> None:
    records = [*story(), quiet_record(9, story()[-1].next_seq)]
    for part in (records[:4], records[4:]):
        journal = Journal(database_url)
        for record in part:
            journal.append(record)
        journal.close()
    journal = Journal(database_url)
    assert list(journal.records()) == records
    assert journal.last_seq == records[-1].next_seq - 1
    journal.close()


def test_a_record_that_does_not_follow_is_refused(engine: Engine) -> None:
    journal = Journal(engine)
    with pytest.raises(JournalError, match="record 5 does not follow the journal: expected seq 1"):
        journal.append(quiet_record(1, 5))


def test_a_record_that_cannot_be_stored_leaves_the_group_as_it_was(engine: Engine) -> None:
    journal = Journal(engine)
    first, second = quiet_records(2)
    journal.append(first)
    nameless = "\ud800"  # a lone surrogate has no bytes
    evaluated = Evaluated(6, START, 5, "", "rsi", Evaluation(0.5, "rsi" * 100))
    warm_up = WarmUp(START, BTC, "1h", (candle(0), replace(candle(1), timeframe=nameless)))
    for unstorable in (
        Record(5, candle(1), [evaluated, replace(evaluated, seq=7, evaluator=nameless)]),
        Record(5, replace(candle(1), timeframe=nameless), [evaluated]),
        Record(5, warm_up, [evaluated]),
    ):
        journal.append(unstorable)
        journal.append(quiet_record(2, unstorable.next_seq))
        with pytest.raises(JournalError, match="record 5 cannot be stored"):
            journal.commit()
        assert journal.last_seq == 0
    journal.append(second)
    journal.commit()
    assert list(journal.records()) == [first, second]


def test_a_record_that_cannot_be_stored_is_refused_a_few_records_later_without_a_commit(engine: Engine) -> None:
    journal = Journal(engine)
    nameless = Evaluated(2, START, 1, "", "\ud800", Evaluation(0.5, "rsi"))
    journal.append(Record(1, candle(0), [nameless]))
    with pytest.raises(JournalError, match="record 1 cannot be stored"):
        for hour in range(1, ENCODED_AT_ONCE):
            journal.append(quiet_record(hour, 4 * hour - 1))


def test_digest_does_not_depend_on_where_commits_fell(
    database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    records = story()
    digests = []
    for block in (1, 2, 100):
        folder = tmp_path_factory.mktemp("digest")
        engine = open_engine(folder / "journal.db")
        digests.append(filled_journal(engine, records, block=block).digest())
        engine.dispose()
    here = open_engine(database_url)
    digests.append(filled_journal(here, records, block=3).digest())
    here.dispose()
    assert len(set(digests)) == 1


_DIGEST = """
import sys
from loligo_store.journal import Journal
from tests.fakes.records import story
journal = Journal(sys.argv[1])
for record in story():
    journal.append(record)
journal.commit()
print(journal.digest())
"""


def test_digest_depends_on_neither_hash_seed_nor_time_zone(tmp_path: Path) -> None:
    digests = set()
    for seed, zone in (("1", "UTC"), ("2", "Asia/Tokyo")):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "TZ": zone}
        command = [sys.executable, "-c", _DIGEST, str(tmp_path / f"{seed}.db")]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        digests.add(done.stdout)
    assert len(digests) == 1


def test_digest_changes_with_one_market_price(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = open_engine(tmp_path_factory.mktemp("other") / "journal.db")
    first = filled_journal(engine, [Record(1, candle(0, close=7200.5), [])]).digest()
    second = filled_journal(other, [Record(1, candle(0, close=7200.6), [])]).digest()
    other.dispose()
    assert first != second


def test_market_data_lies_in_segments_and_not_in_records(engine: Engine) -> None:
    filled_journal(engine, story())
    with engine.connect() as connection:
        block = connection.execute(select(journal_block)).one()
        rows = connection.execute(select(segment_block.c.hub, segment_block.c.item_count.label("items")))
        hubs = {row.hub: row.items for row in rows}
    content = decompressed(block.payload, block.checksum, "the block")
    assert msgspec.msgpack.encode(7050.0) in content  # the stop of the story's signal
    assert msgspec.msgpack.encode(candle(2))[1:] not in content
    # coinbase: two candles of the warm-up and those that close at hours 2, 3 and 5
    assert hubs == {"coinbase": 5, "newswire": 1, "kraken": 1}


@pytest.mark.parametrize("table", [journal_block, segment_block], ids=["journal", "segment"])
def test_a_damaged_payload_is_named(engine: Engine, table: Table) -> None:
    journal = filled_journal(engine, quiet_records(3))
    with engine.begin() as connection:
        payload = bytearray(connection.execute(select(table.c.payload)).scalar_one())
        payload[len(payload) // 2] ^= 1
        connection.execute(update(table).values(payload=bytes(payload)))
    with pytest.raises(
        JournalCorrupt, match=r"(journal block 1|segment coinbase of journal block 1) has checksum .* restore"
    ):
        list(journal.records())
    with pytest.raises(JournalCorrupt):
        journal.digest()


def test_a_missing_block_is_named(engine: Engine) -> None:
    journal = filled_journal(engine, quiet_records(6), block=2)  # blocks from seqs 1, 9 and 17
    for gone, message in (
        (9, "journal block 17 follows seq 8; expected a block from 9"),
        (1, "journal block 17 follows seq 0; expected a block from 1"),
    ):
        with engine.begin() as connection:
            connection.execute(delete(journal_block).where(journal_block.c.first_seq == gone))
        for seq in (0, 12):  # from the beginning, and inside of a missing block
            with pytest.raises(JournalCorrupt, match=message):
                list(journal.records(seq))


def test_missing_market_data_is_named(engine: Engine) -> None:
    journal = filled_journal(engine, quiet_records(4), block=2)
    with engine.begin() as connection:
        connection.execute(delete(segment_block).where(segment_block.c.first_seq == 9))
    with pytest.raises(JournalCorrupt, match="segment coinbase of journal block 9 lacks an item that a record names"):
        list(journal.records())


def test_market_data_that_no_record_names_is_damage(engine: Engine) -> None:
    journal = filled_journal(engine, quiet_records(4), block=2)
    with engine.begin() as connection:  # the second block's, as if they were of the first block and another hub
        moved = update(segment_block).where(segment_block.c.first_seq == 9)
        connection.execute(moved.values(first_seq=1, hub="kraken"))
    with pytest.raises(JournalCorrupt, match="segment kraken of journal block 1 holds an item that no record names"):
        list(journal.records())


def test_a_head_that_disagrees_with_its_block_is_named(engine: Engine) -> None:
    journal = filled_journal(engine, quiet_records(2))
    with engine.connect() as connection:
        right = connection.execute(select(journal_block)).one()._asdict()
    for wrong, message in (
        ({"last_seq": 9}, "ends at 8 where its head says 9"),
        ({"last_ts": START}, f"ends at ts {START + HOUR} where its head says {START}"),
        ({"item_count": 3}, "holds 2 items where its head says 3"),
    ):
        with engine.begin() as connection:
            connection.execute(update(journal_block).values(**(right | wrong)))
        with pytest.raises(JournalCorrupt, match=message):
            list(journal.records())


def test_a_block_under_the_seq_of_another_is_named(engine: Engine) -> None:
    journal = filled_journal(engine, quiet_records(4), block=2)  # blocks from seqs 1 and 9
    with engine.begin() as connection:
        first = connection.execute(select(journal_block).order_by(journal_block.c.first_seq).limit(1)).one()
        connection.execute(update(journal_block).values(payload=first.payload, checksum=first.checksum))
    with pytest.raises(JournalCorrupt, match="journal block 9 holds seq 2 where 10 was expected"):
        list(journal.records(9))


_LENGTH = Struct("<I")


def _length(payload: bytes) -> int:
    return int(_LENGTH.unpack_from(payload)[0])


@pytest.mark.parametrize(
    "damaged",
    [
        lambda payload: _LENGTH.pack(_length(payload) - 1) + payload[4:],
        lambda payload: _LENGTH.pack(_length(payload) + 1) + payload[4:],
        lambda payload: payload[:-1],
        lambda payload: payload[:2],
        lambda payload: b"",
    ],
    ids=["length too small", "length too large", "end cut off", "length cut off", "empty"],
)
@pytest.mark.parametrize("table", [journal_block, segment_block], ids=["journal", "segment"])
def test_a_payload_that_does_not_decompress_is_named(
    engine: Engine, table: Table, damaged: Callable[[bytes], bytes]
) -> None:
    journal = filled_journal(engine, quiet_records(3))
    with engine.begin() as connection:
        wrong = damaged(connection.execute(select(table.c.payload)).scalar_one())
        connection.execute(update(table).values(payload=wrong, checksum=zlib.crc32(wrong)))  # as if written so
    with pytest.raises(JournalCorrupt, match=r"journal block 1 cannot be decompressed: its \d+ bytes .* restore"):
        list(journal.records())


def test_records_take_a_third_of_their_bytes_on_disk_at_most(engine: Engine) -> None:
    records = quiet_records(2_000)
    filled_journal(engine, records)
    with engine.connect() as connection:
        sizes = [
            sum(map(len, connection.execute(select(table.c.payload)).scalars()))
            for table in (journal_block, segment_block)
        ]
    assert sum(sizes) * 3 < sum(len(msgspec.msgpack.encode(record)) for record in records)


def test_a_second_writer_fails_at_its_first_commit_and_breaks_nothing(database_url: str) -> None:
    first, second = Journal(database_url), Journal(database_url)
    first.append(quiet_record(0, 1))
    second.append(quiet_record(7, 1))
    first.commit()
    with pytest.raises(JournalError, match="no other bot writes to it"):
        second.commit()
    assert list(first.records()) == [quiet_record(0, 1)]
    first.close()
    second.engine.dispose()


def test_find_returns_the_record_and_the_event_of_a_seq(engine: Engine) -> None:
    records = story()
    reader = filled_journal(engine, records, block=2)
    for record in records:
        assert reader.find(record.seq) == (record, record.input)
        for event in record.events:
            assert reader.find(event.seq) == (record, event)
    for seq in (-1, 0, records[-1].next_seq):
        with pytest.raises(JournalError, match=f"seq {seq} is not in the journal"):
            reader.find(seq)


def test_only_the_newest_snapshots_are_kept(engine: Engine) -> None:
    journal = Journal(engine, JournalConfig(keep_snapshots=2))
    for record in quiet_records(3):
        journal.append(record)
        journal.save_snapshot(record.next_seq, f"state {record.next_seq}".encode())
    with engine.connect() as connection:
        kept = list(connection.execute(select(snapshot.c.next_seq).order_by(snapshot.c.next_seq)).scalars())
    assert kept == [9, 13]
    assert journal.newest_snapshot() == (13, b"state 13")
    journal.save_snapshot(13, b"again")
    assert journal.newest_snapshot() == (13, b"again")


def test_a_snapshot_makes_the_records_before_it_durable_first(engine: Engine) -> None:
    journal = Journal(engine)
    journal.append(quiet_record(0, 1))
    journal.save_snapshot(5, b"state")
    assert journal.last_seq == 4
    with pytest.raises(JournalError, match="snapshot before seq 6 is ahead of the journal's end, 4"):
        journal.save_snapshot(6, b"state")


def test_a_damaged_snapshot_is_named(engine: Engine) -> None:
    journal = filled_journal(engine, quiet_records(1))
    journal.save_snapshot(5, b"state")
    with engine.begin() as connection:
        connection.execute(update(snapshot).values(state=b"stage"))
    with pytest.raises(
        JournalCorrupt, match=r"snapshot 5 has checksum .*: delete its row; an older snapshot, or none,"
    ):
        journal.newest_snapshot()


def test_a_snapshot_after_the_end_of_the_journal_is_refused(database_url: str) -> None:
    journal = Journal(database_url)
    journal.append(quiet_record(0, 1))
    journal.save_snapshot(5, b"state")
    with journal.engine.begin() as connection:
        connection.execute(delete(journal_block))
    journal.close()
    journal = Journal(database_url)
    with pytest.raises(JournalCorrupt, match="snapshot 5 lies after the journal's end, 0"):
        journal.newest_snapshot()
    journal.close()


def test_a_failed_commit_keeps_the_group_for_the_next_one(engine: Engine) -> None:
    journal = Journal(engine)
    journal.append(quiet_record(0, 1))
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE segment_block RENAME TO away")
    with pytest.raises(JournalError, match="segment_block"):
        journal.commit()
    assert journal.last_seq == 0
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE away RENAME TO segment_block")
    journal.commit()
    assert list(journal.records()) == [quiet_record(0, 1)]


_WRITER = """
import sys
from sqlalchemy import event
from loligo_store.journal import Journal
from tests.fakes.records import quiet_record
journal = Journal(sys.argv[1])
journal.append(quiet_record(0, 1))
journal.commit()
journal.append(quiet_record(1, 5))

def die(connection, cursor, statement, *_):
    if sys.argv[2] in statement:
        print("here", flush=True)
        sys.stdin.read()  # until killed, within the transaction

event.listen(journal.engine, sys.argv[3], die)
journal.commit()
"""


@pytest.mark.parametrize(
    ("statement", "moment"),
    [
        ("INSERT INTO journal_block", "before_cursor_execute"),
        ("INSERT INTO journal_block", "after_cursor_execute"),
        ("INSERT INTO segment_block", "after_cursor_execute"),
    ],
    ids=["before the block", "between block and segment", "before the commit"],
)
def test_a_process_killed_within_a_commit_leaves_the_old_state_whole(
    database_url: str, statement: str, moment: str
) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", _WRITER, database_url, statement, moment],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None and child.stdout.readline() == "here\n"
    child.send_signal(signal.SIGKILL)
    child.communicate(timeout=30)
    journal = Journal(database_url)
    assert list(journal.records()) == [quiet_record(0, 1)]
    journal.append(quiet_record(1, 5))
    journal.commit()
    assert list(journal.records()) == [quiet_record(0, 1), quiet_record(1, 5)]
    journal.close()


def test_sqlite_is_durable_at_every_commit(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "deep" / "journal.db")
    with journal.engine.connect() as connection:
        found = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")]
    journal.close()
    assert found == ["wal", 2]  # 2 is FULL


@pytest.mark.parametrize("url", ["mysql://host/name", "postgresql:/nonsense://"])
def test_a_database_that_loligo_cannot_use_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="expected a file path, sqlite:///PATH or postgresql://"):
        open_engine(url)


def test_an_unreachable_database_is_named_without_its_password() -> None:
    with pytest.raises(JournalError, match=r"postgresql\+psycopg://ann:\*\*\*@127.0.0.1:1/none"):
        Journal("postgresql://ann:secret@127.0.0.1:1/none")


def test_time_that_passes_is_stored_in_the_record_itself(engine: Engine) -> None:
    journal = filled_journal(engine, [Record(1, TimeAdvanced(START), [])])
    with engine.connect() as connection:
        assert connection.execute(select(segment_block)).first() is None
    assert list(journal.records()) == [Record(1, TimeAdvanced(START), [])]


def test_numpy_numbers_in_a_reason_are_stored_as_numbers(engine: Engine) -> None:
    def told(numbers: tuple[Any, ...]) -> Record:
        evaluated = Evaluated(2, START, 1, "", "rsi", Evaluation(0.5, "mid_range", numbers))
        return Record(1, TimeAdvanced(START), [evaluated])

    journal = filled_journal(engine, [told((np.float64(51.5), np.int64(3)))])
    assert list(journal.records()) == [told((51.5, 3.0))]
