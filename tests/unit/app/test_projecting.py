"""Read models beside the engine: how new they are, and that neither their work nor its failure is lost."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from loligo.errors import JournalError
from loligo_bot.projecting import Projecting
from loligo_bot.session import no_fault
from loligo_store.database import writing
from loligo_store.journal import Journal
from loligo_store.projector import Projector
from loligo_store.schema import journal_block, projection_cursor
from tests.fakes.desks import Bot, desk, plan, seat

WAIT_S = 20.0
Make = Callable[..., Projecting]


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """Three candles, each with a decision that was declined."""
    bot = Bot(plan(desk(seat())))
    for hour in range(3):
        bot.candle(hour, 100)
    made = Journal(tmp_path / "journal.sqlite")
    for record in bot.records:
        made.append(record)
    made.commit()
    yield made
    made.close()


@pytest.fixture
def make(journal: Journal) -> Iterator[Make]:
    made: list[Projecting] = []

    def make(
        fault_point: Callable[[str], None] = no_fault, on_error: Callable[[], object] = lambda: None
    ) -> Projecting:
        made.append(Projecting(Projector(journal.engine), fault_point, on_error))
        return made[-1]

    yield make
    for each in made:
        each.leave()


def declined(journal: Journal) -> int:
    rows = Projector(journal.engine).rows("declined")
    return sum(row["count"] for row in rows)


def test_what_an_earlier_run_has_left_is_projected_from_the_start(journal: Journal, make: Make) -> None:
    passed = threading.Event()
    projecting = make(lambda point: passed.set() if point == "after_projection" else None)
    projecting.start()
    assert passed.wait(WAIT_S)
    assert declined(journal) == 3


def test_the_engine_never_waits_for_a_round_that_is_stuck(journal: Journal, make: Make) -> None:
    reached, may_go = threading.Event(), threading.Event()

    def stuck(point: str) -> None:
        if point == "before_projection":
            reached.set()
            may_go.wait(WAIT_S)

    projecting = make(stuck)
    projecting.start()
    assert reached.wait(WAIT_S)
    projecting.hint()  # returns at once: the round goes on only after the next line
    may_go.set()
    projecting.close()
    assert declined(journal) == 3


def test_who_asks_gets_read_models_as_new_as_the_journal_without_the_thread(journal: Journal, make: Make) -> None:
    make().catch_up()
    assert declined(journal) == 3


def test_close_projects_what_came_after_the_last_round(journal: Journal, make: Make) -> None:
    points: list[str] = []
    make(points.append).close()
    assert declined(journal) == 3
    assert points == ["before_projection", "after_projection"]


def test_what_fails_is_told_at_once_and_raised_at_the_end(journal: Journal, make: Make) -> None:
    with writing(journal.engine) as connection:
        connection.execute(projection_cursor.update().values(next_seq=1_000))  # ahead of the journal
    told = threading.Event()
    projecting = make(on_error=told.set)
    projecting.start()
    assert told.wait(WAIT_S)
    with pytest.raises(JournalError, match="projections stand at seq 1000"):
        projecting.close()


def test_what_is_handed_over_is_projected_once_and_only_where_it_begins_at_the_cursor(
    journal: Journal, make: Make
) -> None:
    projecting, records = make(), list(journal.records())
    projecting.hint(records[1:])  # the first is missing, so all is read from the journal
    projecting.catch_up()
    assert declined(journal) == 3
    projecting.hint(records)  # known already
    projecting.catch_up()
    assert declined(journal) == 3


def test_who_keeps_up_reads_nothing_from_the_journal(journal: Journal, make: Make) -> None:
    projecting, records = make(), list(journal.records())
    with writing(journal.engine) as connection:
        connection.execute(journal_block.update().values(checksum=1))  # whoever reads it says that it is damaged
    projecting.hint(records)
    projecting.catch_up()
    assert declined(journal) == 3
