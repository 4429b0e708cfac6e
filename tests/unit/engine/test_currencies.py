"""One account, several currencies: everything is measured in its reference currency, or said to be unknown.

EUR stands at 1.10 USD unless a test says otherwise. The account has 1,000 USD and 2,000 EUR: 3,200 USD.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from math import isnan
from typing import Any

import msgspec
import pytest

from loligo.engine.engine import Engine
from loligo.engine.plan import DeskPlan, EnginePlan
from loligo.model.command import TimeAdvanced
from loligo.model.events import Approved, EquityMarked, LedgerPosted, Refused, RiskChecked, TradeClosed
from loligo.model.instrument import Instrument
from loligo.model.market import Quote
from loligo.model.risk import AccountLimits, ActionKind, RiskAction, Tier
from loligo.model.timeframe import DAY_NS, HOUR_NS
from loligo.ports.tentacles import MakeContext
from loligo_bot.currencies import CurrencyPortfolio, CurrencyView
from loligo_bot.rates import Route, Ways
from tentacles.risk_rules.minimum_balance.logic import MinimumBalance
from tentacles.venues.simulated.settings import SimulatedVenueSettings
from tentacles.venues.simulated.simulated import SimulatedVenue
from tests.fakes.desks import Bot, Watches, Wishes, account, buy, desk, plan, rule, seat, sell
from tests.fakes.venue_scene import BTC, FREE

D = Decimal


def market(symbol: str) -> Instrument:
    base, quote = symbol.split("/")
    return msgspec.structs.replace(BTC, symbol=symbol, base=base, quote=quote)


BTC_USD, ETH_EUR, EUR_USD, USD_EUR = (market(symbol) for symbol in ("BTC/USD", "ETH/EUR", "EUR/USD", "USD/EUR"))
ETH_BTC, BTC_EUR = market("ETH/BTC"), market("BTC/EUR")
DIRECT: tuple[Route, ...] = (((EUR_USD, False),),)


def euro_plan(*desks: DeskPlan, ways: tuple[Route, ...] = DIRECT, age_ns: int = DAY_NS, **more: Any) -> EnginePlan:
    instruments = (BTC_USD, ETH_EUR, EUR_USD, USD_EUR, ETH_BTC, BTC_EUR)
    venue = SimulatedVenue(SimulatedVenueSettings(**FREE), MakeContext(instruments=instruments))
    money = replace(account(deposit="1000", EUR="2000", **more), rates={"EUR": Ways(routes=ways, age_ns=age_ns)})
    made = plan(*desks, accounts=[money], venue=venue, equity_every_ns=HOUR_NS)
    return replace(made, currencies=(CurrencyPortfolio, CurrencyView))


def euro_desk(mode: Wishes, name: str = "alpha", euros: str = "1500", **terms: Any) -> DeskPlan:
    made = desk(seat(lambda: mode, instrument=ETH_EUR), name=name, capital="0", **terms)
    return replace(made, balances={"EUR": D(euros)})


def rate(bot: Bot, hour: int, price: float = 1.10, instrument: Instrument = EUR_USD) -> None:
    bot.candle(hour, price, instrument=instrument.id)


def test_money_of_other_currencies_counts_at_the_newest_rate() -> None:
    """A desk gets 1,500 EUR; 500 EUR and 1,000 USD stay with the house."""
    bot = Bot(euro_plan(euro_desk(Wishes())))
    rate(bot, 0)
    portfolio = bot.engine.portfolio
    assert portfolio.books["alpha"].equity == pytest.approx(1_650)
    assert portfolio.accounts["paper"].equity == pytest.approx(3_200)
    rate(bot, 1, 1.20)
    assert portfolio.accounts["paper"].equity == pytest.approx(3_400)
    assert portfolio.balance("paper", "alpha", "EUR") == 1_500  # the ledger knows no rates


def test_without_a_rate_equity_is_unknown_and_an_entry_is_refused_with_that_reason() -> None:
    mode = Wishes()
    bot = Bot(euro_plan(euro_desk(mode)))
    mode.wishes = [buy("1", instrument=ETH_EUR.id)]
    bot.candle(0, 100, instrument=ETH_EUR.id)
    (refusal,) = bot.events(Refused)
    assert (refusal.rule, refusal.tier, refusal.code) == ("kernel", Tier.ACCOUNT, "equity_unknown")
    assert isnan(bot.engine.portfolio.accounts["paper"].equity)
    rate(bot, 1)
    mode.wishes = [buy("1", instrument=ETH_EUR.id)]
    bot.candle(1, 100, instrument=ETH_EUR.id)
    assert len(bot.events(Approved)) == 1


def test_unknown_equity_is_told_as_unknown() -> None:
    bot = Bot(euro_plan(euro_desk(Wishes())))
    bot.candle(0, 100, instrument=ETH_EUR.id)
    bot.candle(1, 100, instrument=ETH_EUR.id)
    told = bot.events(EquityMarked)
    assert told and all(isnan(mark.equity) and isnan(mark.exposure) for mark in told)


@pytest.mark.parametrize(
    ("ways", "marks"),
    [
        (DIRECT, {EUR_USD: 1.10}),
        ((((USD_EUR, True),),), {USD_EUR: 1 / 1.10}),
        ((((BTC_EUR, True), (BTC_USD, False)),), {BTC_EUR: 10_000.0, BTC_USD: 11_000.0}),
        ((*DIRECT, ((USD_EUR, True),)), {USD_EUR: 1 / 1.10}),  # the first way has no marks yet
    ],
    ids=["direct", "inverse", "one hop", "second way"],
)
def test_a_rate_comes_from_a_mark_its_inverse_or_two_of_them(
    ways: tuple[Route, ...], marks: dict[Instrument, float]
) -> None:
    bot = Bot(euro_plan(euro_desk(Wishes()), ways=ways))
    for instrument, price in marks.items():
        assert isnan(bot.engine.portfolio.accounts["paper"].equity)
        rate(bot, 0, price, instrument)
    assert bot.engine.portfolio.accounts["paper"].equity == pytest.approx(3_200)


def test_a_position_its_result_and_its_exposure_are_converted() -> None:
    """2 ETH bought at 100 EUR, 0.2 EUR fee; at 110 EUR and 1.20: cash 1,299.8 + 220 EUR = 1,823.76 USD."""
    mode = Wishes()
    bot = Bot(euro_plan(euro_desk(mode)))
    rate(bot, 0)
    mode.wishes = [buy("2", instrument=ETH_EUR.id)]
    bot.candle(0, 100, instrument=ETH_EUR.id)
    bot.candle(1, 100, instrument=ETH_EUR.id)
    bot.candle(2, 110, instrument=ETH_EUR.id)
    rate(bot, 3, 1.20)
    portfolio = bot.engine.portfolio
    book = portfolio.books["alpha"]
    assert book.equity == pytest.approx((1_299.8 + 220) * 1.20)
    assert portfolio.accounts["paper"].equity == pytest.approx((1_299.8 + 220 + 500) * 1.20 + 1_000)
    assert portfolio.exposure([book]) == pytest.approx(220 * 1.20)


def test_a_mode_and_the_rules_see_money_in_the_quote_currency_of_their_instrument() -> None:
    """1,650 USD are 1,500 EUR; the account's 3,200 USD are 2,909.09 EUR; a pending entry of 90 EUR is exposure."""
    seen: list[Any] = []
    mode = Wishes(candle=lambda candle, view: seen.append(view) or ())
    bot = Bot(euro_plan(euro_desk(mode)))
    rate(bot, 0)
    mode.wishes = [buy("1", "80", limit_price="90", instrument=ETH_EUR.id)]
    bot.candle(0, 100, instrument=ETH_EUR.id)
    view = seen[-1]
    assert view.equity == pytest.approx(1_500) and view.quote_rate == pytest.approx(1.10)
    assert view.account_equity == view.account_peak_equity == pytest.approx(3_200 / 1.10)
    assert view.account_exposure == pytest.approx(90)
    assert view.available == 1_500 - 90 - D("0.09")  # the entry and its fee


