"""The verb market: every instrument with its newest price, what a day did to it, and what the bot holds and thinks.

A price is that of the newest candle or quote which is durable, and has an age: against the clock of this machine, in a
replay against the newest price of all. It is stale after three of its candles.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from pydantic import Field

from loligo.model.market import Candle, Quote
from loligo.model.order import OPEN_STATES
from loligo.model.timeframe import DAY_NS, SECOND_NS, iso, timeframe_ns
from loligo.ports.door import Answer
from loligo.ports.tentacles import HistoryFeed
from loligo.runtime.clock import SystemClock
from loligo_bot.door.inside import Inside
from loligo_bot.door.market import MS_NS
from loligo_bot.door.money import OfDesk, OpenPosition, positions
from loligo_bot.door.offer import Arguments, Asked, Offer, looking
from loligo_bot.door.pages import Part
from loligo_bot.door.scanning import WatchedRow, watched, watched_line
from loligo_bot.door.series import candles_known, history_feeds, instrument_of, instruments, own_timeframes, timeframes
from loligo_bot.door.state import mode_of
from loligo_store.candles import newest_quote
from loligo_store.projections import Row

MOST = 200  # instruments of one answer
MOST_CANDLES = 300  # read for one of them
SPARKS = 48  # points of the small curve
STALE_AFTER = 3  # candles


class MarketAsked(Arguments):
    """Which instruments."""

    instrument: str | None = Field(default=None, description='only this one, such as "coinbase:BTC/USD" or "btc"')


class NewestOpinion(Part):
    """What an evaluator said last."""

    evaluator: str = Field(description="its label: name, instrument, timeframe")
    value: float = Field(description="-1 strongly bearish to +1 strongly bullish")
    code: str
    seq: int
    time: str


class MarketRow(Part):
    """One instrument. Prices are quote units."""

    instrument: str
    price: float | None = Field(description="null: none has come yet")
    at: str = Field(description='when the price was known; "" without one')
    age_s: float | None
    is_stale: bool
    change_day: float | None = Field(description="against the price a day before, a fraction")
    volume_day: float | None = Field(description="of the candles of that day, base units")
    bid: float | None
    ask: float | None
    spread: float | None = Field(description="of bid and ask, over their middle; null: no quotes")
    timeframes: list[str]
    curve: list[float] = Field(description="newest closes, oldest first")
    curve_at_ms: list[int] = Field(description="and when each was known")
    positions: list[OpenPosition]
    open_orders: int
    opinions: list[NewestOpinion]
    watched: list[WatchedRow] = Field(description="by desks that look at it and do not trade it")


class Markets(Answer):
    """Every instrument that the bot knows."""

    time: str
    mode: str
    markets: list[MarketRow]
    left_out: int = Field(description=f"beyond {MOST}: ask for each by name")

    def lines(self) -> Sequence[str]:
        return [line for one in self.markets for line in _lines(one)] or ["no instruments"]


def _lines(one: MarketRow) -> list[str]:
    if one.price is None:
        return [f"{one.instrument}: no price yet"]
    change = "" if one.change_day is None else f", {one.change_day:+.2%} in a day"
    old = f" (old: of {one.at})" if one.is_stale else ""
    held = [f"  {each.desk} holds {each.quantity} from {each.average_entry:.8g}" for each in one.positions]
    orders = [f"  {one.open_orders} open orders"] * bool(one.open_orders)
    said = [f"  {each.evaluator.partition(' ')[0]} {each.value:+.2f} {each.code}" for each in one.opinions]
    seen = [f"  {watched_line(each)}" for each in one.watched]
    return [f"{one.instrument}: {one.price:,.8g}{change}{old}", *held, *orders, *said, *seen]


async def market(inside: Inside, _asked: Asked, given: MarketAsked) -> Markets:
    return await inside.read(partial(read_markets, inside, history_feeds(inside), given.instrument))


def read_markets(inside: Inside, feeds: Sequence[HistoryFeed], instrument: str | None) -> Markets:
    """Return the answer; blocks."""
    known = instruments(inside) if instrument is None else [instrument_of(inside, instrument)]
    seen = watched(inside)
    held, mode, orders = positions(inside, OfDesk()).positions, mode_of(inside), _open_orders(inside)
    prices = {name: _price(inside, feeds, name) for name in known[:MOST]}
    newest_ns = max((one.at_ns for one in prices.values()), default=0)
    clock_ns = newest_ns if mode == "replay" else max(newest_ns, SystemClock().now_ns())
    rows = [
        _row(inside, price, clock_ns, held, orders.get(name, 0), [one for one in seen if one.instrument == name])
        for name, price in prices.items()
    ]
    left_out = max(0, len(known) - MOST)
    return Markets(time=iso(inside.engine.now_ns), mode=mode, markets=rows, left_out=left_out)


def _open_orders(inside: Inside) -> Mapping[str, int]:
    counts: dict[str, int] = {}
    for row in inside.rows.rows("orders", where={"state": tuple(sorted(OPEN_STATES))}):
        counts[row["instrument"]] = counts.get(row["instrument"], 0) + 1
    return counts


@dataclass(frozen=True, slots=True, kw_only=True)
class _Price:
    """What is known of an instrument's price; `at_ns` 0 where that is nothing."""

    instrument: str
    candle_ns: int  # length of a candle
    candles: Sequence[Candle]
    quote: Quote | None

    @property
    def at_ns(self) -> int:
        return max(self.candles[-1].ts if self.candles else 0, self.quote.ts if self.quote else 0)

    @property
    def value(self) -> float | None:
        if self.quote and self.quote.ts == self.at_ns:
            return (self.quote.bid + self.quote.ask) / 2
        return self.candles[-1].close if self.candles else None


