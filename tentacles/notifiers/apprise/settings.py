"""Settings of what is told by apprise: an address per destination, each with its rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from loligo.api.notify import CourierSettings, Rule, Secret

STAND_IN = ".vault.invalid"  # ends what is read in the place of an address that lies in the vault, while that is locked


class Destination(BaseModel):
    """One address that is told."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[\w.-]{1,40}$", description="By which its outbox is known.")
    url: Secret = Field(description="As apprise writes it, such as mailto://user:password@example.org.")
    rules: tuple[Rule, ...] = Field(
        default=(),
        description="The first that fits a message says whether and how it is told; none at all: everything.",
    )

    @property
    def outbox(self) -> str:
        return f"apprise/{self.name}"

    @field_validator("url")
    @classmethod
    def _is_known(cls, url: SecretStr) -> SecretStr:
        import apprise

        address = url.get_secret_value()
        if not address.endswith(STAND_IN) and apprise.Apprise.instantiate(address) is None:
            kind = address.partition("://")[0]
            raise ValueError(f"apprise cannot read this {kind}:// address; see the list in its wiki")
        return url


class Settings(CourierSettings):
    """Who is told by e-mail, push or any other service that apprise knows."""

    destinations: tuple[Destination, ...] = Field(default=(), description="Addresses, each with its rules.")
    waiting: int = Field(default=1000, ge=10, le=100_000, description="Messages of one address that wait at most.")

    def outboxes(self) -> Mapping[str, tuple[str | int, ...]]:
        return {one.outbox: ("destinations", place, "name") for place, one in enumerate(self.destinations)}

    @model_validator(mode="after")
    def _are_told_apart(self) -> Self:
        names = [one.name for one in self.destinations]
        if len(set(names)) < len(names):
            raise ValueError(f"two of the destinations {', '.join(names)} have one name: give each a name of its own")
        return self
