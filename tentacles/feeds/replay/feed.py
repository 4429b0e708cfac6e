"""The replay feed: finds the files, merges what is in them, and hands it out with or without a clock.

`read` and `run` give the same inputs in the same order: by `ts`, within one instant by `instant_order`, then as the
sources are listed. A cursor (`since_ns`, `since_count`) says how far a reader came: nothing is lost and nothing comes
twice, also when several inputs share an instant. The place within an instant is counted in this feed's own order, so
a cursor holds only for the sources that it was made with. `history` looks back from any time, into what lies before
the settings' since, too.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain, islice
from pathlib import Path

from loligo.api import Candle, Clock, ConfigError, DataError, InboxPort, Input, MakeContext, iso, ns_from_iso

from .candle_files import CandleFile, GapCount
from .merge import FOREVER_NS, Chunk, Window, merged
from .recording import recording_chunks
from .settings import Format, Kind, ReplaySettings, Source
from .tick_files import tick_chunks

BATCH = 512  # inputs handed to the inbox at once
MARKET = Path(__file__).parent / "market"  # the bundled files
Reader = Callable[[Window], Iterator[Chunk]]


class MonotonicClock:
    """Real time that nobody sets back; its zero is arbitrary, since pacing needs only differences."""

    def now_ns(self) -> int:
        return time.monotonic_ns()

    async def sleep_until(self, ts_ns: int) -> None:
        await asyncio.sleep(max(0, ts_ns - self.now_ns()) / 1e9)


class ReplayFeed:
    """Reads recorded market data. ConfigError if a file is in none of the places."""

    def __init__(self, settings: ReplaySettings, context: MakeContext, *, clock: Clock | None = None) -> None:
        self._settings = settings
        self._clock = clock or MonotonicClock()
        self._readers: list[Reader] = []
        self._files: list[CandleFile] = []
        self.gap_counts: dict[str, GapCount] = {}  # accepted so far in the newest read, by "INSTRUMENT TIMEFRAME"
        for source in settings.sources:
            self._readers.append(self._reader(source, _located(source.file, context.home)))

    def _reader(self, source: Source, path: Path) -> Reader:
        if source.kind is Kind.CANDLES:
            file = CandleFile(source=source, path=path, gap_limit=self._settings.gap_limit(source))
            self.gap_counts[f"{source.instrument} {source.timeframe}"] = file.gap_count
            self._files.append(file)
            return file.chunks
        return partial(recording_chunks if source.layout is Format.BINANCE else tick_chunks, source, path)

    def read(
        self, *, since_ns: int | None = None, until_ns: int | None = None, since_count: int | None = None
    ) -> Iterator[Input]:
        """Return the inputs in time order, from the cursor to `until_ns`, both within the settings' since and until.

        DataError at the first unsound row of a file, or when the files lack what the cursor says was taken.
        """
        return chain.from_iterable(self._batches(since_ns, until_ns, since_count))

    async def run(self, inbox: InboxPort, *, since_ns: int | None, since_count: int | None = None) -> None:
        """Publish from the cursor to the end, at the speed of the settings."""
        await self.replay(inbox, self.read(since_ns=since_ns, since_count=since_count))

    async def replay(self, inbox: InboxPort, inputs: Iterator[Input]) -> None:
        """Publish inputs, of this feed or merged from several, at the speed of the settings."""
        if self._settings.speed:
            await self._run_paced(inbox, inputs)
            return
        while batch := list(islice(inputs, BATCH)):
            await inbox.put_many(batch)

    def history(self, instrument: str, timeframe: str, until_ns: int, count: int) -> Sequence[Candle]:
        """Return the newest `count` candles with `ts` up to `until_ns`, oldest first, built ones too; none of a series
        that is in no source. DataError at the first unsound row before them."""
        for file in self._files:
            source = file.source
            if source.instrument == instrument and timeframe in (source.timeframe, *source.build):
                return file.newest(timeframe, until_ns, count)
        return ()

    async def _run_paced(self, inbox: InboxPort, inputs: Iterator[Input]) -> None:
        """The first input comes at once, each other when its distance from the first, over the speed, has passed.

        What is due together is put together, so a fast replay is bound by the inbox and not by naps.
        """
        clock, due = self._clock, list[Input]()
        began_ns, first_ts = clock.now_ns(), None
        for item in inputs:
            first_ts = item.ts if first_ts is None else first_ts
            due_ns = began_ns + round((item.ts - first_ts) / self._settings.speed)
            if due and (due_ns > clock.now_ns() or len(due) >= BATCH):
                await inbox.put_many(due)
                due = []
            if due_ns > clock.now_ns():
                await clock.sleep_until(due_ns)
            due.append(item)
        if due:
            await inbox.put_many(due)

    def _batches(
        self, since_ns: int | None, until_ns: int | None, since_count: int | None
    ) -> Iterator[Sequence[Input]]:
        settings = self._settings
        after_ns = ns_from_iso(settings.since) if settings.since else -1
        last_ns = ns_from_iso(settings.until) if settings.until else FOREVER_NS
        taken = 0
        if since_ns is not None and since_ns > after_ns:
            taken, after_ns = since_count or 0, since_ns if since_count is None else since_ns - 1
        window = Window(first_ns=after_ns + 1, last_ns=last_ns if until_ns is None else min(until_ns, last_ns))
        if window.last_ns < window.first_ns:
            return iter(())  # the end was moved back behind what was taken
        batches = merged([read(window) for read in self._readers], window)
        return _after(batches, after_ns + 1, taken) if taken else batches


def _after(batches: Iterator[Sequence[Input]], since_ns: int, count: int) -> Iterator[Sequence[Input]]:
    """Leave out the first `count` inputs, which must all be of `since_ns`; an instant lies in one batch."""
    first = next(batches, ())
    present = sum(1 for item in first[:count] if item.ts == since_ns)
    if present < count:
        raise DataError(
            f"the sources hold {present} inputs at {iso(since_ns)}, but {count} were already taken there: they are not "
            "those that the cursor was made with; restore them, or start in a new bot folder"
        )
    if len(first) > count:
        yield first[count:]
    yield from batches


def _located(file: str, home: str) -> Path:
    """Return the file, sought as it stands if absolute, else in the bot folder's data/ and among the bundled ones."""
    name = Path(file).expanduser()
    places = [name] if name.is_absolute() else [*([Path(home) / "data" / name] if home else []), MARKET / name]
    for path in places:
        if path.is_file():
            return path
    raise ConfigError(
        f'sources: no file "{file}" in {" or ".join(str(place.parent) for place in places)}; add or rename'
    )
