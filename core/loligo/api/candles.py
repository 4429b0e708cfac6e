"""Higher candles from lower ones, and the order of market data at one instant.

`CandleBuilder` takes the closed candles of one timeframe and returns those of higher timeframes as they become
knowable. It upholds: a built candle holds nothing of a lower candle that closed later than its own `ts`; its `ts` is
that of the lower candle that revealed its end, so never before its close, and time never runs backwards, also
when the candle is merged with other series. A period whose last lower candle is there closes exactly on time. Where
that one is missing, nobody can know at the close that it will not come: the period closes late, with the first
candle of a later period and just before it. A period without any lower candle gives none, and so does the first
period when the series begins inside it, since its open is unknown. Merging series is the feed's.
"""

from __future__ import annotations

from collections.abc import Sequence

from loligo.errors import ConfigError, DataError
from loligo.model.market import (
    BookUpdate,
    Candle,
    ExternalSignal,
    FundingRate,
    InstrumentStatus,
    MarketData,
    Quote,
    Trade,
)
from loligo.model.timeframe import iso, period_start_ns, timeframe_ns

# Fills and timers come before all of these. A halt is known before anything could fill in it; funding is settled on
# the position held up to then; ticks and news are older than the close of the candle that ends with them.
_STEPS: dict[type[MarketData], int] = {
    InstrumentStatus: 0,
    FundingRate: 1,
    BookUpdate: 2,
    Trade: 2,
    Quote: 2,
    ExternalSignal: 3,
    Candle: 4,
}
InstantOrder = tuple[int, int, str]


def instant_order(kind: type[MarketData], instrument: str, timeframe: str = "") -> InstantOrder:
    """Return the sort key of market data within one instant: step, longest timeframe first, instrument.

    Steps: status, funding, ticks (books, trades and quotes, in the order of their source), external signals, candles.
    """
    return _STEPS[kind], -timeframe_ns(timeframe) if timeframe else 0, instrument


def market_order(item: MarketData) -> tuple[int, int, int, str]:
    """Return the sort key of market data: its `ts`, then `instant_order`. Sorting by it must be stable."""
    timeframe = item.timeframe if isinstance(item, Candle) else ""
    return (item.ts, *instant_order(type(item), item.instrument, timeframe))


class _Period:
    """The open period of one higher timeframe: the lower candles that it has so far."""

    __slots__ = ("candles", "end_ns", "is_whole", "start_ns", "timeframe")

    def __init__(self, timeframe: str) -> None:
        self.timeframe = timeframe
        self.candles: list[Candle] = []
        self.start_ns = self.end_ns = 0
        self.is_whole = False

    def begin(self, opened_at_ns: int, is_first: bool) -> None:
        self.start_ns = period_start_ns(opened_at_ns, self.timeframe)
        self.end_ns = self.start_ns + timeframe_ns(self.timeframe)
        self.is_whole = not is_first or opened_at_ns == self.start_ns

    def end(self, ts: int) -> list[Candle]:
        """Return the candle of the period, none if nothing is known of it or not its open."""
        parts, self.candles = self.candles, []
        if not parts or not self.is_whole:
            return []
        high, low = max(part.high for part in parts), min(part.low for part in parts)
        prices = (parts[0].open, high, low, parts[-1].close, sum(part.volume for part in parts))
        return [Candle(parts[0].instrument, self.timeframe, self.start_ns, ts, *prices)]


class CandleBuilder:
    """Builds the candles of `higher` timeframes of one instrument from its closed candles of `timeframe`.

    ConfigError unless each higher timeframe is a whole multiple, at least twice the lower, and named once.
    """

    def __init__(self, instrument: str, timeframe: str, higher: Sequence[str]) -> None:
        self.instrument, self.timeframe = instrument, timeframe
        self._length_ns = timeframe_ns(timeframe)
        self._next_open_ns = -1  # the earliest that the next candle may open; -1 before the first
        for name in higher:
            times, rest_ns = divmod(timeframe_ns(name), self._length_ns)
            if rest_ns or times < 2 or list(higher).count(name) > 1:
                raise ConfigError(
                    f'{instrument}: cannot build "{name}" from "{timeframe}": expected each timeframe once, as a whole '
                    f"multiple of {timeframe}; name another, or feed a lower timeframe"
                )
        self._periods = [_Period(name) for name in sorted(higher, key=timeframe_ns, reverse=True)]

    @property
    def timeframes(self) -> tuple[str, ...]:
        """The higher timeframes, longest first."""
        return tuple(period.timeframe for period in self._periods)

    def add(self, candle: Candle) -> list[Candle]:
        """Return the candles that this one completes, longest timeframe first, and the candle itself at the end.

        DataError if it is of another series, overlaps the one before or spans two periods.
        """
        opened_ns, ends_ns = candle.opened_at_ns, candle.opened_at_ns + self._length_ns
        is_first = self._next_open_ns < 0
        if candle.instrument != self.instrument or candle.timeframe != self.timeframe or opened_ns < self._next_open_ns:
            earliest = "" if is_first else f" opening at {iso(self._next_open_ns)} or later"
            self._refuse(candle, f"expected {self.instrument} {self.timeframe}{earliest}")
        self._next_open_ns = ends_ns
        closed: list[Candle] = []
        for period in self._periods:
            if opened_ns >= period.end_ns:
                closed += period.end(candle.ts)  # late: its last lower candle never came
                period.begin(opened_ns, is_first)
            if ends_ns > period.end_ns:
                self._refuse(candle, f"it spans two periods of {period.timeframe}: expected {self.timeframe} to fit")
            period.candles.append(candle)
            if ends_ns == period.end_ns:
                closed += period.end(candle.ts)
        return [*closed, candle]

    def _refuse(self, candle: Candle, fault: str) -> None:
        raise DataError(
            f"candle {candle.instrument} {candle.timeframe} opened {iso(candle.opened_at_ns)} cannot be built upon: "
            f"{fault}; correct the order or the times of the series"
        )
