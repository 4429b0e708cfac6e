"""Pages of rows: what all verbs that list something share, and how a row of a read model becomes a part of an answer.

Rows come newest first. `before` of one page is `next_before` of the page after it in time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from loligo.errors import ConfigError
from loligo.model.timeframe import iso, ns_from_iso
from loligo.ports.door import Answer
from loligo_bot.door.inside import Inside
from loligo_bot.door.offer import Arguments
from loligo_store.projections import Row
from loligo_store.rows import position_of

LARGEST = 2**63 - 1  # integer of a database
_YEARS = ns_from_iso("1970-01-01"), ns_from_iso("2261-12-31")  # whose ns fit into one


def _instant(text: str) -> str:
    try:
        ts_ns = ns_from_iso(text)
    except (ConfigError, OverflowError) as exc:
        raise ValueError(str(exc)) from exc
    if not _YEARS[0] <= ts_ns <= _YEARS[1]:
        raise ValueError("expected a time from 1970 to 2261")
    return text


Instant = Annotated[str, AfterValidator(_instant)]
Desk = Annotated[str | None, Field(description="only this desk")]
OfInstrument = Annotated[str | None, Field(description='only this instrument, such as "coinbase:BTC/USD"')]
Limit = Annotated[int, Field(ge=1, le=500, description="rows at most, the newest")]
Before = Annotated[
    int | None, Field(ge=1, le=LARGEST, description="only rows before this seq: `next_before` of another page")
]
NextBefore = Annotated[int | None, Field(description="`before` of the next, older page; null: there is none")]


class Span(Arguments):
    """A span of time, in the time of the data."""

    since: Instant | None = Field(default=None, description="not before this time, ISO 8601 such as 2019-07-01")
    until: Instant | None = Field(default=None, description="before this time, ISO 8601")

    def bounds(self) -> tuple[Row, Row]:
        """Return what `ProjectionReader.rows` takes as `above` and `below`."""
        above = {"ts": ns_from_iso(self.since) - 1} if self.since is not None else {}
        return above, {"ts": ns_from_iso(self.until)} if self.until is not None else {}


class Pages(Span):
    """Rows of a table, newest first."""

    limit: Limit = 50
    before: Before = None


class Listing(Pages):
    """Rows of a table, newest first, of some desk and instrument."""

    desk: Desk = None
    instrument: OfInstrument = None


class Part(BaseModel):
    """Base of what an answer is made of."""

    model_config = ConfigDict(frozen=True, defer_build=True)


class Paged(Answer):
    """Base of an answer that is one page of many."""

    next_before: NextBefore = None


class ReportFile(Answer):
    """What is told as a file."""

    name: str
    media_type: str
    content: str

    def lines(self) -> Sequence[str]:
        return [f"{self.name}: {len(self.content):,} characters"]


P = TypeVar("P", bound=BaseModel)


def page(inside: Inside, projection: str, given: Pages, **where: Any) -> tuple[list[Row], int | None]:
    """Return rows, newest first, and `next_before`; `where` as of `ProjectionReader.rows`, None says nothing."""
    above, below = given.bounds()
    place = position_of(projection)
    if given.before is not None:
        below[place] = given.before
    if isinstance(given, Listing):
        where = {"desk": given.desk, "instrument": given.instrument} | where
    wanted = {name: value for name, value in where.items() if value is not None}
    rows = inside.rows.rows(projection, limit=given.limit + 1, where=wanted, above=above, below=below)
    newest = rows[::-1][: given.limit]
    return newest, newest[-1][place] if len(rows) > given.limit else None


def shaped(model: type[P], row: Mapping[str, Any], **more: Any) -> P:
    """Return a row as a part of an answer: `time` is that of its `ts`, and "..._at" of "..._at_ns"; 0 is ""."""
    known = dict(row) | ({"time": iso(row["ts"])} if "ts" in row else {})
    known |= {name.removesuffix("_ns"): iso(at) if at else "" for name, at in row.items() if name.endswith("_at_ns")}
    known |= more
    return model.model_validate({name: known[name] for name in model.model_fields if name in known})


def plain(amount: Decimal | None) -> str:
    """Return an amount without zeros at its end, for people."""
    return "" if amount is None else f"{amount.normalize():f}"


def brief(time: str) -> str:
    """Return a time to the minute, for people."""
    return time[:16].replace("T", " ")


def known_number(value: float | None) -> float | None:
    """Return a number that JSON can hold: null for what is not known."""
    return value if value is not None and value == value and abs(value) != float("inf") else None
