"""The day's summary: by the time of the data, the same however often the bot was started in between."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from loligo.model.command import Noted, TimeAdvanced
from loligo.model.events import EquityMarked, OrderReported, Record, Refused
from loligo.model.order import Filled
from loligo.model.risk import Tier
from loligo.model.timeframe import DAY_NS, ns_from_iso
from loligo_bot.daily import Daily, Progress

ACCOUNTS = {"main": "USD"}


def at(time: str, seq: int, *events: Any) -> Record:
    return Record(seq, TimeAdvanced(ns_from_iso(time)), list(events))


def worth(time: str, seq: int, equity: float) -> Record:
    return at(time, seq, EquityMarked(seq + 1, ns_from_iso(time), seq, "", "main", equity, 0.0, 0.0))


def paid(time: str, seq: int, fee: str, asset: str) -> Record:
    ts = ns_from_iso(time)
    fill = Filled("o", ts, "f", Decimal(100), Decimal(1), Decimal(fee), asset, False)
    return at(time, seq, OrderReported(seq + 1, ts, seq, "trend", fill))


def refused(time: str, seq: int) -> Record:
    ts = ns_from_iso(time)
    return at(time, seq, Refused(seq + 1, ts, seq, "trend", "x:A/B", "drawdown", Tier.ACCOUNT, "max", ()))


DAY = [
    worth("2026-11-21T00:00:00", 1, 10_000.0),
    paid("2026-11-21T09:00:00", 3, "1.50", "USD"),
    paid("2026-11-21T10:00:00", 5, "0.0001", "BTC"),
    paid("2026-11-21T11:00:00", 7, "0.61", "USD"),
    refused("2026-11-21T12:00:00", 9),
    worth("2026-11-21T23:00:00", 11, 10_031.2),
]


def test_a_day_is_told_with_the_first_record_after_its_end() -> None:
    daily = Daily("00:00", "UTC", ACCOUNTS)
    assert [daily.hear(record) for record in DAY] == [None] * 6
    told = daily.hear(at("2026-11-22T00:00:00", 13))
    assert told is not None and told.seq == 13
    assert told.text == "The day to 2026-11-22: equity 10031.20 USD, result 31.20"  # 10031.20 - 10000
    assert told.fields["fees"] == "0.0001 BTC and 2.11 USD"  # 1.50 + 0.61
    assert (told.fields["refusals"], told.fields["trades"], told.fields["swaps"]) == ("1", "0", "0")


def test_the_next_day_begins_with_what_the_one_before_left() -> None:
    daily = Daily("00:00", "UTC", ACCOUNTS)
    for record in (*DAY, at("2026-11-22T00:00:00", 13), worth("2026-11-22T12:00:00", 15, 10_021.2)):
        daily.hear(record)
    told = daily.hear(at("2026-11-24T12:00:00", 17))  # nothing came on the 23rd
    assert told is not None
    assert (told.fields["day"], told.fields["pnl"], told.fields["refusals"]) == ("2026-11-23", "-10.00", "0")
    assert daily.hear(at("2026-11-24T13:00:00", 19)) is None


def test_the_hour_is_that_of_the_zone() -> None:
    daily = Daily("08:00", "Europe/Berlin", ACCOUNTS)  # 07:00 UTC in November
    assert daily.hear(at("2026-11-21T06:30:00", 1)) is None
    assert daily.hear(at("2026-11-21T06:59:59", 2)) is None
    assert daily.hear(at("2026-11-21T07:00:00", 3)) is not None
    assert daily.hear(at("2026-11-22T06:59:59", 4)) is None
    assert daily.hear(at("2026-11-22T07:00:01", 5)) is not None


def test_every_ab_test_that_goes_on_has_its_verdict_and_day() -> None:
    """One that nobody has heard of, one with a verdict, one whose verdict was that of an older test of its name."""
    asked: list[int] = []

    def going(ts: int) -> dict[str, Progress]:
        asked.append(ts)
        today = ts // DAY_NS  # opens at the instant that is asked of
        begun = {"calm": 12, "fresh": 3, "quick": 40}
        return {
            name: Progress(since_ns=ts - days * DAY_NS, arms=("a", "b"), days=tuple(range(today - days, today + 1)))
            for name, days in begun.items()
        }

    def verdict(time: str, seq: int, name: str, headline: str) -> Record:
        facts = {"verdict": "challenger_better", "headline": headline, "ended": ""}
        return Record(seq, Noted(ns_from_iso(time), "verdict", name, "experiment", "", facts), [])

    daily = Daily("00:00", "UTC", ACCOUNTS, going)
    notes = [
        verdict("2026-11-01T00:00:00", 1, "fresh", "fresh_b is better"),
        verdict("2026-11-21T01:00:00", 3, "quick", "quick_b is better"),
    ]
    assert daily.hear(notes[0]) is None
    daily.hear(notes[1])
    told = daily.hear(at("2026-11-22T00:00:00", 5))
    assert told is not None
    said = "calm: Too early, day 12; fresh: Too early, day 3; quick: quick_b is better, day 40"
    assert told.text.endswith(f"; {said}") and told.fields["experiments"] == said
    assert asked[-1] == ns_from_iso("2026-11-22T00:00:00")