def test_a_deposit_is_no_profit_whenever_its_rate_comes_to_be_known() -> None:
    """Drawdown is measured from 3,200 USD, and so is the day's loss."""
    bot = Bot(euro_plan(euro_desk(Wishes())))
    money = bot.engine.portfolio.accounts["paper"]
    assert money.peak_equity == 1_000.0
    rate(bot, 0)
    assert (money.peak_equity, money.day_start_equity) == pytest.approx((3_200, 3_200))
    rate(bot, 1, 1.00)
    assert 1 - money.equity / money.peak_equity == pytest.approx(200 / 3_200)


def test_a_day_that_begins_without_a_rate_starts_with_the_first_equity_known() -> None:
    bot = Bot(euro_plan(euro_desk(Wishes())), start_ns=DAY_NS - HOUR_NS)
    bot.candle(23, 100, instrument=ETH_EUR.id)
    bot.candle(24, 100, instrument=ETH_EUR.id)
    rate(bot, 25)
    assert bot.engine.portfolio.accounts["paper"].day_start_equity == pytest.approx(3_200)


def test_a_rate_alone_can_breach_a_limit_of_the_account() -> None:
    """The rule that watches is asked at a mark of EUR/USD, which nobody trades."""
    asked: list[float] = []

    def watch(view: Any) -> RiskAction | None:
        asked.append(view.account_equity)
        return RiskAction(ActionKind.PAUSE, "fell") if view.account_equity * view.quote_rate < 3_100 else None

    rules = [rule(lambda: Watches(Tier.ACCOUNT, watch))]
    bot = Bot(euro_plan(euro_desk(Wishes()), rules=rules))
    bot.candle(0, 100, instrument=ETH_EUR.id)
    assert asked == []  # nothing to be said of an equity that nobody knows
    rate(bot, 1)
    rate(bot, 2, 1.00)
    assert len(asked) == 2 and bot.engine.risk.accounts["paper"].pauses == {"rule": 0}


