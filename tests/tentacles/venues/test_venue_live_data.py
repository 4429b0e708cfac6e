"""Matching on trades, quotes and order books: what stands, what comes, and what a desk already took."""

from __future__ import annotations

from decimal import Decimal

import pytest

from loligo.model.market import BookUpdate, InstrumentStatus, Quote, Side, Trade
from loligo.model.order import Expired, OrderKind, TimeInForce
from tentacles.venues.simulated.settings import MatchingSettings, MatchOn
from tests.fakes.venue_scene import BTC, candle, fills, names, order, play, prices, venue

BUY, SELL = Side.BUY, Side.SELL
LIMIT, STOP = OrderKind.LIMIT, OrderKind.STOP
MS = 1_000_000


def trade(ts: int, price: float, quantity: float = 10.0) -> Trade:
    return Trade(BTC.id, ts, price, quantity, BUY)


def quote(ts: int, bid: float, ask: float, size: float = 10.0) -> Quote:
    return Quote(BTC.id, ts, bid, ask, size, size)


def book(ts: int, bids: dict[float, float], asks: dict[float, float], *, is_snapshot: bool = False) -> BookUpdate:
    return BookUpdate(BTC.id, ts, tuple(bids.items()), tuple(asks.items()), is_snapshot)


FIRST = book(1, {99.0: 1.0, 98.0: 5.0}, {101.0: 1.0, 102.0: 2.0, 103.0: 9.0}, is_snapshot=True)


def test_limit_fills_when_a_trade_goes_through_it_and_no_more_than_its_size() -> None:
    v = venue(match_on="trades")
    v.submit(order("a", BUY, "5", LIMIT, limit_price="100"), 1)
    assert fills(v.on_trade(trade(2, 101.0))) == []
    assert v.on_trade(trade(3, 100.0)) == ()  # touched only: inside the band
    (first,) = fills(v.on_trade(trade(4, 99.99, 3.0)))
    (second,) = fills(v.on_trade(trade(5, 99.0)))
    assert [(f.ts, float(f.price), float(f.quantity), f.code) for f in (first, second)] == [
        (4, 100, 3, "through"),
        (5, 100, 2, "through"),
    ]


def test_market_order_takes_the_next_trade_at_its_price_with_slippage() -> None:
    v = venue(match_on="trades", slippage_rate="0.01")
    v.on_trade(trade(1, 100.0))
    assert names(v.submit(order("a", BUY), 1)) == ["Accepted a"]
    assert prices(v.on_trade(trade(2, 110.0))) == [("a", "111.10", "trade")]


def test_halted_instrument_ignores_trades_and_expires_orders_with_time() -> None:
    v = venue(match_on="trades")
    v.submit(order("a", BUY, time_in_force=TimeInForce.GTD, expires_at_ns=9), 1)
    v.on_status(InstrumentStatus(BTC.id, 2, True))
    assert v.on_trade(trade(3, 100.0)) == ()
    assert v.advance_to(8) == []
    assert v.advance_to(9) == [Expired("a", 9)]


def test_order_meets_the_standing_quote_at_once_and_waits_for_the_next_when_it_is_used_up() -> None:
    v = venue(match_on="quotes")
    v.on_quote(quote(1, 99.0, 101.0, 2.0))
    reports = v.submit(order("a", BUY, "3"), 2)
    assert names(reports) == ["Accepted a", "Filled a"]
    assert [(float(f.price), float(f.quantity), f.ts) for f in fills(reports)] == [(101, 2, 2)]
    assert names(v.submit(order("b", BUY), 2)) == ["Accepted b"]  # nothing is left at 101 for this desk
    assert len(fills(v.submit(order("c", BUY, desk="beta"), 2))) == 1
    assert prices(v.on_quote(quote(3, 99.0, 102.0))) == [("a", "102.00", "quote"), ("b", "102.00", "quote")]


def test_resting_limit_fills_as_maker_when_the_other_side_comes_to_it() -> None:
    v = venue(match_on="quotes")
    v.on_quote(quote(1, 99.0, 101.0))
    v.submit(order("a", BUY, kind=LIMIT, limit_price="100"), 2)
    assert fills(v.on_quote(quote(3, 99.5, 100.5))) == []
    (fill,) = fills(v.on_quote(quote(4, 98.0, 99.0)))
    assert (float(fill.price), fill.is_maker, fill.code) == (100, True, "quote")


@pytest.mark.parametrize(("side", "trigger", "price"), [(SELL, "97", 96), (BUY, "103", 104)])
def test_stops_trigger_on_the_side_they_would_trade_with(side: Side, trigger: str, price: int) -> None:
    v = venue(match_on="quotes")
    v.on_quote(quote(1, 99.0, 101.0))
    v.submit(order("a", side, kind=STOP, trigger_price=trigger), 2)
    moved = quote(3, 96.0, 98.0) if side is SELL else quote(3, 102.0, 104.0)
    assert [(float(f.price), f.code) for f in fills(v.on_quote(moved))] == [(price, "stop")]


