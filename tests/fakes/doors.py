"""A door to no bot: a few verbs of every sort, and records that a test lets happen. It keeps the port's promises."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from loligo.api import (
    Actor,
    Answer,
    BadArguments,
    Candle,
    DecisionDeclined,
    Declined,
    Denied,
    LoligoError,
    NotFound,
    Record,
    Role,
    Verb,
)

START_NS = 1_577_836_800_000_000_000
HOUR_NS = 3_600_000_000_000


class Arguments(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Listing(Arguments):
    desk: str | None = Field(default=None, description="only this desk")
    tags: list[str] = Field(default=[], description="only with these")
    limit: int = Field(default=50, ge=1, le=500, description="rows at most")


class Rows(Answer):
    rows: list[str]
    limit: int


class Target(Arguments):
    target: str = Field(default="*", description="a desk")


class Level(Arguments):
    level: str = Field(default="no-entries", description="how far")


class Done(Answer):
    is_done: bool
    message: str

    def lines(self) -> Sequence[str]:
        return [self.message]


class Problem(Answer):
    """Named as what HTTP calls its errors."""

    problem: str


class FakeDoor:
    """Implements `loligo.api.Door` in memory. `asked` is what was done, with who asked; `name` turns up in answers."""

    def __init__(self, name: str = "trend") -> None:
        self.name = name
        self.asked: list[tuple[Actor, str, dict[str, Any]]] = []
        self.records: list[Record] = []
        self._answers: dict[tuple[str, str, str], Answer] = {}
        self._news = asyncio.Event()
        self.verbs: Mapping[str, Verb] = {verb.name: verb for verb in _verbs()}

    async def ask(self, actor: Actor, verb: str, arguments: Mapping[str, Any], *, key: str = "") -> Answer:
        known = self.verbs.get(verb)
        if known is None:
            raise NotFound(f'there is no verb "{verb}"')
        if actor.role < known.role:
            raise Denied(f"{actor.name} may not use {verb}")
        try:
            given = known.arguments.model_validate(dict(arguments))
        except ValidationError as exc:
            problems = {".".join(map(str, one["loc"])): one["msg"] for one in exc.errors()}
            raise BadArguments(f"{verb}: {problems}", problems) from exc
        if not known.changes:
            return self._read(verb, given)
        before = self._answers.get((actor.name, verb, key)) if key else None
        if before is not None:
            return before
        if verb == "fail":
            raise LoligoError("the engine does not answer")
        self.asked.append((actor, verb, given.model_dump()))
        answer = Done(is_done=True, message=f"{verb} {self.name}")
        self._answers[actor.name, verb, key] = answer
        return answer

    def _read(self, verb: str, given: Any) -> Answer:
        if verb == "crash":
            raise RuntimeError("the password is hunter2")
        return Rows(rows=[self.name, *getattr(given, "tags", ())], limit=getattr(given, "limit", 0))

    def happens(self, count: int = 1) -> None:
        """Let as many candles close, upon each of which a strategy declines; seqs go by twos, from 1."""
        for _ in range(count):
            self.records.append(record(2 * len(self.records) + 1, self.name))
        news, self._news = self._news, asyncio.Event()
        news.set()

    def follow(self, since_seq: int | None = None) -> AsyncIterator[Sequence[Record]]:
        return self._following(len(self.records) if since_seq is None else _place(self.records, since_seq))

    async def _following(self, place: int) -> AsyncIterator[Sequence[Record]]:
        while True:
            news, found = self._news, self.records[place:]
            place += len(found)
            if found:
                yield found
            else:
                await news.wait()


def record(seq: int, desk: str = "trend") -> Record:
    ts = START_NS + seq * HOUR_NS
    candle = Candle("coinbase:BTC/USD", "1h", ts - HOUR_NS, ts, 100.0, 101.0, 99.0, 100.5, 7.0)
    declined = DecisionDeclined(seq + 1, ts, seq, desk, candle.instrument, "strategy", Declined("below_threshold", ()))
    return Record(seq, candle, [declined], "replay")


def _place(records: Sequence[Record], since_seq: int) -> int:
    return next((index for index, one in enumerate(records) if one.seq > since_seq), len(records))


def _verbs() -> list[Verb]:
    def verb(name: str, role: Role, arguments: type[BaseModel], answer: type[Answer], **more: Any) -> Verb:
        return Verb(name=name, summary=f"{name} of the fake", role=role, arguments=arguments, answer=answer, **more)

    return [
        verb("version", Role.VIEW, Arguments, Rows),
        verb("trades.list", Role.VIEW, Listing, Rows),
        verb("crash", Role.VIEW, Arguments, Rows),
        verb("trouble", Role.VIEW, Arguments, Problem),
        verb("secrets", Role.ADMIN, Arguments, Rows),
        verb("pause", Role.TRADE, Target, Done, changes=True),
        verb("fail", Role.TRADE, Target, Done, changes=True),
        verb("panic", Role.TRADE, Level, Done, changes=True, confirm="Pull the kill switch?"),
        verb("close", Role.TRADE, Target, Done, changes=True, confirm="Close it?"),
        verb("tentacle.switch", Role.ADMIN, Target, Done, changes=True),
    ]
