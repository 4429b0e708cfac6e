"""What is read of one instant for an A/B test: every record of it, and what evaluators had told before."""

from __future__ import annotations

from bisect import bisect_right
from types import SimpleNamespace
from typing import Any, cast

import pytest

from loligo.errors import JournalError
from loligo.model.command import TimeAdvanced
from loligo.model.evaluation import Declined, Direction, Evaluation, Signal
from loligo.model.events import DecisionDeclined, Evaluated, Record, SignalRaised
from loligo_bot.door.experiment_instants import Instant, Instants
from loligo_bot.door.experiment_opinions import Opinions
from tests.fakes.records import BTC, HOUR, START

NAMES = {"rsi": ("rsi",), "macd": ("macd", "signal")}


def said(seq: int, label: str, *numbers: float) -> Evaluated:
    return Evaluated(seq, START, 1, "", label, Evaluation(0.5, "x", numbers))


def signal(seq: int, ts: int, desk: str, *board: int) -> SignalRaised:
    return SignalRaised(seq, ts, 1, desk, BTC, Signal(Direction.LONG, 1.0, "up"), board)


# An hour before, then the same instant by a 4h candle and a 1h candle, then an hour later.
RECORDS = [
    Record(10, TimeAdvanced(START - HOUR), [said(11, f"rsi {BTC} 4h", 31.2, 30.0)]),
    Record(12, TimeAdvanced(START), [signal(13, START, "alpha", 11, 0)]),
    Record(14, TimeAdvanced(START), [said(15, f"macd#1a2b {BTC} 1h", 2.0, 1.0), signal(16, START, "beta", 15)]),
    Record(17, TimeAdvanced(START + HOUR), [signal(18, START + HOUR, "alpha")]),
]


class FakeJournal:
    def find(self, seq: int) -> tuple[Record, Any]:
        if seq < RECORDS[0].seq:
            raise JournalError(f"seq {seq} was cut")
        record = RECORDS[bisect_right(RECORDS, seq, key=lambda one: one.seq) - 1]
        return record, record.input if seq == record.seq else record.events[seq - record.seq - 1]


JOURNAL = cast(Any, FakeJournal())


def instants(last_seq: int = 18) -> Instants:
    kept: dict[int, Instant] = {}
    return Instants(journal=JOURNAL, first_seq=10, last_seq=last_seq, desks={"", "alpha", "beta"}, kept=kept)


@pytest.mark.parametrize("seq", [13, 15, 16])
def test_an_instant_has_all_its_records_whichever_event_leads_there(seq: int) -> None:
    known = instants()
    found = known.around(seq)
    assert (found.ts, found.seqs, [event.seq for event in found.events]) == (START, [12, 14], [13, 15, 16])
    assert found.record_of(16) == 14
    assert known.around(seq) is found  # read once


def test_an_instant_that_may_go_on_is_read_anew() -> None:
    known = instants(last_seq=16)
    assert known.around(13) == known.around(13)
    assert known.kept == {}


def test_a_page_begins_behind_what_was_not_read_whole() -> None:
    assert instants().behind(13, None) == 14
    assert instants().behind(13, 14) == 12  # nothing lies between: what there is of that record has to do
    assert instants().behind(3, None) is None  # retention has cut it


def opinions(*rows: dict[str, Any]) -> Opinions:
    reader: Any = SimpleNamespace(rows=lambda name, **_: list(rows) if name == "evaluations" else [])
    desks = {"beta": [("macd#1a2b", "1h"), ("rsi", "4h"), ("rsi", "1h")]}
    return Opinions(rows=reader, journal=JOURNAL, names=NAMES, desks=desks)


def test_a_signal_names_the_opinions_on_its_board_older_ones_too() -> None:
    told = opinions().behind(signal(13, START, "alpha", 11, 0, 15), RECORDS[2].events)
    assert list(told.values()) == ["rsi 31.2 against 30 (+0.50)", "macd 2, signal 1 (+0.50)"]


def test_who_declined_had_been_told_what_its_evaluators_say_now_and_last_on_longer_timeframes() -> None:
    declined = DecisionDeclined(16, START, 14, "beta", BTC, "strategy", Declined("no_dip"))
    row = {"evaluations": [[11, f"rsi {BTC} 4h", 0.5, "x"]]}
    told = opinions(row).behind(declined, RECORDS[2].events)
    assert told == {f"macd#1a2b {BTC} 1h": "macd 2, signal 1 (+0.50)", f"rsi {BTC} 4h": "rsi 31.2 against 30 (+0.50)"}


def test_an_opinion_that_retention_has_cut_is_left_out() -> None:
    assert opinions().behind(signal(13, START, "alpha", 3), []) == {}