def test_what_is_held_as_a_position_is_not_money_for_another_market() -> None:
    """A desk buys 0.05 BTC and trades ETH/BTC: its BTC are protected by a stop, so they cannot be spent."""
    seen: list[Any] = []
    btc_mode = Wishes()
    eth_mode = Wishes(candle=lambda candle, view: seen.append(view.available) or ())
    both = desk(seat(lambda: btc_mode, instrument=BTC_USD), seat(lambda: eth_mode, instrument=ETH_BTC), capital="600")
    made = euro_plan(replace(both, balances={"BTC": D("0.01")}), BTC="0.01")
    (money,) = made.accounts
    bitcoin = Ways(routes=(((BTC_USD, False),),), age_ns=DAY_NS)
    bot = Bot(replace(made, accounts=(replace(money, rates={**money.rates, "BTC": bitcoin}),)))
    rate(bot, 0)
    btc_mode.wishes = [buy("0.05", "9000")]
    bot.candle(0, 10_000)
    bot.candle(1, 10_000)
    bot.candle(2, 0.05, instrument=ETH_BTC.id)
    portfolio = bot.engine.portfolio
    assert portfolio.balance("paper", "alpha", "BTC") == D("0.06") and seen == [D("0.01")]
    assert portfolio.books["alpha"].equity == pytest.approx(600 - 0.5 + 100)  # the fee, and 0.01 BTC


def test_a_closed_trade_names_the_rate_of_its_currency() -> None:
    mode = Wishes()
    bot = Bot(euro_plan(euro_desk(mode)))
    rate(bot, 0)
    for hour, wish in ((0, buy("1", None, instrument=ETH_EUR.id)), (1, sell("1", instrument=ETH_EUR.id)), (2, None)):
        mode.wishes = [wish] if wish else []
        bot.candle(hour, 100, instrument=ETH_EUR.id)
    (closed,) = bot.events(TradeClosed)
    assert closed.trade.quote_rate == pytest.approx(1.10) and closed.trade.net == D("-0.2")


def test_an_account_of_one_currency_beside_it_is_left_as_it_was() -> None:
    mode = Wishes()
    alone = desk(seat(lambda: mode, instrument=BTC_USD), name="beta", account="dollars")
    made = euro_plan(euro_desk(Wishes()), alone)
    bot = Bot(replace(made, accounts=(*made.accounts, account("dollars"))))
    mode.wishes = [buy("1")]
    bot.candle(0, 100)
    bot.candle(1, 100)
    bot.candle(2, 101)
    assert bot.engine.portfolio.books["beta"].equity == 10_000 - 0.1 + 1
    assert isnan(bot.engine.portfolio.accounts["paper"].equity)


