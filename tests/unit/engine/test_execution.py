"""Execution: orders on their way, what venues say back, and protection that fits the position."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from loligo.engine.engine import Engine
from loligo.errors import DataError, OrderError, Overfilled
from loligo.model.command import CommandKind, VenueReports
from loligo.model.events import (
    AmendRequested,
    Approved,
    CancelRequested,
    OrderReported,
    OrderSubmitted,
    Refused,
    TentacleFailed,
    TradeClosed,
)
from loligo.model.instrument import Instrument
from loligo.model.market import Candle, FundingRate, InstrumentStatus, Side
from loligo.model.order import (
    Accepted,
    Amended,
    Canceled,
    Expired,
    Filled,
    OrderKind,
    OrderRole,
    OrderState,
    Rejected,
    TimeInForce,
    Triggered,
)
from loligo.model.timeframe import HOUR_NS, MINUTE_NS
from loligo.ports.tentacles import AmendIntent, CancelIntent
from tests.fakes.desks import BTC, PERP, Bot, Wishes, account, buy, causes, desk, free_venue, of, plan, seat, sell


def spot(mode: Wishes, **venue: Any) -> Bot:
    return Bot(plan(desk(seat(lambda: mode)), venue=free_venue(**venue)))


def perpetual(mode: Wishes) -> Bot:
    return Bot(plan(desk(seat(lambda: mode, instrument=PERP))))


def live(mode: Wishes, instrument: Instrument = BTC) -> Bot:
    """No venue answers inside: the test says what the venue says."""
    return Bot(plan(desk(seat(lambda: mode, instrument=instrument)), is_live=True))


def say(bot: Bot, *reports: Any) -> Any:
    return bot.feed(VenueReports("sim", bot.engine.now_ns, reports))


def filled(order_id: str, quantity: str, price: str = "100", number: int = 1, ts: int = HOUR_NS) -> Filled:
    return Filled(order_id, ts, f"{order_id}.{number}", Decimal(price), Decimal(quantity), Decimal(0), "USD", False)


def short(quantity: str, stop: str = "110", **terms: Any) -> Any:
    return sell(quantity, role=OrderRole.ENTRY, stop_loss_price=stop, instrument=PERP.id, leverage="2", **terms)


def long(quantity: str, stop: str = "90", **terms: Any) -> Any:
    return buy(quantity, stop, instrument=PERP.id, leverage="2", **terms)


def test_an_order_has_a_short_id_that_every_replay_repeats() -> None:
    ids = []
    for _ in range(2):
        mode = Wishes()
        bot = spot(mode)
        mode.wishes = [buy(take_profit_price="120")]
        bot.candle(0, 100)
        bot.candle(1, 100)
        ids.append([event.order.id for event in bot.events(OrderSubmitted)])
    assert ids[0] == ids[1] and len(set(ids[0])) == 3
    assert all(len(name) <= 36 and name.replace("-", "").isalnum() for name in ids[0])


def test_each_fill_of_an_entry_gets_its_legs_in_the_same_record_and_one_group() -> None:
    mode = Wishes()
    bot = spot(mode, max_volume_share=Decimal("0.1"))
    mode.wishes = [buy("1", take_profit_price="120", trailing_stop_rate="0.05")]
    bot.candle(0, 100)
    for hour, volume in ((1, 4), (2, 1000)):  # 0.4 fill in the first candle, 0.6 in the second
        record = bot.candle(hour, 100, volume=volume)
        (fill,) = [event for event in of(record, OrderReported) if isinstance(event.report, Filled)]
        legs = [event.order for event in of(record, OrderSubmitted)]
        assert [leg.role for leg in legs] == [OrderRole.STOP, OrderRole.TARGET, OrderRole.TRAIL]
        assert {leg.quantity for leg in legs} == {fill.report.quantity}
        assert len({leg.group_id for leg in legs}) == 1 and legs[0].group_id
        assert {event.cause for event in of(record, OrderSubmitted)} == {fill.seq}
        assert all(
            leg.is_reduce_only and leg.side is Side.SELL and leg.parent_id == fill.report.order_id for leg in legs
        )
    assert bot.roles()[0] == ("stop", "0.4") and len({order.group_id for order in bot.open_orders()}) == 2


def test_protection_descends_from_the_entrys_approval_even_after_the_mode_amended_it() -> None:
    mode = Wishes()
    bot = spot(mode)
    mode.wishes = [buy("2", limit_price="95", stop="80")]
    (approved,) = of(bot.candle(0, 100), Approved)
    entry = bot.open_orders()[0]
    mode.wishes = [AmendIntent(entry.id, Decimal(1))]
    bot.candle(1, 100)
    (leg,) = of(bot.candle(2, 100, low=90), OrderSubmitted)
    assert approved in list(causes(bot.records, leg.seq))


def test_an_answer_to_a_cancel_or_amendment_is_caused_by_the_asking() -> None:
    mode = Wishes()
    bot = spot(mode)
    mode.wishes = [buy("2", limit_price="95", stop="80")]
    bot.candle(0, 100)
    entry = bot.open_orders()[0]
    wanted: dict[Any, tuple[Any, Any]] = {
        AmendIntent(entry.id, Decimal(1)): (AmendRequested, Amended),
        CancelIntent(entry.id): (CancelRequested, Canceled),
    }
    for hour, (intent, (request, answer)) in enumerate(wanted.items(), start=1):
        mode.wishes = [intent]
        record = bot.candle(hour, 100)
        (told,) = [event for event in of(record, OrderReported) if isinstance(event.report, answer)]
        assert [told.cause] == [event.seq for event in of(record, request)]


def test_the_target_shrinks_the_stop_and_a_closed_position_leaves_no_order() -> None:
    mode = Wishes()
    bot = spot(mode, max_volume_share=Decimal("0.1"))
    mode.wishes = [buy("1", take_profit_price="110")]
    bot.candle(0, 100)
    bot.candle(1, 100)
    bot.candle(2, 100, high=112, volume=3)
    assert bot.position() == Decimal("0.7") and bot.roles() == [("stop", "0.7"), ("target", "0.7")]
    bot.candle(3, 110)
    assert bot.position() == 0 and bot.roles() == []
    assert [event.trade.exit_role for event in bot.events(TradeClosed)] == ["target"]


def test_stop_and_target_after_an_entry_inside_the_candle_meet_the_rest_of_it() -> None:
    """Path 100 - 95 - 85 - 105: in at 96, the stop at 90 on the way down, long before the close."""
    mode = Wishes()
    bot = spot(mode)
    mode.wishes = [buy(limit_price="96", take_profit_price="104")]
    bot.candle(0, 100)
    bot.candle(1, 100, high=105, low=85, close=105)
    assert [event.trade.exit_price for event in bot.events(TradeClosed)] == [90] and bot.roles() == []


def test_a_partial_fill_below_the_smallest_order_has_its_stop_and_can_be_closed() -> None:
    coarse, mode = msgspec.structs.replace(BTC, minimum_quantity=Decimal("0.01")), Wishes()
    venue = free_venue(coarse, max_volume_share=Decimal("0.1"))
    bot = Bot(plan(desk(seat(lambda: mode, instrument=coarse)), venue=venue))
    mode.wishes = [buy("1", take_profit_price="120")]
    bot.candle(0, 100)
    bot.candle(1, 100, volume=0.05)
    assert bot.position() == Decimal("0.005")
    assert bot.roles() == [("entry", "0.995"), ("stop", "0.005"), ("target", "0.005")]
    bot.command(CommandKind.PANIC, level=3)
    bot.candle(2, 100)
    assert bot.position() == 0 and bot.roles() == []


def test_a_partial_exit_shrinks_the_oldest_legs_first() -> None:
    mode = Wishes()
    bot = spot(mode)
    mode.wishes = [buy("1", "90", take_profit_price="130"), buy("1", "91", take_profit_price="130")]
    bot.candle(0, 100)
    bot.candle(1, 100)
    mode.wishes = [sell("1.3")]
    bot.candle(2, 100)
    bot.candle(3, 100)
    assert sorted(bot.roles()) == [("stop", "0.7"), ("target", "0.7")]
    assert [order.trigger_price for order in bot.open_orders() if order.role is OrderRole.STOP] == [91]


def test_a_whole_position_stop_grows_moves_to_the_newest_price_and_shrinks() -> None:
    mode = Wishes()
    bot = spot(mode)
    for hour, stop in ((0, "90"), (1, "88")):
        mode.wishes = [buy("1", stop, is_whole_position_stop=True)]
        bot.candle(hour, 100)
    bot.candle(2, 100)
    (stop_order,) = bot.open_orders()
    assert (stop_order.quantity, stop_order.trigger_price) == (2, 88)
    mode.wishes = [sell("0.5")]
    bot.candle(3, 100)
    bot.candle(4, 100)
    assert bot.roles() == [("stop", "1.5")]
    bot.candle(5, 100, low=80, close=85)
    assert bot.position() == 0 and bot.roles() == []


def test_a_whole_position_stop_descends_from_an_approval_and_its_entry_may_have_a_target() -> None:
    mode = Wishes()
    bot = spot(mode)
    mode.wishes = [buy("1", is_whole_position_stop=True, take_profit_price="120")]
    bot.candle(0, 100)
    legs = of(bot.candle(1, 100), OrderSubmitted)
    assert sorted(leg.order.role for leg in legs) == ["stop", "target"]
    assert all(any(isinstance(event, Approved) for event in causes(bot.records, leg.seq)) for leg in legs)
    bot.candle(2, 100, high=125)
    assert bot.position() == 0 and bot.roles() == []


def test_a_whole_position_stop_covers_what_the_stops_of_single_entries_do_not() -> None:
    mode = Wishes()
    bot = spot(mode)
    mode.wishes = [buy("1", "90"), buy("2", "85", is_whole_position_stop=True)]
    bot.candle(0, 100)
    bot.candle(1, 100)
    assert sorted(bot.roles()) == [("stop", "1"), ("stop", "2")]
    mode.wishes = [sell("2.5")]
    bot.candle(2, 100)
    bot.candle(3, 100)
    assert bot.position() == Decimal("0.5") and bot.roles() == [("stop", "0.5")]


def test_whole_position_terms_without_a_stop_place_none() -> None:
    mode = Wishes()
    bot = spot(mode)
    mode.wishes = [buy("1", None, is_whole_position_stop=True)]
    bot.candle(0, 100)
    bot.candle(1, 100)
    assert bot.position() == 1 and bot.roles() == [] and not bot.events(TentacleFailed)


@pytest.mark.parametrize("is_whole", [False, True])
def test_an_entry_against_the_position_closes_first_and_protection_follows(is_whole: bool) -> None:
    mode = Wishes()
    bot = perpetual(mode)
    mode.wishes = [long("2", is_whole_position_stop=is_whole)]
    bot.candle(0, 100, instrument=PERP.id)
    mode.wishes = [short("0.5", is_whole_position_stop=is_whole)]
    bot.candle(1, 100, instrument=PERP.id)
    mode.wishes = [short("2.5", is_whole_position_stop=is_whole)]
    bot.candle(2, 100, instrument=PERP.id)
    assert bot.roles(instrument=PERP.id)[:1] == [("stop", "1.5")]
    bot.candle(3, 100, instrument=PERP.id)
    (stop,) = bot.open_orders(instrument=PERP.id)
    assert bot.position(instrument=PERP.id) == -1
    assert (stop.side, stop.remaining, stop.trigger_price) == (Side.BUY, 1, 110)


def test_a_stop_price_between_ticks_is_rounded_towards_the_entry() -> None:
    mode = Wishes()
    bot = perpetual(mode)
    mode.wishes = [long("1", "89.991", take_profit_price="120.004")]
    bot.candle(0, 100, instrument=PERP.id)
    bot.candle(1, 100, instrument=PERP.id)
    prices = [str(order.trigger_price) for order in bot.open_orders(instrument=PERP.id)]
    assert prices == ["90.00", "120.00"]
    mode.wishes = [short("2", "110.009")]
    bot.candle(2, 100, instrument=PERP.id)
    bot.candle(3, 100, instrument=PERP.id)
    assert [str(order.trigger_price) for order in bot.open_orders(instrument=PERP.id)] == ["110.00"]


def test_a_position_whose_stop_is_rejected_is_closed() -> None:
    mode = Wishes()
    bot = live(mode)
    mode.wishes = [buy()]
    bot.candle(0, 100)
    entry = bot.open_orders()[0]
    say(bot, Accepted(entry.id, HOUR_NS), filled(entry.id, "1"))
    (stop,) = bot.open_orders()
    record = say(bot, Rejected(stop.id, HOUR_NS, "no_such_kind"))
    (order,) = [event.order for event in of(record, OrderSubmitted)]
    assert (order.role, order.side, order.quantity, order.code) == (OrderRole.FLATTEN, Side.SELL, 1, "stop_rejected")


def test_a_rejected_cancel_leaves_the_order_open() -> None:
    mode = Wishes()
    bot = live(mode)
    mode.wishes = [buy(limit_price="90", stop="80")]
    bot.candle(0, 100)
    entry = bot.open_orders()[0]
    mode.wishes = [CancelIntent(entry.id)]
    bot.candle(1, 100)
    say(bot, Rejected(entry.id, 2 * HOUR_NS, "too_late", of="cancel"))
    assert [order.id for order in bot.open_orders()] == [entry.id]


@pytest.mark.parametrize(
    ("late", "state"),
    [(Accepted("", 1), OrderState.PARTIALLY_FILLED), (Triggered("", 1, 1.0), OrderState.PARTIALLY_FILLED)],
)
def test_an_acknowledgement_that_a_fill_has_overtaken_changes_nothing(late: Any, state: OrderState) -> None:
    mode = Wishes()
    bot = live(mode)
    mode.wishes = [buy("2")]
    bot.candle(0, 100)
    entry = bot.open_orders()[0]
    say(bot, filled(entry.id, "1"), msgspec.structs.replace(late, order_id=entry.id))
    assert bot.engine.execution.order(entry.id).state is state


def test_a_late_or_foreign_report_is_recorded_and_changes_nothing() -> None:
    bot = live(Wishes())
    (event,) = of(say(bot, filled("foreign-1", "5")), OrderReported)
    assert (event.desk, event.cause) == ("", bot.records[-1].seq) and bot.position() == 0


def test_a_fill_beyond_the_order_stops_the_run() -> None:
    mode = Wishes()
    bot = live(mode)
    mode.wishes = [buy()]
    bot.candle(0, 100)
    with pytest.raises(Overfilled, match="remaining 1"):
        say(bot, filled(bot.open_orders()[0].id, "1.001"))


def test_an_order_expires_at_its_time() -> None:
    mode = Wishes()
    bot = spot(mode)
    mode.wishes = [buy(limit_price="90", stop="80", time_in_force=TimeInForce.GTD, expires_at_ns=HOUR_NS + MINUTE_NS)]
    bot.candle(0, 100)
    record = bot.candle(1, 100)
    assert [type(event.report) for event in of(record, OrderReported)] == [Expired] and bot.roles() == []


def test_a_market_halt_holds_stop_and_position_together() -> None:
    mode = Wishes()
    bot = spot(mode)
    mode.wishes = [buy()]
    bot.candle(0, 100)
    bot.candle(1, 100)
    bot.feed(InstrumentStatus(BTC.id, 2 * HOUR_NS, True))
    bot.candle(2, 80)
    assert bot.position() == 1 and bot.roles() == [("stop", "1")]
    bot.feed(InstrumentStatus(BTC.id, 3 * HOUR_NS, False))
    bot.candle(3, 80)
    assert bot.position() == 0 and bot.roles() == []


def test_orders_of_the_last_minute_are_counted_over_the_account() -> None:
    seen: list[int] = []
    mode, other = Wishes(), Wishes(candle=lambda c, view: seen.append(view.orders_last_minute) or ())
    bot = Bot(
        plan(
            desk(seat(lambda: mode), name="alpha", timeframe="1m"),
            desk(seat(lambda: other), name="beta", timeframe="1m"),
        )
    )
    for minute, wishes in enumerate(([buy(limit_price="50", stop="40")] * 2, [], [])):
        mode.wishes = list(wishes)
        opened = minute * MINUTE_NS
        bot.feed(msgspec.structs.replace(_candle(), opened_at_ns=opened, ts=opened + MINUTE_NS))
    assert seen == [2, 0, 0]


def _candle() -> Any:
    return Candle(BTC.id, "1m", 0, MINUTE_NS, 100.0, 100.0, 100.0, 100.0, 1.0)


def test_what_is_free_to_spend_counts_open_entries_fees_and_margin() -> None:
    """10,000 - 2 x 90 - fee 0.1 % of 180; a perpetual holds a tenth of 300 at leverage 10, and a fee of 0.3."""
    seen: dict[str, list[Decimal]] = {"spot": [], "perp": []}
    mode = Wishes(candle=lambda c, view: seen["spot"].append(view.available) or ())
    bot = spot(mode)
    mode.wishes = [buy("2", limit_price="90", stop="80")]
    bot.candle(0, 100)
    bot.candle(1, 100)
    mode = Wishes(candle=lambda c, view: seen["perp"].append(view.available) or ())
    bot = perpetual(mode)
    mode.wishes = [buy("3", instrument=PERP.id, leverage="10")]
    for hour in range(3):
        bot.candle(hour, 100, instrument=PERP.id)
    assert seen["spot"] == [10_000, Decimal("9819.82")]
    assert seen["perp"] == [10_000, Decimal("9969.7"), Decimal("9969.7")]


def test_exposure_and_open_positions_count_entries_that_are_still_open() -> None:
    seen: list[tuple[float, int, Decimal]] = []
    mode = Wishes(
        candle=lambda c, view: seen.append((view.account_exposure, view.open_positions, view.pending_entries)) or ()
    )
    bot = spot(mode)
    mode.wishes = [buy("1"), buy("2", limit_price="50", stop="40")]
    for hour in range(2):
        bot.candle(hour, 100)
    assert seen == [(0.0, 0, 0), (100.0 + 2 * 50.0, 1, 2)]


def test_a_mode_sees_its_average_entry_equity_and_limits() -> None:
    seen: list[Any] = []
    mode = Wishes(
        candle=lambda c, v: (
            seen.append(
                (
                    v.average_entry,
                    v.equity,
                    v.desk,
                    v.account,
                    v.limits.stop_loss,
                    v.account_limits.max_exposure,
                    v.price,
                    v.account_day_start_equity,
                    v.account_peak_equity,
                )
            )
            or ()
        )
    )
    bot = spot(mode)
    mode.wishes = [buy("10")]
    bot.candle(0, 100)
    bot.candle(1, 100, close=110)
    fee = 10 * 100 * 0.001
    rest = ("alpha", "paper", 0.02, 0.8)
    assert seen[0] == (0.0, 10_000.0, *rest, 100.0, 100_000.0, 100_000.0)
    assert seen[1] == (100.0, 10_100.0 - fee, *rest, 110.0, 100_000.0, 100_099.0)


def test_a_liquidation_closes_the_books_and_leaves_no_order() -> None:
    mode = Wishes()
    bot = Bot(plan(desk(seat(lambda: mode, instrument=PERP)), accounts=[account()]))
    mode.wishes = [
        buy("10", "50", instrument=PERP.id, leverage="20"),
        buy("1", "40", instrument=PERP.id, limit_price="60", leverage="2"),
    ]
    bot.candle(0, 100, instrument=PERP.id)
    bot.candle(1, 100, instrument=PERP.id)
    record = bot.candle(2, 100, low=90, close=92, instrument=PERP.id)
    (closed,) = of(record, TradeClosed)
    assert closed.trade.exit_role == "liquidation" and bot.position(instrument=PERP.id) == 0
    assert bot.roles(instrument=PERP.id) == []
    lost = 10_000 - bot.engine.portfolio.balance("paper", "alpha", "USD")
    assert lost == -closed.trade.net and lost <= 10 * 100 / 20 + 1  # the margin, and the fee of the entry


def test_state_is_restored_into_a_new_engine_only() -> None:
    mode = Wishes()
    bot = spot(mode)
    mode.wishes = [buy(limit_price="90", stop="80")]
    bot.candle(0, 100)
    with pytest.raises(OrderError, match="new engine only"):
        bot.engine.execution.restore_state(bot.engine.execution.export_state())


def test_an_order_to_a_venue_that_does_not_answer_inside_stays_submitted() -> None:
    mode = Wishes()
    bot = live(mode)
    mode.wishes = [buy(), buy(limit_price="90", stop="80")]
    bot.candle(0, 100)
    assert [order.state for order in bot.open_orders()] == [OrderState.SUBMITTED] * 2
    record = bot.command(CommandKind.CANCEL, bot.open_orders()[0].id)
    assert len(of(record, CancelRequested)) == 1 and len(bot.open_orders()) == 2
    mode.wishes = [AmendIntent(bot.open_orders()[1].id, Decimal("0.5"))]
    assert len(of(bot.candle(1, 100), AmendRequested)) == 1
    bot.feed(FundingRate(BTC.id, 2 * HOUR_NS, 0.001))


def test_a_stop_entry_waits_for_its_trigger_and_is_protected() -> None:
    mode = Wishes()
    bot = spot(mode)
    mode.wishes = [buy(kind=OrderKind.STOP, trigger_price="105", stop="95")]
    bot.candle(0, 100)
    bot.candle(1, 100)
    assert bot.position() == 0
    bot.candle(2, 100, high=106, close=106)
    assert bot.position() == 1 and bot.roles() == [("stop", "1")]


def test_a_restored_engine_keeps_open_orders_and_their_protection() -> None:
    mode = Wishes()
    bot = spot(mode)
    mode.wishes = [
        buy(limit_price="95", stop="80", take_profit_price="120"),
        buy("1", "85", is_whole_position_stop=True),
    ]
    bot.candle(0, 100)
    bot.candle(1, 100)
    fresh = Engine(plan(desk(seat(Wishes))))
    fresh.restore_state(msgspec.msgpack.decode(msgspec.msgpack.encode(bot.engine.export_state())))
    assert fresh.execution.open_orders(("alpha", BTC.id)) == bot.open_orders()
    bot.engine = fresh
    bot.candle(2, 100, low=90)
    assert sorted(bot.roles()) == [("stop", "1"), ("stop", "1"), ("target", "1")]
    assert not bot.events(Refused)


def test_a_state_with_open_orders_of_a_desk_that_is_gone_is_refused() -> None:
    mode = Wishes()
    bot = spot(mode)
    mode.wishes = [buy(limit_price="95", stop="80")]
    bot.candle(0, 100)
    state = msgspec.msgpack.decode(msgspec.msgpack.encode(bot.engine.export_state()))
    other = Engine(plan(desk(seat(Wishes), name="beta")))
    with pytest.raises(DataError, match=r"desk alpha has open order .* but is no longer configured there: put it back"):
        other.restore_state(state)
