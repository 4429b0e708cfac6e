"""Candles of one file, checked and turned into a stream with the higher timeframes built from them.

What must hold: every candle that leaves here opens one timeframe, or an accepted gap of whole candles, after the one
before it; its prices are finite, positive and within [low, high]; its volume is not negative. Times in the file are
opens, inputs get their close as `ts`. Whatever part is wanted, candles and built candles are those of a whole read:
rows are checked from the first on, and building starts early enough to know the period in which the part begins.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import repeat
from pathlib import Path

import numpy as np

from loligo.api import Candle, CandleBuilder, instant_order, iso, period_start_ns, timeframe_ns

from .merge import Chunk, Piece, Window
from .settings import Format, Source
from .tables import Table, csv_tables, parquet_tables

PRICES = ("open", "high", "low", "close", "volume")


@dataclass(slots=True)
class GapCount:
    """Gaps accepted in one file during the read that is under way: places, and candles missing in all of them."""

    gaps: int = 0
    missing_candles: int = 0


@dataclass(slots=True, kw_only=True)
class CandleFile:
    """Reads one candle source."""

    source: Source
    path: Path
    gap_limit: int  # missing candles in a row that are accepted
    gap_count: GapCount = field(default_factory=GapCount)

    def chunks(self, window: Window) -> Iterator[Chunk]:
        """Yield the candles, with what is built from them, within the window. DataError at the first unsound row."""
        self.gap_count.gaps = self.gap_count.missing_candles = 0
        higher = _Higher(self.source, self._begin_ns(window.first_ns), window) if self.source.build else None
        order = instant_order(Candle, self.source.instrument, self.source.timeframe)
        length_ns = timeframe_ns(self.source.timeframe)
        newest_ns = -1
        for table in self._tables():
            self._check(table, newest_ns, length_ns)
            newest_ns = int(table.time_ns[-1])
            closes_ns = table.time_ns + length_ns
            make = partial(_candles, self.source, table, length_ns)
            built = higher.pieces(table, make) if higher else []
            piece = Piece(order, closes_ns, make, window)
            yield Chunk(horizon_ns=newest_ns + length_ns, pieces=(*built, piece))

    def newest(self, timeframe: str, until_ns: int, count: int) -> Sequence[Candle]:
        """Return the newest candles of a timeframe, read or built, with `ts` up to `until_ns`, oldest first.

        A second look, from the start of the file, is for series with so many gaps that the first does not reach back
        far enough.
        """
        order = instant_order(Candle, self.source.instrument, timeframe)
        found: deque[Candle] = deque(maxlen=count)
        for first_ns in (max(until_ns - 2 * count * timeframe_ns(timeframe), 0), 0):
            found.clear()
            for chunk in self.chunks(Window(first_ns=first_ns, last_ns=until_ns)):
                for piece in chunk.pieces:
                    if piece.order == order:
                        found.extend(item for item in piece.take(until_ns)[1] if isinstance(item, Candle))
                if chunk.horizon_ns >= until_ns:
                    break
            if len(found) == count:
                break
        return tuple(found)

    def _tables(self) -> Iterator[Table]:
        read = parquet_tables if self.source.layout is Format.PARQUET else csv_tables
        return (table for table in read(self.path, PRICES) if len(table.time_ns))

    def _begin_ns(self, first_ns: int) -> int:
        """Return an open early enough to build from: a whole period, and a candle before it, lie behind `first_ns`.

        The last candle before `first_ns` opened at most a gap and two candles earlier; the period that contains it
        must be fed from its start, and one more candle shows that the series did not begin inside that period.
        """
        reach_ns = (self.gap_limit + 2) * timeframe_ns(self.source.timeframe)
        starts = [period_start_ns(max(first_ns - reach_ns, 0), timeframe) for timeframe in self.source.build]
        return min(starts) - reach_ns

    def _check(self, table: Table, newest_ns: int, length_ns: int) -> None:
        first_ns = int(table.time_ns[0])
        steps = np.diff(table.time_ns, prepend=first_ns - length_ns if newest_ns < 0 else newest_ns)
        in_time = (steps > 0) & (steps % length_ns == 0) & (steps <= (self.gap_limit + 1) * length_ns)
        sound = in_time & _sound(table)
        if not sound.all():
            at = int(np.argmin(sound))
            fault, remedy = self._fault(table, at, int(steps[at]), length_ns)
            raise table.fault(at, fault, remedy)
        gaps = steps[steps > length_ns]
        self.gap_count.gaps += len(gaps)
        self.gap_count.missing_candles += int((gaps // length_ns - 1).sum())

    def _fault(self, table: Table, at: int, step_ns: int, length_ns: int) -> tuple[str, str]:
        opened = f"{self.source.instrument} {self.source.timeframe} candle opened {iso(int(table.time_ns[at]))}"
        remove = "correct or remove the row"
        if step_ns == 0:
            return f"{opened} is a duplicate of the row before", "remove one of them"
        if step_ns < 0:
            return f"{opened} is older than the row before", "sort the file by timestamp"
        if step_ns % length_ns:
            return f"{opened}, {step_ns} ns after the row before: not a multiple of the timeframe", remove
        if step_ns > (self.gap_limit + 1) * length_ns:
            missing = step_ns // length_ns - 1
            remedy = f"fill the gap, or accept it with gaps: accept and maximum_gap_candles: {missing}"
            return f"{opened} after a gap of {missing} candles, {self.gap_limit} are accepted", remedy
        values = ", ".join(f"{name} {table.numbers[name][at]}" for name in PRICES)
        wanted = "finite prices, 0 < low <= open and close <= high, and volume >= 0"
        return f"{opened} has {values}: expected {wanted}", remove


def _sound(table: Table) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Return which rows have possible values; a comparison with NaN is false."""
    open_, high, low, close, volume = (table.numbers[name] for name in PRICES)
    inside = (low <= np.minimum(open_, close)) & (np.maximum(open_, close) <= high)
    return inside & (low > 0) & (high < np.inf) & (volume >= 0) & (volume < np.inf)


def _candles(source: Source, table: Table, length_ns: int, start: int, stop: int) -> list[Candle]:
    opened = table.time_ns[start:stop]
    columns = [table.numbers[name][start:stop].tolist() for name in PRICES]
    names = repeat(source.instrument), repeat(source.timeframe)
    return list(map(Candle, *names, opened.tolist(), (opened + length_ns).tolist(), *columns))


class _Higher:
    """Builds the higher timeframes of a source, from the candle that opens at `begin_ns` or later."""

    def __init__(self, source: Source, begin_ns: int, window: Window) -> None:
        self._builder = CandleBuilder(source.instrument, source.timeframe, source.build)
        self._orders = {name: instant_order(Candle, source.instrument, name) for name in self._builder.timeframes}
        self._begin_ns, self._window = begin_ns, window

    def pieces(self, table: Table, make: partial[list[Candle]]) -> list[Piece]:
        """Return what the table's candles complete, one piece per timeframe."""
        start = int(np.searchsorted(table.time_ns, self._begin_ns, "left"))
        built: dict[str, list[Candle]] = {name: [] for name in self._orders}
        for candle in make(start, len(table.time_ns)):
            closed = self._builder.add(candle)
            for higher in closed[:-1]:
                built[higher.timeframe].append(higher)
        return [self._piece(name, candles) for name, candles in built.items() if candles]

    def _piece(self, timeframe: str, candles: list[Candle]) -> Piece:
        ts = np.array([candle.ts for candle in candles], dtype=np.int64)
        return Piece(self._orders[timeframe], ts, lambda start, stop: candles[start:stop], self._window)
