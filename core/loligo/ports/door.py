"""The door: what people and programs outside may ask of a running bot, the same for page, API, chat and command line.

A catalogue of verbs. Each has a name ("tentacle.switch"), a role that may use it, a model of its arguments and one of
its answer; the bot implements `Door` and hands it to interfaces. Whoever stands at a door says for whom they ask: the
door checks the role, and what changes something is in the journal with that name.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict

from loligo.model.events import Record


class Role(IntEnum):
    """What somebody may do; each includes the lower ones."""

    VIEW = 1  # read everything but secrets
    TRADE = 2  # stop, pause, cancel, close
    ADMIN = 3  # exchange tentacles, change settings and access


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who asks: "web:anna", "telegram:4711", "cli:root"."""

    name: str
    role: Role


class Answer(BaseModel):
    """Base of every answer: data for programs, `lines` for people."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    def lines(self) -> Sequence[str]:
        """Return it as a person reads it in a chat, plain text, the most important first."""
        return [f"{name}: {value}" for name, value in self]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """One thing that can be asked. `changes` says whether anything is different afterwards; `confirm` is what a person
    is asked before it is done, "" where nothing need be."""

    name: str
    summary: str
    role: Role
    arguments: type[BaseModel]
    answer: type[Answer]
    changes: bool = False
    confirm: str = ""


class Door(Protocol):
    """The way to a running bot; on its event loop."""

    verbs: Mapping[str, Verb]

    async def ask(self, actor: Actor, verb: str, arguments: Mapping[str, Any], *, key: str = "") -> Answer:
        """Return the verb's answer. With a `key` a change happens once: the same actor, verb and key get the first
        answer again.

        NotFound for an unknown verb or thing, Denied when the role does not suffice, BadArguments, or what the bot
        says.
        """
        ...

    def follow(self, since_seq: int | None = None) -> AsyncIterator[Sequence[Record]]:
        """Yield durable records in order, from the first with a seq above `since_seq` on; None begins now.

        Whoever is slow falls behind and holds nobody up. JournalError when retention has cut `since_seq`.
        """
        ...