def _price(inside: Inside, feeds: Sequence[HistoryFeed], name: str) -> _Price:
    timeframe = next(iter(own_timeframes(inside, name)), "1h")
    length = timeframe_ns(timeframe)
    wanted = min(MOST_CANDLES, max(SPARKS, DAY_NS // length + 1))
    candles = candles_known(inside, feeds, name, timeframe, before_ns=None, limit=wanted)
    quote = newest_quote(inside.journal().engine, name)
    return _Price(instrument=name, candle_ns=length, candles=candles, quote=quote)


def _row(
    inside: Inside, of: _Price, clock_ns: int, held: Sequence[OpenPosition], orders: int, seen: list[WatchedRow]
) -> MarketRow:
    name, candles, quote, at_ns = of.instrument, of.candles, of.quote, of.at_ns
    sparks = candles[::-1][:: -(-len(candles) // SPARKS) or 1][::-1]
    return MarketRow(
        instrument=name,
        price=of.value,
        at=iso(at_ns) if at_ns else "",
        age_s=(clock_ns - at_ns) / SECOND_NS if at_ns else None,
        is_stale=bool(at_ns) and clock_ns - at_ns > STALE_AFTER * of.candle_ns,
        change_day=_change(candles, of.value),
        volume_day=sum(one.volume for one in candles if one.ts > candles[-1].ts - DAY_NS) if candles else None,
        bid=quote.bid if quote else None,
        ask=quote.ask if quote else None,
        spread=(quote.ask - quote.bid) * 2 / (quote.ask + quote.bid) if quote and quote.ask + quote.bid else None,
        timeframes=timeframes(inside, name),
        curve=[one.close for one in sparks],
        curve_at_ms=[one.ts // MS_NS for one in sparks],
        positions=[one for one in held if one.instrument == name],
        open_orders=orders,
        opinions=_opinions(inside, name),
        watched=seen,
    )


def _change(candles: Sequence[Candle], price: float | None) -> float | None:
    """Return the change against the last close that is a day old."""
    if not candles or price is None:
        return None
    before = [one.close for one in candles if one.ts <= candles[-1].ts - DAY_NS]
    return price / before[-1] - 1.0 if before and before[-1] else None


def _opinions(inside: Inside, instrument: str) -> list[NewestOpinion]:
    """Return the newest opinion of each evaluator that works on an instrument."""
    wanted = {
        one.label: one.timeframe
        for plan in inside.reconciler.running.plan.desks
        for seat in plan.seats
        if seat.instrument.id == instrument
        for one in seat.evaluators
    }
    found: dict[str, NewestOpinion] = {}
    for timeframe in sorted(set(wanted.values())):
        of = {"instrument": instrument} | ({"timeframe": timeframe} if timeframe else {})
        for row in inside.rows.rows("evaluations", where=of, limit=5):
            found |= {one.evaluator: one for one in _told(row) if one.evaluator in wanted}
    return [found[label] for label in sorted(found)]


def _told(row: Row) -> list[NewestOpinion]:
    return [
        NewestOpinion(evaluator=label, value=value, code=code, seq=seq, time=iso(row["ts"]))
        for seq, label, value, code in row["evaluations"]
    ]


OFFERS: tuple[Offer, ...] = (
    looking("market", "every instrument: price, day, what is held and thought of it", MarketAsked, Markets, market),
)
