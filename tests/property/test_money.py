"""Money is conserved to the last digit, whatever is traded: spot and linear perpetual, with fees, funding, liquidation.

Every check is exact, on Decimals that the test adds up itself from the records.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from loligo.engine.engine import Engine
from loligo.model.command import GenerationActivated
from loligo.model.events import Event, LedgerPosted, OrderReported, OrderSubmitted, Record, TradeClosed
from loligo.model.instrument import Instrument
from loligo.model.market import Side
from loligo.model.money import exact
from loligo.model.order import Filled, Liquidated, Order, OrderRole, Rejected
from loligo.model.portfolio import HOUSE_BOOK, MARKET_BOOK, PostingKind
from tests.fakes.desks import BTC, PERP
from tests.fakes.random_desks import START_NS, random_bot, random_plan, random_story
from tests.fakes.venue_scene import BASE_FEE
from tests.property.examples import examples

MANY = settings(max_examples=examples(80), deadline=None)
CAPITAL, DEPOSIT = Decimal(10_000), Decimal(100_000)
PLACES = {("alpha", "paper"): BTC, ("beta", "paper"): BTC, ("gamma", "margin"): PERP}
ZERO = Decimal(0)
seeds, lengths = st.integers(0, 2**32), st.integers(1, 150)


class Life:
    """One bot's life, with the fills of each desk read from its records."""

    def __init__(self, bot: int, story: int, length: int, *, is_flat: bool = False, spot: Instrument = BTC) -> None:
        self.plan = random_plan(random_bot(bot), spot=spot)
        self.engine = Engine(self.plan)
        self.inputs = [GenerationActivated(START_NS, 1, ()), *random_story(story, length, is_flat=is_flat)]
        self.events: list[Event] = []
        self._orders: dict[str, Order] = {}

    def records(self) -> Iterator[Record]:
        for item in self.inputs:
            record = self.engine.process(item)
            self.events += record.events
            yield record

    def live(self) -> None:
        for _ in self.records():
            pass

    def fills(self, desk: str) -> Iterator[tuple[Side, Filled]]:
        orders: dict[str, Order] = {}
        for event in self.events:
            if isinstance(event, OrderSubmitted):
                orders[event.order.id] = event.order
            elif isinstance(event, OrderReported) and isinstance(event.report, Liquidated):
                orders[event.report.order.id] = event.report.order
            elif isinstance(event, OrderReported) and isinstance(event.report, Filled):
                order = orders[event.report.order_id]
                if order.desk == desk:
                    yield order.side, event.report

    def posted(self, kind: PostingKind, desk: str, asset: str = "USD") -> Decimal:
        """What postings of this kind added to the desk's dollars."""
        lines = [p for e in self.events if isinstance(e, LedgerPosted) and e.kind is kind for p in e.postings]
        return sum((p.amount for p in lines if p.book == desk and p.asset == asset), ZERO)


SPOT = st.sampled_from((BTC, BASE_FEE))


@MANY
@given(seeds, seeds, lengths, SPOT)
def test_each_booking_sums_to_zero_and_each_balance_is_the_sum_of_its_postings(
    bot: int, story: int, length: int, spot: Instrument
) -> None:
    life, sums = Life(bot, story, length, spot=spot), defaultdict[tuple[str, str, str], Decimal](Decimal)
    for record in life.records():
        with exact():
            for event in record.events:
                if isinstance(event, LedgerPosted):
                    assert not any(_by_asset(event).values()), event
                    for posting in event.postings:
                        sums[posting.account, posting.book, posting.asset] += posting.amount
        balances = life.engine.portfolio.balances()
        assert {key: sums[key] for key in balances} == balances and not any(sums[key] for key in sums.keys() - balances)
    with exact():
        for account in ("paper", "margin"):
            for asset in ("USD", "BTC"):
                inside = sum(
                    (v for (a, b, c), v in sums.items() if (a, c) == (account, asset) and b != MARKET_BOOK), ZERO
                )
                assert inside == -sums[account, MARKET_BOOK, asset]
            desks = sum((name == account for _, name in PLACES), 0)
            assert sums[account, HOUSE_BOOK, "USD"] == DEPOSIT - desks * CAPITAL


def _by_asset(event: LedgerPosted) -> dict[tuple[str, str], Decimal]:
    by_asset = defaultdict[tuple[str, str], Decimal](Decimal)
    for posting in event.postings:
        by_asset[posting.account, posting.asset] += posting.amount
    return by_asset


@MANY
@given(seeds, seeds, lengths)
def test_cash_is_capital_less_what_fills_fees_and_funding_took(bot: int, story: int, length: int) -> None:
    """A perpetual's open lots were not paid for: their cost is added back."""
    life = Life(bot, story, length)
    life.live()
    portfolio = life.engine.portfolio
    with exact():
        for (desk, account), instrument in PLACES.items():
            cash, position = CAPITAL, ZERO
            for side, fill in life.fills(desk):
                cash -= fill.quantity * fill.price * side.sign + fill.fee
                position += fill.quantity * side.sign
            holding = portfolio.books[desk].holdings.get(instrument.id)
            lots = holding.lots if holding is not None else []
            if instrument is PERP:
                cash += sum((quantity * price for quantity, price in lots), ZERO)
            cash += life.posted(PostingKind.FUNDING, desk)
            assert portfolio.balance(account, desk, "USD") == cash
            assert portfolio.position(desk, instrument.id) == position == sum((q for q, _ in lots), ZERO)
            assert portfolio.balance(account, desk, "BTC") == (ZERO if instrument is PERP else position)


