"""What to replay: the files, what lies in them, how fast, from when to when, and which gaps are acceptable."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from loligo.api import CandleBuilder, ConfigError, TentacleSettings, ns_from_iso, timeframe_ns


class Kind(StrEnum):
    """What a file holds. A recording holds books, quotes and trades; book, quotes or trades takes one part of it."""

    CANDLES = "candles"
    TRADES = "trades"
    QUOTES = "quotes"
    BOOK = "book"
    FUNDING = "funding"
    EXTERNAL = "external"
    STATUS = "status"
    RECORDING = "recording"


class Format(StrEnum):
    """How a file is written; the layouts are in the README."""

    AUTO = "auto"  # from the file's name: .parquet, .csv (candles csv, trades kraken), .gz binance
    PARQUET = "parquet"
    CSV = "csv"
    KRAKEN = "kraken"
    BINANCE = "binance"


class Gaps(StrEnum):
    ACCEPT = "accept"
    REFUSE = "refuse"


_RECORDED = frozenset({Kind.RECORDING, Kind.BOOK, Kind.QUOTES, Kind.TRADES})
_KINDS_OF = {
    Format.PARQUET: frozenset(Kind) - {Kind.RECORDING},
    Format.CSV: frozenset({Kind.CANDLES}),
    Format.KRAKEN: frozenset({Kind.TRADES}),
    Format.BINANCE: _RECORDED,
}


class Source(TentacleSettings):
    """One file with data of one instrument."""

    file: Annotated[str, Field(min_length=1, description="path; a relative one is sought in data/, then in market/")]
    instrument: Annotated[str, Field(pattern=r"^[^:]+:.+$", description='such as "coinbase:BTC/USD"')]
    kind: Kind = Kind.CANDLES
    timeframe: Annotated[str, Field(description="of candles")] = ""
    build: Annotated[tuple[str, ...], Field(description="higher timeframes to build from these candles")] = ()
    format: Format = Format.AUTO
    maximum_gap_candles: Annotated[int | None, Field(ge=0, description="instead of the feed's, for this file")] = None

    @model_validator(mode="after")
    def _fits_together(self) -> Source:
        try:
            if self.kind is Kind.CANDLES:
                CandleBuilder(self.instrument, self.timeframe, self.build)
        except ConfigError as exc:
            raise ValueError(str(exc)) from exc
        if self.kind is not Kind.CANDLES and (self.timeframe or self.build):
            raise ValueError(f"{self.file}: timeframe and build are for candles; remove them from {self.kind}")
        if self.kind not in _KINDS_OF[self.layout]:
            raise ValueError(f"{self.file}: {self.layout} files hold no {self.kind}; set kind or format")
        return self

    @property
    def layout(self) -> Format:
        """The format, found from the file's name where it is auto. ValueError if the name does not tell."""
        if self.format is not Format.AUTO:
            return self.format
        suffix = self.file.rpartition(".")[2].lower()
        if suffix == "csv":
            return Format.KRAKEN if self.kind is Kind.TRADES else Format.CSV
        if suffix not in ("parquet", "gz"):
            raise ValueError(f"{self.file}: cannot tell the format from the name; set format: parquet, csv, ...")
        return Format.PARQUET if suffix == "parquet" else Format.BINANCE


BUNDLED = (
    Source(file="coinbase/BTC_USD-1h.parquet", instrument="coinbase:BTC/USD", timeframe="1h"),
    Source(file="bitstamp/ETH_USD-1d.parquet", instrument="bitstamp:ETH/USD", timeframe="1d"),
)


class ReplaySettings(TentacleSettings):
    """Settings of the replay feed; without any, it replays two bundled files."""

    sources: Annotated[tuple[Source, ...], Field(description="what to replay, merged in time order")] = BUNDLED
    speed: Annotated[float, Field(ge=0, allow_inf_nan=False, description="1 is real time, 0 as fast as it goes")] = 0.0
    since: Annotated[str, Field(description="ISO time; only inputs later than this, empty: from the start")] = ""
    until: Annotated[str, Field(description="ISO time; only inputs up to this, empty: to the end")] = ""
    gaps: Annotated[Gaps, Field(description="accept (and count) gaps in candle files, or refuse every one")] = (
        Gaps.ACCEPT
    )
    maximum_gap_candles: Annotated[int, Field(ge=0, description="missing candles in a row that are accepted")] = 24

    @field_validator("since", "until")
    @classmethod
    def _is_time(cls, text: str) -> str:
        try:
            if text:
                ns_from_iso(text)
        except ConfigError as exc:
            raise ValueError(str(exc)) from exc
        return text

    @model_validator(mode="after")
    def _each_series_once(self) -> ReplaySettings:
        seen: set[tuple[str, str]] = set()
        for source in self.sources:
            for timeframe in (source.timeframe, *source.build) if source.kind is Kind.CANDLES else ():
                series = (source.instrument, f"{timeframe_ns(timeframe)} ns")
                if series in seen:
                    raise ValueError(f"{source.file}: {source.instrument} {timeframe} comes from two sources; keep one")
                seen.add(series)
        return self

    def gap_limit(self, source: Source) -> int:
        """Return how many candles in a row may be missing in the source's file."""
        if self.gaps is Gaps.REFUSE:
            return 0
        return self.maximum_gap_candles if source.maximum_gap_candles is None else source.maximum_gap_candles
