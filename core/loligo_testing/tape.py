"""Tapes: market data for tests, the same at every call, on every machine.

`walk` goes up and down by a seed; `rising` and `falling` go one way; `real` holds daily candles of BTC/USD that come
with Loligo. `ticks`, `news` and `books` make of candles what evaluators of trades, quotes, books and news read. Prices
stay far above 0, and each item is knowable at its `ts`, in time order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from functools import cache
from pathlib import Path
from random import Random

import numpy as np

from loligo.api import (
    BookUpdate,
    Candle,
    CandleArrays,
    ExternalSignal,
    Instrument,
    Quote,
    Side,
    Trade,
    ns_from_iso,
    timeframe_ns,
)

BTC = Instrument(
    venue="sim",
    symbol="BTC/USD",
    base="BTC",
    quote="USD",
    price_step=Decimal("0.01"),
    minimum_notional=Decimal(1),
    maker_fee_rate=Decimal("0.001"),
    taker_fee_rate=Decimal("0.001"),
)
START_NS = ns_from_iso("2026-01-01T00:00:00Z")
_REAL_FILE = Path("tentacles/feeds/replay/market/bitstamp/BTC_USD-1d.parquet")  # among what came with Loligo
_SECOND_NS = 1_000_000_000


def candle(
    number: int,
    open: float,
    high: float | None = None,
    low: float | None = None,
    close: float | None = None,
    *,
    volume: float = 1000.0,
    timeframe: str = "1h",
    instrument: str = BTC.id,
    start_ns: int = START_NS,
) -> Candle:
    """Return the candle of place `number`; a price alone is a candle that stands still."""
    close = open if close is None else close
    length_ns = timeframe_ns(timeframe)
    opened_at_ns = start_ns + number * length_ns
    highest = max(open, close) if high is None else high
    lowest = min(open, close) if low is None else low
    return Candle(instrument, timeframe, opened_at_ns, opened_at_ns + length_ns, open, highest, lowest, close, volume)


def closes(prices: Iterable[float], *, first: float | None = None, **terms: str | int | float) -> list[Candle]:
    """Return candles that each open at the close before, without wicks: for arithmetic by hand."""
    made: list[Candle] = []
    for number, close in enumerate(prices):
        opened = made[-1].close if made else close if first is None else first
        made.append(candle(number, opened, close=close, **terms))  # type: ignore[arg-type]
    return made


def walk(count: int, *, seed: int = 1, price: float = 100.0, step: float = 0.01, timeframe: str = "1h") -> list[Candle]:
    """Return a random walk: changes of about `step` (a fraction), with wicks, pulled back when it goes far."""
    random, made = Random(seed), list[Candle]()
    last = price
    for number in range(count):
        change = random.gauss(0.0, step) + (0.002 if last < price / 2 else -0.002 if last > price * 2 else 0.0)
        close = round(last * (1.0 + max(-0.2, min(0.2, change))), 2)
        high = round(max(last, close) * (1.0 + abs(random.gauss(0.0, step / 2))), 2)
        low = round(min(last, close) * (1.0 - min(0.1, abs(random.gauss(0.0, step / 2)))), 2)
        volume = round(random.uniform(500.0, 1500.0), 3)
        made.append(candle(number, last, high, low, close, volume=volume, timeframe=timeframe))
        last = close
    return made


def rising(count: int, *, rise: float = 0.6, seed: int = 1, price: float = 100.0) -> list[Candle]:
    """Return candles of which every close is above the one before, ever faster: by `rise` (a fraction) in all."""
    random, made = Random(seed), list[Candle]()
    step = (1.0 + rise) ** (1.0 / count) - 1.0
    for number in range(count):
        close = price * (1.0 + step * random.uniform(0.9, 1.1))
        wick = price * step / 10.0
        made.append(candle(number, price, close + wick, price - wick, close))
        price = close
    return made


def falling(count: int, *, fall: float = 0.6, seed: int = 1, price: float = 100.0) -> list[Candle]:
    """Return the mirror image of `rising`: each price as far below the first open as that one's is above."""
    return mirrored(rising(count, rise=fall, seed=seed, price=price))


