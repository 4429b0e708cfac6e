"""Verbs on what tentacles show of themselves: tentacle.views lists the pages and cards that there are, tentacle.view
answers one with its content.

What a view shows is asked of the door for whoever looks, so it shows nothing that they could not ask themselves. What
must hold: only what changes nothing is asked; one part that cannot be answered says why and takes no other with it; a
view is there while its tentacle works, and only then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from loligo.errors import LoligoError, NotFound
from loligo.ports.door import Actor, Answer
from loligo.registry.faults import did_you_mean
from loligo.registry.manifest import Manifest
from loligo_bot.door import pages
from loligo_bot.door.inside import Inside
from loligo_bot.door.offer import Arguments, Asked, Offer, looking
from loligo_bot.door.view_parts import ShownPart, columns_of, laid_out
from loligo_bot.health.wanted import uses
from loligo_kit.views import PLACES, Part, Place, View, declared_places, read_view

MOST_ASKED = 24  # questions of one view


class ViewRow(pages.Part):
    """One page or card of a tentacle."""

    place: Place
    kind: str
    name: str = Field(description="of the tentacle")
    title: str
    problem: str = Field(description="why it cannot be shown; empty: it can")


class Views(Answer):
    """What tentacles at work show of themselves."""

    views: list[ViewRow]

    def lines(self) -> Sequence[str]:
        return [f"{one.place} {one.title} of {one.kind}/{one.name} {one.problem}".rstrip() for one in self.views] or [
            "no tentacle at work brings a page or a card"
        ]


class ShownView(Answer):
    """A page or a card with its content."""

    place: Place
    kind: str
    name: str
    title: str
    left_out: int = Field(description="questions beyond what one view may ask")
    parts: list[ShownPart]

    def lines(self) -> Sequence[str]:
        return [self.title, *(line for part in self.parts for line in part.lines())]


class ViewAsked(Arguments):
    """Which one."""

    name: str = Field(min_length=1, max_length=130, description="of the tentacle: NAME or KIND/NAME")
    place: Place = Field(default="page", description="its page, or its card of the dashboard")


async def views(inside: Inside, _asked: Asked, _given: Arguments) -> Views:
    rows = []
    for manifest in _at_work(inside):
        for place in declared_places(manifest):
            title, problem = "", ""
            try:
                title = read_view(manifest, place).title
            except LoligoError as exc:
                title, problem = manifest.name, str(exc)
            rows.append(ViewRow(place=place, kind=manifest.kind, name=manifest.name, title=title, problem=problem))
    rows.sort(key=lambda one: (PLACES.index(one.place), one.title, one.kind, one.name))
    return Views(views=rows)


def _at_work(inside: Inside) -> Iterator[Manifest]:
    """Yield the manifest of every tentacle that runs in some place of the configuration."""
    running = inside.reconciler.running
    used = {slot for slot, _, _ in uses(running.config)}
    for item in running.loaded:
        if item.entry.slot in used:
            yield item.manifest


async def view(inside: Inside, asked: Asked, given: ViewAsked) -> ShownView:
    """NotFound when no tentacle of that name is at work and shows something there."""
    manifest = _found(inside, given)
    declared = read_view(manifest, given.place)
    questions = list(_questions(declared, _works_for(inside, manifest)))
    answered = [_answered(inside, asked.actor, one) for one in questions[:MOST_ASKED]]
    return ShownView(
        place=given.place,
        kind=manifest.kind,
        name=manifest.name,
        title=declared.title,
        left_out=max(0, len(questions) - MOST_ASKED),
        parts=list(await asyncio.gather(*answered)),
    )


def _found(inside: Inside, given: ViewAsked) -> Manifest:
    known = [one for one in _at_work(inside) if given.place in declared_places(one)]
    for manifest in known:
        if given.name in (manifest.name, manifest.id):
            return manifest
    hint = did_you_mean(given.name, [one.name for one in known])
    raise NotFound(f'no tentacle "{given.name}" at work brings a {given.place}{hint}; `tentacle.views` lists all')


@dataclass(frozen=True, slots=True)
class _Question:
    """A part, and for which desk or instrument."""

    part: Part
    of: str = ""


def _works_for(inside: Inside, manifest: Manifest) -> Mapping[str, Sequence[str]]:
    """Return the desks and the instruments that a tentacle works for; those that name it, or else all."""
    running = inside.reconciler.running
    slot = f"{manifest.kind} {manifest.name}"
    places = [place.split(".") for found, place, _ in uses(running.config) if found == slot]
    named = {place[1] for place in places if place[0] == "desks"}
    plans = sorted((one for one in running.plan.desks if not named or one.name in named), key=lambda one: one.name)
    instruments = sorted({seat.instrument.id for plan in plans for seat in plan.seats})
    return {"desk": [plan.name for plan in plans], "instrument": instruments}


def _questions(declared: View, works_for: Mapping[str, Sequence[str]]) -> Iterator[_Question]:
    for part in declared.parts:
        yield from [_Question(part)] if part.each is None else [_Question(part, one) for one in works_for[part.each]]


async def _answered(inside: Inside, actor: Actor, question: _Question) -> ShownPart:
    part, made = question.part, dict[str, Any]()
    try:
        arguments, where = _narrowed(inside, question)
        assert inside.door is not None
        answer = await inside.door.ask(actor, part.verb, arguments)
        made = laid_out(answer.model_dump(mode="json"), part.model_copy(update={"where": where}))
    except LoligoError as exc:
        made = {"problem": str(exc)}
    return ShownPart(
        title=part.title, of=question.of, show=part.show, columns=columns_of(part), empty=part.empty, **made
    )


def _narrowed(inside: Inside, question: _Question) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the arguments, and what rows must have: the desk or instrument is among the first, or else the second."""
    part, arguments, where = question.part, dict(question.part.arguments), dict[str, Any](question.part.where)
    verb = inside.door.verbs.get(part.verb) if inside.door else None
    if verb is not None and (verb.changes or part.verb == "tentacle.view"):
        raise LoligoError(f"{part.verb}: a view may ask only for what changes nothing, and for no other view")
    if part.each and verb is not None:
        (arguments if part.each in verb.arguments.model_fields else where)[part.each] = question.of
    return arguments, where


OFFERS: tuple[Offer, ...] = (
    looking("tentacle.views", "pages and cards that tentacles at work bring", Arguments, Views, views),
    looking("tentacle.view", "what a tentacle shows of itself, as its page or card", ViewAsked, ShownView, view),
)
