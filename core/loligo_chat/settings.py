"""Settings that every chat has: who may ask, and which chats are told what."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from loligo.api import ConfigError, Message, Role
from loligo.api.notify import CourierSettings, Level, Rule, Secret, rule_for
from loligo_chat.access import Place

__all__ = ["ChatRoute", "ChatSettings", "Secret", "secret_from", "secret_if_given"]


class ChatRoute(BaseModel):
    """A chat that is told what happens."""

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)

    chat: str = Field(description="Id of the chat or channel.")
    topic: str = Field(default="", description="Id of the topic or thread in it.")
    level: Level = Field(default="info", description="What is less important is not told here.")
    desks: tuple[str, ...] = Field(default=(), description="Only of these desks, and what belongs to none; empty: all.")
    rules: tuple[Rule, ...] = Field(
        default=(), description="Finer: the first that fits a message says whether and how it is told; none fits: not."
    )

    @property
    def place(self) -> Place:
        return Place(chat=self.chat, topic=self.topic)

    @property
    def told_by(self) -> tuple[Rule, ...]:
        """Return the rules, or the one that level and desks make."""
        return self.rules or (Rule(level=self.level, desks=self.desks),)

    @model_validator(mode="after")
    def _is_said_once(self) -> Self:
        if self.rules and (self.level != "info" or self.desks):
            raise ValueError("level and desks stand beside rules: say them in each of the rules")
        return self

    def wants(self, message: Message) -> bool:
        return rule_for(self.told_by, message) is not None


class ChatSettings(CourierSettings):
    """Base of the settings of a chat interface."""

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)

    allowed: dict[str, Literal["view", "trade", "admin"]] = Field(
        default={}, description="Role by id of a person, a chat (all in it) or a group; empty: nobody may ask."
    )
    chats: tuple[ChatRoute, ...] = Field(default=(), description="Chats that are told what happens.")
    confirm_s: float = Field(default=60.0, gt=0, le=3600, description="Seconds in which a question can be answered.")
    requests_per_minute: int = Field(default=30, ge=1, le=1000, description="So often one person may ask.")
    waiting: int = Field(default=1000, ge=10, le=100_000, description="Messages of one chat that wait at most.")

    @field_validator("chats")
    @classmethod
    def _are_told_once(cls, chats: tuple[ChatRoute, ...]) -> tuple[ChatRoute, ...]:
        firsts: dict[Place, int] = {}
        for number, one in enumerate(chats):
            first = firsts.setdefault(one.place, number)
            if first != number:
                topic = f" with the topic {one.topic}" if one.topic else ""
                said = f"chats.{first} and chats.{number} are the chat {one.chat}{topic}: expected each once"
                raise ValueError(f"{said}; put the rules of both under one of them")
        return chats

    def account(self) -> str:
        """Return what its chats are told by, such as the token of a bot; "" while there is none."""
        return ""

    def outboxes(self) -> Mapping[str, tuple[str | int, ...]]:
        digest = hashlib.sha256(self.account().encode()).hexdigest()
        routes = enumerate(self.chats if self.account() else ())
        return {f"{digest}/{one.topic}/{one.chat}": ("chats", number, "chat") for number, one in routes}

    @property
    def roles(self) -> Mapping[str, Role]:
        return {id_: Role[name.upper()] for id_, name in self.allowed.items()}


def secret_from(secret: SecretStr | None, variable: str, environment: Mapping[str, str], what: str) -> str:
    """Return a secret from the settings, else from the environment variable; ConfigError says how to give it."""
    found = secret_if_given(secret, variable, environment)
    if not found:
        where = f" or in the environment variable {variable}" if variable else ""
        raise ConfigError(f"there is no {what}; give it as the setting `token`{where}")
    return found


def secret_if_given(secret: SecretStr | None, variable: str, environment: Mapping[str, str]) -> str:
    """Return a secret from the settings, else from the environment variable; "" where it is in neither."""
    found = secret.get_secret_value() if secret is not None else environment.get(variable, "") if variable else ""
    return found.strip()
