"""What a verb of the catalogue is made of: what is told of it, and what serves it.

reading      a function that blocks: in a thread, after the read models have caught up with the journal
looking      a coroutine that changes nothing
changing     a coroutine that changes something; it is told who asks
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any

from pydantic import BaseModel, ConfigDict

from loligo.ports.door import Actor, Answer, Role, Verb
from loligo_bot.door.inside import Inside


class Arguments(BaseModel):
    """Base of every verb's arguments; alone, those of a verb that takes none."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks; `id` is the same whenever the same actor asks the same with the same key, "" without a key."""

    actor: Actor
    id: str = ""


Serve = Callable[[Inside, Asked, Any], Coroutine[Any, Any, Answer]]


@dataclass(frozen=True, slots=True)
class Offer:
    """One verb with what serves it."""

    verb: Verb
    serve: Serve


def reading(
    name: str, summary: str, arguments: type[BaseModel], answer: type[Answer], read: Callable[[Inside, Any], Answer]
) -> Offer:
    """Offer what reads the projections or files."""

    async def serve(inside: Inside, _asked: Asked, given: Any) -> Answer:
        return await inside.read(partial(read, inside, given))

    return Offer(Verb(name=name, summary=summary, role=Role.VIEW, arguments=arguments, answer=answer), serve)


def looking(name: str, summary: str, arguments: type[BaseModel], answer: type[Answer], look: Serve) -> Offer:
    """Offer what looks at the bot as it is at this moment."""
    return Offer(Verb(name=name, summary=summary, role=Role.VIEW, arguments=arguments, answer=answer), look)


def changing(
    name: str,
    summary: str,
    role: Role,
    arguments: type[BaseModel],
    answer: type[Answer],
    change: Serve,
    *,
    confirm: str = "",
) -> Offer:
    """Offer what makes something different."""
    verb = Verb(
        name=name, summary=summary, role=role, arguments=arguments, answer=answer, changes=True, confirm=confirm
    )
    return Offer(verb, change)
