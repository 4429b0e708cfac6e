"""From a request to its reply: who may, what is meant, is it sure, what does the bot say.

What must hold: nothing is asked of the bot for a stranger; what a verb wants confirmed is done only after a yes of the
same person in the same chat, once; every failure that the bot explains is a reply. The platform sends the replies.
"""

from __future__ import annotations

import asyncio
from base64 import b64decode
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from pydantic import BaseModel
from structlog.typing import FilteringBoundLogger

from loligo.api import Actor, Answer, BadArguments, Clock, Door, LoligoError, Role, Verb
from loligo_chat.access import Access, Person, Place, RateLimit
from loligo_chat.cards import wishes_of
from loligo_chat.commands import Commands, arguments_from_menu, arguments_of, check, command_name, help_lines
from loligo_chat.offers import Expired, Offer, Offers
from loligo_chat.replies import Button, Reply, problem
from loligo_chat.settings import ChatSettings

_LIST, _SWITCH, _APPLY, _ROLLBACK = "tentacle.list", "tentacle.switch", "tentacle.apply", "tentacle.rollback"
_ASK_S = 600.0  # for the bot to answer
_MOST_TOGGLES = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Pressed:
    """What follows from a button: a short notice, what its message becomes, and what is said beside it."""

    notice: str = ""
    edit: Reply | None = None
    reply: Reply | None = None