@MANY
@given(seeds, seeds, lengths)
def test_with_fees_in_the_base_asset_every_unit_bought_is_held_sold_paid_or_dust(
    bot: int, story: int, length: int
) -> None:
    """And the venue knows the same position as the books, whole lots are protected, and none is left below a lot."""
    life = Life(bot, story, length, spot=BASE_FEE)
    for record in life.records():
        for desk in ("alpha", "beta"):
            _check_base_position(life, record, desk)
    with exact():
        for desk in ("alpha", "beta"):
            cash, units = CAPITAL, ZERO
            for side, fill in life.fills(desk):
                assert fill.fee_asset == ("BTC" if side is Side.BUY else "USD")
                cash -= fill.quantity * fill.price * side.sign + (ZERO if side is Side.BUY else fill.fee)
                units += fill.quantity * side.sign - (fill.fee if side is Side.BUY else ZERO)
            portfolio, dust = life.engine.portfolio, life.posted(PostingKind.DUST, desk, "BTC")
            assert portfolio.balance("paper", desk, "USD") == cash
            assert portfolio.balance("paper", desk, "BTC") == portfolio.position(desk, BTC.id) == units + dust


def _check_base_position(life: Life, record: Record, desk: str) -> None:
    position, lot = life.engine.portfolio.position(desk, BTC.id), BASE_FEE.quantity_step
    state: Any = life.engine.venues["sim"].instance.export_state()
    booked = state[BTC.id]["desks"].get(desk, {}).get("position", {}).get("quantity", "0")
    assert Decimal(booked) == position
    for role in (OrderRole.STOP, OrderRole.TARGET, OrderRole.TRAIL):
        legs = [order for order in life.engine.execution.open_orders((desk, BTC.id)) if order.role is role]
        assert sum((leg.remaining for leg in legs), ZERO) <= abs(position)
        assert not any(leg.quantity % lot for leg in legs)
    for event in record.events:
        if isinstance(event, OrderReported) and isinstance(event.report, Rejected):
            assert event.report.code != "quantity_step", event


@MANY
@given(seeds, seeds, lengths, SPOT)
def test_closed_trades_and_open_lots_account_for_every_cent(
    bot: int, story: int, length: int, spot: Instrument
) -> None:
    """capital + net of closed trades + result so far of the open holding - cost of its spot lots = cash"""
    life = Life(bot, story, length, spot=spot)
    life.live()
    portfolio = life.engine.portfolio
    with exact():
        for (desk, account), instrument in PLACES.items():
            closed = [e.trade for e in life.events if isinstance(e, TradeClosed) and e.desk == desk]
            assert all(trade.net == trade.gross - trade.fees - trade.funding for trade in closed)
            cash = CAPITAL + sum((trade.net for trade in closed), ZERO)
            holding = portfolio.books[desk].holdings.get(instrument.id)
            if holding is not None:
                cash += holding.gross - holding.fees - holding.funding
                if instrument is BTC:
                    cash -= sum((quantity * price for quantity, price in holding.lots), ZERO)
            assert portfolio.balance(account, desk, "USD") == cash


@MANY
@given(seeds, seeds, lengths)
def test_at_a_fixed_price_equity_fees_and_funding_are_conserved(bot: int, story: int, length: int) -> None:
    """Everything trades at 100, so nothing is won or lost but fees and funding."""
    life, price = Life(bot, story, length, is_flat=True), Decimal(100)
    for _ in life.records():
        with exact():
            for (desk, account), instrument in PLACES.items():
                portfolio = life.engine.portfolio
                holding = portfolio.books[desk].holdings.get(instrument.id)
                worth = portfolio.balance(account, desk, "USD") + portfolio.balance(account, desk, "BTC") * price
                if holding is not None and instrument is PERP:
                    worth += sum((quantity * (price - paid) for quantity, paid in holding.lots), ZERO)
                spent = -life.posted(PostingKind.FEE, desk) - life.posted(PostingKind.FUNDING, desk)
                assert worth + spent == (CAPITAL if _is_open(life, desk) else ZERO)
    assert all(fill.price == price for desk, _ in PLACES for _, fill in life.fills(desk))


def _is_open(life: Life, desk: str) -> bool:
    return any(isinstance(event, LedgerPosted) and event.desk == desk for event in life.events)


@MANY
@given(seeds, seeds, lengths, st.integers(0, 150))
def test_a_restart_anywhere_neither_loses_nor_finds_money(bot: int, story: int, length: int, cut: int) -> None:
    life = Life(bot, story, length)
    for item in life.inputs[:cut]:
        life.engine.process(item)
    fresh = Engine(random_plan(random_bot(bot)))
    fresh.restore_state(msgspec.msgpack.decode(msgspec.msgpack.encode(life.engine.export_state())))
    for (desk, account), instrument in PLACES.items():
        for asset in ("USD", "BTC"):
            assert fresh.portfolio.balance(account, desk, asset) == life.engine.portfolio.balance(account, desk, asset)
        assert fresh.portfolio.position(desk, instrument.id) == life.engine.portfolio.position(desk, instrument.id)
        assert fresh.portfolio.books[desk].equity == life.engine.portfolio.books[desk].equity
    for account in ("paper", "margin"):
        old, new = life.engine.portfolio.accounts[account], fresh.portfolio.accounts[account]
        assert (new.equity, new.peak_equity, new.day_start_equity) == (
            old.equity,
            old.peak_equity,
            old.day_start_equity,
        )
