"""Where two arms of an A/B test part, found in the read models alone: most moments are alike, and a record is dear.

A moment is an instant and an instrument. Two sides part there when their strategies wanted something else, another
order followed, protection closed a position of one alone, risk refused one alone, or entries are of other sizes.

What must hold: of a moment in a later record than that of `cut`, all rows of both sides are known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loligo.model.timeframe import DAY_NS
from loligo_store.projections import Row
from loligo_store.rows import ProjectionReader, position_of

SCANNED = 250  # rows of each sort that one page looks through: more than a mode may ask for at once
MATERIAL = (
    0.1  # entries whose sizes are further apart, of the larger one, in themselves and of what their desks are worth
)
CLOSED_BY = ("stop", "target", "trail", "flatten", "liquidation")  # roles of exits that no trading mode asks for
PLACED_AS = ("entry", "exit")  # roles of orders that one does

Place = tuple[int, str]  # instant, instrument
Side = dict[str, list[Row]]  # what it did, by projection


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Where to look: times in ns and the seq are not inclusive."""

    since_ns: int
    until_ns: int
    before: int | None
    instrument: str | None
    is_ordered: bool  # only what orders came of


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Where two sides part: seqs of what they did, oldest first."""

    instrument: str
    seqs: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Apart:
    """Where two sides part, newest first, their orders by id as they stand now, and the oldest seq that was read where
    there were more, 0 where there were none: only of later records is all known."""

    moments: Sequence[Moment]
    orders: Mapping[str, Row]
    cut: int


def moments_apart(rows: ProjectionReader, sides: tuple[str, str], span: Span) -> Apart:
    """Return where two desks part within a span."""
    found: dict[Place, tuple[Side, Side]] = {}
    cut = 0
    for name, read in _read(rows, sides, span):
        if len(read) == SCANNED:
            cut = max(cut, read[0][position_of(name)])
        for row in read:
            both = found.setdefault((row[_time_of(name)], row["instrument"]), ({}, {}))
            both[sides.index(row["desk"])].setdefault(name, []).append(row)
    moments = [Moment(instrument=place[1], seqs=sorted(_seqs(found[place]))) for place in _apart(rows, sides, found)]
    orders = {row["id"]: row for both in found.values() for side in both for row in side.get("orders", ())}
    return Apart(moments=sorted(moments, key=lambda one: -one.seqs[-1]), orders=orders, cut=cut)


def _read(rows: ProjectionReader, sides: Sequence[str], span: Span) -> Iterator[tuple[str, list[Row]]]:
    """Yield projections and rows of them, oldest first: all orders, and of the rest those of one side alone."""

    def bounds(name: str) -> dict[str, Any]:
        time = _time_of(name)
        below = {time: span.until_ns} | ({} if span.before is None else {position_of(name): span.before})
        return {"limit": SCANNED, "above": {time: span.since_ns}, "below": below}

    place = {"instrument": span.instrument} if span.instrument else {}
    for desk in sides:
        yield "orders", rows.rows("orders", desk=desk, where=place | {"role": PLACED_AS}, **bounds("orders"))
    for name, columns, where in _LOGS if not span.is_ordered else _LOGS[:1]:
        yield name, rows.alone(name, sides, columns, where=place | where, **bounds(name))


def _time_of(projection: str) -> str:
    """Return the column of the time."""
    return "created_at_ns" if projection == "orders" else "ts"


_LOGS: Sequence[tuple[str, Sequence[str], Row]] = (
    ("trades", ("ts", "instrument", "exit_role"), {"exit_role": CLOSED_BY}),
    ("decisions", ("ts", "instrument", "direction"), {}),
    ("refusals", ("ts", "instrument"), {}),
)


def _apart(rows: ProjectionReader, sides: Sequence[str], found: Mapping[Place, tuple[Side, Side]]) -> Iterator[Place]:
    resized: list[Place] = []
    for place, (ours, theirs) in found.items():
        if _did(ours) != _did(theirs):
            yield place
        elif _are_apart(_sizes(ours), _sizes(theirs)):
            resized.append(place)
    if resized:
        worth = [_worth(rows, desk, [_day(place) for place in resized]) for desk in sides]
        for place in resized:
            then = [known.get(_day(place)) for known in worth]
            if not all(then) or _are_apart(*map(_sizes, found[place], then)):
                yield place


def _did(side: Side) -> tuple[Any, ...]:
    """Return all that a side did, but for sizes."""
    wishes = {row["direction"] for row in side.get("decisions", ())}
    orders = sorted((row["role"], row["side"]) for row in side.get("orders", ()))
    closed = sorted(row["exit_role"] for row in side.get("trades", ()))
    return wishes, orders, closed, "refusals" in side


def _sizes(side: Side, worth: float | None = None) -> dict[str, float]:
    """Return the quantity of all entries by buy and sell; over `worth`, where that is known."""
    found: dict[str, float] = {}
    for row in side.get("orders", ()):
        if row["role"] == "entry":
            found[row["side"]] = found.get(row["side"], 0.0) + float(row["quantity"]) / (worth or 1.0)
    return found


def _are_apart(ours: Mapping[str, float], theirs: Mapping[str, float]) -> bool:
    return any(abs(size - theirs[way]) > MATERIAL * max(size, theirs[way]) for way, size in ours.items())


def _worth(rows: ProjectionReader, desk: str, days: Sequence[int]) -> dict[int, float]:
    """Return what a desk was worth by day: an arm that has lost buys less, and decided nothing else."""
    found = rows.rows("desk_days", desk=desk, above={"day": min(days) - 1}, below={"day": max(days) + 1})
    return {row["day"]: row["equity"] for row in found if row["equity"]}


def _day(place: Place) -> int:
    return (place[0] - 1) // DAY_NS


def _seqs(both: tuple[Side, Side]) -> Iterable[int]:
    return (row[position_of(name)] for side in both for name, read in side.items() for row in read)
