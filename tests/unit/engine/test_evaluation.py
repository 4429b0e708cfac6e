"""Evaluation: who is asked, who shares, and what a failing evaluator leaves behind."""

from __future__ import annotations

from functools import partial
from typing import Any, cast

import pytest

from loligo.errors import DataError
from loligo.model.command import WarmUp
from loligo.model.events import DecisionDeclined, Evaluated, SignalRaised, TentacleFailed
from loligo.model.market import BookUpdate, ExternalSignal, Quote, Side, Trade
from loligo.model.timeframe import HOUR_NS
from tests.fakes.desks import (
    BTC,
    PERP,
    BookSays,
    Bot,
    CandleSays,
    NewsSays,
    QuoteSays,
    TradeSays,
    candle,
    desk,
    evaluator,
    long_signal,
    of,
    opinion,
    plan,
    seat,
)


class Sum:
    """Counts candles, so that its state shows what it was fed."""

    state_version = 1
    warmup = 2

    def __init__(self) -> None:
        self.count = 0

    def on_candle(self, candle: Any) -> Any:
        self.count += 1
        return opinion(min(self.count / 10, 1.0))

    def export_state(self) -> dict[str, Any]:
        return {"count": self.count}

    def restore_state(self, state: dict[str, Any]) -> None:
        self.count = state["count"]


def raising(item: Any) -> Any:
    raise ValueError("broken")


def board_of(values: list[Any]) -> Any:
    """A strategy that notes the values it sees."""

    def decide(board: Any) -> Any:
        values.append([evaluation and evaluation.value for evaluation in board.evaluations])
        return long_signal()

    return decide


def test_desks_with_equal_keys_share_one_instance_one_event_and_both_boards() -> None:
    made: list[Sum] = []
    seen: dict[str, list[Any]] = {"alpha": [], "beta": []}

    def make() -> Sum:
        made.append(Sum())
        return made[-1]

    desks = [desk(seat(evaluators=[evaluator(make)], decide=board_of(seen[name])), name=name) for name in seen]
    record = Bot(plan(*desks)).candle(0, 100)
    assert len(made) == 1 and [event.evaluation.value for event in of(record, Evaluated)] == [0.1]
    assert seen == {"alpha": [[0.1]], "beta": [[0.1]]}


def test_other_settings_are_another_instance() -> None:
    plans = [evaluator(Sum, "sum", key="sum fast"), evaluator(Sum, "sum", key="sum slow")]
    desks = [desk(seat(evaluators=[one]), name=name) for one, name in zip(plans, ("alpha", "beta"), strict=True)]
    assert len(of(Bot(plan(*desks)).candle(0, 100), Evaluated)) == 2


def test_one_desk_may_read_an_evaluator_at_two_places_of_its_board() -> None:
    seen: list[Any] = []
    bot = Bot(plan(desk(seat(evaluators=[evaluator(Sum), evaluator(Sum)], decide=board_of(seen)))))
    assert len(of(bot.candle(0, 100), Evaluated)) == 1 and seen == [[0.1, 0.1]]


@pytest.mark.parametrize("value", [1.01, -1.01, float("nan"), float("inf")])
def test_an_opinion_out_of_bounds_is_a_failure_and_leaves_the_board(value: float) -> None:
    answers = iter([opinion(0.5), opinion(value)])
    seen: list[Any] = []
    bot = Bot(
        plan(desk(seat(evaluators=[evaluator(lambda: CandleSays(lambda _: next(answers)))], decide=board_of(seen))))
    )
    bot.candle(0, 100)
    failed = of(bot.candle(1, 100), TentacleFailed)
    assert seen == [[0.5], [None]]
    assert [(event.tentacle, event.count) for event in failed] == [("says 1h", 1)] and "[-1, +1]" in failed[0].error


def test_an_evaluator_that_raises_is_counted_and_the_others_go_on() -> None:
    broken, sound = evaluator(lambda: CandleSays(raising), "broken"), evaluator(Sum, "sound")
    bot = Bot(plan(desk(seat(evaluators=[broken, sound]))))
    bot.candle(0, 100)
    record = bot.candle(1, 100)
    assert [(event.error, event.count, event.cause) for event in of(record, TentacleFailed)] == [
        ("ValueError: broken", 2, record.seq)
    ]
    assert [event.evaluator for event in of(record, Evaluated)] == ["sound 1h"]


def test_what_is_no_evaluation_is_a_failure() -> None:
    bot = Bot(plan(desk(seat(evaluators=[evaluator(lambda: CandleSays(cast(Any, lambda _: 0.5)))]))))
    assert "AttributeError" in of(bot.candle(0, 100), TentacleFailed)[0].error


def test_an_evaluator_hears_only_its_instrument_and_timeframe() -> None:
    bot = Bot(plan(desk(seat(evaluators=[evaluator(Sum)]))))
    assert not of(bot.candle(0, 100, timeframe="4h"), Evaluated)
    assert not of(bot.candle(3, 100, instrument=PERP.id), Evaluated)
    assert not of(bot.candle(3, 100, instrument="sim:UNKNOWN"), Evaluated)
    assert len(of(bot.candle(3, 100), Evaluated)) == 1


