"""Verbs on what happened: why, events."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

import msgspec
from pydantic import Field

from loligo.errors import JournalError, NotFound
from loligo.ports.door import Answer
from loligo_bot.door.inside import Inside
from loligo_bot.door.offer import Arguments, Offer, reading
from loligo_bot.door.pages import LARGEST, Part, brief
from loligo_bot.explain import explain
from loligo_bot.past import past_of


class WhyAsked(Arguments):
    """Of what."""

    id: str = Field(min_length=1, description="an order, a fill, a command, or the seq of any event")


class Step(Part):
    """One link of the story."""

    seq: int
    at: str
    step: str
    text: str
    event: Any = Field(description="the event itself, as it lies in the journal")


class Why(Answer):
    """One walk up the causes, with what was looked at on the way and what came of it; oldest first."""

    id: str
    seq: int
    steps: list[Step]

    def lines(self) -> Sequence[str]:
        return [f"{one.seq} {brief(one.at)} {one.step}: {one.text}" for one in self.steps]


def why(inside: Inside, given: WhyAsked) -> Why:
    try:
        return Why.model_validate(explain(given.id, inside.journal(), inside.rows, past_of(inside.home, inside.rows)))
    except JournalError as exc:
        raise NotFound(str(exc)) from exc


class EventsAsked(Arguments):
    """Which records."""

    since: int = Field(
        default=0, ge=0, lt=LARGEST, description="only records with a greater seq; 0: from the beginning"
    )
    limit: int = Field(default=50, ge=1, le=500, description="records at most, the oldest")


class Events(Answer):
    """Records as they are: each input with all its consequences, oldest first."""

    records: list[Any] = Field(description="[seq, input, consequences, feed] each; a tag says what it is")
    next_since: int = Field(description="`since` of the next page")

    def lines(self) -> Sequence[str]:
        return [f"{len(self.records)} records up to seq {self.next_since}"]


def events(inside: Inside, given: EventsAsked) -> Events:
    journal = inside.journal()
    since = given.since or journal.first_seq - 1
    records = list(islice((one for one in journal.records(since + 1) if one.seq > since), given.limit))
    last = records[-1].next_seq - 1 if records else since
    return Events(records=[msgspec.to_builtins(one) for one in records], next_since=last)


OFFERS: tuple[Offer, ...] = (
    reading("why", "why something happened: from the candle to the fill", WhyAsked, Why, why),
    reading("events", "records of the journal as they are", EventsAsked, Events, events),
)
