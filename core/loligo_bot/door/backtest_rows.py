"""What is told of a backtest: a row of a list, and the whole of it with its result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from pydantic import Field

from loligo.ports.door import Answer
from loligo_bot.door.inside import Inside
from loligo_bot.door.pages import LARGEST, Part
from loligo_bot.jobs.job import Job, State

KIND = "backtest"
Number = Annotated[int, Field(ge=1, le=LARGEST, description="of a backtest; `backtests` lists them")]


class BacktestRow(Part):
    """One backtest; figures are those of all its desks together, null until it is done. Rates are fractions."""

    number: int
    title: str
    state: State
    progress: float | None = Field(description="0 to 1; null: not known")
    line: str = Field(description="how far it is")
    reason: str = Field(description="why it did not end well")
    by: str
    arguments: dict[str, Any] = Field(description="what was asked to be other than configured")
    created_at: str
    started_at: str
    ended_at: str
    attempt: int
    since: str = Field(default="", description="of the data")
    until: str = ""
    currency: str = ""
    start_equity: float | None = None
    end_equity: float | None = None
    gain: float | None = Field(default=None, description="return after fees")
    cagr: float | None = None
    max_drawdown: float | None = None
    sharpe: float | None = None
    trades: int | None = None
    profit_factor: float | None = None
    fees: float | None = None
    exposure: float | None = Field(default=None, description="share of the time in which something was held")
    holding_gain: float | None = Field(default=None, description="of buying and holding the same markets")
    data_hash: str = Field(default="", description="equal for equal data")
    config_hash: str = Field(default="", description="equal for equal configuration")
    verdict: str = ""

    def told(self) -> str:
        """Return a line for people."""
        if self.state is State.RUNNING:
            share = "" if self.progress is None else f" {self.progress:.0%}"
            return f"{self.number} {self.title}: running{share}{f', at {self.line}' if self.line else ''}"
        if self.state is State.DONE:
            beside = f"holding {_percent(self.holding_gain)}, {self.trades} trades"
            return f"{self.number} {self.title}: {_percent(self.gain)}, {beside}"
        return f"{self.number} {self.title}: {self.state}{f': {self.reason}' if self.reason else ''}"


def row_of(job: Job) -> BacktestRow:
    """Return a job as a row; `return` is no name for a field."""
    plain = {name: getattr(job, name) for name in job.__struct_fields__}
    summary = {**job.summary, "gain": job.summary.get("return"), "holding_gain": job.summary.get("holding_return")}
    known = {**plain, **summary}
    return BacktestRow.model_validate({name: known[name] for name in BacktestRow.model_fields if name in known})


class HoldingFigures(Part):
    """Buying and holding the same markets with the same capital, without fees."""

    end_equity: float
    gain: float = Field(validation_alias="return")
    cagr: float | None
    max_drawdown: float
    sharpe: float
    sortino: float


class Figures(Part):
    """What came of some desks; money in `currency`, rates are fractions."""

    scope: str = Field(description="a desk; empty: all together")
    currency: str
    start_equity: float | None
    end_equity: float | None
    gain: float | None = Field(validation_alias="return", description="return after fees")
    cagr: float | None = Field(description="per year; null for less than a month")
    max_drawdown: float
    sharpe: float
    sortino: float
    trades: int
    win_rate: float
    profit_factor: float
    fees: float
    exposure: float = Field(description="share of the time in which something was held")
    still_open: int
    exits: dict[str, int]
    holding: HoldingFigures | None


class BacktestTrade(Part):
    """A round trip; amounts in quote units."""

    desk: str
    instrument: str
    side: str
    quantity: str
    entry_price: str
    exit_price: str
    opened_at: str
    closed_at: str
    fees: str
    net: str
    exit_role: str


class BacktestCurve(Part):
    """Equity over time with holding beside it, thinned; points are [ms since 1970, value]."""

    scope: str
    equity: list[tuple[int, float]]
    holding: list[tuple[int, float]]


class Backtest(Answer):
    """One backtest with its result, which is empty until it is done."""

    backtest: BacktestRow
    verdict: str = ""
    warnings: list[str] = Field(default=[], description="what speaks against believing it")
    figures: list[Figures] = Field(default=[], description="of all desks together, where that can be, and of each")
    curves: list[BacktestCurve] = Field(default=[])
    trades: list[BacktestTrade] = Field(default=[], description="the newest first")
    trades_in_all: int = 0
    counts: dict[str, int] = Field(default={})
    data: dict[str, Any] = Field(default={}, description="range, series and hash of the data")
    config_hash: str = ""
    tree_hashes: dict[str, str] = Field(default={}, description="of every tentacle that was loaded, by kind/name")
    loligo: str = Field(default="", description="version")
    took_s: float = 0.0

    def lines(self) -> Sequence[str]:
        told = [self.backtest.told()]
        if self.backtest.state is State.DONE:
            told += [self.verdict, *self.warnings[:2]]
        return told


async def result_of(inside: Inside, number: int) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(await inside.jobs.result(number))
    return found


def _percent(share: float | None) -> str:
    return "unknown" if share is None else f"{share * 100:+.1f} %"
