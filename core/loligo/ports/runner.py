"""What research and web may ask of the bot as a whole: runs over history, whose records they watch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from loligo.model.events import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedRun:
    """What a run over history ends with, beside the records it made. Money in each account's reference currency."""

    capital: Mapping[str, float]  # by desk, at the start; NaN where it is in several currencies
    desk_equity: Mapping[str, float]
    account_equity: Mapping[str, float]
    venue_counts: Mapping[str, int]  # such as ambiguous candles
    versions: Mapping[str, str]  # "loligo" and every tentacle by kind/name
    about: Mapping[str, Any]  # by desk: instruments, currency, open_since_ns; what else tells this run from others


class Runner(Protocol):
    """Runs the desks of a bot folder over their historical feed, without clock and network."""

    def __call__(
        self,
        home: Path,
        *,
        file: Path | None = None,
        request: Mapping[str, Any] = ...,
        journal: Path | None = None,
        on_record: Callable[[Record], None],
    ) -> FinishedRun:
        """Return when the feed ends. `file` replaces the config file, `request` says what is other than it says (see
        `loligo_bot.backtest_request`), `journal` is an SQLite file. BadArguments, ConfigError or DataError."""
        ...