def test_delayed_order_meets_the_quote_that_stands_when_it_arrives() -> None:
    v = venue(match_on="quotes", latency_ms=1)
    v.on_quote(quote(1, 99.0, 101.0))
    assert names(v.submit(order("a", BUY), 2)) == ["Accepted a"]
    assert v.advance_to(2 + MS - 1) == []
    (fill,) = fills(v.on_quote(quote(5 * MS, 109.0, 111.0)))
    assert (fill.ts, float(fill.price)) == (2 + MS, 101)


def test_delayed_order_is_served_by_the_passing_of_time() -> None:
    v = venue(match_on="quotes", latency_ms=1)
    v.on_quote(quote(1, 99.0, 101.0))
    v.submit(order("a", BUY), 2)
    assert [(f.ts, float(f.price)) for f in fills(v.advance_to(2 + MS))] == [(2 + MS, 101)]


def test_quote_from_before_a_halt_is_no_offer_after_it() -> None:
    v = venue(match_on="quotes")
    v.on_quote(quote(1, 99.0, 101.0))
    v.on_status(InstrumentStatus(BTC.id, 2, True))
    assert names(v.submit(order("a", BUY), 3)) == ["Accepted a"]
    assert fills(v.on_quote(quote(4, 99.0, 101.0))) == []
    v.on_status(InstrumentStatus(BTC.id, 5, False))
    assert len(fills(v.on_quote(quote(6, 99.0, 101.0)))) == 1


def test_market_order_walks_the_levels_of_the_book() -> None:
    v = venue(match_on="book")
    v.on_book(FIRST)
    reports = v.submit(order("a", BUY, "4"), 2)
    assert [(float(f.price), float(f.quantity), f.fill_id) for f in fills(reports)] == [
        (101, 1, "a.1"),
        (102, 2, "a.2"),
        (103, 1, "a.3"),
    ]
    (sold,) = fills(v.submit(order("b", SELL, "1"), 2))
    assert (float(sold.price), sold.code, sold.is_maker) == (99, "book", False)


def test_limit_order_walks_no_further_than_its_limit_and_rests_with_what_is_left() -> None:
    v = venue(match_on="book")
    v.on_book(FIRST)
    assert len(fills(v.submit(order("a", BUY, "5", LIMIT, limit_price="102"), 2))) == 2
    assert fills(v.on_book(book(3, {}, {104.0: 1.0}))) == []  # other levels changed, those taken are not whole again
    (more,) = fills(v.on_book(book(4, {}, {101.5: 1.0})))
    assert (float(more.quantity), str(more.price.normalize())) == (1, "101.5")


def test_removed_levels_are_gone_and_an_empty_side_fills_nothing() -> None:
    v = venue(match_on="book")
    v.on_book(FIRST)
    v.on_book(book(2, {}, {101.0: 0.0, 102.0: 0.0, 103.0: 0.0, 104.0: 0.0}))
    assert names(v.submit(order("a", BUY), 3)) == ["Accepted a"]
    assert prices(v.on_book(book(4, {}, {105.0: 3.0}))) == [("a", "105.00", "book")]


def test_quiet_book_update_and_delayed_arrival() -> None:
    v = venue(match_on="book", latency_ms=1)
    v.on_book(FIRST)
    v.submit(order("a", BUY, kind=LIMIT, limit_price="100"), 2)
    assert fills(v.on_book(book(3 * MS, {98.5: 1.0}, {}))) == []
    assert v.on_book(book(4 * MS, {100.5: 1.0}, {})) == ()  # inside the band
    assert prices(v.on_book(book(5 * MS, {}, {99.9: 1.0}))) == [("a", "100.00", "book")]


def test_data_that_an_instrument_is_not_matched_on_only_informs() -> None:
    v = venue(instruments={BTC.id: MatchingSettings(match_on=MatchOn.QUOTES)})
    v.submit(order("a", BUY), 1)
    assert play(v, candle(0, 100.0, 100.0, 100.0, 100.0)) == []
    assert v.on_trade(trade(2, 100.0)) == () and v.on_book(FIRST) == ()
    assert len(fills(v.on_quote(quote(3, 99.0, 101.0)))) == 1
    candles = venue()
    assert candles.on_quote(quote(1, 99.0, 101.0)) == ()


def test_trailing_stop_on_quotes_follows_the_bid() -> None:
    v = venue(match_on="quotes")
    v.on_quote(quote(1, 100.0, 101.0))
    v.submit(order("a", SELL, kind=OrderKind.TRAILING_STOP, trail_rate="0.1"), 2)
    v.on_quote(quote(3, 120.0, 121.0))
    assert v.on_quote(quote(4, 109.0, 110.0)) == ()
    assert [f.price for f in fills(v.on_quote(quote(5, 108.0, 109.0)))] == [Decimal(108)]
