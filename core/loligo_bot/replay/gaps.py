"""What the feeds know today of a window's candles, against what was recorded: missing, late or otherwise.

Only series that were recorded are looked at, each between its first and its last recorded candle. Feeds that cannot
look back say nothing, and that is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from loligo.api.candles import market_order
from loligo.errors import DataError
from loligo.model.events import Input, Record
from loligo.model.market import Candle, MarketData
from loligo.model.timeframe import timeframe_ns
from loligo.ports.tentacles import HistoryFeed

Series = tuple[str, str]  # instrument, timeframe


@dataclass(slots=True)
class Gaps:
    """Candles of today's feeds by what is otherwise in the record."""

    missing: list[Candle] = field(default_factory=list)
    late: dict[Candle, Candle] = field(default_factory=dict)  # as recorded: when it was due
    other: dict[Candle, Candle] = field(default_factory=dict)  # as recorded: as the feed has it now
    notes: list[str] = field(default_factory=list)


def gaps_of(records: Iterable[Record], feeds: Iterable[HistoryFeed]) -> Gaps:
    """Return what differs between recorded candles and those of the feeds."""
    recorded: dict[Series, dict[int, Candle]] = {}
    for record in records:
        if isinstance(candle := record.input, Candle):
            recorded.setdefault((candle.instrument, candle.timeframe), {})[candle.opened_at_ns] = candle
    found = Gaps()
    looking_back = list(feeds)
    for series, candles in sorted(recorded.items()):
        for candle in _history(looking_back, series, min(candles), max(candles), found.notes):
            was = candles.get(candle.opened_at_ns)
            if was is None:
                found.missing.append(candle)
            elif _values(was) != _values(candle):
                found.other[was] = candle
            elif was.ts != candle.ts:
                found.late[was] = candle
    return found


def _values(candle: Candle) -> tuple[float, ...]:
    return candle.open, candle.high, candle.low, candle.close, candle.volume


def _history(
    feeds: Sequence[HistoryFeed], series: Series, first_ns: int, last_ns: int, notes: list[str]
) -> Sequence[Candle]:
    """Return what the first feed that has the series knows of candles that opened from first to last."""
    length_ns = timeframe_ns(series[1])
    count = (last_ns - first_ns) // length_ns + 1
    for feed in feeds:
        try:
            candles = feed.history(*series, last_ns + length_ns, count)
        except DataError:
            raise
        except Exception as exc:  # a tentacle: without its history no gap can be found, and that is said
            notes.append(f"no history of {' '.join(series)}: {type(exc).__name__}: {exc}")
            return ()
        if candles:
            return [candle for candle in candles if first_ns <= candle.opened_at_ns <= last_ns]
    notes.append(f"no feed has the history of {' '.join(series)} today: its gaps cannot be found")
    return ()


@dataclass(frozen=True, slots=True)
class Sent:
    """An input as a world takes it; `record` is what came of it then, None for one that was not there."""

    item: Input
    feed: str
    record: Record | None


def as_recorded(records: Iterable[Record]) -> Iterator[Sent]:
    for record in records:
        yield Sent(record.input, record.feed, record)


def filled(records: Iterable[Record], gaps: Gaps, *, is_whole: bool) -> Iterator[Sent]:
    """Yield the inputs with late candles at their time; with `is_whole` also those that were missing or otherwise."""
    moved = {**gaps.late, **(gaps.other if is_whole else {})}
    waiting = sorted([*moved.values(), *(gaps.missing if is_whole else ())], key=market_order)
    feed = ""
    for record in records:
        item = record.input
        feed = record.feed or feed
        while waiting and _is_before(waiting[0], item):
            yield Sent(waiting.pop(0), feed, None)
        if isinstance(item, Candle) and item in moved:
            continue  # it comes at its own time
        yield Sent(item, record.feed, record)
    for candle in waiting:
        yield Sent(candle, feed, None)


def _is_before(candle: Candle, item: Input) -> bool:
    if candle.ts != item.ts:
        return candle.ts < item.ts
    return isinstance(item, MarketData) and market_order(candle) < market_order(item)