def mirrored(candles: Sequence[Candle]) -> list[Candle]:
    """Return the tape upside down around its first open: what rose by 10 falls by 10. Rises beyond twice it have none:
    ValueError."""
    twice = 2.0 * candles[0].open
    if max(each.high for each in candles) >= twice:
        raise ValueError(f"a tape that reaches twice its first open, {twice:g}, has no mirror image above 0")
    return [
        Candle(
            e.instrument,
            e.timeframe,
            e.opened_at_ns,
            e.ts,
            twice - e.open,
            twice - e.low,
            twice - e.high,
            twice - e.close,
            e.volume,
        )
        for e in candles
    ]


def real(count: int = 500) -> list[Candle]:
    """Return the newest daily candles of BTC/USD that come with Loligo (Bitstamp, up to 2020-01-16), oldest first."""
    rows, instrument, day_ns = _real_rows(), BTC.id, timeframe_ns("1d")
    return [Candle(instrument, "1d", at_ns, at_ns + day_ns, *prices) for at_ns, prices in rows[-count:]]


@cache
def _real_rows() -> list[tuple[int, tuple[float, ...]]]:
    import pyarrow.parquet as parquet  # a third of a second, which few tests pay

    from loligo.host import bundled_root

    columns = parquet.read_table(bundled_root() / _REAL_FILE).to_pydict()
    names = ("open", "high", "low", "close", "volume")
    rows = zip(columns["timestamp"], *(columns[name] for name in names), strict=True)
    return [(at_ms * 1_000_000, tuple(prices)) for at_ms, *prices in rows]


def arrays(candles: Sequence[Candle]) -> CandleArrays:
    """Return candles as `evaluate_series` gets them."""
    columns = {
        name: np.array([getattr(each, name) for each in candles], dtype=np.float64)
        for name in ("open", "high", "low", "close", "volume")
    }
    return CandleArrays(opened_at_ns=np.array([each.opened_at_ns for each in candles], dtype=np.int64), **columns)


def trades(candles: Sequence[Candle]) -> Iterator[Trade]:
    """Yield three trades a second apart for each candle: its open, its middle and its close."""
    for number, (ts, price, before) in enumerate(_prices(candles)):
        quantity = 40.0 if number % 37 == 36 else 1.0 + number % 5  # a large one now and then
        yield Trade(BTC.id, ts, price, quantity, Side.BUY if price >= before else Side.SELL, str(number))


def quotes(candles: Sequence[Candle]) -> Iterator[Quote]:
    """Yield quotes of a hundredth of a per cent around the prices of `trades`."""
    for ts, price, _ in _prices(candles):
        yield Quote(BTC.id, ts, price * 0.99995, price * 1.00005, 2.0, 2.0)


def books(candles: Sequence[Candle]) -> Iterator[BookUpdate]:
    """Yield snapshots of three levels a side; the side that the price moves to is thinner."""
    for ts, price, before in _prices(candles):
        bid, ask = (3.0, 1.0) if price >= before else (1.0, 3.0)
        bids = tuple((price * (1.0 - 0.0001 * level), bid) for level in (1, 2, 3))
        asks = tuple((price * (1.0 + 0.0001 * level), ask) for level in (1, 2, 3))
        yield BookUpdate(BTC.id, ts, bids, asks, True)


def news(candles: Sequence[Candle]) -> Iterator[ExternalSignal]:
    """Yield an item of news after each candle, good where it rose and bad where it fell; some name no instrument."""
    for number, each in enumerate(candles):
        is_up = each.close >= each.open
        text = "prices rally on strong gains" if is_up else "prices crash on heavy losses"
        score = (0.8 if is_up else -0.8) if number % 3 else None
        yield ExternalSignal("wire", each.ts, "news", "" if number % 4 == 0 else BTC.id, text, score)


def _prices(candles: Sequence[Candle]) -> Iterator[tuple[int, float, float]]:
    """Yield time, price and the price before: three for each candle, a second apart from the first one's open on."""
    before, ts = candles[0].open, candles[0].opened_at_ns
    for each in candles:
        for price in (each.open, (each.open + each.close) / 2.0, each.close):
            ts += _SECOND_NS
            yield ts, price, before
            before = price
