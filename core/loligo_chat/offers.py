"""What a button does: a verb with its arguments under a token that nobody can guess.

What must hold: a question is answered once, by whoever was asked, in the chat where it was asked, within its time.
Buttons of lists may be pressed again, by all who may use the verb.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from loligo.api import SECOND_NS, Clock, LoligoError
from loligo_chat.access import Person, Place

_KEPT = 2_000  # buttons; the oldest go first


class Expired(LoligoError):
    """A button can no longer be pressed, or not by this person; the sentence is for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One button. `person` "" is anybody; `is_question` asks for a yes (`is_yes`) or a no, once."""

    verb: str
    arguments: Mapping[str, Any]
    place: Place
    person: str = ""
    is_question: bool = False
    is_yes: bool = True
    twin: str = ""  # the other answer's token
    made_ns: int = 0
    valid_s: float = 86_400.0
    on_list: Mapping[str, Any] = field(default_factory=dict)  # arguments of the list on which it stands


class Offers:
    """The buttons that can be pressed now."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._open: OrderedDict[str, Offer] = OrderedDict()

    def offer(
        self, verb: str, arguments: Mapping[str, Any], place: Place, on_list: Mapping[str, Any] | None = None
    ) -> str:
        """Return the token of a button of a list, which was asked for with `on_list`."""
        made = Offer(verb=verb, arguments=arguments, place=place, on_list=on_list or {})
        return self._keep(secrets.token_urlsafe(12), made)

    def ask(
        self, verb: str, arguments: Mapping[str, Any], place: Place, person: Person, valid_s: float
    ) -> tuple[str, str]:
        """Return the tokens of yes and no."""
        yes, no = secrets.token_urlsafe(12), secrets.token_urlsafe(12)
        for token, twin, is_yes in ((yes, no, True), (no, yes, False)):
            self._keep(
                token,
                Offer(
                    verb=verb,
                    arguments=arguments,
                    place=place,
                    person=person.id,
                    is_question=True,
                    is_yes=is_yes,
                    twin=twin,
                    valid_s=valid_s,
                ),
            )
        return yes, no

    def take(self, token: str, place: Place, person: Person) -> Offer:
        """Return what a pressed button stands for. Expired says why it cannot be pressed."""
        offer = self._open.get(token)
        if offer is None or offer.place.chat != place.chat:
            raise Expired("This button has been used or is too old. Ask again.")
        if offer.person and offer.person != person.id:
            raise Expired("Only whoever asked can answer.")
        if offer.is_question:
            self._drop(token, offer)
        age_s = (self._clock.now_ns() - offer.made_ns) / SECOND_NS
        if age_s > offer.valid_s:
            self._drop(token, offer)
            raise Expired(f"Too late: asked {age_s:.0f} s ago, an answer counts for {offer.valid_s:g} s. Ask again.")
        return offer

    def _drop(self, token: str, offer: Offer) -> None:
        self._open.pop(token, None)
        self._open.pop(offer.twin, None)

    def _keep(self, token: str, offer: Offer) -> str:
        self._open[token] = replace(offer, made_ns=self._clock.now_ns())
        while len(self._open) > _KEPT:
            self._open.popitem(last=False)
        return token
