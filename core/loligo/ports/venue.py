"""The venue that answers inside the engine: what backtest and paper trade against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Protocol, runtime_checkable

from loligo.model.instrument import Instrument
from loligo.model.market import BookUpdate, Candle, FundingRate, InstrumentStatus, Quote, Trade
from loligo.model.order import Order, VenueReport
from loligo.ports.tentacles import Stateful


@runtime_checkable
class EngineVenue(Stateful, Protocol):
    """Synchronous venue. Each call returns what the venue has to say, in order; most calls return an empty tuple.

    The engine hands it every market input of its instruments before anyone else sees it.
    """

    @property
    def instruments(self) -> Mapping[str, Instrument]: ...

    def submit(self, order: Order, ts: int) -> Sequence[VenueReport]: ...
    def cancel(self, order_id: str, ts: int, code: str) -> Sequence[VenueReport]: ...
    def amend(
        self, order_id: str, ts: int, quantity: Decimal, limit_price: Decimal | None, trigger_price: Decimal | None
    ) -> Sequence[VenueReport]: ...
    def on_candle(self, candle: Candle) -> Sequence[VenueReport]: ...
    def on_trade(self, trade: Trade) -> Sequence[VenueReport]: ...
    def on_quote(self, quote: Quote) -> Sequence[VenueReport]: ...
    def on_book(self, book: BookUpdate) -> Sequence[VenueReport]: ...
    def on_funding(self, funding: FundingRate) -> Sequence[VenueReport]: ...
    def on_status(self, status: InstrumentStatus) -> Sequence[VenueReport]: ...
    def settle(self, instrument: str) -> Sequence[VenueReport]:
        """Match orders that arrived inside the newest candle (protection of its fills) against the rest of its path.

        The engine calls it after it has placed them, until it returns nothing.
        """
        ...

    def advance_to(self, ts: int) -> Sequence[VenueReport]:
        """Serve expiries due at or before `ts`."""
        ...

    def counts(self) -> Mapping[str, int]:
        """Return what a report should say of the venue's own work, such as candles whose path had to guess."""
        ...
