"""One instrument at the simulated venue: its market data and halts, its desks, and when there is work at all.

In: market data of the instrument. Out: what its desks' books say, in time order, desks by name at one instant, so that
neither the order of desks nor that of their submissions shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import inf
from operator import attrgetter

from loligo.api import (
    BookUpdate,
    Candle,
    Instrument,
    InstrumentStatus,
    Order,
    Quote,
    Side,
    Trade,
    VenueReport,
    timeframe_ns,
)

from .band import NEVER, Band, merged
from .costs import CostModel
from .depth import Ladder, LastPrice, level_key
from .matching import DeskBook
from .path import candle_path, part_of_path, spans_without
from .settings import MatchOn, SimulatedVenueSettings
from .state import DeskState, MarketState
from .working import WorkingOrder

Reports = tuple[VenueReport, ...] | list[VenueReport]
_BUY, _CANDLES = Side.BUY, MatchOn.CANDLES  # an enum's members are slow to look up
_UNKNOWN = Band(-inf, -inf)  # no price lies in it: orders have changed, and nobody has looked since


class Market:
    """One instrument; `band` and `due_ns` (ends, and arrivals where liquidity stands) tell when there is no work."""

    def __init__(
        self, instrument: Instrument, settings: SimulatedVenueSettings, state: MarketState | None = None
    ) -> None:
        matching = settings.matching(instrument.id)
        self.state = state or MarketState(matching.match_timeframe or "")
        self.instrument = instrument
        self.costs = CostModel(instrument, settings, self.state.timeframe, self.state.volumes)
        self.desks: dict[str, DeskBook] = {}
        self.band, self.due_ns = Band(), NEVER
        self._settings = settings
        self._match_on = matching.match_on
        self._is_timeframe_fixed = matching.match_timeframe is not None
        self._tick = float(instrument.price_step)
        self._is_standing = self._match_on in (MatchOn.QUOTES, MatchOn.BOOK)  # liquidity stands between two updates
        self._ladder = Ladder(instrument, "quote" if self._match_on is MatchOn.QUOTES else "book")
        if self.state.book is not None:
            self._ladder.apply(self.state.book)
        for name in tuple(self.state.desks):
            self.desk(name)
        self.reports(self.desks.values())

    @property
    def price(self) -> float:
        """The last price known, 0.0 before the first."""
        last = self.state.last
        return self._ladder.best(_BUY) or self.state.last_trade or (last.close if last else 0.0)

    def export(self) -> MarketState:
        """Return the state with all that is kept elsewhere in between."""
        self.state.volumes, self.state.book = list(self.costs.volumes), self._ladder.snapshot(0)
        return self.state

    def matches(self, timeframe: str) -> bool:
        """Return whether candles of `timeframe` match here; a finer one than seen so far takes over."""
        known = self.state.timeframe
        if self._is_timeframe_fixed or (known and timeframe_ns(timeframe) >= timeframe_ns(known)):
            return timeframe == known
        self.state.timeframe = timeframe
        self.costs.start_volumes(timeframe)
        return True

    def desk(self, name: str) -> DeskBook:
        """Return the desk's book, a new one at first."""
        if name not in self.desks:
            state = self.state.desks.setdefault(name, DeskState())
            is_touch = self._settings.fills_on_touch
            self.desks[name] = DeskBook(name, self.instrument, self.costs, state, is_touch=is_touch)
            self.desks = dict(sorted(self.desks.items()))
            self.state.desks = dict(sorted(self.state.desks.items()))
        return self.desks[name]

    def new_order(self, order: Order, arrives_at_ns: int) -> WorkingOrder:
        """Return the working state of an order that arrives then."""
        is_exact = self._is_standing or self._settings.fills_on_touch
        working = WorkingOrder(order, arrives_at_ns, 0.0 if is_exact else self._tick)
        working.place(order, arrives_at_ns)
        return working

    def match_candle(self, candle: Candle) -> Reports:
        """Serve a candle that leaves the band, from where the one before it ended: its path, desk by desk."""
        state, said = self.state, self._settled()
        if candle.high < (band := self.look()).upper and candle.low > band.lower:
            state.last = candle
            return said
        previous, state.last = state.last, candle
        if self._match_on is not _CANDLES:
            return said
        start = max(candle.opened_at_ns, previous.ts) if previous else candle.opened_at_ns
        halts = state.halts if state.halted_at_ns is None else [*state.halts, (state.halted_at_ns, NEVER)]
        spans = list(spans_without(start, candle.ts, halts))
        state.halts = []
        served = [desk for desk in self.desks.values() if not desk.band.holds(candle.low, candle.high)]
        for desk in served:
            is_low_first = desk.is_low_first(candle, is_pessimistic=self._settings.is_pessimistic)
            path = candle_path(candle, is_low_first=is_low_first)
            desk.start([point for span in spans for point in part_of_path(path, *span)])
        return [*said, *self._walk(served, candle)]

    def settle(self) -> Reports:
        """Go on with the newest candle where fills stopped it; an empty answer means that it is served to its end."""
        for desk in self.desks.values():
            if desk.state.rest:
                break
        else:
            return ()
        candle, served = self.state.last, [desk for desk in self.desks.values() if desk.state.rest]
        return self._walk(served, candle) if candle is not None else ()

    def match_trade(self, trade: Trade) -> Reports:
        """Serve a public trade: its price, and no more than its size."""
        self.state.last_trade = trade.price
        is_idle = self._match_on is not MatchOn.TRADES or self.state.halted_at_ns is not None
        if is_idle or self.look().holds(trade.price, trade.price):
            return ()
        moment = LastPrice(trade.price, self.instrument.quantity(trade.quantity), trade.quantity, "trade")
        for desk in self.desks.values():
            desk.state.taken.clear()
            desk.serve(trade.ts, moment)
        return self.reports(self.desks.values())

    def match_quote(self, quote: Quote) -> Reports:
        """Serve a quote: a book of one level a side, whole again with each quote."""
        if self._match_on is not MatchOn.QUOTES:
            return ()
        bids, asks = ((quote.bid, quote.bid_quantity),), ((quote.ask, quote.ask_quantity),)
        return self._match_standing(BookUpdate(quote.instrument, quote.ts, bids, asks, is_snapshot=True))

    def match_book(self, book: BookUpdate) -> Reports:
        """Serve an order-book update."""
        return self._match_standing(book) if self._match_on is MatchOn.BOOK else ()

    def set_status(self, status: InstrumentStatus) -> None:
        """Halt or resume. A quote from before a halt is no offer after it."""
        state = self.state
        if status.is_halted and state.halted_at_ns is None:
            state.halted_at_ns = status.ts
            if self._match_on is MatchOn.QUOTES:
                self._ladder.apply(BookUpdate(status.instrument, status.ts, (), (), is_snapshot=True))
        elif not status.is_halted and state.halted_at_ns is not None:
            state.halts.append((state.halted_at_ns, status.ts))
            state.halted_at_ns = None

    def serve_standing(self, desks: Iterable[DeskBook], ts: int) -> None:
        """Let orders meet the liquidity that stands, where there is any."""
        if self._is_standing and self.state.halted_at_ns is None:
            for desk in desks:
                desk.serve(ts, self._ladder)

    def elapse(self, ts: int) -> Reports:
        """Serve arrivals and expiries up to `ts` without new data.

        On candles an expiry waits for the candle that covers it, since the order lives on the first part of that
        candle's path; it ends after twice the timeframe if no candle comes.
        """
        ts -= self._grace_ns()
        for desk in self.desks.values():
            for due in desk.times_until(ts):
                self.serve_standing((desk,), due)
            desk.expire(ts)
        return self.reports(self.desks.values())

    def reports(self, served: Iterable[DeskBook]) -> Reports:
        """Return what desks that were served had to say, in time order. When there is work is open then: `look`."""
        said: list[VenueReport] = []
        for desk in served:
            said += desk.take_reports()
        if len(said) > 1:
            said.sort(key=attrgetter("ts"))
        self.band, self.due_ns = _UNKNOWN, 0
        return said

    def look(self) -> Band:
        """Return the band of all desks, found anew after a change."""
        if self.band is not _UNKNOWN:
            return self.band
        self.band = merged(desk.band for desk in self.desks.values())
        for desk in self.desks.values():
            if desk.state.rest:
                self.band.upper = -inf  # the newest candle waits to be settled
        arrives_at_ns = self.band.arrives_at_ns if self._is_standing else NEVER
        ends_at_ns = self.band.expires_at_ns
        self.due_ns = min(arrives_at_ns, ends_at_ns + self._grace_ns() if ends_at_ns != NEVER else NEVER)
        return self.band

    def _match_standing(self, book: BookUpdate) -> Reports:
        """Serve what came due under the last book, then the changed one. A changed level is whole again."""
        self.look()
        earlier = self.elapse(book.ts - 1) if self.due_ns < book.ts else ()
        self._ladder.apply(book)
        sides = ((Side.BUY, book.asks), (Side.SELL, book.bids))
        changed = {level_key(side, price) for side, levels in sides for price, _ in levels}
        for desk in self.desks.values():
            for key in list(desk.state.taken) if book.is_snapshot else changed & desk.state.taken.keys():
                del desk.state.taken[key]
        bid, ask = self._ladder.best(Side.SELL), self._ladder.best(Side.BUY)
        if bid is not None and ask is not None and self.look().holds(bid, ask):
            return earlier
        self.serve_standing(self.desks.values(), book.ts)
        return [*earlier, *self.reports(self.desks.values())]

    def _walk(self, served: Sequence[DeskBook], candle: Candle) -> Reports:
        for desk in served:
            desk.walk(candle)
        return self.reports(served)

    def _settled(self) -> list[VenueReport]:
        """Serve the newest candle to its end, for a caller who did not."""
        said: list[VenueReport] = []
        while more := self.settle():
            said += more
        return said

    def _grace_ns(self) -> int:
        is_waiting = self.state.timeframe and self._match_on is MatchOn.CANDLES
        return 2 * timeframe_ns(self.state.timeframe) if is_waiting else 0
