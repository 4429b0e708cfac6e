"""What limits did and what tentacles raised, as they are told from a journal: the same again and again is one row."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from loligo.model.events import Consequence, Refused, RiskChecked, TentacleFailed
from loligo.model.risk import Outcome, Tier
from loligo_bot.door.failures import FailuresAsked, failures
from loligo_bot.door.inside import Inside
from loligo_bot.door.limit_hits import HitsAsked, hits
from loligo_store.database import open_engine
from loligo_store.journal import Journal
from loligo_store.projector import Projector
from loligo_store.rows import ProjectionReader
from tests.fakes.inside import inside
from tests.fakes.records import BTC, START, candle, numbered, story

POSITION, ACCOUNT = Tier.POSITION, Tier.ACCOUNT


def knowing(tmp_path: Path, *said: Sequence[Consequence]) -> Inside:
    """Return an inside whose journal holds the story, or these events, one candle each."""
    file = tmp_path / "journal.sqlite"
    journal = Journal(file)
    for record in numbered([(candle(hour), events) for hour, events in enumerate(said)]) if said else story():
        journal.append(record)
    journal.close()
    engine = open_engine(file)
    Projector(engine).catch_up()
    return inside(rows=ProjectionReader(engine))


def test_what_limits_and_people_did_is_told_newest_first(tmp_path: Path) -> None:
    told = hits(knowing(tmp_path), HitsAsked()).hits
    assert [(one.what, one.scope, one.by, one.text) for one in told] == [
        ("resumed", "alpha", "time", "entries are let through again"),
        ("kill switch", "*", "ann", "flatten"),
        ("paused", "account:paper", "loss", "daily 0.06"),
        ("refused", "alpha", told[3].by, "exposure 83.1 % > 80 %"),
    ]


def test_the_same_refusal_again_and_again_is_one_row_and_the_next_page_begins_before_it(tmp_path: Path) -> None:
    small = RiskChecked(0, START, 0, "alpha", "exposure", POSITION, Outcome.REDUCED, "exposure", (0.9, 0.8))
    no = Refused(0, START, 0, "alpha", BTC, "leverage", POSITION, "leverage", (2.0, 1.0))
    behind = knowing(tmp_path, [small], [no], [no], [no])  # seqs 2, 4, 6 and 8
    first = hits(behind, HitsAsked(limit=1))
    assert [(one.what, one.count, one.first_seq, one.seq) for one in first.hits] == [("refused", 3, 4, 8)]
    older = hits(behind, HitsAsked(limit=1, before=first.next_before))
    assert [(one.what, one.count, one.seq) for one in older.hits] == [("reduced", 1, 2)]
    assert older.next_before is None


def test_failures_that_differ_in_numbers_alone_are_one_group(tmp_path: Path) -> None:
    errors = ("price 9 is odd", "price 11 is odd", "no price")
    raised = [[TentacleFailed(0, START, 0, "alpha", "rsi", "on_candle", error, 1)] for error in errors]
    told = failures(knowing(tmp_path, *raised), FailuresAsked()).groups
    assert [(one.error, one.count) for one in told] == [("no price", 1), ("price 11 is odd", 2)]
