"""Candles made of the closes in the settings, one after the other: put what you read from elsewhere in their place.

They come in time order, and after a restart none comes twice: a cursor says what the engine has already.
"""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from loligo.api import Candle, InboxPort, MakeContext, TentacleSettings, ns_from_iso, timeframe_ns


class Settings(TentacleSettings):
    instrument: str = Field(default="demo:BTC/USD", description="VENUE:SYMBOL of the candles.")
    timeframe: str = Field(default="1h", description="Of the candles.")
    since: str = Field(default="2026-01-01T00:00:00Z", description="Open of the first candle, ISO 8601.")
    closes: tuple[float, ...] = Field(default=(100.0, 101.0, 99.0), description="One candle each, quote units.")


class Sample:
    def __init__(self, settings: Settings, context: MakeContext) -> None:
        self._settings = settings

    async def run(self, inbox: InboxPort, *, since_ns: int | None, since_count: int | None = None) -> None:
        for candle in self.read(since_ns=since_ns, since_count=since_count):
            await inbox.put(candle)

    def read(
        self, *, since_ns: int | None = None, until_ns: int | None = None, since_count: int | None = None
    ) -> Iterator[Candle]:
        """Yield candles later than `since_ns`, at most `until_ns`; there is one for each time."""
        is_cut_short = since_count == 0  # of the candle at `since_ns` itself the engine has none yet
        for candle in self._candles():
            is_known = since_ns is not None and (candle.ts < since_ns or (candle.ts == since_ns and not is_cut_short))
            if not is_known and (until_ns is None or candle.ts <= until_ns):
                yield candle

    def _candles(self) -> Iterator[Candle]:
        settings = self._settings
        length_ns, opened_at_ns = timeframe_ns(settings.timeframe), ns_from_iso(settings.since)
        before = settings.closes[0] if settings.closes else 0.0
        for close in settings.closes:
            times = (opened_at_ns, opened_at_ns + length_ns)
            prices = (before, max(before, close), min(before, close), close)
            yield Candle(settings.instrument, settings.timeframe, *times, *prices, 1.0)
            before, opened_at_ns = close, opened_at_ns + length_ns
