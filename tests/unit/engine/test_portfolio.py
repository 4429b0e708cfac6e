"""Portfolio: bookings, lots, closed trades, funding, equity and its anchors, in numbers."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from loligo.engine.engine import Engine
from loligo.engine.plan import DeskPlan
from loligo.errors import LedgerError
from loligo.model.command import GenerationActivated, SlotVersion, TimeAdvanced
from loligo.model.events import EquityMarked, LedgerPosted, PositionChanged, TradeClosed
from loligo.model.market import FundingRate, Quote, Side
from loligo.model.order import OrderRole
from loligo.model.portfolio import HOUSE_BOOK, MARKET_BOOK, PostingKind
from loligo.model.timeframe import DAY_NS, HOUR_NS
from tests.fakes.desks import BTC, PERP, Bot, Wishes, account, buy, desk, of, plan, seat, sell

D = Decimal


def trade(bot: Bot, mode: Wishes, hour: int, price: float, *wishes: Any, instrument: str = BTC.id) -> Any:
    """Let the mode ask at the close of the hour before, and fill at `price`, the open of `hour`."""
    mode.wishes = list(wishes)
    bot.candle(hour - 1, price, instrument=instrument)
    return bot.candle(hour, price, instrument=instrument)


def spot_bot(mode: Wishes) -> Bot:
    return Bot(plan(desk(seat(lambda: mode))))


def perp_bot(mode: Wishes) -> Bot:
    return Bot(plan(desk(seat(lambda: mode, instrument=PERP))))


def contract(side: str, quantity: str, **terms: Any) -> Any:
    make = buy if side == "buy" else sell
    stop = {"stop": None} if side == "buy" else {"role": OrderRole.ENTRY}
    return make(quantity, instrument=PERP.id, leverage="5", **stop, **terms)


def test_a_desk_is_opened_with_its_capital_out_of_the_deposit() -> None:
    bot = Bot(plan(desk(seat()), accounts=[account(deposit="50000", EUR="7")]))
    portfolio = bot.engine.portfolio
    assert portfolio.balances() == {
        ("paper", HOUSE_BOOK, "EUR"): 7,
        ("paper", MARKET_BOOK, "EUR"): -7,
        ("paper", HOUSE_BOOK, "USD"): 40_000,
        ("paper", MARKET_BOOK, "USD"): -50_000,
        ("paper", "alpha", "USD"): 10_000,
    }
    assert portfolio.accounts["paper"].equity == 50_000.0 and portfolio.books["alpha"].equity == 10_000.0
    assert [event.kind for event in bot.events(LedgerPosted)] == [
        PostingKind.DEPOSIT,
        PostingKind.DEPOSIT,
        PostingKind.ALLOCATION,
    ]


def test_capital_beyond_the_deposit_stops_the_run_and_names_both_keys() -> None:
    with pytest.raises(LedgerError, match=r"lower desks.alpha.capital or raise accounts.paper.deposits"):
        Bot(plan(desk(seat(), capital="100001")))


def test_a_desk_that_is_new_with_a_later_generation_gets_its_capital_then_and_only_then() -> None:
    bot = Bot(plan(desk(seat())))
    record = bot.feed(GenerationActivated(1, 2, ()))
    assert record.events == []


def test_a_spot_fill_moves_both_assets_and_a_fee() -> None:
    mode = Wishes()
    bot = spot_bot(mode)
    record = trade(bot, mode, 1, 100, buy("2"))
    fill, fee = of(record, LedgerPosted)
    assert [(p.book, p.asset, p.amount) for p in fill.postings] == [
        ("alpha", "BTC", D(2)),
        ("alpha", "USD", D(-200)),
        (MARKET_BOOK, "BTC", D(-2)),
        (MARKET_BOOK, "USD", D(200)),
    ]
    assert [(p.book, p.amount) for p in fee.postings] == [("alpha", D("-0.2")), (MARKET_BOOK, D("0.2"))]


def test_lots_are_matched_first_in_first_out() -> None:
    """1 at 100, 2 at 110; 2 sold at 120 take the first and half of the second: 20 + 10. What is left cost 110."""
    mode = Wishes()
    bot = spot_bot(mode)
    trade(bot, mode, 1, 100, buy("1", None))
    trade(bot, mode, 3, 110, buy("2", None))
    trade(bot, mode, 5, 120, sell("2"))
    position = bot.events(PositionChanged)[-1].position
    assert (position.quantity, position.realised, position.average_entry) == (1, 30, 110)
    assert position.fees == (D(100) + 220 + 240) * D("0.001") and position.opened_at_ns == HOUR_NS


def test_a_round_trip_is_told_with_its_averages_and_its_net() -> None:
    mode = Wishes()
    bot = spot_bot(mode)
    trade(bot, mode, 1, 100, buy("1", None))
    trade(bot, mode, 3, 110, buy("2", None))
    record = trade(bot, mode, 5, 120, sell("3"))
    (closed,) = of(record, TradeClosed)
    result = closed.trade
    assert (result.side, result.quantity, result.exit_price, result.exit_role) == (Side.BUY, 3, 120, "exit")
    assert result.entry_price == D("106.666666666667")  # 320 / 3, rounded for display
    assert (result.gross, result.fees) == (40, D("0.68")) and result.net == D("39.32")
    assert (result.opened_at_ns, result.closed_at_ns) == (HOUR_NS, 5 * HOUR_NS)
    assert bot.engine.portfolio.balance("paper", "alpha", "USD") == 10_000 + result.net


def test_a_perpetual_moves_only_its_result_and_its_fee() -> None:
    """Long 2 at 100, sold at 105: 10 won, fees 0.2 and 0.21."""
    mode = Wishes()
    bot = perp_bot(mode)
    trade(bot, mode, 1, 100, contract("buy", "2"), instrument=PERP.id)
    assert bot.engine.portfolio.balance("paper", "alpha", "USD") == D("9999.8")
    trade(bot, mode, 3, 105, contract("sell", "2", is_reduce_only=True), instrument=PERP.id)
    assert bot.engine.portfolio.balance("paper", "alpha", "USD") == D("9999.8") + 10 - D("0.21")
    assert bot.engine.portfolio.balance("paper", "alpha", "BTC") == 0


def test_a_fill_that_crosses_zero_ends_one_round_trip_and_begins_the_next() -> None:
    """Long 1 at 100, sell 3 at 110: 10 won, then short 2 at 110, bought back at 100: 20 won."""
    mode = Wishes()
    bot = perp_bot(mode)
    trade(bot, mode, 1, 100, contract("buy", "1"), instrument=PERP.id)
    record = trade(bot, mode, 3, 110, contract("sell", "3"), instrument=PERP.id)
    (closed,) = of(record, TradeClosed)
    assert (closed.trade.gross, closed.trade.quantity, closed.trade.fees) == (10, 1, D("0.1") + D("0.33"))
    position = of(record, PositionChanged)[-1].position
    assert (position.quantity, position.average_entry, position.realised, position.fees) == (-2, 110, 0, 0)
    record = trade(bot, mode, 5, 100, contract("buy", "2"), instrument=PERP.id)
    (closed,) = of(record, TradeClosed)
    assert (closed.trade.side, closed.trade.gross, closed.trade.entry_price) == (Side.SELL, 20, 110)
    assert bot.engine.portfolio.balance("paper", "alpha", "USD") == 10_000 + 30 - D("0.1") - D("0.33") - D("0.2")


@pytest.mark.parametrize(
    ("side", "rate", "paid"), [("buy", 0.0001, "0.02"), ("sell", 0.0001, "-0.02"), ("buy", -0.0003, "-0.06")]
)
def test_longs_pay_a_positive_funding_rate_and_shorts_receive_it(side: str, rate: float, paid: str) -> None:
    """2 contracts at a mark of 100: notional 200."""
    mode = Wishes()
    bot = perp_bot(mode)
    trade(bot, mode, 1, 100, contract(side, "2"), instrument=PERP.id)
    before = bot.engine.portfolio.balance("paper", "alpha", "USD")
    record = bot.feed(FundingRate(PERP.id, 2 * HOUR_NS, rate))
    assert before - bot.engine.portfolio.balance("paper", "alpha", "USD") == D(paid)
    assert [event.kind for event in of(record, LedgerPosted)] == [PostingKind.FUNDING]
    assert of(record, PositionChanged)[0].position.funding == D(paid)


def test_funding_concerns_nobody_without_a_mark_a_position_or_a_desk() -> None:
    bot = Bot(plan(desk(seat(instrument=PERP))))
    for instrument in (PERP.id, "sim:UNKNOWN"):
        assert bot.feed(FundingRate(instrument, 1, 0.01)).events == []
    bot.candle(0, 100, instrument=PERP.id)
    assert bot.feed(FundingRate(PERP.id, HOUR_NS, 0.01)).events == []


def test_funding_too_small_for_a_posting_is_none() -> None:
    mode = Wishes()
    bot = perp_bot(mode)
    trade(bot, mode, 1, 100, contract("buy", "1"), instrument=PERP.id)
    assert not of(bot.feed(FundingRate(PERP.id, 2 * HOUR_NS, 1e-11)), LedgerPosted)


def test_equity_follows_the_mark_of_candles_trades_and_quotes() -> None:
    mode = Wishes()
    bot = spot_bot(mode)
    trade(bot, mode, 1, 100, buy("10", None))
    book = bot.engine.portfolio.books["alpha"]
    assert book.equity == 10_000 - 1.0
    bot.feed(Quote(BTC.id, 2 * HOUR_NS, 104.0, 106.0, 1.0, 1.0))
    assert book.equity == 10_000 - 1.0 + 50.0
    bot.candle(2, 105, close=90)
    assert book.equity == 10_000 - 1.0 - 100.0
    assert book.peak_equity == 10_000 - 1.0 + 50.0


def test_a_short_perpetual_gains_when_the_price_falls() -> None:
    seen: list[float] = []
    mode = Wishes(candle=lambda candle, view: seen.append(view.account_exposure) or ())
    bot = perp_bot(mode)
    trade(bot, mode, 1, 100, contract("sell", "2"), instrument=PERP.id)
    bot.candle(2, 90, instrument=PERP.id)
    assert bot.engine.portfolio.books["alpha"].equity == pytest.approx(10_000 - 0.2 + 20, abs=1e-9)
    assert seen == [0.0, 200.0, 180.0]


def test_equity_is_told_for_each_desk_and_the_account_when_it_moved() -> None:
    mode = Wishes()
    desks = (desk(seat(lambda: mode), name="alpha"), desk(seat(), name="beta"))
    bot = Bot(plan(*desks, equity_every_ns=HOUR_NS))
    trade(bot, mode, 1, 100, buy("10", None))
    bot.candle(2, 100, close=80)
    told = of(bot.feed(TimeAdvanced(4 * HOUR_NS)), EquityMarked)
    assert [(event.desk, event.equity) for event in told] == [("alpha", 9_799.0), ("beta", 10_000.0), ("", 99_799.0)]
    assert told[0].drawdown == pytest.approx(1 - 9_799 / 10_000) and told[0].exposure == pytest.approx(800 / 9_799)
    assert told[-1].drawdown == pytest.approx(201 / 100_000) and told[-1].exposure == pytest.approx(800 / 99_799)
    assert not of(bot.feed(TimeAdvanced(9 * HOUR_NS)), EquityMarked)


def test_the_days_first_equity_is_taken_at_midnight_utc() -> None:
    mode = Wishes()
    bot = spot_bot(mode)
    trade(bot, mode, 22, 100, buy("10", None))
    book = bot.engine.portfolio.accounts["paper"]
    bot.candle(23, 100, close=90)
    assert book.day_start_equity == 99_999.0  # midnight came before the candle that closed at it
    bot.feed(TimeAdvanced(2 * DAY_NS))
    assert book.day_start_equity == 99_899.0


def test_an_account_without_money_has_no_shares() -> None:
    bot = Bot(plan(desk(seat(), capital="0"), accounts=[account(deposit="0")], equity_every_ns=HOUR_NS))
    book = bot.engine.portfolio.accounts["paper"]
    book.told_equity = 1.0  # as if it had been told, so that the move to nothing is
    told = of(bot.feed(TimeAdvanced(2 * HOUR_NS)), EquityMarked)
    assert [(event.equity, event.drawdown, event.exposure) for event in told] == [(0.0, 0.0, 0.0)] * 2


def test_money_added_to_the_deposits_of_an_open_account_is_booked_once_and_hides_no_drawdown() -> None:
    bot = Bot(plan(desk(seat(Wishes)), accounts=[account(deposit="10000")]))
    books = bot.engine.portfolio.accounts["paper"]
    books.peak_equity = 12_500.0  # as after a fall of 20 %
    richer = Engine(plan(desk(seat(Wishes)), accounts=[account(deposit="15000")]))
    richer.restore_state(msgspec.msgpack.decode(msgspec.msgpack.encode(bot.engine.export_state())))
    posted = [richer.process(GenerationActivated(ts, ts, ())).events for ts in (2, 3)]
    assert [[str(event.postings[0].amount) for event in events] for events in posted] == [["5000"], []]
    after = richer.portfolio.accounts["paper"]
    assert (after.equity, after.peak_equity) == (15_000.0, 17_500.0)


def test_an_accounts_peak_is_never_one_of_half_marked_books() -> None:
    """Long 1 and short 1 at 100 on two desks of one account: at 110 one has won what the other has lost."""
    long_mode, short_mode = Wishes(), Wishes()
    desks = [
        desk(seat(lambda mode=mode: mode, instrument=PERP), name=name)  # type: ignore[misc]
        for name, mode in (("alpha", long_mode), ("beta", short_mode))
    ]
    bot = Bot(plan(*desks, accounts=[account(deposit="20000")]))
    long_mode.wishes, short_mode.wishes = [contract("buy", "1")], [contract("sell", "1")]
    bot.candle(0, 100, instrument=PERP.id)
    bot.candle(1, 100, instrument=PERP.id)
    bot.candle(2, 110, instrument=PERP.id)
    money = bot.engine.portfolio.accounts["paper"]
    assert money.peak_equity == 20_000.0 and money.equity == 20_000.0 - 0.2


# Desks that go


def generation(bot: Bot, number: int, *desks: DeskPlan, **more: Any) -> None:
    """Go on by a plan of these desks, as a start with another configuration does."""
    slots = (SlotVersion("desk/all", str(number), ""),)
    bot.engine.prepare(replace(plan(*desks, **more), slots=slots))
    bot.feed(GenerationActivated(bot.engine.now_ns, number, slots))


def test_what_a_desk_had_that_is_gone_is_the_houses_and_no_loss_of_the_account() -> None:
    alpha, beta = desk(seat()), desk(seat(), name="beta", capital="60000")
    bot = Bot(plan(alpha, beta))
    bot.candle(0, 100)
    generation(bot, 2, alpha)
    portfolio = bot.engine.portfolio
    assert portfolio.balance("paper", "house", "USD") == 100_000 - 10_000
    assert portfolio.balance("paper", "beta", "USD") == 0
    assert portfolio.accounts["paper"].equity == portfolio.accounts["paper"].peak_equity == 100_000.0
    posted = bot.events(LedgerPosted)[-1]
    assert (posted.desk, posted.kind) == ("beta", PostingKind.ALLOCATION)
    assert [(one.book, one.amount) for one in posted.postings] == [("house", D(60_000)), ("beta", D(-60_000))]


def test_a_desk_that_comes_back_gets_its_capital_once() -> None:
    alpha, beta = desk(seat()), desk(seat(), name="beta", capital="60000")
    bot = Bot(plan(alpha, beta))
    generation(bot, 2, alpha)
    generation(bot, 3, alpha, beta)
    generation(bot, 4, replace(beta, capital=D(1)), alpha)
    assert bot.engine.portfolio.balance("paper", "beta", "USD") == 60_000
    assert bot.engine.portfolio.balance("paper", "house", "USD") == 30_000


def test_a_desk_that_moves_to_another_account_leaves_its_money_and_takes_it_there() -> None:
    accounts = (account(), account("other", deposit="500"))
    bot = Bot(plan(desk(seat()), accounts=accounts))
    generation(bot, 2, desk(seat(), account="other", capital="400"), accounts=accounts)
    portfolio = bot.engine.portfolio
    assert (portfolio.balance("paper", "house", "USD"), portfolio.balance("paper", "alpha", "USD")) == (100_000, 0)
    assert (portfolio.balance("other", "house", "USD"), portfolio.balance("other", "alpha", "USD")) == (100, 400)
