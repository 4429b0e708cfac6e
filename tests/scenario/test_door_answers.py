"""What the door answers of six weeks of trading, held against the journal itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from loligo.model import events as ev
from loligo.model.events import Record
from loligo_bot.door import decisions, money, trading, why
from loligo_bot.door.inside import Inside
from loligo_bot.door.pages import Listing
from loligo_store.projections import PROJECTIONS
from loligo_store.reader import JournalReader
from loligo_store.rows import ProjectionReader
from tests.fakes.inside import inside
from tests.scenario.bots import BotFolder

ACCOUNTS = {name: SimpleNamespace(reference="USD") for name in ("paper", "savings")}


@pytest.fixture
def behind(season: BotFolder) -> Iterator[Inside]:
    """The read models of a bot that has run, and an engine that knows no more than currencies."""
    engine = SimpleNamespace(portfolio=SimpleNamespace(accounts=ACCOUNTS))
    with season.database() as database:
        bot = SimpleNamespace(engine=engine, home=season.home)
        yield inside(bot=bot, rows=ProjectionReader(database), journal=lambda: JournalReader(database))


@pytest.fixture(scope="module")
def records(season: BotFolder) -> list[Record]:
    return season.records()


def whole(ask: Callable[[int | None], tuple[list[Any], int | None]]) -> list[Any]:
    """Return all pages joined, newest first; each says where the next one begins."""
    found, before = ask(None)
    pages = list(found)
    while before is not None:
        found, before = ask(before)
        pages += found
    return pages


@pytest.mark.parametrize("limit", [3, 50, 500])
@pytest.mark.parametrize("table", ["orders", "fills", "trades"])
def test_pages_joined_are_the_whole_table(behind: Inside, table: str, limit: int) -> None:
    model = trading.OrdersAsked if table == "orders" else Listing

    def ask(before: int | None) -> tuple[list[Any], int | None]:
        answer: Any = getattr(trading, table)(behind, model(limit=limit, before=before))
        return getattr(answer, table), answer.next_before

    name = "id" if table == "orders" else "seq"
    expected = [row[name] for row in reversed(behind.rows.rows(table))]
    assert len(expected) > 20
    assert [getattr(row, name) for row in whole(ask)] == expected


def test_rows_are_chosen_by_desk_instrument_and_time(behind: Inside) -> None:
    since, until = "2018-01-01", "2018-01-10"
    rows = trading.fills(behind, Listing(desk="ladder", since=since, until=until, limit=500)).fills
    expected = [row for row in behind.rows.rows("fills", desk="ladder") if "2018-01-01" <= _day(row) < "2018-01-10"]
    assert 0 < len(rows) == len(expected)
    assert not trading.fills(behind, Listing(instrument="bitstamp:ETH/USD")).fills


def _day(row: dict[str, Any]) -> str:
    from loligo.model.timeframe import iso

    return iso(row["ts"])[:10]


def is_order(event: Any) -> bool:
    """Or one that waits for another of its account: what it came from is in the record in which it began to wait."""
    return isinstance(event, ev.OrderSubmitted | ev.OrderHeld) and event.order.role in ("entry", "exit")


def signals_behind(records: list[Record], is_end: Callable[[Any], bool]) -> set[int]:
    """The seqs of signals that led to such events, by walking up from each."""
    found = set()
    for record in records:
        told = {event.seq: event for event in record.events}
        for event in record.events:
            if is_end(event):
                cause: Any = event
                while cause is not None and not isinstance(cause, ev.SignalRaised):
                    cause = told.get(cause.cause)
                found |= {cause.seq} if cause is not None else set()
    return found


@pytest.mark.parametrize("limit", [7, 500])
def test_decisions_say_what_came_of_each_signal(behind: Inside, records: list[Record], limit: int) -> None:
    def ask(before: int | None, **terms: Any) -> tuple[list[Any], int | None]:
        answer = decisions.decisions(behind, decisions.DecisionsAsked(limit=limit, before=before, **terms))
        return answer.decisions, answer.next_before

    rows = whole(ask)
    assert [row.seq for row in rows] == sorted((row.seq for row in rows), reverse=True)
    every = [event for record in records for event in record.events]
    signals = {event.seq for event in every if isinstance(event, ev.SignalRaised)}
    assert {row.seq for row in rows if row.result != "declined"} == signals
    by_result = {row.seq for row in rows if row.result == "ordered"}
    assert by_result == signals_behind(records, is_order) != set()
    refused = signals_behind(records, lambda event: isinstance(event, ev.Refused)) - by_result
    assert {row.seq for row in rows if row.result == "refused"} == refused != set()
    assert all(row.why_not and row.by for row in rows if row.result == "refused")
    assert {row.seq for row in whole(lambda before: ask(before, result="ordered"))} == by_result
    declined = sum(row.count for row in rows if row.result == "declined")
    assert declined == sum(isinstance(event, ev.DecisionDeclined) for event in every)


def test_why_nothing_counts_what_the_journal_holds(behind: Inside, records: list[Record]) -> None:
    counted: Counter[tuple[str, str, str]] = Counter()
    for event in (event for record in records for event in record.events):
        if isinstance(event, ev.DecisionDeclined):
            counted[event.desk, "declined", event.declined.code] += 1
        elif isinstance(event, ev.Refused):
            counted[event.desk, "refused", event.code] += 1
    told: Counter[tuple[str, str, str]] = Counter()
    for one in decisions.why_nothing(behind, decisions.NothingAsked()).reasons:
        told[one.desk, one.what, one.code] += one.count
    assert told == counted
    assert {"declined", "refused"} == {what for _, what, _ in told}


def test_profit_by_day_week_and_month_adds_up_to_the_trades(behind: Inside) -> None:
    net = sum(row["net"] for row in behind.rows.rows("trades"))  # all in USD, the reference
    for by in ("day", "week", "month"):
        answer = trading.profit(behind, trading.ProfitAsked(by=by, limit=400))
        assert sum(one.net or 0.0 for one in answer.periods) == pytest.approx(float(net))
        assert [one.of for one in answer.periods] == sorted((one.of for one in answer.periods), reverse=True)
        [total] = answer.totals
        assert (total.net, total.currency) == (pytest.approx(float(net)), "USD")
        assert sum(one.trades for one in answer.periods) == total.trades == len(behind.rows.rows("trades"))
    by_desk = trading.performance(behind, trading.PerformanceAsked(by="desk")).results
    assert sum(one.net or 0.0 for one in by_desk) == pytest.approx(float(net))
    assert by_desk == sorted(by_desk, key=lambda one: -(one.net or 0.0))


def test_weeks_begin_on_monday(behind: Inside) -> None:
    weeks = trading.profit(behind, trading.ProfitAsked(by="week", limit=400)).periods
    assert {"2018-01-01", "2018-01-08"} <= {week.of for week in weeks}  # both Mondays


def test_fees_are_those_of_the_fills_to_the_last_digit(behind: Inside) -> None:
    answer = money.fees(behind, money.FeesAsked())
    expected = sum((row["fee"] for row in behind.rows.rows("fills")), Decimal())
    assert answer.totals == {"USD": expected}
    assert sum((one.fees for one in answer.fees), Decimal()) == expected


def test_why_is_the_story_that_the_command_line_tells(behind: Inside, season: BotFolder) -> None:
    order = behind.rows.rows("trades")[-1]["entry_order_id"]
    told = why.why(behind, why.WhyAsked(id=order))
    assert [step.model_dump(mode="json") for step in told.steps] == season.call("why", order).data["steps"]


def test_events_are_pages_of_the_journal(behind: Inside, records: list[Record]) -> None:
    seqs, since = [], 0
    for _ in range(3):
        page = why.events(behind, why.EventsAsked(since=since, limit=100))
        seqs += [record[0] for record in page.records]
        since = page.next_since
    assert seqs == [record.seq for record in records[:300]]
    one = next(record for record in records if record.events)  # `since` its input: that one is known, whole
    assert why.events(behind, why.EventsAsked(since=one.seq, limit=1)).records[0][0] == one.next_seq


def test_every_table_can_be_bounded(behind: Inside) -> None:
    for name in PROJECTIONS:
        seqs = sorted({row["seq"] for row in behind.rows.rows(name)})
        inner = behind.rows.rows(name, above={"seq": seqs[0]}, below={"seq": seqs[-1]}) if seqs else []
        assert sorted({row["seq"] for row in inner}) == seqs[1:-1]
