"""The verb experiment.differences: where the arms of an A/B test decided otherwise on the same input, with reasons.

What must hold: both sides are read from one record of the journal, so what they knew was the same; a page ends between
two records, and the next begins where it ended.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import Field

from loligo.errors import BadArguments
from loligo.model.events import DecisionDeclined, OrderSubmitted, Record, SignalRaised
from loligo.model.timeframe import iso
from loligo.ports.door import Answer
from loligo_bot.door.experimenting import Name, found
from loligo_bot.door.inside import Inside
from loligo_bot.door.offer import Offer, reading
from loligo_bot.door.pages import Listing, Paged, Part, brief
from loligo_bot.experiments.standing import Standing
from loligo_store.projections import Row
from loligo_store.rows import position_of

SCANNED = 400  # rows of each desk that one page looks through
WAITS, NOT_ASKED = "waits", "was not asked"
_WISHES = {"long": "wants to buy", "short": "wants to sell short", "flat": "wants out"}


class Differing(Listing):
    """Of which experiment."""

    name: str = Name
    challenger: str | None = Field(default=None, description="against the control; by default the first")
    ordered: bool = Field(default=False, description="only where an order of at least one of them followed")


class DecidedPart(Part):
    """What one side decided, and what followed at once."""

    wish: str = Field(description='long, short, flat, "waits" or "was not asked"')
    order: str = Field(description='buy or sell, "" where no order followed')
    words: str


class DifferenceRow(Part):
    """A moment at which one wanted a position and the other did not, or another one."""

    seq: int
    time: str
    instrument: str
    control: DecidedPart
    challenger: DecidedPart
    words: str


class DecisionDifferences(Paged, Answer):
    """Where the arms decided otherwise on the same data, newest first."""

    differences: list[DifferenceRow]

    def lines(self) -> Sequence[str]:
        return [f"{brief(one.time)} {one.instrument}: {one.words}" for one in self.differences] or [
            "they decided alike so far"
        ]


def differences(inside: Inside, given: Differing) -> DecisionDifferences:
    """Look at what either side did, newest first, until a page is full."""
    one = found(inside, given.name)
    other = given.challenger or one.challengers[0]
    if other not in one.challengers:
        told = f'challenger = "{other}": expected one of {", ".join(one.challengers)}'
        raise BadArguments(told, {"challenger": told})
    standing = inside.experiments.standings()[given.name]
    if standing is None:
        return DecisionDifferences(differences=[])
    seqs, next_before = _seqs(inside, given, standing, (one.control, other))
    shown: list[DifferenceRow] = []
    for record, instruments in _records(inside, seqs):
        if len(shown) >= given.limit:
            next_before = shown[-1].seq
            break
        rows = (_compared(record, instrument, one.control, other) for instrument in instruments)
        shown += [row for row in rows if row is not None]
    return DecisionDifferences(differences=shown, next_before=next_before)


def _seqs(
    inside: Inside, given: Differing, standing: Standing, sides: Sequence[str]
) -> tuple[list[tuple[int, str]], int | None]:
    """Return seq and instrument of what either side did, newest first, as far back as both are known."""
    projection = "orders" if given.ordered else "decisions"
    place, time = position_of(projection), "created_at_ns" if given.ordered else "ts"
    where: Row = {"role": ("entry", "exit")} if given.ordered else {}
    where |= {"instrument": given.instrument} if given.instrument else {}
    above, below = given.bounds()
    since = max(above.get("ts", 0), standing.since_ns)
    until = min(below.get("ts", 2**63 - 1), standing.until_ns or 2**63 - 1)
    bounds = {time: until} | ({place: given.before} if given.before is not None else {})
    rows, known_from = list[list[Row]](), 0
    for side in sides:
        own = inside.rows.rows(projection, desk=side, where=where, above={time: since}, below=bounds, limit=SCANNED)
        rows.append(own)
        known_from = max(known_from, own[0][place] if len(own) == SCANNED else 0)
    apart = [*rows[0], *rows[1]] if given.ordered else _apart(*rows)
    found_at = sorted({(row[place], row["instrument"]) for row in apart if row[place] >= known_from}, reverse=True)
    return found_at, known_from or None


def _apart(ours: Sequence[Row], theirs: Sequence[Row]) -> list[Row]:
    """Return the signals that the other side has not raised, too, on the same input: most are alike, and to read a
    record is dear."""
    raised = [{_moment(row) for row in rows} for rows in (ours, theirs)]
    alike = raised[0] & raised[1]
    return [row for row in (*ours, *theirs) if _moment(row) not in alike]


def _moment(row: Row) -> tuple[Any, ...]:
    return row["ts"], row["cause"], row["instrument"], row["direction"]


def _records(inside: Inside, seqs: Sequence[tuple[int, str]]) -> Iterator[tuple[Record, list[str]]]:
    """Yield each record once, newest first, with the instruments that it is about."""
    journal = inside.journal()
    last, instruments = None, list[str]()
    for seq, instrument in seqs:
        record, _ = journal.find(seq)
        if last is not None and record.seq != last.seq:
            yield last, instruments
            instruments = []
        last = record
        instruments += [instrument] if instrument not in instruments else []
    if last is not None:
        yield last, instruments


def _compared(record: Record, instrument: str, control: str, challenger: str) -> DifferenceRow | None:
    """Return how two sides decided on one input, None where they decided alike."""
    ours, theirs = (_decided(record.events, side, instrument) for side in (control, challenger))
    if ours.wish == theirs.wish:
        return None
    return DifferenceRow(
        seq=record.seq,
        time=iso(record.input.ts),
        instrument=instrument,
        control=ours,
        challenger=theirs,
        words=f"A {ours.words}; B {theirs.words}",
    )


def _decided(events: Sequence[Any], desk: str, instrument: str) -> DecidedPart:
    wish, words, order = NOT_ASKED, NOT_ASKED, ""
    for event in events:
        if event.desk != desk:
            continue
        if isinstance(event, OrderSubmitted) and event.order.instrument == instrument and not order:
            order = str(event.order.side) if str(event.order.role) in ("entry", "exit") else ""
        elif getattr(event, "instrument", "") != instrument or wish != NOT_ASKED:
            continue
        elif isinstance(event, SignalRaised):
            signal, wish = event.signal, str(event.signal.direction)
            words = f"{_WISHES.get(wish, wish)}, {signal.strength:.2f} sure: {_why(signal.code, signal.numbers)}"
        elif isinstance(event, DecisionDeclined) and event.by == "strategy":
            wish, words = WAITS, f"{WAITS}: {_why(event.declined.code, event.declined.numbers)}"
    return DecidedPart(wish=wish, order=order, words=words)


def _why(code: str, numbers: Sequence[float]) -> str:
    """Return a reason for people; two numbers are what was found and what was wanted."""
    shown = [f"{number:.3g}" for number in numbers]
    joined = " against " if len(shown) == 2 else ", "
    return f"{code.replace('_', ' ')}{' ' if shown else ''}{joined.join(shown)}"


OFFERS: tuple[Offer, ...] = (
    reading(
        "experiment.differences", "where the arms of an A/B test decided otherwise, with reasons", Differing,
        DecisionDifferences, differences,
    ),
)  # fmt: skip
