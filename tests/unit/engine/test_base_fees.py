"""Fees in the base asset: less arrives than was filled, and everything that follows is about what arrived.

Lots are 0.01, the fee is 1 % of what is bought, the price is 100 unless a test says otherwise.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from loligo.engine.plan import EnginePlan
from loligo.model.events import LedgerPosted, OrderReported, PositionChanged, TradeClosed
from loligo.model.order import Filled, OrderRole
from loligo.model.portfolio import HOUSE_BOOK, MARKET_BOOK, PostingKind
from loligo.ports.tentacles import MakeContext
from tentacles.venues.simulated.settings import SimulatedVenueSettings
from tentacles.venues.simulated.simulated import SimulatedVenue
from tests.fakes.desks import BTC, Bot, Wishes, buy, desk, of, plan, seat, sell
from tests.fakes.venue_scene import FREE

D = Decimal
IN_BASE = msgspec.structs.replace(
    BTC,
    fee_in="base",
    maker_fee_rate=D("0.01"),
    taker_fee_rate=D("0.01"),
    quantity_step=D("0.01"),
    minimum_quantity=D("0.01"),
)


def base_plan(mode: Wishes, **settings: Any) -> EnginePlan:
    venue = SimulatedVenue(SimulatedVenueSettings(**{**FREE, **settings}), MakeContext(instruments=(IN_BASE,)))
    return plan(desk(seat(lambda: mode, instrument=IN_BASE)), venue=venue)


def bought(mode: Wishes, *wishes: Any, **settings: Any) -> Bot:
    bot = Bot(base_plan(mode, **settings))
    mode.wishes = list(wishes)
    bot.candle(0, 100)
    bot.candle(1, 100)
    return bot


def balance(bot: Bot, asset: str, book: str = "alpha") -> Decimal:
    return bot.engine.portfolio.balance("paper", book, asset)


def test_a_buy_pays_out_of_what_it_bought() -> None:
    """2 bought for 200: 0.02 of them are the fee, worth 2 dollars."""
    bot = bought(Wishes(), buy("2"))
    assert (balance(bot, "BTC"), balance(bot, "USD"), bot.position()) == (D("1.98"), 9_800, D("1.98"))
    fee = bot.events(LedgerPosted)[-1]
    assert fee.kind is PostingKind.FEE
    assert [(p.book, p.asset, p.amount) for p in fee.postings] == [
        ("alpha", "BTC", D("-0.02")),
        (MARKET_BOOK, "BTC", D("0.02")),
    ]
    position = bot.events(PositionChanged)[-1].position
    assert (position.quantity, position.average_entry, position.fees) == (D("1.98"), 100, 2)


def test_a_sell_pays_in_the_quote_asset_and_the_trade_accounts_for_every_cent() -> None:
    """1.98 sold at 110 bring 217.80 less 2.178: net 15.622 = 19.80 won, 2 and 2.178 paid."""
    mode = Wishes()
    bot = bought(mode, buy("2"))
    mode.wishes = [sell("2")]  # more than there is: cut to what is held
    bot.candle(2, 110)
    bot.candle(3, 110)
    (closed,) = bot.events(TradeClosed)
    trade = closed.trade
    assert (trade.gross, trade.fees, trade.net) == (D("19.80"), D("4.178"), D("15.622"))
    assert (trade.quantity, trade.entry_price, trade.exit_price) == (D("1.98"), 100, 110)
    assert balance(bot, "USD") == 10_000 + trade.net and balance(bot, "BTC") == 0


def test_protection_covers_what_can_be_sold_and_never_more() -> None:
    """0.55 bought, 0.0055 paid: of 0.5445 held, 0.54 can be sold."""
    bot = bought(Wishes(), buy("0.55", take_profit_price="120"))
    assert bot.position() == D("0.5445")
    assert bot.roles() == [("stop", "0.54"), ("target", "0.54")]


def test_protection_of_partial_fills_adds_up_to_what_can_be_sold() -> None:
    """10 % of 5 a candle: 0.5 + 0.5 + 0.1 bought, 1.089 held; the third fill brings the lot that the first two lack."""
    mode = Wishes()
    bot = Bot(base_plan(mode, max_volume_share=D("0.1")))
    mode.wishes = [buy("1.1")]
    expected = {1: "0.495", 2: "0.99", 3: "1.089"}
    bot.candle(0, 100, volume=5)
    for hour, held in expected.items():
        bot.candle(hour, 100, volume=5)
        assert bot.position() == D(held)
        stops = sum((order.remaining for order in bot.open_orders() if order.role is OrderRole.STOP), D(0))
        assert stops == bot.position() // D("0.01") * D("0.01")


@pytest.mark.parametrize("leaves_by", ["stop", "exit"])
def test_what_is_left_below_a_lot_goes_to_the_house(leaves_by: str) -> None:
    """0.5445 held: 0.54 are sold at 90, 0.0045 cannot be. The desk is flat and has lost them."""
    mode = Wishes()
    bot = bought(mode, buy("0.55", "90" if leaves_by == "stop" else "80"))
    if leaves_by == "exit":
        mode.wishes = [sell("1")]
        bot.candle(2, 91)
    record = bot.candle(3, 90)
    dust = of(record, LedgerPosted)[-1]
    assert dust.kind is PostingKind.DUST
    assert [(p.book, p.amount) for p in dust.postings] == [("alpha", D("-0.0045")), (HOUSE_BOOK, D("0.0045"))]
    assert bot.position() == 0 and balance(bot, "BTC") == 0 and bot.open_orders() == []
    (closed,) = of(record, TradeClosed)
    assert closed.trade.exit_role == leaves_by
    assert closed.trade.gross == D("0.54") * -10 - D("0.45")  # the dust cost 0.45
    assert balance(bot, "USD") == 10_000 + closed.trade.net


def test_a_mode_that_sells_a_part_leaves_protection_on_the_lot() -> None:
    """1.98 held, 0.5 sold: 1.48 are left. After another 0.55 bought 2.0245 are held, 2.02 protected."""
    mode = Wishes()
    bot = bought(mode, buy("2"))
    mode.wishes = [sell("0.5")]
    bot.candle(2, 100)
    bot.candle(3, 100)
    assert bot.roles() == [("stop", "1.48")]
    mode.wishes = [buy("0.55")]
    bot.candle(4, 100)
    bot.candle(5, 100)
    assert bot.position() == D("2.0245") and bot.roles() == [("stop", "1.48"), ("stop", "0.54")]


def test_a_whole_position_stop_covers_the_lots_of_all_entries() -> None:
    mode = Wishes()
    bot = bought(mode, buy("0.55", is_whole_position_stop=True), buy("0.55", is_whole_position_stop=True))
    assert bot.position() == D("1.089") and bot.roles() == [("stop", "1.08")]


def test_venue_and_books_hold_the_same_after_dust() -> None:
    """Bought, stopped out, bought again: the venue sells no more than the books have."""
    mode = Wishes()
    bot = bought(mode, buy("0.55"))
    bot.candle(2, 90)
    mode.wishes = [buy("0.55", "50")]
    bot.candle(3, 90)
    bot.candle(4, 90)
    mode.wishes = [sell("9")]
    bot.candle(5, 90)
    bot.candle(6, 90)
    sold = [e.report.quantity for e in bot.events(OrderReported) if isinstance(e.report, Filled)]
    assert sold == [D("0.55"), D("0.54"), D("0.55"), D("0.54")]
    assert bot.position() == 0 and bot.engine.portfolio.balance("paper", HOUSE_BOOK, "BTC") == D("0.009")


def test_a_buy_eaten_up_by_its_fee_is_a_round_trip_that_lost_it_all() -> None:
    """The smallest amount that is booked is a lot, and the fee is rounded up to it."""
    mode = Wishes()
    coarse = msgspec.structs.replace(IN_BASE, base_step=D("0.01"), minimum_notional=D(0))
    venue = SimulatedVenue(SimulatedVenueSettings(**FREE), MakeContext(instruments=(coarse,)))
    bot = Bot(plan(desk(seat(lambda: mode, instrument=coarse)), venue=venue))
    mode.wishes = [buy("0.01")]
    bot.candle(0, 100)
    bot.candle(1, 100)
    (closed,) = bot.events(TradeClosed)
    assert closed.trade.net == -1 and bot.position() == 0 and bot.open_orders() == []
