"""The verb experiment.differences: where the arms of an A/B test did otherwise at the same moment, with reasons.

    experiment_apart (read models) ─► moments ─► experiment_instants (journal) ─► experiment_sides, experiment_opinions

What must hold: both sides are read from the records of one instant, so what they knew was the same; a page ends between
two moments, and the next begins where it ended.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from pydantic import Field

from loligo.errors import BadArguments
from loligo.model.timeframe import iso
from loligo.ports.door import Answer
from loligo_bot.door.experiment_apart import Span, moments_apart
from loligo_bot.door.experiment_instants import Instant, instants_of
from loligo_bot.door.experiment_opinions import Opinions, opinions_of
from loligo_bot.door.experiment_sides import Done, done_by
from loligo_bot.door.experimenting import Name, found
from loligo_bot.door.inside import Inside
from loligo_bot.door.offer import Offer, reading
from loligo_bot.door.pages import LARGEST, Listing, Paged, Part, brief
from loligo_bot.experiments.standing import Standing
from loligo_store.projections import Row


class Differing(Listing):
    """Of which experiment."""

    name: str = Name
    challenger: str | None = Field(default=None, description="against the control; by default the first")
    ordered: bool = Field(default=False, description="only where an order of at least one of them followed")


class DecidedPart(Part):
    """What one side did, and why."""

    seq: int = Field(description="of it, for `why`; 0: nothing")
    wish: str = Field(description='of its strategy: long, short, flat, "waits" or "was not asked"')
    order: str = Field(description='buy or sell: asked for, or filled to protect a position; "" where there was none')
    quantity: Decimal | None = Field(description="of that order, base units")
    did: str = Field(description="what came of it, as far as it is known now")
    why: str = Field(description="of the strategy, the mode or the rule that had the last word")
    saw: list[str] = Field(description="what evaluators had told this side alone: numbers, -1 bearish to +1 bullish")
    words: str


class DifferenceRow(Part):
    """A moment at which the sides wanted something else, or something else followed."""

    seq: int = Field(description="of the input")
    time: str
    instrument: str
    control: DecidedPart
    challenger: DecidedPart
    saw: list[str] = Field(description="what evaluators had told both")
    words: str


class DecisionDifferences(Paged, Answer):
    """Where the arms did otherwise on the same data, newest first."""

    arms: list[str] = Field(description="the control and the challenger, with their letters")
    differences: list[DifferenceRow]

    def lines(self) -> Sequence[str]:
        told = [f"{brief(one.time)} {one.instrument}: {one.words}" for one in self.differences]
        if self.next_before is not None:
            return [*told, f"older ones: before={self.next_before}"]
        return told or ["they decided alike so far"]


def differences(inside: Inside, given: Differing) -> DecisionDifferences:
    """Look at what either side did, newest first, until a page is full."""
    one = found(inside, given.name)
    other = given.challenger or one.challengers[0]
    if other not in one.challengers:
        refused = f'challenger = "{other}": expected one of {", ".join(one.challengers)}'
        raise BadArguments(refused, {"challenger": refused})
    sides, letter = (one.control, other), chr(ord("B") + one.challengers.index(other))
    arms = [f"A {one.control}", f"{letter} {other}"]
    standing = inside.experiments.standings()[given.name]
    if standing is None:
        return DecisionDifferences(arms=arms, differences=[])
    apart = moments_apart(inside.rows, sides, _span(given, standing))
    instants, opinions = instants_of(inside, standing), opinions_of(inside, standing)
    cut = max(apart.cut, instants.first_seq - 1)
    shown: dict[tuple[int, str], DifferenceRow] = {}  # by record and instrument
    for moment in apart.moments:
        instant = instants.around(moment.seqs[0]) if moment.seqs[0] > cut else None
        if instant is None or instant.seqs[0] <= cut:
            break
        place = instant.record_of(moment.seqs[0]), moment.instrument
        if place in shown:
            continue  # what was hit within a candle is told with what was decided at its close
        if len(shown) == given.limit:
            newest_first = list(shown.values())
            return DecisionDifferences(arms=arms, differences=newest_first, next_before=newest_first[-1].seq)
        told = [_side(instant, side, moment.instrument, apart.orders, opinions) for side in sides]
        shown[place] = _row(instant, *place, told, letter)
    next_before = instants.behind(apart.cut, given.before)
    return DecisionDifferences(arms=arms, differences=list(shown.values()), next_before=next_before)


def _span(given: Differing, standing: Standing) -> Span:
    above, below = given.bounds()
    return Span(
        since_ns=max(above.get("ts", 0), standing.since_ns),
        until_ns=min(below.get("ts", LARGEST), standing.until_ns or LARGEST),
        before=given.before,
        instrument=given.instrument,
        is_ordered=given.ordered,
    )


def _side(
    instant: Instant, desk: str, instrument: str, orders: Mapping[str, Row], opinions: Opinions
) -> tuple[Done, dict[str, str]]:
    """Return what a desk did at an instant, and in words by evaluator what it had been told."""
    done = done_by(desk, instrument, instant.events, orders)
    return done, opinions.behind(done.decided, instant.events)


def _row(
    instant: Instant, seq: int, instrument: str, told: Sequence[tuple[Done, Mapping[str, str]]], letter: str
) -> DifferenceRow:
    (ours, heard), (theirs, their_heard) = told
    both = {label: words for label, words in heard.items() if their_heard.get(label) == words}
    control, challenger = _part(ours, heard, both), _part(theirs, their_heard, both)
    saw = list(both.values())
    return DifferenceRow(
        seq=seq,
        time=iso(instant.ts),
        instrument=instrument,
        control=control,
        challenger=challenger,
        saw=saw,
        words=f"A {control.words}; {letter} {challenger.words}{_seen('; both saw ', saw)}",
    )


def _part(side: Done, told: Mapping[str, str], both: Mapping[str, str]) -> DecidedPart:
    saw = [words for label, words in told.items() if label not in both]
    return DecidedPart(
        seq=side.seq,
        wish=side.wish,
        order=side.order,
        quantity=side.quantity,
        did=side.did,
        why=side.why,
        saw=saw,
        words=f"{side.did}{': ' if side.why else ''}{side.why}{_seen(', having seen ', saw)}",
    )


def _seen(before: str, saw: Sequence[str]) -> str:
    return f"{before}{' · '.join(saw)}" if saw else ""


OFFERS: tuple[Offer, ...] = (
    reading(
        "experiment.differences", "where the arms of an A/B test did otherwise, with reasons", Differing,
        DecisionDifferences, differences,
    ),
)  # fmt: skip
