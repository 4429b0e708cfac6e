"""The engine as a whole: inputs in order, records, people, swaps of generation, state."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from loligo.engine.engine import Engine
from loligo.errors import DataError
from loligo.model.command import CommandKind, GenerationActivated, TimeAdvanced
from loligo.model.events import CommandHandled, DecisionDeclined, KillSwitchSet, OrderSubmitted, Record, RiskActed
from loligo.model.market import BookUpdate, FundingRate, InstrumentStatus, Quote, Side, Trade
from loligo.model.order import OrderRole
from loligo.model.timeframe import HOUR_NS
from tentacles.venues.simulated.settings import MatchOn
from tests.fakes.desks import BTC, PERP, Bot, OnlySignals, Wishes, account, buy, desk, free_venue, of, plan, seat


def test_an_input_before_the_newest_is_refused_and_changes_nothing() -> None:
    bot = Bot(plan(desk(seat())))
    bot.candle(1, 100)
    before = bot.engine.export_state()
    with pytest.raises(DataError, match="must arrive in time order"):
        bot.candle(0, 100)
    assert bot.engine.export_state() == before and bot.engine.now_ns == 2 * HOUR_NS


def test_a_late_input_happens_now_where_late_ones_are_taken_and_replays_the_same() -> None:
    bot, again = Bot(plan(desk(seat()))), Bot(plan(desk(seat())))
    bot.engine.takes_late = again.engine.takes_late = True
    bot.candle(5, 100)
    now_ns = bot.engine.now_ns
    late = bot.candle(1, 101)
    assert late.input.ts < now_ns == bot.engine.now_ns
    assert [event.ts for event in late.events] == [now_ns] * len(late.events) and late.events
    assert [again.engine.replay(record) for record in bot.records[1:]] == bot.records[1:]  # it has the first one
    assert bot.candle(6, 100).input.ts == bot.engine.now_ns == now_ns + HOUR_NS


def test_records_follow_one_another_without_a_gap() -> None:
    mode = Wishes()
    bot = Bot(plan(desk(seat(lambda: mode))))
    mode.wishes = [buy()]
    for hour in range(3):
        bot.candle(hour, 100)
    seqs = [seq for record in bot.records for seq in (record.seq, *(event.seq for event in record.events))]
    assert seqs == list(range(1, bot.engine.next_seq))


def test_a_record_survives_its_codec() -> None:
    mode = Wishes()
    bot = Bot(plan(desk(seat(lambda: mode))))
    mode.wishes = [buy(take_profit_price="120")]
    for hour in range(3):
        bot.candle(hour, 100)
    for record in bot.records:
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(record), type=Record) == record


def test_data_of_instruments_that_nobody_trades_is_recorded_only() -> None:
    bot, name = Bot(plan(desk(seat()))), "sim:UNKNOWN"
    inputs: list[Any] = [
        Trade(name, 1, 1.0, 1.0, Side.BUY),
        Quote(name, 1, 1.0, 1.0, 1.0, 1.0),
        BookUpdate(name, 1, (), ()),
        FundingRate(name, 1, 0.1),
        InstrumentStatus(name, 1, True),
    ]
    assert [bot.feed(item).events for item in inputs] == [[]] * 5
    assert bot.candle(0, 1, instrument=name).events == []


@pytest.mark.parametrize("match_on", [MatchOn.TRADES, MatchOn.QUOTES, MatchOn.BOOK])
def test_orders_fill_and_are_protected_on_any_kind_of_data(match_on: MatchOn) -> None:
    mode = Wishes()
    bot = Bot(plan(desk(seat(lambda: mode)), venue=free_venue(match_on=match_on)))
    mode.wishes = [buy()]
    bot.candle(0, 100)
    ts = HOUR_NS + 1
    data: dict[MatchOn, list[Any]] = {
        MatchOn.TRADES: [Trade(BTC.id, ts, p, 100.0, Side.BUY) for p in (100.0, 80.0)],
        MatchOn.QUOTES: [Quote(BTC.id, ts, p, p, 100.0, 100.0) for p in (100.0, 80.0)],
        MatchOn.BOOK: [BookUpdate(BTC.id, ts, ((p, 100.0),), ((p + 0.01, 100.0),), True) for p in (100.0, 80.0)],
    }
    first, second = data[match_on]
    bot.feed(first)
    assert bot.position() == 1 and bot.roles() == [("stop", "1")]
    bot.feed(second)
    assert bot.position() == 0 and bot.roles() == []


def test_without_a_venue_inside_data_is_evaluated_all_the_same() -> None:
    bot = Bot(plan(desk(seat(OnlySignals)), is_live=True))
    inputs: list[Any] = [
        Trade(BTC.id, 1, 1.0, 1.0, Side.BUY),
        Quote(BTC.id, 1, 1.0, 1.0, 1.0, 1.0),
        BookUpdate(BTC.id, 1, (), ()),
        InstrumentStatus(BTC.id, 1, True),
        TimeAdvanced(1),
    ]
    for item in inputs:
        assert bot.feed(item).events == []
    assert len(of(bot.candle(0, 100), DecisionDeclined)) == 1


# People


def told(record: Record) -> tuple[bool, str]:
    (event,) = of(record, CommandHandled)
    assert event.cause == record.seq
    return event.is_done, event.message


@pytest.mark.parametrize("kind", [CommandKind.PAUSE, CommandKind.RESUME, CommandKind.CLOSE])
def test_an_unknown_target_is_answered_with_the_known_ones(kind: CommandKind) -> None:
    bot = Bot(plan(desk(seat(), name="alpha"), desk(seat(), name="beta")))
    assert told(bot.command(kind, "gamma")) == (
        False,
        'no desk or account "gamma"; known: *, alpha, beta, account:paper',
    )


def test_commands_that_cannot_be_done_say_why() -> None:
    bot = Bot(plan(desk(seat())))
    assert told(bot.command(CommandKind.CANCEL, "x-1")) == (False, "no open order x-1")
    assert told(bot.command(CommandKind.PANIC, level=4)) == (False, "kill switch level 4: expected 0 (off), 1, 2 or 3")
    assert told(bot.command(CommandKind.RESUME)) == (False, "nothing was paused")
    assert told(bot.command(CommandKind.CLOSE, "alpha")) == (False, "alpha has nothing to close")
    assert told(bot.command(CommandKind.CLOSE, "alpha", instrument="sim:X")) == (
        False,
        f'alpha does not trade "sim:X"; it trades {BTC.id}',
    )


def test_commands_that_are_done_say_what_they_did() -> None:
    mode = Wishes()
    bot = Bot(plan(desk(seat(lambda: mode)), accounts=[account()]))
    mode.wishes = [buy(), buy(limit_price="50", stop="40")]
    bot.candle(0, 100)
    bot.candle(1, 100)
    entry = next(order for order in bot.open_orders() if order.role is OrderRole.ENTRY)
    assert told(bot.command(CommandKind.CANCEL, entry.id)) == (True, f"cancel of {entry.id} sent")
    assert told(bot.command(CommandKind.PAUSE, "alpha")) == (True, "paused alpha")
    assert told(bot.command(CommandKind.PAUSE, "account:paper")) == (True, "paused account:paper")
    assert told(bot.command(CommandKind.CLOSE, "account:paper", instrument=BTC.id)) == (True, "closing 1 position(s)")
    assert told(bot.command(CommandKind.PANIC, level=2)) == (
        True,
        "kill switch at 2: 0 order(s) cancelled, closing 0 position(s)",
    )
    assert told(bot.command(CommandKind.RESUME)) == (True, "resumed account:paper, alpha, kill switch")
    bot.candle(2, 100)
    assert bot.position() == 0 and bot.roles() == []


def test_panic_off_is_told_too_and_pauses_name_their_scope() -> None:
    bot = Bot(plan(desk(seat())))
    bot.command(CommandKind.PANIC, level=0, by="ann")
    assert [(int(event.level), event.by) for event in bot.events(KillSwitchSet)] == [(0, "ann")]
    bot.command(CommandKind.PAUSE)
    assert [(event.desk, event.scope) for event in bot.events(RiskActed)] == [("", "account:paper"), ("alpha", "alpha")]


def test_on_quotes_an_operators_close_is_done_in_its_record() -> None:
    mode = Wishes()
    bot = Bot(plan(desk(seat(lambda: mode)), venue=free_venue(match_on=MatchOn.QUOTES)))
    bot.feed(Quote(BTC.id, 1, 100.0, 100.0, 100.0, 100.0))
    mode.wishes = [buy()]
    bot.candle(0, 100)
    assert bot.position() == 1
    bot.command(CommandKind.CLOSE, "alpha")
    assert bot.position() == 0 and bot.roles() == []


def test_a_desk_on_two_instruments_keeps_them_apart() -> None:
    modes = [Wishes(), Wishes()]
    seats = [seat(lambda: modes[0]), seat(lambda: modes[1], instrument=PERP)]
    bot = Bot(plan(desk(*seats)))
    modes[0].wishes = [buy()]
    modes[1].wishes = [buy("2", instrument=PERP.id, leverage="2")]
    for hour in range(2):
        bot.candle(hour, 100)
        bot.candle(hour, 100, instrument=PERP.id)
    assert (bot.position(), bot.position(instrument=PERP.id)) == (1, 2)
    bot.command(CommandKind.CLOSE, "alpha", instrument=PERP.id)
    assert [event.order.instrument for event in bot.events(OrderSubmitted)][-1] == PERP.id


# State


def test_a_state_of_another_version_is_refused() -> None:
    engine = Engine(plan(desk(seat())))
    with pytest.raises(DataError, match="written by another Loligo"):
        engine.restore_state({**engine.export_state(), "version": 99})


def test_a_desk_that_is_new_since_the_state_starts_fresh_with_its_capital() -> None:
    bot = Bot(plan(desk(seat(), name="alpha")))
    bot.candle(0, 100)
    fresh = Engine(plan(desk(seat(), name="alpha"), desk(seat(), name="beta"), accounts=[account()]))
    fresh.restore_state(bot.engine.export_state())
    fresh.process(GenerationActivated(HOUR_NS, 2, ()))
    assert fresh.portfolio.books["alpha"].equity == fresh.portfolio.books["beta"].equity == 10_000.0
    assert fresh.portfolio.accounts["paper"].equity == 100_000.0


def test_a_desk_that_is_gone_keeps_its_money_in_the_ledger() -> None:
    bot = Bot(plan(desk(seat(), name="alpha"), desk(seat(), name="beta")))
    fresh = Engine(plan(desk(seat(), name="alpha")))
    fresh.restore_state(bot.engine.export_state())
    assert fresh.portfolio.balance("paper", "beta", "USD") == 10_000