def test_ticks_reach_their_evaluators_and_trigger_desks_without_a_timeframe() -> None:
    makes = {"trade": TradeSays, "quote": QuoteSays, "book": BookSays, "news": NewsSays}
    plans = [evaluator(partial(make, lambda _: opinion(0.5)), name, timeframe="") for name, make in makes.items()]
    bot = Bot(plan(desk(seat(evaluators=plans, decide=lambda board: long_signal(board.price / 1000)), timeframe="")))
    told = [
        bot.feed(Trade(BTC.id, 1, 100.0, 1.0, Side.BUY)),
        bot.feed(Quote(BTC.id, 2, 109.0, 111.0, 1.0, 1.0)),
        bot.feed(BookUpdate(BTC.id, 3, ((100.0, 1.0),), ((101.0, 1.0),))),
        bot.feed(ExternalSignal("press", 4, "topic")),
    ]
    assert [of(record, Evaluated)[0].evaluator for record in told] == ["trade", "quote", "book", "news"]
    signals = [of(record, SignalRaised)[0] for record in told]
    assert [event.signal.strength for event in signals] == [0.1, 0.11, 0.11, 0.11]
    assert [event.cause for event in signals] == [of(record, Evaluated)[0].seq for record in told]
    assert signals[-1].board == tuple(of(record, Evaluated)[0].seq for record in told)


def test_a_candle_opinion_triggers_desks_without_a_timeframe_too() -> None:
    bot = Bot(plan(desk(seat(evaluators=[evaluator(Sum)]), timeframe="")))
    assert len(of(bot.candle(0, 100), DecisionDeclined)) == 1


def test_a_tick_without_an_opinion_triggers_nobody() -> None:
    bot = Bot(plan(desk(seat(evaluators=[evaluator(lambda: TradeSays(lambda _: None), timeframe="")]), timeframe="")))
    assert bot.feed(Trade(BTC.id, 1, 100.0, 1.0, Side.BUY)).events == []


@pytest.mark.parametrize(("instrument", "reached"), [("", 2), (BTC.id, 1), ("sim:UNKNOWN", 0)])
def test_news_reaches_the_evaluators_of_one_instrument_or_of_all(instrument: str, reached: int) -> None:
    seats = [
        seat(
            evaluators=[evaluator(lambda: NewsSays(lambda _: opinion(0.1)), timeframe="", key=place.id)],
            instrument=place,
        )
        for place in (BTC, PERP)
    ]
    record = Bot(plan(desk(*seats))).feed(ExternalSignal("press", 1, "topic", instrument))
    assert len(of(record, Evaluated)) == reached


def test_warm_up_builds_state_and_says_nothing() -> None:
    bot = Bot(plan(desk(seat(evaluators=[evaluator(Sum)]))))
    history = (candle(0, 100, 100, 100, 100), candle(1, 100, 100, 100, 100))
    assert bot.feed(WarmUp(2 * HOUR_NS, BTC.id, "1h", history)).events == []
    assert [event.evaluation.value for event in of(bot.candle(2, 100), Evaluated)] == [0.3]


class Breaks(CandleSays):
    warmup = 1


def hours(count: int) -> tuple[Any, ...]:
    return tuple(candle(hour, 100, 100, 100, 100) for hour in range(count))


def test_each_evaluator_takes_as_many_of_the_newest_candles_as_it_declares() -> None:
    """Sum declares 2: of five candles before it counts two, and the next one is its third."""
    bot = Bot(plan(desk(seat(evaluators=[evaluator(Sum)]))))
    bot.feed(WarmUp(5 * HOUR_NS, BTC.id, "1h", hours(5)))
    assert [event.evaluation.value for event in of(bot.candle(5, 100), Evaluated)] == [0.3]


def test_an_evaluator_that_has_seen_anything_is_not_warmed_again() -> None:
    bot = Bot(plan(desk(seat(evaluators=[evaluator(Sum)]))))
    warm_up = WarmUp(2 * HOUR_NS, BTC.id, "1h", hours(2))
    bot.feed(warm_up)
    assert bot.engine.evaluation.cold_slots() == []
    bot.feed(warm_up)
    assert bot.engine.evaluation.export_state()["says 1h"]["state"] == {"count": 2}
    started = Bot(plan(desk(seat(evaluators=[evaluator(Sum)]))))
    started.candle(0, 100)
    started.feed(WarmUp(HOUR_NS, BTC.id, "1h", hours(1)))
    assert started.engine.evaluation.export_state()["says 1h"]["state"] == {"count": 1}


def test_state_leaves_out_who_is_cold_so_that_a_warm_up_still_reaches_it_after_a_restore() -> None:
    state = Bot(plan(desk(seat(evaluators=[evaluator(Sum)])))).engine.export_state()
    bot = Bot(plan(desk(seat(evaluators=[evaluator(Sum)]))))
    bot.engine.restore_state(state)
    assert [slot.label for slot in bot.engine.evaluation.cold_slots()] == ["says 1h"]


def test_a_candle_that_closes_after_the_start_is_refused_as_warm_up() -> None:
    bot = Bot(plan(desk(seat(evaluators=[evaluator(Sum)]))))
    with pytest.raises(DataError, match="1970-01-01T02:00:00Z, which is not known yet"):
        bot.feed(WarmUp(2 * HOUR_NS - 1, BTC.id, "1h", hours(2)))


def test_warm_up_of_what_nobody_reads_is_passed_over_and_a_failure_in_it_is_told() -> None:
    bot = Bot(plan(desk(seat(evaluators=[evaluator(lambda: Breaks(raising))]))))
    history = (candle(0, 100, 100, 100, 100),)
    for instrument, timeframe in (("sim:UNKNOWN", "1h"), (BTC.id, "4h")):
        assert bot.feed(WarmUp(HOUR_NS, instrument, timeframe, history)).events == []
    assert len(of(bot.feed(WarmUp(HOUR_NS, BTC.id, "1h", history)), TentacleFailed)) == 1