class Responder:
    """Answers what people of one platform ask of one bot."""

    def __init__(
        self, door: Door, platform: str, settings: ChatSettings, offers: Offers, clock: Clock, log: FilteringBoundLogger
    ) -> None:
        self.commands = Commands(door.verbs)
        self._door, self._platform, self._log = door, platform, log
        self._confirm_s, self._offers = settings.confirm_s, offers
        self._access, self._rate = Access(settings.roles, clock), RateLimit(settings.requests_per_minute, clock)

    async def heard(self, person: Person, place: Place, text: str, key: str) -> Reply | None:
        """Answer a text; None for strangers, and for what is no command. `key` is the same when it is heard again."""
        if not text.startswith(("/", "!")):
            return None

        async def answer(role: Role) -> Reply | None:
            command = self.commands.parse(text)
            if command is None:
                return None
            if command.verb is None:
                return Reply(title="Help", lines=help_lines(self.commands, role, command.topic))
            return await self._ask_first(person, role, place, command.verb, command.arguments, key)

        return await self._admitted(person, place, answer)

    async def called(
        self, person: Person, place: Place, name: str, arguments: Mapping[str, Any], key: str
    ) -> Reply | None:
        """Answer a command that came in parts, as the platform's own command menus send it."""

        async def answer(role: Role) -> Reply | None:
            if name == "help":
                return Reply(title="Help", lines=help_lines(self.commands, role, str(arguments.get("command", ""))))
            verb = self.commands.find(name)
            return await self._ask_first(person, role, place, verb, arguments_from_menu(verb, arguments), key)

        return await self._admitted(person, place, answer)

    async def pressed(self, person: Person, place: Place, token: str) -> Pressed | None:
        """Do what a button stands for; None for strangers."""
        role = self._role(person, place)
        if role is None:
            return None
        if wait_s := self._rate.wait_s(person):
            return Pressed(notice=f"Too many requests: try again in {wait_s:.0f} s.")
        try:
            offer = self._offers.take(token, place, person)
        except Expired as exc:
            return Pressed(notice=str(exc))
        verb = self._door.verbs[offer.verb]
        if offer.is_question:
            if not offer.is_yes:
                return Pressed(
                    notice="Left as it is.", edit=Reply(title=f"Not done: {_written(verb, offer.arguments)}")
                )
            done = await self._said(self._ask(person, role, place, verb, offer.arguments, token))
            return Pressed(edit=Reply(title=f"Confirmed: {_written(verb, offer.arguments)}"), reply=done)
        if verb.name == _SWITCH:
            return await self._toggled(person, role, place, verb, offer)
        return Pressed(reply=await self._said(self._ask_first(person, role, place, verb, offer.arguments, "")))

    def knows(self, person: Person, place: Place) -> bool:
        """Say whether they may ask at all; a stranger is logged."""
        return self._role(person, place) is not None

    # Steps

    def _role(self, person: Person, place: Place) -> Role | None:
        role = self._access.role_of(person, place)
        if role is None and self._access.is_news(person):
            self._log.warning(
                "a stranger asked and got no answer; to allow them put the id into `allowed`",
                person=person.id,
                name=person.name,
                chat=place.chat,
            )
        return role

    async def _admitted(
        self, person: Person, place: Place, answer: Callable[[Role], Awaitable[Reply | None]]
    ) -> Reply | None:
        role = self._role(person, place)
        if role is None:
            return None
        if wait_s := self._rate.wait_s(person):
            if not self._rate.is_first_refusal(person):
                return None
            return problem(f"Too many requests: try again in {wait_s:.0f} s.")
        return await self._said(answer(role))

    async def _said(self, answer: Awaitable[Reply | None]) -> Reply | None:
        """Return the answer, or the reason why there is none."""
        try:
            async with asyncio.timeout(_ASK_S):
                return await answer
        except BadArguments as exc:
            return problem(str(exc), [f"{path}: {told}" if path else told for path, told in exc.problems.items()])
        except TimeoutError:
            return problem(f"The bot has not answered within {_ASK_S:g} s.")
        except LoligoError as exc:
            return problem(str(exc))
        except Exception as exc:  # whoever asked must not wait for an answer that never comes
            self._log.error("a request of a chat failed", error=f"{type(exc).__name__}: {exc}")
            return problem("This has failed inside the bot; its log says how.")

    async def _ask_first(
        self, person: Person, role: Role, place: Place, verb: Verb, arguments: Mapping[str, Any], key: str
    ) -> Reply:
        """Ask the bot, or first the person where the verb wants that."""
        if role < verb.role:
            return problem(
                f"/{command_name(verb)} is for the role {verb.role.name.lower()}, yours is {role.name.lower()}."
            )
        check(verb, arguments)
        if not verb.confirm:
            return await self._ask(person, role, place, verb, arguments, key)
        yes, no = self._offers.ask(verb.name, arguments, place, person, self._confirm_s)
        told = f"{_written(verb, arguments)} (answer within {self._confirm_s:g} s)"
        buttons = [[Button(label="Yes, do it", token=yes), Button(label="No", token=no)]]
        return Reply(title=verb.confirm, lines=[told], buttons=buttons, level="warning")

    async def _ask(
        self, person: Person, role: Role, place: Place, verb: Verb, arguments: Mapping[str, Any], key: str
    ) -> Reply:
        answer = await self._door.ask(
            Actor(name=f"{self._platform}:{person.id}", role=role),
            verb.name,
            arguments,
            key=f"{self._platform}:{key}" if verb.changes and key else "",
        )
        return Reply(
            title=verb.name.replace(".", " ").replace("_", " ").capitalize(),
            lines=list(answer.lines()),
            buttons=self._buttons(verb, arguments, answer, place, role),
            picture=_picture(answer),
        )

    async def _toggled(self, person: Person, role: Role, place: Place, verb: Verb, offer: Offer) -> Pressed:
        """Switch a tentacle and show the same list as it is then."""
        done = await self._said(self._ask_first(person, role, place, verb, offer.arguments, ""))
        if done is None or done.level != "info" or _LIST not in self._door.verbs:
            return Pressed(reply=done)
        listed = await self._said(self._ask(person, role, place, self._door.verbs[_LIST], offer.on_list, ""))
        return Pressed(notice=" ".join(done.lines)[:190], edit=listed)

    def _buttons(
        self, verb: Verb, arguments: Mapping[str, Any], answer: Answer, place: Place, role: Role
    ) -> list[list[Button]]:
        if verb.name == _LIST:
            return [
                *self._toggles(arguments, answer, place, role),
                *self._button(_APPLY, [], "Take up changes", place, role),
            ]
        undo = getattr(answer, "undo", None)
        if undo is not None and undo.verb in self._door.verbs and role >= self._door.verbs[undo.verb].role:
            return [[Button(label="Undo", token=self._offers.offer(undo.verb, undo.arguments, place))]]
        if verb.name in ("tentacle.info", "tentacle.history"):
            name = str(arguments.get("name") or "")
            return self._button(_ROLLBACK, [name], f"Roll back {name}", place, role) if name else []
        made = (self._button(one.verb, one.words, one.label, place, role) for one in wishes_of(verb.name, answer))
        return list(chain.from_iterable(made))

    def _toggles(self, arguments: Mapping[str, Any], answer: Answer, place: Place, role: Role) -> list[list[Button]]:
        rows = list(_switches(answer))[:_MOST_TOGGLES]
        made: list[Button] = []
        for name, is_on in rows:
            label = f"{'● on' if is_on else '○ off'}  {name}"
            words = [name, "off" if is_on else "on"]
            made += chain.from_iterable(self._button(_SWITCH, words, label, place, role, arguments))
        return [made[at : at + 2] for at in range(0, len(made), 2)]

    def _button(
        self,
        name: str,
        words: Sequence[str],
        label: str,
        place: Place,
        role: Role,
        on_list: Mapping[str, Any] | None = None,
    ) -> list[list[Button]]:
        """Return a row with one button, none where there is no such verb or it is not for this role."""
        verb = self._door.verbs.get(name)
        if verb is None or role < verb.role:
            return []
        try:
            arguments = arguments_of(verb, words)
            check(verb, arguments)
        except BadArguments as exc:
            self._log.warning("a verb does not take what its button gives", verb=name, error=str(exc))
            return []
        return [[Button(label=label, token=self._offers.offer(name, arguments, place, on_list))]]


def _picture(answer: Answer) -> bytes:
    """Return the PNG of an answer that holds one."""
    found = getattr(answer, "picture", None)
    return b64decode(found.base64) if found is not None else b""


def _switches(answer: Answer) -> Iterator[tuple[str, bool]]:
    """Yield name and whether it is on, of every row that says so; with its kind where others share the name."""
    rows = [dict(row) for _, value in answer if isinstance(value, list | tuple) for row in value if _is_row(row)]
    names = [row["name"] for row in rows]
    for row in rows:
        is_on = row.get("is_on")
        if isinstance(is_on, bool):
            name = str(row["name"])
            yield f"{row['kind']}/{name}" if names.count(name) > 1 and "kind" in row else name, is_on


def _is_row(value: Any) -> bool:
    return isinstance(value, BaseModel) and "name" in type(value).model_fields


def _written(verb: Verb, arguments: Mapping[str, Any]) -> str:
    return " ".join([f"/{command_name(verb)}", *(f"{name}={value}" for name, value in arguments.items())])
