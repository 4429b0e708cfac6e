"""Whatever records come, in whatever commits and batches: they read back equal, hash equal and project equal."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from loligo.model.events import Record
from loligo_store.config import JournalConfig
from loligo_store.journal import Journal
from loligo_store.projections import PROJECTIONS
from loligo_store.projector import Projector
from tests.fakes.records import HOUR, START, record_lists
from tests.property.examples import examples

# A database is a file each: hundreds of examples would only measure the disk.
few = settings(
    max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@contextmanager
def journal_of(records: list[Record], *, block: int, **settings: Any) -> Iterator[Journal]:
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder) / "journal.db", JournalConfig(commit_every_records=block, **settings))
        for record in records:
            journal.append(record)
            if journal.is_full:
                journal.commit()
        journal.commit()
        yield journal
        journal.close()


def everything(projector: Projector) -> dict[str, list[dict[str, Any]]]:
    return {name: projector.rows(name) for name in PROJECTIONS}


@few
@given(record_lists(), st.integers(1, 12))
def test_any_records_read_back_equal(records: list[Record], block: int) -> None:
    with journal_of(records, block=block) as journal:
        assert list(journal.records()) == records


@few
@given(record_lists(), st.integers(1, 12), st.data())
def test_reading_may_begin_at_any_seq(records: list[Record], block: int, data: st.DataObject) -> None:
    last_seq = records[-1].next_seq - 1 if records else 0
    seq = data.draw(st.integers(0, last_seq + 1))
    with journal_of(records, block=block) as journal:
        assert list(journal.records(seq)) == [record for record in records if record.next_seq > seq]


@few
@given(record_lists(), st.integers(1, 12), st.integers(1, 12))
def test_digest_does_not_depend_on_commit_boundaries(records: list[Record], block: int, other: int) -> None:
    with journal_of(records, block=block) as first, journal_of(records, block=other) as second:
        assert first.digest() == second.digest()


@few
@given(record_lists(), st.integers(1, 12), st.integers(1, 12), st.integers(1, 5))
def test_rebuild_equals_catching_up_whatever_the_batches(
    records: list[Record], block: int, batch: int, rebuild_batch: int
) -> None:
    with journal_of([], block=block) as journal:
        projector = Projector(journal.engine)
        for record in records:
            journal.append(record)
            projector.catch_up(batch_records=batch)  # now and then there is something new
        journal.commit()
        projector.catch_up(batch_records=batch)
        grown = everything(projector)
        projector.rebuild(batch_records=rebuild_batch)
        assert everything(projector) == grown


@few
@given(record_lists(), st.integers(1, 4), st.integers(1, 3), st.data())
def test_whatever_retention_cuts_every_kept_snapshot_finds_the_records_after_it(
    records: list[Record], block: int, keep: int, data: st.DataObject
) -> None:
    records = two_days_apart(records)
    snapshots: list[int] = []
    with journal_of([], block=block, retention_days=1, keep_snapshots=keep) as journal:
        projector = Projector(journal.engine)
        for count, record in enumerate(records, start=1):
            journal.append(record)
            if journal.is_full:
                journal.commit()
            if data.draw(st.booleans()):
                projector.catch_up()
            if data.draw(st.booleans()):
                journal.save_snapshot(record.next_seq, b"state")
                snapshots.append(count)
                for kept in snapshots[-keep:]:
                    assert list(journal.records(records[kept - 1].next_seq)) == records[kept:count]
        journal.commit()
        projector.catch_up()
        assert list(journal.records()) == [record for record in records if record.seq >= journal.first_seq]
        cut = everything(projector)
    with journal_of(records, block=block) as whole:
        projector = Projector(whole.engine)
        projector.catch_up()
        assert everything(projector) == cut


def two_days_apart(records: list[Record]) -> list[Record]:
    inputs = [replace(record.input, ts=START + count * 48 * HOUR) for count, record in enumerate(records)]
    return [replace(record, input=item) for record, item in zip(records, inputs, strict=True)]
