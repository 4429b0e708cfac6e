"""What a page shows of a market that was traded for six weeks, held against the journal itself."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from loligo.api import Candle
from loligo.model.events import Evaluated, OrderReported, Record, TradeClosed
from loligo.model.order import Filled
from loligo.model.timeframe import ns_from_iso
from loligo.registry.manifest import read_manifest
from loligo_bot.door.chart import ChartAsked, MarketChart, read_chart
from loligo_bot.door.inside import Inside
from loligo_bot.door.markets import read_markets
from loligo_bot.door.picture import drawing_of
from loligo_store.reader import JournalReader
from loligo_store.rows import ProjectionReader
from tests.fakes.inside import inside
from tests.scenario.bots import ROOT, BotFolder

BTC = "coinbase:BTC/USD"
MS_NS = 1_000_000


def manifest(name: str) -> Any:
    folder = ROOT / "tentacles" / "evaluators" / name
    files = {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}
    return SimpleNamespace(manifest=read_manifest(Path(name), files))


@pytest.fixture
def behind(season: BotFolder) -> Iterator[Inside]:
    """A bot that has run: its journal and read models, and what was loaded."""
    seat = SimpleNamespace(
        instrument=SimpleNamespace(id=BTC), evaluators=[SimpleNamespace(label=f"rsi#403f {BTC} 1h", timeframe="1h")]
    )
    plan = SimpleNamespace(desks=[SimpleNamespace(name="trend", timeframe="1h", seats=[seat])])
    config = SimpleNamespace(venues={"coinbase": SimpleNamespace(instruments={"BTC/USD": None})}, jobs={})
    loaded = [manifest(name) for name in ("ema_cross", "macd", "rsi")]
    running = SimpleNamespace(plan=plan, config=config, loaded=loaded)
    portfolio = SimpleNamespace(marks={BTC: 11_000.0})
    engine = SimpleNamespace(now_ns=ns_from_iso("2018-01-25"), portfolio=portfolio, venues={"coinbase": None})
    with season.database() as database:
        yield inside(
            bot=SimpleNamespace(engine=engine, home=season.home),
            rows=ProjectionReader(database),
            journal=lambda: JournalReader(database),
            reconciler=SimpleNamespace(running=running),
            edges=SimpleNamespace(feeds=SimpleNamespace(by_name={})),
        )


@pytest.fixture(scope="module")
def records(season: BotFolder) -> list[Record]:
    return season.records()


def pages(behind: Inside, **asked: Any) -> list[MarketChart]:
    """Return all pages, the newest first."""
    found, until = list[MarketChart](), None
    while True:
        found.append(read_chart(behind, (), ChartAsked(instrument="btc", until=until, **asked)))
        until = found[-1].next_until
        if until is None:
            return found


def test_pages_joined_hold_every_candle_and_every_fill_once(behind: Inside, records: list[Record]) -> None:
    found = pages(behind, count=200)
    opened = [one.opened_at_ms for page in reversed(found) for one in page.candles]
    assert opened == sorted({one.input.opened_at_ns // MS_NS for one in records if _is_hour(one)} | set(opened))
    assert set(opened) >= {one.input.opened_at_ns // MS_NS for one in records if _is_hour(one)}
    told = sorted(one.seq for page in found for one in page.marks if one.is_fill)
    fills = [event for one in records for event in one.events if _is_fill(event)]
    assert told == [event.seq for event in fills]
    assert len(told) > 40


def _is_hour(record: Record) -> bool:
    item = record.input
    return isinstance(item, Candle) and (item.instrument, item.timeframe) == (BTC, "1h")


def _is_fill(event: Any) -> bool:
    return isinstance(event, OrderReported) and isinstance(event.report, Filled)


def test_marks_say_what_each_round_trip_came_to(behind: Inside, records: list[Record]) -> None:
    trades = [event.trade for one in records for event in one.events if isinstance(event, TradeClosed)]
    nets = [one.net for page in pages(behind, count=100) for one in page.marks if one.net is not None]
    assert len(nets) == len(trades) > 20
    assert sum(nets) == pytest.approx(float(sum((one.net for one in trades), Decimal())))


def test_opinions_and_their_numbers_are_those_of_the_journal(behind: Inside, records: list[Record]) -> None:
    chart = read_chart(behind, (), ChartAsked(instrument=BTC, count=100))
    said = {event.seq: event for one in records for event in one.events if isinstance(event, Evaluated)}
    assert {one.name for one in chart.evaluators} == {"ema_cross", "macd", "rsi"}
    for one in chart.evaluators:
        assert 99 <= len(one.points) <= 100  # the last candle of a run may have been the first of no more inputs
        for point in one.points:
            event = said[point.seq]
            assert (event.evaluator, event.ts // MS_NS) == (one.label, point.at_ms)
            assert (event.evaluation.value, event.evaluation.code) == (point.value, point.code)
            assert list(event.evaluation.numbers) == point.numbers


def test_numbers_are_drawn_where_the_manifest_says(behind: Inside) -> None:
    chart = read_chart(behind, (), ChartAsked(instrument=BTC, count=50))
    cross, other = (one for one in chart.evaluators if one.name == "ema_cross")  # of two desks
    assert {cross.title, other.title} == {one.label.partition(" ")[0] for one in (cross, other)}
    assert [(one.name, one.place) for one in cross.draws] == [("gap", "none"), ("fast", "price"), ("slow", "price")]
    gap, fast, slow = cross.points[-1].numbers
    assert gap is not None and fast is not None and slow is not None
    assert gap == pytest.approx(fast / slow - 1)
    lines = {line.name: line.values for line in drawing_of(chart).lines}
    assert lines[f"{cross.title} fast"][-1] == fast and len(lines[f"{cross.title} fast"]) == 50


def test_levels_are_what_rests_and_what_is_held(behind: Inside) -> None:
    levels = read_chart(behind, (), ChartAsked(instrument=BTC, count=1)).levels
    rows = behind.rows.rows("orders", where={"instrument": BTC, "state": ("accepted", "partially_filled", "submitted")})
    held = [row for row in behind.rows.rows("positions") if row["quantity"]]
    assert sorted(one.order_id for one in levels if one.order_id) == sorted(row["id"] for row in rows) != []
    assert sorted(one.desk for one in levels if one.kind == "position") == sorted(row["desk"] for row in held)
    assert [one.price for one in levels] == sorted((one.price for one in levels), reverse=True)


def test_a_market_tells_price_day_and_newest_opinion(behind: Inside, records: list[Record]) -> None:
    answer = read_markets(behind, (), None)
    [row] = answer.markets
    hours: list[Any] = [one.input for one in records if _is_hour(one)]
    assert row.price == hours[-1].close
    assert row.change_day == pytest.approx(hours[-1].close / hours[-25].close - 1)
    assert row.volume_day == pytest.approx(sum(float(one.volume) for one in hours[-24:]))
    assert row.curve[-1] == hours[-1].close and len(row.curve) == 48
    assert (row.bid, row.spread) == (None, None)
    assert row.open_orders == len(behind.rows.rows("orders", where={"state": ("accepted", "partially_filled")}))
