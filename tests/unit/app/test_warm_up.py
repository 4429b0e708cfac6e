"""Evaluators that start find the history that a bot which ran through it would know, and nothing else follows."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loligo.engine.engine import Engine
from loligo.errors import DataError
from loligo.model.command import GenerationActivated, SlotVersion, WarmUp
from loligo.model.events import Evaluated, Record
from loligo.runtime.inbox import FromFeed
from loligo_bot.feeds import in_time_order
from loligo_bot.session import Durability, Session
from loligo_bot.warm_up import warm_start
from loligo_store.journal import Journal
from tests.fakes.desks import BTC, PERP, desk, evaluator, of, plan, seat
from tests.unit.app.market import MemoryFeed, Remembers, at, hourly, remembering

CANDLES = hourly(BTC.id, range(60))


def started(engine: Engine, feeds: dict[str, Any], first_ts: int) -> list[Record]:
    """Begin at an instant as a session does, and return what the warm-up made."""
    engine.process(GenerationActivated(first_ts, 1, ()))
    return [engine.process(item) for item in warm_start(engine, feeds, {})[0]]


def first_evaluation(engine: Engine, feed: MemoryFeed) -> tuple[int, Any]:
    for item in feed.read():
        for event in of(engine.process(item), Evaluated):
            return event.ts, event.evaluation
    raise AssertionError("no evaluation")


@given(start=st.integers(6, 50))
def test_the_first_evaluation_is_that_of_a_bot_which_ran_through_the_history(start: int) -> None:
    warm, through = MemoryFeed(CANDLES, at(start)), MemoryFeed(CANDLES)
    engine, long_running = remembering(), remembering()
    started(engine, {"hours": warm}, at(start))
    long_running.process(GenerationActivated(0, 1, ()))
    records = [long_running.process(item) for item in through.read(until_ns=at(start))]
    expected = of(records[-1], Evaluated)[0]
    assert first_evaluation(engine, warm) == (at(start), expected.evaluation) == (expected.ts, expected.evaluation)


def test_a_warm_up_makes_one_input_per_series_and_no_event_follows_from_it() -> None:
    feeds = {"hours": MemoryFeed([*CANDLES, *hourly(PERP.id, range(60))], at(20))}
    records = started(remembering(BTC, PERP), feeds, at(20))
    assert [(record.input.instrument, record.events) for record in records if isinstance(record.input, WarmUp)] == [
        (BTC.id, []),
        (PERP.id, []),
    ]


def test_history_ends_before_what_the_feed_still_gives_also_within_the_instant_of_its_cursor() -> None:
    """BTC and the perpetual close together; the cursor says that one of them, BTC, was taken."""
    feed = MemoryFeed([*CANDLES[:21], *hourly(PERP.id, range(21))])
    feed.candles.sort(key=lambda item: (item.ts, item.instrument != BTC.id))
    engine = remembering(BTC, PERP)
    engine.process(GenerationActivated(at(20), 1, ()))
    inputs, _ = warm_start(engine, {"hours": feed}, {"hours": (at(20), 1)})
    assert {item.instrument: [candle.ts for candle in item.candles] for item in inputs} == {
        BTC.id: [at(hour) for hour in range(16, 21)],
        PERP.id: [at(hour) for hour in range(15, 20)],
    }


def test_too_little_history_is_told_and_given() -> None:
    engine = remembering()
    engine.process(GenerationActivated(at(3), 1, ()))
    inputs, short = warm_start(engine, {"hours": MemoryFeed(CANDLES, at(3))}, {})
    assert short == [f"remembers {BTC.id} 1h: 3 of 5 candles"]
    assert [candle.ts for candle in inputs[0].candles] == [at(0), at(1), at(2)]


def test_a_feed_that_fails_to_look_back_lets_the_bot_start_cold() -> None:
    class Offline(MemoryFeed):
        def history(self, instrument: str, timeframe: str, until_ns: int, count: int) -> Any:
            raise TimeoutError("no answer within 10 s")

    engine = remembering()
    engine.process(GenerationActivated(at(9), 1, ()))
    assert warm_start(engine, {"hours": Offline(CANDLES)}, {}) == ([], [f"remembers {BTC.id} 1h: 0 of 5 candles"])


def test_a_feed_whose_history_knows_the_future_stops_the_start() -> None:
    class Ahead(MemoryFeed):
        def history(self, instrument: str, timeframe: str, until_ns: int, count: int) -> Any:
            return self.candles[-count:]

    with pytest.raises(DataError, match="not known yet"):
        started(remembering(), {"hours": Ahead(CANDLES)}, at(9))


class Longer(Remembers):
    """Another version, with state of its own."""

    warmup = 8


@pytest.mark.parametrize("cut", range(5))
def test_a_start_that_is_killed_at_any_record_ends_as_one_that_was_not(cut: int, tmp_path: Path) -> None:
    """The generation, two warm-ups and the first candles: `cut` records are durable, then the bot starts again."""
    feed = MemoryFeed([*CANDLES, *hourly(PERP.id, range(60))], at(20))
    feed.candles.sort(key=lambda item: item.ts)
    feeds = {"hours": feed}

    def run(journal: Journal, last_seq: int) -> None:
        """Run until the records up to `last_seq` are durable; the rest of them is lost."""
        engine = remembering(BTC, PERP)

        def die(point: str) -> None:
            if point == "before_decide" and engine.next_seq > last_seq:
                raise KeyboardInterrupt

        session = Session(engine, journal, Durability(commit_every_s=3_600.0, commit_every_records=1), (), die)
        with suppress(KeyboardInterrupt):
            session.open((), at(20), feeds)
            session.step(in_time_order(feeds, {"hours": session.cursors.get("hours", (engine.now_ns, 0))}))

    whole = Journal(tmp_path / "whole.sqlite")
    run(whole, 40)
    journal = Journal(tmp_path / "killed.sqlite")
    end = [record.next_seq for record in whole.records()][cut] - 1
    run(journal, end)
    assert journal.last_seq == end
    journal.close()
    again = Journal(tmp_path / "killed.sqlite")
    run(again, 40)
    assert again.digest() == whole.digest()


def test_after_a_change_only_the_new_evaluator_is_warmed(tmp_path: Path) -> None:
    """A run ends with the candle of hour 30; the one that came with the next run knows hours 23 to 30 at once."""
    feed = MemoryFeed(CANDLES, at(20))
    journal = Journal(tmp_path / "journal.sqlite")

    def opened(version: str, *made: type[Remembers]) -> Session:
        evaluators = [evaluator(make, make.__name__) for make in made]
        session = Session(Engine(plan(desk(seat(evaluators=evaluators)))), journal, Durability())
        slots = (SlotVersion("desk/alpha", "", version),)
        session.open(slots, at(20), {"hours": feed})
        return session

    first = opened("1", Remembers)
    first.step(FromFeed(item, "hours") for item in feed.read(until_ns=at(30)))
    first.close()
    opened("1", Remembers).close()
    assert sum(isinstance(record.input, WarmUp) for record in journal.records()) == 1
    state = opened("2", Remembers, Longer).engine.evaluation.export_state()
    assert state["Remembers 1h"] == first.engine.evaluation.export_state()["Remembers 1h"]
    assert state["Longer 1h"]["state"] == {"closes": [item.close for item in CANDLES[23:31]]}