def test_a_restart_keeps_unknown_and_known_money_as_it_was() -> None:
    for is_known in (False, True):
        bot = Bot(euro_plan(euro_desk(Wishes())))
        if is_known:
            rate(bot, 0)
        fresh = Engine(euro_plan(euro_desk(Wishes())))
        fresh.restore_state(msgspec.msgpack.decode(msgspec.msgpack.encode(bot.engine.export_state())))
        for engine in (bot.engine, fresh):
            engine.process(Quote(EUR_USD.id, 5 * HOUR_NS, 1.19, 1.21, 1.0, 1.0))
        old, new = bot.engine.portfolio.accounts["paper"], fresh.portfolio.accounts["paper"]
        assert new.equity == old.equity == pytest.approx(3_400)
        assert (new.peak_equity, new.day_start_equity) == (old.peak_equity, old.day_start_equity)


def test_a_desk_gets_its_balances_out_of_the_deposits() -> None:
    bot = Bot(euro_plan(euro_desk(Wishes(), euros="1999")))
    posted = [(p.book, p.asset, p.amount) for e in bot.events(LedgerPosted) for p in e.postings if e.desk == "alpha"]
    assert posted == [("house", "EUR", D(-1_999)), ("alpha", "EUR", D(1_999))]


def test_a_later_deposit_raises_the_peak_by_its_value_and_no_drawdown_is_forgotten() -> None:
    """From 3,200 USD down to 3,000; then 100 EUR at 1.00: 3,100 of 3,300, still 200 below."""
    bot = Bot(euro_plan(euro_desk(Wishes())))
    rate(bot, 0)
    rate(bot, 1, 1.00)
    portfolio = bot.engine.portfolio
    portfolio.deposit(bot.engine.now_ns, 1, "paper", "EUR", D(100))
    money = portfolio.accounts["paper"]
    assert (money.equity, money.peak_equity) == pytest.approx((3_100, 3_300))


# Marks that are too old

TWO_HOURS_NS = 2 * HOUR_NS


