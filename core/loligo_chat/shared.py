"""What versions of an interface have in common while one replaces the other, in this process.

What must hold: of all instances that speak for one account in one bot folder, one is connected at a time, whoever has
the `turn`; the next has what it left: pages not yet delivered, buttons not yet pressed, how far it had read. It is gone
when the last instance is, but for what people are told: that lies in the folder's outbox.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any
from weakref import WeakValueDictionary

from structlog.typing import FilteringBoundLogger

from loligo.api import Clock, Message
from loligo.api.notify import Kind, Teller, post_of
from loligo_chat.access import Place
from loligo_chat.offers import Offers
from loligo_chat.outbox import Outbox, Page
from loligo_chat.replies import Button
from loligo_chat.settings import ChatRoute

_LAST_S = 0.6  # for what is under way when an instance has to go: another one follows, or a person's request is dropped
_HURRIED_S = 0.03  # when the bot ends, which leaves its edges 0.3 s in all
Attribute = tuple[Any, str, Any]  # owner, name, value

_states: WeakValueDictionary[tuple[str, ...], ChatState] = WeakValueDictionary()
_agreements: WeakValueDictionary[str, Agreement] = WeakValueDictionary()


class ChatState:
    """One account of a chat service, as one bot uses it."""

    def __init__(self, clock: Clock, log: FilteringBoundLogger, *, home: str = "", name: str = "chat") -> None:
        self.turn = asyncio.Lock()
        self._clock, self._post, self._name = clock, post_of(home), name
        self.outbox = Outbox(clock, log, make=Page, store=self._post.store, name_of=partial(_name, name))
        self.offers = Offers(clock)
        self.cursor: int | None = None  # of what the service tells, where that is for the reader to know
        self.last_s = _LAST_S

    def tellers(
        self, routes: Sequence[ChatRoute], dress: Callable[[Message, str], Sequence[Page]]
    ) -> list[Teller[Place, Page]]:
        """Return who tells each of these chats, with what an earlier run has left for them."""
        self.outbox.open(route.place for route in routes)
        via = f"interface/{self._name.partition('/')[0]}"
        made = [
            Teller(
                _name(self._name, one.place),
                self.outbox,
                one.place,
                one.told_by,
                partial(self._with_answers, one.place, dress),
                self._clock,
                via=via,
            )
            for one in routes
        ]
        self._post.tellers.update(made)
        return made

    def _with_answers(
        self, place: Place, dress: Callable[[Message, str], Sequence[Page]], message: Message, words: str
    ) -> Sequence[Page]:
        """Return the pages of a message; what waits for consent has a yes and a no below it, a verdict its test."""
        pages = dress(message, words)
        answers, given = _answers(message)
        if answers and pages:
            pages[-1].buttons = [
                [Button(label=label, token=self.offers.offer(verb, given, place)) for label, verb in answers]
            ]
        return pages

    def hurry(self) -> None:
        """Leave no more time to finish anything: the bot ends."""
        self.last_s = self.outbox.last_s = _HURRIED_S


def _answers(message: Message) -> tuple[Sequence[tuple[str, str]], dict[str, str]]:
    """Return label and verb of each button below a message, and what they are about."""
    if message.kind == Kind.CONSENT_ASKED:
        return (("Yes, send it", "consent.give"), ("No", "consent.deny")), {"id": message.fields["question"]}
    if message.kind == Kind.VERDICT:
        return (("Show the test", "experiment"),), {"name": message.fields["experiment"]}
    return (), {}


def hurry(platform: str) -> None:
    """Let all chats of a platform end within a moment: for the hook `bot_stopping`."""
    for key, state in list(_states.items()):
        if key[0] == platform:
            state.hurry()


def _name(account: str, place: Place) -> str:
    return "/".join(filter(None, (account, place.chat, place.topic)))


def chat_state(key: tuple[str, str, str], clock: Clock, log: FilteringBoundLogger, *, bot: str = "") -> ChatState:
    """Return what all living instances with this key share: platform, bot folder, account. `bot` names
    the account where that outlives its token: under it lies what waits for the next run."""
    state = _states.get(key)
    if state is None:
        platform, home, account = key
        state = _states[key] = ChatState(clock, log, home=home, name=f"{platform}/{bot or account[:8]}")
    return state


class Agreement:
    """Attributes that a library keeps once per process: who needs others waits until nobody needs these."""

    def __init__(self) -> None:
        self._wanted: tuple[Attribute, ...] = ()
        self._before: tuple[Attribute, ...] = ()
        self._holders = 0
        self._freed = asyncio.Event()

    @asynccontextmanager
    async def hold(self, *wanted: Attribute) -> AsyncIterator[None]:
        """Have these attributes set meanwhile; they are as before once nobody holds them."""
        while self._holders and self._wanted != wanted:
            self._freed.clear()
            await self._freed.wait()
        if not self._holders:
            self._wanted = wanted
            self._before = tuple((owner, name, getattr(owner, name)) for owner, name, _ in wanted)
            _set(wanted)
        self._holders += 1
        try:
            yield
        finally:
            self._holders -= 1
            if not self._holders:
                _set(self._before)
                self._freed.set()


def _set(attributes: Sequence[Attribute]) -> None:
    for owner, name, value in attributes:
        setattr(owner, name, value)


def agreement(name: str) -> Agreement:
    """Return the agreement of that name; keep it as long as it is needed."""
    found = _agreements.get(name)
    if found is None:
        found = _agreements[name] = Agreement()
    return found
