"""The front door: the one way for everybody outside to a running bot, in the order in which a question is looked at.

    1 is there such a verb ─► 2 may they ─► 3 are the arguments right ─► 4 was it asked before ─► 5 the verb, noted

It is made before the bot runs, so that interfaces can be handed it, and opened when the engine does.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from typing import Any

from pydantic import BaseModel

from loligo.errors import BadArguments, Denied, LoligoError, NotFound, NotRunning
from loligo.log import get_logger
from loligo.model.events import Record
from loligo.ports.door import Actor, Answer, Verb
from loligo.registry.faults import did_you_mean
from loligo_bot.door.audit import Denials
from loligo_bot.door.catalogue import OFFERS
from loligo_bot.door.following import Following
from loligo_bot.door.inside import Inside, keyed_id
from loligo_bot.door.noting import Noting
from loligo_bot.door.offer import Asked, Offer
from loligo_bot.door.once import Once
from loligo_bot.door.problems import checked
from loligo_bot.tracing import span

LONGEST_KEY = 200

_log = get_logger("door")


class FrontDoor:
    """Implements `loligo.ports.door.Door` for one bot."""

    def __init__(self, offers: Sequence[Offer] = OFFERS) -> None:
        self._offers = {offer.verb.name: offer for offer in offers}
        self.verbs: Mapping[str, Verb] = {name: offer.verb for name, offer in self._offers.items()}
        self._inside: Inside | None = None
        self._denials = Denials()
        self._noting = Noting()
        self._once: Once | None = None
        self._following: Following | None = None

    def open(self, inside: Inside, following: Following) -> None:
        """Let people in: the bot runs."""
        self._inside, self._following = inside, following
        inside.door = self
        self._once = Once(inside.start)

    async def ask(self, actor: Actor, verb: str, arguments: Mapping[str, Any], *, key: str = "") -> Answer:
        """See the port. What it was denied or did wrong, and what it changed, is in the log with the actor's name."""
        with span(f"ask {verb if verb in self._offers else '?'}", actor=actor.name, role=actor.role.name.lower()):
            return await self._ask(actor, verb, arguments, key)

    async def _ask(self, actor: Actor, verb: str, arguments: Mapping[str, Any], key: str) -> Answer:
        offer = self._offers.get(verb)
        if offer is None:
            raise NotFound(f'there is no verb "{verb}"{did_you_mean(verb, self.verbs)}; "help" lists all')
        if actor.role < offer.verb.role:
            _log.warning("denied", actor=actor.name, verb=verb)
            needs, has = offer.verb.role.name.lower(), actor.role.name.lower()
            said = f"{actor.name} may not use {verb}: it needs the role {needs}, and they have {has}"
            if self._inside is not None:
                self._denials.note(self._inside, actor, verb, said)
            raise Denied(said)
        given = checked(offer.verb.arguments, arguments, verb)
        if self._inside is None or self._once is None:
            raise NotRunning("the bot has not begun to run yet: ask again in a moment")
        if not offer.verb.changes:
            return await offer.serve(self._inside, Asked(actor), given)
        return await self._change(self._inside, self._once, offer, actor, given, key)

    async def _change(
        self, inside: Inside, once: Once, offer: Offer, actor: Actor, given: BaseModel, key: str
    ) -> Answer:
        if len(key) > LONGEST_KEY or not key.isprintable():
            said = f"key of {len(key)} characters: expected {LONGEST_KEY} at most, all of them printable"
            raise BadArguments(said, {"key": said})
        verb = offer.verb.name
        asked = Asked(actor, keyed_id(actor.name, verb, key) if key else "")
        try:
            work = partial(self._noting.serve, inside, offer, asked, given)
            answer = await once.answer(asked.id, _digest(given), work)
        except LoligoError as exc:
            _log.warning("not done", actor=actor.name, verb=verb, error=str(exc))
            raise
        _log.info("done", actor=actor.name, verb=verb)
        return answer

    def follow(self, since_seq: int | None = None) -> AsyncIterator[Sequence[Record]]:
        """See the port."""
        if self._following is None:
            raise NotRunning("the bot has not begun to run yet: follow it in a moment")
        return self._following.follow(since_seq)


def _digest(given: BaseModel) -> str:
    return hashlib.sha256(given.model_dump_json().encode()).hexdigest()
