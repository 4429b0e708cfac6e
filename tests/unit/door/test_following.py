"""Followers of durable records, each at its own pace, over a real journal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import pytest

from loligo.errors import JournalError
from loligo.model.command import TimeAdvanced
from loligo.model.events import CommandHandled, Record
from loligo.model.timeframe import DAY_NS
from loligo_bot.door.following import PAGE, Following
from loligo_store.config import JournalConfig
from loligo_store.journal import Journal
from loligo_store.projector import Projector
from loligo_store.reader import JournalReader


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(tmp_path / "journal.sqlite")
    yield journal
    journal.close()


def ticks(first: int, last: int, each_ns: int = 1) -> list[Record]:
    """Records of one input each, with these seqs."""
    return [Record(seq, TimeAdvanced(seq * each_ns), []) for seq in range(first, last + 1)]


def following(journal: Journal, window: int = 100) -> Following:
    return Following(journal.last_seq + 1, lambda: JournalReader(journal.engine), window=window)


def write(journal: Journal, *following: Following, records: Sequence[Record]) -> None:
    """Make records durable, then let them be heard of, as a session does."""
    for record in records:
        journal.append(record)
    journal.commit()
    for each in following:
        each.hear(records)


async def seqs(pages: AsyncIterator[Sequence[Record]], until: int) -> list[int]:
    """Return the seqs that come, up to this one."""
    found: list[int] = []
    async with asyncio.timeout(5):
        async for page in pages:
            found += [record.seq for record in page]
            if found[-1] >= until:
                break
    return found


def test_a_follower_begins_after_the_seq_it_knows_with_what_was_journalled_before(journal: Journal) -> None:
    async def story() -> None:
        write(journal, records=ticks(1, 20))
        hub = following(journal)
        assert await seqs(hub.follow(15), 20) == [16, 17, 18, 19, 20]
        assert await seqs(hub.follow(0), 20) == list(range(1, 21))

    asyncio.run(story())


def test_a_seq_within_a_record_leads_to_the_next_one(journal: Journal) -> None:
    """Records 1, 4 and 7 hold two consequences each: 3 is the last of the first, 5 the first of the second."""
    told = {seq: CommandHandled(seq, 0, 0, "", "c", True, "") for seq in range(10)}
    records = [Record(seq, TimeAdvanced(seq), [told[seq + 1], told[seq + 2]]) for seq in (1, 4, 7)]

    async def story() -> None:
        write(journal, records=records)
        hub = following(journal)
        for since, expected in ((3, [4, 7]), (4, [7]), (5, [7]), (6, [7])):
            assert await seqs(hub.follow(since), 7) == expected

    asyncio.run(story())


def test_none_begins_with_what_becomes_durable_from_now_on(journal: Journal) -> None:
    async def story() -> None:
        write(journal, records=ticks(1, 5))
        hub = following(journal)
        pages = hub.follow()
        write(journal, hub, records=ticks(6, 8))
        assert await seqs(pages, 8) == [6, 7, 8]

    asyncio.run(story())


def test_a_slow_follower_reads_what_it_missed_from_the_journal_and_then_hears_again(journal: Journal) -> None:
    async def story() -> None:
        hub = following(journal, window=10)
        slow = hub.follow()
        first = asyncio.ensure_future(anext(slow))
        await asyncio.sleep(0)  # it follows
        write(journal, hub, records=ticks(1, 3))
        assert [record.seq for record in await first] == [1, 2, 3]
        for start in range(4, 104, 10):  # it does not look meanwhile, and the window holds 20 at most
            write(journal, hub, records=ticks(start, start + 9))
        assert hub._window[0].seq > 4
        assert await seqs(slow, 103) == list(range(4, 104))

    asyncio.run(story())


def test_two_followers_of_different_pace_both_get_every_record_once(journal: Journal) -> None:
    async def story() -> None:
        hub, last = following(journal, window=5), PAGE + 500
        quick = asyncio.ensure_future(seqs(hub.follow(), last))
        await asyncio.sleep(0)
        slow = hub.follow()
        for start in range(1, last, 50):
            write(journal, hub, records=ticks(start, start + 49))
            await asyncio.sleep(0)
        assert await seqs(slow, last) == await quick == list(range(1, last + 1))

    asyncio.run(story())


def test_all_followers_end_with_the_bot_once_they_have_all_that_was_durable(journal: Journal) -> None:
    async def story() -> None:
        hub = following(journal)
        pages = hub.follow()
        waiting = asyncio.ensure_future(anext(hub.follow()))
        await asyncio.sleep(0)
        write(journal, hub, records=ticks(1, 2))
        hub.end()
        assert [record.seq for page in [page async for page in pages] for record in page] == [1, 2]
        assert [record.seq for record in await waiting] == [1, 2]
        assert [page async for page in hub.follow()] == []

    asyncio.run(story())


def test_what_retention_has_cut_cannot_be_followed(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.sqlite", JournalConfig(retention_days=1))

    async def story() -> None:
        for start in (1, 11, 21):  # ten days in each block
            write(journal, records=ticks(start, start + 9, DAY_NS))
        Projector(journal.engine).catch_up()
        journal.save_snapshot(31, b"state")
        assert journal.first_seq == 21
        with pytest.raises(JournalError, match="was cut by retention"):
            await seqs(following(journal).follow(5), 30)

    asyncio.run(story())
    journal.close()


def test_without_followers_nothing_is_kept_in_memory(journal: Journal) -> None:
    hub = following(journal)
    write(journal, hub, records=ticks(1, 50))
    assert hub._window == []
