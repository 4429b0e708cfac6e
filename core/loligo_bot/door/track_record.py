"""The verb track_record: what came of an account in fractions alone, fit to be shown to people who own none of it.

Everything is against the first equity that is known: no amount, name of a desk or position can be read from the answer.
What is deposited later would count as a result; the bot books deposits at its first start only.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from pydantic import Field

from loligo.model.timeframe import SECOND_NS, iso
from loligo.ports.door import Answer
from loligo_bot.door.inside import Inside
from loligo_bot.door.offer import Arguments, Offer, reading
from loligo_bot.door.pages import Part, brief
from loligo_bot.door.state import mode_of
from loligo_store.projections import Row

MOST_MONTHS = 240


class RecordAsked(Arguments):
    """Of what, how finely."""

    account: str | None = Field(default=None, description="without one: the first")
    limit: int = Field(default=300, ge=2, le=2_000, description="points of the curve at most; the newest is among them")


class MonthResult(Part):
    """What a calendar month (UTC) came to; the first and the last may be parts of one."""

    month: str = Field(description="such as 2019-07")
    result: float = Field(description="a fraction of the equity at its beginning")


class RecordPoint(Part):
    """One moment."""

    at_ms: int = Field(description="ms since 1970 UTC")
    result: float = Field(description="since the beginning, a fraction")
    drawdown: float = Field(description="a fraction of the highest equity before")


class TrackRecord(Answer):
    """Fractions of the equity at the beginning."""

    mode: str = Field(description="replay, paper or live")
    since: str = Field(description='"": nothing is known yet')
    until: str
    result: float | None
    drawdown: float | None = Field(description="the largest")
    drawdown_now: float | None
    months: list[MonthResult] = Field(description="oldest first")
    trades: int = Field(description="closed ones")
    win_share: float | None
    fees: float | None = Field(description="of closed trades; null: a rate is not known")
    points: list[RecordPoint]

    def lines(self) -> Sequence[str]:
        if self.result is None:
            return ["no result is known yet"]
        first = f"{self.result:+.2%} since {brief(self.since)}, largest drawdown {self.drawdown or 0:.2%}"
        return [f"{first}, {self.trades} trades", *(f"{one.month}: {one.result:+.2%}" for one in self.months)]


def track_record(inside: Inside, given: RecordAsked) -> TrackRecord:
    account = given.account or next(iter(inside.engine.portfolio.accounts))
    rows = [row for row in inside.rows.rows("equity", desk="", where={"account": account}) if row["equity"]]
    start = float(rows[0]["equity"]) if rows else 0.0
    closed = [row for name in _desks(inside, account) for row in inside.rows.rows("trades", desk=name)]
    known = rows and start > 0
    return TrackRecord(
        mode=mode_of(inside),
        since=iso(rows[0]["ts"]) if known else "",
        until=iso(rows[-1]["ts"]) if known else "",
        result=rows[-1]["equity"] / start - 1 if known else None,
        drawdown=max(row["drawdown"] or 0.0 for row in rows) if known else None,
        drawdown_now=rows[-1]["drawdown"] or 0.0 if known else None,
        months=months(rows)[-MOST_MONTHS:] if known else [],
        trades=len(closed),
        win_share=sum(row["net"] > 0 for row in closed) / len(closed) if closed else None,
        fees=_fees(closed, start) if known else None,
        points=_points(rows, start, given.limit) if known else [],
    )


def _desks(inside: Inside, account: str) -> list[str]:
    return [name for name, book in inside.engine.portfolio.books.items() if book.account.name == account]


def months(rows: Sequence[Row]) -> list[MonthResult]:
    """Return the results of rows of equity, oldest first: each month against the end of the one before."""
    ends: dict[str, float] = {}
    for row in rows:
        ends[datetime.fromtimestamp(row["ts"] // SECOND_NS, UTC).strftime("%Y-%m")] = row["equity"]
    before, found = rows[0]["equity"], []
    for month, end in ends.items():
        found.append(MonthResult(month=month, result=end / before - 1 if before > 0 else 0.0))
        before = end
    return found


def _fees(closed: Sequence[Row], start: float) -> float | None:
    paid = 0.0
    for row in closed:
        if row["quote_rate"] is None:
            return None
        paid += float(row["fees"]) * row["quote_rate"]
    return paid / start


def _points(rows: Sequence[Row], start: float, limit: int) -> list[RecordPoint]:
    step = -(-len(rows) // limit)
    return [
        RecordPoint(at_ms=row["ts"] // 1_000_000, result=row["equity"] / start - 1, drawdown=row["drawdown"] or 0.0)
        for row in rows[::-1][::step][::-1]
    ]


OFFERS: tuple[Offer, ...] = (
    reading("track_record", "what came of an account, in fractions alone", RecordAsked, TrackRecord, track_record),
)
