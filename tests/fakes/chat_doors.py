"""A door of a bot in memory, for tests of chats: a catalogue of every shape of verb, and what was asked of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from loligo.api import SECOND_NS, Actor, Answer, Denied, NotFound, Record, Role, Verb
from loligo_testing.clock import ReplayClock


class Nothing(BaseModel):
    model_config = ConfigDict(extra="forbid")


class OfDesk(Nothing):
    desk: str = Field(default="", description="this desk; all without it")
    reason: str = "asked by a person"


class OfDecision(Nothing):
    seq: int


class OfKind(Nothing):
    kind: str = ""


class Panic(Nothing):
    level: Literal["entries", "orders", "everything"] = "entries"


class Why(Nothing):
    why: str = ""


class Switch(Why):
    name: str
    on: bool


class OfQuestion(Nothing):
    id: str


class OfTentacle(Nothing):
    name: str


class Settings(Nothing):
    name: str
    values: dict[str, Any] = {}


class Flatten(Nothing):
    desks: list[str]


class Text(Answer):
    text: Sequence[str]

    def lines(self) -> Sequence[str]:
        return self.text


class Picture(BaseModel):
    media_type: str = "image/png"
    base64: str


class Pictured(Text):
    picture: Picture


class Undo(BaseModel):
    verb: str
    arguments: dict[str, Any]


class Switched(Text):
    undo: Undo


class TentacleRow(BaseModel):
    kind: str = "evaluator"
    name: str
    is_on: bool


class Tentacles(Answer):
    tentacles: list[TentacleRow]

    def lines(self) -> Sequence[str]:
        return [f"{row.name} is {'on' if row.is_on else 'off'}" for row in self.tentacles]


def verb(name: str, role: Role, arguments: type[BaseModel], *, changes: bool = False, confirm: str = "") -> Verb:
    answer = Tentacles if name == "tentacle.list" else Text
    summary = f"what {name} does"
    return Verb(
        name=name, summary=summary, role=role, arguments=arguments, answer=answer, changes=changes, confirm=confirm
    )


# The smallest PNG there is: one transparent point.
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
CATALOGUE = (
    verb("status", Role.VIEW, Nothing),
    verb("logs", Role.VIEW, Nothing),
    verb("why", Role.VIEW, OfDecision),
    verb("why_nothing", Role.VIEW, Nothing),
    verb("chart", Role.VIEW, OfDesk),
    verb("pause", Role.TRADE, OfDesk, changes=True),
    verb("resume", Role.TRADE, OfDesk, changes=True),
    verb("panic", Role.TRADE, Panic, changes=True, confirm="Really stop?"),
    verb("flatten", Role.TRADE, Flatten, changes=True, confirm="Really close all?"),
    verb("consent.give", Role.TRADE, OfQuestion, changes=True),
    verb("consent.deny", Role.TRADE, OfQuestion, changes=True),
    verb("tentacle.list", Role.VIEW, OfKind),
    verb("tentacle.switch", Role.ADMIN, Switch, changes=True),
    verb("tentacle.settings", Role.ADMIN, Settings, changes=True),
    verb("tentacle.info", Role.VIEW, OfTentacle),
    verb("tentacle.rollback", Role.ADMIN, OfTentacle, changes=True),
)


class ChatDoor:
    """Answers "done" and the arguments; remembers who asked what, once per key."""

    def __init__(self) -> None:
        self.verbs: Mapping[str, Verb] = {each.name: each for each in CATALOGUE}
        self.asked: list[tuple[str, str, dict[str, Any]]] = []
        self.tentacles = {"rsi": True, "macd": False}
        self.answers: dict[str, list[str]] = {}  # instead, by verb
        self.failure: Exception | None = None
        self.held: dict[str, asyncio.Event] = {}  # verbs that answer once this is set
        self._known: dict[tuple[str, str, str], Answer] = {}

    async def ask(self, actor: Actor, verb: str, arguments: Mapping[str, Any], *, key: str = "") -> Answer:
        wanted = self.verbs.get(verb)
        if wanted is None:
            raise NotFound(f"no verb {verb}")
        if actor.role < wanted.role:
            raise Denied(f"{actor.name} may not {verb}")
        given = wanted.arguments.model_validate(dict(arguments)).model_dump()
        if key and (actor.name, verb, key) in self._known:
            return self._known[actor.name, verb, key]
        if verb in self.held:
            await self.held[verb].wait()
        if self.failure is not None:
            raise self.failure
        self.asked.append((actor.name, verb, given))
        self._known[actor.name, verb, key] = answer = self._answer(verb, given)
        return answer

    def _answer(self, verb: str, given: dict[str, Any]) -> Answer:
        if verb == "tentacle.switch":
            self.tentacles[given["name"]] = given["on"]
            back = Undo(verb=verb, arguments={"name": given["name"], "on": not given["on"]})
            return Switched(text=[f"{given['name']} is {'on' if given['on'] else 'off'} now"], undo=back)
        if verb == "chart":
            return Pictured(text=self.answers.get(verb, ["up"]), picture=Picture(base64=PNG))
        if verb == "tentacle.list":
            return Tentacles(tentacles=[TentacleRow(name=name, is_on=on) for name, on in self.tentacles.items()])
        told = ", ".join(f"{name}={value}" for name, value in given.items())
        return Text(text=self.answers.get(verb, [f"{verb} done {told}".rstrip()]))

    def follow(self, since_seq: int | None = None) -> AsyncIterator[Sequence[Record]]:
        raise NotFound("chats do not follow records")

    @property
    def changes(self) -> list[tuple[str, str, dict[str, Any]]]:
        """What was asked that changes something."""
        return [each for each in self.asked if self.verbs[each[1]].changes]


class HurryingClock(ReplayClock):
    """A clock that shows at once what somebody waits for; `waits` are the seconds waited for in all."""

    def __init__(self, start_ns: int = 1_700_000_000 * SECOND_NS) -> None:
        super().__init__(start_ns)
        self.waits: list[float] = []

    async def sleep_until(self, ts_ns: int) -> None:
        self.waits.append((ts_ns - self.now_ns()) / SECOND_NS)
        self.advance_to(max(self.now_ns(), ts_ns))
        await asyncio.sleep(0)