def test_a_rate_counts_until_it_is_older_than_allowed_and_again_from_the_next_mark_on() -> None:
    """The rate comes at 01:00. At 03:00 it is two hours old and counts, at 04:00 no longer; at 05:00 another comes."""
    mode = Wishes(candle=lambda candle, view: [buy("0.1", None, instrument=ETH_EUR.id)])
    bot = Bot(euro_plan(euro_desk(mode), age_ns=TWO_HOURS_NS))
    rate(bot, 0)
    for hour in (2, 3, 4):
        if hour == 4:
            rate(bot, 4, 1.20)
        bot.candle(hour, 100, instrument=ETH_EUR.id)
    assert [event.ts // HOUR_NS for event in bot.events(Approved)] == [3, 5]
    assert [(event.ts // HOUR_NS, event.code) for event in bot.events(Refused)] == [(4, "equity_unknown")]
    assert bot.engine.portfolio.accounts["paper"].peak_equity == pytest.approx(3_400, rel=0.001)


def test_equity_becomes_unknown_with_time_alone() -> None:
    """Equity is told on the hour: at 01:00, before the first mark, and when the rate of 01:00 is three hours old."""
    bot = Bot(euro_plan(euro_desk(Wishes()), age_ns=TWO_HOURS_NS))
    rate(bot, 0)
    for hour in (2, 3, 4):
        bot.feed(TimeAdvanced(hour * HOUR_NS))
    told = [event for event in bot.events(EquityMarked) if not event.desk]
    assert [(event.ts // HOUR_NS, isnan(event.equity)) for event in told] == [(1, True), (2, False), (4, True)]
    assert bot.engine.portfolio.unknown("paper") == ["EUR"]  # type: ignore[attr-defined]


def test_a_position_is_closed_by_its_stop_and_by_its_mode_while_the_rate_is_too_old() -> None:
    """2 ETH at 100 EUR with a stop at 90; the mode sells one, the stop the other. The trade keeps the newest rate."""
    mode = Wishes()
    bot = Bot(euro_plan(euro_desk(mode), age_ns=TWO_HOURS_NS))
    rate(bot, 0)
    for hour, wish in ((0, buy("2", instrument=ETH_EUR.id)), (4, None), (5, sell("1", instrument=ETH_EUR.id))):
        mode.wishes = [wish] if wish else []
        bot.candle(hour, 100, instrument=ETH_EUR.id)
    mode.wishes = [buy("1", instrument=ETH_EUR.id)]
    bot.candle(6, 95, low=85, instrument=ETH_EUR.id)
    assert bot.position(instrument=ETH_EUR.id) == 0
    (closed,) = bot.events(TradeClosed)
    assert (closed.trade.exit_role, closed.trade.quote_rate) == ("stop", pytest.approx(1.10))
    assert [event.code for event in bot.events(Refused)] == ["equity_unknown"]


def test_another_way_counts_where_the_first_is_too_old() -> None:
    ways: tuple[Route, ...] = (*DIRECT, ((BTC_EUR, True), (BTC_USD, False)))
    bot = Bot(euro_plan(euro_desk(Wishes()), ways=ways, age_ns=TWO_HOURS_NS))
    rate(bot, 0)
    rate(bot, 1, 10_000, BTC_EUR)
    rate(bot, 2, 12_000, BTC_USD)  # at 03:00
    assert bot.engine.portfolio.accounts["paper"].equity == pytest.approx(3_200)
    bot.candle(3, 100, instrument=ETH_EUR.id)  # at 04:00: 1 EUR is 12,000 / 10,000 USD by way of bitcoin
    assert bot.engine.portfolio.accounts["paper"].equity == pytest.approx(1_000 + 2_000 * 1.20)
    bot.candle(4, 100, instrument=ETH_EUR.id)  # at 05:00 BTC/EUR is three hours old
    assert isnan(bot.engine.portfolio.accounts["paper"].equity)


def test_a_day_that_begins_with_a_rate_too_old_starts_with_the_first_equity_known() -> None:
    """The rate of 22:00 is 1.10, that of 01:00 is 1.00: the day starts with 3,000 USD."""
    bot = Bot(euro_plan(euro_desk(Wishes()), age_ns=HOUR_NS), start_ns=DAY_NS - 2 * HOUR_NS)
    rate(bot, 21)
    bot.candle(23, 100, instrument=ETH_EUR.id)
    rate(bot, 24, 1.00)
    assert bot.engine.portfolio.accounts["paper"].day_start_equity == pytest.approx(3_000)


def test_a_restart_makes_no_rate_younger() -> None:
    bot = Bot(euro_plan(euro_desk(Wishes()), age_ns=TWO_HOURS_NS))
    rate(bot, 0)
    fresh = Engine(euro_plan(euro_desk(Wishes()), age_ns=TWO_HOURS_NS))
    fresh.restore_state(msgspec.msgpack.decode(msgspec.msgpack.encode(bot.engine.export_state())))
    for engine in (bot.engine, fresh):
        engine.process(Quote(ETH_EUR.id, 3 * HOUR_NS, 99.0, 101.0, 1.0, 1.0))
        assert engine.portfolio.accounts["paper"].equity == pytest.approx(3_200)
        engine.process(Quote(ETH_EUR.id, 3 * HOUR_NS + 1, 99.0, 101.0, 1.0, 1.0))
        assert isnan(engine.portfolio.accounts["paper"].equity)


def test_an_account_needs_no_rate_of_a_currency_in_which_it_has_nothing() -> None:
    """500 of the 1,000 USD are a desk's; EUR is never marked."""
    (money,) = euro_plan().accounts
    alone = replace(money, deposits={"USD": D(1_000)})
    bot = Bot(replace(euro_plan(desk(seat(Wishes, instrument=BTC_USD), capital="500")), accounts=(alone,)))
    bot.candle(0, 10_000)
    assert bot.engine.portfolio.accounts["paper"].equity == 1_000.0


# Limits in money


@pytest.mark.parametrize(("minimum", "outcome"), [(997.0, "passed"), (999.0, "reduced")])
def test_the_minimum_balance_is_in_the_reference_currency(minimum: float, outcome: str) -> None:
    """Free are 3,200 USD, 2,909.09 EUR; 20 ETH at 100 EUR with a fee of 0.1 % leave 907.09 EUR, 997.8 USD."""
    mode = Wishes()
    limits, rules = AccountLimits(minimum_balance=minimum), [rule(MinimumBalance)]
    made = euro_plan(euro_desk(mode, euros="2000"), rules=rules)
    (money,) = made.accounts
    bot = Bot(replace(made, accounts=(replace(money, limits=limits),)))
    rate(bot, 0)
    mode.wishes = [buy("20", None, instrument=ETH_EUR.id)]
    bot.candle(0, 100, instrument=ETH_EUR.id)
    (check,) = [event for event in bot.events(RiskChecked) if event.code == "minimum_balance"]
    assert (check.outcome, check.numbers) == (outcome, pytest.approx((907.0909, minimum / 1.10)))
