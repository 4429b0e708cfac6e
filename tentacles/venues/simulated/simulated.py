"""The simulated venue: orders and market data in, venue reports out, at once and in order; no clock, no I/O, no chance.

Time on candles: a candle is knowable at its close, its path runs from its open to its close (`path.py`), and an
order lives on the part of the path from its arrival (`ts` + latency) to its expiry. So an order placed at a candle's
close starts at the next one's open, and a 60 s order on 1 h candles sees the first 60 s of the path. Reports carry the
instant on the path, which lies before the `ts` of the candle that brought them. Latency delays new and amended orders;
a cancel works at once. On candles, cancel and amend take effect between two candles: only an expiry cuts into one.

On quotes and books an order meets what stands when it arrives; on trades the next trade. Funding is settled by the
portfolio, which owns the money. Desks never see each other's orders or liquidity (`depth.py` says why).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType

import msgspec

from loligo.api import (
    Accepted,
    Amended,
    BookUpdate,
    Candle,
    FundingRate,
    Instrument,
    InstrumentStatus,
    MakeContext,
    Order,
    OrderError,
    PlainState,
    Quote,
    Rejected,
    Trade,
    VenueError,
    VenueReport,
)

from .market import Market
from .matching import DeskBook
from .rules import refusal
from .settings import SimulatedVenueSettings
from .state import from_plain, to_plain
from .working import WorkingOrder

_MS_NS = 1_000_000
_FEW = 1_000  # orders


class SimulatedVenue:
    """An exchange that lives inside the engine; implements `loligo.api.EngineVenue`."""

    state_version = 1

    def __init__(self, settings: SimulatedVenueSettings, context: MakeContext) -> None:
        self._instruments = MappingProxyType({instrument.id: instrument for instrument in context.instruments})
        self._settings = settings
        self._markets = {name: Market(instrument, settings) for name, instrument in self._instruments.items()}
        self._latency_ns = settings.latency_ms * _MS_NS
        self._find_places()

    @property
    def instruments(self) -> Mapping[str, Instrument]:
        return self._instruments

    def counts(self) -> Mapping[str, int]:
        """Return how many candles held both the stop and the target of a group, so that the path had to guess."""
        desks = (desk for market in self._markets.values() for desk in market.desks.values())
        return {"ambiguous_candles": sum(desk.state.ambiguous_candles for desk in desks)}

    def submit(self, order: Order, ts: int) -> Sequence[VenueReport]:
        """Accept or refuse an order. OrderError if an open order has its id: execution must never send one twice."""
        if self._find(order.id) is not None:
            raise OrderError(f"order {order.id} is open already: a client order id stands for one order only")
        market = self._markets.get(order.instrument)
        if market is None:
            return (Rejected(order.id, ts, "unknown_instrument"),)
        reason = refusal(order, market.instrument, ts, market.price)
        if reason is not None:
            return (Rejected(order.id, ts, *reason),)
        working = market.new_order(order, ts + self._latency_ns)
        desk = market.desk(order.desk)
        desk.place(working)
        self._places[order.id] = market, desk
        if len(self._places) > self._places_limit:
            self._find_places()
        desk.reports.append(Accepted(order.id, working.arrives_at_ns))
        return self._after_change(market, desk, ts)

    def cancel(self, order_id: str, ts: int, code: str) -> Sequence[VenueReport]:
        """End an order at once."""
        place = self._find(order_id)
        if place is None:
            return (Rejected(order_id, ts, "unknown_order", of="cancel"),)
        market, desk, order = place
        desk.cancel(order, ts, code)
        return market.reports((desk,))

    def amend(
        self, order_id: str, ts: int, quantity: Decimal, limit_price: Decimal | None, trigger_price: Decimal | None
    ) -> Sequence[VenueReport]:
        """Give an order new terms; None leaves a price as it is. Group and fills stay. It queues anew, as on Coinbase
        for a new price or a larger size; one that only shrinks keeps its place (Binance `order/amend/keepPriority`)."""
        place = self._find(order_id)
        if place is None:
            return (Rejected(order_id, ts, "unknown_order", of="amend"),)
        market, desk, working = place
        changes = {"limit_price": limit_price, "trigger_price": trigger_price}
        prices = {name: price for name, price in changes.items() if price is not None}
        order = msgspec.structs.replace(working.order, quantity=quantity, **prices)
        reason = refusal(order, market.instrument, ts, market.price)
        if reason is None and quantity <= working.filled:
            reason = ("quantity_filled", (float(quantity), float(working.filled)))
        if reason is not None:
            return (Rejected(order_id, ts, *reason, of="amend"),)
        old, at = working.order, ts + self._latency_ns
        is_same_price = (old.limit_price, old.trigger_price) == (order.limit_price, order.trigger_price)
        if is_same_price and quantity < old.quantity:
            working.order = order
        else:
            working.place(order, at)
            desk.place(working)
        desk.reports.append(Amended(order_id, at, quantity, order.limit_price, order.trigger_price))
        return self._after_change(market, desk, ts)

    def on_candle(self, candle: Candle) -> Sequence[VenueReport]:
        """Match a candle if its timeframe is the one that matches. The hot path: most candles stay inside the band."""
        market = self._markets[candle.instrument]
        state, band = market.state, market.band
        if candle.timeframe != state.timeframe and not market.matches(candle.timeframe):
            return ()
        market.costs.volumes.append(candle.volume)
        if candle.high < band.upper and candle.low > band.lower:
            state.last = candle
            return ()
        return market.match_candle(candle)

    def settle(self, instrument: str) -> Sequence[VenueReport]:
        """Go on with the newest candle after the fills that were reported, now with the orders sent in answer."""
        return self._markets[instrument].settle()

    def on_trade(self, trade: Trade) -> Sequence[VenueReport]:
        return self._markets[trade.instrument].match_trade(trade)

    def on_quote(self, quote: Quote) -> Sequence[VenueReport]:
        return self._markets[quote.instrument].match_quote(quote)

    def on_book(self, book: BookUpdate) -> Sequence[VenueReport]:
        return self._markets[book.instrument].match_book(book)

    def on_funding(self, funding: FundingRate) -> Sequence[VenueReport]:
        """Nothing: the portfolio settles funding from its own positions."""
        return ()

    def on_status(self, status: InstrumentStatus) -> Sequence[VenueReport]:
        """Halt or resume: orders stay and may be cancelled, nothing fills (Nautilus `MarketStatusAction.HALT`)."""
        self._markets[status.instrument].set_status(status)
        return ()

    def advance_to(self, ts: int) -> Sequence[VenueReport]:
        """Serve expiries due at or before `ts`, and arrivals where liquidity stands; on candles see `Market.elapse`."""
        said: list[VenueReport] = []
        for market in self._markets.values():
            market.look()
            if market.due_ns <= ts:
                said += market.elapse(ts)
        return said

    def export_state(self) -> PlainState:
        """Return everything that later calls depend on, as plain data."""
        return {name: to_plain(market.export()) for name, market in self._markets.items()}

    def restore_state(self, state: PlainState) -> None:
        """Take back what `export_state` returned. VenueError if it is of an instrument that is not here."""
        for name, plain in state.items():
            if name not in self._markets:
                known = ", ".join(self._markets)
                raise VenueError(f'state of "{name}": this venue has {known}; restore under the old settings')
            self._markets[name] = Market(self._instruments[name], self._settings, from_plain(plain))
        self._find_places()

    def _after_change(self, market: Market, desk: DeskBook, ts: int) -> Sequence[VenueReport]:
        if not self._latency_ns:
            market.serve_standing((desk,), ts)
        return market.reports((desk,))

    def _find_places(self) -> None:
        """Know where each open order lies; those that have ended since are forgotten each time they are the most."""
        books = [(market, desk) for market in self._markets.values() for desk in market.desks.values()]
        self._places = {order_id: place for place in books for order_id in place[1].orders}
        self._places_limit = _FEW + 2 * len(self._places)

    def _find(self, order_id: str) -> tuple[Market, DeskBook, WorkingOrder] | None:
        place = self._places.get(order_id)
        if place is not None and order_id in place[1].orders:
            return *place, place[1].orders[order_id]
        return None
